/* JSON by yyjson, which reads without recursion into one array of its own in
 * reading order.  Numbers stay text: they are converted when their type is
 * known, so that a float is rounded once. */
#include <stdlib.h>
#include <yyjson.h>

#include "runtime/model/read/doc.h"

static bool is_number(yyjson_val *value)
{
	return yyjson_is_raw(value) || yyjson_is_bool(value);
}

static bool all_numbers(yyjson_val *array)
{
	yyjson_val *value = unsafe_yyjson_get_first(array);

	for (size_t i = 0; i < yyjson_arr_size(array); i++, value = unsafe_yyjson_get_next(value))
		if (!is_number(value))
			return false;
	return yyjson_arr_size(array) > 0;
}

static struct doc_value value_of(yyjson_val *value)
{
	struct doc_value out = { .marker = 'J', .data = value, .count = 1 };

	if (yyjson_is_str(value)) {
		out.kind  = DOC_TEXT;
		out.data  = yyjson_get_str(value);
		out.count = (uint32_t)yyjson_get_len(value);
	} else if (is_number(value)) {
		out.kind = DOC_NUMBER;
	} else if (yyjson_is_arr(value)) {
		out.kind  = all_numbers(value) ? DOC_NUMBERS : DOC_ARRAY;
		out.data  = yyjson_arr_size(value) ? unsafe_yyjson_get_first(value) : NULL;
		out.count = (uint32_t)yyjson_arr_size(value);
	} else if (yyjson_is_obj(value)) {
		out.kind  = DOC_OBJECT;
		out.count = (uint32_t)yyjson_obj_size(value);
	}
	return out;
}

/* A container being copied: its value, the next member to copy, how many wait. */
struct level {
	uint32_t    value;
	uint32_t    waiting;
	yyjson_val *next;
};

/* Copy one value (with its key, in an object) and open a level when it holds
 * others. */
static int copy_value(struct doc *doc, struct level *levels, uint32_t *depth, struct bytes key,
		      yyjson_val *from, struct failure *failure)
{
	struct doc_value value = value_of(from);
	struct level    *above = *depth ? &levels[*depth - 1] : NULL;
	uint32_t         index;

	value.key     = key;
	value.parent  = above ? above->value : DOC_ROOT;
	value.ordinal = above ? doc->values[above->value].count - above->waiting - 1 : 0;
	value.end     = doc->count + 1;
	index         = doc_append(doc, value);
	if (index == DOC_NONE)
		return doc_refuse_byte(0, failure, "the file holds more values than a model can");
	if (value.kind != DOC_ARRAY && value.kind != DOC_OBJECT)
		return 0;
	if (*depth == DOC_DEPTH_MAX)
		return doc_refuse(doc, index, "", failure, "is nested deeper than a model can be");
	levels[(*depth)++] = (struct level){
		.value   = index,
		.waiting = value.count,
		.next    = value.count ? unsafe_yyjson_get_first(from) : NULL,
	};
	return 0;
}

static int copy_all(struct doc *doc, yyjson_val *root, struct failure *failure)
{
	struct level levels[DOC_DEPTH_MAX];
	uint32_t     depth = 0;

	if (copy_value(doc, levels, &depth, (struct bytes){ 0 }, root, failure))
		return -1;
	while (depth > 0) {
		struct level *level = &levels[depth - 1];
		struct bytes  key   = { 0 };
		yyjson_val   *from  = level->next;

		if (level->waiting == 0) {
			doc->values[level->value].end = doc->count;
			depth--;
			continue;
		}
		if (doc->values[level->value].kind == DOC_OBJECT) {
			key = bytes_of(yyjson_get_str(from), yyjson_get_len(from));
			from++; /* yyjson keeps a value right behind its key */
		}
		level->waiting--;
		level->next = unsafe_yyjson_get_next(from);
		if (copy_value(doc, levels, &depth, key, from, failure))
			return -1;
	}
	return 0;
}

int doc_read_json(struct doc *doc, struct bytes file, struct failure *failure)
{
	yyjson_read_err error;
	yyjson_val     *root;

	/* yyjson does not write through the pointer unless told to read in place. */
	doc->json = yyjson_read_opts((char *)(uintptr_t)file.data, file.size_bytes,
				     YYJSON_READ_NUMBER_AS_RAW | YYJSON_READ_ALLOW_INF_AND_NAN,
				     NULL, &error);
	if (!doc->json)
		return doc_refuse_byte(error.pos, failure, error.msg);
	root = yyjson_doc_get_root(doc->json);
	if (!yyjson_is_obj(root))
		return doc_refuse_byte(0, failure, "a model file is one object");
	return copy_all(doc, root, failure);
}

void doc_close(struct doc *doc)
{
	yyjson_doc_free(doc->json);
	free(doc->values);
	*doc = (struct doc){ 0 };
}
