/* runtime/reply: the answers as text, their worst sizes, and that yyjson reads
 * them back. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <yyjson.h>
#include <cmocka.h>

#include "runtime/reply/reply.h"
#include "tests/lib/sample.h"
#include "tests/lib/transaction_json.h"

#define ZERO16 "00000000000000000000000000000000"
#define ONES16 "01010101010101010101010101010101"

static char text[REPLY_BATCH_BYTES_MAX(3) + 1];

static void assert_json(const char *data, size_t n)
{
	yyjson_doc *doc = yyjson_read(data, n, 0);

	if (doc == NULL)
		fail_msg("not JSON: %.*s", (int)n, data);
	yyjson_doc_free(doc);
}

static struct decision some_decision(void)
{
	return (struct decision){ .verdict       = VERDICT_REVIEW,
				  .stages_run    = 1u << STAGE_model,
				  .score         = 0.75f,
				  .margin        = 1.0986123f,
				  .reasons_count = 2,
				  .reasons       = {
                                          { .code = DECIDED_SCORE_REVIEW, .a = 0.75f, .b = 0.5f },
                                          { .code = DECIDED_FEATURES_MISSING, .a = 2 } } };
}

static void one_decision(void **state)
{
	static const char expected[] =
		"{\"id\":\"p \\\"1\\\"\",\"decision\":\"review\",\"score\":0.75,"
		"\"margin\":1.0986123,\"reasons\":["
		"{\"code\":\"score_review\",\"text\":"
		"\"score 0.75 is at or above the review threshold 0.5\"},"
		"{\"code\":\"features_missing\",\"text\":"
		"\"features the model uses that were not supplied: 2; "
		"it took its missing-value branches\"}],\"rules\":[],"
		"\"model\":null,\"ruleset\":null,\"config\":\"" ONES16 ONES16 "\"";
	static const char rest[] =
		",\"audit\":{\"sequence\":18446744073709551615,\"hash\":\"" ZERO16 ZERO16 "\"},"
		"\"ledger_ns\":{\"decode\":1200,\"model\":4294967295}}";
	struct transaction        t        = { .id = { 5, "p \"1\"" } };
	struct decision           decision = some_decision();
	struct artefact_digests   digests  = { 0 };
	struct reply_circumstance c        = { .audit_sequence = UINT64_MAX };
	struct reply_item         item     = { &t, &decision, &digests, NULL };

	memset(digests.config, 1, DIGEST_BYTES);
	size_t n = reply_decision(text, sizeof(text), &item);

	assert_int_equal(n, sizeof(expected));
	assert_memory_equal(text, expected, sizeof(expected) - 1);
	assert_int_equal(text[n - 1], '}');
	/* The circumstance comes last and changes nothing before it. */
	c.ledger.stage_ns[STAGE_decode] = 1200;
	c.ledger.stage_ns[STAGE_model]  = UINT32_MAX;
	c.ledger.stage_ns[STAGE_audit]  = 1; /* these are known too late, and never told */
	c.ledger.stage_ns[STAGE_commit] = 1;
	c.ledger.stage_ns[STAGE_reply]  = 1;
	item.circumstance               = &c;
	n                               = reply_decision(text, sizeof(text), &item);
	assert_int_equal(n, sizeof(expected) - 1 + sizeof(rest) - 1);
	assert_memory_equal(text, expected, sizeof(expected) - 1);
	assert_memory_equal(text + sizeof(expected) - 1, rest, sizeof(rest) - 1);
	assert_json(text, n);
}

static struct decision_rule some_rule(const char *id, const char *words, uint8_t severity)
{
	struct decision_rule rule = { .severity = severity, .verdict = VERDICT_REVIEW };

	rule.id.size_bytes   = (uint16_t)strlen(id);
	rule.text.size_bytes = (uint16_t)strlen(words);
	memcpy(rule.id.data, id, rule.id.size_bytes);
	memcpy(rule.text.data, words, rule.text.size_bytes);
	return rule;
}

