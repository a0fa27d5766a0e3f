/* A dense layer in whole numbers: o = activation(W x + b) with 8-bit weights and 7-bit
 * activations, for one row or many.
 *
 *   w[c][k] = scale_w[c] * q,  q from -127 to 127, a scale for each output
 *   x[k]    = scale_x * (u - zero),  u from 0 to 127, one scale for the layer
 *   o[c]    = float(sum of q u - zero * sum of q) * (scale_x * scale_w[c]) + bias[c]
 *
 * Why seven bits: AVX2 multiplies unsigned by signed bytes and adds two neighbours into 16
 * bits *with saturation* (vpmaddubsw).  2 * 127 * 127 = 32258 fits, so nothing saturates, all
 * sums are exact whole numbers, and their order does not matter: plain C, AVX2, one row and
 * many give the same bits.
 *
 * The layer's scale is chosen at load against calibration rows: of ranges from the full one
 * down, the one whose rounding and clipping of those rows costs least (mean square).
 *
 * A row with a NaN gives NaN everywhere: a whole number could not say that it is missing.
 * Infinities are clipped like everything that calibration did not see.
 *
 * Bounds: inner at most DENSE8_INNER_MAX, so that sums fit 32 bits; every weight finite, which
 *         the caller has checked. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_DENSE8_H
#define ASSAY_RUNTIME_MODEL_KERNEL_DENSE8_H

#include "runtime/model/kernel/dense.h"

#define DENSE8_INNER_MAX (1u << 17) /* * 127 * 127 < 2^31 */

struct dense8_input {
	float   scale; /* > 0 */
	int32_t zero;  /* 0 to 127 */
};

struct dense8;

typedef void dense8_fn(const struct dense8 *dense, const float *x, uint32_t rows, uint8_t *work,
		       float *o);

struct dense8 {
	uint32_t                 inner, columns;
	uint32_t                 inner_padded;   /* multiple of 32 */
	uint32_t                 columns_padded; /* multiple of 8 */
	struct dense8_input      input;
	float                    steps; /* 1 / input.scale, rounded */
	struct kernel_activation activation;
	dense8_fn               *sums;
	kernel_activate_fn      *activate; /* NULL: none */
	size_t                   size_bytes;
	/* behind it, each [columns_padded]: scales, bias, zero * sum of q; then panels of 8
	 * columns: [inner_padded / 4][8][4] */
};

/* The scale for rows like these: x [rows][inner].  Work: 16 passes over the rows. */
struct dense8_input dense8_calibrate(const float *x, size_t count);

size_t         dense8_size(uint32_t inner, uint32_t columns);
struct dense8 *dense8_pack(void *memory, const struct dense_weights *weights,
			   struct dense8_input input);

/* Bytes of work memory for a run, KERNEL_ALIGN_BYTES aligned. */
size_t dense8_work_bytes(uint32_t inner);

static inline void dense8_run(const struct dense8 *dense, const float *x, uint32_t rows,
			      uint8_t *work, float *o)
{
	dense->sums(dense, x, rows, work, o);
	if (dense->activate)
		dense->activate(dense->activation, o, (size_t)rows * dense->columns);
}

void dense8_judge(const struct dense_weights *weights, struct dense8_input input, const float *x,
		  uint32_t rows, float *o);

/* How far `got` is from `wanted`: the report at load. */
struct dense8_error {
	float largest; /* NaN when any of them is */
	float mean;
};
struct dense8_error dense8_error_of(const float *got, const float *wanted, size_t count);

/* For the kernels. */
dense8_fn dense8_sums_plain, dense8_sums_avx2, dense8_relu_avx2;
uint8_t   dense8_quantised(struct dense8_input input, float steps, float x); /* x not NaN */
float     dense8_scale_of(const float *w, uint32_t inner);
int32_t   dense8_weight_of(float w, float scale);

#define DENSE8_HEAD_BYTES 128u

static inline const float *dense8_scales(const struct dense8 *dense)
{
	return (const float *)((const uint8_t *)dense + DENSE8_HEAD_BYTES);
}

static inline const float *dense8_bias(const struct dense8 *dense)
{
	return dense8_scales(dense) + dense->columns_padded;
}

static inline const int32_t *dense8_zeros(const struct dense8 *dense)
{
	return (const int32_t *)(dense8_bias(dense) + dense->columns_padded);
}

static inline const int8_t *dense8_panels(const struct dense8 *dense)
{
	return (const int8_t *)dense + DENSE8_HEAD_BYTES +
	       kernel_aligned(3 * sizeof(float) * dense->columns_padded);
}

#endif
