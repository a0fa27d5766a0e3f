/* A dense layer: o = activation(W x + b), for each of `rows` rows of x.
 *
 * Packed: columns (outputs) in panels of 8, then at most one of 4, then single ones, each
 * panel as it is read:
 *
 *   panel of n columns: [inner / 8][n][8], the inner axis padded with zeros
 *
 * so one row of x costs one pass over the panels, front to back, at the speed of the cache
 * they are in, and a row of many costs the same sums in the same order.
 *
 * Bounds: inner and columns at most DENSE_SIDE_MAX. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_DENSE_H
#define ASSAY_RUNTIME_MODEL_KERNEL_DENSE_H

#include "runtime/model/kernel/kernel.h"

#define DENSE_SIDE_MAX (1u << 24)

struct dense_weights {
	uint32_t                 inner, columns;
	const float             *w;    /* [columns][inner] */
	const float             *bias; /* [columns], or NULL: zeros */
	struct kernel_activation activation;
};

struct dense;

/* x [rows][inner], o [rows][columns]; they do not overlap. */
typedef void dense_fn(const struct dense *dense, const float *x, uint32_t rows, float *o);

struct dense {
	uint32_t                 inner, columns;
	uint32_t                 inner_padded; /* multiple of 8 */
	struct kernel_activation activation;
	dense_fn                *sums;     /* before the activation, unless it is NULL */
	kernel_activate_fn      *activate; /* NULL: none is left to do */
	size_t                   size_bytes;
	/* behind it: bias [columns, padded to 8], then the panels */
};

size_t        dense_size(uint32_t inner, uint32_t columns);
struct dense *dense_pack(void *memory, const struct dense_weights *weights);

static inline void dense_run(const struct dense *dense, const float *x, uint32_t rows, float *o)
{
	dense->sums(dense, x, rows, o);
	if (dense->activate)
		dense->activate(dense->activation, o, (size_t)rows * dense->columns);
}

void dense_judge(const struct dense_weights *weights, const float *x, uint32_t rows, float *o);

/* For the kernels. */
dense_fn dense_sums_plain, dense_sums_avx2, dense_relu_avx2;

#define DENSE_HEAD_BYTES 64u

static inline const float *dense_bias(const struct dense *dense)
{
	return (const float *)((const uint8_t *)dense + DENSE_HEAD_BYTES);
}

static inline const float *dense_panels(const struct dense *dense)
{
	return (const float *)((const uint8_t *)dense + DENSE_HEAD_BYTES +
			       kernel_aligned(kernel_lanes_up(dense->columns) * sizeof(float)));
}

/* Columns of the panel that starts at `column`. */
static inline uint32_t dense_panel_width(uint32_t columns, uint32_t column)
{
	uint32_t left = columns - column;

	return left >= 8 ? 8 : left >= 4 ? 4 : 1;
}

#endif
