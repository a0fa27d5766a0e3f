/* runtime/feature/feature.h: each kind by hand, and the spread against other arithmetic. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/base/time.h"
#include "runtime/feature/feature.h"
#include "tests/lib/splitmix.h"

#define VALUES_MAX 64
#define ROUNDS     4000

static struct transaction t;
static uint64_t           seed = 20260701;

static void pay(const char *time, int64_t minor, uint8_t exponent)
{
	memset(&t, 0, sizeof(t));
	assert_int_equal(time_parse(time, strlen(time), &t.time_ns), TIME_OK);
	t.amount_minor      = minor;
	t.currency_exponent = exponent;
}

static struct aggregate aggregate_of(const int64_t *amounts, uint32_t n)
{
	struct aggregate a = { .count    = n,
			       .last_ns  = INT64_MIN,
			       .first_ns = INT64_MIN,
			       .min      = INT64_MAX,
			       .max      = INT64_MIN };

	for (uint32_t i = 0; i < n; i++) {
		a.sum += amounts[i];
		a.squares += (u128)amounts[i] * (u128)amounts[i];
		a.min = amounts[i] < a.min ? amounts[i] : a.min;
		a.max = amounts[i] > a.max ? amounts[i] : a.max;
	}
	return a;
}

static double value(enum feature_kind kind, const struct aggregate *a)
{
	struct feature_spec spec = { .kind = (uint8_t)kind, .empty = -1.0 };

	return feature_value(&spec, a, &t);
}

static bool is_missing(double x)
{
	const uint64_t bits = UINT64_C(0x7ff8000000000000);

	return memcmp(&x, &bits, sizeof(x)) == 0;
}

static void kinds_by_hand(void **state)
{
	const int64_t    amounts[] = { 571600, 815100, 1460000 };
	struct aggregate a         = aggregate_of(amounts, 3);

	pay("2026-07-04T22:15:00Z", 14600, 2);
	a.frauds   = 1;
	a.labelled = 2;
	a.declines = 4;
	a.reviews  = 5;
	a.distinct = 6;
	a.last_ns  = t.time_ns - INT64_C(1500000000);
	a.first_ns = t.time_ns - 3 * INT64_C(86400000000000);
	assert_true(value(FEATURE_COUNT, &a) == 3.0);
	assert_true(value(FEATURE_SUM, &a) == 284.67);
	assert_true(value(FEATURE_MEAN, &a) == 94.89);
	assert_true(value(FEATURE_MIN, &a) == 57.16);
	assert_true(value(FEATURE_MAX, &a) == 146.0);
	assert_true(fabs(value(FEATURE_STDDEV, &a) / 45.9064777564125475 - 1) < 1e-15);
	assert_true(value(FEATURE_DISTINCT, &a) == 6.0);
	assert_true(fabs(value(FEATURE_ZSCORE, &a) / 1.1133505007985629 - 1) < 1e-14);
	assert_true(fabs(value(FEATURE_RATIO, &a) / (146.0 / 94.89) - 1) < 1e-15);
	assert_true(value(FEATURE_SINCE_LAST, &a) == 1.5);
	assert_true(value(FEATURE_SINCE_FIRST, &a) == 3 * 86400.0);
	assert_true(value(FEATURE_FRAUDS, &a) == 1.0);
	assert_true(value(FEATURE_FRAUD_RATE, &a) == 1.0 / 3.0);
	assert_true(value(FEATURE_LABELLED, &a) == 2.0);
	assert_true(value(FEATURE_DECLINES, &a) == 4.0);
	assert_true(value(FEATURE_REVIEWS, &a) == 5.0);
	assert_true(value(FEATURE_AMOUNT, &a) == 146.0);
	assert_true(value(FEATURE_HOUR, &a) == 22.0);
	assert_true(value(FEATURE_WEEKDAY, &a) == 5.0); /* a Saturday */
	assert_true(value(FEATURE_WEEKEND, &a) == 1.0);
}

