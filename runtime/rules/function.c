#include "runtime/rules/function.h"

#include <math.h>

#include "runtime/base/time.h"

#define MINUTE_NS (60 * INT64_C(1000000000))
#define HOUR_NS   (60 * MINUTE_NS)
#define DAY_NS    (24 * HOUR_NS)

/* ---- texts */

static struct value do_lower(const struct value *v, uint8_t type)
{
	struct value out = v[0];

	(void)type;
	out.fold = FOLD_LOWER;
	return out;
}

static struct value do_upper(const struct value *v, uint8_t type)
{
	struct value out = v[0];

	(void)type;
	out.fold = FOLD_UPPER;
	return out;
}

static bool continues(struct value text, uint32_t at)
{
	return ((uint8_t)text.text[at] & 0xc0) == 0x80;
}

static struct value do_length(const struct value *v, uint8_t type)
{
	uint32_t characters = 0;

	(void)type;
	for (uint32_t i = 0; i < v[0].size_bytes; i++)
		characters += !continues(v[0], i);
	return value_number(characters);
}

static struct value slice(struct value text, uint32_t from, uint32_t to)
{
	text.text += from;
	text.size_bytes = to - from;
	return text;
}

/* How many characters are meant; a missing or negative number means none. */
static uint32_t characters_of(double number)
{
	return number >= 1
		       ? (number < RULES_VALUE_BYTES_MAX ? (uint32_t)number : RULES_VALUE_BYTES_MAX)
		       : 0;
}

static struct value do_first(const struct value *v, uint8_t type)
{
	uint32_t left = characters_of(v[1].number), at = 0;

	(void)type;
	for (; at < v[0].size_bytes && (left > 0 || (at > 0 && continues(v[0], at))); at++)
		left -= !continues(v[0], at);
	return slice(v[0], 0, at);
}

static struct value do_last(const struct value *v, uint8_t type)
{
	uint32_t left = characters_of(v[1].number), at = v[0].size_bytes;

	(void)type;
	for (; at > 0 && left > 0; left--)
		for (at--; at > 0 && continues(v[0], at);)
			at--;
	return slice(v[0], at, v[0].size_bytes);
}

static bool same_at(struct value text, uint32_t at, struct value piece)
{
	return value_order(slice(text, at, at + piece.size_bytes), piece) == 0;
}

static struct value do_starts_with(const struct value *v, uint8_t type)
{
	(void)type;
	return value_boolean(v[1].size_bytes <= v[0].size_bytes && same_at(v[0], 0, v[1]));
}

static struct value do_ends_with(const struct value *v, uint8_t type)
{
	(void)type;
	return value_boolean(v[1].size_bytes <= v[0].size_bytes &&
			     same_at(v[0], v[0].size_bytes - v[1].size_bytes, v[1]));
}

static struct value do_contains(const struct value *v, uint8_t type)
{
	(void)type;
	for (uint32_t at = 0; at + v[1].size_bytes <= v[0].size_bytes; at++)
		if (same_at(v[0], at, v[1]))
			return value_boolean(true);
	return value_boolean(false);
}

static uint32_t next_character(struct value text, uint32_t at)
{
	for (at++; at < text.size_bytes && continues(text, at);)
		at++;
	return at;
}

/* `*` stands for any characters, `?` for one.  When a match fails, the last `*` takes
 * one byte more and it goes on from there: at most text times pattern steps. */
static struct value do_matches(const struct value *v, uint8_t type)
{
	struct value text = v[0], pattern = v[1];
	uint32_t     t = 0, p = 0, star = UINT32_MAX, star_text = 0;

	(void)type;
	while (t < text.size_bytes) {
		uint8_t sign = p < pattern.size_bytes ? value_byte(pattern, p) : 0;

		if (sign == '*') {
			star      = p++;
			star_text = t;
		} else if (sign == '?') {
			t = next_character(text, t);
			p++;
		} else if (sign != 0 && sign == value_byte(text, t)) {
			t++;
			p++;
		} else if (star != UINT32_MAX) {
			t = star_text = next_character(text, star_text);
			p             = star + 1;
		} else {
			return value_boolean(false);
		}
	}
	while (p < pattern.size_bytes && value_byte(pattern, p) == '*')
		p++;
	return value_boolean(p == pattern.size_bytes);
}

