#include "firmware/twin_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/clock/clock.h"
#include "firmware/artefacts.h"
#include "firmware/record_put.h"
#include "firmware/recover.h"
#include "firmware/snapshots.h"
#include "firmware/version.h"

static void flush(struct twin *twin)
{
	/* After a failure nothing more can be chained to what is on disk. */
	if (twin->buffered_bytes > 0 && !twin->failed &&
	    (!audit_log_append(&twin->log, bytes_of(twin->buffer, twin->buffered_bytes),
			       clock_real_ns()) ||
	     !audit_log_sync(&twin->log))) {
		fprintf(stderr, "assayctl %s: %s: %s: %s\n", twin->options.name,
			twin->options.audit, twin->log.failure.place, twin->log.failure.detail);
		twin->failed = true;
	}
	twin->buffered_bytes = 0;
}

void twin_log_record(struct twin *twin, const struct slot *slot)
{
	const struct twin_line *line  = slot->user;
	struct record_about     about = {
		    .now_ns           = slot->work.now_ns,
		    .identity         = bytes_of(TWIN_IDENTITY, strlen(TWIN_IDENTITY)),
		    .batch_size       = line ? (uint16_t)line->request.count : 1,
		    .durable_sequence = twin->log.durable_sequence,
		    .id               = line ? &line->request.transactions[slot->index] : NULL,
	};

	if (!twin->options.audit)
		return;
	if (twin->buffered_bytes + AUDIT_RECORD_BYTES_MAX > TWIN_BUFFER_BYTES)
		flush(twin);
	twin->buffered_bytes += record_put(twin->buffer + twin->buffered_bytes, slot, &about,
					   &twin->chain);
}

static void tell(void *ctx, const char *sentence)
{
	struct twin *twin = ctx;

	fprintf(stderr, "assayctl %s: %s\n", twin->options.name, sentence);
}

/* Snapshots belong to one log, the appliance's; another log that the same config decides
 * has none. */
static bool is_same_directory(const char *a, const char *b)
{
	struct stat one, other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

/* A log that has records is continued: histories first become what they were. */
static bool recover(struct twin *twin, int64_t now_ns, char *error)
{
	const struct config *config    = twin->offline.config;
	struct disk_real    *snapshots = calloc(1, sizeof(*snapshots));
	struct recover       recover   = {
			.engine       = &twin->offline.engine,
			.config       = config,
			.directory    = twin->options.audit,
			.live         = twin->offline.live,
			.lists        = twin->offline.threads + 1,
			.audit        = &twin->disk.disk,
			.to_sequence  = twin->log.durable_sequence,
			.now_ns       = now_ns,
			.to_the_end   = true,
			.retention_ns = INT64_MAX, /* `now` is the payments' own time */
			.tell         = tell,
			.ctx          = twin,
	};
	bool ok = true;

	assert(snapshots);
	if (config->state.snapshot_directory[0] != '\0' &&
	    is_same_directory(twin->options.audit, config->audit.directory)) {
		ok = snapshots_open(snapshots, config->state.snapshot_directory, error);
		recover.snapshots = ok ? &snapshots->disk : NULL;
	}
	if (ok && twin->log.durable_sequence > 0) {
		ok = recover_run(&recover, error);
		recover_end(&recover);
		fprintf(stderr, "continued: snapshot of record %lu, then %lu records\n",
			(unsigned long)recover.from_snapshot, (unsigned long)recover.records);
	}
	if (recover.snapshots)
		disk_real_close(snapshots);
	free(snapshots);
	return ok;
}

/* Into the empty buffer. */
static void put_life(struct twin *twin, enum audit_kind kind, int64_t now_ns)
{
	struct record_life life = { .kind             = kind,
				    .note             = "twin",
				    .now_ns           = now_ns,
				    .artefacts        = &twin->offline.live->brain.digests,
				    .durable_sequence = twin->log.durable_sequence };

	twin->buffered_bytes = record_put_life(twin->buffer, &life, &twin->chain);
}

bool twin_log_open(struct twin *twin)
{
	struct audit_log_options options  = { .segment_bytes_max = UINT64_C(256) << 20 };
	struct audit_log_report *report   = calloc(1, sizeof(*report));
	int64_t                  start_ns = clock_real_ns();
	struct disk_real         store;
	char                     error[RECOVER_ERROR_BYTES] = "";
	int                      rc = disk_real_open(&twin->disk, twin->options.audit, true);
	bool                     ok = rc >= 0;

	assert(report);
	if (!ok)
		disk_real_why(twin->options.audit, rc, error);
	snprintf(options.build, sizeof(options.build), "%s", assay_version());
	if (ok && !audit_log_open(&twin->log, &twin->disk.disk, &options, report)) {
		snprintf(error, sizeof(error), "%s", report->broken);
		ok = false;
	}
	free(report);
	ok = ok && recover(twin, start_ns, error);
	ok = ok && artefacts_open(&store, twin->options.audit, true, error);
	if (ok) {
		ok = artefacts_put_live(&store.disk, twin->offline.live,
					twin->options.offline.config_path, error);
		disk_real_close(&store);
	}
	if (!ok) {
		fprintf(stderr, "assayctl %s: %s: %s\n", twin->options.name, twin->options.audit,
			error);
		return false;
	}
	twin->buffer = malloc(TWIN_BUFFER_BYTES);
	assert(twin->buffer);
	twin->chain = twin->log.appended;
	put_life(twin, AUDIT_START, start_ns);
	twin->offline.pipeline.next_sequence = twin->chain.next_sequence;
	twin->offline.pipeline.order         = twin->chain.order;
	return true;
}

void twin_log_close(struct twin *twin)
{
	flush(twin);
	put_life(twin, AUDIT_STOP, clock_real_ns());
	flush(twin);
	audit_log_close(&twin->log);
	disk_real_close(&twin->disk);
}
