/* Numbers out of a model file, in each of the ways the two formats store them. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "runtime/model/read/doc.h"

#define NUMBER_TEXT_BYTES_MAX 64u /* XGBoost writes at most 15 characters */

static const char wrong_count[] = "must have %u numbers, not %u";
static const char not_float[]   = "is not a number";
static const char not_int[]     = "is not an integer of 32 bits";

/* `text` need not end in a NUL.  Rounded once, to nearest, by strtof. */
static bool text_to_float(struct bytes text, float *out)
{
	char  copy[NUMBER_TEXT_BYTES_MAX];
	char *end;

	if (text.size_bytes == 0 || text.size_bytes >= sizeof(copy))
		return false;
	memcpy(copy, text.data, text.size_bytes);
	copy[text.size_bytes] = '\0';
	*out                  = strtof(copy, &end);
	return end == copy + text.size_bytes && copy[0] > ' ';
}

static bool text_to_int(struct bytes text, int64_t *out)
{
	bool    negative = text.size_bytes > 0 && text.data[0] == '-';
	int64_t value    = 0;

	if (text.size_bytes == negative || text.size_bytes > 18)
		return false;
	for (size_t i = negative; i < text.size_bytes; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = 10 * value + (text.data[i] - '0');
	}
	*out = negative ? -value : value;
	return true;
}

/* A UBJSON integer, sign-extended. */
static int64_t ubjson_int(uint8_t marker, const uint8_t *at)
{
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (marker) {
	case 'T': return 1;
	case 'F': return 0;
	case 'U': return at[0];
	case 'i': return (int8_t)at[0];
	case 'I': memcpy(&two, at, 2); return (int16_t)be16toh(two);
	case 'l': memcpy(&four, at, 4); return (int32_t)be32toh(four);
	default: memcpy(&eight, at, 8); return (int64_t)be64toh(eight);
	}
}

static double ubjson_real(uint8_t marker, const uint8_t *at)
{
	uint32_t four;
	uint64_t eight;
	float    single;
	double   wide;

	if (marker == 'd') {
		memcpy(&four, at, 4);
		four = be32toh(four);
		memcpy(&single, &four, 4);
		return single;
	}
	memcpy(&eight, at, 8);
	eight = be64toh(eight);
	memcpy(&wide, &eight, 8);
	return wide;
}

/* One number, of whatever storage, as float or as int. */
static bool number_float(uint8_t marker, const void *at, float *out)
{
	yyjson_val *json = (yyjson_val *)(uintptr_t)at;

	if (marker == 'd' || marker == 'D')
		*out = (float)ubjson_real(marker, at);
	else if (marker != 'J')
		*out = (float)ubjson_int(marker, at);
	else if (yyjson_is_bool(json))
		*out = yyjson_get_bool(json);
	else
		return text_to_float(bytes_of(yyjson_get_raw(json), yyjson_get_len(json)), out);
	return true;
}

static bool number_int(uint8_t marker, const void *at, int32_t *out)
{
	yyjson_val *json = (yyjson_val *)(uintptr_t)at;
	int64_t     wide;

	if (marker == 'd' || marker == 'D')
		return false;
	if (marker != 'J')
		wide = ubjson_int(marker, at);
	else if (yyjson_is_bool(json))
		wide = yyjson_get_bool(json);
	else if (!text_to_int(bytes_of(yyjson_get_raw(json), yyjson_get_len(json)), &wide))
		return false;
	*out = (int32_t)wide;
	return wide >= INT32_MIN && wide <= INT32_MAX;
}

/* Where the numbers of an array are, one after another. */
struct cursor {
	const struct doc *doc;
	uint32_t          member; /* of a DOC_ARRAY, else DOC_NONE */
	uint8_t           marker;
	const uint8_t    *at;
};

static struct cursor cursor_first(const struct doc *doc, uint32_t array)
{
	const struct doc_value *value  = &doc->values[array];
	struct cursor           cursor = { .doc = doc, .member = DOC_NONE };

