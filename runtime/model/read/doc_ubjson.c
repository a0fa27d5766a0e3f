/* UBJSON (draft 12) as XGBoost writes it: objects without counts, arrays with a
 * count and, for numbers, a type.  Lengths and plain arrays are read in every
 * form the draft has; typed objects, typed arrays of anything but numbers and
 * high-precision numbers are not used by XGBoost and are refused. */
#include "runtime/model/read/doc.h"

struct reader {
	struct bytes file;
	size_t       at;
};

/* A container being read; `waiting` counts down unless it ends by its bracket. */
struct level {
	uint32_t value;
	bool     counted;
	uint64_t waiting;
};

/* Bytes of one number of this type, or 0 when the marker is not a number's. */
static uint32_t number_bytes(uint8_t marker)
{
	switch (marker) {
	case 'i':
	case 'U': return 1;
	case 'I': return 2;
	case 'l':
	case 'd': return 4;
	case 'L':
	case 'D': return 8;
	default: return 0;
	}
}

static size_t left_bytes(const struct reader *reader)
{
	return reader->file.size_bytes - reader->at;
}

static int truncated(const struct reader *reader, struct failure *failure)
{
	return doc_refuse_byte(reader->file.size_bytes, failure, "the file ends too early");
}

static int read_marker(struct reader *reader, uint8_t *marker, struct failure *failure)
{
	if (left_bytes(reader) == 0)
		return truncated(reader, failure);
	*marker = reader->file.data[reader->at++];
	return 0;
}

/* A length: an integer marker and a value that is not negative. */
static int read_length(struct reader *reader, uint64_t *length, struct failure *failure)
{
	size_t   start = reader->at;
	uint64_t value = 0;
	uint32_t width;
	uint8_t  marker = 0;

	if (read_marker(reader, &marker, failure))
		return -1;
	width = number_bytes(marker);
	if (width == 0 || marker == 'd' || marker == 'D')
		return doc_refuse_byte(start, failure, "a length must be an integer");
	if (left_bytes(reader) < width)
		return truncated(reader, failure);
	if (marker != 'U' && reader->file.data[reader->at] & 0x80)
		return doc_refuse_byte(start, failure, "a length is negative");
	for (uint32_t i = 0; i < width; i++)
		value = value << 8 | reader->file.data[reader->at++];
	*length = value;
	return 0;
}

static int read_text(struct reader *reader, struct bytes *text, struct failure *failure)
{
	uint64_t length;

	if (read_length(reader, &length, failure))
		return -1;
	if (length > left_bytes(reader))
		return truncated(reader, failure);
	*text = bytes_of(reader->file.data + reader->at, length);
	reader->at += length;
	return 0;
}

/* What follows '[': nothing, "#N", or "$T#N" and then N packed numbers. */
static int read_array_head(struct reader *reader, struct doc_value *value, struct level *level,
			   struct failure *failure)
{
	size_t   start = reader->at;
	uint8_t  next = 0, type = 0;
	uint32_t width;

	*level      = (struct level){ 0 };
	value->kind = DOC_ARRAY;
	if (left_bytes(reader) == 0)
		return truncated(reader, failure);
	next = reader->file.data[reader->at];
	if (next != '$' && next != '#')
		return 0;
	if (next == '$') {
		reader->at++;
		if (read_marker(reader, &type, failure))
			return -1;
	}
	if (read_marker(reader, &next, failure))
		return -1;
	if (next != '#')
		return doc_refuse_byte(start, failure, "an array with a type needs a count");
	if (read_length(reader, &level->waiting, failure))
		return -1;
	level->counted = true;
	if (type == 0)
		return 0;
	width = number_bytes(type);
	if (width == 0)
		return doc_refuse_byte(start, failure, "a typed array may hold numbers only");
	if (level->waiting > left_bytes(reader) / width)
		return truncated(reader, failure);
	value->kind   = DOC_NUMBERS;
	value->marker = type;
	value->data   = reader->file.data + reader->at;
	value->count  = (uint32_t)level->waiting;
	reader->at += level->waiting * width;
	return 0;
}

