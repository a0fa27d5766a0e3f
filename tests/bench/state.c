/* What state and features cost a transaction: keys, three entities touched, twelve
 * windows read, fifteen features computed, as the decide role does them, with the lines
 * of the next transactions fetched ahead.
 *
 *     build/tests/bench/state [MIB]     memory of the largest run, default 1024
 *
 * One run each with 10 thousand entities, 1 million, and as many millions as the memory
 * holds.  Every entity has been touched HISTORY times before anything is measured, and
 * transactions choose their entities at random: the worst case for the caches. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <x86intrin.h>

#include "runtime/feature/feature.h"
#include "runtime/state/state.h"
#include "tests/lib/splitmix.h"

#define DAY_NS   (86400 * INT64_C(1000000000))
#define HISTORY  8      /* transactions an entity, before */
#define MEASURED 400000 /* transactions */
#define AHEAD    16     /* transactions that are fetched ahead; a power of two */
#define KINDS    3
#define SHARDS   16

static struct feature_plan plan;
static double              ns_per_tick;

static void add(enum feature_kind kind, uint8_t entity, int64_t days, int64_t delay_days)
{
	plan.features[plan.features_count++] =
		(struct feature_spec){ .kind      = (uint8_t)kind,
				       .entity    = entity,
				       .window_ns = days * DAY_NS,
				       .delay_ns  = delay_days * DAY_NS };
}

static void make_plan(uint64_t memory_bytes)
{
	static const uint8_t fields[KINDS] = { FIELD_CARD, FIELD_ACCOUNT, FIELD_TERMINAL };
	static const int64_t days[]        = { 1, 7, 30, 60 };

	memset(&plan, 0, sizeof(plan));
	plan.shards         = SHARDS;
	plan.memory_bytes   = memory_bytes;
	plan.entities_count = KINDS;
	for (uint32_t i = 0; i < KINDS; i++)
		plan.entities[i] = (struct entity_spec){ .key         = { fields[i] },
							 .read        = { fields[i] },
							 .history_max = 1024 };
	for (uint32_t i = 0; i < 4; i++) {
		add(FEATURE_COUNT, 0, days[i], 0);
		add(FEATURE_MEAN, 1, days[i], 0);
		add(FEATURE_FRAUD_RATE, 2, days[i], 7);
	}
	add(FEATURE_MEAN, 0, 7, 0);
	add(FEATURE_SUM, 1, 30, 0);
	add(FEATURE_COUNT, 2, 30, 7);
}

/* ---- a stream of transactions over `entities` of all kinds together */

struct stream {
	uint64_t           seed, entities;
	int64_t            time_ns, step_ns;
	uint64_t           sequence;
	struct transaction transactions[AHEAD];
	struct state_keys  keys[AHEAD];
};

/* Cards, accounts and terminals are 5 to 4 to 1. */
static void choose(struct stream *s, struct transaction *t)
{
	uint64_t tenth = s->entities / 10;

	t->time_ns             = s->time_ns += s->step_ns;
	t->amount_minor        = (int64_t)(splitmix(&s->seed) % 100000);
	t->currency_exponent   = 2;
	t->channel             = CHANNEL_CARD_PRESENT;
	t->card.size_bytes     = (uint16_t)sprintf(t->card.data, "tok_%012" PRIx64,
						   splitmix(&s->seed) % (5 * tenth));
	t->account.size_bytes  = (uint16_t)sprintf(t->account.data, "acc_%012" PRIx64,
						   splitmix(&s->seed) % (4 * tenth));
	t->terminal.size_bytes = (uint16_t)sprintf(t->terminal.data, "ter_%012" PRIx64,
						   splitmix(&s->seed) % tenth);
}

/* One step of fetching for the transaction that came `back` before number n. */
static void fetch(const struct state *state, struct stream *s, uint64_t n, uint64_t back,
		  void (*step)(const struct state *state, uint32_t shard, struct hash128 key))
{
	const struct state_keys *keys = &s->keys[(n - back) % AHEAD];

	for (uint32_t i = 0; n >= back && i < KINDS; i++)
		step(state, state_shard_of(&plan, keys->file[i]), keys->file[i]);
}

