/* The appliance's memory of cards, accounts, terminals, devices and payees.
 *
 * Every entity has a history: cells ordered by event time, then by sequence.  A cell is
 * one transaction, or several old ones merged.  Sums are kept cumulated, in integers
 * that wrap, so that a window is two searches and a subtraction, whatever its length.
 *
 *     shard ── table of slots ──► entity and its ring of cells, one block that grows
 *              by 128-bit key     newest touched first (for eviction)
 *
 * Shards: the unit of ownership.  An entity's shard follows from its key alone, and
 * every bound (memory, eviction) is a shard's own, so the values do not depend on how
 * many cores share the shards out.  plan->shards is therefore part of the truth that
 * replay needs, and part of the config digest.
 *
 * Bounds, each deterministic and counted:
 *   - an entity beyond history_max cells merges old neighbours (merge.c): the older a
 *     cell, the more transactions it stands for.  A window whose edge lies in a merged
 *     cell counts it whole and is `coarse`;
 *   - a shard without room for a new entity or a longer ring evicts the entity longest
 *     untouched, at most STATE_EVICTIONS_MAX a call; then it merges instead of growing;
 *   - an event more than lateness_ns older than its entity's newest is not filed.  Its
 *     windows may reach to what has been dropped already, and are `coarse` then;
 *   - squares wrap after 34,000 amounts of FEATURE_AMOUNT_MAX in one window.
 *
 * Owner:   one core a shard.  Calls on one shard come in sequence order.
 * Memory:  state_size(plan) bytes, given at boot; nothing else, ever.
 * Failure: none reaches the caller; counters say what was lost, and aggregates say
 *          `coarse`.  Loading a snapshot can fail, see below. */
#ifndef ASSAY_RUNTIME_STATE_STATE_H
#define ASSAY_RUNTIME_STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/aggregate.h"
#include "runtime/base/bytes.h"
#include "runtime/base/decision.h"
#include "runtime/base/digest.h"
#include "runtime/base/feature_plan.h"
#include "runtime/base/hash.h"
#include "runtime/base/transaction.h"

#define STATE_EVICTIONS_MAX 8
#define STATE_ALIGN_BYTES   64

struct state;

/* Bytes for all shards: plan->memory_bytes rounded to what the layout needs; 0 when the
 * plan does not fit its memory (fewer than 64 entities a shard), with the reason. */
size_t state_size(const struct feature_plan *plan, char *error, size_t error_bytes);

/* `plan` is not copied and must outlive the state.  `memory` is zeroed by the caller. */
struct state *state_init(void *memory, const struct feature_plan *plan);

/* Where a key lies in a table, and a text among those counted, follows from its hash, which
 * anybody can compute; mixed with a secret, nobody can aim at one place.  Told once, before
 * anything is in; the values, snapshots and digests are the same under any. */
void state_keep_secret(struct state *state, struct hash128 secret);

/* What is planned, for the table printed at boot.  An entity takes one block; it begins
 * with the least and doubles while its history grows, up to the most.  The most is what a
 * whole history takes, or what a shard has room for when that is less: such an entity
 * merges its history early.  How many fit is for entities all of that kind and size. */
struct state_size_facts {
	uint32_t cell_bytes;
	uint32_t least_bytes, most_bytes; /* of one entity, all in all */
	uint32_t most_fit; /* of the most bytes, a shard; of the least: entities_max */
};
struct state_facts {
	uint32_t                shards;
	uint64_t                shard_bytes;
	uint32_t                entities_max; /* a shard */
	uint64_t                cells_bytes;  /* a shard, for entities and their rings */
	struct state_size_facts kinds[PLAN_ENTITIES_MAX];
};
void state_facts(const struct state *state, struct state_facts *out);

/* ---- keys */

/* The keys of one transaction; no hash where it lacks the field, or its channel is not
 * filed there (`file` only). */
struct state_keys {
	struct hash128 file[PLAN_ENTITIES_MAX]; /* what it is filed under */
	struct hash128 read[PLAN_ENTITIES_MAX]; /* whose history it reads */
	struct hash128 decider; /* the account's, or the card's where there is none */
};
/* Counts the ways keys have been made: what is remembered under the keys of another one is
 * of no use, so that it is part of what a snapshot is asked for. */
