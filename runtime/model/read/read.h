/* The readers of model files, one for each format; model.c tells which is due.
 * Private to runtime/model.
 *
 * A reader fills in a plan that is all zero: facts (but the digest) and what is to
 * run.  0, or -1 and *failure; the plan belongs to the caller either way. */
#ifndef ASSAY_RUNTIME_MODEL_READ_READ_H
#define ASSAY_RUNTIME_MODEL_READ_READ_H

#include "runtime/model/plan.h"

/* Either of XGBoost's two formats. */
int xgboost_read(struct bytes file, struct model_plan *plan, struct failure *failure);

/* LightGBM's text; told by its first line, "tree". */
bool lightgbm_is(struct bytes file);
int  lightgbm_read(struct bytes file, struct model_plan *plan, struct failure *failure);

/* ONNX: a protocol buffer that begins with field 1, its version; no other format does. */
bool onnx_is(struct bytes file);
int  onnx_read(struct bytes file, struct model_plan *plan, struct failure *failure);

#endif
