/* assayctl backtest: how another config, model or rule set would have decided. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/audit_print.h"
#include "firmware/ctl.h"
#include "firmware/replay.h"

#define RULES_SEEN_MAX 512
#define EXAMPLES_MAX   3 /* of each move */

static const char usage[] =
	"assayctl backtest --config NEW DIR [--cores N] [--json]\n\n"
	"Decides every payment of an audit directory with another config (its thresholds,\n"
	"model, rules, entities and features) and tells what would have changed: how many\n"
	"moved between decisions, with examples, and how often each rule is told then and now\n"
	"(a record tells its eight gravest).  Every stage runs, also where a deadline cut one\n"
	"off then.  Nothing is written.\n\n"
	"Example: assayctl backtest --config stricter.cfg /var/lib/assay/audit\n";

struct seen {
	char     id[47];
	uint64_t then, now;
};

struct view {
	uint64_t    moved[VERDICT_COUNT][VERDICT_COUNT];
	char        example[VERDICT_COUNT][VERDICT_COUNT][EXAMPLES_MAX][66];
	struct seen seen[RULES_SEEN_MAX];
	uint32_t    seen_count, seen_unsaid;
	uint64_t    score_same, score_count;
	double      score_shift;
};

static struct seen *seen_of(struct view *view, const struct decision_rule *rule)
{
	for (uint32_t i = 0; i < view->seen_count; i++)
		if (strlen(view->seen[i].id) == rule->id.size_bytes &&
		    memcmp(view->seen[i].id, rule->id.data, rule->id.size_bytes) == 0)
			return &view->seen[i];
	if (view->seen_count == RULES_SEEN_MAX) {
		view->seen_unsaid++;
		return NULL;
	}
	memcpy(view->seen[view->seen_count].id, rule->id.data, rule->id.size_bytes);
	return &view->seen[view->seen_count++];
}

static void count_rules(struct view *view, const struct decision *decision, bool now)
{
	for (uint8_t i = 0; i < decision->rules_count; i++) {
		struct seen *seen = seen_of(view, &decision->rules[i]);

		if (seen)
			*(now ? &seen->now : &seen->then) += 1;
	}
}

static bool each(void *ctx, const struct replay_pair *pair)
{
	struct view           *view = ctx;
	const struct decision *then = &pair->then->decision, *now;
	uint64_t               n;

	if (pair->kind != AUDIT_DECISION)
		return true;
	now = &pair->now->work.decision;
	n   = view->moved[then->verdict][now->verdict]++;
	if (then->verdict != now->verdict && n < EXAMPLES_MAX)
		memcpy(view->example[then->verdict][now->verdict][n],
		       pair->then->transaction.id.data, pair->then->transaction.id.size_bytes);
	count_rules(view, then, false);
	count_rules(view, now, true);
	view->score_count++;
	view->score_shift += (double)now->score - (double)then->score;
	view->score_same += then->score == now->score;
	return true;
}

static int by_change(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;
	int64_t            one   = llabs((int64_t)a->now - (int64_t)a->then);
	int64_t            other = llabs((int64_t)b->now - (int64_t)b->then);

	return one != other ? (one < other) - (one > other) : strcmp(a->id, b->id);
}

