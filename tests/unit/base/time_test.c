/* runtime/base/time: RFC 3339 as its grammar says, and the calendar as libc's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/base/time.h"

#define S 1000000000LL

static const struct {
	const char     *text;
	enum time_fault fault;
	int64_t         ns;
} cases[] = {
	/* RFC 3339 section 5.8, examples */
	{ "1985-04-12T23:20:50.52Z", TIME_OK, 482196050 * S + 520000000 },
	{ "1996-12-19T16:39:57-08:00", TIME_OK, 851042397 * S },
	{ "1990-12-31T23:59:60Z", TIME_OK, 662688000 * S - 1 },
	{ "1990-12-31T15:59:60-08:00", TIME_OK, 662688000 * S - 1 },
	{ "1937-01-01T12:00:27.87+00:20", TIME_RANGE, 0 },
	/* bounds */
	{ "1970-01-01T00:00:00Z", TIME_OK, 0 },
	{ "1970-01-01T00:00:00.000000001Z", TIME_OK, 1 },
	{ "1970-01-01T00:00:00+00:01", TIME_RANGE, 0 },
	{ "1969-12-31T23:59:59.999999999Z", TIME_RANGE, 0 },
	{ "1969-12-31T23:59:00-00:01", TIME_OK, 0 },
	{ "1969-12-31T23:59:60Z", TIME_RANGE, 0 },
	{ "2262-04-11T23:47:16.854775807Z", TIME_OK, INT64_MAX },
	{ "2262-04-11T23:47:16.854775808Z", TIME_RANGE, 0 },
	{ "9999-12-31T23:59:59Z", TIME_RANGE, 0 },
	{ "0000-01-01T00:00:00Z", TIME_RANGE, 0 },
	/* forms section 5.6 allows */
	{ "2026-07-01t12:00:00z", TIME_OK, 1782907200 * S },
	{ "2026-07-01T12:00:00-00:00", TIME_OK, 1782907200 * S },
	{ "2026-07-01T12:00:00.123456789+23:59", TIME_OK, (1782907200 - 86340) * S + 123456789 },
	/* and those it does not */
	{ "2026-07-01T12:00:00", TIME_FORM, 0 },
	{ "2026-07-01 12:00:00Z", TIME_FORM, 0 },
	{ "2026-07-01T12:00Z", TIME_FORM, 0 },
	{ "2026-07-01", TIME_FORM, 0 },
	{ "20260701T120000Z", TIME_FORM, 0 },
	{ "2026-7-1T12:00:00Z", TIME_FORM, 0 },
	{ "2026-07-01T12:00:00.Z", TIME_FORM, 0 },
	{ "2026-07-01T12:00:00,5Z", TIME_FORM, 0 },
	{ "2026-07-01T12:00:00.1234567890Z", TIME_FORM, 0 },
	{ "2026-07-01T12:00:00+0200", TIME_FORM, 0 },
	{ "2026-07-01T12:00:00+02", TIME_FORM, 0 },
	{ "2026-07-01T12:00:00+24:00", TIME_FORM, 0 },
	{ "2026-07-01T12:00:00+02:60", TIME_FORM, 0 },
	{ "2026-07-01T12:00:00Z ", TIME_FORM, 0 },
	{ " 2026-07-01T12:00:00Z", TIME_FORM, 0 },
	{ "+2026-07-01T12:00:00Z", TIME_FORM, 0 },
	{ "2026-07-01T12:00:00ZZ", TIME_FORM, 0 },
	{ "", TIME_FORM, 0 },
	/* days and times that do not exist */
	{ "2026-02-29T12:00:00Z", TIME_FORM, 0 },
	{ "2024-02-29T12:00:00Z", TIME_OK, 1709208000 * S },
	{ "2100-02-29T12:00:00Z", TIME_FORM, 0 },
	{ "2000-02-29T12:00:00Z", TIME_OK, 951825600 * S },
	{ "2026-04-31T12:00:00Z", TIME_FORM, 0 },
	{ "2026-00-01T12:00:00Z", TIME_FORM, 0 },
	{ "2026-13-01T12:00:00Z", TIME_FORM, 0 },
	{ "2026-07-00T12:00:00Z", TIME_FORM, 0 },
	{ "2026-07-01T24:00:00Z", TIME_FORM, 0 },
	{ "2026-07-01T12:60:00Z", TIME_FORM, 0 },
	{ "2026-07-01T12:00:61Z", TIME_FORM, 0 },
	/* a leap second only where one can be, and it does not pass the next second */
	{ "2016-12-31T23:59:60.75Z", TIME_OK, 1483228800 * S - 1 },
	{ "2017-01-01T01:59:60+02:00", TIME_OK, 1483228800 * S - 1 },
	{ "2016-12-31T23:58:60Z", TIME_FORM, 0 },
	{ "2016-12-30T23:59:60Z", TIME_FORM, 0 },
	{ "2016-12-31T23:59:60+02:00", TIME_FORM, 0 },
};

static void forms_and_bounds(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t         ns    = 0;
		enum time_fault fault = time_parse(cases[i].text, strlen(cases[i].text), &ns);

		if (fault != cases[i].fault || (fault == TIME_OK && ns != cases[i].ns))
			fail_msg("\"%s\": fault %d, %lld ns", cases[i].text, fault, (long long)ns);
	}
}

/* Every day from 1970 to 2262, by libc's calendar. */
static void calendar(void **state)
{
	char mine[TIME_TEXT_BYTES_MAX], theirs[TIME_TEXT_BYTES_MAX];

	for (int64_t day = 0; day < 106751; day++) {
		time_t    second = day * 86400 + day % 86400;
		struct tm tm;
		int64_t   ns;

		gmtime_r(&second, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm);
		time_print(second * S, mine);
		assert_string_equal(mine, theirs);
		assert_int_equal(time_parse(mine, strlen(mine), &ns), TIME_OK);
		assert_int_equal(ns, second * S);
	}
}

static void round_trip(void **state)
{
	char     text[TIME_TEXT_BYTES_MAX];
	uint64_t x = 1;

	for (int i = 0; i < 200000; i++) {
		x          = x * 6364136223846793005U + 1442695040888963407U;
		int64_t ns = (int64_t)(x >> 1), again;

		if (i % 3 == 0)
			ns -= ns % 1000;
		size_t n = time_print(ns, text);

		assert_int_equal(n, strlen(text));
		assert_int_equal(time_parse(text, n, &again), TIME_OK);
		assert_int_equal(ns, again);
	}
	assert_int_equal(time_print(INT64_MAX, text), 30);
	assert_string_equal(text, "2262-04-11T23:47:16.854775807Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_and_bounds),
		cmocka_unit_test(calendar),
		cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
