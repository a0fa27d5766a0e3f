/* Which column of a CSV file goes where, for the tools that read one. */
#include <stdio.h>
#include <string.h>

#include "config/check.h"

#define FEATURE_PREFIX "feature:"

static bool find_target(const struct config *config, struct config_column *column)
{
	static const struct {
		const char *word;
		uint8_t     target;
	} words[]                       = { { "time", CONFIG_COLUMN_TIME },
					    { "amount", CONFIG_COLUMN_AMOUNT },
					    { "label", CONFIG_COLUMN_LABEL } };
	const struct schema_row *fields = schema_find("entities[].key[]");
	int                      place  = schema_word_place(fields, column->field);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(column->field, words[i].word) == 0) {
			column->target = words[i].target;
			return true;
		}
	if (place >= 0) {
		column->target = CONFIG_COLUMN_FIELD;
		column->at     = (uint16_t)(fields->min + place);
		return true;
	}
	if (strncmp(column->field, FEATURE_PREFIX, sizeof(FEATURE_PREFIX) - 1) != 0)
		return false;
	column->target = CONFIG_COLUMN_FEATURE;
	for (uint16_t i = 0; i < config->features.count; i++)
		if (strcmp(config->features.names[i], column->field + sizeof(FEATURE_PREFIX) - 1) ==
		    0) {
			column->at = i;
			return true;
		}
	return false;
}

void check_columns(const struct check *check)
{
	struct config *config = check->config;

	for (uint32_t i = 0; i < config->columns_count; i++) {
		char key[64], allowed[SCHEMA_ALLOWED_BYTES];

		if (find_target(config, &config->columns[i]))
			continue;
		schema_allowed(schema_find("entities[].key[]"), allowed, sizeof(allowed));
		snprintf(key, sizeof(key), "columns[%u].field", i);
		errors_add(check->errors, check_element_line(check, "columns", i), key,
			   "is \"%s\", must be \"time\", \"amount\", \"label\", \"feature:\" "
			   "and a name in features, %s",
			   config->columns[i].field, allowed);
	}
	/* A column may feed two fields; a field has one column. */
	check_unique(check, "columns", ".field", config->columns[0].field, config->columns_count,
		     sizeof(config->columns[0]));
}
