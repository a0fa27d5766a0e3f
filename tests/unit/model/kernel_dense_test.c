/* Dense layers against their judges, bit for bit: every shape of panel and tail, one row and
 * many, plain C and AVX2, odd numbers in weights and rows; whole numbers at their extremes. */
#include <setjmp.h>
#include <stdarg.h>

#include "tests/unit/model/kernels.h"

#include <cmocka.h>

#include "runtime/model/kernel/dense16.h"
#include "runtime/model/kernel/dense8.h"

#define ROWS 5

static const uint32_t sides[] = { 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 31, 33, 63, 64, 65, 130 };
#define SIDES (sizeof(sides) / sizeof(*sides))

static void say_same(const char *what, const struct dense_weights *weights, uint64_t seed,
		     const float *got, const float *wanted, size_t count)
{
	size_t at = kernels_differ(got, wanted, count);

	if (at < count)
		fail_msg("%s: seed %llu, %u x %u, activation %u: number %zu is %a, the judge says "
			 "%a",
			 what, (unsigned long long)seed, weights->inner, weights->columns,
			 weights->activation.kind, at, (double)got[at], (double)wanted[at]);
}

/* Rows together, then one by one, at an address that no vector likes. */
static void check_dense(const struct dense_weights *weights, uint64_t seed, const float *rows)
{
	size_t        count  = (size_t)ROWS * weights->columns;
	float        *wanted = malloc(count * sizeof(float)), *got = malloc(count * sizeof(float));
	void         *memory = kernels_new(dense_size(weights->inner, weights->columns));
	float        *x      = malloc(((size_t)ROWS * weights->inner + 1) * sizeof(float));
	struct dense *dense;

	memcpy(x + 1, rows, (size_t)ROWS * weights->inner * sizeof(float));
	dense_judge(weights, rows, ROWS, wanted);
	for (uint32_t plain = 0; plain < 2; plain++) {
		kernel_use_avx2(!plain);
		dense = dense_pack(memory, weights);
		dense_run(dense, x + 1, ROWS, got);
		say_same(plain ? "plain" : "AVX2", weights, seed, got, wanted, count);
		for (uint32_t row = 0; row < ROWS; row++)
			dense_run(dense, x + 1 + (size_t)row * weights->inner, 1,
				  got + (size_t)row * weights->columns);
		say_same(plain ? "plain, row by row" : "AVX2, row by row", weights, seed, got,
			 wanted, count);
	}
	kernel_use_avx2(true);
	free(memory);
	free(x);
	free(got);
	free(wanted);
}

static void check_dense8(const struct dense_weights *weights, uint64_t seed, const float *rows)
{
	size_t              count  = (size_t)ROWS * weights->columns;
	struct dense8_input input  = dense8_calibrate(rows, (size_t)ROWS * weights->inner);
	float              *wanted = malloc(count * sizeof(float));
	float              *got    = malloc(count * sizeof(float));
	void               *memory = kernels_new(dense8_size(weights->inner, weights->columns));
	uint8_t            *work   = kernels_new(dense8_work_bytes(weights->inner));

	dense8_judge(weights, input, rows, ROWS, wanted);
	for (uint32_t plain = 0; plain < 2; plain++) {
		kernel_use_avx2(!plain);
		dense8_run(dense8_pack(memory, weights, input), rows, ROWS, work, got);
		say_same(plain ? "int8, plain" : "int8, AVX2", weights, seed, got, wanted, count);
	}
	kernel_use_avx2(true);
	free(memory);
	free(work);
	free(got);
	free(wanted);
}

static void check_dense16(const struct dense_weights *from, uint64_t seed, const float *rows)
{
	struct dense_weights weights = *from;
	size_t               count   = (size_t)ROWS * weights.columns;
	float                scale   = dense16_calibrate(rows, (size_t)ROWS * weights.inner);
	float               *wanted  = malloc(count * sizeof(float));
	float               *got     = malloc(count * sizeof(float));
	void                *memory  = kernels_new(dense16_size(weights.inner, weights.columns));
	int16_t             *work    = kernels_new(dense16_work_bytes(weights.inner, ROWS));

	weights.activation.kind = KERNEL_NONE;
	dense16_judge(&weights, scale, rows, ROWS, wanted);
	for (uint32_t plain = 0; plain < 2; plain++) {
		kernel_use_avx2(!plain);
		dense16_run(dense16_pack(memory, &weights, scale), rows, ROWS, work, got);
		say_same(plain ? "int16, plain" : "int16, AVX2", &weights, seed, got, wanted,
			 count);
	}
	kernel_use_avx2(true);
	free(memory);
	free(work);
	free(got);
	free(wanted);
}

static void check_shape(uint32_t inner, uint32_t columns, uint64_t seed)
{
	struct dense_weights weights = { .inner = inner, .columns = columns };
	uint64_t             random  = seed;
	float               *w       = kernels_numbers(&random, (size_t)inner * columns, 1.0f);
	float               *bias    = kernels_numbers(&random, columns, 1.0f);
	float               *rows    = kernels_numbers(&random, (size_t)ROWS * inner, 3.0f);

	weights.w          = w;
	weights.bias       = seed % 3 ? bias : NULL;
	weights.activation = (struct kernel_activation){
		.kind = (uint8_t)(seed % KERNEL_ACTIVATION_COUNT), .a = 0.25f, .b = 0.75f
	};
	check_dense(&weights, seed, rows);
	check_dense8(&weights, seed, rows);
	check_dense16(&weights, seed, rows);
	kernels_spoil(&random, rows, (size_t)ROWS * inner, 2 * inner);
	check_dense8(&weights, seed, rows);
	check_dense16(&weights, seed, rows);
	kernels_spoil(&random, w, (size_t)inner * columns, 3 * inner);
	check_dense(&weights, seed, rows);
	free(w);
	free(bias);
	free(rows);
}

