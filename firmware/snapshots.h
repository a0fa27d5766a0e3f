/* The snapshot role: now and then, the next snapshot from the last one and the log.
 *
 * Owner:   a thread of its own beside control, which may block.
 * Memory:  as much ordinary memory as the histories take, while one is made; given back
 *          afterwards.
 * Failure: told in the log; the last snapshot stays, and the next one is tried later. */
#ifndef ASSAY_FIRMWARE_SNAPSHOTS_H
#define ASSAY_FIRMWARE_SNAPSHOTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "drivers/disk/disk.h"

#define SNAPSHOTS_KEEP 2

struct snapshots {
	const struct config *config;
	_Atomic uint64_t    *durable_sequence;
	_Atomic uint64_t     made, failed;  /* since the start */
	_Atomic uint64_t     last_sequence; /* of the newest; 0: there is none */
	_Atomic bool         stop;
	struct disk         *disk;
	pthread_t            thread;
	bool                 started;
};

/* Makes the directory when it is missing, and removes what a power cut left half-written. */
bool snapshots_open(struct disk_real *disk, const char *directory, char *error);

/* `disk`: of the snapshot directory; NULL: none are made. */
void snapshots_start(struct snapshots *snapshots, const struct config *config, struct disk *disk,
		     _Atomic uint64_t *durable_sequence);
/* The role leaves off as soon as may be, which is between two shards; snapshots_stop waits
 * for that. */
void snapshots_ask_stop(struct snapshots *snapshots);
void snapshots_stop(struct snapshots *snapshots);

/* One, now: up to `to_sequence`, or none when *stop is set meanwhile (NULL: never).  Used by
 * the role, and by assayctl snapshot. */
bool snapshots_make(const struct config *config, struct disk *disk, uint64_t to_sequence,
		    const _Atomic bool *stop, char *error);

#endif
