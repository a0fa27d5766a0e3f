/* Operators that move numbers or tell shapes. */
#include <math.h>
#include <string.h>

#include "runtime/model/read/onnx_node.h"

/* Where a file was made for a fixed batch, a constant shape still has it: one dimension is
 * the batch, or holds it.  Which one must be plain. */
static bool without_batch(struct onnx *o, int64_t *dims, uint32_t rank)
{
	uint32_t equal = 0, divisible = 0, at = 0;

	for (uint32_t d = 0; d < rank; d++) {
		equal += dims[d] == o->batch;
		divisible += dims[d] % o->batch == 0;
	}
	if (equal != 1 && divisible != 1) {
		graph_refuse(&o->build,
			     "the model is made for a batch of %u, and which dimension of "
			     "this shape holds it is not clear; save it with a free batch",
			     o->batch);
		return false;
	}
	while (equal == 1 ? dims[at] != o->batch : dims[at] % o->batch != 0)
		at++;
	dims[at] /= o->batch;
	return true;
}

/* Resolve 0 (as it was) and -1 (what is left). */
static bool resolve(struct onnx *o, struct graph_shape from, int64_t *dims, uint32_t rank,
		    bool allow_zero, struct graph_shape *out)
{
	uint64_t count = 1, have = 1;
	int32_t  free_at = -1;

	for (uint32_t d = 0; d < from.rank; d++)
		have *= from.dims[d];
	for (uint32_t d = 0; d < rank; d++) {
		if (dims[d] == 0 && !allow_zero && d < from.rank)
			dims[d] = from.dims[d];
		if (dims[d] == -1 && free_at < 0) {
			free_at = (int32_t)d;
			continue;
		}
		if (dims[d] <= 0 || dims[d] > GRAPH_WEIGHTS_MAX || count > GRAPH_WEIGHTS_MAX) {
			graph_refuse(&o->build, "a shape cannot have the dimension %lld",
				     (long long)dims[d]);
			return false;
		}
		count *= (uint64_t)dims[d];
	}
	if (free_at < 0 && o->batch > 1 && count == have * o->batch &&
	    !without_batch(o, dims, rank))
		return false;
	if (free_at >= 0 && count > 0 && have % count != 0 && o->batch > 1)
		count = 0;
	if (free_at >= 0 && (count == 0 || have % count != 0 || have < count)) {
		graph_refuse(&o->build, "%llu numbers cannot take this shape",
			     (unsigned long long)have);
		return false;
	}
	out->rank = (uint8_t)rank;
	for (uint32_t d = 0; d < rank; d++)
		out->dims[d] = (int32_t)d == free_at ? (uint32_t)(have / count) : (uint32_t)dims[d];
	return true;
}

bool onnx_reshape(struct onnx *o, const struct onnx_operator *row)
{
	int64_t            dims[GRAPH_RANK_MAX];
	struct graph_shape out;
	uint32_t           x = onnx_input(o, 0), rank;

	(void)row;
	if (x == GRAPH_NONE || !onnx_input_ints(o, 1, dims, GRAPH_RANK_MAX, &rank) ||
	    !resolve(o, graph_shape_of(&o->build, x), dims, rank, onnx_int(o, "allowzero", 0) != 0,
		     &out))
		return false;
	return onnx_output(o, 0, graph_add_view(&o->build, x, out));
}

bool onnx_flatten(struct onnx *o, const struct onnx_operator *row)
{
	struct graph_shape from, out = { .rank = 2, .dims = { 1, 1 } };
	uint32_t           x     = onnx_input(o, 0), axis;
	int64_t            given = onnx_int(o, "axis", 1);

	(void)row;
	if (x == GRAPH_NONE)
		return false;
	from = graph_shape_of(&o->build, x);
	axis = from.rank;
	if (given != from.rank && !onnx_axis(o, given, from.rank, &axis))
		return false;
	for (uint32_t d = 0; d < from.rank; d++)
		out.dims[d < axis ? 0 : 1] *= from.dims[d];
	return onnx_output(o, 0, graph_add_view(&o->build, x, out));
}

/* The axes of Squeeze and Unsqueeze: an attribute up to opset 12, an input since. */
static bool axes_of(struct onnx *o, uint32_t rank, uint32_t *bits, bool *given)
{
	int64_t  axes[GRAPH_RANK_MAX];
	uint32_t count, axis;

	*bits = 0;
	if (!onnx_ints(o, "axes", axes, GRAPH_RANK_MAX, &count, given))
		return false;
	if (!*given && onnx_has_input(o, 1)) {
		*given = true;
		if (!onnx_input_ints(o, 1, axes, GRAPH_RANK_MAX, &count))
			return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!onnx_axis(o, axes[i], rank, &axis))
			return false;
		if (*bits >> axis & 1) {
			graph_refuse(&o->build, "axis %u is given twice", axis);
			return false;
		}
		*bits |= 1u << axis;
	}
	return true;
}

