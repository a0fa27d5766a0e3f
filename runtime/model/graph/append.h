/* What the builder's files share.  Private to runtime/model/graph. */
#ifndef ASSAY_RUNTIME_MODEL_GRAPH_APPEND_H
#define ASSAY_RUNTIME_MODEL_GRAPH_APPEND_H

#include "runtime/model/graph/build.h"

/* Append the node, or compute it; the output's tensor, or GRAPH_NONE.  `inputs` are tensors. */
uint32_t graph_append(struct graph_builder *build, struct graph_node node, const uint32_t *inputs,
		      uint32_t input_count, struct graph_shape shape, enum graph_type type);

uint32_t graph_new_tensor(struct graph_builder *build, struct graph_tensor tensor);

/* `shape`'s numbers of x from number `offset` on; the caller knows that they are there. */
uint32_t graph_view_at(struct graph_builder *build, uint32_t x, struct graph_shape shape,
		       uint32_t offset);

#endif
