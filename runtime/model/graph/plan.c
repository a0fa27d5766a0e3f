/* The plan as it grows: memory, constants, refusals, and the one place where a node is
 * appended or, when all it reads is known, computed. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/forest/forest.h"
#include "runtime/model/graph/append.h"

struct graph_plan *graph_plan_new(uint64_t file_bytes)
{
	struct graph_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	/* Weights are four bytes a number in the file, and are turned round at most twice. */
	plan->constant_max = file_bytes + (1u << 20);
	if (plan->constant_max > GRAPH_WEIGHTS_MAX)
		plan->constant_max = GRAPH_WEIGHTS_MAX;
	plan->folded_max = 64 * file_bytes + (1u << 24);
	plan->output     = GRAPH_NONE;
	return plan;
}

void graph_plan_free(struct graph_plan *plan)
{
	if (!plan)
		return;
	for (uint32_t i = 0; i < plan->forest_count; i++)
		forest_plan_free(plan->forests[i]);
	free(plan->forests);
	free(plan->tensors);
	free(plan->nodes);
	free(plan->inputs);
	free(plan->constants);
	free(plan->origins);
	free(plan);
}

/* Room for `more` behind `count` in an array that doubles. */
static bool grow(void **array, uint32_t *room, uint64_t count, uint64_t more, size_t size_bytes)
{
	uint64_t wanted = *room ? *room : 64;
	void    *moved;

	if (count + more <= *room)
		return true;
	while (wanted < count + more)
		wanted *= 2;
	if (wanted > UINT32_MAX)
		return false;
	moved = realloc(*array, wanted * size_bytes);
	if (!moved)
		return false;
	*array = moved;
	*room  = (uint32_t)wanted;
	return true;
}

#define GROW(array, room, count, more) \
	grow((void **)&(array), &(room), (count), (more), sizeof(*(array)))

