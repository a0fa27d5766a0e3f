#include "runtime/base/histogram.h"

#include <assert.h>

static_assert(HISTOGRAM_BUCKETS == 2368 && sizeof(struct histogram) == 8 * (3 + 2368),
	      "19 KB for each histogram");

void histogram_init(struct histogram *histogram)
{
	atomic_init(&histogram->count, 0);
	atomic_init(&histogram->sum_ns, 0);
	atomic_init(&histogram->max_ns, 0);
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		atomic_init(&histogram->buckets[i], 0);
}

uint64_t histogram_bucket_ns(uint32_t bucket)
{
	assert(bucket < HISTOGRAM_BUCKETS);
	/* The first two groups share width 1, hence one shift less than groups. */
	const uint32_t group = bucket >> HISTOGRAM_SUB_BITS;
	const uint32_t shift = group > 0 ? group - 1 : 0;
	const uint64_t top   = bucket - ((uint64_t)shift << HISTOGRAM_SUB_BITS);

	return ((top + 1) << shift) - 1;
}

static uint64_t bucket_count(const struct histogram *histogram, uint32_t bucket)
{
	return atomic_load_explicit(&histogram->buckets[bucket], memory_order_relaxed);
}

/* The buckets' own total, since `count` may be read at another moment. */
static uint64_t total_of(const struct histogram *histogram)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += bucket_count(histogram, i);
	return total;
}

uint64_t histogram_quantile(const struct histogram *histogram, uint32_t per_million)
{
	assert(per_million <= 1000000);
	const uint64_t total = total_of(histogram);
	const uint64_t max   = histogram_max_ns(histogram);
	/* In 128 bits, rounded up: the sample of this rank, counted from 1. */
	const unsigned __int128 scaled = (unsigned __int128)total * per_million + 999999;
	const uint64_t          rank   = (uint64_t)(scaled / 1000000);
	uint64_t                seen   = 0;

	if (total == 0)
		return 0;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += bucket_count(histogram, i);
		if (seen >= rank && seen > 0) {
			const uint64_t end = histogram_bucket_ns(i);
			return end < max ? end : max < HISTOGRAM_NS_MAX ? max : HISTOGRAM_NS_MAX;
		}
	}
	return max < HISTOGRAM_NS_MAX ? max : HISTOGRAM_NS_MAX;
}

uint64_t histogram_count_below(const struct histogram *histogram, uint64_t ns)
{
	const uint32_t last  = histogram_bucket(ns);
	uint64_t       count = 0;

	for (uint32_t i = 0; i <= last; i++)
		count += bucket_count(histogram, i);
	return count;
}
