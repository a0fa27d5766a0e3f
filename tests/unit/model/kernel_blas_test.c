/* OpenBLAS within its bound of the judge, and the same bits for any number of rows. */
#include <setjmp.h>
#include <stdarg.h>

#include "tests/unit/model/kernels.h"

#include <cmocka.h>

#include "runtime/model/kernel/blas.h"

static void rows_have_the_bits_they_have_alone(void **state)
{
	struct dense_weights weights = { .inner      = 130,
					 .columns    = 70,
					 .activation = { .kind = KERNEL_RELU } };
	uint64_t             seed    = 9;
	float               *w       = kernels_numbers(&seed, 130 * 70, 1.0f),
	      *x                     = kernels_numbers(&seed, 130 * 8, 1.0f);
	float *bias = kernels_numbers(&seed, 70, 1.0f), together[8 * 70], alone[70], judged[8 * 70];
	void  *memory = kernels_new(blas_size(130, 70));
	float *work   = kernels_new(blas_work_floats(130, 70, 8) * sizeof(float));
	struct blas *blas;

	(void)state;
	weights.w    = w;
	weights.bias = bias;
	blas         = blas_pack(memory, &weights, 8);
	print_message("# OpenBLAS runs as %s\n", blas_target());
	blas_run(blas, x, 8, work, together);
	dense_judge(&weights, x, 8, judged);
	for (uint32_t row = 0; row < 8; row++) {
		blas_run(blas, x + 130 * row, 1, work, alone);
		assert_int_equal(kernels_differ(alone, together + 70 * row, 70), 70);
		for (uint32_t c = 0; c < 70; c++)
			assert_true(fabsf(alone[c] - judged[70 * row + c]) <=
				    130.0f * 1e-5f * 0.25f);
	}
	free(w);
	free(x);
	free(bias);
	free(memory);
	free(work);
}

static void the_choice_is_by_shape_alone(void **state)
{
	(void)state;
	assert_false(blas_wins(4096, 4096, 1));
	assert_false(blas_wins(220, 600, 7));
	assert_true(blas_wins(1024, 1024, 32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_have_the_bits_they_have_alone),
		cmocka_unit_test(the_choice_is_by_shape_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
