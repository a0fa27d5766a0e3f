/* Entities and computed features: what their rows cannot say, and the parts of
 * struct feature_plan that follow. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/check.h"

#define SECOND_NS         INT64_C(1000000000)
#define DAY_NS            (86400 * SECOND_NS)
#define WINDOW_DEFAULT_NS (7 * DAY_NS)

/* What a kind needs; what it does not need must be left out. */
enum need {
	NEEDS_ENTITY    = 1 << 0,
	NEEDS_WINDOW    = 1 << 1, /* takes a delay as well */
	NEEDS_OF        = 1 << 2,
	NEEDS_DECISIONS = 1 << 3, /* of its entity */
	NEEDS_HOURS     = 1 << 4,
};

#define WINDOWED (NEEDS_ENTITY | NEEDS_WINDOW)

static const uint8_t needs[FEATURE_KIND_COUNT] = {
	[FEATURE_COUNT]       = WINDOWED,
	[FEATURE_SUM]         = WINDOWED,
	[FEATURE_MEAN]        = WINDOWED,
	[FEATURE_MIN]         = WINDOWED,
	[FEATURE_MAX]         = WINDOWED,
	[FEATURE_STDDEV]      = WINDOWED,
	[FEATURE_DISTINCT]    = WINDOWED | NEEDS_OF,
	[FEATURE_ZSCORE]      = WINDOWED,
	[FEATURE_RATIO]       = WINDOWED,
	[FEATURE_SINCE_LAST]  = NEEDS_ENTITY,
	[FEATURE_SINCE_FIRST] = NEEDS_ENTITY,
	[FEATURE_FRAUDS]      = WINDOWED,
	[FEATURE_FRAUD_RATE]  = WINDOWED,
	[FEATURE_LABELLED]    = WINDOWED,
	[FEATURE_DECLINES]    = WINDOWED | NEEDS_DECISIONS,
	[FEATURE_REVIEWS]     = WINDOWED | NEEDS_DECISIONS,
	[FEATURE_HOURS]       = NEEDS_HOURS,
};

/* The place of an entity, or PLAN_NO_ENTITY. */
static uint8_t find_entity(const struct feature_plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->entities_count; i++)
		if (strcmp(plan->entities[i].name, name) == 0)
			return (uint8_t)i;
	return PLAN_NO_ENTITY;
}

__attribute__((format(printf, 5, 6))) static void fault(const struct check *check, const char *list,
							uint32_t index, const char *rest,
							const char *format, ...)
{
	va_list words;
	char    key[64], sentence[512];

	snprintf(key, sizeof(key), "%s[%u].%s", list, index, rest);
	va_start(words, format);
	vsnprintf(sentence, sizeof(sentence), format, words);
	va_end(words);
	errors_add(check->errors, check_element_line(check, list, index), key, "%s", sentence);
}

static uint32_t fields_of(const uint8_t fields[PLAN_KEY_FIELDS_MAX])
{
	uint32_t count = 0;

	while (count < PLAN_KEY_FIELDS_MAX && fields[count] != FIELD_NONE)
		count++;
	return count;
}

static bool has_twice(const uint8_t *fields, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		if (memchr(fields, fields[i], i) != NULL)
			return true;
	return false;
}

static void check_entity(const struct check *check, uint32_t index)
{
	const struct entity_spec *entity = &check->config->plan.entities[index];
	uint32_t                  key = fields_of(entity->key), read = fields_of(entity->read);
	bool                      of_account = key == 1 && entity->key[0] == FIELD_ACCOUNT &&
			  (read == 0 || entity->read[0] == FIELD_ACCOUNT);

	if (has_twice(entity->key, key))
		fault(check, "entities", index, "key", "has a field twice, must have it once");
	if (has_twice(entity->read, read))
		fault(check, "entities", index, "read", "has a field twice, must have it once");
	if (read > 0 && read != key)
		fault(check, "entities", index, "read",
		      "has %u of the %u fields of key, must have as many or none", read, key);
	if (entity->decisions && !of_account)
		fault(check, "entities", index, "decisions",
		      "is true, must be false unless key is ( \"account\" )");
}