/* 1 to 15 digits; anything else is missing. */
static struct value do_number(const struct value *v, uint8_t type)
{
	int64_t number = 0;

	(void)type;
	if (v[0].size_bytes < 1 || v[0].size_bytes > 15)
		return value_missing();
	for (uint32_t i = 0; i < v[0].size_bytes; i++) {
		if (v[0].text[i] < '0' || v[0].text[i] > '9')
			return value_missing();
		number = 10 * number + (v[0].text[i] - '0');
	}
	return value_number((double)number);
}

/* ---- numbers; a missing one makes the result missing */

static struct value do_abs(const struct value *v, uint8_t type)
{
	(void)type;
	return value_number(fabs(v[0].number));
}

static struct value do_floor(const struct value *v, uint8_t type)
{
	(void)type;
	return value_number(floor(v[0].number));
}

static struct value do_ceil(const struct value *v, uint8_t type)
{
	(void)type;
	return value_number(ceil(v[0].number));
}

/* Halves go away from zero. */
static struct value do_round(const struct value *v, uint8_t type)
{
	(void)type;
	return value_number(round(v[0].number));
}

static struct value do_min(const struct value *v, uint8_t type)
{
	(void)type;
	if (value_is_missing(v[0]) || value_is_missing(v[1]))
		return value_missing();
	return v[1].number < v[0].number ? v[1] : v[0];
}

static struct value do_max(const struct value *v, uint8_t type)
{
	(void)type;
	if (value_is_missing(v[0]) || value_is_missing(v[1]))
		return value_missing();
	return v[1].number > v[0].number ? v[1] : v[0];
}

/* ---- what may be missing */

static bool is_absent(struct value value, uint8_t type)
{
	return type == TYPE_TEXT ? value.size_bytes == 0 : value_is_missing(value);
}

static struct value do_missing(const struct value *v, uint8_t type)
{
	return value_boolean(is_absent(v[0], type));
}

static struct value do_default(const struct value *v, uint8_t type)
{
	return is_absent(v[0], type) ? v[1] : v[0];
}

/* ---- times, UTC */

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The parts of a day of times before 1970 too. */
static int64_t of_day(int64_t time_ns)
{
	return time_ns - floor_divide(time_ns, DAY_NS) * DAY_NS;
}

static struct value do_hour(const struct value *v, uint8_t type)
{
	int64_t hour = of_day(v[0].time_ns) / HOUR_NS;

	(void)type;
	return value_number((double)hour);
}

static struct value do_minute(const struct value *v, uint8_t type)
{
	int64_t minute = of_day(v[0].time_ns) % HOUR_NS / MINUTE_NS;

	(void)type;
	return value_number((double)minute);
}

/* 0 Monday to 6 Sunday; 1970-01-01 was a Thursday. */
static struct value do_weekday(const struct value *v, uint8_t type)
{
	int64_t days = floor_divide(v[0].time_ns, DAY_NS) + 3;

	(void)type;
	return value_number((double)(days - 7 * floor_divide(days, 7)));
}

/* A number in the printed date: its place and length; before 1970 it is missing. */
static struct value of_date(int64_t time_ns, size_t at, size_t digits)
{
	char   text[TIME_TEXT_BYTES_MAX];
	double number = 0;

	if (time_ns < 0)
		return value_missing();
	time_print(time_ns, text);
	for (size_t i = at; i < at + digits; i++)
		number = 10 * number + (text[i] - '0');
	return value_number(number);
}

static struct value do_day(const struct value *v, uint8_t type)
{
	(void)type;
	return of_date(v[0].time_ns, 8, 2);
}

static struct value do_month(const struct value *v, uint8_t type)
{
	(void)type;
	return of_date(v[0].time_ns, 5, 2);
}

static struct value do_year(const struct value *v, uint8_t type)
{
	(void)type;
	return of_date(v[0].time_ns, 0, 4);
}

/* From the first to the second, negative when the second is earlier. */
static struct value between(const struct value *v, int64_t unit_ns)
{
	int64_t difference_ns;

