/* The judges along axes: x is [outer][length][inner], and one line is the `length` numbers
 * `inner` apart.  Sums along a line are in double, in order. */
#include <math.h>
#include <string.h>

#include "runtime/model/fmath.h"
#include "runtime/model/graph/judge.h"

void graph_judge_concat(const struct graph_call *call)
{
	const struct graph_line *line = &call->node->line;
	float                   *o    = graph_output(call);

	for (uint32_t outer = 0; outer < line->outer; outer++) {
		for (uint32_t i = 0; i < call->node->input_count; i++) {
			uint32_t part = graph_input_tensor(call, i)->count / line->outer;

			memcpy(o, graph_input(call, i) + (size_t)outer * part, part * sizeof(*o));
			o += part;
		}
	}
}

/* An index from the end is negative; one out of range gives NaN. */
void graph_judge_gather(const struct graph_call *call)
{
	const struct graph_line *line = &call->node->line;
	const float             *x = graph_input(call, 0), *indices = graph_input(call, 1);
	uint32_t                 count = graph_input_tensor(call, 1)->count;
	float                   *o     = graph_output(call);

	for (uint32_t outer = 0; outer < line->outer; outer++) {
		for (uint32_t i = 0; i < count; i++) {
			float  index = indices[i] < 0.0f ? indices[i] + (float)line->length
							 : indices[i];
			bool   there = index >= 0.0f && index < (float)line->length;
			size_t from  = (size_t)outer * line->length + (there ? (uint32_t)index : 0);

			for (uint32_t n = 0; n < line->inner; n++)
				*o++ = there ? x[from * line->inner + n] : NAN;
		}
	}
}

static float line_sum(const float *x, const struct graph_line *line)
{
	double sum = 0.0;

	for (uint32_t i = 0; i < line->length; i++)
		sum += (double)x[(size_t)i * line->inner];
	return (float)sum;
}

static float line_mean(const float *x, const struct graph_line *line)
{
	double sum = 0.0;

	for (uint32_t i = 0; i < line->length; i++)
		sum += (double)x[(size_t)i * line->inner];
	return (float)(sum / line->length);
}

/* The largest, the first of equals; NaN when there is one. */
static uint32_t line_best(const float *x, const struct graph_line *line, float sign)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < line->length; i++) {
		float value = sign * x[(size_t)i * line->inner];
		float most  = sign * x[(size_t)best * line->inner];

		if (value > most || (isnan(value) && !isnan(most)))
			best = i;
	}
	return best;
}

void graph_judge_reduce(const struct graph_call *call)
{
	const struct graph_line *line = &call->node->line;
	const float             *x    = graph_input(call, 0);
	float                   *o    = graph_output(call);

	for (uint32_t outer = 0; outer < line->outer; outer++) {
		for (uint32_t n = 0; n < line->inner; n++) {
			const float *from = x + (size_t)outer * line->length * line->inner + n;
			uint32_t     best;

			switch ((enum graph_op)call->node->op) {
			case GRAPH_REDUCE_SUM: *o++ = line_sum(from, line); break;
			case GRAPH_REDUCE_MEAN: *o++ = line_mean(from, line); break;
			case GRAPH_ARG_MAX: *o++ = (float)line_best(from, line, 1.0f); break;
			default:
				best = line_best(from, line,
						 call->node->op == GRAPH_REDUCE_MIN ? -1.0f : 1.0f);
				*o++ = from[(size_t)best * line->inner];
				break;
			}
		}
	}
}

/* e^(x - max) over their sum; or x - max - ln of the sum. */
static void softmax_line(const float *x, float *o, const struct graph_line *line, bool in_log)
{
	float  most = x[(size_t)line_best(x, line, 1.0f) * line->inner];
	double sum  = 0.0;

	for (uint32_t i = 0; i < line->length; i++)
		sum += fmath_exp((double)x[(size_t)i * line->inner] - (double)most);
	for (uint32_t i = 0; i < line->length; i++) {
		double above = (double)x[(size_t)i * line->inner] - (double)most;

		o[(size_t)i * line->inner] = (float)(in_log ? above - fmath_log(sum)
							    : fmath_exp(above) / sum);
	}
}

void graph_judge_softmax(const struct graph_call *call)
{
	const struct graph_line *line = &call->node->line;
	const float             *x    = graph_input(call, 0);
	float                   *o    = graph_output(call);

	for (uint32_t outer = 0; outer < line->outer; outer++) {
		for (uint32_t n = 0; n < line->inner; n++) {
			size_t from = (size_t)outer * line->length * line->inner + n;

			softmax_line(x + from, o + from, line, call->node->op == GRAPH_LOG_SOFTMAX);
		}
	}
}

/* The divisor of ai.onnx.ml's Normalizer, 1 instead of 0. */
static double norm_of(enum graph_op op, const float *x, const struct graph_line *line)
{
	double norm = op == GRAPH_NORM_MAX ? -INFINITY : 0.0;

	for (uint32_t i = 0; i < line->length; i++) {
		double value = (double)x[(size_t)i * line->inner];

		if (op == GRAPH_NORM_MAX)
			norm = value > norm || isnan(value) ? value : norm;
		else
			norm += op == GRAPH_NORM_L1 ? fabs(value) : value * value;
	}
	if (op == GRAPH_NORM_L2)
		norm = sqrt(norm);
	return norm == 0.0 ? 1.0 : norm;
}

void graph_judge_normalize(const struct graph_call *call)
{
	const struct graph_line *line = &call->node->line;
	const float             *x    = graph_input(call, 0);
	float                   *o    = graph_output(call);

	for (uint32_t outer = 0; outer < line->outer; outer++) {
		for (uint32_t n = 0; n < line->inner; n++) {
			size_t from = (size_t)outer * line->length * line->inner + n;
			double norm = norm_of(call->node->op, x + from, line);

			for (uint32_t i = 0; i < line->length; i++) {
				size_t at = from + (size_t)i * line->inner;

				o[at] = (float)((double)x[at] / norm);
			}
		}
	}
}

/* (x - mean) / sqrt(variance + epsilon) * scale + bias; mean and variance in double. */
void graph_judge_layer_norm(const struct graph_call *call)
{
	const struct graph_line *line  = &call->node->line;
	const float             *x     = graph_input(call, 0);
	const float             *scale = graph_input(call, 1);
	const float             *bias  = call->node->input_count > 2 ? graph_input(call, 2) : NULL;
	float                   *o     = graph_output(call);

	for (uint32_t outer = 0; outer < line->outer; outer++) {
		double mean = 0.0, variance = 0.0, factor;

		for (uint32_t i = 0; i < line->length; i++)
			mean += (double)x[i];
		mean /= line->length;
		for (uint32_t i = 0; i < line->length; i++)
			variance += ((double)x[i] - mean) * ((double)x[i] - mean);
		factor = 1.0 / sqrt(variance / line->length + (double)line->epsilon);
		for (uint32_t i = 0; i < line->length; i++) {
			float normal = (float)(((double)x[i] - mean) * factor);

			o[i] = bias ? normal * scale[i] + bias[i] : normal * scale[i];
		}
		x += line->length;
		o += line->length;
	}
}
