/* The model: what a bank's training stack saved, made ready for one row at a time.
 *
 * Loading has steps, so that the caller owns the memory:
 *
 *   file bytes --model_parse--> struct model_plan   malloc, load time, freed
 *              --model_size---> how many bytes the bound form takes
 *              --model_build--> struct model        in the caller's (huge) pages
 *              --model_bind---> features found in the config's feature schema
 *
 * and then, on the decision path, without allocation, system call or lock:
 *
 *   model_run(model, features, scratch, margins)   one raw number for each output
 *   model_scores(model, margins, scores)           the link: sigmoid, softmax, ...
 *
 * The files' own readers are in read/; they end in one of two plans, a forest
 * (forest/) or a graph (graph/), which stands behind this one interface.
 *
 * Outputs: a classifier of two classes has one output, the probability of the
 *          second; one of more classes has one output for each class; a regressor
 *          or ranker has one for each target.
 * Same bits: every sum has one fixed order, in the plain C judge and in the fast
 *          kernel alike, so that a model gives the same bits on every machine, in
 *          every batch and on any number of cores.  XGBoost's margins are those of
 *          the library itself.
 * Owner:   the thread that loads, until the model is bound; read-only and
 *          shared by every core after that.  Scratch memory belongs to a core.
 * Failure: struct failure.  `reason` is REASON_model_missing (no model was
 *          loaded), `place` a place in the model file (JSON pointer, line, node
 *          name, or "byte N" of a file that cannot be read at all), `detail` what
 *          was found and what is allowed.
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
#define MODEL_STEPS_MAX      1024u                    /* of a sequence */
#define MODEL_OUTPUTS_MAX    64u                      /* classes or targets */
#define MODEL_NAME_BYTES_MAX 63u                      /* of a feature name, as in feature_schema */
#define MODEL_ALIGN_BYTES    64u                      /* of the memory model_build is given */

enum model_format {
	MODEL_XGBOOST_JSON,
	MODEL_XGBOOST_UBJSON,
	MODEL_LIGHTGBM_TEXT,
	MODEL_ONNX,
	MODEL_FORMAT_COUNT,
};

/* From margins to scores. */
enum model_link {
	MODEL_IDENTITY,    /* the margin itself */
	MODEL_LOGISTIC,    /* 1 / (1 + e^-(scale x)), of each output by itself */
	MODEL_EXPONENTIAL, /* e^x */
	MODEL_SOFTMAX,     /* e^x, divided by the sum of all outputs' */
	MODEL_STEP,        /* 1 above 0, else 0 */
	MODEL_SQUARE,      /* x |x|, as LightGBM's reg_sqrt undoes a square root */
	MODEL_LINK_COUNT,
};

/* What was read from the file: checked, and in the file's own order. */
struct model_plan;

/* The bound form.  Self-contained in the memory it was built in; only these
 * queries look inside. */
struct model;

/* Read and check a whole model file, whose format is told by its bytes.  0 and
 * *plan, or -1 and *failure.  Work and memory are proportional to the size of the
 * file, whatever it says.  Allocates with malloc: load time only. */
int  model_parse(struct bytes file, struct model_plan **plan, struct failure *failure);
void model_free_plan(struct model_plan *plan); /* NULL is fine */

/* Bytes of memory model_build needs for this plan; a multiple of 64. */
size_t model_size(const struct model_plan *plan);

/* Lay the plan out in `memory` (MODEL_ALIGN_BYTES aligned, size_bytes >=
 * model_size(plan)); the model starts at `memory` and points nowhere else, so
 * the plan may be freed.  It lives until the caller reuses the memory. */
struct model *model_build(const struct model_plan *plan, void *memory, size_t size_bytes);

/* Find each of the model's features in the schema by name; a model without
 * names takes the schema's order and must have as many features.  0, or -1 and
 * the first feature that is not there.  The schema may hold more than the
 * model uses.  A model must be bound before it is asked. */
int model_bind(struct model *model, const struct feature_schema *schema, struct failure *failure);

/* A sequence model is asked about a window instead: the last rows of an account, oldest
 * first, its transaction's own the last. */
