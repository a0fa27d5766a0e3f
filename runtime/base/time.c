#include "runtime/base/time.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define SECOND_NS  1000000000LL
#define DAY_SECOND 86400LL

struct clock_text {
	int     year, month, day, hour, minute, second;
	int64_t fraction_ns;
	int     offset_minutes; /* local time minus UTC */
};

/* The days since 1970-01-01 of a date of the Gregorian calendar, and back.  Years
 * are counted from March, so that the leap day is the last of its year: then the
 * days before a month are a straight line, (153 m + 2) / 5. */
static int64_t days_of_date(int year, int month, int day)
{
	int64_t y       = month <= 2 ? year - 1 : year;
	int64_t m       = month <= 2 ? month + 9 : month - 3;
	int64_t era     = y / 400;
	int64_t of_era  = y - era * 400;
	int64_t of_year = (153 * m + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z       = days + 719468; /* from 0000-03-01 */
	int64_t era     = z / 146097;
	int64_t of_era  = z - era * 146097;
	int64_t years   = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
	int64_t m       = (5 * of_year + 2) / 153;

	*day   = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year  = (int)(years + era * 400 + (*month <= 2));
}

static int days_in_month(int year, int month)
{
	static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool                 leap     = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* `text` is matched against `form`, where '0' stands for a digit, 'T' and 'Z' for
 * either case and anything else for itself. */
static bool matches(const char *text, const char *form)
{
	for (; *form != '\0'; text++, form++) {
		bool digit  = *form == '0' && *text >= '0' && *text <= '9';
		bool letter = *form == 'T' && *text == 't';

		if (!digit && !letter && (*form == '0' || *text != *form))
			return false;
	}
	return true;
}

static int digits(const char *text, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++)
		value = 10 * value + (text[i] - '0');
	return value;
}

/* RFC 3339 section 5.6, time-secfrac.  Returns the bytes it takes, 0 when there
 * is none; a point without 1 to 9 digits is left for the caller to stumble on. */
static size_t read_fraction(const char *text, size_t n, int64_t *out_ns)
{
	int64_t value = 0;
	size_t  at    = 1;

	if (n == 0 || text[0] != '.')
		return 0;
	for (; at < n && at <= 9 && text[at] >= '0' && text[at] <= '9'; at++)
		value = 10 * value + (text[at] - '0');
	if (at == 1)
		return 0;
	for (size_t i = at; i <= 9; i++)
		value *= 10;
	*out_ns = value;
	return at;
}

/* RFC 3339 section 5.6, time-offset; -00:00 is UTC (section 4.3). */
static bool read_offset(const char *text, size_t n, int *minutes)
{
	if (n == 1 && (text[0] == 'Z' || text[0] == 'z')) {
		*minutes = 0;
		return true;
	}
	if (n != 6 || (!matches(text, "+00:00") && !matches(text, "-00:00")))
		return false;
	int hour   = digits(text + 1, 2);
	int minute = digits(text + 4, 2);

	*minutes = (60 * hour + minute) * (text[0] == '-' ? -1 : 1);
	return hour <= 23 && minute <= 59;
}

static bool read_text(const char *text, size_t n, struct clock_text *out)
{
	if (n < sizeof("YYYY-MM-DDTHH:MM:SSZ") - 1 || !matches(text, "0000-00-00T00:00:00"))
		return false;
	*out      = (struct clock_text){ .year   = digits(text, 4),
					 .month  = digits(text + 5, 2),
					 .day    = digits(text + 8, 2),
					 .hour   = digits(text + 11, 2),
					 .minute = digits(text + 14, 2),
					 .second = digits(text + 17, 2) };
	size_t at = 19 + read_fraction(text + 19, n - 19, &out->fraction_ns);

	if (!read_offset(text + at, n - at, &out->offset_minutes))
		return false;
	return out->month >= 1 && out->month <= 12 && out->day >= 1 &&
	       out->day <= days_in_month(out->year, out->month) && out->hour <= 23 &&
	       out->minute <= 59 && out->second <= 60;
}

/* `second` is that before the leap second, in UTC. */
static bool may_leap_after(int64_t second)
{
	int year, month, day;

	if (second < 0 || second % DAY_SECOND != DAY_SECOND - 1)
		return false;
	date_of_days(second / DAY_SECOND, &year, &month, &day);
	return day == days_in_month(year, month);
}

enum time_fault time_parse(const char *text, size_t size_bytes, int64_t *out_ns)
{
	struct clock_text t;

	if (!read_text(text, size_bytes, &t))
		return TIME_FORM;
	bool    leap   = t.second == 60;
	int64_t second = days_of_date(t.year, t.month, t.day) * DAY_SECOND + 3600LL * t.hour +
			 60LL * t.minute + (leap ? 59 : t.second) - 60LL * t.offset_minutes;

	if (leap && second >= 0 && !may_leap_after(second))
		return TIME_FORM;
	if (leap)
		t.fraction_ns = SECOND_NS - 1;
	if (second < 0 || __builtin_mul_overflow(second, SECOND_NS, out_ns) ||
	    __builtin_add_overflow(*out_ns, t.fraction_ns, out_ns))
		return TIME_RANGE;
	return TIME_OK;
}

static void put_digits(char *out, int64_t value, size_t n)
{
	for (size_t i = n; i-- > 0; value /= 10)
		out[i] = (char)('0' + value % 10);
}

size_t time_print(int64_t time_ns, char out[TIME_TEXT_BYTES_MAX])
{
	int year, month, day;

	assert(time_ns >= 0);
	int64_t second   = time_ns / SECOND_NS;
	int64_t fraction = time_ns % SECOND_NS;
	size_t  n        = 19;

	date_of_days(second / DAY_SECOND, &year, &month, &day);
	memcpy(out, "0000-00-00T00:00:00", 19);
	put_digits(out, year, 4);
	put_digits(out + 5, month, 2);
	put_digits(out + 8, day, 2);
	put_digits(out + 11, second % DAY_SECOND / 3600, 2);
	put_digits(out + 14, second % 3600 / 60, 2);
	put_digits(out + 17, second % 60, 2);
	if (fraction != 0) {
		out[19] = '.';
		put_digits(out + 20, fraction, 9);
		for (n = 29; out[n - 1] == '0'; n--)
			;
	}
	out[n]     = 'Z';
	out[n + 1] = '\0';
	return n + 1;
}
