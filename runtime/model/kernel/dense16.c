/* Scales, packing, and the plain kernel over what was packed. */
#include "runtime/model/kernel/dense16.h"

#include <math.h>
#include <string.h>

static_assert(sizeof(struct dense16) <= DENSE16_HEAD_BYTES, "its head");

int32_t dense16_rounded(float x, int32_t limit)
{
	float most = (float)limit;

	x = x < -most ? -most : x;
	x = x > most ? most : x;
	return (int32_t)((x + 0x1.8p+23f) - 0x1.8p+23f); /* halves to even */
}

static float largest_of(const float *x, size_t count)
{
	float most = 0.0f;

	for (size_t i = 0; i < count; i++)
		if (fabsf(x[i]) > most && fabsf(x[i]) < 0x1p100f)
			most = fabsf(x[i]);
	return most >= 0x1p-100f ? most : 1.0f;
}

float dense16_calibrate(const float *x, size_t count)
{
	return largest_of(x, count) / DENSE16_ROW;
}

float dense16_scale_of(const float *w, uint32_t inner)
{
	return largest_of(w, inner) / DENSE16_WEIGHT;
}

static uint32_t padded(uint32_t inner)
{
	return (inner + DENSE16_BLOCK - 1) & ~(DENSE16_BLOCK - 1);
}

size_t dense16_size(uint32_t inner, uint32_t columns)
{
	uint32_t columns_padded = kernel_lanes_up(columns);

	assert(inner > 0 && columns > 0 && inner <= DENSE_SIDE_MAX && columns <= DENSE_SIDE_MAX);
	return DENSE16_HEAD_BYTES + kernel_aligned(2 * sizeof(float) * columns_padded) +
	       kernel_aligned((size_t)padded(inner) * columns_padded * sizeof(int16_t));
}

size_t dense16_work_bytes(uint32_t inner, uint32_t rows)
{
	return kernel_aligned((size_t)padded(inner) * rows * sizeof(int16_t));
}

static size_t place_of(const struct dense16 *dense, uint32_t c, uint32_t k)
{
	uint32_t wide  = dense->columns - dense->columns % 32 > c ? 32 : 8;
	uint32_t first = c - c % wide;

	return (size_t)first * dense->inner_padded + (size_t)(k / 2) * 2 * wide + (c - first) * 2 +
	       k % 2;
}

static void pack_column(struct dense16 *dense, const struct dense_weights *from, uint32_t c)
{
	const float *w      = from->w + (size_t)c * from->inner;
	float        scale  = dense16_scale_of(w, from->inner);
	int16_t     *panels = (int16_t *)(uintptr_t)dense16_panels(dense);

	for (uint32_t k = 0; k < from->inner; k++) {
		assert(isfinite(w[k]));
		panels[place_of(dense, c, k)] = (int16_t)dense16_rounded(w[k] / scale,
									 DENSE16_WEIGHT);
	}
	((float *)(uintptr_t)dense16_scales(dense))[c] = dense->scale * scale;
	((float *)(uintptr_t)dense16_bias(dense))[c]   = from->bias ? from->bias[c] : 0.0f;
}

struct dense16 *dense16_pack(void *memory, const struct dense_weights *weights, float scale)
{
	struct dense16 *dense = memory;

	assert((uintptr_t)memory % KERNEL_ALIGN_BYTES == 0 && scale > 0.0f);
	assert(weights->activation.kind == KERNEL_NONE);
	memset(memory, 0, dense16_size(weights->inner, weights->columns));
	dense->inner          = weights->inner;
	dense->columns        = weights->columns;
	dense->inner_padded   = padded(weights->inner);
	dense->columns_padded = kernel_lanes_up(weights->columns);
	dense->scale          = scale;
	dense->steps          = 1.0f / scale;
	dense->sums           = kernel_has_avx2() ? dense16_sums_avx2 : dense16_sums_plain;
	dense->size_bytes     = dense16_size(weights->inner, weights->columns);
	for (uint32_t c = 0; c < dense->columns; c++)
		pack_column(dense, weights, c);
	return dense;
}

/* false: there is a NaN among them. */
static bool quantise(const struct dense16 *dense, const float *x, int16_t *u)
{
	bool whole = true;

	for (uint32_t k = 0; k < dense->inner; k++) {
		whole &= !isnan(x[k]);
		u[k] = isnan(x[k]) ? 0 : (int16_t)dense16_rounded(x[k] * dense->steps, DENSE16_ROW);
	}
	return whole;
}

static float column_sum(const struct dense16 *dense, const int16_t *u, uint32_t c)
{
	const int16_t *panels = dense16_panels(dense);
	float          sum    = 0.0f;

	for (uint32_t from = 0; from < dense->inner; from += DENSE16_BLOCK) {
		int32_t block = 0;

		for (uint32_t k = from; k < from + DENSE16_BLOCK && k < dense->inner; k++)
			block += u[k] * panels[place_of(dense, c, k)];
		sum += (float)block;
	}
	return sum;
}

void dense16_sums_plain(const struct dense16 *dense, const float *x, uint32_t rows, int16_t *work,
			float *o)
{
	const float *scales = dense16_scales(dense), *bias = dense16_bias(dense);

	for (uint32_t row = 0; row < rows; row++, x += dense->inner) {
		bool whole = quantise(dense, x, work);

		for (uint32_t c = 0; c < dense->columns; c++)
			*o++ = whole ? column_sum(dense, work, c) * scales[c] + bias[c] : NAN;
	}
}