	if (__builtin_sub_overflow(v[1].time_ns, v[0].time_ns, &difference_ns))
		return value_missing();
	return value_number((double)difference_ns / (double)unit_ns);
}

static struct value do_seconds_between(const struct value *v, uint8_t type)
{
	(void)type;
	return between(v, MINUTE_NS / 60);
}

static struct value do_minutes_between(const struct value *v, uint8_t type)
{
	(void)type;
	return between(v, MINUTE_NS);
}

static struct value do_hours_between(const struct value *v, uint8_t type)
{
	(void)type;
	return between(v, HOUR_NS);
}

static struct value do_days_between(const struct value *v, uint8_t type)
{
	(void)type;
	return between(v, DAY_NS);
}

/* clang-format off */
const struct function functions[] = {
	{ "lower",           1, { TYPE_TEXT },                 TYPE_TEXT,    do_lower, false },
	{ "upper",           1, { TYPE_TEXT },                 TYPE_TEXT,    do_upper, false },
	{ "length",          1, { TYPE_TEXT },                 TYPE_NUMBER,  do_length, false },
	{ "first",           2, { TYPE_TEXT, TYPE_NUMBER },    TYPE_TEXT,    do_first, false },
	{ "last",            2, { TYPE_TEXT, TYPE_NUMBER },    TYPE_TEXT,    do_last, false },
	{ "starts_with",     2, { TYPE_TEXT, TYPE_TEXT },      TYPE_BOOLEAN, do_starts_with, false },
	{ "ends_with",       2, { TYPE_TEXT, TYPE_TEXT },      TYPE_BOOLEAN, do_ends_with, false },
	{ "contains",        2, { TYPE_TEXT, TYPE_TEXT },      TYPE_BOOLEAN, do_contains, false },
	{ "matches",         2, { TYPE_TEXT, TYPE_PATTERN },   TYPE_BOOLEAN, do_matches, false },
	{ "number",          1, { TYPE_TEXT },                 TYPE_NUMBER,  do_number, false },
	{ "abs",             1, { TYPE_NUMBER },               TYPE_NUMBER,  do_abs, true },
	{ "floor",           1, { TYPE_NUMBER },               TYPE_NUMBER,  do_floor, false },
	{ "ceil",            1, { TYPE_NUMBER },               TYPE_NUMBER,  do_ceil, false },
	{ "round",           1, { TYPE_NUMBER },               TYPE_NUMBER,  do_round, false },
	{ "min",             2, { TYPE_NUMBER, TYPE_NUMBER },  TYPE_NUMBER,  do_min, true },
	{ "max",             2, { TYPE_NUMBER, TYPE_NUMBER },  TYPE_NUMBER,  do_max, true },
	{ "missing",         1, { TYPE_ANY },                  TYPE_BOOLEAN, do_missing, false },
	{ "default",         2, { TYPE_ANY, TYPE_ANY },        TYPE_ANY,     do_default, true },
	{ "hour",            1, { TYPE_TIME },                 TYPE_NUMBER,  do_hour, false },
	{ "minute",          1, { TYPE_TIME },                 TYPE_NUMBER,  do_minute, false },
	{ "weekday",         1, { TYPE_TIME },                 TYPE_NUMBER,  do_weekday, false },
	{ "day",             1, { TYPE_TIME },                 TYPE_NUMBER,  do_day, false },
	{ "month",           1, { TYPE_TIME },                 TYPE_NUMBER,  do_month, false },
	{ "year",            1, { TYPE_TIME },                 TYPE_NUMBER,  do_year, false },
	{ "seconds_between", 2, { TYPE_TIME, TYPE_TIME },      TYPE_NUMBER,  do_seconds_between, false },
	{ "minutes_between", 2, { TYPE_TIME, TYPE_TIME },      TYPE_NUMBER,  do_minutes_between, false },
	{ "hours_between",   2, { TYPE_TIME, TYPE_TIME },      TYPE_NUMBER,  do_hours_between, false },
	{ "days_between",    2, { TYPE_TIME, TYPE_TIME },      TYPE_NUMBER,  do_days_between, false },
};
/* clang-format on */
const uint32_t functions_count = sizeof(functions) / sizeof(functions[0]);