static void copy_printable(char *out, size_t out_bytes, const char *text)
{
	size_t i = 0;

	for (; text && text[i] && i + 1 < out_bytes; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = '\0';
}

bool graph_begin(struct graph_builder *build, const char *name, const char *op)
{
	struct graph_plan   *plan = build->plan;
	struct graph_origin *origin;

	build->origin = plan->origin_count;
	if (!GROW(plan->origins, plan->origin_room, plan->origin_count, 1)) {
		build->origin = GRAPH_NONE;
		graph_refuse(build, "no memory to load the model");
		return false;
	}
	origin = &plan->origins[plan->origin_count++];
	copy_printable(origin->name, sizeof(origin->name), name);
	copy_printable(origin->op, sizeof(origin->op), op);
	if (plan->origin_count <= GRAPH_NODES_MAX)
		return true;
	graph_refuse(build, "the graph has more than the %u nodes allowed", GRAPH_NODES_MAX);
	return false;
}

uint32_t graph_refuse(struct graph_builder *build, const char *words, ...)
{
	struct failure *failure = build->failure;
	va_list         arguments;

	if (build->failed)
		return GRAPH_NONE;
	build->failed = true;
	*failure      = (struct failure){ .reason = REASON_model_missing };
	if (build->origin == GRAPH_NONE) {
		snprintf(failure->place, sizeof(failure->place), "graph");
	} else {
		const struct graph_origin *origin = &build->plan->origins[build->origin];

		if (origin->name[0])
			snprintf(failure->place, sizeof(failure->place), "node '%s' (%s)",
				 origin->name, origin->op);
		else
			snprintf(failure->place, sizeof(failure->place), "node %u (%s)",
				 build->origin, origin->op);
	}
	va_start(arguments, words);
	vsnprintf(failure->detail, sizeof(failure->detail), words, arguments);
	va_end(arguments);
	return GRAPH_NONE;
}

struct graph_shape graph_shape_of(const struct graph_builder *build, uint32_t tensor)
{
	const struct graph_tensor *from  = graph_tensor(build, tensor);
	struct graph_shape         shape = { .rank = from->rank };

	memcpy(shape.dims, from->dims, sizeof(shape.dims));
	return shape;
}

const char *graph_shape_words(struct graph_shape shape, char out[static 80])
{
	size_t used = 0;

	out[used++] = '[';
	for (uint32_t d = 0; d < shape.rank; d++)
		used += (size_t)snprintf(out + used, 80 - used, "%s%u", d ? ", " : "",
					 shape.dims[d]);
	snprintf(out + used, 80 - used, "]");
	return out;
}

uint64_t graph_shape_count(struct graph_shape shape, uint64_t count_max)
{
	uint64_t count = 1;

	for (uint32_t d = 0; d < shape.rank; d++) {
		if (shape.dims[d] == 0)
			return 0;
		count *= shape.dims[d]; /* below 2^28 * 2^32 */
		if (count > count_max)
			return 0;
	}
	return count;
}

uint32_t graph_new_tensor(struct graph_builder *build, struct graph_tensor tensor)
{
	struct graph_plan *plan = build->plan;

	if (build->failed)
		return GRAPH_NONE;
	if (!GROW(plan->tensors, plan->tensor_room, plan->tensor_count, 1))
		return graph_refuse(build, "no memory to load the model");
	plan->tensors[plan->tensor_count] = tensor;
	return plan->tensor_count++;
}

static struct graph_tensor tensor_of(struct graph_shape shape, enum graph_type type, uint64_t count)
{
	struct graph_tensor tensor = { .rank  = shape.rank,
				       .type  = (uint8_t)type,
				       .count = (uint32_t)count };

	memcpy(tensor.dims, shape.dims, sizeof(tensor.dims));
	return tensor;
}

/* A root with room of its own in the constants. */
static uint32_t new_constant(struct graph_builder *build, enum graph_type type,
			     struct graph_shape shape, uint64_t count)
{
	struct graph_plan  *plan   = build->plan;
	struct graph_tensor tensor = tensor_of(shape, type, count);

	if (plan->constant_count + count > plan->constant_max)
		return graph_refuse(build,
				    "constants of %llu numbers are more than the %llu that "
				    "a file of this size may have",
				    (unsigned long long)(plan->constant_count + count),
				    (unsigned long long)plan->constant_max);
	if (!GROW(plan->constants, plan->constant_room, plan->constant_count, count))
		return graph_refuse(build, "no memory to load the model");
	tensor.home = GRAPH_CONSTANT;
	tensor.root = plan->tensor_count;
	tensor.at   = plan->constant_count;
	plan->constant_count += (uint32_t)count;
	return graph_new_tensor(build, tensor);
}

uint32_t graph_add_constant(struct graph_builder *build, enum graph_type type,
			    struct graph_shape shape, const float *values)
{
	uint64_t count = graph_shape_count(shape, GRAPH_WEIGHTS_MAX);
	uint32_t tensor;

	if (build->failed)
		return GRAPH_NONE;
	if (count == 0)
		return graph_refuse(build, "a constant must have 1 to %u numbers",
				    GRAPH_WEIGHTS_MAX);
	tensor = new_constant(build, type, shape, count);
	if (tensor != GRAPH_NONE)
		memcpy(build->plan->constants + graph_tensor(build, tensor)->at, values,
		       count * sizeof(*values));
	return tensor;
}

uint32_t graph_add_number(struct graph_builder *build, float value)
{
	return graph_add_constant(build, GRAPH_FLOAT, (struct graph_shape){ 0 }, &value);
}

uint32_t graph_add_numbers(struct graph_builder *build, const float *values, uint32_t count)
{
	struct graph_shape shape = { .rank = 1, .dims = { count } };

	return graph_add_constant(build, GRAPH_FLOAT, shape, values);
}

bool graph_is_constant(const struct graph_builder *build, uint32_t tensor)
{
	const struct graph_tensor *view = graph_tensor(build, tensor);

	return build->plan->tensors[view->root].home == GRAPH_CONSTANT;
}

const float *graph_constant_values(const struct graph_builder *build, uint32_t tensor)
{
	const struct graph_tensor *view = graph_tensor(build, tensor);
	const struct graph_tensor *root = &build->plan->tensors[view->root];

	return root->home == GRAPH_CONSTANT ? build->plan->constants + root->at + view->offset
					    : NULL;
}

uint32_t graph_add_input(struct graph_builder *build, enum graph_type type,
			 struct graph_shape shape, uint32_t offset)
{
	uint64_t            count  = graph_shape_count(shape, GRAPH_FLOATS_MAX);
	struct graph_tensor tensor = tensor_of(shape, type, count);

	if (count == 0)
		return graph_refuse(build, "an input must have 1 to %u numbers", GRAPH_FLOATS_MAX);
	tensor.home = GRAPH_ROW;
	tensor.root = build->plan->tensor_count;
	tensor.at   = offset;
	return graph_new_tensor(build, tensor);
}

uint32_t graph_view_at(struct graph_builder *build, uint32_t x, struct graph_shape shape,
		       uint32_t offset)
{
	struct graph_tensor view;

	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	view = tensor_of(shape, graph_tensor(build, x)->type,
			 graph_shape_count(shape, GRAPH_WEIGHTS_MAX));
	assert(view.count > 0);
	view.root   = graph_tensor(build, x)->root;
	view.offset = graph_tensor(build, x)->offset + offset;
	return graph_new_tensor(build, view);
}

uint32_t graph_add_view(struct graph_builder *build, uint32_t x, struct graph_shape shape)
{
	char     from[80], to[80];
	uint64_t count = graph_shape_count(shape, GRAPH_WEIGHTS_MAX);

	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	if (count != graph_tensor(build, x)->count)
		return graph_refuse(build, "shape %s cannot become %s",
				    graph_shape_words(graph_shape_of(build, x), from),
				    graph_shape_words(shape, to));
	return graph_view_at(build, x, shape, 0);
}

uint32_t graph_add_retyped(struct graph_builder *build, uint32_t x, enum graph_type type)
{
	uint32_t view;

	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	if (graph_tensor(build, x)->type == type)
		return x;
	view = graph_view_at(build, x, graph_shape_of(build, x), 0);
	if (view != GRAPH_NONE)
		graph_tensor(build, view)->type = (uint8_t)type;
	return view;
}

static bool all_constant(const struct graph_builder *build, const uint32_t *inputs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!graph_is_constant(build, inputs[i]))
			return false;
	return count > 0;
}

