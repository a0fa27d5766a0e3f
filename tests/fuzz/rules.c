/* Any bytes as a rules file: errors have their form, and what compiles runs on a few
 * inputs, twice with the same outcome, within the bounds of the outcome.  What follows
 * the first zero byte is laid over its lists: as their snapshot when it is one, else as
 * edits, saved and loaded again to the same bytes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LISTS_BYTES_MAX (4 << 20) /* of one input; a file may ask for more than is sane here */

static void must(bool good)
{
	if (!good)
		abort();
}

/* ---- the names there are */

static void add_feature(struct feature_plan *plan, const char *name, enum feature_kind kind)
{
	struct feature_spec *feature = &plan->features[plan->features_count++];

	snprintf(feature->name, sizeof(feature->name), "%s", name);
	feature->kind = kind;
}

static void make_names(struct feature_plan *plan, struct feature_schema *schema)
{
	add_feature(plan, "card_count_1h", FEATURE_COUNT);
	add_feature(plan, "card_sum_24h", FEATURE_SUM);
	add_feature(plan, "card_zscore_30d", FEATURE_ZSCORE);
	schema->count = 2;
	strcpy(schema->names[0], "risk");
	strcpy(schema->names[1], "odd name");
}

/* ---- inputs */

static void make_transaction(struct transaction *t, int number)
{
	memset(t, 0, sizeof(*t));
	t->time_ns           = INT64_C(1782909296000000000) * (number > 0);
	t->amount_minor      = number == 2 ? 999999999999999 : 5716 * number;
	t->currency_exponent = (uint8_t)(number + 1);
	memcpy(t->currency, "EUR", 3);
	t->channel = (uint8_t)(1 + number);
	if (number == 0)
		return;
	t->card.size_bytes = number == 1 ? 5 : 64;
	for (int i = 0; i < t->card.size_bytes; i++)
		t->card.data[i] = (char)("tok\xc3\xa4"[i % 5]);
	memcpy(t->merchant_country, "DE", 2);
	memcpy(t->merchant_category, "5411", 4);
	t->features_count = 2;
	t->features[0]    = number == 1 ? 0.25f : NAN;
	t->features[1]    = -3e38f;
	t->parties_count  = 1;
	t->parties[0]     = (struct party){ .role = PARTY_BENEFICIARY, .name.size_bytes = 140 };
	memset(t->parties[0].name.data, 'N', 140);
}

static void check_outcome(const struct rules *rules, const struct rules_outcome *out)
{
	must(out->verdict < VERDICT_COUNT && out->told <= DECISION_RULES_MAX);
	must(out->hit <= rules_count(rules) && out->told <= out->hit);
	for (uint8_t i = 0; i < out->told; i++) {
		must(out->rules[i].severity <= 3 && out->rules[i].verdict <= out->verdict);
		must(out->rules[i].text.size_bytes <= sizeof(out->rules[i].text.data));
		must(i == 0 || out->rules[i].severity <= out->rules[i - 1].severity);
	}
}

static void run(const struct rules *rules, const struct rules_lists *lists)
{
	static const double   values[3][3] = { { NAN, NAN, NAN },
					       { 12, 1234.5, 1e300 },
					       { 0, -1, -0.0 } };
	struct transaction    t;
	struct feature_values features = { .count = 3 };
	struct rules_input    input    = { .transaction = &t, .values = &features, .lists = lists };
	static struct rules_outcome one, two;

	for (int i = 0; i < 3; i++) {
		make_transaction(&t, i);
		memcpy(features.value, values[i], sizeof(values[i]));
		input.now_ns    = t.time_ns + i;
		input.model_ran = i > 0;
		input.score     = 0.5f;
		input.margin    = i == 2 ? INFINITY : -1;
		memset(&one, i, sizeof(one));
		rules_run(rules, &input, &one);
		check_outcome(rules, &one);
		rules_run(rules, &input, &two);
		must(memcmp(&one, &two, sizeof(one)) == 0);
	}
}

/* ---- lists */

struct buffer {
	uint8_t *data;
	size_t   size_bytes, room;
};

static bool append(void *ctx, struct bytes piece)
{
	struct buffer *buffer = ctx;

	if (piece.size_bytes > buffer->room - buffer->size_bytes)
		return false;
	memcpy(buffer->data + buffer->size_bytes, piece.data, piece.size_bytes);
	buffer->size_bytes += piece.size_bytes;
	return true;
}

