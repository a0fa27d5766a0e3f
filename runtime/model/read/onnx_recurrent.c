/* GRU and LSTM: forward, backward or both, with their default activations. */
#include <string.h>

#include "runtime/model/read/onnx_node.h"

struct recurrent {
	enum graph_op          op;
	uint32_t               gates;
	uint32_t               directions;
	bool                   batch_first;
	struct graph_recurrent shape;
};

static bool check_activations(struct onnx *o, const struct recurrent *r)
{
	static const char *const    gru[]  = { "Sigmoid", "Tanh" };
	static const char *const    lstm[] = { "Sigmoid", "Tanh", "Tanh" };
	const Onnx__AttributeProto *given  = onnx_attribute(o, "activations");
	const char *const          *wanted = r->op == GRAPH_GRU ? gru : lstm;
	uint32_t                    count  = r->op == GRAPH_GRU ? 2 : 3;

	if (!given)
		return true;
	if (given->n_strings != (size_t)count * r->directions) {
		graph_refuse(&o->build, "%zu activations; allowed are %u", given->n_strings,
			     count * r->directions);
		return false;
	}
	for (size_t i = 0; i < given->n_strings; i++) {
		const char *name = wanted[i % count];

		if (given->strings[i].len == strlen(name) &&
		    memcmp(given->strings[i].data, name, strlen(name)) == 0)
			continue;
		graph_refuse(&o->build,
			     "activation %zu is not %s, the default, which alone is "
			     "supported",
			     i, name);
		return false;
	}
	return true;
}

static bool read_attributes(struct onnx *o, struct recurrent *r)
{
	static const char *const directions[] = { "forward", "reverse", "bidirectional", NULL };
	int                      direction    = onnx_choice(o, "direction", "forward", directions);

	if (direction < 0)
		return false;
	r->directions    = direction == 2 ? 2 : 1;
	r->shape.reverse = direction == 1;
	r->batch_first   = onnx_int(o, "layout", 0) != 0;
	if (r->op == GRAPH_GRU)
		r->shape.reset_after = onnx_int(o, "linear_before_reset", 0) != 0;
	else if (onnx_int(o, "input_forget", 0)) {
		graph_refuse(&o->build, "input_forget is not supported");
		return false;
	}
	return check_activations(o, r);
}

/* x [steps, 1, features] or, batch first, [1, steps, features]; W tells the hidden size. */
static bool read_shapes(struct onnx *o, struct recurrent *r, uint32_t x, uint32_t w, uint32_t h)
{
	struct graph_shape of_x = graph_shape_of(&o->build, x), of_w = graph_shape_of(&o->build, w);
	struct graph_shape of_h = graph_shape_of(&o->build, h);
	uint32_t           hidden;
	int64_t            said;
	char               words[80];

	if (of_x.rank != 3 || of_x.dims[r->batch_first ? 0 : 1] != 1) {
		graph_refuse(&o->build, "the input must be %s; found %s",
			     r->batch_first ? "[1, steps, features]" : "[steps, 1, features]",
			     graph_shape_words(of_x, words));
		return false;
	}
	hidden = of_h.rank == 3 ? of_h.dims[2] : 0;
	said   = onnx_int(o, "hidden_size", hidden);
	if (of_w.rank != 3 || of_h.rank != 3 || of_w.dims[0] != r->directions ||
	    of_h.dims[0] != r->directions || of_w.dims[1] != r->gates * (uint64_t)hidden ||
	    of_h.dims[1] != of_w.dims[1] || of_w.dims[2] != of_x.dims[2] || said != hidden) {
		graph_refuse(&o->build, "weights W %s do not go with R and the input",
			     graph_shape_words(of_w, words));
		return false;
	}
	r->shape.steps    = of_x.dims[r->batch_first ? 1 : 0];
	r->shape.features = of_x.dims[2];
	r->shape.hidden   = hidden;
	return true;
}