#define STATE_KEYS_VERSION 2
void     state_keys(const struct feature_plan *plan, const struct transaction *transaction,
		    struct state_keys *out);
uint32_t state_shard_of(const struct feature_plan *plan, struct hash128 key);

/* ---- events, in sequence order within a shard */

struct state_event {
	uint64_t                  sequence;
	const struct transaction *transaction;
};

/* The walk of one transaction through one entity kind.  `out[i]` is the aggregate of
 * plan->features[i] for each i whose entity is `entity`; others are left alone.
 * When file and read keys are the same, state_touch reads what is marked "before",
 * files the transaction, then reads the rest.  last_ns and first_ns are always of before,
 * and of what is not later than the transaction.  Otherwise state_read goes to the shard
 * of keys.read (it never creates an entity) and state_file to the shard of keys.file.
 * An absent key reads as an empty history and files nothing.  All three touch.  What
 * files returns whether it did: false when the transaction came too late. */
bool state_touch(struct state *state, uint32_t shard, uint8_t entity, struct hash128 key,
		 const struct state_event *event, struct aggregate out[PLAN_FEATURES_MAX]);
void state_read(struct state *state, uint32_t shard, uint8_t entity, struct hash128 key,
		const struct state_event *event, struct aggregate out[PLAN_FEATURES_MAX]);
bool state_file(struct state *state, uint32_t shard, uint8_t entity, struct hash128 key,
		const struct state_event *event);

/* The verdict of a transaction that was filed under an entity with `decisions`; of one
 * that was not, there is nothing to tell. */
void state_decided(struct state *state, uint32_t shard, uint8_t entity, struct hash128 key,
		   uint64_t sequence, int64_t time_ns, enum verdict verdict);

/* A label for an earlier transaction: add and take back (-1, 0, 1) what changed.  A
 * merged cell takes the labels of all it stands for; since it does not know which these
 * are, the caller says whether the transaction was filed here at all (sightings.h).
 * Lost, and counted, when it was not, when its cell has been dropped or the entity
 * evicted since, or when the cell would then have more frauds than transactions. */
struct state_label {
	uint64_t sequence; /* of the transaction */
	int64_t  time_ns;  /* its event time */
	int8_t   frauds, labelled;
	bool     filed; /* what state_touch or state_file returned */
};
void state_label(struct state *state, uint32_t shard, uint8_t entity, struct hash128 key,
		 const struct state_label *label);

/* Bring a key's lines nearer, in three steps that each read what the one before has
 * brought: the slot; the entity; the ends of its ring and its neighbours in the order of
 * touching.  To be called some transactions apart, in this order, the last some before
 * the touch; any may be left out, and none changes a value. */
void state_prefetch(const struct state *state, uint32_t shard, struct hash128 key);
void state_prefetch_entity(const struct state *state, uint32_t shard, struct hash128 key);
void state_prefetch_cells(const struct state *state, uint32_t shard, struct hash128 key);

/* ---- counters, one set a shard, part of the state but for the last */

struct state_counters {
	uint64_t entities, cells, bytes; /* now; bytes of their blocks */
	uint64_t filed, merged, evicted, late, label_lost;
	uint64_t coarse; /* windows read that may not be exact; in no snapshot */
};
void state_counters(const struct state *state, uint32_t shard, struct state_counters *out);
void state_counters_add(struct state_counters *sum, const struct state_counters *one);

/* ---- snapshots: a shard to bytes and back

 * The bytes are canonical: the same history gives the same bytes, whatever the core
 * count, and are versioned.  Save calls `write` with pieces in order and stops when it
 * returns false.  Load reads all of `in`, checks every count and link before use, and
 * returns false with the offset and the sentence in *failure when anything is off; the
 * shard is then empty. */
bool state_save(const struct state *state, uint32_t                 shard,
		bool (*write)(void *ctx, struct bytes piece), void *ctx);
bool state_load(struct state *state, uint32_t shard, struct bytes in, struct failure *failure);

/* SHA-256 over the canonical bytes: two states are equal when these are. */
void state_digest(const struct state *state, uint32_t shard, uint8_t out[DIGEST_BYTES]);

#endif
