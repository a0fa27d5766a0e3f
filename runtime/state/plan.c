#include "runtime/state/plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SHARDS_MAX       256
#define SHARE_OF_SLOTS   16 /* of a shard's bytes, at most one in so many */
#define SLOTS_MIN        (2 * PLAN_ENTITIES_MIN)
#define SLOTS_MAX        (UINT32_C(1) << 31)
#define SHARD_HEAD_BYTES ((sizeof(struct shard) + 63) / 64 * 64)
#define BITS_SLACK_BYTES 4096 /* last words of each level of each order */
#define UNITS_MAX        (UINT32_C(1) << 31)

static_assert(LAYOUT_ORDERS * BITS_LEVELS * 8 < BITS_SLACK_BYTES, "one word a level");

__attribute__((format(printf, 3, 4))) static bool refuse(char *error, size_t error_bytes,
							 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, error_bytes, format, arguments);
	va_end(arguments);
	return false;
}

static bool check_entity(const struct entity_spec *spec, char *error, size_t error_bytes)
{
	if (spec->history_max < LAYOUT_CELLS_MIN || spec->history_max > PLAN_HISTORY_MAX)
		return refuse(error, error_bytes,
			      "entity %.*s: history_max is %" PRIu32 "; %d to %d is allowed",
			      PLAN_NAME_BYTES, spec->name, spec->history_max, LAYOUT_CELLS_MIN,
			      PLAN_HISTORY_MAX);
	for (int i = 0; i < PLAN_KEY_FIELDS_MAX; i++)
		if (spec->key[i] >= FIELD_COUNT || spec->read[i] >= FIELD_COUNT)
			return refuse(error, error_bytes, "entity %.*s: a key is not a field",
				      PLAN_NAME_BYTES, spec->name);
	return true;
}

static bool check_feature(const struct feature_plan *plan, const struct feature_spec *spec,
			  char *error, size_t error_bytes)
{
	if (spec->kind >= FEATURE_KIND_COUNT || spec->of >= FIELD_COUNT ||
	    (spec->entity >= plan->entities_count && spec->kind < FEATURE_AMOUNT))
		return refuse(error, error_bytes, "feature %.*s: kind, field or entity is unknown",
			      PLAN_NAME_BYTES, spec->name);
	if (spec->window_ns < 0 || spec->window_ns > PLAN_WINDOW_NS_MAX || spec->delay_ns < 0 ||
	    spec->delay_ns > PLAN_WINDOW_NS_MAX)
		return refuse(error, error_bytes, "feature %.*s: window and delay are 0 to 90 days",
			      PLAN_NAME_BYTES, spec->name);
	return true;
}

static bool check_plan(const struct feature_plan *plan, char *error, size_t error_bytes)
{
	if (plan->shards == 0 || plan->shards > SHARDS_MAX || (plan->shards & (plan->shards - 1)))
		return refuse(error, error_bytes,
			      "shards is %" PRIu32 "; a power of two up to %d is allowed",
			      plan->shards, SHARDS_MAX);
	if (plan->lateness_ns < 0 || plan->lateness_ns > PLAN_WINDOW_NS_MAX)
		return refuse(error, error_bytes, "lateness is 0 to 90 days");
	if (plan->entities_count > PLAN_ENTITIES_MAX || plan->features_count > PLAN_FEATURES_MAX)
		return refuse(error, error_bytes, "at most %d entities and %d features",
			      PLAN_ENTITIES_MAX, PLAN_FEATURES_MAX);
	for (uint32_t i = 0; i < plan->entities_count; i++) {
		if (!check_entity(&plan->entities[i], error, error_bytes))
			return false;
	}
	for (uint32_t i = 0; i < plan->features_count; i++) {
		if (!check_feature(plan, &plan->features[i], error, error_bytes))
			return false;
	}
	return true;
}

static bool plan_layouts(struct state *state, char *error, size_t error_bytes)
{
	const struct feature_plan *plan = state->plan;

	for (uint32_t i = 0; i < plan->entities_count; i++) {
		struct layout *layout = &state->layouts[i];
		uint8_t        order  = 0;

		if (!layout_plan(layout, &state->windows, plan, (uint8_t)i))
			return refuse(error, error_bytes,
				      "entity %.*s: distinct counts of more than %d fields",
				      PLAN_NAME_BYTES, plan->entities[i].name, PLAN_DISTINCT_MAX);
		while (layout->capacity[order] < LAYOUT_CELLS_MIN)
			order++;
		if (order > state->order_min)
			state->order_min = order;
		if (layout->order_max > state->order_max)
			state->order_max = layout->order_max;
	}
	if (state->order_max < state->order_min)
		state->order_max = state->order_min;
	return true;
}

