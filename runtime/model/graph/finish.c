/* From nodes as they were appended to what runs: the link is taken off, what nothing needs
 * is dropped, bias and activation join the node before them, constants that are left are
 * moved together. */
#include <stdlib.h>
#include <string.h>

#include "runtime/model/forest/forest.h"
#include "runtime/model/graph/append.h"
#include "runtime/model/graph/finish.h"

struct finish {
	struct graph_builder *build;
	struct graph_plan    *plan;
	uint32_t *maker;  /* [tensor_count]: the node that writes a root, or GRAPH_NONE */
	uint32_t *uses;   /* [tensor_count]: how often a root is read, the answer included */
	bool     *needed; /* [node_count] */
};

static const struct graph_tensor *root_of(const struct finish *f, uint32_t tensor)
{
	return &f->plan->tensors[f->plan->tensors[tensor].root];
}

/* The node that makes the whole of `tensor`, or NULL: a part, a constant, the row. */
static struct graph_node *maker_of_whole(const struct finish *f, uint32_t tensor)
{
	const struct graph_tensor *view = &f->plan->tensors[tensor];
	uint32_t                   node = f->maker[view->root];

	if (node == GRAPH_NONE || view->count != root_of(f, tensor)->count)
		return NULL;
	return &f->plan->nodes[node];
}

static void find_makers(struct finish *f)
{
	for (uint32_t t = 0; t < f->plan->tensor_count; t++)
		f->maker[t] = GRAPH_NONE;
	for (uint32_t n = 0; n < f->plan->node_count; n++)
		f->maker[f->plan->nodes[n].output] = n;
}

/* The margin is what comes before a last sigmoid or softmax. */
static void take_link(struct finish *f, uint32_t *output, enum model_link *link)
{
	struct graph_node *node = maker_of_whole(f, *output);

	*link = MODEL_IDENTITY;
	if (!node)
		return;
	if (node->op == GRAPH_SIGMOID) {
		*link   = MODEL_LOGISTIC;
		*output = f->plan->inputs[node->first_input];
	} else if (node->op == GRAPH_SOFTMAX && node->line.outer == 1 && node->line.inner == 1 &&
		   node->line.length > 1) {
		*link   = MODEL_SOFTMAX;
		*output = f->plan->inputs[node->first_input];
	}
}

/* Backwards, so that each node is seen after all that read it. */
static void mark_needed(struct finish *f, uint32_t output)
{
	memset(f->uses, 0, f->plan->tensor_count * sizeof(*f->uses));
	f->uses[f->plan->tensors[output].root] = 1;
	for (uint32_t n = f->plan->node_count; n-- > 0;) {
		const struct graph_node *node = &f->plan->nodes[n];

		f->needed[n] = f->uses[node->output] > 0;
		for (uint32_t i = 0; f->needed[n] && i < node->input_count; i++)
			f->uses[f->plan->tensors[f->plan->inputs[node->first_input + i]].root]++;
	}
}

static bool is_scalar(const struct graph_node *node)
{
	return node->op >= GRAPH_NEG && node->op <= GRAPH_CLIP;
}

/* The node before, when `tensor` is all of what it makes and nothing else reads it. */
static struct graph_node *lone_maker(const struct finish *f, uint32_t tensor)
{
	struct graph_node *node = maker_of_whole(f, tensor);

	return node && f->uses[node->output] == 1 ? node : NULL;
}

static void join(struct finish *f, struct graph_node *first, uint32_t second)
{
	struct graph_node *node = &f->plan->nodes[second];

	f->needed[second]       = false;
	f->maker[first->output] = GRAPH_NONE;
	first->output           = node->output;
	f->maker[node->output]  = (uint32_t)(first - f->plan->nodes);
}

static void fuse_activation(struct finish *f, uint32_t n)
{
	struct graph_node *node = &f->plan->nodes[n], *first;

	if (!is_scalar(node))
		return;
	first = lone_maker(f, f->plan->inputs[node->first_input]);
	if (!first || first->activation != GRAPH_NO_OP)
		return;
	first->activation = node->op;
	first->after      = node->scalar;
	first->fused      = node->origin;
	join(f, first, n);
}

