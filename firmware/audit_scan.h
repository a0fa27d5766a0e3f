/* Reading one segment through a window; what audit_log.c and audit_verify.c share. */
#ifndef ASSAY_FIRMWARE_AUDIT_SCAN_H
#define ASSAY_FIRMWARE_AUDIT_SCAN_H

#include "firmware/audit_log.h"

enum audit_scan_end {
	AUDIT_SCAN_WHOLE, /* every byte verified */
	AUDIT_SCAN_TORN,  /* from good_bytes on nothing verifies, and nothing says it was on disk */
	AUDIT_SCAN_BROKEN,  /* report->broken says how */
	AUDIT_SCAN_STOPPED, /* the visitor did not want more */
};

struct audit_scan {
	struct disk                    *disk;
	const struct audit_log_visitor *visitor; /* NULL: none */
	struct audit_log_report        *report;
	struct digest                  *decisions; /* NULL: not wanted */
	struct audit_log_range          range;     /* all zero: everything */
	uint8_t                        *window;    /* [AUDIT_LOG_WINDOW_BYTES] */
	struct audit_reader             reader;
	uint64_t                        good_bytes; /* verified, of this segment */
	uint64_t                        file_bytes;
	uint64_t                        all_bytes; /* of the log, for progress */
};

/* Read a segment.  `expected` as in audit_read_header. */
enum audit_scan_end audit_scan_segment(struct audit_scan *scan, const char *name,
				       const struct audit_chain *expected);

#endif
