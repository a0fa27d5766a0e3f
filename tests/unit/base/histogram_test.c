/* runtime/base/histogram.h: bucket edges, and quantiles against sorted samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "runtime/base/histogram.h"

#define SAMPLES 100000u

static struct histogram one;

static void every_bucket_ends_where_the_next_begins(void **state)
{
	uint64_t begin = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		const uint64_t end = histogram_bucket_ns(i);
		assert_true(end >= begin);
		assert_int_equal(histogram_bucket(begin), i);
		assert_int_equal(histogram_bucket(end), i);
		/* the promised relative error */
		assert_true((end - begin) * 64 <= begin);
		begin = end + 1;
	}
	assert_true(begin == HISTOGRAM_NS_MAX + 1);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void an_empty_histogram_has_zero_quantiles(void **state)
{
	histogram_init(&one);
	assert_int_equal(histogram_quantile(&one, 990000), 0);
	assert_int_equal(histogram_count(&one), 0);
}

static uint64_t sample(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	/* Spread over the powers of two from 1 ns to 17 s. */
	return (*random >> 30) >> (*random >> 8) % 34;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void quantiles_are_within_the_error_bound(void **state)
{
	static uint64_t sorted[SAMPLES];
	uint64_t        random = 2026, sum_ns = 0;
	const uint32_t  asked[] = {
                1, 1000, 250000, 500000, 900000, 990000, 999000, 999990, 1000000
	};

	histogram_init(&one);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		sorted[i] = sample(&random);
		sum_ns += sorted[i];
		histogram_add(&one, sorted[i]);
	}
	qsort(sorted, SAMPLES, sizeof(sorted[0]), by_size);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const uint64_t rank  = ((uint64_t)SAMPLES * asked[i] + 999999) / 1000000;
		const uint64_t exact = sorted[rank - 1];
		const uint64_t told  = histogram_quantile(&one, asked[i]);
		assert_true(told >= exact);
		assert_true((told - exact) * 64 <= exact);
	}
	assert_true(histogram_quantile(&one, 1000000) == sorted[SAMPLES - 1]);
	assert_true(histogram_max_ns(&one) == sorted[SAMPLES - 1]);
	assert_true(histogram_sum_ns(&one) == sum_ns);
	assert_int_equal(histogram_count(&one), SAMPLES);
}

static void a_value_beyond_the_range_is_counted_at_its_end(void **state)
{
	histogram_init(&one);
	histogram_add(&one, UINT64_MAX);
	assert_true(histogram_quantile(&one, 500000) == HISTOGRAM_NS_MAX);
	assert_true(histogram_max_ns(&one) == UINT64_MAX);
}

static void count_below_takes_whole_buckets(void **state)
{
	histogram_init(&one);
	histogram_add(&one, 10);
	histogram_add(&one, 1000);
	histogram_add(&one, 100000);
	assert_int_equal(histogram_count_below(&one, 9), 0);
	assert_int_equal(histogram_count_below(&one, 10), 1);
	assert_int_equal(histogram_count_below(&one, 1000), 2);
	assert_int_equal(histogram_count_below(&one, UINT64_MAX), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bucket_ends_where_the_next_begins),
		cmocka_unit_test(an_empty_histogram_has_zero_quantiles),
		cmocka_unit_test(quantiles_are_within_the_error_bound),
		cmocka_unit_test(a_value_beyond_the_range_is_counted_at_its_end),
		cmocka_unit_test(count_below_takes_whole_buckets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
