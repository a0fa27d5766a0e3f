/* Scales, packing, and the plain kernel over what was packed. */
#include "runtime/model/kernel/dense8.h"

#include <math.h>
#include <string.h>

static_assert(sizeof(struct dense8) <= DENSE8_HEAD_BYTES, "its head");

#define LEVELS     127
#define CANDIDATES 16

/* To the nearest whole number, halves to even; |x| < 2^22. */
static int32_t rounded(float x)
{
	return (int32_t)((x + 0x1.8p+23f) - 0x1.8p+23f);
}

uint8_t dense8_quantised(struct dense8_input input, float steps, float x)
{
	float u   = x * steps;
	float low = (float)-input.zero, high = (float)(LEVELS - input.zero);

	u = u < low ? low : u;
	u = u > high ? high : u;
	return (uint8_t)(rounded(u) + input.zero);
}

static struct dense8_input input_of(float low, float high)
{
	struct dense8_input input = { .scale = (high - low) / LEVELS };

	if (!(input.scale >= 0x1p-100f)) /* all zero, or next to it */
		input.scale = 1.0f;
	input.zero = rounded(-low / input.scale);
	return input;
}

static double cost_of(struct dense8_input input, const float *x, size_t count)
{
	float  steps = 1.0f / input.scale;
	double cost  = 0.0;

	for (size_t i = 0; i < count; i++) {
		float  value;
		double miss;

		if (!isfinite(x[i]))
			continue;
		value = input.scale * (float)(dense8_quantised(input, steps, x[i]) - input.zero);
		miss  = (double)value - (double)x[i];
		cost += miss * miss;
	}
	return cost;
}

struct dense8_input dense8_calibrate(const float *x, size_t count)
{
	float               low = 0.0f, high = 0.0f; /* zero itself is always exact */
	struct dense8_input best;
	double              least;

	for (size_t i = 0; i < count; i++) {
		if (!isfinite(x[i]) || fabsf(x[i]) > 0x1p100f)
			continue;
		low  = x[i] < low ? x[i] : low;
		high = x[i] > high ? x[i] : high;
	}
	best  = input_of(low, high);
	least = cost_of(best, x, count);
	for (uint32_t i = CANDIDATES - 1; i > CANDIDATES / 4; i--) {
		float               part  = (float)i / CANDIDATES;
		struct dense8_input input = input_of(low * part, high * part);
		double              cost  = cost_of(input, x, count);

		if (cost < least) {
			least = cost;
			best  = input;
		}
	}
	return best;
}

/* The largest weight is 127 steps. */
float dense8_scale_of(const float *w, uint32_t inner)
{
	float most = 0.0f;

	for (uint32_t k = 0; k < inner; k++)
		most = fabsf(w[k]) > most ? fabsf(w[k]) : most;
	return most >= 0x1p-100f ? most / LEVELS : 1.0f;
}

int32_t dense8_weight_of(float w, float scale)
{
	int32_t whole = rounded(w / scale);

	return whole > LEVELS ? LEVELS : whole < -LEVELS ? -LEVELS : whole;
}

static uint32_t padded(uint32_t inner)
{
	return (inner + 31) & ~31u;
}

size_t dense8_size(uint32_t inner, uint32_t columns)
{
	uint32_t columns_padded = kernel_lanes_up(columns);

	assert(inner > 0 && columns > 0 && inner <= DENSE8_INNER_MAX && columns <= DENSE_SIDE_MAX);
	return DENSE8_HEAD_BYTES + kernel_aligned(3 * sizeof(float) * columns_padded) +
	       kernel_aligned((size_t)padded(inner) * columns_padded);
}

size_t dense8_work_bytes(uint32_t inner)
{
	return kernel_aligned(padded(inner));
}

