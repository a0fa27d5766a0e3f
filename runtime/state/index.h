/* From a key to its place in an array of entries that each begin with their key: open
 * addressing, linear probing, deletion by moving back.  At most half of the slots are
 * taken, so a walk ends soon. */
#ifndef ASSAY_RUNTIME_STATE_INDEX_H
#define ASSAY_RUNTIME_STATE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/hash.h"

#define INDEX_NONE UINT32_MAX

struct index {
	uint32_t      *slots; /* [mask + 1], place + 1; 0: empty.  Zeroed at first */
	uint32_t       mask;
	const uint8_t *entries;
	size_t         entry_bytes;
	struct hash128 secret; /* see hash_place; set while nothing is in, if at all */
};

/* Slots for so many entries: a power of two, at least twice as many. */
uint32_t index_slots(uint32_t entries_max);

uint32_t index_find(const struct index *index, struct hash128 key); /* INDEX_NONE: not there */
/* The key stands for this place from now on; the entry must be written already. */
void index_put(const struct index *index, struct hash128 key, uint32_t place);
/* Forget the key, if it still stands for this place. */
void index_remove(const struct index *index, struct hash128 key, uint32_t place);

#endif