/* `count` numbers of an input for one direction; zeros when it is not given. */
static uint32_t for_direction(struct onnx *o, const struct recurrent *r, uint32_t input,
			      uint32_t direction, uint32_t rows, uint32_t columns)
{
	struct graph_shape flat = { .rank = 2, .dims = { r->directions, 0 } };
	struct graph_shape one = { .rank = 2, .dims = { 1, 0 } }, out = { .rank = 2 };
	uint32_t           first[GRAPH_RANK_MAX] = { direction }, x;
	int32_t            step[GRAPH_RANK_MAX]  = { 1, 1, 1, 1, 1, 1 };

	flat.dims[1] = one.dims[1] = rows * columns;
	out.dims[0]                = rows;
	out.dims[1]                = columns;
	if (!onnx_has_input(o, input))
		return graph_add_expand(&o->build, graph_add_number(&o->build, 0.0f), out);
	x = onnx_input(o, input);
	if (x == GRAPH_NONE)
		return x;
	if (graph_tensor(&o->build, x)->count != (uint64_t)flat.dims[0] * flat.dims[1])
		return graph_refuse(&o->build, "input %u must have %llu numbers; found %u", input,
				    (unsigned long long)flat.dims[0] * flat.dims[1],
				    graph_tensor(&o->build, x)->count);
	x = graph_add_slice(&o->build, graph_add_view(&o->build, x, flat), first, step, one);
	return graph_add_view(&o->build, x, out);
}

/* A state that the file holds for each row of the batch it was made for: all must be equal. */
static bool unbatch_state(struct onnx *o, const struct recurrent *r, uint32_t input,
			  uint32_t *state)
{
	struct graph_shape shape = { .rank = 3, .dims = { r->directions, 1, r->shape.hidden } };
	uint32_t           first[GRAPH_RANK_MAX] = { 0 }, x, hidden = r->shape.hidden;
	int32_t            step[GRAPH_RANK_MAX] = { 1, 1, 1, 1, 1, 1 };
	const float       *values;

	*state = GRAPH_NONE;
	if (o->batch == 1 || !onnx_has_input(o, input))
		return true;
	x      = onnx_input(o, input);
	values = x == GRAPH_NONE ? NULL : graph_constant_values(&o->build, x);
	if (!values || graph_tensor(&o->build, x)->rank != 3 ||
	    graph_tensor(&o->build, x)->dims[1] != o->batch || r->directions != 1 ||
	    graph_tensor(&o->build, x)->count != o->batch * hidden)
		return true; /* for_direction says what is wrong with it, if anything is */
	for (uint32_t row = 1; row < o->batch; row++) {
		if (memcmp(values, values + (size_t)row * hidden, hidden * sizeof(*values)) == 0)
			continue;
		graph_refuse(&o->build, "input %u has other numbers for each row of a batch of %u",
			     input, o->batch);
		return false;
	}
	*state = graph_add_slice(&o->build, x, first, step, shape);
	return *state != GRAPH_NONE;
}

static uint32_t one_direction(struct onnx *o, const struct recurrent *r, uint32_t x,
			      uint32_t direction)
{
	struct graph_recurrent shape = r->shape;
	uint32_t               rows  = r->gates * shape.hidden, inputs[6], state;
	struct graph_shape     line  = { .rank = 2, .dims = { 1, shape.hidden } };
	bool                   lstm  = r->op == GRAPH_LSTM;

	if (r->directions == 2)
		shape.reverse = direction == 1;
	inputs[0] = x;
	inputs[1] = for_direction(o, r, 1, direction, rows, shape.features);
	inputs[2] = for_direction(o, r, 2, direction, rows, shape.hidden);
	inputs[3] = for_direction(o, r, 3, direction, 2, rows);
	for (uint32_t i = 5; i <= (lstm ? 6u : 5u); i++) {
		if (!unbatch_state(o, r, i, &state))
			return GRAPH_NONE;
		inputs[i - 1] = state != GRAPH_NONE
					? graph_add_view(&o->build, state, line)
					: for_direction(o, r, i, direction, 1, shape.hidden);
	}
	return graph_add_recurrent(&o->build, r->op, inputs, lstm ? 6 : 5, shape);
}