/* x W^T + b, the bias a constant along the last axis. */
static void fuse_bias(struct finish *f, uint32_t n)
{
	struct graph_plan *plan = f->plan;
	struct graph_node *node = &plan->nodes[n];

	if (node->op != GRAPH_ADD)
		return;
	for (uint32_t side = 0; side < 2; side++) {
		uint32_t                   x     = plan->inputs[node->first_input + side];
		uint32_t                   other = plan->inputs[node->first_input + 1 - side];
		const struct graph_tensor *bias  = &plan->tensors[other], *out;
		struct graph_node         *first = lone_maker(f, x);

		out = &plan->tensors[node->output];
		if (!first || first->op != GRAPH_DENSE || first->input_count != 2 ||
		    first->activation != GRAPH_NO_OP || root_of(f, other)->home != GRAPH_CONSTANT ||
		    bias->count != first->product.columns || out->rank == 0 ||
		    out->dims[out->rank - 1] != first->product.columns ||
		    (bias->count > 1 && bias->dims[bias->rank - 1] != bias->count) ||
		    out->count != plan->tensors[x].count)
			continue;
		/* simplify() has made room for three more inputs a node. */
		plan->inputs[plan->input_count]     = plan->inputs[first->first_input];
		plan->inputs[plan->input_count + 1] = plan->inputs[first->first_input + 1];
		plan->inputs[plan->input_count + 2] = other;
		first->first_input                  = plan->input_count;
		first->input_count                  = 3;
		plan->input_count += 3;
		join(f, first, n);
		return;
	}
}

static void drop_nodes(struct finish *f)
{
	struct graph_plan *plan = f->plan;
	uint32_t           kept = 0;

	for (uint32_t n = 0; n < plan->node_count; n++)
		if (f->needed[n])
			plan->nodes[kept++] = plan->nodes[n];
	plan->node_count = kept;
}

/* Forests that some node asks, in the order they are asked; the rest is freed. */
static int keep_forests(struct graph_plan *plan)
{
	struct forest_plan **kept  = calloc(plan->forest_count + 1, sizeof(*kept));
	uint32_t             count = 0;

	if (!kept)
		return -1;
	for (uint32_t n = 0; n < plan->node_count; n++) {
		struct graph_node *node = &plan->nodes[n];

		if (node->op != GRAPH_FOREST)
			continue;
		kept[count]                 = plan->forests[node->forest];
		plan->forests[node->forest] = NULL;
		node->forest                = count++;
	}
	for (uint32_t i = 0; i < plan->forest_count; i++)
		forest_plan_free(plan->forests[i]);
	free(plan->forests);
	plan->forests      = kept;
	plan->forest_count = count;
	plan->forest_room  = count;
	return 0;
}

/* Constants that some node, or the answer, reads; packed, each on a cache line. */
static int keep_constants(struct finish *f)
{
	struct graph_plan *plan = f->plan;
	uint64_t           used = 0;
	float             *kept;

	for (uint32_t t = 0; t < plan->tensor_count; t++) {
		if (plan->tensors[t].home == GRAPH_CONSTANT && plan->tensors[t].root == t &&
		    f->uses[t] > 0)
			used += graph_line_aligned(plan->tensors[t].count);
	}
	if (used > UINT32_MAX)
		return -1;
	kept = calloc(used + 1, sizeof(*kept));
	if (!kept)
		return -1;
	used = 0;
	for (uint32_t t = 0; t < plan->tensor_count; t++) {
		struct graph_tensor *tensor = &plan->tensors[t];

		if (tensor->home != GRAPH_CONSTANT || tensor->root != t || f->uses[t] == 0)
			continue;
		memcpy(kept + used, plan->constants + tensor->at, tensor->count * sizeof(*kept));
		tensor->at = (uint32_t)used;
		used += graph_line_aligned(tensor->count);
	}
	free(plan->constants);
	plan->constants      = kept;
	plan->constant_count = (uint32_t)used;
	plan->constant_room  = (uint32_t)used;
	return 0;
}

static int simplify(struct finish *f, uint32_t output, enum model_link *link)
{
	struct graph_plan *plan = f->plan;
	uint32_t          *more;

	find_makers(f);
	take_link(f, &output, link);
	plan->output = output;
	mark_needed(f, output);
	more = realloc(plan->inputs,
		       (plan->input_count + 3ull * plan->node_count + 1) * sizeof(*plan->inputs));
	if (!more)
		return -1;
	plan->inputs = more;
	for (uint32_t n = 0; n < plan->node_count; n++)
		if (f->needed[n])
			fuse_bias(f, n);
	for (uint32_t n = 0; n < plan->node_count; n++)
		if (f->needed[n])
			fuse_activation(f, n);
	drop_nodes(f);
	mark_needed(f, output);
	return keep_constants(f) || keep_forests(plan) ? -1 : 0;
}

int graph_finish(struct graph_builder *build, uint32_t output, enum model_link *link)
{
	struct graph_plan *plan   = build->plan;
	struct finish      f      = { .build = build, .plan = plan };
	int                result = -1;

	build->origin = GRAPH_NONE;
	if (build->failed || output == GRAPH_NONE)
		return -1;
	f.maker  = calloc(plan->tensor_count + 1, sizeof(*f.maker));
	f.uses   = calloc(plan->tensor_count + 1, sizeof(*f.uses));
	f.needed = calloc(plan->node_count + 1, sizeof(*f.needed));
	if (!f.maker || !f.uses || !f.needed || simplify(&f, output, link))
		graph_refuse(build, "no memory to load the model");
	else
		result = graph_plan_memory(build);
	free(f.maker);
	free(f.uses);
	free(f.needed);
	return result;
}
