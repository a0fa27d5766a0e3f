/* The model: a gradient-boosted forest as stock XGBoost saves it, flattened
 * for one row at a time.
 *
 * Loading has two steps, so that the caller owns the memory:
 *
 *   file bytes --model_parse--> struct model_plan   malloc, load time, freed
 *              --model_size---> how many bytes the flat form takes
 *              --model_build--> struct model        in the caller's (huge) pages
 *              --model_bind---> features found in the config's feature schema
 *
 * and then, on the decision path, without allocation, system call or lock:
 *
 *   model_margin(model, features) -> margin   the float XGBoost itself sums
 *   model_score(model, margin)    -> score    the objective's transform
 *
 * Files:   JSON and UBJSON, told apart by their bytes.  binary:logistic and
 *          reg:squarederror over gbtree with numeric splits; everything else
 *          (dart, gblinear, categories, several classes or targets, vector
 *          leaves) is refused by name and JSON pointer.
 * Same bits: the margin starts from the base margin and adds the leaves in tree
 *          order in float32; a row goes left when `feature < threshold` in
 *          float32, and to the node's default side when the feature is missing
 *          (NaN).  That is what XGBoost 3.0's CPU predictor does, so the margin
 *          equals the library's bit for bit.
 * Owner:   the thread that loads, until the model is bound; read-only and
 *          shared by every core after that.
 * Failure: struct failure.  `reason` is REASON_model_missing (no model was
 *          loaded), `place` a JSON pointer into the model file, or "byte N" of
 *          a file that cannot be read at all, `detail` what was found and what
 *          is allowed.
 */
#ifndef ASSAY_RUNTIME_MODEL_MODEL_H
#define ASSAY_RUNTIME_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/decision.h"
#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"

#define MODEL_FILE_BYTES_MAX \
	((size_t)1 << 30) /* parsing may take ten times as much, for a moment */
#define MODEL_TREES_MAX      65536u
#define MODEL_NODES_MAX      (1u << 26)               /* of all trees together */
#define MODEL_DEPTH_MAX      64u                      /* splits from root to leaf */
#define MODEL_FEATURES_MAX   TRANSACTION_FEATURES_MAX /* a model's own; it need not use all */
#define MODEL_NAME_BYTES_MAX 63u                      /* of a feature name, as in feature_schema */
#define MODEL_ALIGN_BYTES    64u                      /* of the memory model_build is given */

enum model_objective { MODEL_LOGISTIC, MODEL_SQUARED_ERROR, MODEL_OBJECTIVE_COUNT };

/* What was read from the file: checked, and in the file's own order. */
struct model_plan;

/* The flat form.  Self-contained in the memory it was built in; only these
 * queries look inside. */
struct model;

/* Read and check a whole model file.  0 and *plan, or -1 and *failure.  Work and
 * memory are proportional to the size of the file, whatever it says.
 * Allocates with malloc: load time only. */
int  model_parse(struct bytes file, struct model_plan **plan, struct failure *failure);
void model_free_plan(struct model_plan *plan); /* NULL is fine */

/* Bytes of memory model_build needs for this plan; a multiple of 64. */
size_t model_size(const struct model_plan *plan);

/* Flatten the plan into `memory` (MODEL_ALIGN_BYTES aligned, size_bytes >=
 * model_size(plan)); the model starts at `memory` and points nowhere else, so
 * the plan may be freed.  It lives until the caller reuses the memory. */
struct model *model_build(const struct model_plan *plan, void *memory, size_t size_bytes);

/* Find each of the model's features in the schema by name; a model without
 * names takes the schema's order and must have as many features.  0, or -1 and
 * the first feature that is not there.  The schema may hold more than the
 * model uses.  A model must be bound before it is asked. */
int model_bind(struct model *model, const struct feature_schema *schema, struct failure *failure);

/* The raw output for one row.
 * `features` is [schema.count], in schema order, NaN where missing. */
float model_margin(const struct model *model, const float *features);

/* The same by the plainest possible walk over the file's own nodes: the judge
 * the fast kernel is compared with, bit for bit. */
float model_margin_judge(const struct model *model, const float *features);

/* The objective's transform: a probability for binary:logistic, the margin
 * itself for reg:squarederror.  Our own exp: the same bits on every machine. */
float model_score(const struct model *model, float margin);

/* How many of the model's features are missing (NaN) in this row. */
uint16_t model_features_missing(const struct model *model, const float *features);

const uint8_t *model_digest(const struct model *model); /* [DIGEST_BYTES], SHA-256 of the file */
enum model_objective model_objective(const struct model *model);
const char          *model_objective_name(enum model_objective objective); /* "binary:logistic" */
uint32_t             model_tree_count(const struct model *model);
uint32_t             model_node_count(const struct model *model);
uint32_t             model_depth(const struct model *model); /* of the deepest tree */
uint16_t             model_feature_count(const struct model *model);
/* The name in the file, NUL-terminated; NULL when the file names no features. */
const char *model_feature_name(const struct model *model, uint16_t feature);

#endif
