/* Aggregates of an entity's windows. */
#ifndef ASSAY_RUNTIME_STATE_READ_H
#define ASSAY_RUNTIME_STATE_READ_H

#include "runtime/state/ring.h"

/* The transaction before `time_ns` and the first, for every aggregate of one event:
 * taken before the event is filed. */
struct past {
	int64_t last_ns, first_ns; /* INT64_MIN: none */
};

/* No history: `entity` may be NULL. */
struct past read_past(const struct place *place, struct entity *entity, int64_t time_ns);

/* Every window of the kind that is read before (true) or after the filing. */
void read_windows(const struct place *place, uint8_t kind, struct entity *entity, int64_t time_ns,
		  bool before, const struct past *past, struct aggregate out[PLAN_FEATURES_MAX]);

#endif
