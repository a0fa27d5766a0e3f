/* One tree of the file, checked and appended to the plan.  Private to
 * runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_READ_XGBOOST_TREE_H
#define ASSAY_RUNTIME_MODEL_READ_XGBOOST_TREE_H

#include "runtime/model/forest/forest.h"
#include "runtime/model/read/doc.h"

/* `object` is learner/gradient_booster/model/trees/N, whose leaves add to `output`; DART gives
 * each tree a weight, 1 otherwise.  What is proved: every child is in range and has one parent,
 * no leaf is deeper than MODEL_DEPTH_MAX, every split's feature exists, every threshold and leaf
 * is finite, every category is in range.  Nodes that the root does not reach (pruned ones) are
 * left out. */
int tree_parse(const struct doc *doc, uint32_t object, struct forest_plan *plan, uint16_t output,
	       float weight, struct failure *failure);

#endif