/* Rules that hit, with their count when it is more than are told, and their digest. */
static void rules_that_hit(void **state)
{
	static const char told[] =
		"\"rules\":[{\"id\":\"velocity\",\"severity\":\"high\",\"decision\":\"review\","
		"\"text\":\"11 payments\"},{\"id\":\"q\",\"severity\":\"info\","
		"\"decision\":\"decline\",\"text\":\"a \\\"b\\\" c\"}]";
	static const char       rest[]   = ",\"model\":null,\"ruleset\":\"" ONES16 ONES16 "\",";
	struct transaction      t        = { .id = { 1, "p" } };
	struct decision         decision = some_decision();
	struct artefact_digests digests  = { 0 };
	struct reply_item       item     = { &t, &decision, &digests, NULL };
	char                   *at;

	decision.rules[0]         = some_rule("velocity", "11 payments", 2);
	decision.rules[1]         = some_rule("q", "a \"b\"\nc", 0);
	decision.rules[1].verdict = VERDICT_DECLINE;
	decision.rules_count      = 2;
	decision.rules_hit        = 2;
	memset(digests.rules, 1, DIGEST_BYTES);
	text[reply_decision(text, sizeof(text), &item)] = '\0';
	assert_json(text, strlen(text));
	at = strstr(text, told);
	assert_non_null(at);
	assert_memory_equal(at + sizeof(told) - 1, rest, sizeof(rest) - 1);
	decision.rules_hit                              = 300;
	text[reply_decision(text, sizeof(text), &item)] = '\0';
	assert_json(text, strlen(text));
	at = strstr(text, told);
	assert_non_null(at);
	assert_memory_equal(at + sizeof(told) - 1, ",\"rules_hit\":300", 16);
}

/* A score that was never made is null, not 0. */
static void no_score(void **state)
{
	struct transaction      t        = { .id = { 1, "p" } };
	struct decision         decision = { .verdict       = VERDICT_DECLINE,
					     .reasons_count = 1,
					     .reasons       = { { .code    = DECIDED_FAILURE,
								  .failure = REASON_model_missing } } };
	struct artefact_digests digests  = { 0 };
	struct reply_item       item     = { &t, &decision, &digests, NULL };
	static const char       start[]  = "{\"id\":\"p\",\"decision\":\"decline\",\"score\":null,"
					   "\"margin\":null,\"reasons\":[{\"code\":\"model_missing\","
					   "\"text\":\"no model is loaded; a person must look\"}],";

	reply_decision(text, sizeof(text), &item);
	assert_memory_equal(text, start, sizeof(start) - 1);
}

/* Where an allow rule takes its effect away, the score is told all the same; where the model
 * gave no number, there is none, though it ran. */
static void score_that_does_not_count(void **state)
{
	struct transaction      t       = { .id = { 1, "p" } };
	struct decision         allowed = { .stages_run    = 1u << STAGE_model,
					    .score         = 0.75f,
					    .margin        = 1.0986123f,
					    .reasons_count = 1,
					    .reasons       = { { .code = DECIDED_ALLOWED } } };
	struct decision         invalid = { .verdict       = VERDICT_REVIEW,
					    .stages_run    = 1u << STAGE_model,
					    .reasons_count = 1,
					    .reasons       = { { .code = DECIDED_FAILURE,
								 .failure = REASON_model_output_invalid } } };
	struct artefact_digests digests = { 0 };
	struct reply_item       item    = { &t, &allowed, &digests, NULL };
	static const char       some[]  = "{\"id\":\"p\",\"decision\":\"approve\",\"score\":0.75,"
					  "\"margin\":1.0986123,";
	static const char       none[]  = "{\"id\":\"p\",\"decision\":\"review\",\"score\":null,"
					  "\"margin\":null,";

	reply_decision(text, sizeof(text), &item);
	assert_memory_equal(text, some, sizeof(some) - 1);
	item.decision = &invalid;
	reply_decision(text, sizeof(text), &item);
	assert_memory_equal(text, none, sizeof(none) - 1);
}

static void batches(void **state)
{
	struct transaction      t        = { .id = { 1, "p" } };
	struct decision         decision = some_decision();
	struct artefact_digests digests  = { 0 };
	struct reply_item       item     = { &t, &decision, &digests, NULL };
	char                    one[REPLY_DECISION_BYTES_MAX];
	size_t                  size = reply_decision(one, sizeof(one), &item);
	struct bytes answers[3] = { bytes_of(one, size), bytes_of(one, size), bytes_of(one, size) };

	for (size_t count = 1; count <= 3; count++) {
		size_t n = reply_batch_of(text, sizeof(text), answers, count);

		assert_json(text, n);
		assert_int_equal(n, 14 + count * size + (count - 1) + 2);
		assert_memory_equal(text + 14 + (count - 1) * (size + 1), one, size);
	}
}