struct model_window {
	uint32_t steps, columns; /* what the engine keeps: at most 65,535 numbers in all */
	const char (*names)[MODEL_NAME_BYTES_MAX + 1]; /* [columns] */
};

/* Rows a sequence model looks at, the newest included; 0: it is no sequence model.  A
 * forest is one when a feature of its is called NAME@-1 and the like: window.h. */
uint32_t model_steps(const struct model *model);

/* Find each of a sequence model's features in the window by name.  0, or -1 and *failure:
 * the window has fewer rows than the model looks at, or lacks a column.  model_run's
 * `features` are then the last [model_steps][window->columns] of the window. */
int model_bind_window(struct model *model, const struct model_window *window,
		      struct failure *failure);

/* Memory a run works in: MODEL_ALIGN_BYTES aligned, one for each core that runs the
 * model.  0: none is needed, and NULL will do. */
size_t model_scratch_bytes(const struct model *model);

/* The raw outputs for one row.
 * `features` is [model_step_count][schema.count], the oldest step first, in schema order, NaN
 * where missing; `margins` is [model_output_count]. */
void model_run(const struct model *model, const float *features, void *scratch, float *margins);

/* The same by the plainest possible code over the file's own nodes: the judge
 * the fast kernels are compared with, bit for bit. */
void model_run_judge(const struct model *model, const float *features, void *scratch,
		     float *margins);

/* How much of each margin each feature gave, and what every row gets: exact Shapley values of
 * the trees, by the training rows' ways through them.  `out` is [model_output_count]
 * [model_feature_count + 1], each row in the model's own order with the bias last; a row sums to
 * its margin.  Off the fast path: some hundred times as long as model_run.  The same bits
 * everywhere.
 *
 * model_explain_refusal: NULL, or the sentence why this model cannot be explained; model_explain
 * may not be called then.  `scratch` as for model_run, of model_explain_scratch_bytes. */
const char *model_explain_refusal(const struct model *model);
size_t      model_explain_scratch_bytes(const struct model *model);
void model_explain(const struct model *model, const float *features, void *scratch, double *out);

/* The link's transform; both are [model_output_count] and may be the same array.  Our own
 * exp: the same bits on every machine. */
void model_scores(const struct model *model, const float *margins, float *scores);

/* How many of the model's features are missing (NaN) in this row. */
uint16_t model_features_missing(const struct model *model, const float *features);

const uint8_t    *model_digest(const struct model *model); /* [DIGEST_BYTES], SHA-256 of the file */
enum model_format model_format(const struct model *model);
const char       *model_format_name(enum model_format format); /* "XGBoost JSON" */
enum model_link   model_link(const struct model *model);
const char       *model_link_name(enum model_link link); /* "logistic" */
/* As the file names it ("binary:logistic", "multiclass num_class:3"); never empty. */
const char *model_objective(const struct model *model);
uint16_t    model_output_count(const struct model *model);
uint16_t    model_feature_count(const struct model *model); /* of one step */
uint16_t    model_step_count(const struct model *model);    /* 1, unless it reads a sequence */
/* The name in the file, NUL-terminated; NULL when the file names no features. */
const char *model_feature_name(const struct model *model, uint16_t feature);
/* Of its trees; zero when it has none. */
uint32_t model_tree_count(const struct model *model);
uint32_t model_node_count(const struct model *model);
uint32_t model_depth(const struct model *model); /* of the deepest tree */

/* One layer as it runs, for people. */
struct model_layer {
	char        name[48];  /* the file's node; "" when it has no name */
	char        op[32];    /* "dense", "gru", "trees" */
	char        fused[32]; /* the activation that is computed with it; "" none */
	char        shape[96]; /* "[1, 64] -> [1, 1]" */
	const char *kernel;    /* which code runs it */
	const char *why;       /* and why that */
	uint64_t    weight_bytes;
	uint64_t    products;    /* multiply-adds; of trees: tests, at most */
	uint64_t    place_bytes; /* where in working memory its result lies */
	uint64_t    result_bytes;
};

uint32_t model_layer_count(const struct model *model);
void     model_layer(const struct model *model, uint32_t layer, struct model_layer *out);
size_t   model_memory_bytes(const struct model *model); /* what model_build was asked for */

#endif
