#include "runtime/reply/reply.h"

#include <assert.h>
#include <string.h>

#include "runtime/reply/writer.h"

/* There is one when the model ran and what it gave was valid; whether it counted, where an
 * allow rule stands beside it, is another thing. */
static bool has_score(const struct decision *decision)
{
	for (size_t i = 0; i < decision->reasons_count; i++)
		if (decision->reasons[i].code == DECIDED_FAILURE &&
		    decision->reasons[i].failure == REASON_model_output_invalid)
			return false;
	return decision->stages_run >> STAGE_model & 1;
}

static void write_reasons(struct writer *writer, const struct decision *decision)
{
	char text[REPLY_REASON_BYTES_MAX];

	assert(decision->reasons_count <= DECISION_REASONS_MAX);
	write_name(writer, "reasons");
	write_words(writer, "[");
	for (size_t i = 0; i < decision->reasons_count; i++) {
		const struct decision_reason *reason = &decision->reasons[i];
		const char                   *code   = reply_reason_code(reason);

		write_separator(writer);
		write_words(writer, "{");
		write_name(writer, "code");
		write_word(writer, code);
		write_name(writer, "text");
		write_text(writer, text, reply_reason_text(text, sizeof(text), reason));
		write_words(writer, "}");
	}
	write_words(writer, "]");
}

static void write_rules(struct writer *writer, const struct decision *decision)
{
	assert(decision->rules_count <= DECISION_RULES_MAX);
	write_name(writer, "rules");
	write_words(writer, "[");
	for (size_t i = 0; i < decision->rules_count; i++) {
		const struct decision_rule *rule = &decision->rules[i];

		write_separator(writer);
		write_words(writer, "{");
		write_name(writer, "id");
		write_plain_text(writer, rule->id.data, rule->id.size_bytes);
		write_name(writer, "severity");
		write_word(writer, reply_severity(rule));
		write_name(writer, "decision");
		write_word(writer, verdict_name((enum verdict)rule->verdict));
		write_name(writer, "text");
		write_plain_text(writer, rule->text.data, rule->text.size_bytes);
		write_words(writer, "}");
	}
	write_words(writer, "]");
	if (decision->rules_hit > decision->rules_count) {
		write_name(writer, "rules_hit");
		write_u64(writer, decision->rules_hit);
	}
}

/* All zero: there is none. */
static void write_artefact(struct writer *writer, const char *name, const uint8_t *digest)
{
	static const uint8_t none[DIGEST_BYTES];

	write_name(writer, name);
	if (memcmp(digest, none, DIGEST_BYTES) == 0)
		write_words(writer, "null");
	else
		write_digest(writer, digest);
}

static void write_digests(struct writer *writer, const struct artefact_digests *digests)
{
	write_artefact(writer, "model", digests->model);
	write_artefact(writer, "ruleset", digests->rules);
	write_name(writer, "config");
	write_digest(writer, digests->config);
}

/* The audit record is chained before these are known, and an answer has to be made
 * again from its record after a crash, byte for byte.  They are in the histograms. */
static bool is_told(enum stage stage)
{
	return stage != STAGE_audit && stage != STAGE_commit && stage != STAGE_reply;
}

static void write_circumstance(struct writer *writer, const struct reply_circumstance *c)
{
	write_name(writer, "audit");
	write_words(writer, "{");
	write_name(writer, "sequence");
	write_u64(writer, c->audit_sequence);
	write_name(writer, "hash");
	write_digest(writer, c->audit_hash);
	write_words(writer, "}");
	write_name(writer, "ledger_ns");
	write_words(writer, "{");
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		if (c->ledger.stage_ns[i] == 0 || !is_told((enum stage)i))
			continue;
		write_name(writer, stage_name((enum stage)i));
		write_u64(writer, c->ledger.stage_ns[i]);
	}
	write_words(writer, "}");
}

static void write_decision(struct writer *writer, const struct reply_item *item)
{
	const struct decision *decision = item->decision;
	const char            *verdict  = verdict_name((enum verdict)decision->verdict);
	bool                   scored   = has_score(decision);

	write_words(writer, "{");
	write_name(writer, "id");
	write_text(writer, item->transaction->id.data, item->transaction->id.size_bytes);
	write_name(writer, "decision");
	write_word(writer, verdict);
	write_name(writer, "score");
	if (scored)
		write_float(writer, decision->score);
	else
		write_words(writer, "null");
	write_name(writer, "margin");
	if (scored)
		write_float(writer, decision->margin);
	else
		write_words(writer, "null");
	write_reasons(writer, decision);
	write_rules(writer, decision);
	write_digests(writer, item->digests);
	if (item->circumstance != NULL)
		write_circumstance(writer, item->circumstance);
	write_words(writer, "}");
}

size_t reply_decision(void *out, size_t capacity, const struct reply_item *item)
{
	struct writer writer = writer_of(out, capacity);

	assert(capacity >= REPLY_DECISION_BYTES_MAX);
	write_decision(&writer, item);
	assert(writer.size <= REPLY_DECISION_BYTES_MAX);
	return writer.size;
}

size_t reply_batch_of(void *out, size_t capacity, const struct bytes *answers, size_t count)
{
	struct writer writer = writer_of(out, capacity);

	assert(capacity >= REPLY_BATCH_BYTES_MAX(count));
	write_words(&writer, "{\"decisions\":[");
	for (size_t i = 0; i < count; i++) {
		assert(answers[i].size_bytes > 0);
		write_separator(&writer);
		write_raw(&writer, (const char *)answers[i].data, answers[i].size_bytes);
	}
	write_words(&writer, "]}");
	return writer.size;
}

static void write_member(struct writer *writer, const char *name, const char *text)
{
	assert(strlen(text) < 64);
	write_name(writer, name);
	write_text(writer, text, strlen(text));
}

size_t reply_version(void *out, size_t capacity, const struct reply_about *about)
{
	struct writer writer = writer_of(out, capacity);

	assert(capacity >= REPLY_VERSION_BYTES_MAX);
	write_words(&writer, "{");
	write_member(&writer, "name", about->name);
	write_member(&writer, "version", about->version);
	write_member(&writer, "build", about->build);
	write_digests(&writer, about->digests);
	write_words(&writer, "}");
	return writer.size;
}

size_t reply_health(void *out, size_t capacity, enum reason failure)
{
	struct writer writer  = writer_of(out, capacity);
	const char   *meaning = reason_row_of(failure)->meaning;

	assert(capacity >= REPLY_HEALTH_BYTES_MAX);
	write_words(&writer, "{");
	write_member(&writer, "status", failure == REASON_NONE ? "ok" : "unavailable");
	if (failure != REASON_NONE) {
		write_name(&writer, "text");
		write_text(&writer, meaning, strlen(meaning));
	}
	write_words(&writer, "}");
	return writer.size;
}
