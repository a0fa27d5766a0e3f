#include "firmware/first_asked.h"

#include <assert.h>
#include <stdlib.h>

#define CAPACITY_MIN 1024

/* Where the key is, or the free place where it would be; there always is one. */
static struct first_asked_entry *place_of(struct first_asked_entry *entries, size_t capacity,
					  struct hash128 key)
{
	size_t at = (size_t)key.low & (capacity - 1);

	while (entries[at].sequence != 0 && !hash_same(entries[at].key, key))
		at = (at + 1) & (capacity - 1);
	return &entries[at];
}

static void grow(struct first_asked *asked)
{
	size_t                    capacity = asked->capacity ? 2 * asked->capacity : CAPACITY_MIN;
	struct first_asked_entry *entries  = calloc(capacity, sizeof(*entries));

	assert(entries);
	for (size_t i = 0; i < asked->capacity; i++)
		if (asked->entries[i].sequence != 0)
			*place_of(entries, capacity, asked->entries[i].key) = asked->entries[i];
	free(asked->entries);
	asked->entries  = entries;
	asked->capacity = capacity;
}

void first_asked_add(struct first_asked *asked, struct hash128 key, uint64_t sequence)
{
	struct first_asked_entry *entry;

	if (2 * (asked->count + 1) > asked->capacity)
		grow(asked);
	entry = place_of(asked->entries, asked->capacity, key);
	asked->count += entry->sequence == 0;
	*entry = (struct first_asked_entry){ .key = key, .sequence = sequence };
}

uint64_t first_asked_find(const struct first_asked *asked, struct hash128 key)
{
	return asked->capacity ? place_of(asked->entries, asked->capacity, key)->sequence : 0;
}

void first_asked_free(struct first_asked *asked)
{
	free(asked->entries);
	*asked = (struct first_asked){ 0 };
}
