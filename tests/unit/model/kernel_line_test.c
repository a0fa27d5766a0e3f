/* Softmax, layer normalisation, products of two matrices and convolution against their
 * judges, bit for bit, and against double. */
#include <setjmp.h>
#include <stdarg.h>

#include "tests/unit/model/kernels.h"

#include <cmocka.h>

#include "runtime/model/kernel/line.h"
#include "runtime/model/kernel/matmul.h"
#include "runtime/model/kernel/window.h"

#define LINES 3
#define MOST  70

static const uint32_t sides[] = { 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65 };
#define SIDES (sizeof(sides) / sizeof(*sides))

static void softmax_equals_its_judge(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (uint32_t turn = 0; turn < 40 * SIDES; turn++) {
		uint32_t length = sides[turn % SIDES], count = LINES * length;
		float   *x = kernels_numbers(&seed, count, turn % 3 ? 5.0f : 200.0f);
		float    judged[LINES * MOST], fast[LINES * MOST];
		double   sum = 0.0;

		softmax_judge(x, LINES, length, judged);
		for (uint32_t i = 0; i < length; i++)
			sum += exp((double)x[i]);
		for (uint32_t i = 0; i < length && turn % 3; i++)
			assert_true(fabs((double)judged[i] - exp((double)x[i]) / sum) < 3e-7);
		if (turn % 4 == 0)
			kernels_spoil(&seed, x, count, 2 * length);
		softmax_judge(x, LINES, length, judged);
		softmax_choose()(x, LINES, length, fast);
		assert_int_equal(kernels_differ(fast, judged, count), count);
		softmax_choose()(x, LINES, length, x); /* in place */
		assert_int_equal(kernels_differ(x, judged, count), count);
		free(x);
	}
}

static void layer_norm_equals_its_judge(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (uint32_t turn = 0; turn < 40 * SIDES; turn++) {
		uint32_t         length = sides[turn % SIDES], count = LINES * length;
		float           *x     = kernels_numbers(&seed, count, 5.0f);
		float           *scale = kernels_numbers(&seed, length, 2.0f);
		float           *bias  = kernels_numbers(&seed, length, 2.0f);
		struct line_norm norm  = { .length  = length,
					   .epsilon = 1e-5f,
					   .scale   = scale,
					   .bias    = turn % 2 ? bias : NULL };
		float            judged[LINES * MOST], fast[LINES * MOST];
		double           mean = 0.0, variance = 0.0;

		norm_judge(&norm, x, LINES, judged);
		for (uint32_t i = 0; i < length; i++)
			mean += (double)x[i] / length;
		for (uint32_t i = 0; i < length; i++)
			variance += ((double)x[i] - mean) * ((double)x[i] - mean) / length;
		for (uint32_t i = 0; i < length && length > 2; i++) {
			double exact = ((double)x[i] - mean) / sqrt(variance + 1e-5) *
				       (double)scale[i];

			exact += norm.bias ? (double)bias[i] : 0.0;
			assert_true(fabs((double)judged[i] - exact) < 1e-5);
		}
		if (turn % 4 == 0)
			kernels_spoil(&seed, x, count, 2 * length);
		norm_judge(&norm, x, LINES, judged);
		norm_choose()(&norm, x, LINES, fast);
		assert_int_equal(kernels_differ(fast, judged, count), count);
		norm_choose()(&norm, x, LINES, x);
		assert_int_equal(kernels_differ(x, judged, count), count);
		free(x);
		free(scale);
		free(bias);
	}
}