/* Each edit: a byte that says what, one whose list, one how long, the value. */
static void edit(struct rules_lists *lists, struct bytes in)
{
	static const char *const names[] = { "a", "b", "snooze", "none" };

	for (size_t at = 0; at + 3 < in.size_bytes;) {
		const uint8_t   *p    = in.data + at;
		struct list_edit edit = { .remove = p[0] & 1, .expires_ns = p[0] };
		size_t           n    = p[2] % 8;

		n                    = n < in.size_bytes - at - 3 ? n : in.size_bytes - at - 3;
		edit.list.size_bytes = (uint16_t)strlen(names[p[1] % 4]);
		memcpy(edit.list.data, names[p[1] % 4], edit.list.size_bytes);
		edit.value.size_bytes = (uint16_t)n;
		memcpy(edit.value.data, p + 3, n);
		rules_list_edit(lists, &edit, p[0] / 2);
		at += 3 + n;
	}
}

static void check_lists(const struct rules *rules, struct rules_lists *lists,
			struct rules_lists *other, struct bytes in)
{
	struct rules_misfit misfit;
	static uint8_t      one[8 << 20], two[8 << 20];
	struct buffer       first  = { one, 0, sizeof(one) };
	struct buffer       second = { two, 0, sizeof(two) };
	struct failure      failure;

	if (!rules_lists_load(lists, in, &failure))
		edit(lists, in);
	if (!rules_lists_save(lists, append, &first))
		return;
	must(rules_lists_load(other, bytes_of(one, first.size_bytes), &failure));
	must(rules_lists_save(other, append, &second));
	must(first.size_bytes == second.size_bytes && memcmp(one, two, first.size_bytes) == 0);
	other = rules_lists_init(other, rules);
	must(rules_lists_fit(other, lists, 0, &misfit));
	must(rules_lists_adopt(other, lists, 0) == 0);
	second.size_bytes = 0;
	must(rules_lists_save(other, append, &second));
	must(first.size_bytes == second.size_bytes && memcmp(one, two, first.size_bytes) == 0);
}

static void *memory_of(size_t size_bytes)
{
	void *memory = aligned_alloc(RULES_ALIGN_BYTES, (size_bytes + RULES_ALIGN_BYTES - 1) /
								RULES_ALIGN_BYTES *
								RULES_ALIGN_BYTES);

	must(memory != NULL);
	return memory;
}

static void use(const struct rules_plan *plan, struct bytes edits)
{
	size_t        size_bytes  = rules_size(plan);
	struct rules *rules       = rules_build(plan, memory_of(size_bytes), size_bytes);
	size_t        lists_bytes = rules_lists_size(rules);

	if (lists_bytes <= LISTS_BYTES_MAX) {
		struct rules_lists *lists = rules_lists_init(memory_of(lists_bytes), rules);
		struct rules_lists *other = rules_lists_init(memory_of(lists_bytes), rules);

		run(rules, lists);
		check_lists(rules, lists, other, edits);
		run(rules, lists);
		free(lists);
		free(other);
	}
	free(rules);
}

static void check_errors(const struct rules_errors *errors)
{
	unsigned line, column;

	must(errors->count > 0 && errors->count <= RULES_ERRORS_MAX);
	for (uint32_t i = 0; i < errors->count; i++) {
		must(memchr(errors->lines[i], '\0', RULES_ERROR_BYTES) != NULL);
		must(sscanf(errors->lines[i], "%u:%u: ", &line, &column) == 2 && line && column);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct feature_plan   computed;
	static struct feature_schema supplied;
	static struct rules_errors   errors;
	struct rules_scope           scope = { .supplied = &supplied, .computed = &computed };
	const uint8_t               *zero  = size ? memchr(data, 0, size) : NULL;
	size_t                       text  = zero ? (size_t)(zero - data) : size;
	struct rules_plan           *plan;

	if (computed.features_count == 0)
		make_names(&computed, &supplied);
	if (rules_parse(bytes_of(data, text), &scope, &plan, &errors))
		use(plan, zero ? bytes_of(zero + 1, size - text - 1) : bytes_of("", 0));
	else
		check_errors(&errors);
	rules_free_plan(plan);
	return 0;
}
