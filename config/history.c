/* The rows that sequence models see: what their keys cannot say, and the history plan that
 * follows. */
#include <stdio.h>
#include <string.h>

#include "config/check.h"

/* The place of a feature among all, or UINT32_MAX. */
static uint32_t place_of(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->features.count; i++)
		if (strcmp(config->features.names[i], name) == 0)
			return i;
	for (uint32_t i = 0; i < config->plan.features_count; i++)
		if (strcmp(config->plan.features[i].name, name) == 0)
			return config->features.count + i;
	return UINT32_MAX;
}

void check_history(const struct check *check)
{
	const struct config_history *history = &check->config->history;
	uint32_t                     line    = check_line(check, "history.features");
	char                         key[64];

	check_unique(check, "history.features", "", history->features[0], history->features_count,
		     sizeof(history->features[0]));
	for (uint32_t i = 0; i < history->features_count; i++) {
		if (place_of(check->config, history->features[i]) != UINT32_MAX)
			continue;
		snprintf(key, sizeof(key), "history.features[%u]", i);
		errors_add(check->errors, line, key,
			   "is \"%s\", must be one of features or the name of one of computed",
			   history->features[i]);
	}
	if (history->steps > 0 && history->features_count == 0 &&
	    check->config->features.count == 0 && check->config->plan.features_count == 0)
		errors_add(check->errors, check_line(check, "history.steps"), "history.steps",
			   "is %u, must be 0 as there are neither features nor computed ones",
			   history->steps);
}

/* There are more features than columns only in a config that is refused. */
static void add_column(struct history_plan *plan, const char *name, uint32_t place)
{
	if (plan->columns == HISTORY_COLUMNS_MAX)
		return;
	snprintf(plan->names[plan->columns], sizeof(plan->names[0]), "%s", name);
	plan->of[plan->columns++] = (uint16_t)place;
}

void history_fill(struct config *config)
{
	const struct config_history *history = &config->history;
	struct history_plan         *plan    = &config->history_plan;

	memset(plan, 0, sizeof(*plan));
	plan->steps        = history->steps;
	plan->missing      = history->missing_step;
	plan->shards       = config->state.shards;
	plan->memory_bytes = (uint64_t)history->memory_mib << 20;
	for (uint32_t i = 0; i < history->features_count; i++)
		add_column(plan, history->features[i], place_of(config, history->features[i]));
	if (history->features_count > 0)
		return;
	for (uint32_t i = 0; i < config->features.count; i++)
		add_column(plan, config->features.names[i], i);
	for (uint32_t i = 0; i < config->plan.features_count; i++)
		add_column(plan, config->plan.features[i].name, config->features.count + i);
}
