/* The one way into every kind of model: which reader, where its forest lies, the
 * binding to the feature schema, the link. */
#include "runtime/model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/digest.h"
#include "runtime/model/forest/forest.h"
#include "runtime/model/graph/build.h"
#include "runtime/model/link.h"
#include "runtime/model/read/read.h"
#include "runtime/model/window.h"

struct model {
	struct model_facts facts;
	uint16_t           slot_of[MODEL_FEATURES_MAX]; /* its feature -> the schema's */
	uint16_t           schema_count;                /* features in the schema it is bound to */
	bool               bound;
	bool               is_graph;
	uint64_t           body_offset_bytes; /* the forest or graph, from the start of the model */
	uint64_t           size_bytes;
};

static const struct forest *forest_of(const struct model *model)
{
	assert(!model->is_graph);
	return (const struct forest *)((const uint8_t *)model + model->body_offset_bytes);
}

static const struct graph *graph_of(const struct model *model)
{
	assert(model->is_graph);
	return (const struct graph *)((const uint8_t *)model + model->body_offset_bytes);
}

/* ---- load */

static void digest_file(struct bytes file, uint8_t out[DIGEST_BYTES])
{
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, file.data, file.size_bytes);
	digest_end(&digest, out);
}

static int refuse_file(size_t offset_bytes, struct failure *failure, const char *words)
{
	*failure = (struct failure){ .reason = REASON_model_missing, .offset_bytes = offset_bytes };
	snprintf(failure->place, sizeof(failure->place), "byte %zu", offset_bytes);
	snprintf(failure->detail, sizeof(failure->detail), "%s", words);
	return -1;
}

static int read_file(struct bytes file, struct model_plan *plan, struct failure *failure)
{
	if (lightgbm_is(file))
		return lightgbm_read(file, plan, failure);
	if (onnx_is(file))
		return onnx_read(file, plan, failure);
	return xgboost_read(file, plan, failure);
}

int model_parse(struct bytes file, struct model_plan **plan, struct failure *failure)
{
	struct model_plan *made;

	*plan = NULL;
	if (file.size_bytes > MODEL_FILE_BYTES_MAX)
		return refuse_file(MODEL_FILE_BYTES_MAX, failure, "the file is larger than 1 GiB");
	made = calloc(1, sizeof(*made));
	if (!made)
		return refuse_file(0, failure, "no memory to load the model");
	if (read_file(file, made, failure) ||
	    (made->forest && !forest_plan_close(made->forest) &&
	     refuse_file(0, failure, "no memory to load the model"))) {
		model_free_plan(made);
		return -1;
	}
	made->facts.reach = made->graph ? 0 : window_steps(&made->facts);
	digest_file(file, made->facts.digest);
	*plan = made;
	return 0;
}

void model_free_plan(struct model_plan *plan)
{
	if (!plan)
		return;
	forest_plan_free(plan->forest);
	graph_plan_free(plan->graph);
	free(plan);
}

static size_t head_bytes(void)
{
	return (sizeof(struct model) + MODEL_ALIGN_BYTES - 1) & ~(size_t)(MODEL_ALIGN_BYTES - 1);
}

size_t model_size(const struct model_plan *plan)
{
	return head_bytes() + (plan->graph ? graph_size(plan->graph) : forest_size(plan->forest));
}

struct model *model_build(const struct model_plan *plan, void *memory, size_t size_bytes)
{
	struct model *model = memory;

	assert((uintptr_t)memory % MODEL_ALIGN_BYTES == 0);
	assert(size_bytes >= model_size(plan));
	*model = (struct model){
		.facts             = plan->facts,
		.is_graph          = plan->graph != NULL,
		.body_offset_bytes = head_bytes(),
		.size_bytes        = model_size(plan),
	};
	if (plan->graph)
		graph_build(plan->graph, (uint8_t *)memory + head_bytes(),
			    size_bytes - head_bytes());
	else
		forest_build(plan->forest, (uint8_t *)memory + head_bytes(),
			     size_bytes - head_bytes());
	return model;
}

/* ---- bind */

static int refuse_names(struct failure *failure, const char *place)
{
	failure->reason       = REASON_model_missing;
	failure->offset_bytes = 0;
	snprintf(failure->place, sizeof(failure->place), "%s", place);
	return -1;
}

/* Where in its file the features' names are. */
static const char *names_place(const struct model *model)
{
	switch (model->facts.format) {
	case MODEL_LIGHTGBM_TEXT: return "feature_names";
	case MODEL_ONNX: return "inputs";
	default: return "/learner/feature_names";
	}
}

