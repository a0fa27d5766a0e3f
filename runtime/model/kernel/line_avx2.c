/* The lines of line.c, eight numbers at once. */
#include <math.h>

#include "runtime/model/kernel/lanes.h"
#include "runtime/model/kernel/line.h"

/* Of the numbers, or of their squares. */
KERNEL_AVX2_INLINE float sum_of(const float *x, uint32_t count, bool squared)
{
	__m256 sum = _mm256_setzero_ps();

	for (uint32_t i = 0; i < count; i += KERNEL_LANES) {
		__m256 value = lanes_load(x + i, count - i);

		if (squared)
			value = value * value;
		sum += value;
	}
	return lanes_sum(sum);
}

/* NaN is passed over, as by `x > most`. */
KERNEL_AVX2_INLINE float largest_of(const float *x, uint32_t count)
{
	__m256 most = _mm256_set1_ps(-INFINITY);
	float  lane[KERNEL_LANES], best = -INFINITY;

	for (uint32_t i = 0; i < count; i += KERNEL_LANES) {
		__m256 value = lanes_load(x + i, count - i);
		__m256 there = _mm256_castsi256_ps(lanes_first(count - i));
		__m256 more  = _mm256_and_ps(there, _mm256_cmp_ps(value, most, _CMP_GT_OQ));

		most = _mm256_blendv_ps(most, value, more);
	}
	_mm256_storeu_ps(lane, most);
	for (uint32_t i = 0; i < KERNEL_LANES; i++)
		best = lane[i] > best ? lane[i] : best;
	return best;
}

KERNEL_AVX2 void softmax_avx2(const float *x, uint32_t lines, uint32_t length, float *o)
{
	const struct kernel_activation power = { .kind = KERNEL_EXP };

	for (uint32_t line = 0; line < lines; line++, x += length, o += length) {
		__m256 most = _mm256_set1_ps(largest_of(x, length)), sum;

		for (uint32_t i = 0; i < length; i += KERNEL_LANES)
			lanes_store(o + i, length - i, lanes_load(x + i, length - i) - most);
		kernel_activate_avx2(power, o, length);
		sum = _mm256_set1_ps(sum_of(o, length, false));
		for (uint32_t i = 0; i < length; i += KERNEL_LANES)
			lanes_store(o + i, length - i, lanes_load(o + i, length - i) / sum);
	}
}

KERNEL_AVX2 void norm_avx2(const struct line_norm *norm, const float *x, uint32_t lines, float *o)
{
	uint32_t length = norm->length;

	for (uint32_t line = 0; line < lines; line++, x += length, o += length) {
		float  mean = sum_of(x, length, false) / (float)length;
		__m256 root;

		for (uint32_t i = 0; i < length; i += KERNEL_LANES)
			lanes_store(o + i, length - i,
				    lanes_load(x + i, length - i) - _mm256_set1_ps(mean));
		root = _mm256_set1_ps(
			sqrtf(sum_of(o, length, true) / (float)length + norm->epsilon));
		for (uint32_t i = 0; i < length; i += KERNEL_LANES) {
			uint32_t left   = length - i;
			__m256   normal = lanes_load(o + i, left) / root *
					lanes_load(norm->scale + i, left);

			if (norm->bias)
				normal += lanes_load(norm->bias + i, left);
			lanes_store(o + i, left, normal);
		}
	}
}
