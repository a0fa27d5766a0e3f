/* What the net core counts.  One writer, the net core; the control role reads
 * at any time with relaxed loads, so a page of metrics is never torn within one
 * number but may mix numbers of neighbouring turns.
 *
 * Counters only grow; a gauge says so. */
#ifndef ASSAY_FIRMWARE_STATS_H
#define ASSAY_FIRMWARE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/base/decision.h"
#include "runtime/base/histogram.h"
#include "runtime/base/ledger.h"
#include "runtime/base/reason.h"

typedef _Atomic uint64_t counter_u64;

struct stats {
	counter_u64 reasons[REASON_COUNT_ALL]; /* one per row of the failure table */
	counter_u64 verdicts[VERDICT_COUNT];
	counter_u64 requests;
	counter_u64 responses;
	counter_u64 transactions;    /* decided; repeats are not */
	counter_u64 repeats;         /* asked again and given their first answer */
	counter_u64 repeats_kept;    /* gauge: answers that can be given again */
	counter_u64 repeats_expired; /* forgotten when their retention was over */
	counter_u64 repeats_dropped; /* forgotten before, for want of room */
	counter_u64 labels;
	counter_u64 connections_open; /* gauge */
	counter_u64 connections_accepted;
	counter_u64 handshakes_full;
	counter_u64 handshakes_resumed;
	counter_u64 handshaking; /* gauge: connections that are not open yet */
	counter_u64 jobs_in_use; /* gauge: requests between their first byte and their answer */
	counter_u64 turns;
	counter_u64 reloads;
	counter_u64 events_lost;         /* log events that found the lane full */
	counter_u64 audit_sequence_next; /* gauge: the next record's sequence number */
	struct histogram stage_ns[STAGE_COUNT];
	struct histogram request_ns; /* first byte of the request until its answer was written */
};

static inline void stats_add(counter_u64 *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void stats_set(counter_u64 *gauge, uint64_t value)
{
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static inline uint64_t stats_get(counter_u64 *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void stats_reason(struct stats *stats, enum reason reason)
{
	stats_add(&stats->reasons[reason], 1);
}

#endif
