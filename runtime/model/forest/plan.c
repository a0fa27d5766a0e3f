/* The memory of a plan, which grows while a file is read. */
#include <stdlib.h>
#include <string.h>

#include "runtime/model/forest/forest.h"

struct forest_plan *forest_plan_new(void)
{
	struct forest_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	plan->leaf_width = 1;
	plan->divisor    = 1.0;
	return plan;
}

void forest_plan_free(struct forest_plan *plan)
{
	if (!plan)
		return;
	free(plan->trees);
	free(plan->nodes);
	free(plan->leaves);
	free(plan->sets);
	free(plan->cuts);
	free(plan);
}

/* Grow one array to at least `wanted` items; what is new in it is zero. */
static bool grow(void **array, uint32_t *capacity, uint64_t wanted, size_t item_bytes)
{
	uint64_t now = *capacity ? *capacity : 64;
	uint8_t *more;

	if (wanted <= *capacity)
		return true;
	assert(wanted <= UINT32_MAX / 2);
	while (now < wanted)
		now *= 2;
	more = realloc(*array, now * item_bytes);
	if (!more)
		return false;
	memset(more + *capacity * item_bytes, 0, (now - *capacity) * item_bytes);
	*array    = more;
	*capacity = (uint32_t)now;
	return true;
}

bool forest_plan_reserve(struct forest_plan *plan, uint32_t trees, uint32_t nodes, uint32_t leaves)
{
	return grow((void **)&plan->trees, &plan->trees_capacity,
		    (uint64_t)plan->tree_count + trees, sizeof(*plan->trees)) &&
	       grow((void **)&plan->nodes, &plan->nodes_capacity,
		    (uint64_t)plan->node_count + nodes, sizeof(*plan->nodes)) &&
	       grow((void **)&plan->leaves, &plan->leaves_capacity,
		    (uint64_t)plan->leaf_count + leaves,
		    (size_t)plan->leaf_width * sizeof(*plan->leaves));
}

/* Word 0 of all sets stays 0, and the word before a set holds the bits of the codes that are
 * no category; flat.h says what for. */
bool forest_plan_add_set(struct forest_plan *plan, struct forest_node *node, uint32_t words)
{
	uint32_t first = plan->set_words ? plan->set_words : 1;

	assert(words <= FOREST_SET_WORDS_MAX);
	if (!grow((void **)&plan->sets, &plan->sets_capacity, (uint64_t)first + 1 + words,
		  sizeof(*plan->sets)))
		return false;
	plan->sets[first] = 1;
	plan->set_words   = first + 1 + words;
	node->set         = first + 1;
	node->set_words   = (uint16_t)words;
	return true;
}

static int compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* Each feature's thresholds side by side, sorted; equal ones are then kept once. */
static bool find_cuts(struct forest_plan *plan)
{
	uint32_t *first = plan->cut_first;
	uint32_t  next[MODEL_FEATURES_MAX], used = 0;

	memset(first, 0, sizeof(plan->cut_first));
	for (uint32_t i = 0; i < plan->node_count; i++)
		if (plan->nodes[i].kind == FOREST_LESS)
			first[plan->nodes[i].feature + 1]++;
	for (uint32_t f = 0; f < MODEL_FEATURES_MAX; f++) {
		next[f] = first[f];
		first[f + 1] += first[f];
	}
	plan->cuts = calloc((size_t)first[MODEL_FEATURES_MAX] + 1, sizeof(*plan->cuts));
	if (!plan->cuts)
		return false;
	for (uint32_t i = 0; i < plan->node_count; i++)
		if (plan->nodes[i].kind == FOREST_LESS)
			plan->cuts[next[plan->nodes[i].feature]++] = plan->nodes[i].threshold;
	for (uint32_t f = 0; f < MODEL_FEATURES_MAX; f++) {
		uint32_t from = first[f], end = next[f];

		qsort(plan->cuts + from, end - from, sizeof(*plan->cuts), compare_floats);
		first[f] = used;
		for (uint32_t i = from; i < end; i++)
			if (i == from || plan->cuts[i] > plan->cuts[used - 1])
				plan->cuts[used++] = plan->cuts[i];
	}
	first[MODEL_FEATURES_MAX] = used;
	return true;
}

bool forest_plan_close(struct forest_plan *plan)
{
	plan->covered = true;
	for (uint32_t i = 0; i < plan->node_count; i++)
		plan->covered = plan->covered && plan->nodes[i].cover > 0.0f;
	for (uint32_t t = 0; t < plan->tree_count; t++)
		if (plan->trees[t].depth > plan->depth)
			plan->depth = plan->trees[t].depth;
	return find_cuts(plan);
}