static void decide(struct state *state, struct stream *s, uint64_t n, double *sum)
{
	static struct aggregate   out[PLAN_FEATURES_MAX];
	const struct transaction *t     = &s->transactions[n % AHEAD];
	struct state_event        event = { .sequence = ++s->sequence, .transaction = t };

	for (uint8_t i = 0; i < KINDS; i++) {
		struct hash128 key = s->keys[n % AHEAD].file[i];

		state_touch(state, state_shard_of(&plan, key), i, key, &event, out);
	}
	for (uint32_t i = 0; i < plan.features_count; i++)
		*sum += feature_value(&plan.features[i], &out[i], t);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* `count` transactions; the ticks of each when `ticks` is not NULL: making the next one is
 * the caller's work and left out, its keys and fetches are ours. */
static void run(struct state *state, struct stream *s, uint64_t count, uint64_t *ticks, bool ahead,
		double *sum)
{
	uint64_t distance = ahead ? AHEAD - 1 : 0;

	for (uint64_t n = 0; n < count + distance; n++) {
		uint64_t begin, end;
		unsigned core;

		choose(s, &s->transactions[n % AHEAD]);
		begin = __rdtscp(&core);
		state_keys(&plan, &s->transactions[n % AHEAD], &s->keys[n % AHEAD]);
		if (ahead) {
			fetch(state, s, n, 0, state_prefetch);
			fetch(state, s, n, AHEAD / 4, state_prefetch_entity);
			fetch(state, s, n, AHEAD / 2, state_prefetch_cells);
		}
		if (n >= distance)
			decide(state, s, n - distance, sum);
		end = __rdtscp(&core);
		if (ticks != NULL && n >= distance)
			ticks[n - distance] = end - begin;
	}
}

static double ns(uint64_t ticks)
{
	return (double)ticks * ns_per_tick;
}

static struct state_counters counters_of(const struct state *state)
{
	struct state_counters sum = { 0 }, one;

	for (uint32_t i = 0; i < SHARDS; i++) {
		state_counters(state, i, &one);
		state_counters_add(&sum, &one);
	}
	return sum;
}

static void measure(struct state *state, struct stream *s, bool ahead, double *sum)
{
	static uint64_t       ticks[MEASURED];
	uint64_t              total = 0;
	struct state_counters c;

	run(state, s, MEASURED, ticks, ahead, sum);
	for (uint32_t i = 0; i < MEASURED; i++)
		total += ticks[i];
	qsort(ticks, MEASURED, sizeof(ticks[0]), by_value);
	c = counters_of(state);
	printf("%10" PRIu64 " %6.1f %6.0f %8s %8.0f %8.0f %8.0f %8.0f %10" PRIu64 "\n", c.entities,
	       (double)c.cells / (double)c.entities, (double)c.bytes / (double)c.entities,
	       ahead ? "yes" : "no", ns(total) / MEASURED, ns(ticks[MEASURED / 2]),
	       ns(ticks[MEASURED / 100 * 99]), ns(ticks[MEASURED / 1000 * 999]), c.evicted);
}

/* What a shard's snapshot costs the core that saves it: mostly SHA-256. */
static void measure_snapshot(const struct state *state)
{
	uint8_t  digest[DIGEST_BYTES];
	uint64_t begin = __rdtsc(), ticks;

	for (uint32_t i = 0; i < SHARDS; i++)
		state_digest(state, i, digest);
	ticks = __rdtsc() - begin;
	printf("%10s a snapshot of a shard takes %.1f ms, %.0f MB/s of blocks\n", "",
	       ns(ticks) / SHARDS / 1e6, (double)counters_of(state).bytes / ns(ticks) * 1e3);
}

static void bench(uint64_t entities, uint64_t memory_bytes)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct state  *state;
	char           error[200];
	void          *memory;
	size_t         size;
	double         sum = 0;

	make_plan(memory_bytes);
	size = state_size(&plan, error, sizeof(error));
	if (size == 0) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	madvise(memory, size, MADV_HUGEPAGE);
	memset(memory, 0, size);
	state       = state_init(memory, &plan);
	s->entities = entities;
	s->time_ns  = 1500000000 * INT64_C(1000000000);
	s->step_ns  = 60 * DAY_NS / (int64_t)(entities * HISTORY / KINDS);
	run(state, s, entities * HISTORY / KINDS, NULL, true, &sum);
	measure(state, s, false, &sum);
	measure(state, s, true, &sum);
	measure_snapshot(state);
	munmap(memory, size);
	free(s);
	if (sum != sum)
		printf("# some feature was missing\n");
}

static void measure_tick(void)
{
	struct timespec a, b;
	uint64_t        begin = __rdtsc();

	clock_gettime(CLOCK_MONOTONIC, &a);
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while ((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec < 50000000);
	ns_per_tick = (double)((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec) /
		      (double)(__rdtsc() - begin);
}

static void print_facts(uint64_t memory_bytes)
{
	static const char *const names[KINDS] = { "card", "account", "terminal" };
	struct state_facts       facts;
	void                    *memory;
	char                     error[200];

	make_plan(memory_bytes);
	memory = aligned_alloc(STATE_ALIGN_BYTES, state_size(&plan, error, sizeof(error)));
	memset(memory, 0, state_size(&plan, error, sizeof(error)));
	state_facts(state_init(memory, &plan), &facts);
	free(memory);
	for (int i = 0; i < KINDS; i++)
		printf("%s: %u to %u bytes, %u a cell\n", names[i], facts.kinds[i].least_bytes,
		       facts.kinds[i].most_bytes, facts.kinds[i].cell_bytes);
}

int main(int argc, char **argv)
{
	uint64_t mib      = argc > 1 ? strtoull(argv[1], NULL, 10) : 1024;
	uint64_t entities = (mib << 20) / 600;

	measure_tick();
	print_facts(1 << 20);
	printf("%10s %6s %6s %8s %8s %8s %8s %8s %10s\n", "entities", "cells", "bytes", "fetched",
	       "mean ns", "p50", "p99", "p99.9", "evicted");
	bench(10000, UINT64_C(64) << 20);
	bench(1000000, UINT64_C(768) << 20);
	if (entities > 1000000)
		bench(entities / 100000 * 100000, mib << 20);
	return 0;
}
