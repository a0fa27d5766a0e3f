#include "firmware/snapshots.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "drivers/clock/clock.h"
#include "firmware/log.h"
#include "firmware/nap.h"
#include "firmware/new_file.h"
#include "firmware/recover.h"

#define PIECES_MAX 8
#define NAP_MS     200

bool snapshots_open(struct disk_real *disk, const char *directory, char *error)
{
	int rc;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST) {
		snprintf(error, RECOVER_ERROR_BYTES, "state.snapshot_directory: cannot make %s: %s",
			 directory, strerror(errno));
		return false;
	}
	rc = disk_real_open(disk, directory, true);
	if (rc < 0) {
		char why[DISK_WHY_BYTES];

		snprintf(error, RECOVER_ERROR_BYTES, "state.snapshot_directory: cannot use %s: %s",
			 directory, disk_real_why(directory, rc, why));
		return false;
	}
	/* It is ours alone: whatever is half-written will not be finished. */
	rc = new_file_sweep(&disk->disk);
	if (rc < 0) {
		snprintf(error, RECOVER_ERROR_BYTES,
			 "state.snapshot_directory: cannot remove a half-written file in %s: %s",
			 directory, strerror(-rc));
		disk_real_close(disk);
	}
	return rc >= 0;
}

/* Memory that is given back when the snapshot is made. */
struct pieces {
	uint32_t count;
	struct {
		void  *memory;
		size_t size_bytes;
	} piece[PIECES_MAX];
};

static void *take(void *ctx, const char *name, size_t size_bytes, size_t align_bytes)
{
	struct pieces *pieces = ctx;
	void          *memory = engine_take_pages(NULL, name, size_bytes, align_bytes);

	assert(pieces->count < PIECES_MAX);
	if (!memory)
		return NULL;
	pieces->piece[pieces->count].memory       = memory;
	pieces->piece[pieces->count++].size_bytes = size_bytes;
	return memory;
}

static void give_back(struct pieces *pieces)
{
	for (uint32_t i = 0; i < pieces->count; i++)
		munmap(pieces->piece[i].memory, pieces->piece[i].size_bytes);
}

static void tell(void *ctx, const char *sentence)
{
	(void)ctx;
	log_write(LOG_WARNING, "snapshot: %s", sentence);
}

bool snapshots_make(const struct config *config, struct disk *disk, uint64_t to_sequence,
		    const _Atomic bool *stop, char *error)
{
	struct disk_real *audit   = calloc(1, sizeof(*audit));
	struct engine    *engine  = calloc(1, sizeof(*engine));
	struct pieces     pieces  = { 0 };
	struct recover    recover = { .engine      = engine,
				      .config      = config,
				      .directory   = config->audit.directory,
				      .snapshots   = disk,
				      .to_sequence = to_sequence,
				      .to_the_end  = to_sequence == 0,
				      .now_ns      = clock_real_ns(),
				      .stop        = stop,
				      .tell        = tell };
	struct hash128    secret;
	int               rc;
	bool              ok;

	assert(audit && engine);
	rc = disk_real_open(audit, config->audit.directory, false);
	if (rc < 0) {
		snprintf(error, RECOVER_ERROR_BYTES, "cannot read %s: %s", config->audit.directory,
			 strerror(-rc));
		free(audit);
		free(engine);
		return false;
	}
	recover.audit = &audit->disk;
	ok            = engine_init(engine, config, false, take, &pieces, error);
	if (ok && getrandom(&secret, sizeof(secret), 0) == sizeof(secret))
		engine_keep_secret(engine, secret); /* else it is only slower under attack */
	ok = ok && recover_run(&recover, error) &&
	     (recover.chain.next_sequence - 1 == recover.from_snapshot ||
	      recover_save(&recover, SNAPSHOTS_KEEP, error));
	give_back(&pieces);
	recover_end(&recover);
	disk_real_close(audit);
	free(audit);
	free(engine);
	return ok;
}

static void make_one(struct snapshots *snapshots)
{
	uint64_t to_sequence                = atomic_load(snapshots->durable_sequence);
	char     error[RECOVER_ERROR_BYTES] = "";

	if (to_sequence == 0 || to_sequence == atomic_load(&snapshots->last_sequence))
		return;
	if (!snapshots_make(snapshots->config, snapshots->disk, to_sequence, &snapshots->stop,
			    error)) {
		if (atomic_load(&snapshots->stop))
			return;
		atomic_fetch_add(&snapshots->failed, 1);
		log_write(LOG_ERROR, "snapshot: none was made: %s", error);
		return;
	}
	atomic_fetch_add(&snapshots->made, 1);
	atomic_store(&snapshots->last_sequence, to_sequence);
	log_write(LOG_INFO, "snapshot: made behind record %lu", (unsigned long)to_sequence);
}

static void *run(void *ctx)
{
	struct snapshots  *snapshots = ctx;
	struct sched_param idle      = { 0 };
	uint64_t           waited_ms = 0;

	/* Only what nobody else wants of the core. */
	pthread_setschedparam(pthread_self(), SCHED_IDLE, &idle);
	while (!atomic_load(&snapshots->stop)) {
		nap_ms(NAP_MS);
		waited_ms += NAP_MS;
		if (waited_ms < snapshots->config->state.snapshot_interval_seconds * 1000ull)
			continue;
		waited_ms = 0;
		make_one(snapshots);
	}
	return NULL;
}

void snapshots_start(struct snapshots *snapshots, const struct config *config, struct disk *disk,
		     _Atomic uint64_t *durable_sequence)
{
	snapshots->config           = config;
	snapshots->disk             = disk;
	snapshots->durable_sequence = durable_sequence;
	if (!disk)
		return;
	snapshots->started = pthread_create(&snapshots->thread, NULL, run, snapshots) == 0;
	if (!snapshots->started)
		log_write(LOG_ERROR, "snapshot: the role could not start; none will be made");
}

void snapshots_ask_stop(struct snapshots *snapshots)
{
	atomic_store(&snapshots->stop, true);
}

void snapshots_stop(struct snapshots *snapshots)
{
	snapshots_ask_stop(snapshots);
	if (!snapshots->started)
		return;
	pthread_join(snapshots->thread, NULL);
	snapshots->started = false;
}
