/* Which transactions can still be labelled: from the key of a request (caller and id)
 * to where the transaction was filed.  The newest transactions_max of them are known;
 * the oldest leaves first, so what is known depends on the sequence alone.
 *
 * Owner:   the net core, in sequence order.
 * Memory:  sightings_size bytes at boot, zeroed by the caller, aligned to 64; about 180
 *          bytes a transaction with 8 entities.
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

size_t            sightings_size(const struct feature_plan *plan, uint32_t transactions_max);
struct sightings *sightings_init(void *memory, const struct feature_plan *plan,
				 uint32_t transactions_max);
/* As state_keep_secret. */
void sightings_keep_secret(struct sightings *sightings, struct hash128 secret);

/* A transaction was decided.  The key is repeats_key's.  A key seen again (after its
 * repeat entry expired) stands for the newer transaction from then on. */
void sightings_add(struct sightings *sightings, struct hash128 key, uint64_t sequence,
		   int64_t time_ns, const struct state_keys *keys);

/* Note a label and say what changes.  Fraud or genuine is one fact, released or rejected
 * another: each is applied, changed or unchanged by itself, and LABEL_NONE takes back
 * both.  So a released transaction that turns out to be fraud is labelled for the first
 * time, and a late release does not take the fraud back.  `change->frauds` and `->labelled`
 * are what state_label is to add (both 0 when nothing does), `file` is where. */
struct sighting {
	uint64_t           sequence; /* of the transaction, at least 1; 0: unknown */
	struct state_label change;
	struct hash128     file[PLAN_ENTITIES_MAX];
};
enum label_outcome sightings_label(struct sightings *sightings, struct hash128 key,
				   enum label_kind kind, struct sighting *out);

/* As state_save and state_load. */
bool sightings_save(const struct sightings *sightings, bool (*write)(void *ctx, struct bytes piece),
		    void                   *ctx);
bool sightings_load(struct sightings *sightings, struct bytes in, struct failure *failure);

#endif