static void every_shape_equals_the_judge(void **state)
{
	uint64_t seed = 0;

	(void)state;
	for (uint32_t i = 0; i < SIDES; i++)
		for (uint32_t c = 0; c < SIDES; c++)
			check_shape(sides[i], sides[c], seed++);
}

/* The largest sums there can be: 2 * 127 * 127 in each 16 bits, and 2^17 of them. */
static void whole_numbers_are_exact_at_their_extremes(void **state)
{
	struct dense_weights weights = { .inner = DENSE8_INNER_MAX, .columns = 3 };
	struct dense8_input  input   = { .scale = 1.0f, .zero = 0 };
	float               *w       = malloc((size_t)3 * DENSE8_INNER_MAX * sizeof(float));
	float               *x       = malloc(DENSE8_INNER_MAX * sizeof(float)), o[3], judged[3];
	void                *memory  = kernels_new(dense8_size(DENSE8_INNER_MAX, 3));
	uint8_t             *work    = kernels_new(dense8_work_bytes(DENSE8_INNER_MAX));

	(void)state;
	for (uint32_t k = 0; k < DENSE8_INNER_MAX; k++) {
		w[k]                        = 127.0f;
		w[DENSE8_INNER_MAX + k]     = -127.0f;
		w[2 * DENSE8_INNER_MAX + k] = k % 2 ? -127.0f : 127.0f;
		x[k]                        = INFINITY; /* clipped to 127 */
	}
	weights.w = w;
	dense8_judge(&weights, input, x, 1, judged);
	for (uint32_t plain = 0; plain < 2; plain++) {
		kernel_use_avx2(!plain);
		dense8_run(dense8_pack(memory, &weights, input), x, 1, work, o);
		assert_true(o[0] == 2114060288.0f && o[1] == -2114060288.0f && o[2] == 0.0f);
		assert_int_equal(kernels_differ(o, judged, 3), 3);
	}
	kernel_use_avx2(true);
	free(w);
	free(x);
	free(memory);
	free(work);
}

/* The largest blocks there can be: 16 * 16383 * 8191, of either sign. */
static void blocks_are_exact_at_their_extremes(void **state)
{
	float                w[2 * DENSE16_BLOCK], x[DENSE16_BLOCK], o[2];
	struct dense_weights weights = { .inner = DENSE16_BLOCK, .columns = 2, .w = w };
	void                *memory  = kernels_new(dense16_size(DENSE16_BLOCK, 2));
	int16_t             *work    = kernels_new(dense16_work_bytes(DENSE16_BLOCK, 1));

	(void)state;
	for (uint32_t k = 0; k < DENSE16_BLOCK; k++) {
		w[k]                 = 16383.0f;
		w[DENSE16_BLOCK + k] = -16383.0f;
		x[k]                 = INFINITY;
	}
	for (uint32_t plain = 0; plain < 2; plain++) {
		kernel_use_avx2(!plain);
		dense16_run(dense16_pack(memory, &weights, 1.0f), x, 1, work, o);
		assert_true(o[0] == (float)2147090448 && o[1] == -(float)2147090448);
	}
	kernel_use_avx2(true);
	free(memory);
	free(work);
}

/* Against double: 7 bits of x and 8 of w, rounded, no worse than half a step each. */
static void the_error_of_whole_numbers_is_bounded(void **state)
{
	struct dense_weights weights = { .inner = 200, .columns = 40 };
	uint64_t             seed    = 7;
	float *w = kernels_numbers(&seed, 200 * 40, 1.0f), *x = kernels_numbers(&seed, 200, 1.0f);
	struct dense8_input input  = dense8_calibrate(x, 200);
	uint8_t            *work   = kernels_new(dense8_work_bytes(200));
	void               *memory = kernels_new(dense8_size(200, 40));
	float               exact[40], o[40];
	struct dense8_error error;

	(void)state;
	weights.w = w;
	dense_judge(&weights, x, 1, exact);
	dense8_run(dense8_pack(memory, &weights, input), x, 1, work, o);
	error = dense8_error_of(o, exact, 40);
	print_message("# int8: largest %g, mean %g of sums of 200\n", (double)error.largest,
		      (double)error.mean);
	assert_true(error.largest > 0.0f &&
		    error.largest < 200.0f * (0.5f / 63.0f + 0.5f / 127.0f));
	assert_true(error.mean <= error.largest);
	o[5] = NAN;
	assert_true(isnan(dense8_error_of(o, exact, 40).largest));
	free(w);
	free(x);
	free(work);
	free(memory);
}

/* Ranges that would give no scale: all zero, NaN alone, subnormal, huge. */
static void calibration_takes_any_rows(void **state)
{
	static const float rows[][2] = { { 0.0f, 0.0f },    { NAN, INFINITY }, { 1e-44f, 0.0f },
					 { 3e38f, -3e38f }, { -5.0f, -1.0f },  { 1.0f, 1.0f } };

	(void)state;
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dense8_input input = dense8_calibrate(rows[i], 2);

		assert_true(input.scale > 0.0f && isfinite(input.scale));
		assert_in_range(input.zero, 0, 127);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shape_equals_the_judge),
		cmocka_unit_test(whole_numbers_are_exact_at_their_extremes),
		cmocka_unit_test(blocks_are_exact_at_their_extremes),
		cmocka_unit_test(the_error_of_whole_numbers_is_bounded),
		cmocka_unit_test(calibration_takes_any_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
