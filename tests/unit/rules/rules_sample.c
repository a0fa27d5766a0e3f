#include "tests/unit/rules/rules_sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/time.h"
#include "tests/lib/default_plan.h"

int64_t rules_sample_time(const char *text)
{
	int64_t out = 0;

	if (time_parse(text, strlen(text), &out) != TIME_OK)
		abort();
	return out;
}

void rules_sample_init(struct rules_sample *sample)
{
	struct transaction *t = &sample->transaction;

	memset(sample, 0, sizeof(*sample));
	default_plan(&sample->computed);
	sample->supplied.count = 3;
	strcpy(sample->supplied.names[0], "risk");
	strcpy(sample->supplied.names[1], "device.age");
	strcpy(sample->supplied.names[2], "odd name");
	SAMPLE_TEXT(t->id, "t-1");
	SAMPLE_TEXT(t->card, "tok_Card9");
	SAMPLE_TEXT(t->merchant, "m-17");
	t->time_ns           = rules_sample_time("2026-07-01T12:34:56Z");
	t->amount_minor      = 5716;
	t->currency_exponent = 2;
	memcpy(t->currency, "EUR", 3);
	memcpy(t->merchant_category, "5411", 4);
	memcpy(t->merchant_country, "DE", 2);
	t->channel        = CHANNEL_CARD_NOT_PRESENT;
	t->features_count = 3;
	for (int i = 0; i < TRANSACTION_FEATURES_MAX; i++)
		t->features[i] = NAN;
	sample->values.count = (uint16_t)sample->computed.features_count;
	for (int i = 0; i < PLAN_FEATURES_MAX; i++)
		sample->values.value[i] = NAN;
	sample->input = (struct rules_input){ .transaction = t,
					      .values      = &sample->values,
					      .now_ns      = t->time_ns + 1000000000 };
}

static void *memory_of(size_t size_bytes)
{
	void *memory = aligned_alloc(RULES_ALIGN_BYTES, (size_bytes + 63) & ~(size_t)63);

	if (!memory)
		abort();
	memset(memory, 0xa5, size_bytes);
	return memory;
}

bool rules_sample_compile(struct rules_sample *sample, struct bytes text)
{
	struct rules_scope scope = { .supplied = &sample->supplied, .computed = &sample->computed };
	struct rules_plan *plan;
	size_t             size_bytes;

	if (!rules_parse(text, &scope, &plan, &sample->errors))
		return false;
	size_bytes    = rules_size(plan);
	sample->rules = rules_build(plan, memory_of(size_bytes), size_bytes);
	rules_free_plan(plan);
	sample->lists = rules_lists_init(memory_of(rules_lists_size(sample->rules)), sample->rules);
	sample->input.lists = sample->lists;
	return true;
}

void rules_sample_load(struct rules_sample *sample, const char *text)
{
	rules_sample_init(sample);
	if (rules_sample_compile(sample, bytes_of(text, strlen(text))))
		return;
	for (uint32_t i = 0; i < sample->errors.count; i++)
		fprintf(stderr, "%s\n", sample->errors.lines[i]);
	fprintf(stderr, "in:\n%s\n", text);
	abort();
}

void rules_sample_free(struct rules_sample *sample)
{
	free(sample->rules);
	free(sample->lists);
	sample->rules = NULL;
	sample->lists = NULL;
}

const struct rules_outcome *rules_sample_run(struct rules_sample *sample)
{
	rules_run(sample->rules, &sample->input, &sample->outcome);
	return &sample->outcome;
}

void rules_sample_set(struct rules_sample *sample, const char *feature, double value)
{
	sample->values.value[default_plan_at(&sample->computed, feature)] = value;
}

const struct decision_rule *rules_sample_hit(const struct rules_sample *sample, const char *id)
{
	for (uint8_t i = 0; i < sample->outcome.told; i++) {
		const struct decision_rule *rule = &sample->outcome.rules[i];

		if (rule->id.size_bytes == strlen(id) && memcmp(rule->id.data, id, strlen(id)) == 0)
			return rule;
	}
	return NULL;
}

enum reason rules_sample_edit(struct rules_sample *sample, const char *list, const char *value,
			      const char *until, bool remove)
{
	struct list_edit edit = { .remove     = remove,
				  .expires_ns = until ? rules_sample_time(until) : INT64_MAX };

	SAMPLE_TEXT(edit.list, list);
	SAMPLE_TEXT(edit.value, value);
	return rules_list_edit(sample->lists, &edit, sample->input.now_ns);
}
