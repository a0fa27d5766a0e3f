/* A run of bytes somebody else owns.  Parsers take one and copy nothing.
 *
 * Owner:  whoever made the memory; a struct bytes never frees.
 * Bounds: `data` may be NULL only when `size_bytes` is 0. */
#ifndef ASSAY_RUNTIME_BASE_BYTES_H
#define ASSAY_RUNTIME_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *data;
	size_t         size_bytes;
};

static inline struct bytes bytes_of(const void *data, size_t size_bytes)
{
	return (struct bytes){ .data = data, .size_bytes = size_bytes };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size_bytes == b.size_bytes &&
	       (a.size_bytes == 0 || memcmp(a.data, b.data, a.size_bytes) == 0);
}

#endif