bool onnx_squeeze(struct onnx *o, const struct onnx_operator *row)
{
	struct graph_shape from, out = { 0 };
	uint32_t           x = onnx_input(o, 0), bits;
	bool               given;

	(void)row;
	if (x == GRAPH_NONE)
		return false;
	from = graph_shape_of(&o->build, x);
	if (!axes_of(o, from.rank, &bits, &given))
		return false;
	for (uint32_t d = 0; d < from.rank; d++) {
		bool drop = given ? bits >> d & 1 : from.dims[d] == 1;

		if (drop && from.dims[d] != 1) {
			graph_refuse(&o->build, "axis %u has %u, not 1", d, from.dims[d]);
			return false;
		}
		if (!drop)
			out.dims[out.rank++] = from.dims[d];
	}
	return onnx_output(o, 0, graph_add_view(&o->build, x, out));
}

bool onnx_unsqueeze(struct onnx *o, const struct onnx_operator *row)
{
	struct graph_shape from, out = { 0 };
	uint32_t           x = onnx_input(o, 0), bits, next = 0, more = 0;
	int64_t            axes[GRAPH_RANK_MAX];
	bool               given;

	(void)row;
	if (x == GRAPH_NONE)
		return false;
	from = graph_shape_of(&o->build, x);
	if (onnx_has_input(o, 1)) {
		if (!onnx_input_ints(o, 1, axes, GRAPH_RANK_MAX, &more))
			return false;
	} else if (!onnx_ints(o, "axes", axes, GRAPH_RANK_MAX, &more, &given)) {
		return false;
	}
	if (from.rank + more > GRAPH_RANK_MAX) {
		graph_refuse(&o->build, "the result has more than %u axes", GRAPH_RANK_MAX);
		return false;
	}
	if (!axes_of(o, from.rank + more, &bits, &given))
		return false;
	out.rank = (uint8_t)(from.rank + more);
	for (uint32_t d = 0; d < out.rank; d++)
		out.dims[d] = bits >> d & 1 ? 1 : from.dims[next++];
	return onnx_output(o, 0, graph_add_view(&o->build, x, out));
}

bool onnx_transpose(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t x = onnx_input(o, 0), rank, count, axis, seen = 0;
	int64_t  perm[GRAPH_RANK_MAX];
	uint8_t  axes[GRAPH_RANK_MAX];
	bool     given;

	(void)row;
	if (x == GRAPH_NONE || !onnx_ints(o, "perm", perm, GRAPH_RANK_MAX, &count, &given))
		return false;
	rank = graph_tensor(&o->build, x)->rank;
	if (given && count != rank) {
		graph_refuse(&o->build, "perm has %u axes, the input %u", count, rank);
		return false;
	}
	for (uint32_t d = 0; d < rank; d++) {
		if (!onnx_axis(o, given ? perm[d] : rank - 1 - d, rank, &axis))
			return false;
		axes[d] = (uint8_t)axis;
		seen |= 1u << axis;
	}
	if (seen != (1u << rank) - 1) {
		graph_refuse(&o->build, "perm names an axis twice");
		return false;
	}
	return onnx_output(o, 0, graph_add_transpose(&o->build, x, axes));
}

bool onnx_concat(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t inputs[GRAPH_INPUTS_MAX], count = 0, axis, joined;

	(void)row;
	if (o->node->n_input > GRAPH_INPUTS_MAX) {
		graph_refuse(&o->build, "%zu inputs; allowed are %u", o->node->n_input,
			     GRAPH_INPUTS_MAX);
		return false;
	}
	for (uint32_t i = 0; i < o->node->n_input; i++) {
		if (!onnx_has_input(o, i))
			continue;
		inputs[count] = onnx_input(o, i);
		if (inputs[count++] == GRAPH_NONE)
			return false;
	}
	if (count == 0) {
		graph_refuse(&o->build, "there is nothing to join");
		return false;
	}
	if (!onnx_axis(o, onnx_int(o, "axis", 1), graph_tensor(&o->build, inputs[0])->rank, &axis))
		return false;
	joined = graph_add_concat(&o->build, inputs, count, axis);
	if (!onnx_output(o, 0, joined))
		return false;
	if (onnx_has_output(o, 0) && count == 2 && axis == 1 &&
	    graph_tensor(&o->build, inputs[0])->count == 1 &&
	    graph_tensor(&o->build, inputs[1])->count == 1)
		onnx_value(o, o->node->output[0])->second = inputs[1];
	return true;
}
