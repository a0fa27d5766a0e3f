/* Convolution and pooling along one dimension: x is [1, channels, length]. */
#include "runtime/model/read/onnx_node.h"

/* One whole number of an attribute with one for each dimension. */
static bool one_of(struct onnx *o, const char *name, int64_t otherwise, int64_t min, int64_t max,
		   int64_t *value)
{
	int64_t  given[2];
	uint32_t count;
	bool     is_given;

	if (!onnx_ints(o, name, given, 1, &count, &is_given))
		return false;
	*value = is_given && count == 1 ? given[0] : otherwise;
	if (*value >= min && *value <= max)
		return true;
	graph_refuse(&o->build, "%s is %lld; allowed are %lld to %lld", name, (long long)*value,
		     (long long)min, (long long)max);
	return false;
}

static bool paddings(struct onnx *o, int64_t reach, int64_t length, int64_t stride, int64_t pads[2])
{
	static const char *const kinds[] = { "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", NULL };
	int                      kind    = onnx_choice(o, "auto_pad", "NOTSET", kinds);
	uint32_t                 count;
	bool                     given;
	int64_t                  all;

	pads[0] = pads[1] = 0;
	if (kind < 0 || !onnx_ints(o, "pads", pads, 2, &count, &given))
		return false;
	if (kind >= 2) {
		all = ((length + stride - 1) / stride - 1) * stride + reach - length;
		all = all < 0 ? 0 : all;
		pads[kind == 2 ? 0 : 1] = all / 2;
		pads[kind == 2 ? 1 : 0] = all - all / 2;
	}
	if (pads[0] >= 0 && pads[1] >= 0 && pads[0] < reach && pads[1] < reach)
		return true;
	graph_refuse(&o->build, "padding of %lld and %lld; allowed are 0 to %lld",
		     (long long)pads[0], (long long)pads[1], (long long)reach - 1);
	return false;
}

/* stride, dilation, padding and the length of the output, for a window of `width`. */
static bool window_of(struct onnx *o, uint32_t x, int64_t width, struct graph_window *window)
{
	const struct graph_tensor *from = graph_tensor(&o->build, x);
	int64_t                    stride, dilation, pads[2], reach, length, room;

	if (from->rank != 3 || from->dims[0] != 1) {
		char words[80];

		graph_refuse(&o->build, "the input must be [1, channels, length]; found %s",
			     graph_shape_words(graph_shape_of(&o->build, x), words));
		return false;
	}
	length = from->dims[2];
	if (!one_of(o, "strides", 1, 1, GRAPH_FLOATS_MAX, &stride) ||
	    !one_of(o, "dilations", 1, 1, GRAPH_FLOATS_MAX, &dilation))
		return false;
	reach = (width - 1) * dilation + 1;
	if (!paddings(o, reach, length, stride, pads))
		return false;
	room = length + pads[0] + pads[1] - reach;
	if (room < 0) {
		graph_refuse(&o->build, "the window reaches over %lld, the input has %lld",
			     (long long)reach, (long long)(length + pads[0] + pads[1]));
		return false;
	}
	window->width      = (uint32_t)width;
	window->stride     = (uint32_t)stride;
	window->dilation   = (uint32_t)dilation;
	window->pad        = (uint32_t)pads[0];
	window->length_out = (uint32_t)(room / stride + 1);
	return true;
}

bool onnx_conv(struct onnx *o, const struct onnx_operator *row)
{
	struct graph_window window = { 0 };
	uint32_t            x = onnx_input(o, 0), weights = onnx_input(o, 1), bias = GRAPH_NONE;
	struct graph_shape  of_weights;
	int64_t             width, groups = onnx_int(o, "group", 1);

	(void)row;
	if (x == GRAPH_NONE || weights == GRAPH_NONE)
		return false;
	of_weights = graph_shape_of(&o->build, weights);
	if (of_weights.rank != 3) {
		graph_refuse(&o->build,
			     "weights have %u axes; a convolution along one dimension "
			     "has 3",
			     of_weights.rank);
		return false;
	}
	if (!one_of(o, "kernel_shape", of_weights.dims[2], of_weights.dims[2], of_weights.dims[2],
		    &width) ||
	    !window_of(o, x, width, &window))
		return false;
	if (groups < 1 || groups > of_weights.dims[0] || of_weights.dims[0] % groups != 0 ||
	    (uint64_t)of_weights.dims[1] * (uint64_t)groups !=
		    graph_tensor(&o->build, x)->dims[1]) {
		graph_refuse(&o->build,
			     "%u input channels in %lld groups do not go with weights "
			     "for %u",
			     graph_tensor(&o->build, x)->dims[1], (long long)groups,
			     of_weights.dims[1]);
		return false;
	}
	if (onnx_has_input(o, 2)) {
		bias = onnx_input(o, 2);
		if (bias == GRAPH_NONE)
			return false;
		if (graph_tensor(&o->build, bias)->count != of_weights.dims[0]) {
			graph_refuse(&o->build, "the bias must have %u numbers",
				     of_weights.dims[0]);
			return false;
		}
	}
	window.groups       = (uint32_t)groups;
	window.channels_out = of_weights.dims[0];
	return onnx_output(o, 0, graph_add_window(&o->build, GRAPH_CONV, x, weights, bias, window));
}

bool onnx_pool(struct onnx *o, const struct onnx_operator *row)
{
	struct graph_window window = { 0 };
	uint32_t            x      = onnx_input(o, 0);
	int64_t             width;

	if (x == GRAPH_NONE || !one_of(o, "kernel_shape", 0, 1, GRAPH_FLOATS_MAX, &width) ||
	    !window_of(o, x, width, &window))
		return false;
	if (onnx_int(o, "ceil_mode", 0) || onnx_int(o, "storage_order", 0)) {
		graph_refuse(&o->build, "ceil_mode and storage_order are not supported");
		return false;
	}
	window.pad_counts   = onnx_int(o, "count_include_pad", 0) != 0;
	window.groups       = 1;
	window.channels_out = graph_tensor(&o->build, x)->dims[1];
	onnx_output_why_not(o, 1, "holds indices of a MaxPool, which are not supported");
	return onnx_output(o, 0,
			   graph_add_window(&o->build, (enum graph_op)row->param, x, GRAPH_NONE,
					    GRAPH_NONE, window));
}

bool onnx_global_pool(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t x = onnx_input(o, 0), rank;

	if (x == GRAPH_NONE)
		return false;
	rank = graph_tensor(&o->build, x)->rank;
	if (rank < 3) {
		graph_refuse(&o->build, "the input must have three axes or more");
		return false;
	}
	return onnx_output(o, 0,
			   graph_add_reduce(&o->build, (enum graph_op)row->param, x,
					    ((1u << rank) - 1) & ~3u, true));
}
