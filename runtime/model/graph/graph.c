/* The form that runs: the plan's arrays in one piece of memory, and the loop over its
 * nodes. */
#include "runtime/model/graph/graph.h"

#include <string.h>

#include "runtime/model/forest/forest.h"
#include "runtime/model/graph/judge.h"

/* The judges that are also the fastest there is. */
#define JUDGES                                                                                  \
	[GRAPH_NEG...                                                                           \
		GRAPH_CLIP]              = graph_judge_scalar,                                  \
		[GRAPH_ADD... GRAPH_XOR] = graph_judge_walk, [GRAPH_WHERE] = graph_judge_where, \
		[GRAPH_COPY] = graph_judge_copy, [GRAPH_CONCAT] = graph_judge_concat,           \
		[GRAPH_GATHER]                       = graph_judge_gather,                      \
		[GRAPH_REDUCE_SUM... GRAPH_ARG_MAX]  = graph_judge_reduce,                      \
		[GRAPH_SOFTMAX... GRAPH_LOG_SOFTMAX] = graph_judge_softmax,                     \
		[GRAPH_NORM_L1... GRAPH_NORM_MAX]    = graph_judge_normalize,                   \
		[GRAPH_LAYER_NORM]                   = graph_judge_layer_norm,                  \
		[GRAPH_LOOK_UP] = graph_judge_look_up, [GRAPH_ONE_HOT] = graph_judge_one_hot,   \
		[GRAPH_IMPUTE] = graph_judge_impute, [GRAPH_DENSE] = graph_judge_dense,         \
		[GRAPH_MATMUL] = graph_judge_matmul, [GRAPH_CONV] = graph_judge_conv,           \
		[GRAPH_MAX_POOL... GRAPH_MEAN_POOL] = graph_judge_pool,                         \
		[GRAPH_GRU] = graph_judge_gru, [GRAPH_LSTM] = graph_judge_lstm

graph_kernel *const graph_judges[GRAPH_OP_COUNT]  = { JUDGES, [GRAPH_FOREST] = graph_judge_forest };
graph_kernel *const graph_kernels[GRAPH_OP_COUNT] = { JUDGES, [GRAPH_FOREST] = graph_fast_forest };

static const char *const op_names[GRAPH_OP_COUNT] = { [GRAPH_NO_OP] = "none",
#define X(name, words) [GRAPH_##name] = words,
						      GRAPH_OPS(X)
#undef X
};

const char *graph_op_name(enum graph_op op)
{
	assert(op < GRAPH_OP_COUNT);
	return op_names[op];
}

static uint64_t aligned(uint64_t size_bytes)
{
	return (size_bytes + MODEL_ALIGN_BYTES - 1) & ~(uint64_t)(MODEL_ALIGN_BYTES - 1);
}

/* Where each part goes; the forests come last, behind a table of their places. */
static struct graph places_of(const struct graph_plan *plan)
{
	struct graph g = {
		.node_count    = plan->node_count,
		.tensor_count  = plan->tensor_count,
		.input_count   = plan->input_count,
		.forest_count  = plan->forest_count,
		.origin_count  = plan->origin_count,
		.output        = plan->output,
		.output_count  = plan->tensors[plan->output].count,
		.scratch_count = plan->scratch_count,
		.steps         = plan->steps,
		.features      = plan->features,
		.products      = plan->products,
	};

	g.nodes_at     = aligned(sizeof(g));
	g.tensors_at   = g.nodes_at + aligned(plan->node_count * sizeof(*plan->nodes));
	g.inputs_at    = g.tensors_at + aligned(plan->tensor_count * sizeof(*plan->tensors));
	g.origins_at   = g.inputs_at + aligned(plan->input_count * sizeof(*plan->inputs));
	g.constants_at = g.origins_at + aligned(plan->origin_count * sizeof(*plan->origins));
	g.forests_at   = g.constants_at + aligned(plan->constant_count * sizeof(*plan->constants));
	g.size_bytes   = g.forests_at + aligned(plan->forest_count * sizeof(uint64_t));
	for (uint32_t i = 0; i < plan->forest_count; i++)
		g.size_bytes += forest_size(plan->forests[i]);
	return g;
}

size_t graph_size(const struct graph_plan *plan)
{
	return places_of(plan).size_bytes;
}

static void copy_part(uint8_t *memory, uint64_t at, const void *from, size_t size_bytes)
{
	if (size_bytes > 0)
		memcpy(memory + at, from, size_bytes);
}

struct graph *graph_build(const struct graph_plan *plan, void *memory, size_t size_bytes)
{
	struct graph *graph = memory;
	struct graph  g     = places_of(plan);
	uint64_t     *forest_at, at;

