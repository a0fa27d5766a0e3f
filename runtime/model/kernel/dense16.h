/* A dense layer in whole numbers of 16 bits: half the bytes of float32, for recurrences, whose
 * errors add up step by step and which seven bits do not carry.
 *
 *   w[c][k] = scale_w[c] * q,  q within -16383 and 16383, a scale for each output
 *   x[k]    = scale_x * u,     u within -8191 and 8191, one scale for the layer
 *   o[c]    = sum * (scale_x * scale_w[c]) + bias[c]
 *
 * The sum is exact in blocks of 16 products: AVX2 multiplies 16-bit numbers and adds two
 * neighbours into 32 bits (vpmaddwd), and 16 * 16383 * 8191 = 2147090448 fits.  Each block is
 * rounded to float32 and added to those before it, in order: one order, the same bits.
 *
 * A row with a NaN gives NaN everywhere; what lies outside of the range is clipped.
 * Every weight is finite, which the caller has checked. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_DENSE16_H
#define ASSAY_RUNTIME_MODEL_KERNEL_DENSE16_H

#include "runtime/model/kernel/dense.h"

#define DENSE16_BLOCK  16u
#define DENSE16_ROW    8191  /* of u */
#define DENSE16_WEIGHT 16383 /* of q */

struct dense16;

typedef void dense16_fn(const struct dense16 *dense, const float *x, uint32_t rows, int16_t *work,
			float *o);

struct dense16 {
	uint32_t    inner, columns;
	uint32_t    inner_padded;   /* multiple of 16 */
	uint32_t    columns_padded; /* multiple of 8 */
	float       scale, steps;   /* of x; 1 / scale, rounded */
	dense16_fn *sums;
	size_t      size_bytes;
	/* behind it, each [columns_padded]: scales, bias; then panels of 32
	 * columns and, for those that are left, of 8: [inner_padded / 2][32 or 8][2] */
};

/* The largest of the rows is the end of the range. */
float dense16_calibrate(const float *x, size_t count);

size_t dense16_size(uint32_t inner, uint32_t columns);
/* The weights' activation must be KERNEL_NONE. */
struct dense16 *dense16_pack(void *memory, const struct dense_weights *weights, float scale);

/* Bytes of work memory for a run, KERNEL_ALIGN_BYTES aligned. */
size_t dense16_work_bytes(uint32_t inner, uint32_t rows);

static inline void dense16_run(const struct dense16 *dense, const float *x, uint32_t rows,
			       int16_t *work, float *o)
{
	dense->sums(dense, x, rows, work, o);
}

void dense16_judge(const struct dense_weights *weights, float scale, const float *x, uint32_t rows,
		   float *o);

/* For the kernels. */
dense16_fn dense16_sums_plain, dense16_sums_avx2;
/* x to the nearest whole number within -limit and limit. */
int32_t dense16_rounded(float x, int32_t limit);
float   dense16_scale_of(const float *w, uint32_t inner);

#define DENSE16_HEAD_BYTES 64u

static inline const float *dense16_scales(const struct dense16 *dense)
{
	return (const float *)((const uint8_t *)dense + DENSE16_HEAD_BYTES);
}

static inline const float *dense16_bias(const struct dense16 *dense)
{
	return dense16_scales(dense) + dense->columns_padded;
}

static inline const int16_t *dense16_panels(const struct dense16 *dense)
{
	return (const int16_t *)((const uint8_t *)dense + DENSE16_HEAD_BYTES +
				 kernel_aligned(2 * sizeof(float) * dense->columns_padded));
}

#endif
