/* One tree of a LightGBM file.  Private to runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_READ_LIGHTGBM_TREE_H
#define ASSAY_RUNTIME_MODEL_READ_LIGHTGBM_TREE_H

#include "runtime/model/forest/forest.h"
#include "runtime/model/read/lines.h"

/* Read the lines behind "Tree=N" (which is on line `number`) up to a blank one, check them and
 * append the tree to the plan; its leaves add to `output`.  What is proved: every node and leaf
 * has one parent, no leaf is deeper than MODEL_DEPTH_MAX, features and categories exist,
 * thresholds and leaves are finite. */
int lightgbm_tree(struct lines *lines, uint32_t number, struct forest_plan *plan, uint16_t output,
		  struct failure *failure);

#endif
