/* Everything Assay remembers, in one place: the histories of entities, the requests it
 * has answered, the transactions that can still be labelled.
 *
 *   state      sharded; each shard belongs to one decider (decider.h)
 *   verdicts   sharded, too: the one entity kind that keeps verdicts, apart from the
 *              others because it is read and kept up when a transaction is decided, and
 *              they when its turn in the lane comes.  Either way a shard sees its own
 *              operations in order, whatever the number of deciders.
 *   history    the last rows of each account or card for sequence models, in the same
 *              shards; kept up when a transaction is decided, too, as a row needs all of
 *              its features
 *   repeats    the net core's
 *   sightings  the net core's; each decider notes there what it has filed
 *
 * All of it follows from the audit log: what changes it is a record there, and its place
 * in the order of such records (`order`, runtime/audit/format.h) is what the histories
 * know a transaction by.
 *
 * Memory:  engine_bytes, in pieces that are taken by name, once, at boot.
 * Failure: engine_init says when the declared plan does not fit. */
#ifndef ASSAY_FIRMWARE_ENGINE_H
#define ASSAY_FIRMWARE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "runtime/base/feature_plan.h"
#include "runtime/state/history.h"
#include "runtime/state/repeats.h"
#include "runtime/state/sightings.h"
#include "runtime/state/state.h"

#define ENGINE_ERROR_BYTES 512

struct engine_features {
	uint8_t count;
	uint8_t at[PLAN_FEATURES_MAX]; /* places in plan->features */
};

struct engine {
	const struct feature_plan *plan; /* of the config as booted */
	struct state              *state;
	struct state              *verdicts; /* NULL: no entity keeps verdicts */
	struct history            *history;  /* NULL: history.steps is 0 */
	const struct history_plan *history_plan;
	struct repeats            *repeats; /* NULL where nobody asks again: replay */
	struct sightings          *sightings;
	struct feature_plan        part[2]; /* the plan, with each state's share of memory */
	struct engine_features     of_entity[PLAN_ENTITIES_MAX];
	struct engine_features     of_none; /* of the transaction alone */
	uint32_t                   labelled_max;
	uint8_t decisions;             /* the entity that keeps verdicts, or PLAN_NO_ENTITY */
	uint64_t (*now_ns)(void *ctx); /* monotonic: ledger and deadlines; NULL: neither */
	void *now_ctx;
};

/* Zeroed memory of `size_bytes`; NULL: there is none, errno says why. */
typedef void *engine_take(void *ctx, const char *name, size_t size_bytes, size_t align_bytes);

/* `answers` false: without repeats, where nobody asks.  False: `error` says why, and what
 * was taken by then is the caller's to give back. */
bool engine_init(struct engine *engine, const struct config *config, bool answers,
		 engine_take *take, void *ctx, char error[ENGINE_ERROR_BYTES]);

/* Random bytes of this boot, directly after engine_init, where strangers choose the keys
 * (state.h); an offline tool does without. */
void engine_keep_secret(struct engine *engine, struct hash128 secret);

/* SHA-256 over everything declared that the remembered bytes depend on: the plans and the
 * bounds.  A snapshot made under another one is of no use. */
void engine_digest(const struct config *config, uint8_t out[DIGEST_BYTES]);

/* What both states count of shards first, first + step, ..., added up. */
void engine_counters(const struct engine *engine, uint32_t first, uint32_t step,
		     struct state_counters *out);

/* What the rows of shards first, first + step, ... are, added up; zero without history. */
void engine_history_counters(const struct engine *engine, uint32_t first, uint32_t step,
			     struct history_counters *out);

/* By mmap, for what is not on a polling core: a page is taken when it is first touched.
 * Given back when the process ends, or by munmap.  Or NULL. */
void *engine_take_pages(void *ctx, const char *name, size_t size_bytes, size_t align_bytes);

/* What engine_init will take, all pieces together; 0: the plan does not fit. */
size_t engine_bytes(const struct config *config, bool answers);

static inline uint64_t engine_now_ns(const struct engine *engine)
{
	return engine->now_ns ? engine->now_ns(engine->now_ctx) : 0;
}

#endif
