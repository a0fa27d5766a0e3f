/* The whole program in one struct, and its life from power-on to shutdown.
 *
 *   appliance_boot   a table of steps (boot.c); stops at the first that fails
 *   appliance_run    starts the threads below, and is control until it is told to stop
 *   appliance_stop   answers what is in flight, syncs, gives everything back
 *
 * Threads: net (polls, core.h), deciders (poll, decider.h; none on a small box), audit
 * (disk, audit_role.h), snapshots (snapshots.h) and control, which is the calling
 * thread: management, reload, log, clock. */
#ifndef ASSAY_FIRMWARE_APPLIANCE_H
#define ASSAY_FIRMWARE_APPLIANCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "drivers/clock/clock.h"
#include "drivers/disk/disk.h"
#include "firmware/audit_log.h"
#include "firmware/audit_role.h"
#include "firmware/core.h"
#include "firmware/live.h"
#include "firmware/manage.h"
#include "firmware/snapshots.h"

#define APPLIANCE_ERROR_BYTES LIVE_ERROR_BYTES
#define RETIRED_MAX           64
/* Beyond these, the idle connections of the oldest are closed: each keeps a whole
 * config, and a list of revoked serials may be megabytes. */
#define RETIRED_KEPT          8

struct appliance {
	const char             *config_path;
	struct config           config; /* as booted: reload compares boot keys with it */
	struct clock            clock;
	struct core             core;
	struct disk_real        disk;
	struct disk_real        artefacts; /* artefacts.h */
	struct audit_log        log;
	struct audit_log_report recovered;
	struct audit_role       audit;
	struct tls_tickets     *tickets;
	struct brain_slot       slots[2];
	uint32_t                slot_in_use;
	struct live            *live;
	struct live            *retired[RETIRED_MAX]; /* still have connections */
	struct manage          *manage;
	struct disk_real        snapshots;
	struct snapshots        snapshot_role;
	uint64_t                told_ns;  /* progress of recovery, last */
	int64_t                 start_ns; /* of the start record, and what was recovered by */
	int64_t                 booted_wall_ns;
	uint64_t                reloads_refused;
	bool                    late_told;      /* that the disk hangs was logged */
	uint64_t                list_old_epoch; /* of the live whose old list was logged */
	pthread_t               net_thread, audit_thread;
	pthread_t               decide_threads[CONFIG_DECIDE_MAX];
	bool                    net_started, audit_started;
};

/* False: said on standard error, or told to stop meanwhile. */
bool appliance_boot(struct appliance *appliance, const char *config_path,
		    char error[APPLIANCE_ERROR_BYTES]);
void appliance_run(struct appliance *appliance);
void appliance_stop(struct appliance *appliance);

/* REASON_NONE, or the row that says why payments are not all decided now. */
enum reason appliance_unready(struct appliance *appliance);

/* From a signal handler or another thread. */
void                appliance_ask_stop(void);
const _Atomic bool *appliance_stop_asked(void); /* true from then on, also during boot */
void                appliance_ask_reload(void);

/* Reads the config again and applies what is live.  Writes a JSON object that says
 * what was done, or what is wrong, into `out`; returns whether it was applied. */
bool appliance_reload(struct appliance *appliance, char *out, size_t capacity);

#endif
