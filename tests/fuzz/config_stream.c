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
	    config.net.addresses_count > CONFIG_ADDRESSES_MAX || error.count > CONFIG_ERRORS_MAX)
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
	return 0;
}