static void matmul_equals_its_judge(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (uint32_t turn = 0; turn < SIDES * SIDES; turn++) {
		struct matmul_shape shape = { .rows    = LINES,
					      .inner   = sides[turn % SIDES],
					      .columns = sides[turn / SIDES] };
		float              *x = kernels_numbers(&seed, (size_t)LINES * shape.inner, 2.0f);
		float *y = kernels_numbers(&seed, (size_t)shape.inner * shape.columns, 2.0f);
		float  judged[LINES * MOST], fast[LINES * MOST];

		if (turn % 3 == 0)
			kernels_spoil(&seed, y, (size_t)shape.inner * shape.columns, 200);
		matmul_judge(&shape, x, y, judged);
		matmul_choose()(&shape, x, y, fast);
		assert_int_equal(kernels_differ(fast, judged, (size_t)LINES * shape.columns),
				 LINES * shape.columns);
		free(x);
		free(y);
	}
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	return (uint32_t)(splitmix(seed) % below);
}

/* A shape that has at least one output. */
static struct window_shape shape_of(uint64_t *seed)
{
	struct window_shape shape = { .groups    = 1 + draw(seed, 3),
				      .width     = 1 + draw(seed, 5),
				      .stride    = 1 + draw(seed, 3),
				      .dilation  = 1 + draw(seed, 3),
				      .pad       = draw(seed, 4),
				      .length_in = 1 + draw(seed, 30) };
	uint32_t            reach = (shape.width - 1) * shape.dilation + 1;

	shape.channels_in  = shape.groups * (1 + draw(seed, 4));
	shape.channels_out = shape.groups * (1 + draw(seed, 12));
	if (shape.length_in + 2 * shape.pad < reach)
		shape.length_in = reach;
	shape.length_out = (shape.length_in + 2 * shape.pad - reach) / shape.stride + 1;
	return shape;
}

static void convolution_equals_its_judge(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (uint32_t turn = 0; turn < 400; turn++) {
		struct window_weights weights  = { .shape = shape_of(&seed) };
		struct window_shape  *shape    = &weights.shape;
		uint32_t              channels = shape->channels_in / shape->groups;
		size_t                count    = (size_t)shape->channels_out * shape->length_out;
		size_t weight_count = (size_t)shape->channels_out * channels * shape->width;
		float *w            = kernels_numbers(&seed, weight_count, 1.0f);
		float *bias         = kernels_numbers(&seed, shape->channels_out, 1.0f);
		float *x = kernels_numbers(&seed, (size_t)shape->channels_in * shape->length_in, 2);
		float *judged = malloc(count * sizeof(float)),
		      *fast   = malloc(count * sizeof(float));
		float *work   = malloc(window_work_floats(shape) * sizeof(float));
		void  *memory = kernels_new(window_size(shape));

		weights.w          = w;
		weights.bias       = turn % 2 ? bias : NULL;
		weights.activation = (struct kernel_activation){ .kind = turn % 3 ? KERNEL_RELU
										  : KERNEL_NONE };
		window_judge(&weights, x, work, judged);
		window_run(window_pack(memory, &weights), x, work, fast);
		assert_int_equal(kernels_differ(fast, judged, count), count);
		free(w);
		free(bias);
		free(x);
		free(judged);
		free(fast);
		free(work);
		free(memory);
	}
}

/* Three by hand: padding left of the first, stride two. */
static void a_convolution_can_be_followed_by_hand(void **state)
{
	const float           x[5] = { 1, 2, 3, 4, 5 }, w[2] = { 10, 1 };
	struct window_weights weights = {
		.shape = { .channels_in  = 1,
			   .length_in    = 5,
			   .channels_out = 1,
			   .length_out   = 3,
			   .width        = 2,
			   .stride       = 2,
			   .dilation     = 1,
			   .pad          = 1,
			   .groups       = 1 },
		.w     = w,
	};
	float work[16], o[3];
	void *memory = kernels_new(window_size(&weights.shape));

	(void)state;
	window_run(window_pack(memory, &weights), x, work, o);
	assert_true(o[0] == 1.0f && o[1] == 23.0f && o[2] == 45.0f);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(softmax_equals_its_judge),
		cmocka_unit_test(layer_norm_equals_its_judge),
		cmocka_unit_test(matmul_equals_its_judge),
		cmocka_unit_test(convolution_equals_its_judge),
		cmocka_unit_test(a_convolution_can_be_followed_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