/* The largest of everything fits: every row of the failure table in the longest
 * text, an id of quotes, every stage of the ledger. */
static void worst_sizes(void **state)
{
	struct transaction        t        = { .id = { sizeof(t.id.data), "" } };
	struct decision           decision = { .reasons_count = DECISION_REASONS_MAX,
					       .stages_run    = 1u << STAGE_model,
					       .score         = -1.1754944e-38f,
					       .margin        = -1.1754944e-38f };
	struct artefact_digests   digests;
	struct reply_circumstance c       = { .audit_sequence = UINT64_MAX };
	struct reply_item         item    = { &t, &decision, &digests, &c };
	size_t                    longest = 0, worst = 0;

	memset(t.id.data, 1, sizeof(t.id.data));
	memset(&digests, 0xff, sizeof(digests));
	memset(&c.ledger, 0xff, sizeof(c.ledger));
	decision.rules_count = DECISION_RULES_MAX;
	decision.rules_hit   = UINT16_MAX;
	for (size_t i = 0; i < DECISION_RULES_MAX; i++) {
		struct decision_rule *rule = &decision.rules[i];

		*rule = (struct decision_rule){ .severity = 3, .verdict = VERDICT_APPROVE };
		rule->id.size_bytes   = sizeof(rule->id.data);
		rule->text.size_bytes = sizeof(rule->text.data);
		memset(rule->id.data, '"', sizeof(rule->id.data));
		memset(rule->text.data, i % 2 ? '\\' : '"', sizeof(rule->text.data));
	}
	for (unsigned code = 0; code < DECIDED_CODE_COUNT; code++)
		for (unsigned failure = 0; failure < REASON_COUNT_ALL; failure++) {
			struct decision_reason reason = { (uint16_t)code, (uint16_t)failure,
							  -1.1754944e-38f, -1.1754944e-38f };
			char                   words[REPLY_REASON_BYTES_MAX];
			size_t size = reply_reason_text(words, sizeof(words), &reason);

			for (size_t i = 0; i < DECISION_REASONS_MAX; i++)
				decision.reasons[i] = reason;
			size_t n = reply_decision(text, REPLY_DECISION_BYTES_MAX, &item);

			assert_json(text, n);
			longest = size > longest ? size : longest;
			worst   = n > worst ? n : worst;
		}
	print_message("# longest reason %zu of %d bytes, longest answer %zu of %d\n", longest,
		      REPLY_REASON_BYTES_MAX, worst, REPLY_DECISION_BYTES_MAX);
	assert_true(worst < REPLY_DECISION_BYTES_MAX);
}

static void service_answers(void **state)
{
	struct artefact_digests digests   = { 0 };
	struct reply_about      about     = { "assay-1", "0.1.0", "abcdef", &digests };
	static const char       version[] = "{\"name\":\"assay-1\",\"version\":\"0.1.0\",\"build\":"
					    "\"abcdef\",\"model\":null,\"ruleset\":null,"
					    "\"config\":\"" ZERO16 ZERO16 "\"}";
	static const char       down[]    = "{\"status\":\"unavailable\","
					    "\"text\":\"the appliance is starting or stopping\"}";

	assert_int_equal(reply_version(text, sizeof(text), &about), sizeof(version) - 1);
	assert_memory_equal(text, version, sizeof(version) - 1);
	assert_int_equal(reply_health(text, sizeof(text), REASON_NONE), 15);
	assert_memory_equal(text, "{\"status\":\"ok\"}", 15);
	assert_int_equal(reply_health(text, sizeof(text), REASON_not_ready), sizeof(down) - 1);
	assert_memory_equal(text, down, sizeof(down) - 1);
	for (unsigned failure = 0; failure < REASON_COUNT_ALL; failure++)
		assert_json(text, reply_health(text, REPLY_HEALTH_BYTES_MAX, failure));
}

