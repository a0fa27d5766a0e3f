#include "runtime/model/kernel/window.h"

#define HEAD_BYTES 64u
static_assert(sizeof(struct window) <= HEAD_BYTES, "its head");

static uint32_t inner_of(const struct window_shape *shape)
{
	return shape->channels_in / shape->groups * shape->width;
}

static uint32_t columns_of(const struct window_shape *shape)
{
	return shape->channels_out / shape->groups;
}

size_t window_size(const struct window_shape *shape)
{
	assert(shape->groups > 0 && shape->channels_in % shape->groups == 0 &&
	       shape->channels_out % shape->groups == 0);
	return HEAD_BYTES + shape->groups * dense_size(inner_of(shape), columns_of(shape));
}

size_t window_work_floats(const struct window_shape *shape)
{
	return (size_t)shape->length_out * ((size_t)inner_of(shape) + columns_of(shape));
}

struct window *window_pack(void *memory, const struct window_weights *weights)
{
	const struct window_shape *shape  = &weights->shape;
	struct window             *window = memory;
	uint32_t                   inner = inner_of(shape), columns = columns_of(shape);

	assert((uintptr_t)memory % KERNEL_ALIGN_BYTES == 0);
	window->shape       = *shape;
	window->group_bytes = dense_size(inner, columns);
	window->size_bytes  = window_size(shape);
	for (uint32_t group = 0; group < shape->groups; group++) {
		size_t               first = (size_t)group * columns;
		struct dense_weights part  = {
			 .inner      = inner,
			 .columns    = columns,
			 .w          = weights->w + first * inner,
			 .bias       = weights->bias ? weights->bias + first : NULL,
			 .activation = weights->activation,
		};

		dense_pack((uint8_t *)memory + HEAD_BYTES + group * window->group_bytes, &part);
	}
	return window;
}

/* Window `at` of a group whose channels begin at x. */
static void copy_window(const struct window_shape *shape, const float *x, uint32_t at, float *to)
{
	for (uint32_t c = 0; c < shape->channels_in / shape->groups; c++, x += shape->length_in) {
		for (uint32_t k = 0; k < shape->width; k++) {
			int64_t i = (int64_t)at * shape->stride + (int64_t)k * shape->dilation -
				    shape->pad;

			*to++ = i >= 0 && i < shape->length_in ? x[i] : 0.0f;
		}
	}
}

void window_run(const struct window *window, const float *x, float *work, float *o)
{
	const struct window_shape *shape = &window->shape;
	const uint8_t             *layer = (const uint8_t *)window + HEAD_BYTES;
	uint32_t inner = inner_of(shape), columns = columns_of(shape), length = shape->length_out;
	float   *rows = work, *sums = work + (size_t)length * inner;

	for (uint32_t group = 0; group < shape->groups; group++, layer += window->group_bytes) {
		for (uint32_t at = 0; at < length; at++)
			copy_window(shape, x, at, rows + (size_t)at * inner);
		dense_run((const struct dense *)layer, rows, length, sums);
		for (uint32_t c = 0; c < columns; c++)
			for (uint32_t at = 0; at < length; at++)
				*o++ = sums[(size_t)at * columns + c];
		x += (size_t)(shape->channels_in / shape->groups) * shape->length_in;
	}
}

void window_judge(const struct window_weights *weights, const float *x, float *work, float *o)
{
	const struct window_shape *shape    = &weights->shape;
	uint32_t                   channels = shape->channels_in / shape->groups;

	for (uint32_t c = 0; c < shape->channels_out; c++) {
		const float *from = x +
				    (size_t)(c / columns_of(shape)) * channels * shape->length_in;

		for (uint32_t at = 0; at < shape->length_out; at++) {
			float sum;

			copy_window(shape, from, at, work);
			sum  = kernel_dot(work, weights->w + (size_t)c * inner_of(shape),
					  inner_of(shape));
			*o++ = kernel_activated(weights->activation,
						sum + (weights->bias ? weights->bias[c] : 0.0f));
		}
	}
}
