/* assayctl features: the feature vector of every transaction, computed by the engine. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "firmware/ctl.h"
#include "firmware/twin.h"
#include "runtime/base/time.h"

static const char usage[] =
	"assayctl features --config FILE [--csv] [--keys] [--history] [--cores N] [--verbose]\n"
	"                  < in > out.csv\n\n"
	"Prints the features of every transaction as CSV with a header: id, then those the\n"
	"caller supplies, then those the engine computes, in the order of the config.  A\n"
	"missing value is an empty cell.  Input is JSON lines as for assayctl decide, or with\n"
	"--csv a CSV file whose columns the config maps; its label column, if there is one,\n"
	"labels each transaction right behind it (features with a delay hide what a label\n"
	"would tell too early).  Transactions are taken in the order of the input, which has\n"
	"to be that of their times: what is later than state.lateness_seconds allows is left\n"
	"out of the histories, and standard error says of how many.\n\n"
	"--keys puts the time, card and account of each transaction between its id and its\n"
	"features, for config/recipe/train.py.\n"
	"--history prints instead of the features the window that a sequence model sees: the\n"
	"last history.steps rows of the account or card, oldest first.  Columns are called\n"
	"NAME@-1 for the payment before and so on, NAME@0 for this one; trees trained on them\n"
	"by these names are a sequence model, which model.file takes.\n"
	"--verbose says on standard error what the histories hold, and what their bounds cost:\n"
	"transactions merged, entities evicted, labels lost.\n\n"
	"Example: assayctl features --csv --config cards.cfg < cards.csv > features.csv\n";

static bool with_keys;

/* NAME@-6 of the seventh payment back, NAME@0 of this one. */
static void print_window_header(const struct history_plan *plan)
{
	for (uint32_t step = 0; step < plan->steps; step++)
		for (uint32_t i = 0; i < plan->columns; i++)
			printf(",%s@%d", plan->names[i], (int)step + 1 - (int)plan->steps);
	putchar('\n');
}

static void print_feature_header(const struct config *config)
{
	for (uint16_t i = 0; i < config->features.count; i++)
		printf(",%s", config->features.names[i]);
	for (uint32_t i = 0; i < config->plan.features_count; i++)
		printf(",%s", config->plan.features[i].name);
	putchar('\n');
}

/* `digits` tell any two values of its type apart: 9 of a float, 17 of a double. */
static void print_number(double value, int digits)
{
	putchar(',');
	if (!isnan(value))
		printf("%.*g", digits, value);
}

/* A cell with a comma or a quote is quoted (RFC 4180). */
static void print_cell(const char *data, size_t size_bytes)
{
	bool quoted = memchr(data, ',', size_bytes) || memchr(data, '"', size_bytes);

	if (quoted)
		putchar('"');
	for (size_t i = 0; i < size_bytes; i++) {
		if (data[i] == '"')
			putchar('"');
		putchar(data[i]);
	}
	if (quoted)
		putchar('"');
}

static void print_keys(const struct transaction *t)
{
	char time[TIME_TEXT_BYTES_MAX];

	time_print(t->time_ns, time);
	printf(",%s,", time);
	print_cell(t->card.data, t->card.size_bytes);
	putchar(',');
	print_cell(t->account.data, t->account.size_bytes);
}

static void print_header(const struct twin *twin)
{
	const struct config *config = twin->offline.config;

	fputs(with_keys ? "id,time,card,account" : "id", stdout);
	if (twin->windows)
		print_window_header(&config->history_plan);
	else
		print_feature_header(config);
}

static void print_features(const struct work *work)
{
	const struct transaction *t = work->transaction;

	for (uint16_t i = 0; i < t->features_count; i++)
		print_number((double)t->features[i], 9);
	for (uint16_t i = 0; i < work->values.count; i++)
		print_number(work->values.value[i], 17);
}

static void print_window(const struct history_plan *plan, const float *window)
{
	for (uint32_t i = 0; i < plan->steps * plan->columns; i++)
		print_number((double)window[i], 9);
}

static void decided(struct twin *twin, struct twin_line *line, const struct slot *slot)
{
	static bool               begun;
	const struct transaction *t = slot->work.transaction;

	(void)line;
	if (!begun)
		print_header(twin);
	begun = true;
	print_cell(t->id.data, t->id.size_bytes);
	if (with_keys)
		print_keys(t);
	if (slot->work.window)
		print_window(&twin->offline.config->history_plan, slot->work.window);
	else
		print_features(&slot->work);
	putchar('\n');
}

static bool own_option(struct twin_options *options, int argc, char **argv, int *at)
{
	(void)argc;
	if (strcmp(argv[*at], "--keys") == 0)
		with_keys = true;
	else if (strcmp(argv[*at], "--history") == 0)
		options->windows = true;
	else
		return false;
	return true;
}

int ctl_features(int argc, char **argv)
{
	struct twin_options options = { .name    = "features",
					.offline = { .cores = 1 },
					.decided = decided };
	int                 status  = twin_options_take(&options, argc, argv, usage, own_option);

	return status >= 0 ? status : twin_run(&options, stdin);
}