static void an_empty_window_has_the_value_of_empty(void **state)
{
	const struct aggregate none = { .last_ns = INT64_MIN, .first_ns = INT64_MIN };
	struct feature_spec    spec = { .kind = FEATURE_MEAN, .empty = NAN };

	pay("2026-07-04T22:15:00Z", 100, 2);
	for (int kind = 0; kind < FEATURE_AMOUNT; kind++) {
		bool counts = kind == FEATURE_COUNT || kind == FEATURE_SUM ||
			      kind == FEATURE_DISTINCT || kind == FEATURE_FRAUDS ||
			      kind == FEATURE_LABELLED || kind == FEATURE_DECLINES ||
			      kind == FEATURE_REVIEWS;

		assert_true(value(kind, &none) == (counts ? 0.0 : -1.0));
	}
	assert_true(is_missing(feature_value(&spec, &none, &t)));
	spec.empty = -NAN; /* whatever NaN the plan holds, the same one comes out */
	assert_true(is_missing(feature_value(&spec, &none, &t)));
	assert_true(is_missing(feature_missing()));
}

static void a_single_or_constant_history_has_no_zscore(void **state)
{
	const int64_t    amounts[] = { 5, 5, 5 };
	struct aggregate one = aggregate_of(amounts, 1), three = aggregate_of(amounts, 3);
	const int64_t    zeros[] = { 0, 0 };
	struct aggregate nothing = aggregate_of(zeros, 2);

	pay("2026-07-04T22:15:00Z", 100, 2);
	assert_true(value(FEATURE_STDDEV, &one) == -1.0);
	assert_true(value(FEATURE_ZSCORE, &one) == -1.0);
	assert_true(value(FEATURE_STDDEV, &three) == 0.0);
	assert_true(value(FEATURE_ZSCORE, &three) == -1.0);
	assert_true(value(FEATURE_RATIO, &nothing) == -1.0);
}

static void amounts_are_ten_thousandths(void **state)
{
	pay("2026-07-04T22:15:00Z", 1234, 2);
	assert_int_equal(plan_amount(&t), 123400);
	pay("2026-07-04T22:15:00Z", 1234, 0);
	assert_int_equal(plan_amount(&t), 12340000);
	pay("2026-07-04T22:15:00Z", 1234, 4);
	assert_int_equal(plan_amount(&t), 1234);
	pay("2026-07-04T22:15:00Z", 999999999999999, 2);
	assert_int_equal(plan_amount(&t), 99999999999999900);
	pay("2026-07-04T22:15:00Z", 999999999999999, 0);
	assert_int_equal(plan_amount(&t), FEATURE_AMOUNT_MAX);
}

static void hours_and_weekdays(void **state)
{
	static const struct {
		const char *time;
		int         hour, weekday, night;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0, 3, 1 },  /* a Thursday */
		{ "2018-04-01T06:59:59Z", 6, 6, 1 },  /* a Sunday */
		{ "2018-04-02T07:00:00Z", 7, 0, 0 },  /* a Monday */
		{ "2024-02-29T23:59:59Z", 23, 3, 0 }, /* a Thursday */
	};
	const struct feature_spec night = { .kind = FEATURE_HOURS, .hour_from = 0, .hour_to = 7 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pay(rows[i].time, 1, 2);
		assert_true(value(FEATURE_HOUR, NULL) == rows[i].hour);
		assert_true(value(FEATURE_WEEKDAY, NULL) == rows[i].weekday);
		assert_true(value(FEATURE_WEEKEND, NULL) == (rows[i].weekday >= 5));
		assert_true(feature_value(&night, NULL, &t) == rows[i].night);
	}
}

static void some_kinds_are_of_before(void **state)
{
	assert_true(plan_is_before(FEATURE_ZSCORE) && plan_is_before(FEATURE_DECLINES));
	assert_false(plan_is_before(FEATURE_COUNT) || plan_is_before(FEATURE_MEAN));
}

/* The two-pass form: n times the deviations are whole numbers, all their squares are
 * positive, so nothing cancels and 64 bits of mantissa are plenty. */
