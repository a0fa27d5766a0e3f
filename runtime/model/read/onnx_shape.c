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

/* starts, ends, axes, steps: attributes in opset 9, inputs since. */
struct cut {
	int64_t  start[GRAPH_RANK_MAX], end[GRAPH_RANK_MAX], axis[GRAPH_RANK_MAX];
	int64_t  step[GRAPH_RANK_MAX];
	uint32_t starts, ends, axes, steps;
};

static bool read_cut(struct onnx *o, struct cut *cut)
{
	bool given;

	if (o->opset < 10)
		return onnx_ints(o, "starts", cut->start, GRAPH_RANK_MAX, &cut->starts, &given) &&
		       onnx_ints(o, "ends", cut->end, GRAPH_RANK_MAX, &cut->ends, &given) &&
		       onnx_ints(o, "axes", cut->axis, GRAPH_RANK_MAX, &cut->axes, &given);
	return onnx_input_ints(o, 1, cut->start, GRAPH_RANK_MAX, &cut->starts) &&
	       onnx_input_ints(o, 2, cut->end, GRAPH_RANK_MAX, &cut->ends) &&
	       (!onnx_has_input(o, 3) ||
		onnx_input_ints(o, 3, cut->axis, GRAPH_RANK_MAX, &cut->axes)) &&
	       (!onnx_has_input(o, 4) ||
		onnx_input_ints(o, 4, cut->step, GRAPH_RANK_MAX, &cut->steps));
}

