#include "runtime/model/read/xgboost_categories.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const columns[] = { "categories", "categories_segments", "categories_sizes",
				       "categories_nodes" };

enum { VALUES, BEGIN, SIZE, NODES, COLUMNS };

static int refuse_at(const struct doc *doc, uint32_t array, uint32_t index, const char *words,
		     struct failure *failure)
{
	char suffix[16];

	snprintf(suffix, sizeof(suffix), "/%u", index);
	return doc_refuse(doc, array, suffix, failure, "%s", words);
}

/* Each list inside the values, each node inside the tree and named once. */
static int check_lists(const struct doc *doc, const uint32_t *arrays,
		       const struct categories *lists, const int32_t *nodes, int32_t *segment_of,
		       uint32_t node_count, struct failure *failure)
{
	for (uint32_t i = 0; i < lists->count; i++) {
		int32_t begin = lists->begin[i], size = lists->size[i];

		if (begin < 0 || (uint32_t)begin > lists->value_count)
			return refuse_at(doc, arrays[BEGIN], i, "is outside the categories",
					 failure);
		if (size < 0 || (uint32_t)size > lists->value_count - (uint32_t)begin)
			return refuse_at(doc, arrays[SIZE], i,
					 "is more than the categories there are", failure);
		if (nodes[i] < 0 || (uint32_t)nodes[i] >= node_count)
			return refuse_at(doc, arrays[NODES], i, "is outside the tree", failure);
		if (segment_of[nodes[i]] >= 0)
			return refuse_at(doc, arrays[NODES], i, "has its categories already",
					 failure);
		segment_of[nodes[i]] = (int32_t)i;
	}
	return 0;
}

int categories_read(const struct doc *doc, uint32_t tree, struct categories *lists,
		    int32_t *segment_of, uint32_t node_count, struct failure *failure)
{
	uint32_t arrays[COLUMNS];
	int32_t *nodes;

	*lists = (struct categories){ 0 };
	if (doc_find(doc, tree, columns[NODES], &arrays[NODES], failure))
		return -1;
	if (arrays[NODES] == DOC_NONE)
		return 0;
	for (uint32_t i = 0; i < COLUMNS; i++)
		if (doc_need(doc, tree, columns[i], DOC_NUMBERS, &arrays[i], failure))
			return -1;
	lists->values_array = arrays[VALUES];
	lists->value_count  = doc->values[arrays[VALUES]].count;
	lists->count        = doc->values[arrays[NODES]].count;
	lists->memory       = calloc((size_t)lists->value_count + 3 * (size_t)lists->count + 1,
				     sizeof(*lists->memory));
	if (!lists->memory)
		return doc_refuse(doc, tree, "", failure, "no memory to load the model");
	lists->values = lists->memory;
	lists->begin  = lists->values + lists->value_count;
	lists->size   = lists->begin + lists->count;
	nodes         = lists->size + lists->count;
	if (doc_ints(doc, arrays[VALUES], lists->values, lists->value_count, failure) ||
	    doc_ints(doc, arrays[BEGIN], lists->begin, lists->count, failure) ||
	    doc_ints(doc, arrays[SIZE], lists->size, lists->count, failure) ||
	    doc_ints(doc, arrays[NODES], nodes, lists->count, failure))
		return -1;
	return check_lists(doc, arrays, lists, nodes, segment_of, node_count, failure);
}

void categories_free(struct categories *lists)
{
	free(lists->memory);
	*lists = (struct categories){ 0 };
}

int categories_put(const struct doc *doc, uint32_t tree, const struct categories *lists,
		   uint32_t segment, struct forest_plan *plan, struct forest_node *node,
		   struct failure *failure)
{
	uint32_t begin = (uint32_t)lists->begin[segment], size = (uint32_t)lists->size[segment];
	uint32_t words = 0;

	for (uint32_t i = begin; i < begin + size; i++) {
		if (lists->values[i] < 0 || (uint32_t)lists->values[i] > CATEGORY_MAX)
			return refuse_at(doc, lists->values_array, i,
					 "is no category; allowed: 0 to 2097119", failure);
		if ((uint32_t)lists->values[i] / 32 >= words)
			words = (uint32_t)lists->values[i] / 32 + 1;
	}
	if (words + 2 > FOREST_SETS_WORDS_MAX - plan->set_words)
		return doc_refuse(doc, tree, "", failure,
				  "the sets of categories of all trees take more than 64 MiB");
	if (!forest_plan_add_set(plan, node, words))
		return doc_refuse(doc, tree, "", failure, "no memory to load the model");
	for (uint32_t i = begin; i < begin + size; i++) {
		uint32_t category = (uint32_t)lists->values[i];

		plan->sets[node->set + category / 32] |= 1u << category % 32;
	}
	return 0;
}
