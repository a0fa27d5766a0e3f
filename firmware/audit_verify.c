/* The whole log, first segment to last. */
#include "firmware/audit_scan.h"

#include <errno.h>
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
	int64_t listed = disk->ops->list(disk, NULL, 0);
	int64_t again, count = 0;

	*names = NULL;
	if (listed <= 0)
		return listed;
	*names = calloc((size_t)listed, sizeof(**names));
	if (*names == NULL)
		return -ENOMEM;
	again = disk->ops->list(disk, *names, (size_t)listed);
	/* A file made in between is not seen, which is what being in between means. */
	for (int64_t i = 0; i < (again < listed ? again : listed); i++)
		if (is_segment((*names)[i].text))
			(*names)[count++] = (*names)[i];
	return again < 0 ? again : count;
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

static enum audit_scan_end verify_segments(struct audit_scan *scan, const struct disk_name *names,
					   int64_t count)
{
	enum audit_scan_end end = AUDIT_SCAN_WHOLE;

	for (int64_t i = 0; i < count && end == AUDIT_SCAN_WHOLE; i++) {
		struct audit_chain expected = scan->reader.chain;

		end = audit_scan_segment(scan, names[i].text, i == 0 ? NULL : &expected);
		if (end == AUDIT_SCAN_TORN && i + 1 < count) {
			snprintf(scan->report->broken, sizeof(scan->report->broken),
				 "%s, byte %llu: does not verify, and another segment follows",
				 names[i].text, (unsigned long long)scan->good_bytes);
			end = AUDIT_SCAN_BROKEN;
		}
	}
	return end;
}

bool audit_log_verify(struct disk *disk, const struct audit_log_visitor *visitor,
		      struct audit_log_report *report)
{
	struct digest     decisions;
	struct disk_name *names = NULL;
	struct audit_scan scan  = {
		 .disk      = disk,
		 .visitor   = visitor,
		 .report    = report,
		 .decisions = &decisions,
		 .window    = malloc(AUDIT_LOG_WINDOW_BYTES),
	};
	int64_t count = scan.window != NULL ? audit_log_segments(disk, &names) : -ENOMEM;

	memset(report, 0, sizeof(*report));
	digest_init(&decisions);
	if (count < 0) {
		snprintf(report->broken, sizeof(report->broken), "%s",
			 strerrordesc_np((int)-count));
	} else {
		scan.all_bytes = size_of_all(disk, names, count);
		report->intact = verify_segments(&scan, names, count) != AUDIT_SCAN_BROKEN;
	}
	digest_end(&decisions, report->decision_digest);
	free(names);
	free(scan.window);
	return report->intact;
}
