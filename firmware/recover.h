/* What Assay remembers, made again from the disk: the newest sound snapshot, brought
 * forward by the audit records behind it.
 *
 * At start the appliance does this before it is ready.  While it runs, a thread of its
 * own makes the next snapshot in the same way, from the last one and the log, in memory
 * of its own: the deciders never know, and every snapshot is a recovery that worked.
 *
 * Nothing is decided again: histories follow from the transactions, labels and edits in
 * the log, and the verdicts that an account's history keeps are taken from the records.
 * (What is decided again is `assayctl replay`.)
 *
 * Owner:   one thread that may block.
 * Failure: a sentence in error; a snapshot that is damaged or of another log is told and
 *          passed over. */
#ifndef ASSAY_FIRMWARE_RECOVER_H
#define ASSAY_FIRMWARE_RECOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/disk/disk.h"
#include "firmware/engine.h"
#include "firmware/live.h"
#include "firmware/past_features.h"
#include "firmware/past_rules.h"
#include "runtime/audit/audit.h"

#define RECOVER_ERROR_BYTES 1024

struct recover {
	struct engine       *engine; /* as engine_init left it */
	const struct config *config;
	struct live         *live;      /* whose lists are filled; NULL: none are */
	uint32_t             lists;     /* copies */
	const char          *directory; /* of the audit log: its artefacts are there */
	struct disk         *audit;
	struct disk         *snapshots;   /* NULL: none are kept */
	uint64_t             to_sequence; /* 0: to the end */
	bool                 to_the_end;  /* the log ends with to_sequence, or that is 0 */
	int64_t              now_ns;      /* of the start record that comes next: which edits
					   * have expired, how far back answers are kept */
	int64_t              retention_ns;
	const _Atomic bool  *stop; /* set: leave off as soon as may be; NULL: never */
	void (*tell)(void *ctx, const char *sentence); /* what an operator should know */
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t all_bytes); /* NULL: none */
	void *ctx;
	/* found */
	struct past_features features;      /* supplied ones of records under another config */
	struct past_rules    past;          /* rules and lists behind the last record that is in */
	struct audit_chain   chain;         /* behind the last record that is in */
	uint64_t             from_snapshot; /* its sequence; 0: there was none */
	char                 snapshot_name[DISK_NAME_BYTES_MAX]; /* its file */
	uint64_t             records;                            /* read from the log */
};

/* False as well when it was told to stop. */
bool recover_run(struct recover *recover, char error[RECOVER_ERROR_BYTES]);

/* A snapshot of what recover_run made; `keep` newest files stay. */
bool recover_save(const struct recover *recover, uint32_t keep, char error[RECOVER_ERROR_BYTES]);

/* Gives back the past's rules; after every recover_run. */
void recover_end(struct recover *recover);

#endif
