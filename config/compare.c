#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/schema.h"
#include "runtime/base/digest.h"

/* Lists differ in their count or in any element; elements past the count are zero
 * in both, so whole arrays can be compared. */
static uint32_t elements_max(const struct schema_row *row)
{
	char   path[64];
	size_t size_bytes = strlen(row->path);

	if (row->stride_bytes == 0)
		return 1;
	size_bytes = strcspn(row->path, "[");
	snprintf(path, sizeof(path), "%.*s", (int)size_bytes, row->path);
	return (uint32_t)schema_find(path)->max;
}

static bool differs(const struct schema_row *row, const struct config *a, const struct config *b)
{
	const uint8_t *left  = (const uint8_t *)a + row->offset,
		      *right = (const uint8_t *)b + row->offset;
	uint32_t count       = elements_max(row);

	for (uint32_t i = 0; i < count; i++)
		if (memcmp(left + i * row->stride_bytes, right + i * row->stride_bytes,
			   row->size_bytes) != 0)
			return true;
	return false;
}

size_t config_live_difference(const struct config *old, const struct config *new,
			      const char          *keys[CONFIG_KEYS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_row *row  = &schema[i];
		bool                     last = row->path[strlen(row->path) - 1] == ']';

		if ((row->flags & SCHEMA_LIVE) || row->size_bytes == 0 || !differs(row, old, new))
			continue;
		/* The row of a list comes just before that of its elements. */
		if (last && count > 0 && keys[count - 1] == schema[i - 1].path)
			continue;
		keys[count++] = last ? schema[i - 1].path : row->path;
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
			       row->size_bytes);
	}
}

/* Floats by their bits, so that no formatting can hide or invent a difference. */
static size_t canonical(const struct schema_row *row, const void *value, char *out,
			size_t out_bytes)
{
	uint32_t    bits;
	const char *word       = "";
	size_t      word_bytes = 0;

	switch (row->type) {
	case SCHEMA_FLAG: return (size_t)snprintf(out, out_bytes, "%d", *(const bool *)value);
	case SCHEMA_REAL:
		memcpy(&bits, value, sizeof(bits));
		return (size_t)snprintf(out, out_bytes, "%08" PRIx32, bits);
	case SCHEMA_CHOICE:
		word_bytes = schema_word_at(row, *(const uint8_t *)value, &word);
		return (size_t)snprintf(out, out_bytes, "%.*s", (int)word_bytes, word);
	case SCHEMA_LIST:
		assert(row->size_bytes == sizeof(uint16_t));
		return (size_t)snprintf(out, out_bytes, "%" PRIu16, *(const uint16_t *)value);
	case SCHEMA_TEXT: return (size_t)snprintf(out, out_bytes, "%s", (const char *)value);
	default: assert(!"a type that no deciding key has"); return 0;
	}
}

void config_digest(const struct config *config, uint8_t out[DIGEST_BYTES])
{
	static const char head[] = "assay-config-1\n";
	struct digest     digest;

	digest_init(&digest);
	digest_add(&digest, head, sizeof(head) - 1);
	for (size_t i = 0; i < schema_count; i++) {
		const struct schema_row *row   = &schema[i];
		const uint8_t           *value = (const uint8_t *)config + row->offset;
		uint32_t count = row->stride_bytes == 0 ? 1 : config->features.count;

		for (uint32_t at = 0; (row->flags & SCHEMA_DECIDES) && at < count; at++) {
			char text[CONFIG_PATH_BYTES];

			digest_add(&digest, row->path, strlen(row->path));
			digest_add(&digest, "=", 1);
			digest_add(&digest, text,
				   canonical(row, value + at * row->stride_bytes, text,
					     sizeof(text)));
			digest_add(&digest, "\n", 1);
		}
	}
	digest_end(&digest, out);
}
