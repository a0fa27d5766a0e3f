/* Lines of numbers that lie side by side: softmax and layer normalisation over the last axis.
 * x and o are [lines][length] and may be the same.
 *
 *   softmax      o = e^(x - max) / sum; a line with a NaN or +inf is all NaN
 *   layer norm   d = x - mean; o = d / sqrt(mean of d^2 + epsilon) * scale + bias
 *
 * Sums are kernel.h's eight lanes; everything is rounded to float32. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_LINE_H
#define ASSAY_RUNTIME_MODEL_KERNEL_LINE_H

#include "runtime/model/kernel/kernel.h"

struct line_norm {
	uint32_t     length;
	float        epsilon;
	const float *scale; /* [length] */
	const float *bias;  /* [length], or NULL: none is added */
};

typedef void softmax_fn(const float *x, uint32_t lines, uint32_t length, float *o);
typedef void norm_fn(const struct line_norm *norm, const float *x, uint32_t lines, float *o);

/* Chosen at load; there is nothing to pack. */
softmax_fn *softmax_choose(void);
norm_fn    *norm_choose(void);

softmax_fn softmax_judge, softmax_avx2;
norm_fn    norm_judge, norm_avx2;

#endif
