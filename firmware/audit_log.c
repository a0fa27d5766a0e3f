/* Writing the log, and finding its end again after a crash. */
#include "firmware/audit_log.h"
#include "firmware/audit_mark.h"
#include "firmware/audit_scan.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/little.h"

#define SEGMENT_BYTES_LEAST (64 << 10)

/* ---- recovery ---- */

static bool refuse(struct audit_log_report *report, const char *name, int64_t error)
{
	snprintf(report->broken, sizeof(report->broken), "%s: %s", name,
		 strerrordesc_np((int)-error));
	return false;
}

/* Take a scanned segment as the one to write on. */
static bool adopt(struct audit_log *log, const struct audit_scan *scan, const char *name,
		  enum audit_scan_end end, struct audit_log_report *report)
{
	int error = 0;

	log->file = log->disk->ops->open(log->disk, name, true);
	if (log->file < 0)
		return refuse(report, name, log->file);
	/* Even whole, its end may never have been synced. */
	error = end == AUDIT_SCAN_TORN
			? log->disk->ops->truncate(log->disk, log->file, scan->good_bytes)
			: log->disk->ops->sync(log->disk, log->file);
	if (error < 0)
		return refuse(report, name, error);
	log->write_offset_bytes   = scan->good_bytes;
	log->durable_offset_bytes = scan->good_bytes;
	log->appended             = scan->reader.chain;
	return true;
}

/* Nothing is cut or begun anew where acknowledged records would be lost by it. */
static bool agrees(const struct audit_log *log, const struct audit_chain *end, const char *name,
		   struct audit_log_report *report)
{
	struct audit_mark mark;
	const char       *fault;

	audit_mark_read(log->disk, &mark);
	fault = audit_mark_fault(&mark, end);
	if (fault)
		snprintf(report->broken, sizeof(report->broken), "%s: %s", name, fault);
	return !fault;
}

/* A segment without a header was only begun, unless the mark says that records of it
 * were on disk. */
static bool only_begun(const struct audit_log *log, const struct audit_scan *scan, const char *name,
		       struct audit_log_report *report)
{
	uint64_t          first = scan->reader.chain.next_sequence; /* by the name */
	struct audit_mark mark;

	audit_mark_read(log->disk, &mark);
	if (mark.sequence < first)
		return true;
	snprintf(report->broken, sizeof(report->broken),
		 "%s: the segment has no header, but its records %" PRIu64 " to %" PRIu64
		 " were on disk",
		 name, first, mark.sequence);
	return false;
}

/* From the last segment back. */
static bool recover(struct audit_log *log, const struct disk_name *names, int64_t count,
		    struct audit_scan *scan, struct audit_log_report *report)
{
	for (int64_t i = count - 1; i >= 0; i--) {
		enum audit_scan_end end = audit_scan_segment(scan, names[i].text, NULL);
		int                 error;

		if (end == AUDIT_SCAN_BROKEN)
			return false;
		if (end == AUDIT_SCAN_WHOLE || scan->good_bytes > 0)
			return agrees(log, &scan->reader.chain, names[i].text, report) &&
			       adopt(log, scan, names[i].text, end, report);
		if (!only_begun(log, scan, names[i].text, report))
			return false;
		error = log->disk->ops->remove(log->disk, names[i].text);
		if (error < 0)
			return refuse(report, names[i].text, error);
	}
	return agrees(log, &log->appended, "audit directory", report);
}

bool audit_log_open(struct audit_log *log, struct disk *disk,
		    const struct audit_log_options *options, struct audit_log_report *report)
{
	struct disk_name *names = NULL;
	struct audit_scan scan  = { .disk   = disk,
				    .report = report,
				    .window = malloc(AUDIT_LOG_WINDOW_BYTES) };
	int64_t           count = scan.window != NULL ? audit_log_segments(disk, &names) : -ENOMEM;

	assert(options->segment_bytes_max >= SEGMENT_BYTES_LEAST);
	memset(log, 0, sizeof(*log));
	memset(report, 0, sizeof(*report));
	log->disk    = disk;
	log->options = *options;
	log->file    = -1;
	log->mark    = -1;
	audit_chain_init(&log->appended);
	if (count < 0)
		refuse(report, "audit directory", count);
	else
		report->intact = recover(log, names, count, &scan, report);
	log->durable          = log->appended;
	log->durable_sequence = log->durable.next_sequence - 1;
	if (!report->intact)
		audit_log_close(log);
	free(names);
	free(scan.window);
	return report->intact;
}

/* ---- writing ---- */

/* Forget what is not durable; the caller appends it again.  After a failed fdatasync
 * the kernel may have dropped the pages, so only writing again makes them true. */
static bool failed(struct audit_log *log, const char *what, int error)
{
	log->failure.reason = REASON_audit_unwritable;
	snprintf(log->failure.place, sizeof(log->failure.place), "%s", what);
	snprintf(log->failure.detail, sizeof(log->failure.detail), "%s", strerrordesc_np(-error));
	log->write_offset_bytes = log->durable_offset_bytes;
	log->appended           = log->durable;
	return false;
}

