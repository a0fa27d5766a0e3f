/* The reasons of a decision in words. */
#include <assert.h>
#include <string.h>

#include "runtime/reply/reply.h"
#include "runtime/reply/writer.h"

/* In a text, %a and %b are the reason's numbers and %f is the sentence of its row
 * in the failure table. */
/* clang-format off */
static const struct {
	const char *code;
	const char *text;
} words[DECIDED_CODE_COUNT] = {
	[DECIDED_SCORE_BELOW_REVIEW] = {
		"score_below_review", "score %a is below the review threshold %b" },
	[DECIDED_SCORE_REVIEW] = {
		"score_review", "score %a is at or above the review threshold %b" },
	[DECIDED_SCORE_DECLINE] = {
		"score_decline", "score %a is at or above the decline threshold %b" },
	[DECIDED_FAILURE] = {
		NULL, "%f" },
	[DECIDED_ALLOWED] = {
		"allowed", "a rule lets it through; score and other rules do not count" },
	[DECIDED_RULES] = {
		"rules", "rules ask for more caution than the score; rules that hit: %a" },
	[DECIDED_FEATURES_MISSING] = {
		"features_missing",
		"features the model uses that were not supplied: %a; it took its missing-value branches" },
};
/* clang-format on */

const char *reply_reason_code(const struct decision_reason *reason)
{
	assert(reason->code < DECIDED_CODE_COUNT);
	const char *code = words[reason->code].code;

	return code != NULL ? code : reason_row_of(reason->failure)->name;
}

const char *reply_severity(const struct decision_rule *rule)
{
	static const char *const severities[] = { "info", "low", "high", "critical" };

	assert(rule->severity < sizeof(severities) / sizeof(severities[0]));
	return severities[rule->severity];
}

size_t reply_reason_text(void *out, size_t capacity, const struct decision_reason *reason)
{
	struct writer writer = writer_of(out, capacity);

	assert(capacity >= REPLY_REASON_BYTES_MAX && reason->code < DECIDED_CODE_COUNT);
	for (const char *at = words[reason->code].text; *at != '\0'; at++) {
		size_t plain = strcspn(at, "%");

		write_raw(&writer, at, plain);
		at += plain;
		if (*at == '\0')
			break;
		at++;
		if (*at == 'f')
			write_words(&writer, reason_row_of(reason->failure)->meaning);
		else
			write_float(&writer, *at == 'a' ? reason->a : reason->b);
	}
	return writer.size;
}
