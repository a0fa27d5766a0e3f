#include "config/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/forms.h"

bool value_type_fits(const struct stream_record *record, const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_GROUP: return record->type == STREAM_GROUP;
	case SCHEMA_LIST: return record->type == STREAM_LIST;
	case SCHEMA_FLAG: return record->type == STREAM_FLAG;
	case SCHEMA_COUNT: return record->type == STREAM_INTEGER;
	case SCHEMA_REAL:
	case SCHEMA_DOUBLE: return record->type == STREAM_REAL || record->type == STREAM_INTEGER;
	default: return record->type == STREAM_TEXT;
	}
}

void value_describe(const struct stream_record *record, char *out, size_t out_bytes)
{
	switch (record->type) {
	case STREAM_GROUP: snprintf(out, out_bytes, "is a group"); break;
	case STREAM_LIST: snprintf(out, out_bytes, "is a list"); break;
	case STREAM_FLAG: snprintf(out, out_bytes, "is %s", record->flag ? "true" : "false"); break;
	case STREAM_INTEGER: snprintf(out, out_bytes, "is %" PRId64, record->integer); break;
	case STREAM_REAL: snprintf(out, out_bytes, "is %g", record->real); break;
	default:
		if (strlen(record->text) > 80)
			snprintf(out, out_bytes, "is \"%.60s...\" of %s%zu bytes", record->text,
				 strlen(record->text) == STREAM_VALUE_BYTES_MAX ? "at least " : "",
				 strlen(record->text));
		else
			snprintf(out, out_bytes, "is \"%.80s\"", record->text);
	}
}

static bool text_fits(const struct schema_row *row, const char *text)
{
	size_t size_bytes = strlen(text);

	for (const char *at = text; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			return false;
	return (double)size_bytes >= row->min && (double)size_bytes <= row->max &&
	       (row->form == NULL || row->form(text));
}

/* A word by its place; 0 for an empty text where that is allowed. */
static bool choice_of(const struct schema_row *row, const char *text, unsigned *out)
{
	int  place = schema_word_place(row, text);
	bool empty = text[0] == '\0' && schema_may_be_empty(row);

	*out = empty ? 0 : (unsigned)row->min + (unsigned)place;
	return empty || place >= 0;
}

static bool store_duration(const struct schema_row *row, const char *text, int64_t *value)
{
	int64_t duration_ns = 0;
	bool    empty       = text[0] == '\0' && schema_may_be_empty(row);

	if (!empty && (!form_duration(text, &duration_ns) || (double)duration_ns < row->min ||
		       (double)duration_ns > row->max))
		return false;
	*value = duration_ns;
	return true;
}

static bool store_hours(const struct schema_row *row, const char *text, uint8_t *value)
{
	uint8_t hours[2] = { 0, 0 };
	bool    empty    = text[0] == '\0' && schema_may_be_empty(row);

	if (!empty && !form_hours(text, hours))
		return false;
	memcpy(value, hours, sizeof(hours));
	return true;
}

bool value_store(const struct schema_row *row, const struct stream_record *record, void *value)
{
	double   number = record->type == STREAM_INTEGER ? (double)record->integer : record->real;
	unsigned choice;

	switch (row->type) {
	case SCHEMA_FLAG: *(bool *)value = record->flag; return true;
	case SCHEMA_COUNT:
		if (number < row->min || number > row->max)
			return false;
		*(uint32_t *)value = (uint32_t)record->integer;
		return true;
	case SCHEMA_REAL:
		if (!(number >= row->min && number <= row->max))
			return false;
		*(float *)value = (float)number;
		return true;
	case SCHEMA_DOUBLE:
		if (!(number >= row->min && number <= row->max))
			return false;
		*(double *)value = number + 0.0; /* -0 is 0 */
		return true;
	case SCHEMA_TEXT:
	case SCHEMA_FILE:
		if (!text_fits(row, record->text))
			return false;
		memset(value, 0, row->size_bytes);
		memcpy(value, record->text, strlen(record->text));
		return true;
	case SCHEMA_CHOICE:
		if (!choice_of(row, record->text, &choice))
			return false;
		*(uint8_t *)value = (uint8_t)choice;
		return true;
	case SCHEMA_WORDS:
		if (!choice_of(row, record->text, &choice))
			return false;
		*(uint32_t *)value |= 1U << choice;
		return true;
	case SCHEMA_DURATION: return store_duration(row, record->text, value);
	case SCHEMA_HOURS: return store_hours(row, record->text, value);
	default: return true; /* groups and lists hold no value of their own */
	}
}

static void store_initial(const struct schema_row *row, const char *text, void *value)
{
	struct stream_record record = { 0 };
	char                *end;

	record.integer = strtoll(text, &end, 10);
	record.type    = *end == '\0' && end > text ? STREAM_INTEGER : STREAM_REAL;
	record.real    = strtod(text, &end);
	record.flag    = strcmp(text, "true") == 0;
	snprintf(record.text, sizeof(record.text), "%s", text);
	if (!value_store(row, &record, value))
		assert(!"a default outside its own range");
}

/* "( \"model\", \"rules\" )": each word in quotes is an element. */
static void store_initial_list(const struct schema_row *list, struct config *config)
{
	const struct schema_row *element = schema_element(list);
	const char              *at      = list->initial;
	uint32_t                 count   = 0;

	while ((at = strchr(at, '"')) != NULL) {
		char   word[64];
		size_t size_bytes = strcspn(at + 1, "\"");

		snprintf(word, sizeof(word), "%.*s", (int)size_bytes, at + 1);
		store_initial(element, word, schema_value(element, config, count++, 0));
		at += size_bytes + 2;
	}
	if (count > 0)
		value_set_count(list, config, count);
}

void value_set_count(const struct schema_row *list, struct config *config, uint32_t count)
{
	if (list->size_bytes == sizeof(uint16_t))
		*(uint16_t *)schema_value(list, config, 0, 0) = (uint16_t)count;
	else if (list->size_bytes == sizeof(uint32_t))
		*(uint32_t *)schema_value(list, config, 0, 0) = count;
}

uint32_t value_count(const struct schema_row *list, const struct config *config)
{
	const uint8_t *at = (const uint8_t *)config + list->offset;

	return list->size_bytes == sizeof(uint16_t) ? *(const uint16_t *)at : *(const uint32_t *)at;
}

void value_set_initial(const struct schema_row *row, struct config *config, uint32_t index)
{
	static const uint64_t missing = 0x7ff8000000000000; /* the one NaN of feature_plan.h */

	if (row->initial == NULL || (row->flags & SCHEMA_REQUIRED))
		return;
	if (row->type == SCHEMA_LIST)
		store_initial_list(row, config);
	else if (row->type == SCHEMA_DOUBLE && strcmp(row->initial, "missing") == 0)
		memcpy(schema_value(row, config, index, 0), &missing, sizeof(missing));
	else
		store_initial(row, row->initial, schema_value(row, config, index, 0));
}
