#include "runtime/state/index.h"

#include <string.h>

uint32_t index_slots(uint32_t entries_max)
{
	uint32_t slots = 64;

	while (slots < UINT32_C(1) << 31 && slots / 2 < entries_max)
		slots *= 2;
	return slots;
}

static struct hash128 key_at(const struct index *index, uint32_t slot)
{
	struct hash128 key;

	memcpy(&key, index->entries + (size_t)(index->slots[slot] - 1) * index->entry_bytes,
	       sizeof(key));
	return key;
}

static uint32_t home_of(const struct index *index, struct hash128 key)
{
	return (uint32_t)hash_place(key, index->secret) & index->mask;
}

/* The key's slot, or the empty one where it would be. */
static uint32_t slot_of(const struct index *index, struct hash128 key)
{
	uint32_t slot = home_of(index, key);

	while (index->slots[slot] != 0 && !hash_same(key_at(index, slot), key))
		slot = (slot + 1) & index->mask;
	return slot;
}

uint32_t index_find(const struct index *index, struct hash128 key)
{
	uint32_t slot = slot_of(index, key);

	return index->slots[slot] == 0 ? INDEX_NONE : index->slots[slot] - 1;
}

void index_put(const struct index *index, struct hash128 key, uint32_t place)
{
	index->slots[slot_of(index, key)] = place + 1;
}

/* Each slot behind the hole moves into it, unless that would put it before its home. */
void index_remove(const struct index *index, struct hash128 key, uint32_t place)
{
	uint32_t hole = slot_of(index, key);

	if (index->slots[hole] != place + 1)
		return;
	for (uint32_t at = (hole + 1) & index->mask; index->slots[at] != 0;
	     at          = (at + 1) & index->mask) {
		uint32_t home = home_of(index, key_at(index, at));

		if (((at - home) & index->mask) < ((at - hole) & index->mask))
			continue;
		index->slots[hole] = index->slots[at];
		hole               = at;
	}
	index->slots[hole] = 0;
}