/* One value after its marker.  *level is set for DOC_ARRAY and DOC_OBJECT. */
static int read_value(struct reader *reader, uint8_t marker, struct doc_value *value,
		      struct level *level, struct failure *failure)
{
	uint32_t     width = number_bytes(marker);
	struct bytes text  = { 0 };

	value->marker = marker;
	value->count  = 1;
	if (width > 0) {
		if (left_bytes(reader) < width)
			return truncated(reader, failure);
		value->kind = DOC_NUMBER;
		value->data = reader->file.data + reader->at;
		reader->at += width;
		return 0;
	}
	switch (marker) {
	case 'Z': value->kind = DOC_NULL; return 0;
	case 'T':
	case 'F': value->kind = DOC_NUMBER; return 0;
	case '[': value->count = 0; return read_array_head(reader, value, level, failure);
	case '{':
		value->kind  = DOC_OBJECT;
		value->count = 0;
		*level       = (struct level){ 0 };
		if (left_bytes(reader) > 0 &&
		    (reader->file.data[reader->at] == '$' || reader->file.data[reader->at] == '#'))
			return doc_refuse_byte(reader->at, failure,
					       "objects with a type or a count are not read");
		return 0;
	case 'S':
		value->kind = DOC_TEXT;
		if (read_text(reader, &text, failure))
			return -1;
		value->data  = text.data;
		value->count = (uint32_t)text.size_bytes;
		return 0;
	default: return doc_refuse_byte(reader->at - 1, failure, "not a UBJSON value");
	}
}

/* The next member of the innermost container, or its end. */
static int read_member(struct doc *doc, struct reader *reader, struct level *levels,
		       uint32_t *depth, struct failure *failure)
{
	struct level    *level  = &levels[*depth - 1];
	bool             object = doc->values[level->value].kind == DOC_OBJECT;
	struct level     inner  = { 0 };
	struct doc_value value  = { .parent  = level->value,
				    .ordinal = doc->values[level->value].count };
	uint32_t         index;
	uint8_t          marker = 0;

	if (level->counted ? level->waiting == 0
			   : left_bytes(reader) > 0 &&
				     reader->file.data[reader->at] == (object ? '}' : ']')) {
		reader->at += !level->counted;
		doc->values[level->value].end = doc->count;
		(*depth)--;
		return 0;
	}
	if (object && read_text(reader, &value.key, failure))
		return -1;
	if (read_marker(reader, &marker, failure) ||
	    read_value(reader, marker, &value, &inner, failure))
		return -1;
	level->waiting -= level->counted;
	doc->values[level->value].count++;
	value.end = doc->count + 1;
	index     = doc_append(doc, value);
	if (index == DOC_NONE)
		return doc_refuse_byte(reader->at, failure,
				       "the file holds more values than a model can");
	if (value.kind != DOC_ARRAY && value.kind != DOC_OBJECT)
		return 0;
	if (*depth == DOC_DEPTH_MAX)
		return doc_refuse(doc, index, "", failure, "is nested deeper than a model can be");
	inner.value        = index;
	levels[(*depth)++] = inner;
	return 0;
}

int doc_read_ubjson(struct doc *doc, struct bytes file, struct failure *failure)
{
	struct reader    reader                = { .file = file, .at = 1 };
	struct level     levels[DOC_DEPTH_MAX] = { 0 };
	struct doc_value root                  = { .kind = DOC_OBJECT, .end = 1 };
	uint32_t         depth                 = 1;

	if (doc_append(doc, root) == DOC_NONE)
		return doc_refuse_byte(0, failure, "no memory to read the file");
	while (depth > 0)
		if (read_member(doc, &reader, levels, &depth, failure))
			return -1;
	if (left_bytes(&reader) > 0)
		return doc_refuse_byte(reader.at, failure, "bytes follow the end of the model");
	return 0;
}
