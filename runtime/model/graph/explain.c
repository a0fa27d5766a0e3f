/* A node of the plan in words. */
#include <stdio.h>

#include "runtime/model/forest/forest.h"
#include "runtime/model/graph/build.h"

static struct graph_shape shape_of(const struct graph_tensor *tensor)
{
	struct graph_shape shape = { .rank = tensor->rank };

	for (uint32_t d = 0; d < tensor->rank; d++)
		shape.dims[d] = tensor->dims[d];
	return shape;
}

static void tell_kernel(const struct graph_node *node, struct model_layer *out)
{
	bool fast = graph_kernels[node->op] != graph_judges[node->op];

	out->kernel = fast ? "fast" : "plain C";
	out->why = fast ? "the judge's bits, sooner" : "the judge itself: no other is made for it";
	if (node->op == GRAPH_FOREST)
		out->kernel = "eight trees at once";
}

void graph_layer(const struct graph *graph, uint32_t index, struct model_layer *out)
{
	const struct graph_node   *node    = &graph_nodes(graph)[index];
	const struct graph_tensor *tensors = graph_tensors(graph);
	const struct graph_tensor *in      = &tensors[graph_inputs(graph)[node->first_input]];
	const struct graph_tensor *result  = &tensors[node->output];
	char                       from[80], to[80];

	*out = (struct model_layer){
		.weight_bytes = graph_node_weight_bytes(node, tensors, graph_inputs(graph)),
		.products     = graph_node_products(node, tensors),
		.place_bytes  = result->at * sizeof(float),
		.result_bytes = result->count * sizeof(float),
	};
	if (node->origin < graph->origin_count)
		snprintf(out->name, sizeof(out->name), "%s",
			 graph_origins(graph)[node->origin].name);
	snprintf(out->op, sizeof(out->op), "%s", graph_op_name(node->op));
	if (node->activation != GRAPH_NO_OP)
		snprintf(out->fused, sizeof(out->fused), "%s", graph_op_name(node->activation));
	snprintf(out->shape, sizeof(out->shape), "%.44s -> %.44s",
		 graph_shape_words(shape_of(in), from), graph_shape_words(shape_of(result), to));
	tell_kernel(node, out);
	if (node->op == GRAPH_FOREST) {
		const struct forest *forest = graph_forest(graph, node->forest);

		out->products = (uint64_t)forest_tree_count(forest) * forest_depth(forest);
	}
}
