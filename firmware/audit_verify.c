/* The whole log, first segment to last, or a stretch of it. */
#include "firmware/audit_mark.h"
#include "firmware/audit_scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_segment(const char *name)
{
	static const char digits[] = "0123456789";

	return strlen(name) == sizeof("audit-.seg") - 1 + 20 && strncmp(name, "audit-", 6) == 0 &&
	       strspn(name + 6, digits) == 20 && strcmp(name + 26, ".seg") == 0;
}

int64_t audit_log_segments(struct disk *disk, struct disk_name **names)
{
	return disk_list(disk, is_segment, names);
}

static uint64_t first_of(const struct disk_name *name)
{
	return strtoull(name->text + strlen("audit-"), NULL, 10);
}

/* INT64_MAX when it has no sound header: nothing is known to be older. */
static int64_t created_ns(struct disk *disk, const struct disk_name *name)
{
	uint8_t             bytes[AUDIT_HEADER_BYTES];
	struct audit_reader reader = { 0 };
	struct audit_header header = { .created_ns = INT64_MAX };
	size_t              consumed;
	int                 file = disk->ops->open(disk, name->text, false);

	if (file < 0)
		return INT64_MAX;
	if (disk->ops->read(disk, file, 0, bytes, sizeof(bytes)) != (int64_t)sizeof(bytes) ||
	    audit_read_header(&reader, bytes_of(bytes, sizeof(bytes)), NULL, &header, &consumed) !=
		    AUDIT_DONE)
		header.created_ns = INT64_MAX;
	disk->ops->close(disk, file);
	return header.created_ns;
}

uint64_t audit_log_sequence_at(struct disk *disk, int64_t time_ns)
{
	struct disk_name *names = NULL;
	int64_t           count = audit_log_segments(disk, &names), i = count - 1;
	uint64_t          first = UINT64_MAX;

	while (i > 0 && created_ns(disk, &names[i]) > time_ns)
		i--;
	if (i >= 0)
		first = first_of(&names[i]);
	free(names);
	return first;
}

static uint64_t size_of_all(struct disk *disk, const struct disk_name *names, int64_t count)
{
	uint64_t all_bytes = 0;

	for (int64_t i = 0; i < count; i++) {
		int file = disk->ops->open(disk, names[i].text, false);

		if (file < 0)
			continue;
		all_bytes += (uint64_t)disk->ops->size(disk, file);
		disk->ops->close(disk, file);
	}
	return all_bytes;
}

/* The last segment that does not begin behind `sequence`; 0 when all do. */
static int64_t segment_of(const struct disk_name *names, int64_t count, uint64_t sequence)
{
	int64_t low = 0, high = count; /* names[low] is early enough, names[high] is not */

	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (first_of(&names[middle]) <= sequence)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The segments of the stretch, cut out of all. */
static void choose(const struct audit_log_range *range, struct disk_name **names, int64_t *count)
{
	int64_t from;

	if (*count == 0)
		return;
	if (range->to_sequence != 0)
		*count = segment_of(*names, *count, range->to_sequence) + 1;
	if (range->from_sequence == 0)
		return;
	from = segment_of(*names, *count, range->from_sequence);
	*names += from;
	*count -= from;
}

static enum audit_scan_end verify_segments(struct audit_scan *scan, const struct disk_name *names,
					   int64_t count)
{
	enum audit_scan_end end = AUDIT_SCAN_WHOLE;

	for (int64_t i = 0; i < count && end == AUDIT_SCAN_WHOLE; i++) {
		struct audit_chain expected = scan->reader.chain;

		end = audit_scan_segment(scan, names[i].text, i == 0 ? NULL : &expected);
		if (end == AUDIT_SCAN_TORN && i + 1 < count) {
			snprintf(scan->report->broken, sizeof(scan->report->broken),
				 "%s, byte %" PRIu64
				 ": does not verify, and another segment follows",
				 names[i].text, scan->good_bytes);
			end = AUDIT_SCAN_BROKEN;
		}
	}
	return end;
}

/* Is what was read the stretch that was asked for? */
static bool is_complete(const struct audit_scan *scan, enum audit_scan_end end, uint64_t first)
{
	const struct audit_log_range *range  = &scan->range;
	struct audit_log_report      *report = scan->report;
	uint64_t                      next   = scan->reader.chain.next_sequence;

	if (range->from_sequence != 0 && first > range->from_sequence)
		snprintf(report->broken, sizeof(report->broken),
			 "the log begins with record %" PRIu64 ", %" PRIu64 " was asked for", first,
			 range->from_sequence);
	else if (next < range->from_sequence)
		snprintf(report->broken, sizeof(report->broken),
			 "the log ends before record %" PRIu64 ", %" PRIu64 " was asked for", next,
			 range->from_sequence);
	else if (end != AUDIT_SCAN_STOPPED && next <= range->to_sequence)
		snprintf(report->broken, sizeof(report->broken),
			 "the log ends before record %" PRIu64 ", it should go to %" PRIu64, next,
			 range->to_sequence);
	else
		return true;
	return false;
}

/* A log that is read to its end has to reach what was on disk. */
static bool reaches(struct audit_scan *scan, enum audit_scan_end end, const struct audit_mark *mark)
{
	const char *fault = audit_mark_fault(mark, &scan->reader.chain);

	if (!fault || end == AUDIT_SCAN_STOPPED || scan->range.to_sequence != 0)
		return true;
	snprintf(scan->report->broken, sizeof(scan->report->broken), "%s", fault);
	return false;
}

static bool read_range(struct audit_scan *scan, struct disk_name *names, int64_t count,
		       const struct audit_mark *mark)
{
	enum audit_scan_end end;
	uint64_t            first;

	choose(&scan->range, &names, &count);
	first           = count > 0 ? first_of(&names[0]) : 1;
	scan->all_bytes = size_of_all(scan->disk, names, count);
	end             = verify_segments(scan, names, count);
	return end != AUDIT_SCAN_BROKEN && is_complete(scan, end, first) &&
	       reaches(scan, end, mark);
}

bool audit_log_read(struct disk *disk, const struct audit_log_range *range,
		    const struct audit_log_visitor *visitor, struct audit_log_report *report)
{
	struct digest     decisions;
	struct disk_name *names = NULL;
	struct audit_scan scan  = {
		 .disk      = disk,
		 .visitor   = visitor,
		 .report    = report,
		 .decisions = &decisions,
		 .range     = *range,
		 .window    = malloc(AUDIT_LOG_WINDOW_BYTES),
	};
	struct audit_mark mark; /* read first: a writer may go on meanwhile */
	int64_t           count;

	audit_mark_read(disk, &mark);
	count = scan.window != NULL ? audit_log_segments(disk, &names) : -ENOMEM;

	memset(report, 0, sizeof(*report));
	audit_chain_init(&scan.reader.chain);
	digest_init(&decisions);
	if (count < 0)
		snprintf(report->broken, sizeof(report->broken), "%s",
			 strerrordesc_np((int)-count));
	else
		report->intact = read_range(&scan, names, count, &mark);
	digest_end(&decisions, report->decision_digest);
	free(names);
	free(scan.window);
	return report->intact;
}

bool audit_log_verify(struct disk *disk, const struct audit_log_visitor *visitor,
		      struct audit_log_report *report)
{
	static const struct audit_log_range everything = { 0 };

	return audit_log_read(disk, &everything, visitor, report);
}
