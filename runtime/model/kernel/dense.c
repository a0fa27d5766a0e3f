/* Packing, and the plain kernel over what was packed. */
#include "runtime/model/kernel/dense.h"

#include <string.h>

static_assert(sizeof(struct dense) <= DENSE_HEAD_BYTES, "its head");

size_t dense_size(uint32_t inner, uint32_t columns)
{
	assert(inner > 0 && columns > 0 && inner <= DENSE_SIDE_MAX && columns <= DENSE_SIDE_MAX);
	return DENSE_HEAD_BYTES + kernel_aligned(kernel_lanes_up(columns) * sizeof(float)) +
	       kernel_aligned((size_t)kernel_lanes_up(inner) * columns * sizeof(float));
}

static void pack_panel(float *panel, const struct dense_weights *from, uint32_t first,
		       uint32_t width)
{
	for (uint32_t k = 0; k < from->inner; k += KERNEL_LANES) {
		for (uint32_t c = 0; c < width; c++) {
			for (uint32_t lane = 0; lane < KERNEL_LANES; lane++)
				*panel++ = k + lane < from->inner
						   ? from->w[(size_t)(first + c) * from->inner + k +
							     lane]
						   : 0.0f;
		}
	}
}

static void choose(struct dense *dense)
{
	uint8_t kind = dense->activation.kind;

	dense->sums     = kernel_has_avx2() ? dense_sums_avx2 : dense_sums_plain;
	dense->activate = kind == KERNEL_NONE ? NULL : kernel_activate_choose();
	if (kernel_has_avx2() && kind == KERNEL_RELU) {
		dense->sums     = dense_relu_avx2;
		dense->activate = NULL;
	}
}

struct dense *dense_pack(void *memory, const struct dense_weights *weights)
{
	struct dense *dense = memory;
	float        *panels;

	assert((uintptr_t)memory % KERNEL_ALIGN_BYTES == 0);
	assert(weights->activation.kind < KERNEL_ACTIVATION_COUNT);
	memset(memory, 0, dense_size(weights->inner, weights->columns));
	dense->inner        = weights->inner;
	dense->columns      = weights->columns;
	dense->inner_padded = kernel_lanes_up(weights->inner);
	dense->activation   = weights->activation;
	dense->size_bytes   = dense_size(weights->inner, weights->columns);
	choose(dense);
	if (weights->bias)
		memcpy((float *)(uintptr_t)dense_bias(dense), weights->bias,
		       weights->columns * sizeof(float));
	panels = (float *)(uintptr_t)dense_panels(dense);
	for (uint32_t c = 0, width; c < dense->columns; c += width) {
		width = dense_panel_width(dense->columns, c);
		pack_panel(panels + (size_t)c * dense->inner_padded, weights, c, width);
	}
	return dense;
}

/* The sums of one panel, lane by lane. */
static void panel_plain(const float *panel, uint32_t width, const float *x, uint32_t inner,
			float *sums)
{
	float lanes[8][KERNEL_LANES] = { 0 };

	for (uint32_t k = 0; k < inner; k += KERNEL_LANES) {
		uint32_t there = inner - k < KERNEL_LANES ? inner - k : KERNEL_LANES;

		for (uint32_t c = 0; c < width; c++, panel += KERNEL_LANES)
			for (uint32_t lane = 0; lane < there; lane++)
				lanes[c][lane] += x[k + lane] * panel[lane];
	}
	for (uint32_t c = 0; c < width; c++)
		sums[c] = kernel_lanes_sum(lanes[c]);
}

void dense_sums_plain(const struct dense *dense, const float *x, uint32_t rows, float *o)
{
	const float *bias = dense_bias(dense), *panels = dense_panels(dense);

	for (uint32_t c = 0, width; c < dense->columns; c += width) {
		width = dense_panel_width(dense->columns, c);
		for (uint32_t row = 0; row < rows; row++) {
			float sums[8];

			panel_plain(panels + (size_t)c * dense->inner_padded, width,
				    x + (size_t)row * dense->inner, dense->inner, sums);
			for (uint32_t i = 0; i < width; i++)
				o[(size_t)row * dense->columns + c + i] = sums[i] + bias[c + i];
		}
	}
}
