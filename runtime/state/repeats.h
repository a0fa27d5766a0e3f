/* Who asked what before, and what was answered: idempotency.
 *
 * The key is the caller's identity and the transaction's id, as a hash.  A key that is
 * known with the same transaction gets the first answer, byte for byte; with another
 * transaction it is a conflict (409).  Entries leave in the order of their sequence,
 * oldest first: when they are older than the retention, or when the ring is full.
 *
 *     ring of entries, oldest ──► newest      (an eighth of ring_bytes)
 *     ring of their answers, in the same order  (the rest)
 *     index: key ──► place in the ring of entries
 *
 * Owner:   the net core, which asks before an entity is touched.
 * Memory:  repeats_size bytes at boot, zeroed by the caller, aligned to 64.
 * Bounds:  every call does a bounded number of steps; an insert drops what it must.
 * Failure: an entry dropped before its time is counted; its repeat is then decided anew. */
#ifndef ASSAY_RUNTIME_STATE_REPEATS_H
#define ASSAY_RUNTIME_STATE_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/hash.h"
#include "runtime/base/transaction.h"

#define REPEATS_ANSWER_BYTES_MAX 8192

struct repeats_options {
	uint64_t ring_bytes;   /* of entries and answers; 1 MiB to 256 GiB; 512 bytes an entry */
	int64_t  retention_ns; /* by recorded wall time */
};

struct repeats;

size_t          repeats_size(const struct repeats_options *options);
struct repeats *repeats_init(void *memory, const struct repeats_options *options);

/* As state_keep_secret. */
void repeats_keep_secret(struct repeats *repeats, struct hash128 secret);

/* The key of a request, and the transaction as it counts for "the same body": all its
 * decoded fields, deadline_us left out. */
struct hash128 repeats_key(struct bytes identity, struct bytes id);
struct hash128 repeats_body(const struct transaction *transaction);

enum repeats_found {
	REPEATS_NEW,
	REPEATS_SAME,     /* *first is its sequence */
	REPEATS_CONFLICT, /* the same key with another transaction; *first is its sequence */
};
enum repeats_found repeats_find(const struct repeats *repeats, struct hash128 key,
				struct hash128 body, int64_t now_ns, uint64_t *first);

/* A new key; in flight until repeats_answer.  Sequences grow from call to call. */
void repeats_add(struct repeats *repeats, struct hash128 key, struct hash128 body,
		 uint64_t sequence, int64_t now_ns);
/* The answer of a sequence that was added; 1 to REPEATS_ANSWER_BYTES_MAX bytes, in the
 * order of the sequences (the first answer that is missing comes next).  Nothing happens
 * when its entry has been dropped already. */
void repeats_answer(struct repeats *repeats, uint64_t sequence, struct bytes answer);
/* Its answer; empty while in flight or when it has been dropped. */
struct bytes repeats_answer_of(const struct repeats *repeats, uint64_t sequence);

struct repeats_counters {
	uint64_t entries, bytes;   /* now */
	uint64_t entries_max;      /* room; answers of over 448 bytes make it less */
	uint64_t expired, dropped; /* dropped: before their time */
};
void repeats_counters(const struct repeats *repeats, struct repeats_counters *out);

#endif
