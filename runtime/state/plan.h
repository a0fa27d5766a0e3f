/* How a state with this plan lies in memory. */
#ifndef ASSAY_RUNTIME_STATE_PLAN_H
#define ASSAY_RUNTIME_STATE_PLAN_H

#include "runtime/state/shard.h"

#define PLAN_ENTITIES_MIN 64 /* a shard */

/* Fill `state` from the plan; false, with the sentence, when it does not fit. */
bool plan_state(struct state *state, const struct feature_plan *plan, char *error,
		size_t error_bytes);

#endif
