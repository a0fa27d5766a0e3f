/* The last rows of each account or card: what a sequence model is asked about.
 *
 *     shard ── index by 128-bit key ──► entry: key, how many rows │ rows, a ring of `steps`
 *              entries in the order they were added to (for eviction)
 *
 * A row is added when its transaction is decided, in sequence order, whatever is decided
 * and whether or not a model runs; it needs features that other entities' owners found, so
 * the account's decider alone keeps it.  Rows follow from transactions and labels alone.
 *
 * Shards are those of the state (state.h): the unit of ownership and of every bound, so
 * that windows do not depend on how many cores share the shards out.
 *
 * Bounds:  an entry takes a fixed block, room for `steps` rows; a shard has entries_max
 *          of them.  When all are taken, a new key takes the one that was added to longest
 *          ago, which is counted.  Every call does a bounded number of steps.
 * Owner:   one core a shard.  Calls on one shard come in sequence order.
 * Memory:  history_size bytes, given at boot, zeroed, aligned to 64; nothing else, ever.
 * Failure: none reaches the caller.  Loading a snapshot can fail, see below. */
#ifndef ASSAY_RUNTIME_STATE_HISTORY_H
#define ASSAY_RUNTIME_STATE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/digest.h"
#include "runtime/base/hash.h"
#include "runtime/base/history_plan.h"
#include "runtime/base/reason.h"

#define HISTORY_ENTRIES_MIN 64 /* a shard, at least */
#define HISTORY_ALIGN_BYTES 64

struct history;

/* Bytes for all shards, at most plan->memory_bytes; 0 when the plan does not fit its memory
 * (fewer than HISTORY_ENTRIES_MIN entries a shard), with the reason.  plan->steps > 0. */
size_t history_size(const struct history_plan *plan, char *error, size_t error_bytes);

/* `plan` is not copied and must outlive the history. */
struct history *history_init(void *memory, const struct history_plan *plan);
/* As state_keep_secret (state.h). */
void history_keep_secret(struct history *history, struct hash128 secret);

/* What is planned, for the table printed at boot. */
struct history_facts {
	uint32_t shards;
	uint64_t shard_bytes;
	uint32_t entries_max; /* a shard */
	uint32_t entry_bytes; /* with its rows */
};
void history_facts(const struct history *history, struct history_facts *out);

/* The key's next row, [columns], for the caller to write at once; it takes the place of
 * the oldest when there are `steps`. */
float *history_add(struct history *history, uint32_t shard, struct hash128 key);

/* The window of the key that history_add was last called with on this shard,
 * [steps][columns]; good until the next call on the shard. */
const float *history_window(struct history *history, uint32_t shard);

/* Bring a key's lines nearer before history_add: the slot, then some time later the
 * entry.  Neither changes a value; either may be left out. */
void history_prefetch(const struct history *history, uint32_t shard, struct hash128 key);
void history_prefetch_entry(const struct history *history, uint32_t shard, struct hash128 key);

/* ---- counters, one set a shard, part of the truth */

struct history_counters {
	uint64_t entries, rows; /* now */
	uint64_t evicted;       /* entries that had to leave */
};
void history_counters(const struct history *history, uint32_t shard, struct history_counters *out);

/* ---- snapshots, as state_save, state_load and state_digest */

bool history_save(const struct history *history, uint32_t             shard,
		  bool (*write)(void *ctx, struct bytes piece), void *ctx);
bool history_load(struct history *history, uint32_t shard, struct bytes in,
		  struct failure *failure);
void history_digest(const struct history *history, uint32_t shard, uint8_t out[DIGEST_BYTES]);

#endif
