/* What a whole decision costs behind the decoder: keys, nine entity kinds, the features
 * of the shipped rules, the shipped rules, the verdict; through the pipeline, as the net
 * core of a small box does it, without model and audit.
 *
 *     build/tests/bench/decision [MIB]     memory of the largest run, default 1024
 *
 * One run each with 10 thousand entities, 1 million, and as many millions as the memory
 * holds, at random: the worst case for the caches.  What is printed is per transaction. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "firmware/engine.h"
#include "firmware/offline.h"
#include "firmware/pipeline.h"
#include "tests/lib/default_plan.h"
#include "tests/lib/splitmix.h"

#define DAY_NS   (86400 * INT64_C(1000000000))
#define MEASURED 300000
#define HISTORY  6 /* transactions an account, before */

static struct config config;
static double        ns_per_tick;
static uint64_t      emitted;

static void calibrate(void)
{
	struct timespec from, to;
	uint64_t        began = __rdtsc();

	clock_gettime(CLOCK_MONOTONIC, &from);
	do
		clock_gettime(CLOCK_MONOTONIC, &to);
	while ((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec < 100000000);
	ns_per_tick = (double)((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec) /
		      (double)(__rdtsc() - began);
}

static struct bytes read_rules(void)
{
	static char text[1 << 20];
	FILE       *file = fopen("config/rules/default.rules", "rb");
	size_t      size = file ? fread(text, 1, sizeof(text), file) : 0;

	if (size == 0) {
		fprintf(stderr,
			"config/rules/default.rules cannot be read; run it from the tree\n");
		exit(2);
	}
	fclose(file);
	return bytes_of(text, size);
}

static void make_brain(struct brain *brain)
{
	static struct rules_errors errors;
	struct rules_scope scope = { .supplied = &config.features, .computed = &config.plan };
	struct rules_plan *plan;
	size_t             size;

	memset(brain, 0, sizeof(*brain));
	if (!rules_parse(read_rules(), &scope, &plan, &errors)) {
		fprintf(stderr, "%s\n", errors.lines[0]);
		exit(2);
	}
	size            = rules_size(plan);
	brain->rules    = rules_build(plan, offline_new(size), size);
	brain->lists[0] = rules_lists_init(offline_new(rules_lists_size(brain->rules)),
					   brain->rules);
	brain->order[0] = CONFIG_STAGE_MODEL;
	brain->order[1] = CONFIG_STAGE_RULES;
	brain->policy   = (struct decide_policy){ .review_threshold  = 0.5f,
						  .decline_threshold = 0.9f };
	rules_free_plan(plan);
}

static void put(char *data, uint16_t *size, char kind, uint64_t number)
{
	*size = (uint16_t)snprintf(data, 64, "%c%08" PRIu64, kind, number);
}

/* Half card payments, half transfers; a terminal a hundred cards, a device an account. */
static void draw(struct transaction *t, uint64_t *seed, uint64_t accounts, int64_t time_ns)
{
	uint64_t who = splitmix(seed) % accounts, other = (who + 1 + splitmix(seed) % 4) % accounts;
	bool     card = splitmix(seed) & 1;

	memset(t, 0, offsetof(struct transaction, parties));
	t->time_ns      = time_ns;
	t->amount_minor = (int64_t)(splitmix(seed) % 50000) + 100;
	memcpy(t->currency, "EUR", 3);
	t->currency_exponent = 2;
	t->channel           = card ? CHANNEL_CARD_PRESENT : CHANNEL_INSTANT;
	put(t->id.data, &t->id.size_bytes, 'p', splitmix(seed) % 100000000);
	put(t->account.data, &t->account.size_bytes, 'a', who);
	put(t->device.data, &t->device.size_bytes, 'd', who);
	if (card) {
		put(t->card.data, &t->card.size_bytes, 'c', who);
		put(t->terminal.data, &t->terminal.size_bytes, 't', other % (accounts / 100 + 1));
		put(t->merchant.data, &t->merchant.size_bytes, 'm', other % (accounts / 100 + 1));
		memcpy(t->merchant_country, "DE", 2);
	} else {
		put(t->payee.data, &t->payee.size_bytes, 'a', other);
	}
}

static void emit(void *ctx, struct slot *slot)
{
	(void)ctx;
	emitted += slot->work.decision.verdict + 1;
}

static int by_value(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return (one > other) - (one < other);
}

static uint32_t decide(struct pipeline *pipeline, const struct brain *brain,
		       const struct transaction *t)
{
	uint64_t     began = __rdtsc();
	struct slot *slot  = pipeline_next(pipeline);
	struct work *work  = &slot->work;

	work->transaction = t;
	work->brain       = brain;
	work->shadow      = NULL;
	work->now_ns      = t->time_ns;
	work->due_ns      = 0;
	work->follow      = false;
	pipeline_decide(pipeline, slot,
			repeats_key(bytes_of("b", 1), bytes_of(t->id.data, t->id.size_bytes)));
	pipeline_emit(pipeline, 1);
	return (uint32_t)((double)(__rdtsc() - began) * ns_per_tick);
}

static void run(uint64_t accounts, uint64_t mib)
{
	static uint32_t       ns[MEASURED];
	struct engine         engine;
	struct pipeline      *pipeline = offline_new(sizeof(*pipeline));
	struct brain          brain;
	struct transaction    t;
	struct state_counters all;
	char                  error[ENGINE_ERROR_BYTES];
	uint64_t              seed = 1, warm = accounts * HISTORY;
	int64_t               time_ns = 1760000000 * INT64_C(1000000000);
	int64_t               step_ns = 30 * DAY_NS / (int64_t)(warm + MEASURED);

	config.plan.memory_bytes = mib << 20;
	if (!engine_init(&engine, &config, false, engine_take_pages, NULL, error)) {
		fprintf(stderr, "%s\n", error);
		exit(2);
	}
	make_brain(&brain);
	pipeline_init(pipeline, &engine, 0, engine_take_pages(NULL, "p", pipeline_bytes(0), 64), 1,
		      0);
	pipeline->emit = emit;
	for (uint64_t i = 0; i < warm + MEASURED; i++) {
		uint32_t spent;

		draw(&t, &seed, accounts, time_ns += step_ns);
		spent = decide(pipeline, &brain, &t);
		if (i >= warm)
			ns[i - warm] = spent;
	}
	qsort(ns, MEASURED, sizeof(ns[0]), by_value);
	engine_counters(&engine, 0, 1, &all);
	printf("%12" PRIu64 "%12" PRIu64 "%10" PRIu64 "%10" PRIu64 "%10u%10u%10u\n", accounts,
	       all.entities, all.evicted, all.entities ? all.bytes / all.entities : 0,
	       ns[MEASURED / 2], ns[MEASURED / 100 * 99], ns[MEASURED / 1000 * 999]);
	fflush(stdout);
	free(brain.rules);
	free(brain.lists[0]);
	free(pipeline);
}

int main(int argc, char **argv)
{
	uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 1024;

	config_defaults(&config);
	default_plan(&config.plan);
	config.plan.shards             = 16;
	config.labels.transactions_max = 100000;
	calibrate();
	printf("%12s%12s%10s%10s%10s%10s%10s\n", "accounts", "entities", "evicted", "bytes each",
	       "p50 ns", "p99 ns", "p99.9 ns");
	run(1000, 64);
	run(200000, mib < 768 ? mib : 768);
	run(mib * 300, mib);
	return emitted == 0;
}
