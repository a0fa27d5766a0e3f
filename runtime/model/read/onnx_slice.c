/* Operators that take numbers out: slices, parts, and what indices name. */
#include "runtime/model/read/onnx_node.h"

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
		start = onnx_limited(start, 0, length);
		end   = onnx_limited(end, 0, length);
	} else {
		start = onnx_limited(start, 0, (int64_t)length - 1);
		end   = onnx_limited(end, -1, (int64_t)length - 1);
	}
	*first = (uint32_t)start;
	*count = 0;
	if (step > 0 ? start >= end : start <= end)
		return true;
	*count = (uint32_t)(step > 0 ? (end - start + step - 1) / step
				     : (start - end - step - 1) / -step);
	return true;
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
			return onnx_nothing(o, "is an empty slice");
		step[axis] = (int32_t)onnx_limited(by, -(int64_t)GRAPH_FLOATS_MAX,
						   GRAPH_FLOATS_MAX);
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