static long double two_pass(const int64_t *amounts, uint32_t n)
{
	i128        sum   = 0;
	long double total = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += amounts[i];
	for (uint32_t i = 0; i < n; i++) {
		long double deviation = (long double)((i128)amounts[i] * n - sum);

		total += deviation * deviation;
	}
	return sqrtl(total / ((long double)n * n * (n - 1)));
}

/* Amounts of all sizes, close together and far apart. */
static uint32_t random_amounts(int64_t amounts[VALUES_MAX])
{
	uint32_t n      = 2 + (uint32_t)(splitmix(&seed) % (VALUES_MAX - 1));
	uint64_t width  = UINT64_C(1) << splitmix(&seed) % 57;
	uint64_t offset = (uint64_t)FEATURE_AMOUNT_MAX >> splitmix(&seed) % 57;

	for (uint32_t i = 0; i < n; i++) {
		amounts[i] = (int64_t)(offset + splitmix(&seed) % width);
		if (amounts[i] > FEATURE_AMOUNT_MAX)
			amounts[i] = FEATURE_AMOUNT_MAX;
	}
	return n;
}

static void the_spread_is_exact_to_a_few_last_places(void **state)
{
	const uint64_t start = seed;
	double         worst = 0, worst_naive = 0;

	pay("2026-07-04T22:15:00Z", 100, 2);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t          amounts[VALUES_MAX];
		uint32_t         n        = random_amounts(amounts);
		struct aggregate a        = aggregate_of(amounts, n);
		long double      expected = two_pass(amounts, n) / 10000;
		double           got = value(FEATURE_STDDEV, &a), mean = (double)a.sum / n, naive;

		naive = sqrt(((double)a.squares - n * mean * mean) / (n - 1)) / 10000;
		if (expected == 0) {
			assert_true(got == 0.0);
			continue;
		}
		worst       = fmax(worst, fabs((double)(got / expected - 1)));
		worst_naive = isnan(naive) ? 1
					   : fmax(worst_naive, fabs(naive / (double)expected - 1));
	}
	print_message("# seed %llu: worst %g, in plain doubles %g\n", (unsigned long long)start,
		      worst, worst_naive);
	assert_true(worst < 4e-16);
	/* The control: plain doubles cancel. */
	assert_true(worst_naive > 1e-6);
}

/* By Python's fractions and decimal with 60 digits. */
static void the_spread_of_extremes(void **state)
{
	const int64_t    close[] = { FEATURE_AMOUNT_MAX, FEATURE_AMOUNT_MAX - 1,
				     FEATURE_AMOUNT_MAX - 2 };
	const int64_t    far[]   = { 0, FEATURE_AMOUNT_MAX };
	struct aggregate a       = aggregate_of(close, 3);

	pay("2026-07-04T22:15:00Z", 100, 2);
	assert_true(value(FEATURE_STDDEV, &a) == 0.0001);
	a = aggregate_of(far, 2);
	assert_true(value(FEATURE_STDDEV, &a) == 0x1.f66df9662dc64p+55 / 10000);
	/* Four thousand million of the largest amount: 2^32 * 10^34 does not fit 128 bits, but
	 * half as large an amount of thirty thousand does. */
	a         = (struct aggregate){ .count = 30000, .sum = (i128)15000 * FEATURE_AMOUNT_MAX };
	a.squares = (u128)15000 * FEATURE_AMOUNT_MAX * FEATURE_AMOUNT_MAX;
	assert_true(fabs(value(FEATURE_STDDEV, &a) / (5e12 * sqrt(30000.0 / 29999.0)) - 1) < 1e-15);
	/* Squares that have wrapped make no NaN. */
	a.squares = 1;
	assert_true(value(FEATURE_STDDEV, &a) == 0.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_by_hand),
		cmocka_unit_test(an_empty_window_has_the_value_of_empty),
		cmocka_unit_test(a_single_or_constant_history_has_no_zscore),
		cmocka_unit_test(amounts_are_ten_thousandths),
		cmocka_unit_test(hours_and_weekdays),
		cmocka_unit_test(some_kinds_are_of_before),
		cmocka_unit_test(the_spread_is_exact_to_a_few_last_places),
		cmocka_unit_test(the_spread_of_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
