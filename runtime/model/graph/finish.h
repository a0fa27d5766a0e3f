/* The steps behind graph_finish.  Private to runtime/model/graph. */
#ifndef ASSAY_RUNTIME_MODEL_GRAPH_FINISH_H
#define ASSAY_RUNTIME_MODEL_GRAPH_FINISH_H

#include "runtime/model/graph/build.h"

/* A place for every number that is computed: scratch is shared by those that are not needed
 * at the same time, and an operator that works number by number writes over its input when
 * that is read for the last time.  0, or -1 and *failure: more than is allowed. */
int graph_plan_memory(struct graph_builder *build);

/* Numbers rounded up to whole cache lines. */
static inline uint64_t graph_line_aligned(uint64_t count)
{
	return (count + 15) & ~15ull;
}

#endif
