#include "runtime/model/read/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* After an object's '{', JSON has a quote, space or '}', UBJSON a length marker:
 * one byte tells the formats apart. */
static bool looks_like_json(struct bytes file)
{
	size_t at = 0;

	while (at < file.size_bytes && is_space(file.data[at]))
		at++;
	if (at > 0 || file.size_bytes < 2)
		return true;
	return is_space(file.data[1]) || file.data[1] == '"' || file.data[1] == '}';
}

int doc_open(struct doc *doc, struct bytes file, struct failure *failure)
{
	*doc = (struct doc){ 0 };
	if (file.size_bytes == 0)
		return doc_refuse_byte(0, failure, "the file is empty");
	if (file.size_bytes >= 4 && memcmp(file.data, "binf", 4) == 0)
		return doc_refuse_byte(0, failure,
				       "XGBoost's old binary format; save as JSON or UBJSON");
	if (file.data[0] != '{' && !is_space(file.data[0]))
		return doc_refuse_byte(0, failure, "neither a JSON nor a UBJSON object");
	if (looks_like_json(file))
		return doc_read_json(doc, file, failure);
	return doc_read_ubjson(doc, file, failure);
}

uint32_t doc_append(struct doc *doc, struct doc_value value)
{
	if (doc->count == doc->capacity) {
		uint32_t          capacity = doc->capacity ? 2 * doc->capacity : 256;
		struct doc_value *values;

		if (doc->count >= DOC_VALUES_MAX)
			return DOC_NONE;
		values = realloc(doc->values, capacity * sizeof(*values));
		if (!values)
			return DOC_NONE;
		doc->values   = values;
		doc->capacity = capacity;
	}
	doc->values[doc->count] = value;
	return doc->count++;
}

uint32_t doc_first(const struct doc *doc, uint32_t container)
{
	return container + 1 < doc->values[container].end ? container + 1 : DOC_NONE;
}

uint32_t doc_next(const struct doc *doc, uint32_t member)
{
	uint32_t end = doc->values[doc->values[member].parent].end;

	return doc->values[member].end < end ? doc->values[member].end : DOC_NONE;
}

int doc_find(const struct doc *doc, uint32_t object, const char *name, uint32_t *member,
	     struct failure *failure)
{
	struct bytes wanted = bytes_of(name, strlen(name));

	*member = DOC_NONE;
	if (doc->values[object].kind != DOC_OBJECT)
		return doc_refuse(doc, object, "", failure, "must be an object");
	for (uint32_t m = doc_first(doc, object); m != DOC_NONE; m = doc_next(doc, m)) {
		if (!bytes_equal(doc->values[m].key, wanted))
			continue;
		if (*member != DOC_NONE)
			return doc_refuse(doc, m, "", failure, "is named twice");
		*member = m;
	}
	return 0;
}

int doc_need(const struct doc *doc, uint32_t object, const char *name, enum doc_kind kind,
	     uint32_t *member, struct failure *failure)
{
	static const char *const kinds[] = {
		[DOC_NULL] = "null",       [DOC_TEXT] = "a string",
		[DOC_NUMBER] = "a number", [DOC_NUMBERS] = "an array of numbers",
		[DOC_ARRAY] = "an array",  [DOC_OBJECT] = "an object",
	};
	uint8_t found;
	char    suffix[64];

	if (doc_find(doc, object, name, member, failure))
		return -1;
	if (*member == DOC_NONE) {
		snprintf(suffix, sizeof(suffix), "/%s", name);
		return doc_refuse(doc, object, suffix, failure, "is missing");
	}
	/* An empty array, or one of single values, is an array of numbers until they
	 * are read; and an array of numbers is an array. */
	found = doc->values[*member].kind;
	if (found == kind || (found == DOC_ARRAY && kind == DOC_NUMBERS) ||
	    (found == DOC_NUMBERS && kind == DOC_ARRAY))
		return 0;
	return doc_refuse(doc, *member, "", failure, "must be %s, not %s", kinds[kind],
			  kinds[found]);
}

bool doc_text_is(const struct doc *doc, uint32_t text, const char *wanted)
{
	const struct doc_value *value = &doc->values[text];

	return value->kind == DOC_TEXT &&
	       bytes_equal(bytes_of(value->data, value->count), bytes_of(wanted, strlen(wanted)));
}

const char *doc_printable(struct bytes text, char *out, size_t out_bytes)
{
	size_t used = 0;

	for (size_t i = 0; i < text.size_bytes && used + 1 < out_bytes; i++) {
		uint8_t c = text.data[i];

		out[used++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	out[used] = '\0';
	return out;
}

/* One step of a JSON pointer (RFC 6901 section 3: "~" is "~0", "/" is "~1"). */
static size_t pointer_step(const struct doc_value *value, bool in_array, char *out,
			   size_t out_bytes)
{
	size_t used = 0;
	char   key[64];

	if (in_array)
		return (size_t)snprintf(out, out_bytes, "/%u", value->ordinal);
	doc_printable(value->key, key, sizeof(key));
	out[used++] = '/';
	for (const char *c = key; *c && used + 3 < out_bytes; c++) {
		if (*c == '~' || *c == '/') {
			out[used++] = '~';
			out[used++] = *c == '~' ? '0' : '1';
		} else {
			out[used++] = *c;
		}
	}
	out[used] = '\0';
	return used;
}

static void pointer_of(const struct doc *doc, uint32_t value, char *out, size_t out_bytes)
{
	uint32_t path[DOC_DEPTH_MAX + 1];
	uint32_t depth = 0;
	size_t   used  = 0;

	for (; value != DOC_ROOT && depth <= DOC_DEPTH_MAX; value = doc->values[value].parent)
		path[depth++] = value;
	out[0] = '\0';
	while (depth-- > 0) {
		const struct doc_value *v = &doc->values[path[depth]];
		char                    step[136];
		size_t step_bytes = pointer_step(v, doc->values[v->parent].kind != DOC_OBJECT, step,
						 sizeof(step));

		if (used + step_bytes >= out_bytes)
			return;
		memcpy(out + used, step, step_bytes + 1);
		used += step_bytes;
	}
}

int doc_refuse(const struct doc *doc, uint32_t value, const char *suffix, struct failure *failure,
	       const char *words, ...)
{
	size_t  used;
	va_list args;

	*failure = (struct failure){ .reason = REASON_model_missing };
	pointer_of(doc, value, failure->place, sizeof(failure->place));
	used = strlen(failure->place);
	snprintf(failure->place + used, sizeof(failure->place) - used, "%s", suffix);
	va_start(args, words);
	vsnprintf(failure->detail, sizeof(failure->detail), words, args);
	va_end(args);
	return -1;
}

int doc_refuse_byte(size_t offset_bytes, struct failure *failure, const char *words)
{
	*failure = (struct failure){ .reason = REASON_model_missing, .offset_bytes = offset_bytes };
	snprintf(failure->place, sizeof(failure->place), "byte %zu", offset_bytes);
	snprintf(failure->detail, sizeof(failure->detail), "%s", words);
	return -1;
}