/* What computing the node now would take, in numbers touched. */
static uint64_t fold_work(const struct graph_builder *build, const struct graph_node *node,
			  const uint32_t *inputs, uint64_t output_count)
{
	uint64_t work = output_count;

	for (uint32_t i = 0; i < node->input_count; i++)
		work += graph_tensor(build, inputs[i])->count;
	if (node->op == GRAPH_DENSE || node->op == GRAPH_MATMUL)
		work += output_count * node->product.inner;
	return work;
}

static uint32_t fold(struct graph_builder *build, const struct graph_node *node,
		     const uint32_t *inputs, struct graph_shape shape, enum graph_type type,
		     uint64_t count)
{
	struct graph_plan *plan = build->plan;
	struct graph_node  copy = *node;
	struct graph_call  call = { .node = &copy, .inputs = inputs };

	plan->folded += fold_work(build, node, inputs, count);
	if (plan->folded > plan->folded_max)
		return graph_refuse(build, "computing the constants takes more work than a file "
					   "of this size may ask for");
	copy.output = new_constant(build, type, shape, count);
	if (copy.output == GRAPH_NONE)
		return GRAPH_NONE;
	call.tensors               = plan->tensors;
	call.homes[GRAPH_CONSTANT] = plan->constants;
	graph_judges[node->op](&call);
	return copy.output;
}

uint32_t graph_append(struct graph_builder *build, struct graph_node node, const uint32_t *inputs,
		      uint32_t input_count, struct graph_shape shape, enum graph_type type)
{
	struct graph_plan  *plan  = build->plan;
	uint64_t            count = graph_shape_count(shape, GRAPH_FLOATS_MAX);
	struct graph_tensor output;

	if (build->failed)
		return GRAPH_NONE;
	if (count == 0)
		return graph_refuse(build, "the result must have 1 to %u numbers",
				    GRAPH_FLOATS_MAX);
	assert(input_count <= GRAPH_INPUTS_MAX);
	node.input_count = (uint16_t)input_count;
	node.origin      = build->origin;
	node.fused       = GRAPH_NONE;
	if (node.op < GRAPH_CONV && all_constant(build, inputs, input_count))
		return fold(build, &node, inputs, shape, type, count);
	if (plan->node_count >= GRAPH_NODES_MAX)
		return graph_refuse(build, "the graph has more than the %u nodes allowed",
				    GRAPH_NODES_MAX);
	if (!GROW(plan->nodes, plan->node_room, plan->node_count, 1) ||
	    !GROW(plan->inputs, plan->input_room, plan->input_count, input_count))
		return graph_refuse(build, "no memory to load the model");
	output           = tensor_of(shape, type, count);
	output.home      = GRAPH_SCRATCH;
	output.root      = plan->tensor_count;
	node.output      = graph_new_tensor(build, output);
	node.first_input = plan->input_count;
	if (node.output == GRAPH_NONE)
		return GRAPH_NONE;
	memcpy(plan->inputs + plan->input_count, inputs, input_count * sizeof(*inputs));
	plan->input_count += input_count;
	plan->nodes[plan->node_count++] = node;
	return node.output;
}

uint32_t graph_add_forest(struct graph_builder *build, uint32_t x, struct forest_plan *forest)
{
	struct graph_plan *plan = build->plan;
	struct graph_node  node = { .op = GRAPH_FOREST, .forest = plan->forest_count };
	struct graph_shape shape;
	char               words[80];

	if (build->failed || x == GRAPH_NONE ||
	    !GROW(plan->forests, plan->forest_room, plan->forest_count, 1)) {
		forest_plan_free(forest);
		return graph_refuse(build, "no memory to load the model");
	}
	plan->forests[plan->forest_count++] = forest;
	shape                               = graph_shape_of(build, x);
	if (shape.rank < 1 || shape.rank > 2 || shape.dims[shape.rank - 1] < forest->feature_count)
		return graph_refuse(build, "the trees ask %u features, but the input is %s",
				    forest->feature_count, graph_shape_words(shape, words));
	if (shape.rank == 1)
		shape = (struct graph_shape){ .rank = 2, .dims = { 1, shape.dims[0] } };
	shape.dims[1] = forest->output_count;
	return graph_append(build, node, &x, 1, shape, GRAPH_FLOAT);
}
