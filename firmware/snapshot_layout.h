/* What snapshot_write.c and snapshot_read.c share of the layout in snapshot.h. */
#ifndef ASSAY_FIRMWARE_SNAPSHOT_LAYOUT_H
#define ASSAY_FIRMWARE_SNAPSHOT_LAYOUT_H

#include <assert.h>

#include "firmware/snapshot.h"

#define SNAPSHOT_MAGIC_BYTES 8
#define SNAPSHOT_TABLE_AT    112
#define SNAPSHOT_ROW_BYTES   (4 + 4 + 8 + DIGEST_BYTES)
#define SNAPSHOT_HASHED      (SNAPSHOT_HEAD_BYTES - DIGEST_BYTES)

static_assert(SNAPSHOT_TABLE_AT + SNAPSHOT_SECTIONS_MAX * SNAPSHOT_ROW_BYTES <= SNAPSHOT_HASHED,
	      "the table fits in the head");
static_assert(SNAPSHOT_HEAD_BYTES % SNAPSHOT_ALIGN_BYTES == 0, "the first section is aligned");

static inline uint64_t snapshot_line_up(uint64_t at)
{
	return (at + SNAPSHOT_ALIGN_BYTES - 1) & ~(uint64_t)(SNAPSHOT_ALIGN_BYTES - 1);
}

void     snapshot_head_hash(const uint8_t head[SNAPSHOT_HEAD_BYTES], uint8_t out[DIGEST_BYTES]);
bool     snapshot_is_name(const char *name);
uint64_t snapshot_sequence_of(const char *name); /* of a name that is one */

#endif