/* Slots, free blocks and units share a shard; each unit costs 64 bytes and less than two
 * and a half bits in each order's set together. */
static bool plan_shard(struct state *state, uint64_t shard_bytes)
{
	uint64_t slots = SLOTS_MIN, units, words = 0, fixed;

	while (slots < SLOTS_MAX && 2 * slots * sizeof(struct slot) * SHARE_OF_SLOTS <= shard_bytes)
		slots *= 2;
	fixed = SHARD_HEAD_BYTES + slots * sizeof(struct slot) + BITS_SLACK_BYTES;
	if (shard_bytes <= fixed)
		return false;
	units = (shard_bytes - fixed) * 16 / (16 * LAYOUT_UNIT_BYTES + 5);
	units = units < UNITS_MAX ? units : UNITS_MAX;
	for (int order = 0; order <= state->order_max; order++)
		bits_plan(&state->free[order], (uint32_t)(units >> order), &words);
	state->slots        = (uint32_t)slots;
	state->units        = (uint32_t)units;
	state->slots_at     = SHARD_HEAD_BYTES;
	state->bits_at      = state->slots_at + slots * sizeof(struct slot);
	state->bits_bytes   = words * 8;
	state->units_at     = (state->bits_at + state->bits_bytes + 63) / 64 * 64;
	state->shard_bytes  = state->units_at + units * LAYOUT_UNIT_BYTES;
	state->entities_max = (uint32_t)(units >> state->order_min);
	if (state->entities_max > slots / 2)
		state->entities_max = (uint32_t)(slots / 2);
	assert(state->shard_bytes <= shard_bytes);
	return state->entities_max >= PLAN_ENTITIES_MIN;
}

static void add_number(struct digest *digest, uint64_t number)
{
	digest_add(digest, &number, sizeof(number)); /* little-endian */
}

/* All that the contents of a state depend on; names do not. */
static void digest_plan(struct state *state)
{
	const struct feature_plan *plan = state->plan;
	struct digest              digest;

	digest_init(&digest);
	add_number(&digest, STATE_KEYS_VERSION);
	add_number(&digest, plan->shards);
	add_number(&digest, plan->memory_bytes);
	add_number(&digest, (uint64_t)plan->lateness_ns);
	add_number(&digest, plan->entities_count);
	add_number(&digest, plan->features_count);
	for (uint32_t i = 0; i < plan->entities_count; i++) {
		const struct entity_spec *spec = &plan->entities[i];

		digest_add(&digest, spec->key, sizeof(spec->key));
		digest_add(&digest, spec->read, sizeof(spec->read));
		add_number(&digest, spec->channels);
		add_number(&digest, spec->history_max);
		add_number(&digest, spec->decisions);
	}
	for (uint32_t i = 0; i < plan->features_count; i++) {
		const struct feature_spec *spec = &plan->features[i];

		add_number(&digest, spec->kind);
		add_number(&digest, spec->entity);
		add_number(&digest, spec->of);
		add_number(&digest, (uint64_t)spec->window_ns);
		add_number(&digest, (uint64_t)spec->delay_ns);
	}
	digest_end(&digest, state->plan_digest);
}

bool plan_state(struct state *state, const struct feature_plan *plan, char *error,
		size_t error_bytes)
{
	memset(state, 0, sizeof(*state));
	state->plan = plan;
	if (!check_plan(plan, error, error_bytes) || !plan_layouts(state, error, error_bytes))
		return false;
	if (plan->memory_bytes <= STATE_HEAD_BYTES ||
	    !plan_shard(state, (plan->memory_bytes - STATE_HEAD_BYTES) / plan->shards / 64 * 64))
		return refuse(error, error_bytes,
			      "memory of %" PRIu64 " bytes is too small: each of %" PRIu32
			      " shards needs room for %d entities of %d bytes and %zu bytes more",
			      plan->memory_bytes, plan->shards, PLAN_ENTITIES_MIN,
			      LAYOUT_UNIT_BYTES << state->order_min,
			      SHARD_HEAD_BYTES + SLOTS_MIN * sizeof(struct slot) +
				      BITS_SLACK_BYTES);
	digest_plan(state);
	return true;
}
