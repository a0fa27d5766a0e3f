/* assayctl replay: decide an audit directory again, and compare every byte. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "firmware/ctl.h"
#include "firmware/replay.h"
#include "runtime/reply/reply.h"

static const char usage[] =
	"assayctl replay DIR [--cores N] [--to SEQUENCE] [--json]\n\n"
	"Decides every payment of an audit directory again, with the config, model and rules\n"
	"the log was decided with (DIR/artefacts), takes every label and list edit again, and\n"
	"compares the decision part of their records byte for byte; and every repeat with the\n"
	"decision it points at.  Explains the first difference field by field.  What a shadow\n"
	"said beside, times and places are not decided again: audit verify vouches for them.\n\n"
	"Exit status 0: every byte is the same; 1: something differs; 2: it cannot be done.\n\n"
	"Example: assayctl replay /var/lib/assay/audit --cores 4\n";

struct view {
	bool    explained, json, terminal;
	int64_t began_s, told_s;
};

/* ---- the first difference */

static void differ(const char *name, const char *then, const char *now)
{
	if (strcmp(then, now) != 0)
		printf("  %-24s then %-28s now %s\n", name, then, now);
}

static void differ_number(const char *name, double then, double now)
{
	char one[40], other[40];

	snprintf(one, sizeof(one), "%.17g", then);
	snprintf(other, sizeof(other), "%.17g", now);
	differ(name, one, other);
}

static void reason_words(char out[160], const struct decision *decision, uint8_t i)
{
	const struct decision_reason *reason = &decision->reasons[i];

	snprintf(out, 160, "(none)");
	if (i < decision->reasons_count)
		snprintf(out, 160, "%s (%.9g, %.9g)", reply_reason_code(reason), (double)reason->a,
			 (double)reason->b);
}

static void differ_reasons(const struct decision *then, const struct decision *now)
{
	for (uint8_t i = 0; i < then->reasons_count || i < now->reasons_count; i++) {
		char one[160], other[160], name[32];

		snprintf(name, sizeof(name), "reasons[%u]", i);
		reason_words(one, then, i);
		reason_words(other, now, i);
		differ(name, one, other);
	}
}

static void differ_rules(const struct decision *then, const struct decision *now)
{
	differ_number("rules_hit", then->rules_hit, now->rules_hit);
	for (uint8_t i = 0; i < then->rules_count || i < now->rules_count; i++) {
		char one[300] = "(none)", other[300] = "(none)", name[32];

		snprintf(name, sizeof(name), "rules[%u]", i);
		if (i < then->rules_count)
			snprintf(one, sizeof(one), "%.*s: %.*s", then->rules[i].id.size_bytes,
				 then->rules[i].id.data, then->rules[i].text.size_bytes,
				 then->rules[i].text.data);
		if (i < now->rules_count)
			snprintf(other, sizeof(other), "%.*s: %.*s", now->rules[i].id.size_bytes,
				 now->rules[i].id.data, now->rules[i].text.size_bytes,
				 now->rules[i].text.data);
		differ(name, one, other);
	}
}

static void explain_decision(const struct replay_pair *pair)
{
	const struct decision       *then = &pair->then->decision, *now = &pair->now->work.decision;
	const struct feature_values *a = &pair->then->values, *b = &pair->now->work.values;
	char                         name[PLAN_NAME_BYTES + 16];

	differ("decision", verdict_name((enum verdict)then->verdict),
	       verdict_name((enum verdict)now->verdict));
	differ_number("score", (double)then->score, (double)now->score);
	differ_number("margin", (double)then->margin, (double)now->margin);
	differ_number("stages_run", then->stages_run, now->stages_run);
	differ_number("features", a->count, b->count);
	for (uint16_t i = 0; i < a->count && i < b->count; i++) {
		snprintf(name, sizeof(name), "features[%u]", i);
		differ_number(name, a->value[i], b->value[i]);
	}
	differ_reasons(then, now);
	differ_rules(then, now);
	if (memcmp(&pair->then->artefacts, &pair->now->work.brain->digests,
		   sizeof(struct artefact_digests)) != 0)
		printf("  %-24s are others\n", "artefacts");
}

static void explain_label(const struct replay_pair *pair)
{
	differ("outcome", label_outcome_name(pair->then->label_outcome),
	       label_outcome_name(pair->now->label_outcome));
	differ_number("labelled_order", (double)pair->then->labelled_order,
		      (double)pair->now->labelled_order);
}

static const char *edit_outcome_name(enum reason outcome)
{
	return outcome == REASON_NONE ? "done" : reason_row_of(outcome)->name;
}

static void explain_list(const struct replay_pair *pair)
{
	differ("outcome", edit_outcome_name(pair->then->edit_outcome),
	       edit_outcome_name(pair->now->edit_outcome));
}

static void explain_repeat(const struct replay_pair *pair)
{
	differ_number("first_sequence", (double)pair->then->first_sequence,
		      (double)pair->first_sequence);
}

