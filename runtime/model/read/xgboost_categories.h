/* The categories of a tree's splits, as XGBoost writes them: lists one behind the other, with the
 * node each belongs to, where it begins and how long it is.  Private to runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_READ_XGBOOST_CATEGORIES_H
#define ASSAY_RUNTIME_MODEL_READ_XGBOOST_CATEGORIES_H

#include "runtime/model/forest/forest.h"
#include "runtime/model/read/doc.h"

#define CATEGORY_MAX (32u * FOREST_SET_WORDS_MAX - 1)

struct categories {
	int32_t *memory; /* of the three that follow; NULL: the tree has none */
	int32_t *values; /* [value_count] */
	int32_t *begin;  /* [count] */
	int32_t *size;   /* [count] */
	uint32_t value_count;
	uint32_t count;
	uint32_t values_array; /* in the document, for failures */
};

/* Read and check the lists of a tree; segment_of[node] is set for each node that has one. */
int  categories_read(const struct doc *doc, uint32_t tree, struct categories *lists,
		     int32_t *segment_of, uint32_t node_count, struct failure *failure);
void categories_free(struct categories *lists);

/* Give `node` the set of one list. */
int categories_put(const struct doc *doc, uint32_t tree, const struct categories *lists,
		   uint32_t segment, struct forest_plan *plan, struct forest_node *node,
		   struct failure *failure);

#endif
