/* Aggregates of an entity's windows. */
#ifndef ASSAY_RUNTIME_STATE_READ_H
#define ASSAY_RUNTIME_STATE_READ_H

#include "runtime/state/ring.h"

/* One transaction's look at one entity; `entity` is NULL when there is no history.  What
 * came before the transaction is taken before it is filed, for every aggregate. */
struct look {
	const struct place *place;
	uint8_t             kind;
	bool                coarse; /* of last_ns: what it should be may be merged or dropped */
	int64_t             time_ns;
	int64_t             last_ns, first_ns; /* INT64_MIN: none */
};

struct look read_before(const struct place *place, uint8_t kind, struct entity *entity,
			int64_t time_ns);

/* Every window of the kind that is read before (true) or after the filing. */
void read_windows(const struct look *look, struct entity *entity, bool before,
		  struct aggregate out[PLAN_FEATURES_MAX]);

#endif
