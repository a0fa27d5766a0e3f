/* Features: numbers by name, found through an index of the schema's names. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "runtime/decode/decoder.h"

/* FNV-1a.  The names in the table are the config's, and the first name that is
 * not in it ends the body, so nobody gains from colliding names. */
static uint32_t hash_name(const char *name, size_t n)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619U;
	return hash;
}

/* The slot of the index where the name is, or the empty one where it would be.
 * At least half of the index is empty, so the walk ends. */
static size_t find_slot(const struct schema_index *index, const char *name, size_t n)
{
	size_t at = hash_name(name, n) % SCHEMA_INDEX_SIZE;

	while (index->slots[at] != 0) {
		const char *known = index->schema->names[index->slots[at] - 1];

		if (strlen(known) == n && memcmp(known, name, n) == 0)
			break;
		at = (at + 1) % SCHEMA_INDEX_SIZE;
	}
	return at;
}

void decode_schema(struct decoder *decoder, const struct feature_schema *schema)
{
	struct schema_index *index = &decoder->index;

	assert(schema->count <= TRANSACTION_FEATURES_MAX);
	memset(index->slots, 0, sizeof(index->slots));
	index->schema = schema;
	for (uint16_t i = 0; i < schema->count; i++) {
		size_t n = strnlen(schema->names[i], sizeof(schema->names[i]));

		assert(n > 0 && n < sizeof(schema->names[i]));
		size_t at = find_slot(index, schema->names[i], n);

		assert(index->slots[at] == 0);
		index->slots[at] = (uint16_t)(i + 1);
	}
}

static bool read_feature(struct reader *reader, yyjson_val *value, float *out)
{
	if (!yyjson_is_num(value))
		return fail_type(reader, value,
				 "a number; leave a feature out when it is not known");
	/* Adding 0 turns -0 into 0, so that equal transactions are equal bytes. */
	float number = (float)yyjson_get_num(value) + 0.0f;

	if (!isfinite(number))
		return place_fail(&reader->place, REASON_field_range,
				  "numbers from -3.4028235e38 to 3.4028235e38 are allowed");
	if (!isnan(*out))
		return place_fail(&reader->place, REASON_field_repeated,
				  "the feature is there a second time");
	*out = number;
	return true;
}

bool read_features(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;
	yyjson_val         *key, *member;
	size_t              i, n;

	if (!yyjson_is_obj(value))
		return fail_type(reader, value, "an object of numbers");
	yyjson_obj_foreach(value, i, n, key, member)
	{
		const char *name       = yyjson_get_str(key);
		size_t      name_bytes = yyjson_get_len(key);
		uint16_t    slot = reader->index->slots[find_slot(reader->index, name, name_bytes)];

		place_enter_name(&reader->place, name, name_bytes);
		if (slot == 0)
			return place_fail(&reader->place, REASON_feature_unknown,
					  "the name is not in the config's list of features");
		if (!read_feature(reader, member, &t->features[slot - 1]))
			return false;
		place_leave(&reader->place);
	}
	return true;
}
