/* The memory plan: first fit over the blocks in use, in the order the nodes run. */
#include <stdlib.h>
#include <string.h>

#include "runtime/model/graph/append.h"
#include "runtime/model/graph/finish.h"

struct block {
	uint32_t at;
	uint32_t count;
	uint32_t root; /* whose numbers are in it */
};

struct memory {
	struct graph_plan *plan;
	uint32_t          *last_use; /* [tensor_count]: the node that reads a root last */
	struct block      *blocks;   /* in use, by place */
	uint32_t           block_count;
	uint64_t           size; /* numbers, the most that was in use */
};

/* A node's index is below UINT32_MAX - 1; the answer is read after the last one. */
#define AFTER_ALL (GRAPH_NONE - 1)

static void find_last_uses(struct memory *m)
{
	const struct graph_plan *plan = m->plan;

	for (uint32_t n = 0; n < plan->node_count; n++) {
		const struct graph_node *node = &plan->nodes[n];

		for (uint32_t i = 0; i < node->input_count; i++)
			m->last_use[plan->tensors[plan->inputs[node->first_input + i]].root] = n;
	}
	m->last_use[plan->tensors[plan->output].root] = AFTER_ALL;
}

static uint32_t take(struct memory *m, uint64_t count, uint32_t root)
{
	uint64_t at = 0;
	uint32_t b;

	count = graph_line_aligned(count);
	for (b = 0; b < m->block_count && m->blocks[b].at < at + count; b++)
		at = (uint64_t)m->blocks[b].at + m->blocks[b].count;
	if (at + count > m->size)
		m->size = at + count;
	if (m->size > GRAPH_SCRATCH_MAX)
		return 0;
	memmove(&m->blocks[b + 1], &m->blocks[b], (m->block_count - b) * sizeof(*m->blocks));
	m->blocks[b] = (struct block){ (uint32_t)at, (uint32_t)count, root };
	m->block_count++;
	return (uint32_t)at;
}

static struct block *block_of(struct memory *m, uint32_t root)
{
	for (uint32_t b = 0; b < m->block_count; b++)
		if (m->blocks[b].root == root)
			return &m->blocks[b];
	return NULL;
}

static void give_back(struct memory *m, uint32_t root)
{
	struct block *block = block_of(m, root);

	if (!block)
		return;
	m->block_count--;
	memmove(block, block + 1,
		(size_t)((m->blocks + m->block_count) - block) * sizeof(*m->blocks));
}

/* Is the input read number by number, in the order of the output's? */
static bool reads_in_order(const struct graph_plan *plan, const struct graph_node *node,
			   uint32_t input)
{
	const struct graph_tensor *out    = &plan->tensors[node->output];
	int64_t                    stride = 1;

	if (node->op >= GRAPH_NEG && node->op <= GRAPH_CLIP)
		return true;
	if (node->op < GRAPH_ADD || node->op > GRAPH_WHERE)
		return false;
	for (uint32_t d = out->rank; d-- > 0;) {
		if (out->dims[d] > 1 && node->walk.step[input][d] != stride)
			return false;
		stride *= out->dims[d];
	}
	return true;
}

/* The root of an input whose block the output may take over, or GRAPH_NONE. */
static uint32_t in_place(const struct memory *m, uint32_t n)
{
	const struct graph_plan *plan = m->plan;
	const struct graph_node *node = &plan->nodes[n];

	for (uint32_t i = 0; i < node->input_count && node->op <= GRAPH_WHERE; i++) {
		const struct graph_tensor *view =
			&plan->tensors[plan->inputs[node->first_input + i]];
		const struct graph_tensor *root  = &plan->tensors[view->root];
		bool                       alone = true;

		if (root->home != GRAPH_SCRATCH || m->last_use[view->root] != n ||
		    root->count != plan->tensors[node->output].count ||
		    view->count != root->count || !reads_in_order(plan, node, i))
			continue;
		for (uint32_t k = 0; k < node->input_count; k++)
			if (plan->tensors[plan->inputs[node->first_input + k]].root == view->root &&
			    !reads_in_order(plan, node, k))
				alone = false;
		if (alone)
			return view->root;
	}
	return GRAPH_NONE;
}

static void place_node(struct memory *m, uint32_t n)
{
	struct graph_plan *plan  = m->plan;
	struct graph_node *node  = &plan->nodes[n];
	uint32_t           taken = in_place(m, n);

	if (taken != GRAPH_NONE) {
		struct block *block = block_of(m, taken);

		block->root                    = node->output;
		plan->tensors[node->output].at = block->at;
	} else {
		plan->tensors[node->output].at = take(m, plan->tensors[node->output].count,
						      node->output);
	}
	if (node->work > 0) {
		node->work_at = take(m, node->work, GRAPH_NONE);
		give_back(m, GRAPH_NONE);
	}
	for (uint32_t i = 0; i < node->input_count; i++) {
		uint32_t root = plan->tensors[plan->inputs[node->first_input + i]].root;

		if (m->last_use[root] == n)
			give_back(m, root);
	}
}

int graph_plan_memory(struct graph_builder *build)
{
	struct graph_plan *plan = build->plan;
	struct memory      m    = { .plan = plan };

	m.last_use = calloc(plan->tensor_count + 1, sizeof(*m.last_use));
	m.blocks   = calloc(plan->node_count + 2, sizeof(*m.blocks));
	if (m.last_use && m.blocks)
		find_last_uses(&m);
	else
		graph_refuse(build, "no memory to load the model");
	for (uint32_t n = 0; n < plan->node_count && !build->failed; n++) {
		place_node(&m, n);
		plan->products += graph_node_products(&plan->nodes[n], plan->tensors);
		if (m.size > GRAPH_SCRATCH_MAX)
			graph_refuse(build, "a row needs more than %u numbers of working memory",
				     GRAPH_SCRATCH_MAX);
		if (plan->products > GRAPH_PRODUCTS_MAX)
			graph_refuse(build, "a row takes more than %llu multiply-adds",
				     (unsigned long long)GRAPH_PRODUCTS_MAX);
	}
	plan->scratch_count = (uint32_t)m.size;
	free(m.last_use);
	free(m.blocks);
	return build->failed ? -1 : 0;
}