/* The account's owner collects what was decided, so one entity can keep it. */
static void check_decisions(const struct check *check)
{
	const struct feature_plan *plan  = &check->config->plan;
	uint32_t                   first = 0;

	while (first < plan->entities_count && !plan->entities[first].decisions)
		first++;
	for (uint32_t i = first + 1; i < plan->entities_count; i++)
		if (plan->entities[i].decisions)
			fault(check, "entities", i, "decisions",
			      "is true, must be false, as it is true for \"%s\"",
			      plan->entities[first].name);
}

static void print_names(const struct feature_plan *plan, char *out, size_t out_bytes)
{
	size_t used = 0;

	snprintf(out, out_bytes, "the name of an entity, and there is none");
	for (uint32_t i = 0; i < plan->entities_count && used < out_bytes; i++)
		used += (size_t)snprintf(out + used, out_bytes - used, "%s%s",
					 i == 0 ? "one of " : ", ", plan->entities[i].name);
}

static void check_entity_of(const struct check *check, uint32_t index, uint8_t need)
{
	const struct feature_plan *plan = &check->config->plan;
	enum feature_kind          kind = (enum feature_kind)plan->features[index].kind;
	const char                *name = check->config->computed_entity[index];
	uint8_t                    at   = find_entity(plan, name);
	char                       names[400];

	if (!(need & NEEDS_ENTITY)) {
		if (name[0] != '\0')
			fault(check, "computed", index, "entity",
			      "is \"%s\", must be empty for this kind", name);
		return;
	}
	if (at == PLAN_NO_ENTITY) {
		print_names(plan, names, sizeof(names));
		fault(check, "computed", index, "entity", "is \"%s\", must be %s", name, names);
	} else if ((need & NEEDS_DECISIONS) && !plan->entities[at].decisions) {
		fault(check, "computed", index, "entity",
		      "is \"%s\", must be an entity with decisions = true for this kind", name);
	} else if (plan_is_money(kind) && !plan_has_one_currency(&plan->entities[at])) {
		fault(check, "computed", index, "entity",
		      "is \"%s\", must be an entity with \"currency\" in its key (at the same "
		      "place "
		      "in read, if any) for the kind %s: amounts of two currencies have no sum",
		      name, feature_kind_name(kind));
	}
}

static void check_computed(const struct check *check, uint32_t index)
{
	const struct feature_spec *spec = &check->config->plan.features[index];
	const char                *kind = feature_kind_name((enum feature_kind)spec->kind);
	uint8_t                    need = needs[spec->kind];
	bool                       of   = spec->of != FIELD_NONE;

	check_entity_of(check, index, need);
	if (of != ((need & NEEDS_OF) != 0))
		fault(check, "computed", index, "of",
		      of ? "is set, must be empty for the kind %s"
			 : "is empty, must be a field for the kind %s",
		      kind);
	if (!(need & NEEDS_WINDOW) && spec->window_ns != 0)
		fault(check, "computed", index, "window", "is set, must be empty for the kind %s",
		      kind);
	if (!(need & NEEDS_WINDOW) && spec->delay_ns != 0)
		fault(check, "computed", index, "delay", "is set, must be 0s for the kind %s",
		      kind);
	if (!(need & NEEDS_HOURS) && spec->hour_to != 0)
		fault(check, "computed", index, "hours", "is set, must be empty for the kind %s",
		      kind);
}