static int64_t limited(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* One axis, as numpy slices it. */
static bool cut_axis(struct onnx *o, int64_t start, int64_t end, int64_t step, uint32_t length,
		     uint32_t *first, uint32_t *count)
{
	if (step == 0) {
		graph_refuse(&o->build, "a slice cannot have the step 0");
		return false;
	}
	start += start < 0 ? length : 0;
	end += end < 0 ? length : 0;
	if (step > 0) {
		start = limited(start, 0, length);
		end   = limited(end, 0, length);
	} else {
		start = limited(start, 0, (int64_t)length - 1);
		end   = limited(end, -1, (int64_t)length - 1);
	}
	*first = (uint32_t)start;
	*count = 0;
	if (step > 0 ? start >= end : start <= end)
		return true;
	*count = (uint32_t)(step > 0 ? (end - start + step - 1) / step
				     : (start - end - step - 1) / -step);
	return true;
}

/* Nothing, of which only a shape may be made. */
static bool give_nothing(struct onnx *o, const char *why_not)
{
	onnx_output_why_not(o, 0, why_not);
	if (onnx_has_output(o, 0) && !o->build.failed)
		onnx_value(o, o->node->output[0])->empty = true;
	return !o->build.failed;
}

bool onnx_slice(struct onnx *o, const struct onnx_operator *row)
{
	struct cut         cut = { 0 };
	struct graph_shape shape;
	uint32_t           first[GRAPH_RANK_MAX] = { 0 }, x = onnx_input(o, 0), axis, seen = 0;
	int32_t            step[GRAPH_RANK_MAX] = { 1, 1, 1, 1, 1, 1 };

	(void)row;
	if (x == GRAPH_NONE || !read_cut(o, &cut))
		return false;
	shape = graph_shape_of(&o->build, x);
	if (cut.starts != cut.ends || (cut.axes && cut.axes != cut.starts) ||
	    (cut.steps && cut.steps != cut.starts) || cut.starts > shape.rank) {
		graph_refuse(&o->build, "starts, ends, axes and steps must be as many, at most %u",
			     shape.rank);
		return false;
	}
	for (uint32_t i = 0; i < cut.starts; i++) {
		int64_t by = cut.steps ? cut.step[i] : 1;

		if (!onnx_axis(o, cut.axes ? cut.axis[i] : i, shape.rank, &axis))
			return false;
		if (seen >> axis & 1) {
			graph_refuse(&o->build, "axis %u is given twice", axis);
			return false;
		}
		seen |= 1u << axis;
		if (!cut_axis(o, cut.start[i], cut.end[i], by, shape.dims[axis], &first[axis],
			      &shape.dims[axis]))
			return false;
		if (shape.dims[axis] == 0)
			return give_nothing(o, "is an empty slice");
		step[axis] = (int32_t)limited(by, -(int64_t)GRAPH_FLOATS_MAX, GRAPH_FLOATS_MAX);
	}
	return onnx_output(o, 0, graph_add_slice(&o->build, x, first, step, shape));
}

/* The parts' sizes: an attribute up to opset 12, an input since, or equal parts. */
static bool split_sizes(struct onnx *o, uint32_t length, int64_t *sizes, uint32_t *count)
{
	int64_t parts = onnx_int(o, "num_outputs", (int64_t)o->node->n_output), sum = 0, each;
	bool    given;

	if (!onnx_ints(o, "split", sizes, 64, count, &given))
		return false;
	if (!given && onnx_has_input(o, 1)) {
		given = true;
		if (!onnx_input_ints(o, 1, sizes, 64, count))
			return false;
	}
	if (!given) {
		if (parts < 1 || parts > 64 || parts > length) {
			graph_refuse(&o->build, "%lld parts of %u", (long long)parts, length);
			return false;
		}
		*count = (uint32_t)parts;
		each   = (length + parts - 1) / parts;
		for (uint32_t i = 0; i < *count; i++)
			sizes[i] = i + 1 < *count ? each : length - each * (parts - 1);
	}
	for (uint32_t i = 0; i < *count; i++) {
		sum += sizes[i];
		if (sizes[i] < 1 || sum > length) {
			graph_refuse(&o->build, "part %u has %lld of %u", i, (long long)sizes[i],
				     length);
			return false;
		}
	}
	if (sum == length && *count == o->node->n_output)
		return true;
	graph_refuse(&o->build, "%u parts of %lld together, of %u, for %zu outputs", *count,
		     (long long)sum, length, o->node->n_output);
	return false;
}

bool onnx_split(struct onnx *o, const struct onnx_operator *row)
{
	static const int32_t step[GRAPH_RANK_MAX] = { 1, 1, 1, 1, 1, 1 };
	struct graph_shape   shape;
	uint32_t             first[GRAPH_RANK_MAX] = { 0 }, x = onnx_input(o, 0), axis, count;
	int64_t              sizes[64];

	(void)row;
	if (x == GRAPH_NONE)
		return false;
	shape = graph_shape_of(&o->build, x);
	if (!onnx_axis(o, onnx_int(o, "axis", 0), shape.rank, &axis) ||
	    !split_sizes(o, shape.dims[axis], sizes, &count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		shape.dims[axis] = (uint32_t)sizes[i];
		if (!onnx_output(o, i, graph_add_slice(&o->build, x, first, step, shape)))
			return false;
		first[axis] += (uint32_t)sizes[i];
	}
	return true;
}

bool onnx_gather(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t x = onnx_input(o, 0), axis;

	(void)row;
	if (x == GRAPH_NONE ||
	    !onnx_axis(o, onnx_int(o, "axis", 0), graph_tensor(&o->build, x)->rank, &axis))
		return false;
	return onnx_output(o, 0, graph_add_gather(&o->build, x, onnx_input(o, 1), axis));
}

/* The number, or numbers, of a Constant's other attributes. */
static uint32_t plain_constant(struct onnx *o, const Onnx__AttributeProto *attribute)
{
	struct graph_shape shape = { 0 };
	float              values[64];

	if (attribute->has_f)
		return graph_add_number(&o->build, attribute->f);
	if (attribute->n_floats > 0 && attribute->n_floats <= UINT32_MAX)
		return graph_add_numbers(&o->build, attribute->floats,
					 (uint32_t)attribute->n_floats);
	if (attribute->n_ints > 64)
		return graph_refuse(&o->build, "more than 64 whole numbers in an attribute");
	if (!attribute->has_i && attribute->n_ints == 0)
		return graph_refuse(&o->build, "the constant is of a kind that is not supported");
	shape.rank    = attribute->has_i ? 0 : 1;
	shape.dims[0] = (uint32_t)attribute->n_ints;
	for (uint32_t i = 0; i < (attribute->has_i ? 1 : attribute->n_ints); i++)
		if (!onnx_whole(o, attribute->has_i ? attribute->i : attribute->ints[i],
				&values[i]))
			return GRAPH_NONE;
	return graph_add_constant(&o->build, GRAPH_WHOLE, shape, values);
}

bool onnx_constant_node(struct onnx *o, const struct onnx_operator *row)
{
	static const char *const    names[] = { "value",     "value_float", "value_floats",
						"value_int", "value_ints",  NULL };
	const Onnx__AttributeProto *found   = NULL;
	uint32_t                    tensor;
	bool                        empty = false;

	(void)row;
	for (uint32_t i = 0; names[i] && !found; i++)
		found = onnx_attribute(o, names[i]);
	if (!found) {
		graph_refuse(&o->build, "the constant is of a kind that is not supported");
		return false;
	}
	tensor = found->t ? onnx_constant(o, found->t, &empty) : plain_constant(o, found);
	if (!empty)
		return onnx_output(o, 0, tensor);
	return give_nothing(o, "is an empty constant");
}

static bool shape_from(struct onnx *o, const int64_t *dims, uint32_t rank,
		       struct graph_shape *shape)
{
	shape->rank = (uint8_t)rank;
	for (uint32_t d = 0; d < rank; d++) {
		if (dims[d] < 1 || dims[d] > GRAPH_FLOATS_MAX) {
			graph_refuse(&o->build, "a shape cannot have the dimension %lld",
				     (long long)dims[d]);
			return false;
		}
		shape->dims[d] = (uint32_t)dims[d];
	}
	return true;
}

bool onnx_constant_of_shape(struct onnx *o, const struct onnx_operator *row)
{
	const Onnx__AttributeProto *value = onnx_attribute(o, "value");
	struct graph_shape          shape, one = { 0 };
	int64_t                     dims[GRAPH_RANK_MAX];
	uint32_t                    rank, number;
	bool                        empty = false;

	(void)row;
	if (!onnx_input_ints(o, 0, dims, GRAPH_RANK_MAX, &rank) ||
	    !shape_from(o, dims, rank, &shape))
		return false;
	number = value && value->t ? onnx_constant(o, value->t, &empty)
				   : graph_add_number(&o->build, 0.0f);
	if (empty || number == GRAPH_NONE || graph_tensor(&o->build, number)->count != 1) {
		graph_refuse(&o->build, "the value must be one number");
		return false;
	}
	return onnx_output(
		o, 0, graph_add_expand(&o->build, graph_add_view(&o->build, number, one), shape));
}

bool onnx_shape_node(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t           x = onnx_input(o, 0), start = 0, end;
	struct graph_shape shape, out                  = { .rank = 1 };
	int64_t            from, to;
	float              values[GRAPH_RANK_MAX];

	(void)row;
	if (x == GRAPH_NONE)
		return false;
	shape = graph_shape_of(&o->build, x);
	from  = onnx_int(o, "start", 0);
	to    = onnx_int(o, "end", shape.rank);
	start = (uint32_t)limited(from < 0 ? from + shape.rank : from, 0, shape.rank);
	end   = (uint32_t)limited(to < 0 ? to + shape.rank : to, start, shape.rank);
	if (end == start)
		return give_nothing(o, "is an empty shape");
	for (uint32_t d = start; d < end; d++)
		values[d - start] = (float)shape.dims[d];
	out.dims[0] = end - start;
	return onnx_output(o, 0, graph_add_constant(&o->build, GRAPH_WHOLE, out, values));
}

bool onnx_expand(struct onnx *o, const struct onnx_operator *row)
{
	struct graph_shape shape;
	int64_t            dims[GRAPH_RANK_MAX];
	uint32_t           x = onnx_input(o, 0), rank;

	(void)row;
	if (x == GRAPH_NONE || !onnx_input_ints(o, 1, dims, GRAPH_RANK_MAX, &rank) ||
	    !shape_from(o, dims, rank, &shape))
		return false;
	return onnx_output(o, 0, graph_add_expand(&o->build, x, shape));
}
