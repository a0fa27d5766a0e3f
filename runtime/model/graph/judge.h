/* The judges: the plainest code for each operator, which says what it computes and in which
 * order it adds.  Private to runtime/model/graph. */
#ifndef ASSAY_RUNTIME_MODEL_GRAPH_JUDGE_H
#define ASSAY_RUNTIME_MODEL_GRAPH_JUDGE_H

#include "runtime/model/graph/graph.h"

void graph_judge_scalar(const struct graph_call *call);
void graph_judge_walk(const struct graph_call *call);
void graph_judge_where(const struct graph_call *call);
void graph_judge_copy(const struct graph_call *call);
void graph_judge_concat(const struct graph_call *call);
void graph_judge_gather(const struct graph_call *call);
void graph_judge_reduce(const struct graph_call *call);
void graph_judge_softmax(const struct graph_call *call);
void graph_judge_normalize(const struct graph_call *call);
void graph_judge_layer_norm(const struct graph_call *call);
void graph_judge_look_up(const struct graph_call *call);
void graph_judge_one_hot(const struct graph_call *call);
void graph_judge_impute(const struct graph_call *call);
void graph_judge_dense(const struct graph_call *call);
void graph_judge_matmul(const struct graph_call *call);
void graph_judge_conv(const struct graph_call *call);
void graph_judge_pool(const struct graph_call *call);
void graph_judge_gru(const struct graph_call *call);
void graph_judge_lstm(const struct graph_call *call);
void graph_judge_forest(const struct graph_call *call);
void graph_fast_forest(const struct graph_call *call);

/* x . y in eight lanes: lane i adds the products i, i + 8, i + 16, ... in that order; then
 * ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)), as AVX2 halves a register. */
float graph_dot(const float *x, const float *y, uint32_t count);
/* The same of the numbers of one array. */
float graph_sum(const float *x, uint32_t count);

#endif
