/* Snapshots: all state as it was behind one audit record, in one file, so that a start
 * need not read the whole audit log.  This header is the whole description of the file.
 *
 *     DIRECTORY/snapshot-<sequence, 20 decimal digits>.snap
 *
 * All integers are little-endian.
 *
 *     head, 49152 bytes
 *     0     magic           8 bytes  "ASSAYSNP"
 *     8     version         u32      2
 *     12    head_bytes      u32      49152
 *     16    sequence        u64      of the last audit record whose effects are in it
 *     24    order           u64      of that record (runtime/audit/format.h)
 *     32    chain_hash      32 bytes of that record
 *     64    wall_ns         i64      when it was made
 *     72    config          32 bytes digest of the config it was made under
 *     104   sections_count  u32      at most 800
 *     108   zero            u32
 *     112   sections        each: u32 kind (not 0), u32 index, u64 bytes, 32 bytes SHA-256;
 *                           no two of one kind and index
 *     ..    zero
 *     49120 head_hash       32 bytes SHA-256 of bytes 0..49119
 *     49152 the sections, each from a multiple of 4096 on, zeros between (no hash covers these); the file ends
 *           with the last one's last byte
 *
 * What a section holds is its stage's business (runtime/state); a snapshot is read by the
 * same shards and plan only, which the config digest stands for.
 *
 * A file is written as a stream, its head last, under another name, synced and renamed
 * (new_file.h): a torn one is not seen.  What a disk damages later is found by the
 * hashes, the head's when it is opened, a section's when it is read; then the snapshot
 * before is taken, and audit records from there on (audit_log_read, whose hash_before is
 * about.chain.hash).
 *
 * A snapshot may be ended only when its last record is durable: one that is ahead of the
 * log is of no use, and stands in the way of older ones.
 *
 * Owner:   one thread that may block on the disk.
 * Memory:  the two structs below; a section is read into the caller's memory.
 * Failure: a sentence that names the file; nothing else changes. */
#ifndef ASSAY_FIRMWARE_SNAPSHOT_H
#define ASSAY_FIRMWARE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/disk/disk.h"
#include "firmware/new_file.h"
#include "runtime/audit/audit.h"
#include "runtime/base/bytes.h"
#include "runtime/base/digest.h"

#define SNAPSHOT_MAGIC        "ASSAYSNP"
#define SNAPSHOT_VERSION      2
#define SNAPSHOT_HEAD_BYTES   49152
#define SNAPSHOT_ALIGN_BYTES  4096
#define SNAPSHOT_SECTIONS_MAX 800 /* a plan has at most 256 shards, three times */
#define SNAPSHOT_ERROR_BYTES  512
#define SNAPSHOT_BUFFER_BYTES (256u << 10) /* gathered before the disk is called */

enum snapshot_kind {
	SNAPSHOT_NONE,
	SNAPSHOT_STATE,     /* index: the shard */
	SNAPSHOT_SIGHTINGS, /* index 0 */
	SNAPSHOT_LISTS,     /* index 0 */
	SNAPSHOT_RULES,     /* index 0; the digest of the rules whose lists they are */
	SNAPSHOT_VERDICTS,  /* index: the shard; of the entity that keeps verdicts */
	SNAPSHOT_HISTORY,   /* index: the shard; rows for sequence models */
	SNAPSHOT_KIND_COUNT,
};

struct snapshot_about {
	struct audit_chain chain; /* end of the log behind the last record that is in it */
	int64_t            wall_ns;
	uint8_t            config[DIGEST_BYTES];
};

struct snapshot_section {
	uint32_t kind, index;
	uint64_t offset_bytes, size_bytes;
	uint8_t  digest[DIGEST_BYTES];
};

/* ---- writing: begin ► (section ► write ...) ... ► end, or drop after a failure */

struct snapshot_writer {
	struct new_file         file;
	struct snapshot_about   about;
	uint32_t                sections_count;
	struct snapshot_section sections[SNAPSHOT_SECTIONS_MAX];
	struct digest           digest; /* of the section being written */
	uint64_t                written_bytes;
	size_t                  buffered_bytes;
	uint8_t                 buffer[SNAPSHOT_BUFFER_BYTES];
	char                    error[SNAPSHOT_ERROR_BYTES];
};

/* The struct is large: not on a stack.  False: writer->error says why; then drop. */
bool snapshot_begin(struct snapshot_writer *writer, struct disk *disk,
		    const struct snapshot_about *about);
bool snapshot_section(struct snapshot_writer *writer, uint32_t kind, uint32_t index);
bool snapshot_write(void *writer, struct bytes piece); /* as state_save calls it */
/* Durable on return.  Afterwards the newest `keep` (at least 1) snapshots up to this one are
 * there; files with a higher sequence are left alone. */
bool snapshot_end(struct snapshot_writer *writer, uint32_t keep);
void snapshot_drop(struct snapshot_writer *writer);

/* ---- reading */

struct snapshot {
	struct disk            *disk;
	int                     file;
	char                    name[DISK_NAME_BYTES_MAX];
	struct snapshot_about   about;
	uint32_t                sections_count;
	struct snapshot_section sections[SNAPSHOT_SECTIONS_MAX];
};

/* Open the newest whose sequence is at most `sequence_max` and whose head is sound.  Each
 * that is damaged is told to `damaged` in a sentence (NULL: not told).  False when there
 * is none: with error "" there never was one, else the directory cannot be read.
 *
 * When snapshot_read fails later, close it and open again with sequence_max one below. */
struct snapshot_search {
	uint64_t sequence_max;
	void (*damaged)(void *context, const char *sentence);
	void *context;
};
bool snapshot_open(struct snapshot *snapshot, struct disk *disk,
		   const struct snapshot_search *search, char error[SNAPSHOT_ERROR_BYTES]);
void snapshot_close(struct snapshot *snapshot);

/* Tells `damaged` of each file above sequence_max, here the end of the log, which none of
 * its own can be. */
void snapshot_tell_above(struct disk *disk, const struct snapshot_search *search);

/* NULL: it has none. */
const struct snapshot_section *snapshot_find(const struct snapshot *snapshot, uint32_t kind,
					     uint32_t index);
uint64_t snapshot_section_bytes_max(const struct snapshot *snapshot); /* of the largest */

/* A whole section into `out` (section->size_bytes), its digest checked. */
bool snapshot_read(const struct snapshot *snapshot, const struct snapshot_section *section,
		   void *out, char error[SNAPSHOT_ERROR_BYTES]);

/* ---- the head alone, for the fuzzer: NULL, or what is wrong with it.  `file_bytes` is the
 * whole file's size. */
const char *snapshot_parse(struct bytes head, uint64_t file_bytes, struct snapshot *out);
void snapshot_make_head(const struct snapshot_writer *writer, uint8_t out[SNAPSHOT_HEAD_BYTES]);

#endif
