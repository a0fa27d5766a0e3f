/* Which transactions can still be labelled: from the key of a request (caller and id)
 * to where the transaction was filed.  The newest transactions_max of them are known;
 * the oldest leaves first, so what is known depends on the sequence alone.
 *
 * Whether a transaction was filed under an entity or came too late for it is known to
 * the decider that owns the entity's history, and needed there when a label comes.  So
 * each decider notes it in a column of its own, by the transaction's number here:
 *
 *     net:       sightings_add ─► number ─► lane ─►   sightings_label ─► number ─► lane
 *     decider 0:                            sightings_note                 sightings_filed
 *     decider 1:                            sightings_note                 sightings_filed
 *
 * A lane keeps the order, so a column is never asked about a number whose place has been
 * given to a newer one, and the answer does not depend on how many deciders there are.
 *
 * Owner:   the net core, in sequence order; of each column its decider.
 * Memory:  sightings_size bytes at boot, zeroed by the caller, aligned to 64; about 180
 *          bytes a transaction with 8 entities, and 2 for each decider there may be.
 * Failure: an unknown key is LABEL_UNKNOWN. */
#ifndef ASSAY_RUNTIME_STATE_SIGHTINGS_H
#define ASSAY_RUNTIME_STATE_SIGHTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/digest.h"
#include "runtime/base/feature_plan.h"
#include "runtime/base/hash.h"
#include "runtime/base/label.h"
#include "runtime/base/reason.h"
#include "runtime/state/state.h"

struct sightings;

/* `deciders`: how many columns, at least 1. */
size_t            sightings_size(const struct feature_plan *plan, uint32_t transactions_max,
				 uint32_t deciders);
struct sightings *sightings_init(void *memory, const struct feature_plan *plan,
				 uint32_t transactions_max, uint32_t deciders);
/* As state_keep_secret. */
void sightings_keep_secret(struct sightings *sightings, struct hash128 secret);

/* A transaction is to be decided.  The key is repeats_key's.  A key seen again (after its
 * repeat entry expired) stands for the newer transaction from then on.  Returns its
 * number, one more each time. */
uint64_t sightings_add(struct sightings *sightings, struct hash128 key, uint64_t sequence,
		       int64_t time_ns, const struct state_keys *keys);

/* A decider filed it under these entities (a bit set), perhaps none.  To be called for
 * every number in order by every decider, and once more for what it files later, when
 * the transaction is decided; that adds. */
void sightings_note(struct sightings *sightings, uint32_t decider, uint64_t number,
		    uint16_t entities);
bool sightings_filed(const struct sightings *sightings, uint32_t decider, uint64_t number,
		     uint8_t entity);
/* The same, in every column: where one thread does the work of all (recovery). */
void sightings_note_all(struct sightings *sightings, uint64_t number, uint16_t entities);

/* Note a label and say what changes.  Fraud or genuine is one fact, released or rejected
 * another: each is applied, changed or unchanged by itself, and LABEL_NONE takes back
 * both.  So a released transaction that turns out to be fraud is labelled for the first
 * time, and a late release does not take the fraud back.  `change->frauds` and `->labelled`
 * are what state_label is to add (both 0 when nothing does), `file` is where;
 * `change->filed` is left to the decider, which knows. */
struct sighting {
	uint64_t           sequence; /* of the transaction, at least 1; 0: unknown */
	uint64_t           number;
	struct state_label change;
	struct hash128     file[PLAN_ENTITIES_MAX];
};
enum label_outcome sightings_label(struct sightings *sightings, struct hash128 key,
				   enum label_kind kind, struct sighting *out);

/* As state_save and state_load; not while deciders are at work. */
bool sightings_save(const struct sightings *sightings, bool (*write)(void *ctx, struct bytes piece),
		    void                   *ctx);
bool sightings_load(struct sightings *sightings, struct bytes in, struct failure *failure);

#endif