/* The state after the last step it took, of one direction. */
static uint32_t last_of(struct onnx *o, const struct recurrent *r, uint32_t y, uint32_t direction)
{
	struct graph_shape one  = { .rank = 2, .dims = { 1, r->shape.hidden } };
	bool               back = r->directions == 2 ? direction == 1 : r->shape.reverse;
	uint32_t           first[GRAPH_RANK_MAX] = { back ? 0 : r->shape.steps - 1 };
	int32_t            step[GRAPH_RANK_MAX]  = { 1, 1, 1, 1, 1, 1 };

	return y == GRAPH_NONE ? y : graph_add_slice(&o->build, y, first, step, one);
}

/* Y [steps, directions, 1, hidden] and Y_h [directions, 1, hidden]; batch first: Y
 * [1, steps, directions, hidden] and Y_h [1, directions, hidden]. */
static bool give_outputs(struct onnx *o, const struct recurrent *r, uint32_t *y, uint32_t *last)
{
	struct graph_shape part  = { .rank = 3, .dims = { r->shape.steps, 1, r->shape.hidden } };
	struct graph_shape whole = {
		.rank = 4, .dims = { r->shape.steps, r->directions, 1, r->shape.hidden }
	};
	struct graph_shape end = { .rank = 3, .dims = { r->directions, 1, r->shape.hidden } };
	uint32_t           all, ends;

	if (r->batch_first) {
		whole = (struct graph_shape){
			.rank = 4, .dims = { 1, r->shape.steps, r->directions, r->shape.hidden }
		};
		end = (struct graph_shape){ .rank = 3,
					    .dims = { 1, r->directions, r->shape.hidden } };
	}
	for (uint32_t d = 0; d < r->directions; d++)
		y[d] = graph_add_view(&o->build, y[d], part);
	all  = graph_add_concat(&o->build, y, r->directions, 1);
	ends = graph_add_concat(&o->build, last, r->directions, 0);
	if (!onnx_output(o, 0, graph_add_view(&o->build, all, whole)) ||
	    !onnx_output(o, 1, graph_add_view(&o->build, ends, end)))
		return false;
	onnx_output_why_not(o, 2, "is an LSTM's last cell state, which is not supported");
	return !o->build.failed;
}

bool onnx_recurrent(struct onnx *o, const struct onnx_operator *row)
{
	struct recurrent   r    = { .op = (enum graph_op)row->param };
	struct graph_shape flat = { .rank = 2 };
	uint32_t           x = onnx_input(o, 0), w = onnx_input(o, 1), h = onnx_input(o, 2);
	uint32_t           y[2], last[2], count;
	int64_t            length;

	r.gates = r.op == GRAPH_GRU ? 3 : 4;
	if (x == GRAPH_NONE || w == GRAPH_NONE || h == GRAPH_NONE || !read_attributes(o, &r) ||
	    !read_shapes(o, &r, x, w, h))
		return false;
	if (onnx_has_input(o, 7)) {
		graph_refuse(&o->build, "peephole weights are not supported");
		return false;
	}
	if (onnx_has_input(o, 4)) {
		if (!onnx_input_ints(o, 4, &length, 1, &count))
			return false;
		if (count != 1 || length != r.shape.steps) {
			graph_refuse(&o->build, "sequence_lens must be the %u steps of the input",
				     r.shape.steps);
			return false;
		}
	}
	flat.dims[0] = r.shape.steps;
	flat.dims[1] = r.shape.features;
	x            = graph_add_view(&o->build, x, flat);
	for (uint32_t d = 0; d < r.directions; d++) {
		y[d]    = one_direction(o, &r, x, d);
		last[d] = last_of(o, &r, y[d], d);
	}
	return !o->build.failed && give_outputs(o, &r, y, last);
}
