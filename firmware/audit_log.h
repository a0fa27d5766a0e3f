/* The audit log: records into segment files, durably, and back.
 *
 *     audit_log_open    scan, cut a torn tail, resume the chain
 *     audit_log_append  whole records, in order          (not yet durable)
 *     audit_log_sync    everything appended is on disk   (group commit)
 *
 * Owner:   the audit thread; it may block on the disk.
 * Bounds:  a segment rolls before it would pass segment_bytes_max; reading keeps
 *          AUDIT_LOG_WINDOW_BYTES in memory, whatever the size of the log.
 * Failure: append and sync return false with log->failure (audit_unwritable and what
 *          the disk said).  The log then forgets everything after durable_sequence:
 *          the caller keeps its records until they are durable and appends them
 *          again, from durable_sequence + 1 on.  Calling again is the retry.
 * Format:  runtime/audit/format.h. */
#ifndef ASSAY_FIRMWARE_AUDIT_LOG_H
#define ASSAY_FIRMWARE_AUDIT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/disk/disk.h"
#include "runtime/audit/audit.h"

#define AUDIT_LOG_WINDOW_BYTES (1 << 20)

struct audit_log_options {
	uint64_t segment_bytes_max; /* at least 64 KiB */
	uint64_t free_bytes_min;    /* less free space on the disk: append fails */
	char     build[AUDIT_BUILD_BYTES_MAX + 1];
};

/* What recovery or verification found. */
struct audit_log_report {
	uint64_t segments;
	uint64_t records;
	uint64_t decisions;
	uint64_t kinds[AUDIT_KIND_COUNT];       /* records of each */
	uint64_t first_sequence, last_sequence; /* 0: none */
	uint64_t bytes;
	uint64_t torn_bytes;                /* open: were cut off; verify: would be */
	uint8_t  anchor_hash[DIGEST_BYTES]; /* chain hash before the first record */
	uint8_t  last_hash[DIGEST_BYTES];
	uint8_t  decision_digest[DIGEST_BYTES]; /* verify and digest only */
	bool     intact;
	char     broken[2 * REASON_PLACE_BYTES_MAX]; /* file, offset and how; "" when intact */
};

struct audit_log {
	struct disk             *disk;
	struct audit_log_options options;
	int                      file;         /* of the last segment; -1: none yet */
	int                      mark;         /* audit_mark.h; -1: none yet */
	bool                     roll_pending; /* a next segment was begun and not finished */
	uint64_t                 write_offset_bytes;
	uint64_t                 durable_offset_bytes;
	struct audit_chain       appended; /* end of what was appended */
	struct audit_chain       durable;  /* end of what is on disk */
	uint64_t                 durable_sequence;
	uint64_t                 syncs, syncs_failed, segments_made;
	struct failure           failure; /* REASON_NONE while the log can be written */
};

/* Scans the last segment (and the one before when the last one is only begun), cuts a
 * torn tail and resumes; older segments are for audit_log_verify.  False when the log does not verify there: nothing is changed
 * and report->broken says where; an operator must look.  log->appended is the chain to
 * continue. */
bool audit_log_open(struct audit_log *log, struct disk *disk,
		    const struct audit_log_options *options, struct audit_log_report *report);

/* `records` are whole records that continue log->appended.  Rolls segments as needed. */
bool audit_log_append(struct audit_log *log, struct bytes records, int64_t now_ns);
bool audit_log_sync(struct audit_log *log);
void audit_log_close(struct audit_log *log);

/* Verify the whole log, calling `each` for every verified record (NULL: none);
 * `each` returns false to stop early.  `progress` (NULL: none) is called about once
 * per window with bytes done and bytes in all. */
struct audit_log_visitor {
	bool (*each)(void *context, const struct audit_record *record);
	void (*progress)(void *context, uint64_t done_bytes, uint64_t all_bytes);
	void *context;
};
bool audit_log_verify(struct disk *disk, const struct audit_log_visitor *visitor,
		      struct audit_log_report *report);

/* Verify and visit a stretch of the log, for recovery and replay.  Reading begins at the
 * segment that holds from_sequence, found by its name; what lies before the stretch in
 * that segment is verified, too, but neither visited nor counted in the report.
 *
 * Another thread may append meanwhile when to_sequence is at most its durable_sequence as
 * read before the call: nothing behind that record is looked at.  The reader has a struct
 * disk of its own then (disk_real_open, not exclusive).
 *
 * False with report->broken when the stretch is not there whole, does not verify, or does
 * not follow hash_before.  A visitor that stops early is no failure. */
struct audit_log_range {
	uint64_t       from_sequence; /* 0: wherever the log begins */
	uint64_t       to_sequence;   /* the last one; 0: to the end, a torn tail left out */
	const uint8_t *hash_before;   /* [DIGEST_BYTES] the chain hash that from_sequence must
	                               * follow, as a snapshot has it; NULL: not known */
};
bool audit_log_read(struct disk *disk, const struct audit_log_range *range,
		    const struct audit_log_visitor *visitor, struct audit_log_report *report);

/* The first sequence of the newest segment that was begun at `time_ns` or before: what is
 * younger is there or behind.  The log's first where none is that old, UINT64_MAX where
 * there is no log. */
uint64_t audit_log_sequence_at(struct disk *disk, int64_t time_ns);

/* For the files audit_*.c: the log's segments in order.  Returns how many, or a
 * negative errno; the caller frees *names. */
int64_t audit_log_segments(struct disk *disk, struct disk_name **names);

#endif
