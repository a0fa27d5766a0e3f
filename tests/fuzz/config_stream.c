/* The flat stream as a child that was taken over would send it.  Whatever comes,
 * the checks end, write only inside struct config, and a stream without error
 * leaves values that are inside the ranges of their rows. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_range(const struct schema_row *row, struct config *config)
{
	const void *value;

	if (row->size_bytes == 0 || row->stride_bytes > 0)
		return;
	value = schema_value(row, config, 0, 0);
	if (row->type == SCHEMA_COUNT &&
	    (*(const uint32_t *)value < row->min || *(const uint32_t *)value > row->max))
		abort();
	if (row->type == SCHEMA_REAL &&
	    !(*(const float *)value >= row->min && *(const float *)value <= row->max))
		abort();
	if ((row->type == SCHEMA_TEXT || row->type == SCHEMA_FILE) &&
	    strnlen(value, row->size_bytes) == row->size_bytes)
		abort();
}

static void check_entities(const struct feature_plan *plan)
{
	for (uint32_t i = 0; i < plan->entities_count; i++) {
		const struct entity_spec *entity = &plan->entities[i];

		if (entity->key[0] == FIELD_NONE || entity->read[0] == FIELD_NONE ||
		    entity->history_max < 2 || entity->history_max > PLAN_HISTORY_MAX ||
		    entity->channels >= 1U << CHANNEL_COUNT)
			abort();
		for (int j = 0; j < PLAN_KEY_FIELDS_MAX; j++)
			if (entity->key[j] >= FIELD_COUNT || entity->read[j] >= FIELD_COUNT)
				abort();
	}
}

/* What the engine takes for granted of a plan. */
static void check_filled_plan(const struct feature_plan *plan)
{
	check_entities(plan);
	for (uint32_t i = 0; i < plan->features_count; i++) {
		const struct feature_spec *spec = &plan->features[i];

		if (spec->kind >= FEATURE_KIND_COUNT || spec->of >= FIELD_COUNT ||
		    (spec->entity != PLAN_NO_ENTITY && spec->entity >= plan->entities_count) ||
		    (spec->entity == PLAN_NO_ENTITY) != (spec->kind >= FEATURE_AMOUNT) ||
		    (spec->of != FIELD_NONE) != (spec->kind == FEATURE_DISTINCT) ||
		    (spec->window_ns != 0 && spec->window_ns < PLAN_WINDOW_NS_MIN) ||
		    spec->window_ns > PLAN_WINDOW_NS_MAX || spec->delay_ns < 0 ||
		    (spec->kind == FEATURE_HOURS) != (spec->hour_to > spec->hour_from))
			abort();
	}
	if (plan->shards < 1 || plan->shards > 256 || (plan->shards & (plan->shards - 1)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static struct config       config;
	static struct config_error error;
	struct errors              errors;
	struct check               check = { .config = &config, .errors = &errors };

	errors_init(&errors, "fuzz", &error);
	config_defaults(&config);
	check_stream(&check, bytes_of(data, size_bytes));
	if (config.callers_count > CONFIG_CALLERS_MAX ||
	    config.features.count > TRANSACTION_FEATURES_MAX ||
	    config.net.addresses_count > CONFIG_ADDRESSES_MAX ||
	    config.plan.entities_count > PLAN_ENTITIES_MAX ||
	    config.plan.features_count > PLAN_FEATURES_MAX ||
	    config.columns_count > CONFIG_COLUMNS_MAX ||
	    config.cores.decide_count > CONFIG_DECIDE_MAX || error.count > CONFIG_ERRORS_MAX)
		abort();
	if (!check.ended && error.count == 0)
		abort();
	if (error.count > 0)
		return 0;
	for (size_t i = 0; i < schema_count; i++)
		check_range(&schema[i], &config);
	for (uint32_t i = 0; i < config.callers_count; i++)
		if (config.callers[i].identity[0] == '\0' || config.callers[i].may == 0)
			abort();
	check_rules(&check);
	if (error.count > 0)
		return 0;
	plan_fill(&config);
	check_filled_plan(&config.plan);
	return 0;
}