	assert((uintptr_t)memory % MODEL_ALIGN_BYTES == 0 && size_bytes >= g.size_bytes);
	*graph = g;
	copy_part(memory, g.nodes_at, plan->nodes, plan->node_count * sizeof(*plan->nodes));
	copy_part(memory, g.tensors_at, plan->tensors, plan->tensor_count * sizeof(*plan->tensors));
	copy_part(memory, g.inputs_at, plan->inputs, plan->input_count * sizeof(*plan->inputs));
	copy_part(memory, g.origins_at, plan->origins, plan->origin_count * sizeof(*plan->origins));
	copy_part(memory, g.constants_at, plan->constants,
		  plan->constant_count * sizeof(*plan->constants));
	forest_at = (uint64_t *)((uint8_t *)memory + g.forests_at);
	at        = g.forests_at + aligned(plan->forest_count * sizeof(uint64_t));
	for (uint32_t i = 0; i < plan->forest_count; i++) {
		size_t forest_bytes = forest_size(plan->forests[i]);

		forest_build(plan->forests[i], (uint8_t *)memory + at, forest_bytes);
		forest_at[i] = at;
		at += forest_bytes;
	}
	assert(at == g.size_bytes);
	return graph;
}

size_t graph_scratch_bytes(const struct graph *graph)
{
	return aligned(graph->scratch_count * sizeof(float));
}

static const void *part(const struct graph *graph, uint64_t at)
{
	return (const uint8_t *)graph + at;
}

const struct graph_node *graph_nodes(const struct graph *graph)
{
	return part(graph, graph->nodes_at);
}

const struct graph_tensor *graph_tensors(const struct graph *graph)
{
	return part(graph, graph->tensors_at);
}

const uint32_t *graph_inputs(const struct graph *graph)
{
	return part(graph, graph->inputs_at);
}

const struct graph_origin *graph_origins(const struct graph *graph)
{
	return part(graph, graph->origins_at);
}

const struct forest *graph_forest(const struct graph *graph, uint32_t forest)
{
	const uint64_t *at = part(graph, graph->forests_at);

	assert(forest < graph->forest_count);
	return part(graph, at[forest]);
}

static void activate(const struct graph_call *call)
{
	const struct graph_node *node  = call->node;
	float                   *o     = graph_output(call);
	uint32_t                 count = call->tensors[node->output].count;

	for (uint32_t i = 0; i < count; i++)
		o[i] = graph_scalar_of(node->activation, node->after, o[i]);
}

static void run(const struct graph *graph, graph_kernel *const *kernels, const float *row,
		float *scratch, float *margins)
{
	const struct graph_node *nodes  = graph_nodes(graph);
	const uint32_t          *inputs = graph_inputs(graph);
	struct graph_call        call   = { .tensors = graph_tensors(graph) };

	/* Kernels write to scratch alone: only nodes' outputs and work are there. */
	call.homes[GRAPH_CONSTANT] = (float *)((uintptr_t)graph + graph->constants_at);
	call.homes[GRAPH_ROW]      = (float *)(uintptr_t)row;
	call.homes[GRAPH_SCRATCH]  = scratch;
	for (uint32_t n = 0; n < graph->node_count; n++) { /* <= GRAPH_NODES_MAX */
		call.node   = &nodes[n];
		call.inputs = inputs + nodes[n].first_input;
		call.forest = nodes[n].op == GRAPH_FOREST ? graph_forest(graph, nodes[n].forest)
							  : NULL;
		kernels[nodes[n].op](&call);
		if (nodes[n].activation != GRAPH_NO_OP)
			activate(&call);
	}
	memcpy(margins, graph_numbers(&call, graph->output), graph->output_count * sizeof(float));
}

void graph_run(const struct graph *graph, const float *row, float *scratch, float *margins)
{
	run(graph, graph_kernels, row, scratch, margins);
}

void graph_run_judge(const struct graph *graph, const float *row, float *scratch, float *margins)
{
	run(graph, graph_judges, row, scratch, margins);
}

uint64_t graph_node_products(const struct graph_node *node, const struct graph_tensor *tensors)
{
	const struct graph_recurrent *r = &node->recurrent;
	const struct graph_window    *w = &node->window;

	switch ((enum graph_op)node->op) {
	case GRAPH_DENSE:
	case GRAPH_MATMUL: return (uint64_t)tensors[node->output].count * node->product.inner;
	case GRAPH_CONV:
		return (uint64_t)tensors[node->output].count * w->width *
		       (w->channels_in / w->groups);
	case GRAPH_GRU:
		return (uint64_t)r->steps * 3 * r->hidden * ((uint64_t)r->features + r->hidden);
	case GRAPH_LSTM:
		return (uint64_t)r->steps * 4 * r->hidden * ((uint64_t)r->features + r->hidden);
	default: return 0;
	}
}

uint64_t graph_node_weight_bytes(const struct graph_node *node, const struct graph_tensor *tensors,
				 const uint32_t *inputs)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < node->input_count; i++) {
		const struct graph_tensor *view = &tensors[inputs[node->first_input + i]];

		if (tensors[view->root].home == GRAPH_CONSTANT)
			count += view->count;
	}
	return count * sizeof(float);
}
