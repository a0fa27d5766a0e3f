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

bool forest_plan_reserve(struct forest_plan *plan, uint32_t trees, uint32_t nodes, uint32_t leaves,
			 uint32_t set_words)
{
	return grow((void **)&plan->trees, &plan->trees_capacity,
		    (uint64_t)plan->tree_count + trees, sizeof(*plan->trees)) &&
	       grow((void **)&plan->nodes, &plan->nodes_capacity,
		    (uint64_t)plan->node_count + nodes, sizeof(*plan->nodes)) &&
	       grow((void **)&plan->leaves, &plan->leaves_capacity,
		    (uint64_t)plan->leaf_count + leaves,
		    (size_t)plan->leaf_width * sizeof(*plan->leaves)) &&
	       grow((void **)&plan->sets, &plan->sets_capacity,
		    (uint64_t)plan->set_words + set_words, sizeof(*plan->sets));
}
