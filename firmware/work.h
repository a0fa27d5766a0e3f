/* One transaction on its way through the engine: from its place in the order to its
 * decision.
 *
 * Owner:   the net core fills in the first part and, once done, takes the last; between,
 *          each decider writes the values of the entities it owns, and the account's
 *          decider everything else.
 * Memory:  in the pipeline's ring; nothing here is allocated. */
#ifndef ASSAY_FIRMWARE_WORK_H
#define ASSAY_FIRMWARE_WORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "firmware/brain.h"
#include "runtime/base/decision.h"
#include "runtime/base/feature_plan.h"
#include "runtime/base/ledger.h"
#include "runtime/base/transaction.h"
#include "runtime/state/state.h"

struct work {
	/* given */
	const struct transaction *transaction;
	const struct brain       *brain;
	const struct brain       *shadow; /* NULL: none */
	uint64_t                  order;
	int64_t                   now_ns; /* wall clock, as it is recorded */
	uint64_t                  due_ns; /* monotonic; 0: no deadline */
	bool                      follow; /* a replay: run `stages`, look at no clock */
	uint16_t                  stages; /* bit set of enum stage */
	float                    *window; /* NULL, or where the account's window is put, for
	                                   * who wants to see it: history.h */
	/* on the way */
	uint64_t          began_ns; /* monotonic */
	struct state_keys keys;
	uint64_t          sighting;   /* its number, for sightings_note */
	_Atomic uint32_t  parts_left; /* deciders that have not done their entities yet */
	_Atomic bool      done;
	/* found */
	struct feature_values  values;
	struct decision        decision;
	struct decision_shadow shadow_decision;
	struct ledger          ledger;
};

#endif
