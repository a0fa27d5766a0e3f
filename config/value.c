#include "config/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool value_type_fits(const struct stream_record *record, const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_GROUP: return record->type == STREAM_GROUP;
	case SCHEMA_LIST: return record->type == STREAM_LIST;
	case SCHEMA_FLAG: return record->type == STREAM_FLAG;
	case SCHEMA_COUNT: return record->type == STREAM_INTEGER;
	case SCHEMA_REAL: return record->type == STREAM_REAL || record->type == STREAM_INTEGER;
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

bool value_store(const struct schema_row *row, const struct stream_record *record, void *value)
{
	double number = record->type == STREAM_INTEGER ? (double)record->integer : record->real;
	int    place;

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
	case SCHEMA_TEXT:
	case SCHEMA_FILE:
		if (!text_fits(row, record->text))
			return false;
		memset(value, 0, row->size_bytes);
		memcpy(value, record->text, strlen(record->text));
		return true;
	case SCHEMA_CHOICE:
		place = schema_word_place(row, record->text);
		if (place >= 0)
			*(uint8_t *)value = (uint8_t)place;
		return place >= 0;
	case SCHEMA_WORDS:
		place = schema_word_place(row, record->text);
		if (place >= 0)
			*(uint32_t *)value |= 1U << place;
		return place >= 0;
	default: return true; /* groups and lists hold no value of their own */
	}
}

void value_set_initial(const struct schema_row *row, struct config *config)
{
	struct stream_record record = { 0 };
	char                *end;

	if (row->initial == NULL || row->type == SCHEMA_LIST || (row->flags & SCHEMA_REQUIRED))
		return;
	record.integer = strtoll(row->initial, &end, 10);
	record.type    = *end == '\0' && end > row->initial ? STREAM_INTEGER : STREAM_REAL;
	record.real    = strtod(row->initial, &end);
	record.flag    = strcmp(row->initial, "true") == 0;
	snprintf(record.text, sizeof(record.text), "%s", row->initial);
	if (!value_store(row, &record, schema_value(row, config, 0)))
		assert(!"a default outside its own range");
}
