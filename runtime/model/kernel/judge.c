/* The judges: what each layer computes, in the plainest C, over the weights as they came. */
#include <math.h>

#include "runtime/model/fmath.h"
#include "runtime/model/kernel/dense16.h"
#include "runtime/model/kernel/dense8.h"

float kernel_lanes_sum(const float lane[KERNEL_LANES])
{
	return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
	       ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

float kernel_dot(const float *x, const float *y, size_t count)
{
	float lane[KERNEL_LANES] = { 0 };

	for (size_t i = 0; i < count; i++)
		lane[i % KERNEL_LANES] += x[i] * y[i];
	return kernel_lanes_sum(lane);
}

void dense_judge(const struct dense_weights *weights, const float *x, uint32_t rows, float *o)
{
	for (uint32_t row = 0; row < rows; row++, x += weights->inner) {
		for (uint32_t c = 0; c < weights->columns; c++) {
			float sum = kernel_dot(x, weights->w + (size_t)c * weights->inner,
					       weights->inner);

			*o++ = kernel_activated(weights->activation,
						sum + (weights->bias ? weights->bias[c] : 0.0f));
		}
	}
}

/* Weights and activations are rounded one by one, the sum is a whole number. */
static float judged8(const struct dense_weights *weights, struct dense8_input input, const float *x,
		     uint32_t c)
{
	const float *w     = weights->w + (size_t)c * weights->inner;
	float        scale = dense8_scale_of(w, weights->inner), steps = 1.0f / input.scale;
	int64_t      sum = 0;
	float        value;

	for (uint32_t k = 0; k < weights->inner; k++) {
		if (isnan(x[k]))
			return NAN;
		sum += (int64_t)dense8_weight_of(w[k], scale) *
		       (dense8_quantised(input, steps, x[k]) - input.zero);
	}
	value = (float)sum * (input.scale * scale) + (weights->bias ? weights->bias[c] : 0.0f);
	return kernel_activated(weights->activation, value);
}

void dense8_judge(const struct dense_weights *weights, struct dense8_input input, const float *x,
		  uint32_t rows, float *o)
{
	for (uint32_t row = 0; row < rows; row++, x += weights->inner)
		for (uint32_t c = 0; c < weights->columns; c++)
			*o++ = judged8(weights, input, x, c);
}

/* Exact in blocks, which are added in order. */
static float judged16(const struct dense_weights *weights, float scale, const float *x, uint32_t c)
{
	const float *w       = weights->w + (size_t)c * weights->inner;
	float        scale_w = dense16_scale_of(w, weights->inner), steps = 1.0f / scale;
	float        sum = 0.0f;

	for (uint32_t k = 0; k < weights->inner; k += DENSE16_BLOCK) {
		int64_t block = 0;

		for (uint32_t i = k; i < k + DENSE16_BLOCK && i < weights->inner; i++) {
			if (isnan(x[i]))
				return NAN;
			block += (int64_t)dense16_rounded(w[i] / scale_w, DENSE16_WEIGHT) *
				 dense16_rounded(x[i] * steps, DENSE16_ROW);
		}
		sum += (float)block;
	}
	return sum * (scale * scale_w) + (weights->bias ? weights->bias[c] : 0.0f);
}

void dense16_judge(const struct dense_weights *weights, float scale, const float *x, uint32_t rows,
		   float *o)
{
	for (uint32_t row = 0; row < rows; row++, x += weights->inner)
		for (uint32_t c = 0; c < weights->columns; c++)
			*o++ = judged16(weights, scale, x, c);
}
