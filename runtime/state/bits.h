/* A set of numbers 0 .. size-1 that finds its smallest member in a few steps: bits, and
 * above them levels of 64-fold summaries, up to one word.
 *
 * The memory is a shard's, the shape is shared by all shards.  Bounds: BITS_LEVELS
 * steps a call. */
#ifndef ASSAY_RUNTIME_STATE_BITS_H
#define ASSAY_RUNTIME_STATE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_LEVELS 6 /* 64^6 = 2^36 members */
#define BITS_NONE   UINT32_MAX

struct bits_shape {
	uint32_t size;
	uint32_t levels;
	uint64_t level_at[BITS_LEVELS]; /* in words; level 0 holds the members */
};

/* Plan a set whose words begin at *words; *words moves behind it. */
void bits_plan(struct bits_shape *shape, uint32_t size, uint64_t *words);

void     bits_set(uint64_t *words, const struct bits_shape *shape, uint32_t member);
void     bits_clear(uint64_t *words, const struct bits_shape *shape, uint32_t member);
bool     bits_test(const uint64_t *words, const struct bits_shape *shape, uint32_t member);
uint32_t bits_first(const uint64_t *words, const struct bits_shape *shape); /* or BITS_NONE */

#endif