static void pack_column(struct dense8 *dense, const struct dense_weights *from, uint32_t c)
{
	const float *w     = from->w + (size_t)c * from->inner;
	float        scale = dense8_scale_of(w, from->inner);
	int8_t      *panel = (int8_t *)(uintptr_t)dense8_panels(dense) +
			(size_t)(c & ~7u) * dense->inner_padded;
	int32_t sum = 0;

	for (uint32_t k = 0; k < from->inner; k++) {
		int32_t q = dense8_weight_of(w[k], scale);

		assert(isfinite(w[k]));
		panel[(size_t)(k / 4) * 32 + (c & 7) * 4 + k % 4] = (int8_t)q;
		sum += q;
	}
	((float *)(uintptr_t)dense8_scales(dense))[c]  = dense->input.scale * scale;
	((float *)(uintptr_t)dense8_bias(dense))[c]    = from->bias ? from->bias[c] : 0.0f;
	((int32_t *)(uintptr_t)dense8_zeros(dense))[c] = dense->input.zero * sum;
}

static void choose(struct dense8 *dense)
{
	uint8_t kind = dense->activation.kind;

	dense->sums     = kernel_has_avx2() ? dense8_sums_avx2 : dense8_sums_plain;
	dense->activate = kind == KERNEL_NONE ? NULL : kernel_activate_choose();
	if (kernel_has_avx2() && kind == KERNEL_RELU) {
		dense->sums     = dense8_relu_avx2;
		dense->activate = NULL;
	}
}

struct dense8 *dense8_pack(void *memory, const struct dense_weights *weights,
			   struct dense8_input input)
{
	struct dense8 *dense = memory;

	assert((uintptr_t)memory % KERNEL_ALIGN_BYTES == 0);
	assert(input.scale > 0.0f && input.zero >= 0 && input.zero <= LEVELS);
	memset(memory, 0, dense8_size(weights->inner, weights->columns));
	dense->inner          = weights->inner;
	dense->columns        = weights->columns;
	dense->inner_padded   = padded(weights->inner);
	dense->columns_padded = kernel_lanes_up(weights->columns);
	dense->input          = input;
	dense->steps          = 1.0f / input.scale;
	dense->activation     = weights->activation;
	dense->size_bytes     = dense8_size(weights->inner, weights->columns);
	choose(dense);
	for (uint32_t c = 0; c < dense->columns; c++)
		pack_column(dense, weights, c);
	return dense;
}

/* false: there is a NaN among them. */
static bool quantise(const struct dense8 *dense, const float *x, uint8_t *u)
{
	bool whole = true;

	for (uint32_t k = 0; k < dense->inner; k++) {
		whole &= !isnan(x[k]);
		u[k] = isnan(x[k]) ? 0 : dense8_quantised(dense->input, dense->steps, x[k]);
	}
	return whole;
}

static int32_t column_sum(const struct dense8 *dense, const uint8_t *u, uint32_t c)
{
	const int8_t *panel = dense8_panels(dense) + (size_t)(c & ~7u) * dense->inner_padded;
	int32_t       sum   = 0;

	for (uint32_t k = 0; k < dense->inner; k++)
		sum += u[k] * panel[(size_t)(k / 4) * 32 + (c & 7) * 4 + k % 4];
	return sum;
}

void dense8_sums_plain(const struct dense8 *dense, const float *x, uint32_t rows, uint8_t *work,
		       float *o)
{
	const float   *scales = dense8_scales(dense), *bias = dense8_bias(dense);
	const int32_t *zeros = dense8_zeros(dense);

	for (uint32_t row = 0; row < rows; row++, x += dense->inner) {
		bool whole = quantise(dense, x, work);

		for (uint32_t c = 0; c < dense->columns; c++) {
			int32_t sum = column_sum(dense, work, c) - zeros[c];

			*o++ = whole ? (float)sum * scales[c] + bias[c] : NAN;
		}
	}
}

struct dense8_error dense8_error_of(const float *got, const float *wanted, size_t count)
{
	struct dense8_error error = { 0 };
	double              sum   = 0.0;

	for (size_t i = 0; i < count; i++) {
		float miss = fabsf(got[i] - wanted[i]);

		error.largest = miss > error.largest || isnan(miss) ? miss : error.largest;
		sum += (double)miss;
		if (isnan(miss))
			break;
	}
	error.mean = (float)(sum / (double)(count ? count : 1));
	return error;
}