/* An entity keeps a count of different values for each field that is counted. */
static void check_distinct(const struct check *check)
{
	const struct config *config                    = check->config;
	uint64_t             fields[PLAN_ENTITIES_MAX] = { 0 }; /* bit sets of enum field */

	for (uint32_t i = 0; i < config->plan.features_count; i++) {
		uint8_t  at     = find_entity(&config->plan, config->computed_entity[i]);
		uint64_t before = at == PLAN_NO_ENTITY ? 0 : fields[at];

		if (at == PLAN_NO_ENTITY || config->plan.features[i].kind != FEATURE_DISTINCT)
			continue;
		fields[at] |= UINT64_C(1) << config->plan.features[i].of;
		if (fields[at] != before && __builtin_popcountll(fields[at]) > PLAN_DISTINCT_MAX)
			fault(check, "computed", i, "of",
			      "is another field of \"%s\", must be one of the %d that distinct "
			      "counts there already",
			      config->plan.entities[at].name, PLAN_DISTINCT_MAX);
	}
}

/* Supplied and computed features share one space of names. */
static void check_names(const struct check *check)
{
	const struct config *config = check->config;
	uint32_t             count  = config->features.count + config->plan.features_count;

	check_unique(check, "entities", ".name", config->plan.entities[0].name,
		     config->plan.entities_count, sizeof(config->plan.entities[0]));
	check_unique(check, "computed", ".name", config->plan.features[0].name,
		     config->plan.features_count, sizeof(config->plan.features[0]));
	for (uint32_t i = 0; i < config->plan.features_count; i++)
		for (uint32_t j = 0; j < config->features.count; j++)
			if (strcmp(config->plan.features[i].name, config->features.names[j]) == 0)
				fault(check, "computed", i, "name",
				      "is \"%s\" as features[%u] is, must differ from every "
				      "supplied feature",
				      config->plan.features[i].name, j);
	if (count > TRANSACTION_FEATURES_MAX)
		errors_add(check->errors, check_line(check, "computed"), "computed",
			   "has %u entries and features has %u, must be at most %u together",
			   config->plan.features_count, (unsigned)config->features.count,
			   TRANSACTION_FEATURES_MAX);
}

void check_plan(const struct check *check)
{
	const struct config *config = check->config;
	uint32_t             shards = config->state.shards;

	if ((shards & (shards - 1)) != 0)
		errors_add(check->errors, check_line(check, "state.shards"), "state.shards",
			   "is %u, must be a power of two", shards);
	for (uint32_t i = 0; i < config->plan.entities_count; i++)
		check_entity(check, i);
	check_decisions(check);
	for (uint32_t i = 0; i < config->plan.features_count; i++)
		check_computed(check, i);
	check_distinct(check);
	check_names(check);
}

static void fill_feature(struct config *config, uint32_t index)
{
	struct feature_spec *spec = &config->plan.features[index];
	uint8_t              need = needs[spec->kind];

	spec->entity = PLAN_NO_ENTITY;
	if (need & NEEDS_ENTITY)
		spec->entity = find_entity(&config->plan, config->computed_entity[index]);
	if ((need & NEEDS_WINDOW) && spec->window_ns == 0)
		spec->window_ns = WINDOW_DEFAULT_NS;
	if ((need & NEEDS_HOURS) && spec->hour_to == 0)
		spec->hour_to = 7;
}

void plan_fill(struct config *config)
{
	struct feature_plan *plan = &config->plan;

	plan->shards       = config->state.shards;
	plan->memory_bytes = (uint64_t)config->state.memory_mib << 20;
	plan->lateness_ns  = config->state.lateness_seconds * SECOND_NS;
	for (uint32_t i = 0; i < plan->entities_count; i++)
		if (fields_of(plan->entities[i].read) == 0)
			memcpy(plan->entities[i].read, plan->entities[i].key,
			       sizeof(plan->entities[i].read));
	for (uint32_t i = 0; i < plan->features_count; i++)
		fill_feature(config, i);
}

void config_feature_names(const struct config *config, struct feature_schema *out)
{
	*out = config->features;
	for (uint32_t i = 0;
	     i < config->plan.features_count && out->count < TRANSACTION_FEATURES_MAX; i++)
		memcpy(out->names[out->count++], config->plan.features[i].name,
		       sizeof(out->names[0]));
}
