/* The audit role: takes records out of the net core's lane, puts them on disk and
 * says how far the disk has them.
 *
 * Group commit: everything that gathered in the lane while the last sync ran is
 * written and synced together.  A batch is kept until it is durable, so a disk
 * that refuses loses nothing: it is tried again, and meanwhile `failing` makes the
 * net core answer 503.
 *
 * Owner:   one thread, which may block on the disk.
 * Bounds:  AUDIT_ROLE_BATCH_BYTES a batch.
 * Failure: a disk that hangs holds the thread in its call; the net core sees by its own
 *          clock that durable_sequence stands still (edge_commit). */
#ifndef ASSAY_FIRMWARE_AUDIT_ROLE_H
#define ASSAY_FIRMWARE_AUDIT_ROLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "firmware/audit_log.h"
#include "runtime/base/lane.h"

#define AUDIT_ROLE_BATCH_BYTES (2u << 20)
#define AUDIT_ROLE_RECORDS_MAX 8192
#define AUDIT_ROLE_RETRY_MS    100

struct audit_role {
	/* shared */
	_Atomic uint64_t durable_sequence;
	_Atomic bool     failing;
	_Atomic bool     stop; /* ends once the lane is empty and everything is durable, or the
			        * disk refuses: then nothing behind durable_sequence is written */
	_Atomic uint64_t syncs, syncs_failed, batches_failed;
	/* the role's own */
	struct audit_log *log;
	struct lane      *records;
	uint32_t          nap_us;
	uint8_t          *batch;                        /* [AUDIT_ROLE_BATCH_BYTES] */
	size_t            ends[AUDIT_ROLE_RECORDS_MAX]; /* of each record in the batch */
};

void audit_role_init(struct audit_role *role, struct audit_log *log, struct lane *records,
		     uint32_t nap_us);
void audit_role_run(struct audit_role *role); /* until stop */

#endif