bool audit_log_sync(struct audit_log *log)
{
	int error;

	if (log->write_offset_bytes == log->durable_offset_bytes)
		return true;
	error = log->disk->ops->sync(log->disk, log->file);
	log->syncs++;
	if (error < 0) {
		log->syncs_failed++;
		return failed(log, "fdatasync", error);
	}
	log->durable_offset_bytes = log->write_offset_bytes;
	log->durable              = log->appended;
	log->durable_sequence     = log->durable.next_sequence - 1;
	log->failure.reason       = REASON_NONE;
	if (log->mark < 0)
		log->mark = audit_mark_open(log->disk);
	if (log->mark >= 0)
		audit_mark_write(log->disk, log->mark, &log->durable);
	return true;
}

/* A new file, or one that an earlier attempt left without records. */
static int make_segment(struct audit_log *log)
{
	const struct disk_ops *ops = log->disk->ops;
	char                   name[DISK_NAME_BYTES_MAX];
	int                    file, error;

	snprintf(name, sizeof(name), "audit-%020" PRIu64 ".seg", log->appended.next_sequence);
	file = ops->create(log->disk, name);
	if (file != -EEXIST)
		return file;
	file = ops->open(log->disk, name, true);
	if (file < 0)
		return file;
	error = ops->size(log->disk, file) > AUDIT_HEADER_BYTES ? -EEXIST
								: ops->truncate(log->disk, file, 0);
	if (error == 0)
		return file;
	ops->close(log->disk, file);
	return error;
}

/* Start the next segment.  The one before is durable first, so that at most one
 * segment has a tail to tear. */
static bool roll(struct audit_log *log, int64_t now_ns)
{
	const struct disk_ops *ops = log->disk->ops;
	uint8_t                header[AUDIT_HEADER_BYTES];
	int                    file, error;

	if (log->file >= 0 && !audit_log_sync(log))
		return false;
	/* A half-made segment bears this sequence in its name: nothing else may come first. */
	log->roll_pending = true;
	file              = make_segment(log);
	if (file < 0)
		return failed(log, "create segment", file);
	audit_encode_header(header, &log->appended, now_ns,
			    bytes_of(log->options.build, strlen(log->options.build)));
	error = ops->write(log->disk, file, 0, header, sizeof(header));
	if (error == 0)
		error = ops->sync(log->disk, file);
	if (error < 0) {
		ops->close(log->disk, file);
		return failed(log, "write segment header", error);
	}
	if (log->file >= 0)
		ops->close(log->disk, log->file);
	log->file                 = file;
	log->write_offset_bytes   = AUDIT_HEADER_BYTES;
	log->durable_offset_bytes = AUDIT_HEADER_BYTES;
	log->segments_made++;
	log->roll_pending = false;
	return true;
}

/* How many bytes of whole records fit in `room`; *end becomes the chain behind them. */
static size_t fitting(struct bytes records, uint64_t room, struct audit_chain *end)
{
	size_t at = 0;

	while (at < records.size_bytes) {
		const uint8_t *record = records.data + at;
		size_t         size_bytes;

		assert(records.size_bytes - at >= AUDIT_RECORD_BYTES_MIN);
		size_bytes = (size_t)little_read(record, 4);
		assert(size_bytes >= AUDIT_RECORD_BYTES_MIN &&
		       size_bytes <= records.size_bytes - at);
		assert(little_read(record + 8, 8) == end->next_sequence);
		if (at + size_bytes > room)
			break;
		at += size_bytes;
		end->next_sequence++;
		end->order = little_read(record + AUDIT_FRAME_BYTES, 8);
		memcpy(end->hash, record + size_bytes - DIGEST_BYTES, DIGEST_BYTES);
	}
	return at;
}

bool audit_log_append(struct audit_log *log, struct bytes records, int64_t now_ns)
{
	const struct disk_ops *ops        = log->disk->ops;
	int64_t                free_bytes = ops->free_bytes(log->disk);

	if (free_bytes < 0)
		return failed(log, "free space", (int)free_bytes);
	if ((uint64_t)free_bytes < log->options.free_bytes_min)
		return failed(log, "free space is below audit.disk_reserve_mib", -ENOSPC);
	while (records.size_bytes > 0) {
		struct audit_chain end  = log->appended;
		uint64_t           room = log->options.segment_bytes_max;
		size_t             size_bytes;
		int                error;

		if (log->roll_pending || log->file < 0 || log->write_offset_bytes >= room)
			room = 0;
		else
			room -= log->write_offset_bytes;
		size_bytes = fitting(records, room, &end);
		if (size_bytes == 0) {
			if (!roll(log, now_ns))
				return false;
			continue;
		}
		error = ops->write(log->disk, log->file, log->write_offset_bytes, records.data,
				   size_bytes);
		if (error < 0)
			return failed(log, "write", error);
		log->write_offset_bytes += size_bytes;
		log->appended = end;
		records = bytes_of(records.data + size_bytes, records.size_bytes - size_bytes);
	}
	return true;
}

void audit_log_close(struct audit_log *log)
{
	if (log->file >= 0)
		log->disk->ops->close(log->disk, log->file);
	if (log->mark >= 0)
		log->disk->ops->close(log->disk, log->mark);
	log->file = log->mark = -1;
}
