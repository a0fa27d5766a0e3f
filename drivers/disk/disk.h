/* One directory of files, and its simulated twin.  A subdirectory is a disk of its own.
 *
 * Plain Linux calls, no io_uring: the main user is the audit thread, which has one
 * write and one fdatasync under way at a time and may block.  Group commit comes
 * from the records that gather while fdatasync blocks.  io_uring would save one
 * system call in a step that waits for the device, and would have to be let through
 * the process's system call filter.
 *
 * Owner:   one thread.
 * Failure: every call returns a negative errno; nothing is retried here.
 * Order:   a created, renamed or removed name is durable when the call returns (the directory
 *          is synced); written bytes are durable when disk_sync returns 0.  After a
 *          failed sync nothing written since the last good one may be trusted: write
 *          it again (the kernel may have dropped the dirty pages). */
#ifndef ASSAY_DRIVERS_DISK_DISK_H
#define ASSAY_DRIVERS_DISK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_NAME_BYTES_MAX 96 /* a digest in hexadecimal and what stands around it */

struct disk_name {
	char text[DISK_NAME_BYTES_MAX];
};

struct disk;

/* Files are small numbers the disk hands out. */
struct disk_ops {
	/* Fill names[0..max) with regular files in order of name; returns how many there
	 * are, which may be more than max.  names may be NULL when max is 0. */
	int64_t (*list)(struct disk *disk, struct disk_name *names, size_t max);
	int (*create)(struct disk *disk, const char *name); /* refuses a name that exists */
	int (*open)(struct disk *disk, const char *name, bool writable);
	int64_t (*size)(struct disk *disk, int file);
	int64_t (*read)(struct disk *disk, int file, uint64_t offset, void *out, size_t size_bytes);
	/* Writes all of it or fails; after a failure any part may have been written. */
	int (*write)(struct disk *disk, int file, uint64_t offset, const void *in,
		     size_t size_bytes);
	int (*sync)(struct disk *disk, int file);
	int (*truncate)(struct disk *disk, int file, uint64_t size_bytes); /* durable on return */
	int (*remove)(struct disk *disk, const char *name);
	int (*rename)(struct disk *disk, const char *from, const char *to); /* replaces `to` */
	int64_t (*free_bytes)(struct disk *disk);
	void (*close)(struct disk *disk, int file);
};

struct disk {
	const struct disk_ops *ops;
};

/* The names of the files for which `wanted` holds, in order.  Returns how many, or a
 * negative errno; the caller frees *names, in both cases. */
int64_t disk_list(struct disk *disk, bool (*wanted)(const char *name), struct disk_name **names);

/* ---- the real one ---- */

struct disk_real {
	struct disk disk;
	int         directory; /* file descriptor */
};

/* Open a directory.  With `exclusive` it is created when missing (mode 0750) and
 * locked, so that two writers cannot share it: -EWOULDBLOCK when another has it. */
int  disk_real_open(struct disk_real *real, const char *path, bool exclusive);
void disk_real_close(struct disk_real *real);

/* Why disk_real_open returned rc, in words; of a lock, which process holds it. */
#define DISK_WHY_BYTES 160
const char *disk_real_why(const char *path, int rc, char out[DISK_WHY_BYTES]);

/* ---- the simulated one: memory files with a seed ---- */

#define DISK_SIM_FILES_MAX 64

struct disk_sim_file {
	char     name[DISK_NAME_BYTES_MAX]; /* "": free */
	uint8_t *cached;                    /* [capacity]: what reads see */
	uint8_t *stored;                    /* [capacity]: what survives a power cut for sure */
	uint64_t cached_bytes, stored_bytes, capacity_bytes;
};

struct disk_sim {
	struct disk          disk;
	struct disk_sim_file files[DISK_SIM_FILES_MAX];
	uint64_t             seed;
	uint64_t capacity_bytes; /* of the disk; beyond it -ENOSPC after a part was written */
	uint32_t write_errors_per_million; /* -EIO */
	uint32_t sync_errors_per_million;  /* -EIO, and the dirty pages are dropped */
	uint64_t writes, syncs;            /* calls so far */
	/* While it is set, a sync that was called does not return: the disk hangs. */
	_Atomic bool hangs;
};

void disk_sim_init(struct disk_sim *sim, uint64_t seed);
void disk_sim_free(struct disk_sim *sim);

/* The power goes: of what was not synced, each 512-byte sector survives, turns to
 * zero or keeps its old bytes, by the seed; so does each unsynced growth. */
void disk_sim_power_cut(struct disk_sim *sim);

#endif
