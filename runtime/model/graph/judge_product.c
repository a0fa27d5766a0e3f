/* The judges of products: dense layers, matrix products, windows. */
#include <math.h>

#include "runtime/model/graph/judge.h"

#define LANES 8u

static float lanes_sum(const float lane[LANES])
{
	return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
	       ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

float graph_dot(const float *x, const float *y, uint32_t count)
{
	float lane[LANES] = { 0 };

	for (uint32_t i = 0; i < count; i++)
		lane[i % LANES] += x[i] * y[i];
	return lanes_sum(lane);
}

float graph_sum(const float *x, uint32_t count)
{
	float lane[LANES] = { 0 };

	for (uint32_t i = 0; i < count; i++)
		lane[i % LANES] += x[i];
	return lanes_sum(lane);
}

/* o[row][column] = x[row] . y[column] + z[column] */
void graph_judge_dense(const struct graph_call *call)
{
	const struct graph_product *product = &call->node->product;
	const float                *x = graph_input(call, 0), *weights = graph_input(call, 1);
	const float *bias = call->node->input_count > 2 ? graph_input(call, 2) : NULL;
	float       *o    = graph_output(call);

	for (uint32_t row = 0; row < product->rows; row++) {
		for (uint32_t column = 0; column < product->columns; column++) {
			float sum = graph_dot(x + (size_t)row * product->inner,
					      weights + (size_t)column * product->inner,
					      product->inner);

			*o++ = bias ? sum + bias[column] : sum;
		}
	}
}

/* Each sum is in order of the inner axis. */
void graph_judge_matmul(const struct graph_call *call)
{
	const struct graph_product *product = &call->node->product;
	float                      *o       = graph_output(call);

	for (uint32_t batch = 0; batch < product->batches; batch++) {
		const float *x = graph_input(call, 0) + (size_t)batch * product->x_step;
		const float *y = graph_input(call, 1) + (size_t)batch * product->y_step;

		for (uint32_t row = 0; row < product->rows; row++) {
			for (uint32_t column = 0; column < product->columns; column++) {
				float sum = 0.0f;

				for (uint32_t i = 0; i < product->inner; i++)
					sum += x[(size_t)row * product->inner + i] *
					       y[(size_t)i * product->columns + column];
				*o++ = sum;
			}
		}
	}
}

/* Each sum starts from the bias and goes channel by channel, each from left to right;
 * padding is left out. */
void graph_judge_conv(const struct graph_call *call)
{
	const struct graph_window *w = &call->node->window;
	const float               *x = graph_input(call, 0), *weights = graph_input(call, 1);
	const float               *bias = call->node->input_count > 2 ? graph_input(call, 2) : NULL;
	float                     *o    = graph_output(call);
	uint32_t                   channels = w->channels_in / w->groups;

	for (uint32_t out = 0; out < w->channels_out; out++) {
		uint32_t     group = out / (w->channels_out / w->groups);
		const float *from  = x + (size_t)group * channels * w->length_in;
		const float *with  = weights + (size_t)out * channels * w->width;

		for (uint32_t at = 0; at < w->length_out; at++) {
			float sum = bias ? bias[out] : 0.0f;

			for (uint32_t c = 0; c < channels; c++) {
				for (uint32_t k = 0; k < w->width; k++) {
					int64_t i = (int64_t)at * w->stride +
						    (int64_t)k * w->dilation - w->pad;

					if (i >= 0 && i < w->length_in)
						sum += from[(size_t)c * w->length_in + (size_t)i] *
						       with[(size_t)c * w->width + k];
				}
			}
			*o++ = sum;
		}
	}
}

static float pooled(const struct graph_window *w, const float *x, uint32_t at, bool largest)
{
	float    most = -INFINITY, sum = 0.0f;
	uint32_t count = 0;

	for (uint32_t k = 0; k < w->width; k++) {
		int64_t i = (int64_t)at * w->stride + (int64_t)k * w->dilation - w->pad;

		if (i < 0 || i >= w->length_in)
			continue;
		if (x[i] > most || isnan(x[i]))
			most = x[i];
		sum += x[i];
		count++;
	}
	if (largest)
		return most;
	return sum / (float)(w->pad_counts ? w->width : count);
}

void graph_judge_pool(const struct graph_call *call)
{
	const struct graph_window *w = &call->node->window;
	const float               *x = graph_input(call, 0);
	float                     *o = graph_output(call);

	for (uint32_t channel = 0; channel < w->channels_out; channel++)
		for (uint32_t at = 0; at < w->length_out; at++)
			*o++ = pooled(w, x + (size_t)channel * w->length_in, at,
				      call->node->op == GRAPH_MAX_POOL);
}
