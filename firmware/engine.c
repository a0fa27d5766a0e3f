#include "firmware/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/base/digest.h"

#define HOUR_NS (3600 * INT64_C(1000000000))

static struct repeats_options repeats_of(const struct config *config)
{
	return (struct repeats_options){
		.ring_bytes   = (uint64_t)config->idempotency.memory_mib << 20,
		.retention_ns = config->idempotency.retention_hours * HOUR_NS,
	};
}

static void sort_features(struct engine *engine)
{
	const struct feature_plan *plan = engine->plan;

	engine->decisions = PLAN_NO_ENTITY;
	for (uint8_t e = 0; e < plan->entities_count; e++)
		if (plan->entities[e].decisions)
			engine->decisions = e;
	for (uint8_t i = 0; i < plan->features_count; i++) {
		uint8_t                 entity = plan->features[i].entity;
		struct engine_features *of     = entity == PLAN_NO_ENTITY ? &engine->of_none
									  : &engine->of_entity[entity];

		of->at[of->count++] = i;
	}
}

#define VERDICTS_SHARE 8 /* an eighth of state.memory_mib, where an entity keeps verdicts */

/* The plan for each of the two states; the same but for memory. */
static void share(const struct feature_plan *plan, struct feature_plan part[2])
{
	bool keeps = false;

	for (uint32_t e = 0; e < plan->entities_count; e++)
		keeps = keeps || plan->entities[e].decisions;
	part[0] = part[1]    = *plan;
	part[1].memory_bytes = keeps ? plan->memory_bytes / VERDICTS_SHARE : 0;
	part[0].memory_bytes -= part[1].memory_bytes;
}

/* Bytes of one state; 0: it does not fit, or with no memory at all, there is none. */
static size_t size_of(const struct feature_plan *part, char *error, size_t error_bytes)
{
	return part->memory_bytes == 0 ? 0 : state_size(part, error, error_bytes);
}

/* Bytes of the rows; 0: they do not fit, or with no steps, there are none. */
static size_t history_size_of(const struct config *config, char *error, size_t error_bytes)
{
	const struct history_plan *plan = &config->history_plan;

	return plan->steps == 0 ? 0 : history_size(plan, error, error_bytes);
}

size_t engine_bytes(const struct config *config, bool answers)
{
	struct repeats_options repeats = repeats_of(config);
	struct feature_plan    part[2];
	char                   error[ENGINE_ERROR_BYTES];
	size_t                 state;

	share(&config->plan, part);
	state = size_of(&part[0], error, sizeof(error));
	if (state == 0)
		return 0;
	return state + size_of(&part[1], error, sizeof(error)) +
	       history_size_of(config, error, sizeof(error)) +
	       (answers ? repeats_size(&repeats) : 0) +
	       sightings_size(&config->plan, config->labels.transactions_max, CONFIG_DECIDE_MAX);
}

struct taking {
	engine_take *take;
	void        *ctx;
	char        *error;
	size_t       state_bytes[2]; /* of each part; 0: there is no second */
	size_t       history_bytes;  /* 0: there is none */
};

static void *take_piece(const struct taking *taking, const char *name, size_t size_bytes)
{
	void *memory = taking->take(taking->ctx, name, size_bytes, STATE_ALIGN_BYTES);

	if (!memory)
		snprintf(taking->error, ENGINE_ERROR_BYTES, "no memory for the %s, %zu MiB: %s",
			 name, (size_bytes + (1u << 20) - 1) >> 20, strerror(errno));
	return memory;
}

static bool take_all(struct engine *engine, const struct config *config, bool answers,
		     const struct taking *taking)
{
	const struct repeats_options repeats = repeats_of(config);
	const struct feature_plan   *plan    = &config->plan;
	uint32_t                     labels  = engine->labelled_max;
	void                        *memory;

	if (!(memory = take_piece(taking, "histories", taking->state_bytes[0])))
		return false;
	engine->state = state_init(memory, &engine->part[0]);
	if (taking->state_bytes[1] > 0) {
		if (!(memory = take_piece(taking, "verdicts", taking->state_bytes[1])))
			return false;
		engine->verdicts = state_init(memory, &engine->part[1]);
	}
	if (taking->history_bytes > 0) {
		if (!(memory = take_piece(taking, "rows", taking->history_bytes)))
			return false;
		engine->history = history_init(memory, engine->history_plan);
	}
	if (answers) {
		if (!(memory = take_piece(taking, "answers", repeats_size(&repeats))))
			return false;
		engine->repeats = repeats_init(memory, &repeats);
	}
	if (!(memory = take_piece(taking, "labelled",
				  sightings_size(plan, labels, CONFIG_DECIDE_MAX))))
		return false;
	engine->sightings = sightings_init(memory, plan, labels, CONFIG_DECIDE_MAX);
	return true;
}

