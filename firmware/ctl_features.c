/* assayctl features: the feature vector of every transaction, computed by the engine. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "firmware/ctl.h"
#include "firmware/twin.h"
#include "runtime/base/time.h"

static const char usage[] =
	"assayctl features --config FILE [--csv] [--keys] [--cores N] [--verbose]\n"
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
	"--verbose says on standard error what the histories hold, and what their bounds cost:\n"
	"transactions merged, entities evicted, labels lost.\n\n"
	"Example: assayctl features --csv --config cards.cfg < cards.csv > features.csv\n";

static bool with_keys;

static void print_header(const struct config *config)
{
	fputs(with_keys ? "id,time,card,account" : "id", stdout);
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

static void decided(struct twin *twin, struct twin_line *line, const struct slot *slot)
{
	static bool               begun;
	const struct transaction *t = slot->work.transaction;

	(void)line;
	if (!begun)
		print_header(twin->offline.config);
	begun = true;
	print_cell(t->id.data, t->id.size_bytes);
	if (with_keys)
		print_keys(t);
	for (uint16_t i = 0; i < t->features_count; i++)
		print_number((double)t->features[i], 9);
	for (uint16_t i = 0; i < slot->work.values.count; i++)
		print_number(slot->work.values.value[i], 17);
	putchar('\n');
}

static bool own_option(struct twin_options *options, int argc, char **argv, int *at)
{
	(void)options;
	(void)argc;
	with_keys = with_keys || strcmp(argv[*at], "--keys") == 0;
	return strcmp(argv[*at], "--keys") == 0;
}

int ctl_features(int argc, char **argv)
{
	struct twin_options options = { .name    = "features",
					.offline = { .cores = 1 },
					.decided = decided };
	int                 status  = twin_options_take(&options, argc, argv, usage, own_option);

	return status >= 0 ? status : twin_run(&options, stdin);
}
