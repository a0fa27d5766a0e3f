#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/schema.h"
#include "config/value.h"
#include "runtime/base/digest.h"

/* Values of a row side by side in one element. */
static uint32_t inner_of(const struct schema_row *row)
{
	return row->inner_max > 0 ? row->inner_max : 1;
}

static uint32_t elements_max(const struct schema_row *row)
{
	const struct schema_row *outer = schema_outer(row);

	return outer == NULL ? 1 : (uint32_t)schema_list(outer)->max;
}

/* Lists differ in their count or in any element; elements past the count are zero
 * in both, so whole arrays can be compared. */
static bool differs(const struct schema_row *row, const struct config *a, const struct config *b)
{
	const uint8_t *left  = (const uint8_t *)a + row->offset;
	const uint8_t *right = (const uint8_t *)b + row->offset;

	for (uint32_t i = 0; i < elements_max(row); i++)
		if (memcmp(left + i * row->stride_bytes, right + i * row->stride_bytes,
			   row->size_bytes * inner_of(row)) != 0)
			return true;
	return false;
}

size_t config_live_difference(const struct config *old, const struct config *new,
			      const char          *keys[CONFIG_KEYS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_row *row   = &schema[i];
		const struct schema_row *outer = schema_outer(row);
		const char              *key = outer == NULL ? row->path : schema_list(outer)->path;

		if ((row->flags & SCHEMA_LIVE) || row->size_bytes == 0 || !differs(row, old, new))
			continue;
		/* The rows of a list and of what is in it are next to each other. */
		if (count == 0 || keys[count - 1] != key)
			keys[count++] = key;
	}
	return count;
}

void config_keep_boot(const struct config *booted, struct config *new)
{
	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_row *row  = &schema[i];
		const uint8_t           *from = (const uint8_t *)booted + row->offset;
		uint8_t                 *to   = (uint8_t *)new + row->offset;

		if ((row->flags & SCHEMA_LIVE) || row->size_bytes == 0)
			continue;
		for (uint32_t at = 0; at < elements_max(row); at++)
			memcpy(to + at * row->stride_bytes, from + at * row->stride_bytes,
			       row->size_bytes * inner_of(row));
	}
	/* All of it is boot keys, and what config_load made of them. */
	new->plan         = booted->plan;
	new->history_plan = booted->history_plan;
	memcpy(new->computed_entity, booted->computed_entity, sizeof(new->computed_entity));
}

/* Floats by their bits, so that no formatting can hide or invent a difference. */
static size_t canonical(const struct schema_row *row, const void *value, char *out,
			size_t out_bytes)
{
	uint32_t    bits;
	uint64_t    long_bits;
	const char *word       = "";
	size_t      word_bytes = 0;
	int         place;

	switch (row->type) {
	case SCHEMA_FLAG: return (size_t)snprintf(out, out_bytes, "%d", *(const bool *)value);
	case SCHEMA_REAL:
		memcpy(&bits, value, sizeof(bits));
		return (size_t)snprintf(out, out_bytes, "%08" PRIx32, bits);
	case SCHEMA_DOUBLE:
		memcpy(&long_bits, value, sizeof(long_bits));
		return (size_t)snprintf(out, out_bytes, "%016" PRIx64, long_bits);
	case SCHEMA_CHOICE:
		place      = *(const uint8_t *)value - (int)row->min;
		word_bytes = place < 0 ? 0 : schema_word_at(row, place, &word);
		return (size_t)snprintf(out, out_bytes, "%.*s", (int)word_bytes, word);
	case SCHEMA_COUNT:
	case SCHEMA_WORDS:
		return (size_t)snprintf(out, out_bytes, "%" PRIu32, *(const uint32_t *)value);
	case SCHEMA_DURATION:
		return (size_t)snprintf(out, out_bytes, "%" PRId64, *(const int64_t *)value);
	case SCHEMA_HOURS:
		return (size_t)snprintf(out, out_bytes, "%u-%u", ((const uint8_t *)value)[0],
					((const uint8_t *)value)[1]);
	case SCHEMA_TEXT: return (size_t)snprintf(out, out_bytes, "%s", (const char *)value);
	default: assert(!"a type that no deciding key has"); return 0;
	}
}

static void add_line(struct digest *digest, const char *key, const char *text, size_t size_bytes)
{
	digest_add(digest, key, strlen(key));
	digest_add(digest, "=", 1);
	digest_add(digest, text, size_bytes);
	digest_add(digest, "\n", 1);
}

/* One line per value: of every element of its list, and of every field of a key. */
static void add_row(struct digest *digest, const struct schema_row *row,
		    const struct config *config)
{
	const struct schema_row *outer = schema_outer(row);
	const uint8_t           *value = (const uint8_t *)config + row->offset;
	uint32_t count = outer == NULL ? 1 : value_count(schema_list(outer), config);
	char     text[CONFIG_PATH_BYTES];

	if (row->type == SCHEMA_LIST) {
		add_line(digest, row->path, text,
			 (size_t)snprintf(text, sizeof(text), "%" PRIu32,
					  value_count(row, config)));
		return;
	}
	for (uint32_t at = 0; at < count; at++)
		for (uint32_t inner = 0; inner < inner_of(row); inner++)
			add_line(digest, row->path, text,
				 canonical(row,
					   value + at * row->stride_bytes + inner * row->size_bytes,
					   text, sizeof(text)));
}

void config_digest(const struct config *config, uint8_t out[DIGEST_BYTES])
{
	static const char head[] = "assay-config-1\n";
	struct digest     digest;

	digest_init(&digest);
	digest_add(&digest, head, sizeof(head) - 1);
	for (size_t i = 0; i < schema_count; i++)
		if ((schema[i].flags & SCHEMA_DECIDES) && schema[i].size_bytes > 0 &&
		    schema[i].type != SCHEMA_GROUP)
			add_row(&digest, &schema[i], config);
	digest_end(&digest, out);
}