static int bind_by_order(struct model *model, const struct feature_schema *schema,
			 struct failure *failure)
{
	uint32_t count = model->facts.feature_count;

	if (count != schema->count) {
		snprintf(failure->detail, sizeof(failure->detail),
			 "the model names no features and has %u; the schema has %u", count,
			 schema->count);
		return refuse_names(failure, names_place(model));
	}
	for (uint32_t i = 0; i < count; i++)
		model->slot_of[i] = (uint16_t)i;
	return 0;
}

static int bind_by_name(struct model *model, const struct feature_schema *schema,
			struct failure *failure)
{
	for (uint32_t i = 0; i < model->facts.feature_count; i++) {
		const char *name = model->facts.names[i];
		uint32_t    slot = 0;
		char        place[64];

		while (slot < schema->count && strcmp(schema->names[slot], name) != 0)
			slot++;
		if (slot == schema->count) {
			snprintf(place, sizeof(place), "%s/%u", names_place(model), i);
			snprintf(failure->detail, sizeof(failure->detail),
				 "the schema has no feature \"%s\"", name);
			return refuse_names(failure, place);
		}
		model->slot_of[i] = (uint16_t)slot;
	}
	return 0;
}

int model_bind(struct model *model, const struct feature_schema *schema, struct failure *failure)
{
	int result;

	assert(schema->count <= TRANSACTION_FEATURES_MAX);
	result              = model->facts.named ? bind_by_name(model, schema, failure)
						 : bind_by_order(model, schema, failure);
	model->bound        = result == 0;
	model->schema_count = (uint16_t)schema->count;
	return result;
}

uint32_t model_steps(const struct model *model)
{
	if (model->facts.reach > 0)
		return model->facts.reach;
	return model->facts.steps > 1 ? model->facts.steps : 0;
}

/* A network without names takes a row as it is. */
static int bind_rows_by_order(struct model *model, const struct model_window *window,
			      struct failure *failure)
{
	uint32_t count = model->facts.feature_count;

	if (count != window->columns) {
		snprintf(failure->detail, sizeof(failure->detail),
			 "the model names no features and has %u in a row; the history's rows have "
			 "%u numbers",
			 count, window->columns);
		return refuse_names(failure, "features");
	}
	for (uint32_t i = 0; i < count; i++)
		model->slot_of[i] = (uint16_t)i;
	return 0;
}

int model_bind_window(struct model *model, const struct model_window *window,
		      struct failure *failure)
{
	int result = -1;

	assert(model_steps(model) > 0 && window->steps * window->columns <= UINT16_MAX);
	if (model_steps(model) > window->steps) {
		snprintf(failure->detail, sizeof(failure->detail),
			 "the model looks at %u rows of an account, with %u numbers of them; the "
			 "history has %u rows of %u numbers",
			 model_steps(model), model->facts.feature_count, window->steps,
			 window->columns);
		return refuse_names(failure, "steps");
	}
	result = model->facts.named ? window_bind(&model->facts, window, model->slot_of, failure)
				    : bind_rows_by_order(model, window, failure);
	model->bound        = result == 0;
	model->schema_count = (uint16_t)window->columns;
	return result;
}

/* ---- run */

/* A graph's row, laid out, and behind it what its nodes work in. */
static size_t row_bytes(const struct model *model)
{
	size_t count = (size_t)model_step_count(model) * model->facts.feature_count;

	return (count * sizeof(float) + MODEL_ALIGN_BYTES - 1) & ~(size_t)(MODEL_ALIGN_BYTES - 1);
}

size_t model_scratch_bytes(const struct model *model)
{
	return model->is_graph ? row_bytes(model) + graph_scratch_bytes(graph_of(model)) : 0;
}

static const float *lay_out_row(const struct model *model, const float *features, float *row)
{
	uint32_t count = model->facts.feature_count;

	for (uint32_t step = 0; step < model_step_count(model); step++)
		for (uint32_t i = 0; i < count; i++)
			row[(size_t)step * count + i] =
				features[(size_t)step * model->schema_count + model->slot_of[i]];
	return row;
}

void model_run(const struct model *model, const float *features, void *scratch, float *margins)
{
	assert(model->bound);
	if (model->is_graph)
		graph_run(graph_of(model), lay_out_row(model, features, scratch),
			  (float *)((uint8_t *)scratch + row_bytes(model)), margins);
	else
		forest_run(forest_of(model), model->slot_of, features, margins);
}

