/* Binding to the feature schema, the objective's transform, and what a model
 * says about itself. */
#include "runtime/model/model.h"

#include <math.h>
#include <stdio.h>

#include "runtime/model/flat.h"
#include "runtime/model/fmath.h"

static int refuse_feature(struct failure *failure, uint32_t feature, const char *words)
{
	*failure = (struct failure){ .reason = REASON_model_missing };
	snprintf(failure->place, sizeof(failure->place), "/learner/feature_names/%u", feature);
	snprintf(failure->detail, sizeof(failure->detail), "%s", words);
	return -1;
}

static int bind_by_order(struct model *model, const struct feature_schema *schema,
			 struct failure *failure)
{
	uint32_t count = model->facts.feature_count;

	if (count != schema->count) {
		*failure = (struct failure){ .reason = REASON_model_missing };
		snprintf(failure->place, sizeof(failure->place), "/learner/feature_names");
		snprintf(failure->detail, sizeof(failure->detail),
			 "the model names no features and has %u; the schema has %u", count,
			 schema->count);
		return -1;
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
		char        words[REASON_PLACE_BYTES_MAX];

		while (slot < schema->count && strcmp(schema->names[slot], name) != 0)
			slot++;
		if (slot == schema->count) {
			snprintf(words, sizeof(words), "the schema has no feature \"%s\"", name);
			return refuse_feature(failure, i, words);
		}
		model->slot_of[i] = (uint16_t)slot;
	}
	return 0;
}

int model_bind(struct model *model, const struct feature_schema *schema, struct failure *failure)
{
	int result;

	assert(schema->count <= TRANSACTION_FEATURES_MAX);
	result       = model->facts.named ? bind_by_name(model, schema, failure)
					  : bind_by_order(model, schema, failure);
	model->bound = result == 0;
	return result;
}

float model_score(const struct model *model, float margin)
{
	/* XGBoost's sigmoid; the bound keeps e^-margin within float32. */
	const float exponent_max = 88.7f;
	float       exponent     = -margin;

	if (model->facts.objective == MODEL_SQUARED_ERROR)
		return margin;
	if (exponent > exponent_max)
		exponent = exponent_max;
	return 1.0f / (fmath_expf(exponent) + 1.0f);
}

uint16_t model_features_missing(const struct model *model, const float *features)
{
	uint16_t missing = 0;

	for (uint32_t i = 0; i < model->facts.feature_count; i++)
		missing += isnan(features[model->slot_of[i]]) != 0;
	return missing;
}

const uint8_t *model_digest(const struct model *model)
{
	return model->facts.digest;
}

enum model_objective model_objective(const struct model *model)
{
	return model->facts.objective;
}

uint32_t model_tree_count(const struct model *model)
{
	return model->facts.tree_count;
}

uint32_t model_node_count(const struct model *model)
{
	return model->facts.node_count;
}

uint32_t model_depth(const struct model *model)
{
	return model->facts.depth;
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
