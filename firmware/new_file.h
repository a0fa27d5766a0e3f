/* A file that is there whole or not at all: written under the name "<name>.part",
 * synced, then renamed.  Whatever happens before, <name> is what it was.
 *
 *     new_file_begin ► new_file_write ... ► new_file_commit, or new_file_drop
 *
 * Owner:   one thread, which may block on the disk.
 * Failure: a negative errno; then new_file_drop, and nothing is left but, when the power
 *          goes, a .part that new_file_sweep removes. */
#ifndef ASSAY_FIRMWARE_NEW_FILE_H
#define ASSAY_FIRMWARE_NEW_FILE_H

#include <stdint.h>

#include "drivers/disk/disk.h"
#include "runtime/base/bytes.h"

struct new_file {
	struct disk *disk;
	int          file; /* negative: none is open */
	char         name[DISK_NAME_BYTES_MAX];
	char         part[DISK_NAME_BYTES_MAX];
};

int  new_file_begin(struct new_file *new_file, struct disk *disk, const char *name);
int  new_file_write(struct new_file *new_file, uint64_t offset, struct bytes bytes);
int  new_file_commit(struct new_file *new_file);
void new_file_drop(struct new_file *new_file); /* also after a commit that failed */

/* Remove what a power cut left in the directory.  Nothing is being written there. */
int new_file_sweep(struct disk *disk);

#endif
