/* Objects: every field known, none twice, the required ones there. */
#include <assert.h>
#include <string.h>

#include "runtime/decode/decoder.h"

/* RFC 6901 names the fields, this names what was found in one. */
static const char *type_name(yyjson_val *value)
{
	switch (yyjson_get_type(value)) {
	case YYJSON_TYPE_NULL: return "null";
	case YYJSON_TYPE_BOOL: return "true or false";
	case YYJSON_TYPE_NUM: return "a number";
	case YYJSON_TYPE_STR: return "a text";
	case YYJSON_TYPE_ARR: return "an array";
	default: return "an object";
	}
}

bool fail_type(struct reader *reader, yyjson_val *value, const char *wanted)
{
	return place_fail(&reader->place, REASON_field_type, "found %s; needed is %s",
			  type_name(value), wanted);
}

static const struct field *find_field(const struct field *fields, size_t n, const char *name,
				      size_t name_bytes)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(fields[i].name) == name_bytes &&
		    memcmp(fields[i].name, name, name_bytes) == 0)
			return &fields[i];
	return NULL;
}

static bool check_required(struct reader *reader, const struct field *fields, size_t n,
			   uint32_t seen)
{
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].required || (seen & (1U << i)))
			continue;
		place_enter_name(&reader->place, fields[i].name, strlen(fields[i].name));
		return place_fail(&reader->place, REASON_field_missing, "\"%s\" is required",
				  fields[i].name);
	}
	return true;
}

bool read_object(struct reader *reader, yyjson_val *value, const struct field *fields,
		 size_t fields_count, void *out)
{
	yyjson_val *key, *member;
	size_t      i, n;
	uint32_t    seen = 0;

	assert(fields_count <= FIELDS_MAX);
	if (!yyjson_is_obj(value))
		return fail_type(reader, value, "an object");
	yyjson_obj_foreach(value, i, n, key, member)
	{
		const char         *name       = yyjson_get_str(key);
		size_t              name_bytes = yyjson_get_len(key);
		const struct field *field      = find_field(fields, fields_count, name, name_bytes);

		place_enter_name(&reader->place, name, name_bytes);
		if (field == NULL)
			return place_fail(&reader->place, REASON_field_unknown,
					  "a field of %zu bytes is not known here", name_bytes);
		uint32_t bit = 1U << (field - fields);

		if (seen & bit)
			return place_fail(&reader->place, REASON_field_repeated,
					  "the field is there a second time");
		seen |= bit;
		if (!field->read(reader, member, out))
			return false;
		place_leave(&reader->place);
	}
	return check_required(reader, fields, fields_count, seen);
}