	if (value->kind == DOC_NUMBERS) {
		cursor.marker = value->marker;
		cursor.at     = value->data;
	} else {
		cursor.member = doc_first(doc, array);
	}
	return cursor;
}

/* False when this member of a mixed array is not a number. */
static bool cursor_load(struct cursor *cursor)
{
	const struct doc_value *value;

	if (cursor->member == DOC_NONE)
		return true;
	value          = &cursor->doc->values[cursor->member];
	cursor->marker = value->marker;
	cursor->at     = value->data;
	return value->kind == DOC_NUMBER;
}

static void cursor_next(struct cursor *cursor)
{
	if (cursor->member != DOC_NONE)
		cursor->member = doc_next(cursor->doc, cursor->member);
	else if (cursor->marker == 'J')
		cursor->at = (const uint8_t *)((const yyjson_val *)cursor->at + 1);
	else if (cursor->marker == 'i' || cursor->marker == 'U')
		cursor->at += 1;
	else if (cursor->marker == 'I')
		cursor->at += 2;
	else
		cursor->at += cursor->marker == 'l' || cursor->marker == 'd' ? 4 : 8;
}

static int refuse_number(const struct doc *doc, uint32_t array, uint32_t index, const char *words,
			 struct failure *failure)
{
	char suffix[16];

	snprintf(suffix, sizeof(suffix), "/%u", index);
	return doc_refuse(doc, array, suffix, failure, "%s", words);
}

int doc_floats(const struct doc *doc, uint32_t array, float *out, uint32_t count,
	       struct failure *failure)
{
	struct cursor cursor = cursor_first(doc, array);

	if (doc->values[array].count != count)
		return doc_refuse(doc, array, "", failure, wrong_count, count,
				  doc->values[array].count);
	for (uint32_t i = 0; i < count; i++, cursor_next(&cursor))
		if (!cursor_load(&cursor) || !number_float(cursor.marker, cursor.at, &out[i]))
			return refuse_number(doc, array, i, not_float, failure);
	return 0;
}

int doc_ints(const struct doc *doc, uint32_t array, int32_t *out, uint32_t count,
	     struct failure *failure)
{
	struct cursor cursor = cursor_first(doc, array);

	if (doc->values[array].count != count)
		return doc_refuse(doc, array, "", failure, wrong_count, count,
				  doc->values[array].count);
	for (uint32_t i = 0; i < count; i++, cursor_next(&cursor))
		if (!cursor_load(&cursor) || !number_int(cursor.marker, cursor.at, &out[i]))
			return refuse_number(doc, array, i, not_int, failure);
	return 0;
}

int doc_text_int(const struct doc *doc, uint32_t text, int64_t *out, struct failure *failure)
{
	const struct doc_value *value = &doc->values[text];

	if (!text_to_int(bytes_of(value->data, value->count), out))
		return doc_refuse(doc, text, "", failure, "is not an integer in a string");
	return 0;
}

int doc_text_floats(const struct doc *doc, uint32_t text, float *out, uint32_t *count,
		    struct failure *failure)
{
	const struct doc_value *value = &doc->values[text];
	struct bytes            rest  = bytes_of(value->data, value->count);
	uint32_t                found = 0;

	if (rest.size_bytes > 2 && rest.data[0] == '[' && rest.data[rest.size_bytes - 1] == ']')
		rest = bytes_of(rest.data + 1, rest.size_bytes - 2);
	for (;;) {
		const uint8_t *comma      = memchr(rest.data, ',', rest.size_bytes);
		size_t         size_bytes = comma ? (size_t)(comma - rest.data) : rest.size_bytes;

		if (found == *count)
			return doc_refuse(doc, text, "", failure,
					  "holds more numbers than the %u allowed", *count);
		if (!text_to_float(bytes_of(rest.data, size_bytes), &out[found++]))
			return doc_refuse(doc, text, "", failure, "is not one number in a string");
		if (!comma)
			break;
		rest = bytes_of(comma + 1, rest.size_bytes - size_bytes - 1);
	}
	*count = found;
	return 0;
}
