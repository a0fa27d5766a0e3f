/* Which record decided a request first: what replay holds the repeats of a log against.
 *
 * A request is its key (repeats_key).  One that was decided again, because the first had
 * been forgotten by then, counts from its last decision on.
 *
 * Owner:   one thread.
 * Memory:  malloc, 24 bytes a decision and as much again for room; it grows with the log.
 * Failure: none; without memory the process ends. */
#ifndef ASSAY_FIRMWARE_FIRST_ASKED_H
#define ASSAY_FIRMWARE_FIRST_ASKED_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/hash.h"

struct first_asked_entry {
	struct hash128 key;
	uint64_t       sequence; /* 0: the place is free */
};

/* All zero: empty. */
struct first_asked {
	struct first_asked_entry *entries; /* [capacity], a power of two */
	size_t                    capacity, count;
};

void     first_asked_add(struct first_asked *asked, struct hash128 key, uint64_t sequence);
uint64_t first_asked_find(const struct first_asked *asked, struct hash128 key); /* 0: none */
void     first_asked_free(struct first_asked *asked);

#endif
