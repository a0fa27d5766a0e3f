#include "firmware/audit_scan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum audit_scan_end broken(struct audit_scan *scan, const char *name, const char *how)
{
	snprintf(scan->report->broken, sizeof(scan->report->broken), "%s, byte %" PRIu64 ": %s",
		 name, scan->good_bytes, how);
	return AUDIT_SCAN_BROKEN;
}

static enum audit_scan_end broken_io(struct audit_scan *scan, const char *name, int64_t error)
{
	return broken(scan, name, strerrordesc_np((int)-error));
}

/* Fill the window from `offset`; its size, or a negative errno. */
static int64_t fill(struct audit_scan *scan, int file, uint64_t offset)
{
	return scan->disk->ops->read(scan->disk, file, offset, scan->window,
				     AUDIT_LOG_WINDOW_BYTES);
}

/* A header lies within one sector, so a power cut leaves it whole, short or zero.
 * Anything else is not ours to cut. */
static bool header_is_torn(struct bytes in, enum audit_read read)
{
	if (read == AUDIT_NEED_MORE)
		return true;
	for (size_t i = 0; i < AUDIT_HEADER_BYTES && i < in.size_bytes; i++)
		if (in.data[i] != 0)
			return false;
	return true;
}

/* Something behind the verified bytes does not verify.  Is it a torn tail? */
static enum audit_scan_end judge_tail(struct audit_scan *scan, int file, const char *name,
				      const char *how)
{
	/* Windows overlap by the longest record and the hash before it. */
	const uint64_t step = AUDIT_LOG_WINDOW_BYTES - AUDIT_RECORD_BYTES_MAX - DIGEST_BYTES;

	for (uint64_t at = scan->good_bytes; at < scan->file_bytes; at += step) {
		int64_t n = fill(scan, file, at);

		if (n < 0)
			return broken_io(scan, name, n);
		if (audit_claims_durable(bytes_of(scan->window, (size_t)n), at - scan->good_bytes,
					 scan->reader.chain.next_sequence))
			return broken(scan, name, how);
	}
	scan->report->torn_bytes = scan->file_bytes - scan->good_bytes;
	return AUDIT_SCAN_TORN;
}

/* A record of the stretch that was asked for; false when no more is wanted. */
static bool count_record(struct audit_scan *scan, const struct audit_record *record)
{
	struct audit_log_report *report = scan->report;

	if (record->sequence < scan->range.from_sequence)
		return record->sequence != scan->range.to_sequence;
	if (report->first_sequence == 0)
		report->first_sequence = record->sequence;
	report->last_sequence = record->sequence;
	report->records++;
	report->kinds[record->kind]++;
	if (record->kind == AUDIT_DECISION) {
		report->decisions++;
		if (scan->decisions != NULL)
			digest_add(scan->decisions, record->decision_part.data,
				   record->decision_part.size_bytes);
	}
	if (scan->visitor != NULL && scan->visitor->each != NULL &&
	    !scan->visitor->each(scan->visitor->context, record))
		return false;
	return record->sequence != scan->range.to_sequence;
}

/* False where the stretch begins and what lies before is not what was expected. */
static bool is_anchored(const struct audit_scan *scan)
{
	return scan->range.hash_before == NULL ||
	       scan->reader.chain.next_sequence != scan->range.from_sequence ||
	       memcmp(scan->reader.chain.hash, scan->range.hash_before, DIGEST_BYTES) == 0;
}

static enum audit_scan_end not_anchored(struct audit_scan *scan, const char *name)
{
	return broken(scan, name,
		      "the record before is another one than was known: not the log it was");
}

/* Every record that is whole in the window.  DONE: all of it, or no more is wanted. */
static enum audit_read read_window(struct audit_scan *scan, struct bytes in, bool *wanted)
{
	while (*wanted) {
		struct audit_record record;
		size_t              used;
		enum audit_read     read = audit_read_record(&scan->reader, in, &record, &used);

		if (read != AUDIT_DONE)
			return read;
		scan->good_bytes += used;
		in      = bytes_of(in.data + used, in.size_bytes - used);
		*wanted = is_anchored(scan) && count_record(scan, &record);
	}
	return AUDIT_DONE;
}

static enum audit_scan_end read_records(struct audit_scan *scan, int file, const char *name)
{
	bool wanted = true;

	while (scan->good_bytes < scan->file_bytes) {
		uint64_t        before = scan->good_bytes;
		int64_t         n      = fill(scan, file, before);
		enum audit_read read;

		if (n < 0)
			return broken_io(scan, name, n);
		read = read_window(scan, bytes_of(scan->window, (size_t)n), &wanted);
		if (!wanted)
			return is_anchored(scan) ? AUDIT_SCAN_STOPPED : not_anchored(scan, name);
		if (read == AUDIT_BROKEN)
			return judge_tail(scan, file, name, scan->reader.broken);
		if (scan->good_bytes == before)
			return judge_tail(scan, file, name, "the log ends inside a record");
		if (scan->visitor != NULL && scan->visitor->progress != NULL)
			scan->visitor->progress(scan->visitor->context,
						scan->report->bytes + scan->good_bytes,
						scan->all_bytes);
	}
	return AUDIT_SCAN_WHOLE;
}

static enum audit_scan_end read_segment(struct audit_scan *scan, int file, const char *name,
					const struct audit_chain *expected)
{
	struct audit_header header;
	enum audit_read     read;
	struct bytes        in;
	size_t              used;
	int64_t             n = scan->disk->ops->size(scan->disk, file);

	if (n >= 0) {
		scan->file_bytes = (uint64_t)n;
		n                = fill(scan, file, 0);
	}
	if (n < 0)
		return broken_io(scan, name, n);
	in   = bytes_of(scan->window, (size_t)n);
	read = audit_read_header(&scan->reader, in, expected, &header, &used);
	if (read != AUDIT_DONE && header_is_torn(in, read)) {
		if (expected != NULL)
			scan->reader.chain = *expected;
		else /* the name says which record was to be the first */
			sscanf(name, "audit-%20" SCNu64, &scan->reader.chain.next_sequence);
		return judge_tail(scan, file, name, "the segment has no header");
	}
	if (read != AUDIT_DONE)
		return broken(scan, name, scan->reader.broken);
	scan->good_bytes = used;
	if (!is_anchored(scan))
		return not_anchored(scan, name);
	if (expected == NULL)
		memcpy(scan->report->anchor_hash, header.chain.hash, DIGEST_BYTES);
	return read_records(scan, file, name);
}

enum audit_scan_end audit_scan_segment(struct audit_scan *scan, const char *name,
				       const struct audit_chain *expected)
{
	int                 file = scan->disk->ops->open(scan->disk, name, false);
	enum audit_scan_end end;

	scan->good_bytes = 0;
	scan->file_bytes = 0;
	if (file < 0)
		return broken_io(scan, name, file);
	end = read_segment(scan, file, name, expected);
	scan->disk->ops->close(scan->disk, file);
	scan->report->segments++;
	scan->report->bytes += scan->good_bytes;
	memcpy(scan->report->last_hash, scan->reader.chain.hash, DIGEST_BYTES);
	return end;
}