bool engine_init(struct engine *engine, const struct config *config, bool answers,
		 engine_take *take, void *ctx, char error[ENGINE_ERROR_BYTES])
{
	struct taking taking = { .take = take, .ctx = ctx, .error = error };
	char          why[ENGINE_ERROR_BYTES - 64];

	memset(engine, 0, sizeof(*engine));
	share(&config->plan, engine->part);
	engine->plan         = &config->plan;
	engine->history_plan = &config->history_plan;
	engine->labelled_max = config->labels.transactions_max;
	for (int i = 0; i < 2; i++) {
		taking.state_bytes[i] = size_of(&engine->part[i], why, sizeof(why));
		if (taking.state_bytes[i] > 0 || (i > 0 && engine->part[i].memory_bytes == 0))
			continue;
		snprintf(error, ENGINE_ERROR_BYTES, "state.memory_mib: %s", why);
		return false;
	}
	taking.history_bytes = history_size_of(config, why, sizeof(why));
	if (taking.history_bytes == 0 && config->history_plan.steps > 0) {
		snprintf(error, ENGINE_ERROR_BYTES, "history.memory_mib: %s", why);
		return false;
	}
	sort_features(engine);
	return take_all(engine, config, answers, &taking);
}

void engine_keep_secret(struct engine *engine, struct hash128 secret)
{
	state_keep_secret(engine->state, secret);
	if (engine->verdicts)
		state_keep_secret(engine->verdicts, secret);
	if (engine->history)
		history_keep_secret(engine->history, secret);
	if (engine->repeats)
		repeats_keep_secret(engine->repeats, secret);
	sightings_keep_secret(engine->sightings, secret);
}

void engine_counters(const struct engine *engine, uint32_t first, uint32_t step,
		     struct state_counters *out)
{
	struct state_counters one;

	*out = (struct state_counters){ 0 };
	for (uint32_t shard = first; shard < engine->plan->shards; shard += step) {
		state_counters(engine->state, shard, &one);
		state_counters_add(out, &one);
		if (!engine->verdicts)
			continue;
		state_counters(engine->verdicts, shard, &one);
		state_counters_add(out, &one);
	}
}

void engine_history_counters(const struct engine *engine, uint32_t first, uint32_t step,
			     struct history_counters *out)
{
	struct history_counters one;

	*out = (struct history_counters){ 0 };
	for (uint32_t shard = first; engine->history && shard < engine->plan->shards;
	     shard += step) {
		history_counters(engine->history, shard, &one);
		out->entries += one.entries;
		out->rows += one.rows;
		out->evicted += one.evicted;
	}
}

static void add_number(struct digest *digest, uint64_t value)
{
	uint8_t little[8];

	for (int i = 0; i < 8; i++)
		little[i] = (uint8_t)(value >> (8 * i));
	digest_add(digest, little, sizeof(little));
}

static void add_entity(struct digest *digest, const struct entity_spec *entity)
{
	digest_add(digest, entity->name, strlen(entity->name) + 1);
	digest_add(digest, entity->key, sizeof(entity->key));
	digest_add(digest, entity->read, sizeof(entity->read));
	add_number(digest, entity->channels);
	add_number(digest, entity->history_max);
	add_number(digest, entity->decisions);
}

static void add_feature(struct digest *digest, const struct feature_spec *feature)
{
	add_number(digest, feature->kind);
	add_number(digest, feature->entity);
	add_number(digest, feature->of);
	add_number(digest, (uint64_t)feature->window_ns);
	add_number(digest, (uint64_t)feature->delay_ns);
}

/* Where its columns are found, too: under another order of the supplied features, what is
 * recorded has to be read anew. */
static void add_history(struct digest *digest, const struct history_plan *history)
{
	add_number(digest, history->steps);
	if (history->steps == 0)
		return;
	add_number(digest, history->memory_bytes);
	add_number(digest, history->missing);
	add_number(digest, history->columns);
	for (uint32_t i = 0; i < history->columns; i++) {
		digest_add(digest, history->names[i], strlen(history->names[i]) + 1);
		add_number(digest, history->of[i]);
	}
}

void engine_digest(const struct config *config, uint8_t out[DIGEST_BYTES])
{
	const struct feature_plan *plan = &config->plan;
	struct digest              digest;

	digest_init(&digest);
	add_number(&digest, STATE_KEYS_VERSION);
	add_number(&digest, plan->entities_count);
	for (uint32_t i = 0; i < plan->entities_count; i++)
		add_entity(&digest, &plan->entities[i]);
	add_number(&digest, plan->features_count);
	for (uint32_t i = 0; i < plan->features_count; i++)
		add_feature(&digest, &plan->features[i]);
	add_number(&digest, plan->shards);
	add_number(&digest, plan->memory_bytes);
	add_number(&digest, (uint64_t)plan->lateness_ns);
	add_number(&digest, config->labels.transactions_max);
	add_history(&digest, &config->history_plan);
	digest_end(&digest, out);
}

void *engine_take_pages(void *ctx, const char *name, size_t size_bytes, size_t align_bytes)
{
	void *memory = mmap(NULL, size_bytes, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)ctx, (void)name;
	assert(align_bytes <= 4096);
	if (memory == MAP_FAILED)
		return NULL;
	/* In a process that has locked its memory all of it would be there at once. */
	munlock(memory, size_bytes);
	if (mprotect(memory, size_bytes, PROT_READ | PROT_WRITE) < 0) {
		munmap(memory, size_bytes);
		return NULL;
	}
	madvise(memory, size_bytes, MADV_HUGEPAGE);
	return memory;
}
