/* The judges of lines, which are also the kernels of machines without AVX2. */
#include "runtime/model/kernel/line.h"

#include <math.h>

softmax_fn *softmax_choose(void)
{
	return kernel_has_avx2() ? softmax_avx2 : softmax_judge;
}

norm_fn *norm_choose(void)
{
	return kernel_has_avx2() ? norm_avx2 : norm_judge;
}

static float sum_of(const float *x, uint32_t count)
{
	float lane[KERNEL_LANES] = { 0 };

	for (uint32_t i = 0; i < count; i++)
		lane[i % KERNEL_LANES] += x[i];
	return kernel_lanes_sum(lane);
}

void softmax_judge(const float *x, uint32_t lines, uint32_t length, float *o)
{
	for (uint32_t line = 0; line < lines; line++, x += length, o += length) {
		float most = -INFINITY, sum;

		for (uint32_t i = 0; i < length; i++)
			most = x[i] > most ? x[i] : most;
		for (uint32_t i = 0; i < length; i++)
			o[i] = kernel_activated((struct kernel_activation){ .kind = KERNEL_EXP },
						x[i] - most);
		sum = sum_of(o, length);
		for (uint32_t i = 0; i < length; i++)
			o[i] /= sum;
	}
}

void norm_judge(const struct line_norm *norm, const float *x, uint32_t lines, float *o)
{
	uint32_t length = norm->length;

	for (uint32_t line = 0; line < lines; line++, x += length, o += length) {
		float mean = sum_of(x, length) / (float)length, root;

		for (uint32_t i = 0; i < length; i++)
			o[i] = x[i] - mean;
		root = sqrtf(kernel_dot(o, o, length) / (float)length + norm->epsilon);
		for (uint32_t i = 0; i < length; i++) {
			float normal = o[i] / root * norm->scale[i];

			o[i] = norm->bias ? normal + norm->bias[i] : normal;
		}
	}
}
