/* How often each latency occurred: a histogram of nanoseconds whose buckets grow
 * with the value (as in HdrHistogram), so that a fixed 20 KiB covers 1 ns to 2^42 ns
 * (73 minutes) with a relative error below 1/64.
 *
 * Values below 128 have a bucket each.  Above, every power of two is cut into 64
 * equal buckets:
 *
 *     value      0..127     128..255   256..511   512..1023  ...
 *     bucket     1 wide     2 wide     4 wide     8 wide
 *
 * Owner:   one writer.  Any thread may read while it writes: each counter is read
 *          whole, but counters are not read at one moment, so a reader's total can be
 *          behind by what was added meanwhile.
 * Bounds:  values above HISTOGRAM_NS_MAX count as HISTOGRAM_NS_MAX; `sum_ns` is of
 *          the values as given.
 * Failure: none.  add has no branch, no allocation and no loop. */
#ifndef ASSAY_RUNTIME_BASE_HISTOGRAM_H
#define ASSAY_RUNTIME_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6u  /* 64 buckets a power of two */
#define HISTOGRAM_NS_BITS  42u /* largest value has this many bits */
#define HISTOGRAM_NS_MAX   ((UINT64_C(1) << HISTOGRAM_NS_BITS) - 1)
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_NS_BITS - HISTOGRAM_SUB_BITS + 1u) << HISTOGRAM_SUB_BITS)

struct histogram {
	_Atomic uint64_t count;
	_Atomic uint64_t sum_ns;
	_Atomic uint64_t max_ns;
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);

/* The bucket a value falls in, and the largest value of a bucket. */
static inline uint32_t histogram_bucket(uint64_t ns)
{
	const uint64_t capped = ns < HISTOGRAM_NS_MAX ? ns : HISTOGRAM_NS_MAX;
	const uint32_t top   = 63u - (uint32_t)__builtin_clzll(capped | (1u << HISTOGRAM_SUB_BITS));
	const uint32_t shift = top - HISTOGRAM_SUB_BITS;
	return (shift << HISTOGRAM_SUB_BITS) + (uint32_t)(capped >> shift);
}
uint64_t histogram_bucket_ns(uint32_t bucket);

/* A plain load and store: there is one writer, so no locked instruction. */
static inline void histogram_bump(_Atomic uint64_t *counter, uint64_t by)
{
	const uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, old + by, memory_order_relaxed);
}

static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
	const uint64_t max = atomic_load_explicit(&histogram->max_ns, memory_order_relaxed);
	histogram_bump(&histogram->count, 1);
	histogram_bump(&histogram->sum_ns, ns);
	histogram_bump(&histogram->buckets[histogram_bucket(ns)], 1);
	atomic_store_explicit(&histogram->max_ns, ns > max ? ns : max, memory_order_relaxed);
}

/* The least value that at least `per_million` of the samples do not exceed, rounded
 * up to its bucket's end but never above the greatest value seen (up to
 * HISTOGRAM_NS_MAX); 0 when empty.  990,000 is the 99th percentile. */
uint64_t histogram_quantile(const struct histogram *histogram, uint32_t per_million);

/* How many samples were at most `ns`, counting the whole of the bucket of `ns`. */
uint64_t histogram_count_below(const struct histogram *histogram, uint64_t ns);

static inline uint64_t histogram_count(const struct histogram *histogram)
{
	return atomic_load_explicit(&histogram->count, memory_order_relaxed);
}

static inline uint64_t histogram_sum_ns(const struct histogram *histogram)
{
	return atomic_load_explicit(&histogram->sum_ns, memory_order_relaxed);
}

static inline uint64_t histogram_max_ns(const struct histogram *histogram)
{
	return atomic_load_explicit(&histogram->max_ns, memory_order_relaxed);
}

#endif
