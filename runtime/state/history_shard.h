/* How a shard of the row histories lies in memory.  Private to runtime/state.
 *
 *     struct history | shard 0 | shard 1 | ...
 *
 *     shard:  struct history_shard | window | slots of the index | entries
 *
 * Entries are taken in the order they lie and never given back: an eviction hands one
 * straight on.  In the links, entries are named by their number + 1, so that 0 is none. */
#ifndef ASSAY_RUNTIME_STATE_HISTORY_SHARD_H
#define ASSAY_RUNTIME_STATE_HISTORY_SHARD_H

#include <assert.h>

#include "runtime/state/history.h"
#include "runtime/state/index.h"

struct history_entry {
	struct hash128 key;          /* first: index.h */
	uint32_t       older, newer; /* by when they were added to */
	uint16_t       count;        /* rows; 1 to steps */
	uint16_t       oldest;       /* where the ring begins */
	uint32_t       zero;
	float          rows[]; /* [steps][columns], a ring */
};
static_assert(sizeof(struct history_entry) == 32, "rows follow");

struct history_shard {
	uint32_t newest, oldest; /* entries: number + 1 */
	uint32_t taken;          /* entries, from the first on */
	uint32_t zero;
	uint64_t rows, evicted;
};

struct history {
	const struct history_plan *plan;
	uint64_t                   shard_bytes, window_at, slots_at, entries_at; /* in a shard */
	uint32_t                   slots;                                        /* power of two */
	uint32_t                   entries_max, entry_bytes;
	uint8_t                    plan_digest[DIGEST_BYTES];
	struct hash128             secret; /* history_keep_secret */
};

#define HISTORY_HEAD_BYTES ((sizeof(struct history) + 63) / 64 * 64)

/* One shard, as the functions below pass it on. */
struct history_place {
	const struct history *history;
	struct history_shard *shard;
	float                *window; /* [steps][columns] */
	struct index          index;
	uint8_t              *entries;
};

static inline struct history_place history_place_of(const struct history *history, uint32_t shard)
{
	uint8_t *at = (uint8_t *)(uintptr_t)history + HISTORY_HEAD_BYTES +
		      shard * history->shard_bytes;

	assert(shard < history->plan->shards);
	return (struct history_place){ .history = history,
				       .shard   = (struct history_shard *)at,
				       .window  = (float *)(at + history->window_at),
				       .index   = { .slots   = (uint32_t *)(at + history->slots_at),
						    .mask    = history->slots - 1,
						    .entries = at + history->entries_at,
						    .entry_bytes = history->entry_bytes,
						    .secret      = history->secret },
				       .entries = at + history->entries_at };
}

static inline struct history_entry *history_entry_at(const struct history_place *place,
						     uint32_t                    name)
{
	return (struct history_entry *)(place->entries +
					(uint64_t)(name - 1) * place->history->entry_bytes);
}

/* Row number `i` of an entry, the oldest first. */
static inline float *history_row(const struct history_place *place, struct history_entry *entry,
				 uint32_t i)
{
	const struct history_plan *plan = place->history->plan;
	uint32_t                   at   = entry->oldest + i;

	if (at >= plan->steps)
		at -= plan->steps;
	return entry->rows + (size_t)at * plan->columns;
}

/* The next free entry, or the one added to longest ago, in the index as `key` and the newest
 * of the shard; without rows. */
struct history_entry *history_enter(const struct history_place *place, struct hash128 key);

#endif