void model_run_judge(const struct model *model, const float *features, void *scratch,
		     float *margins)
{
	assert(model->bound);
	if (model->is_graph)
		graph_run_judge(graph_of(model), lay_out_row(model, features, scratch),
				(float *)((uint8_t *)scratch + row_bytes(model)), margins);
	else
		forest_judge(forest_of(model), model->slot_of, features, margins);
}

const char *model_explain_refusal(const struct model *model)
{
	if (model->is_graph)
		return "only models that are trees and nothing else can be explained";
	return forest_covered(forest_of(model))
		       ? NULL
		       : "the file does not say how many training rows came to each node";
}

size_t model_explain_scratch_bytes(const struct model *model)
{
	return forest_explain_bytes(forest_of(model));
}

void model_explain(const struct model *model, const float *features, void *scratch, double *out)
{
	assert(model->bound);
	forest_explain(forest_of(model), model->slot_of, features, scratch, out);
}

uint16_t model_features_missing(const struct model *model, const float *features)
{
	uint16_t missing = 0;

	/* Of a sequence, the last step: the row that is asked about. */
	features += (size_t)(model_step_count(model) - 1u) * model->schema_count;
	for (uint32_t i = 0; i < model->facts.feature_count; i++)
		missing += isnan(features[model->slot_of[i]]) != 0;
	return missing;
}

/* ---- what it is */

const uint8_t *model_digest(const struct model *model)
{
	return model->facts.digest;
}

enum model_format model_format(const struct model *model)
{
	return model->facts.format;
}

const char *model_format_name(enum model_format format)
{
	static const char *const names[MODEL_FORMAT_COUNT] = {
		[MODEL_XGBOOST_JSON]   = "XGBoost JSON",
		[MODEL_XGBOOST_UBJSON] = "XGBoost UBJSON",
		[MODEL_LIGHTGBM_TEXT]  = "LightGBM text",
		[MODEL_ONNX]           = "ONNX",
	};

	assert(format < MODEL_FORMAT_COUNT);
	return names[format];
}

enum model_link model_link(const struct model *model)
{
	return model->facts.link;
}

void model_scores(const struct model *model, const float *margins, float *scores)
{
	link_scores(model->facts.link, model->facts.link_scale, margins, scores,
		    model->facts.output_count);
}

const char *model_objective(const struct model *model)
{
	return model->facts.objective;
}

uint16_t model_output_count(const struct model *model)
{
	return model->facts.output_count;
}

uint16_t model_feature_count(const struct model *model)
{
	return model->facts.feature_count;
}

const char *model_feature_name(const struct model *model, uint16_t feature)
{
	assert(feature < model->facts.feature_count);
	return model->facts.named ? model->facts.names[feature] : NULL;
}

uint16_t model_step_count(const struct model *model)
{
	return model->facts.steps > 1 ? model->facts.steps : 1;
}

/* One of a forest's figures: of the only forest, or the sum, or the most, of a graph's. */
static uint32_t of_forests(const struct model *model, uint32_t (*figure)(const struct forest *),
			   bool                most)
{
	uint32_t all = 0;

	if (!model->is_graph)
		return figure(forest_of(model));
	for (uint32_t i = 0; i < graph_of(model)->forest_count; i++) {
		uint32_t one = figure(graph_forest(graph_of(model), i));

		if (!most)
			all += one;
		else if (one > all)
			all = one;
	}
	return all;
}

uint32_t model_tree_count(const struct model *model)
{
	return of_forests(model, forest_tree_count, false);
}

uint32_t model_node_count(const struct model *model)
{
	return of_forests(model, forest_node_count, false);
}

uint32_t model_depth(const struct model *model)
{
	return of_forests(model, forest_depth, true);
}

size_t model_memory_bytes(const struct model *model)
{
	return model->size_bytes;
}

uint32_t model_layer_count(const struct model *model)
{
	return model->is_graph ? graph_of(model)->node_count : 1;
}

void model_layer(const struct model *model, uint32_t layer, struct model_layer *out)
{
	assert(layer < model_layer_count(model));
	if (model->is_graph) {
		graph_layer(graph_of(model), layer, out);
		return;
	}
	*out = (struct model_layer){
		.kernel       = "eight trees at once",
		.why          = "a forest's only kernel; no jump depends on a feature",
		.weight_bytes = model->size_bytes - model->body_offset_bytes,
		.products     = (uint64_t)model_tree_count(model) * model_depth(model),
		.result_bytes = model->facts.output_count * sizeof(float),
	};
	snprintf(out->op, sizeof(out->op), "trees");
	snprintf(out->shape, sizeof(out->shape), "[1, %u] -> [1, %u]", model->facts.feature_count,
		 model->facts.output_count);
}