static void print_table(const struct view *view)
{
	printf("decisions, then (rows) and now (columns)\n%12s", "");
	for (int now = 0; now < VERDICT_COUNT; now++)
		printf("%12s", verdict_name((enum verdict)now));
	putchar('\n');
	for (int then = 0; then < VERDICT_COUNT; then++) {
		printf("%12s", verdict_name((enum verdict)then));
		for (int now = 0; now < VERDICT_COUNT; now++)
			printf("%12" PRIu64, view->moved[then][now]);
		putchar('\n');
	}
	printf("\nexamples of what moved\n");
	for (int then = 0; then < VERDICT_COUNT; then++)
		for (int now = 0; now < VERDICT_COUNT; now++)
			for (int i = 0; then != now && i < EXAMPLES_MAX; i++)
				if (view->example[then][now][i][0])
					printf("  %-8s -> %-8s  %s\n",
					       verdict_name((enum verdict)then),
					       verdict_name((enum verdict)now),
					       view->example[then][now][i]);
	printf("\n%-46s %10s %10s %10s\n", "rule", "then", "now", "change");
	for (uint32_t i = 0; i < view->seen_count; i++)
		printf("%-46s %10" PRIu64 " %10" PRIu64 " %+10" PRId64 "\n", view->seen[i].id,
		       view->seen[i].then, view->seen[i].now,
		       (int64_t)(view->seen[i].now - view->seen[i].then));
	if (view->seen_unsaid)
		printf("and hits of further rules: %u\n", view->seen_unsaid);
	if (view->score_count)
		printf("\nscores the same: %" PRIu64 " of %" PRIu64 ", mean shift %+.6f\n",
		       view->score_same, view->score_count,
		       view->score_shift / (double)view->score_count);
}

static void print_examples(const char examples[EXAMPLES_MAX][66])
{
	for (int i = 0; i < EXAMPLES_MAX && examples[i][0]; i++) {
		if (i > 0)
			putchar(',');
		audit_print_text(bytes_of(examples[i], strlen(examples[i])));
	}
}

static void print_json(const struct view *view)
{
	const char *comma = "";

	printf("{\"moved\":[");
	for (int then = 0; then < VERDICT_COUNT; then++)
		for (int now = 0; now < VERDICT_COUNT; now++) {
			printf("%s{\"then\":\"%s\",\"now\":\"%s\",\"count\":%" PRIu64
			       ",\"examples\":[",
			       comma, verdict_name((enum verdict)then),
			       verdict_name((enum verdict)now), view->moved[then][now]);
			print_examples(view->example[then][now]);
			fputs("]}", stdout);
			comma = ",";
		}
	printf("],\"rules\":[");
	comma = "";
	for (uint32_t i = 0; i < view->seen_count; i++) {
		printf("%s{\"id\":\"%s\",\"then\":%" PRIu64 ",\"now\":%" PRIu64 "}", comma,
		       view->seen[i].id, view->seen[i].then, view->seen[i].now);
		comma = ",";
	}
	printf("],\"hits_of_further_rules\":%u,\"scores\":{\"same\":%" PRIu64 ",\"count\":%" PRIu64
	       ",\"mean_shift\":%.9g}}\n",
	       view->seen_unsaid, view->score_same, view->score_count,
	       view->score_count ? view->score_shift / (double)view->score_count : 0.0);
}

static bool parse(int argc, char **argv, struct replay_options *options, bool *json)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			options->config_path = argv[++i];
		else if (strcmp(argv[i], "--cores") == 0 && i + 1 < argc)
			options->cores = ctl_cores(argv[++i]);
		else if (strcmp(argv[i], "--json") == 0)
			*json = true;
		else if (argv[i][0] != '-' && !options->directory)
			options->directory = argv[i];
		else
			return false;
	}
	return options->directory && options->config_path && options->cores > 0;
}

int ctl_backtest(int argc, char **argv)
{
	struct view          *view    = calloc(1, sizeof(*view));
	struct replay_options options = { .cores = 1, .each = each, .ctx = view };
	struct replay_result  result;
	char                  error[REPLAY_ERROR_BYTES];
	bool                  json   = false;
	int                   status = 2;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		status = 0;
	} else if (!view || !parse(argc, argv, &options, &json)) {
		fputs(usage, stderr);
	} else if (!replay_run(&options, &result, error)) {
		fprintf(stderr, "assayctl backtest: %s: %s\n", options.directory, error);
	} else {
		qsort(view->seen, view->seen_count, sizeof(view->seen[0]), by_change);
		(json ? print_json : print_table)(view);
		status = 0;
	}
	free(view);
	return status;
}
