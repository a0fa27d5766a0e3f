/* The mark: how far the log was on disk, as its writer knew.
 *
 *     AUDIT_DIRECTORY/durable, 56 bytes
 *     0   magic      8 bytes  "ASSAYDUR"
 *     8   sequence   u64      every record up to this one was on disk
 *     16  hash       32 bytes its chain hash
 *     48  check      8 bytes  the first of SHA-256 over bytes 0..47
 *
 * Written after each group commit, over itself, and never synced: after a power cut it
 * may be old, but it is never ahead of the log.  So a log that ends before its mark has
 * lost acknowledged records, and is not cut, continued or called intact.
 *
 * Owner: the audit thread writes; whoever opens or verifies reads. */
#ifndef ASSAY_FIRMWARE_AUDIT_MARK_H
#define ASSAY_FIRMWARE_AUDIT_MARK_H

#include "drivers/disk/disk.h"
#include "runtime/audit/audit.h"

#define AUDIT_MARK_NAME  "durable"
#define AUDIT_MARK_BYTES 56

struct audit_mark {
	uint64_t sequence; /* 0: there is no mark, or it is not sound */
	uint8_t  hash[DIGEST_BYTES];
};

void audit_mark_read(struct disk *disk, struct audit_mark *mark);

/* A file to write it to, or a negative errno. */
int  audit_mark_open(struct disk *disk);
void audit_mark_write(struct disk *disk, int file, const struct audit_chain *durable);

/* NULL, or what is wrong with a log that ends with `end`, in a static text. */
const char *audit_mark_fault(const struct audit_mark *mark, const struct audit_chain *end);

#endif
