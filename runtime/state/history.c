#include "runtime/state/history_shard.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SLOTS_BYTES_EACH 16 /* of an entry, at most: index_slots */

static uint64_t round_up(uint64_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

static void add_number(struct digest *digest, uint64_t number)
{
	digest_add(digest, &number, sizeof(number)); /* little-endian */
}

/* All that the contents depend on. */
static void digest_plan(struct history *history, const struct history_plan *plan)
{
	struct digest digest;

	digest_init(&digest);
	add_number(&digest, plan->shards);
	add_number(&digest, plan->memory_bytes);
	add_number(&digest, plan->steps);
	add_number(&digest, plan->columns);
	for (uint32_t i = 0; i < plan->columns; i++) {
		add_number(&digest, plan->of[i]);
		digest_add(&digest, plan->names[i], strlen(plan->names[i]) + 1);
	}
	digest_end(&digest, history->plan_digest);
}

static bool plan_history(struct history *history, const struct history_plan *plan)
{
	uint64_t row_bytes = plan->columns * sizeof(float), shard_bytes, entries;

	assert(plan->steps > 0 && plan->steps <= HISTORY_STEPS_MAX && plan->columns > 0 &&
	       plan->columns <= HISTORY_COLUMNS_MAX);
	assert(plan->shards > 0 && (plan->shards & (plan->shards - 1)) == 0);
	memset(history, 0, sizeof(*history));
	history->plan = plan;
	history->entry_bytes =
		(uint32_t)round_up(sizeof(struct history_entry) + plan->steps * row_bytes);
	history->window_at = round_up(sizeof(struct history_shard));
	history->slots_at  = round_up(history->window_at + plan->steps * row_bytes);
	if (plan->memory_bytes <= HISTORY_HEAD_BYTES)
		return false;
	shard_bytes = (plan->memory_bytes - HISTORY_HEAD_BYTES) / plan->shards / 64 * 64;
	if (shard_bytes <= history->slots_at + 64)
		return false;
	entries = (shard_bytes - history->slots_at - 64) /
		  (history->entry_bytes + SLOTS_BYTES_EACH);
	if (entries < HISTORY_ENTRIES_MIN)
		return false;
	history->entries_max = (uint32_t)(entries < UINT32_C(1) << 29 ? entries
								      : UINT32_C(1) << 29);
	history->slots       = index_slots(history->entries_max);
	history->entries_at =
		round_up(history->slots_at + (uint64_t)history->slots * sizeof(uint32_t));
	history->shard_bytes = history->entries_at +
			       (uint64_t)history->entries_max * history->entry_bytes;
	assert(history->shard_bytes <= shard_bytes);
	digest_plan(history, plan);
	return true;
}

size_t history_size(const struct history_plan *plan, char *error, size_t error_bytes)
{
	struct history history;

	if (plan_history(&history, plan))
		return HISTORY_HEAD_BYTES + plan->shards * history.shard_bytes;
	snprintf(error, error_bytes,
		 "memory of %" PRIu64 " bytes is too small: each of %" PRIu32
		 " shards needs room for %d histories of %" PRIu32 " rows of %" PRIu32
		 " numbers, %" PRIu32 " bytes each",
		 plan->memory_bytes, plan->shards, HISTORY_ENTRIES_MIN, plan->steps, plan->columns,
		 history.entry_bytes);
	return 0;
}

struct history *history_init(void *memory, const struct history_plan *plan)
{
	bool fits = plan_history(memory, plan);

	assert(fits);
	return memory;
}

void history_keep_secret(struct history *history, struct hash128 secret)
{
	history->secret = secret;
}

void history_facts(const struct history *history, struct history_facts *out)
{
	*out = (struct history_facts){ .shards      = history->plan->shards,
				       .shard_bytes = history->shard_bytes,
				       .entries_max = history->entries_max,
				       .entry_bytes = history->entry_bytes };
}

/* ---- the order of adding */

static void unlink_entry(const struct history_place *place, const struct history_entry *entry)
{
	if (entry->newer != 0)
		history_entry_at(place, entry->newer)->older = entry->older;
	else
		place->shard->newest = entry->older;
	if (entry->older != 0)
		history_entry_at(place, entry->older)->newer = entry->newer;
	else
		place->shard->oldest = entry->newer;
}

static void link_newest(const struct history_place *place, struct history_entry *entry,
			uint32_t name)
{
	entry->newer = 0;
	entry->older = place->shard->newest;
	if (entry->older != 0)
		history_entry_at(place, entry->older)->newer = name;
	else
		place->shard->oldest = name;
	place->shard->newest = name;
}

static uint32_t evict(const struct history_place *place)
{
	uint32_t                    name  = place->shard->oldest;
	const struct history_entry *entry = history_entry_at(place, name);

	unlink_entry(place, entry);
	index_remove(&place->index, entry->key, name - 1);
	place->shard->rows -= entry->count;
	place->shard->evicted++;
	return name;
}

struct history_entry *history_enter(const struct history_place *place, struct hash128 key)
{
	struct history_entry *entry;
	uint32_t              name;

	if (place->shard->taken < place->history->entries_max)
		name = ++place->shard->taken;
	else
		name = evict(place);
	entry  = history_entry_at(place, name);
	*entry = (struct history_entry){ .key = key };
	index_put(&place->index, key, name - 1);
	link_newest(place, entry, name);
	return entry;
}

/* ---- rows and windows */

float *history_add(struct history *history, uint32_t shard, struct hash128 key)
{
	struct history_place  place = history_place_of(history, shard);
	uint32_t              found = index_find(&place.index, key);
	struct history_entry *entry;

	assert(hash_is(key));
	if (found == INDEX_NONE) {
		entry = history_enter(&place, key);
	} else {
		entry = history_entry_at(&place, found + 1);
		if (entry->newer != 0) {
			unlink_entry(&place, entry);
			link_newest(&place, entry, found + 1);
		}
	}
	if (entry->count < history->plan->steps) {
		entry->count++;
		place.shard->rows++;
	} else {
		entry->oldest = (uint16_t)((entry->oldest + 1u) % history->plan->steps);
	}
	return history_row(&place, entry, entry->count - 1u);
}

static void fill(const struct history_place *place, struct history_entry *entry, uint32_t absent)
{
	const struct history_plan *plan    = place->history->plan;
	uint32_t                   numbers = absent * plan->columns;

	switch (plan->missing) {
	case HISTORY_REPEAT_FIRST:
		for (uint32_t i = 0; i < absent; i++)
			memcpy(place->window + (size_t)i * plan->columns,
			       history_row(place, entry, 0), plan->columns * sizeof(float));
		break;
	case HISTORY_NAN:
		for (uint32_t i = 0; i < numbers; i++)
			place->window[i] = NAN;
		break;
	default: memset(place->window, 0, numbers * sizeof(float)); break;
	}
}

const float *history_window(struct history *history, uint32_t shard)
{
	struct history_place       place   = history_place_of(history, shard);
	const struct history_plan *plan    = history->plan;
	size_t                     columns = plan->columns;
	struct history_entry      *entry;
	uint32_t                   absent, first;

	assert(place.shard->newest != 0);
	entry  = history_entry_at(&place, place.shard->newest);
	absent = plan->steps - entry->count;
	fill(&place, entry, absent);
	/* The ring in two pieces: from its oldest row to where it wraps, and the rest. */
	first = plan->steps - entry->oldest;
	if (first > entry->count)
		first = entry->count;
	memcpy(place.window + absent * columns, entry->rows + entry->oldest * columns,
	       first * columns * sizeof(float));
	memcpy(place.window + (absent + first) * columns, entry->rows,
	       (entry->count - first) * columns * sizeof(float));
	return place.window;
}

void history_prefetch(const struct history *history, uint32_t shard, struct hash128 key)
{
	struct history_place place = history_place_of(history, shard);

	__builtin_prefetch(&place.index.slots[(uint32_t)hash_place(key, place.index.secret) &
					      place.index.mask]);
}

void history_prefetch_entry(const struct history *history, uint32_t shard, struct hash128 key)
{
	struct history_place place = history_place_of(history, shard);
	uint32_t             name =
		place.index.slots[(uint32_t)hash_place(key, place.index.secret) & place.index.mask];

	if (name != 0)
		__builtin_prefetch(history_entry_at(&place, name), 1);
}

void history_counters(const struct history *history, uint32_t shard, struct history_counters *out)
{
	struct history_place place = history_place_of(history, shard);

	*out = (struct history_counters){ .entries = place.shard->taken,
					  .rows    = place.shard->rows,
					  .evicted = place.shard->evicted };
}