/* What a record is about, and what its kind has to differ in. */
static void explain(const struct replay_pair *pair)
{
	const struct audit_decoded *then = pair->then;
	const struct bytes          about =
                pair->kind == AUDIT_DECISION
				 ? bytes_of(then->transaction.id.data, then->transaction.id.size_bytes)
			 : pair->kind == AUDIT_LABEL
				 ? bytes_of(then->label.id.data, then->label.id.size_bytes)
			 : pair->kind == AUDIT_LIST
				 ? bytes_of(then->edit.list.data, then->edit.list.size_bytes)
				 : then->id;

	printf("record %" PRIu64 ", %s %.*s, differs:\n", pair->sequence,
	       pair->kind == AUDIT_DECISION ? "transaction" : audit_kind_name(pair->kind),
	       (int)about.size_bytes, (const char *)about.data);
	if (pair->kind != AUDIT_REPEAT)
		differ_number("order", (double)then->order, (double)pair->order);
	switch (pair->kind) {
	case AUDIT_DECISION: explain_decision(pair); break;
	case AUDIT_LABEL: explain_label(pair); break;
	case AUDIT_LIST: explain_list(pair); break;
	default: explain_repeat(pair); break;
	}
}

static bool each(void *ctx, const struct replay_pair *pair)
{
	struct view *view = ctx;

	if (!pair->same && !view->explained && !view->json)
		explain(pair);
	view->explained = view->explained || !pair->same;
	return true;
}

/* ---- progress */

static void progress(void *ctx, uint64_t done_bytes, uint64_t all_bytes)
{
	struct view *view  = ctx;
	int64_t      now_s = time(NULL);
	int          width = 40, full;

	if (now_s - view->began_s < 2 || now_s == view->told_s || all_bytes == 0)
		return;
	view->told_s = now_s;
	full         = (int)(done_bytes * (uint64_t)width / all_bytes);
	fprintf(stderr, "\r[%.*s%*s] %3d %%", full, "########################################",
		width - full, "", (int)(100 * done_bytes / all_bytes));
	if (!view->terminal)
		fputc('\n', stderr);
}

static void print(const struct replay_options *options, const struct replay_result *result,
		  bool json)
{
	char digest[2 * DIGEST_BYTES + 1];

	digest_hex(result->digest, digest);
	if (json) {
		printf("{\"decisions\":%" PRIu64 ",\"different\":%" PRIu64 ",\"labels\":%" PRIu64
		       ",\"edits\":%" PRIu64 ",\"repeats\":%" PRIu64
		       ",\"decision_digest\":\"%s\"}\n",
		       result->decisions, result->different, result->labels, result->edits,
		       result->repeats, digest);
		return;
	}
	printf("%s, decided again on %u core%s\n", options->directory, options->cores,
	       options->cores == 1 ? "" : "s");
	printf("  decisions        %12" PRIu64 "\n  different        %12" PRIu64
	       "\n  labels           %12" PRIu64 "\n  list edits       %12" PRIu64
	       "\n  repeats          %12" PRIu64 "\n  decision digest  %s\n",
	       result->decisions, result->different, result->labels, result->edits, result->repeats,
	       digest);
	printf("%s\n", result->different == 0 ? "every byte is the same" : "NOT the same");
}

bool ctl_sequence(const char *text, uint64_t *out)
{
	size_t digits = strspn(text, "0123456789");

	errno = 0;
	*out  = strtoull(text, NULL, 10);
	return digits > 0 && text[digits] == '\0' && errno == 0;
}

uint32_t ctl_cores(const char *text)
{
	return text[0] >= '1' && text[0] <= '8' && text[1] == '\0' ? (uint32_t)(text[0] - '0') : 0;
}

static bool parse(int argc, char **argv, struct replay_options *options, bool *json)
{
	bool valid = true;

	for (int i = 1; i < argc && valid; i++) {
		if (strcmp(argv[i], "--cores") == 0 && i + 1 < argc)
			options->cores = ctl_cores(argv[++i]);
		else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc)
			valid = ctl_sequence(argv[++i], &options->to_sequence);
		else if (strcmp(argv[i], "--json") == 0)
			*json = true;
		else if (argv[i][0] != '-' && !options->directory)
			options->directory = argv[i];
		else
			return false;
	}
	return valid && options->directory && options->cores > 0;
}

int ctl_replay(int argc, char **argv)
{
	struct view           view    = { .began_s = time(NULL), .terminal = isatty(2) };
	struct replay_options options = {
		.cores = 1, .each = each, .progress = progress, .ctx = &view
	};
	struct replay_result result;
	char                 error[REPLAY_ERROR_BYTES];

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (!parse(argc, argv, &options, &view.json)) {
		fputs(usage, stderr);
		return 2;
	}
	if (!replay_run(&options, &result, error)) {
		fprintf(stderr, "assayctl replay: %s: %s\n", options.directory, error);
		return 2;
	}
	if (view.told_s && view.terminal)
		fputc('\n', stderr);
	print(&options, &result, view.json);
	return result.different > 0;
}