static void labels_and_edits(void **state)
{
	static const struct label labels[2]   = { { LABEL_FRAUD, { 3, "p-1" }, { 0, "" } },
						  { LABEL_NONE, { 2, "\"q" }, { 0, "" } } };
	static const uint8_t      outcomes[2] = { LABEL_APPLIED, LABEL_UNKNOWN };
	static const char         told[] = "{\"labels\":[{\"id\":\"p-1\",\"outcome\":\"applied\"},"
					   "{\"id\":\"\\\"q\",\"outcome\":\"unknown\"}]}";
	static const struct list_edit edits[2]   = { { false, 0, { 1, "l" }, { 1, "v" } },
						     { true, 0, { 1, "m" }, { 1, "w" } } };
	static const enum reason      refused[2] = { REASON_NONE, REASON_list_unknown };
	static const char             done[] =
		"{\"edits\":[{\"list\":\"l\",\"value\":\"v\",\"outcome\":\"applied\"},"
		"{\"list\":\"m\",\"value\":\"w\",\"outcome\":\"list_unknown\","
		"\"text\":\"the rules declare no list of this name\"}]}";

	assert_int_equal(reply_labels(text, sizeof(text), labels, outcomes, 2), sizeof(told) - 1);
	assert_memory_equal(text, told, sizeof(told) - 1);
	assert_int_equal(reply_list_edits(text, sizeof(text), edits, refused, 2), sizeof(done) - 1);
	assert_memory_equal(text, done, sizeof(done) - 1);
}

/* The largest label and edit fit, whatever their characters. */
static void worst_labels_and_edits(void **state)
{
	struct label     label;
	struct list_edit edit;
	uint8_t          outcome = LABEL_UNCHANGED;

	memset(&label, 1, sizeof(label));
	memset(&edit, 1, sizeof(edit));
	label.id.size_bytes   = sizeof(label.id.data);
	edit.list.size_bytes  = sizeof(edit.list.data);
	edit.value.size_bytes = sizeof(edit.value.data);
	assert_json(text, reply_labels(text, REPLY_LABELS_BYTES_MAX(1), &label, &outcome, 1));
	for (enum reason reason = 0; reason < REASON_COUNT_ALL; reason++)
		assert_json(text,
			    reply_list_edits(text, REPLY_EDITS_BYTES_MAX(1), &edit, &reason, 1));
}

/* The largest transaction: 256 features with names of 63 quotes. */
static void worst_transaction(void **state)
{
	static struct feature_schema schema;
	static struct transaction    t;
	static char                  out[TRANSACTION_JSON_BYTES_MAX];
	uint64_t                     seed = 1;

	schema.count = TRANSACTION_FEATURES_MAX;
	for (size_t i = 0; i < schema.count; i++)
		memset(schema.names[i], 1, 63);
	sample_transaction(&seed, &schema, &t);
	t.parties_count     = TRANSACTION_PARTIES_MAX;
	t.deadline_us       = DECODE_DEADLINE_US_MAX;
	t.device.size_bytes = t.payee.size_bytes = sizeof(t.device.data);
	memset(t.device.data, '"', sizeof(t.device.data));
	memset(t.payee.data, '"', sizeof(t.payee.data));
	for (size_t i = 0; i < TRANSACTION_PARTIES_MAX; i++) {
		struct party *party = &t.parties[i];

		party->role              = PARTY_ORIGINATOR;
		party->name.size_bytes   = sizeof(party->name.data);
		party->identifiers_count = TRANSACTION_IDENTIFIERS_MAX;
		memset(party->name.data, '"', sizeof(party->name.data));
		for (size_t j = 0; j < TRANSACTION_IDENTIFIERS_MAX; j++) {
			party->identifiers[j].scheme.size_bytes = 14;
			party->identifiers[j].value.size_bytes  = 46;
			memset(party->identifiers[j].scheme.data, '"', 14);
			memset(party->identifiers[j].value.data, '"', 46);
		}
	}
	for (size_t i = 0; i < schema.count; i++)
		t.features[i] = -1.1754944e-38f;
	size_t n = transaction_json(out, sizeof(out), &t, &schema);

	print_message("# longest transaction %zu of %d bytes\n", n, TRANSACTION_JSON_BYTES_MAX);
	assert_json(out, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_decision),
		cmocka_unit_test(no_score),
		cmocka_unit_test(score_that_does_not_count),
		cmocka_unit_test(rules_that_hit),
		cmocka_unit_test(labels_and_edits),
		cmocka_unit_test(worst_labels_and_edits),
		cmocka_unit_test(batches),
		cmocka_unit_test(worst_sizes),
		cmocka_unit_test(service_answers),
		cmocka_unit_test(worst_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
