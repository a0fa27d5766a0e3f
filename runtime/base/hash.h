/* 128 bits that stand for a key: an entity, a caller's request id, a list entry.  The
 * same on every machine, since replay depends on it; two keys that differ have the
 * same hash with a chance of 2^-128 a pair, which is taken for never.
 *
 * SipHash-2-4-128 (Aumasson and Bernstein, 2012; the 128-bit form of its reference
 * code) under a fixed key, which is public: who tries long enough finds texts with hashes
 * to his liking.  So a table does not place them by the hash alone (hash_place). */
#ifndef ASSAY_RUNTIME_BASE_HASH_H
#define ASSAY_RUNTIME_BASE_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/bytes.h"

struct hash128 {
	uint64_t low, high; /* both zero: no key */
};

/* The function itself, under any key: for the known answers of its authors. */
struct hash128 hash_siphash(const uint64_t key[2], struct bytes message);

/* `domain` keeps the kinds of keys apart: an entity kind's number, a list's. */
struct hash128 hash_bytes(uint64_t domain, struct bytes one);
/* Of a pair; never the same as of one text, nor of another split of the same bytes. */
struct hash128 hash_pair(uint64_t domain, struct bytes one, struct bytes two);

static inline bool hash_is(struct hash128 hash)
{
	return (hash.low | hash.high) != 0;
}

static inline bool hash_same(struct hash128 a, struct hash128 b)
{
	return a.low == b.low && a.high == b.high;
}

/* Where a hash lies in a table that strangers fill, under a secret: a product whose halves
 * are folded, so that every bit of both decides. */
static inline uint64_t hash_place(struct hash128 hash, struct hash128 secret)
{
	unsigned __int128 product = (unsigned __int128)(hash.low ^ secret.low) *
				    (hash.high ^ secret.high ^ UINT64_C(0x9e3779b97f4a7c15));

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
