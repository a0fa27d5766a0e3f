/* One-dimensional convolution: a dense layer over each window of the input.
 *
 * x [channels_in][length_in], w [channels_out][channels_in / groups][width],
 * o [channels_out][length_out]; output `at` of a group sees its channels at
 * at * stride + k * dilation - pad, where what lies outside is 0.  The sum is kernel.h's dot
 * product of the window, channel by channel and left to right, with the weights. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_WINDOW_H
#define ASSAY_RUNTIME_MODEL_KERNEL_WINDOW_H

#include "runtime/model/kernel/dense.h"

struct window_shape {
	uint32_t channels_in, length_in, channels_out, length_out;
	uint32_t width, stride, dilation, pad, groups; /* groups divides both channels */
};

struct window_weights {
	struct window_shape      shape;
	const float             *w;
	const float             *bias; /* [channels_out], or NULL: zeros */
	struct kernel_activation activation;
};

struct window {
	struct window_shape shape;
	size_t              group_bytes; /* of each group's dense layer */
	size_t              size_bytes;
	/* behind it, KERNEL_ALIGN_BYTES aligned: the groups' dense layers */
};

size_t         window_size(const struct window_shape *shape);
struct window *window_pack(void *memory, const struct window_weights *weights);
/* Floats of work memory: all windows of one group, and its outputs. */
size_t window_work_floats(const struct window_shape *shape);

void window_run(const struct window *window, const float *x, float *work, float *o);
/* work: one window */
void window_judge(const struct window_weights *weights, const float *x, float *work, float *o);

#endif
