/* assayctl: what people do with Assay from a command line.  A subcommand is one
 * row here and one function in a ctl_*.c file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "firmware/ctl.h"
#include "firmware/version.h"

struct subcommand {
	const char *group; /* "audit" in `assayctl audit verify`, or NULL */
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *words;
};

static const struct subcommand subcommands[] = {
	{ NULL, "decide", ctl_decide, "--config FILE < requests.jsonl",
	  "decide payments offline, with the appliance's own code" },
	{ NULL, "features", ctl_features, "--config FILE < transactions",
	  "print the features the engine computes for each transaction" },
	{ NULL, "replay", ctl_replay, "DIR",
	  "decide an audit directory again and compare every byte" },
	{ NULL, "backtest", ctl_backtest, "--config NEW DIR",
	  "tell how another config would have decided" },
	{ NULL, "snapshot", ctl_snapshot, "--config FILE", "make a snapshot of the histories now" },
	{ NULL, "score", ctl_score, "MODEL < features.csv",
	  "print a model's margin and probability for each row" },
	{ NULL, "status", ctl_status, "--config FILE ...",
	  "show what a running appliance is doing" },
	{ NULL, "reload", ctl_reload, "--config FILE ...",
	  "apply changed config, certificates, model and rules without a restart" },
	{ "audit", "verify", ctl_audit_verify, "DIR", "prove that an audit directory is unbroken" },
	{ "audit", "cat", ctl_audit_cat, "DIR", "print audit records as JSON lines" },
	{ "audit", "digest", ctl_audit_digest, "DIR", "print the decision digest" },
	{ "config", "default", ctl_config_default, "", "print the documented default config" },
	{ "config", "reference", ctl_config_reference, "", "print the config reference page" },
	{ "model", "explain", ctl_model_explain, "MODEL",
	  "print a model's layers as they run, their sizes and kernels" },
	{ "pki", "demo", ctl_pki_demo, "DIR",
	  "make a throw-away CA, server and client to try things out" },
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static void usage(FILE *out)
{
	char name[32];

	fputs("assayctl: work with Assay from a command line\n\n", out);
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		const struct subcommand *sub = &subcommands[i];

		snprintf(name, sizeof(name), "%s%s%s", sub->group ? sub->group : "",
			 sub->group ? " " : "", sub->name);
		fprintf(out, "  assayctl %-17s %-30s %s\n", name, sub->arguments, sub->words);
	}
	fputs("\nEach subcommand explains itself with --help.\n"
	      "Example: assayctl audit verify /var/lib/assay/audit\n",
	      out);
}

static const struct subcommand *find(int argc, char **argv, int *skip)
{
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		const struct subcommand *sub = &subcommands[i];

		*skip = sub->group ? 2 : 1;
		if (argc <= *skip || strcmp(argv[*skip], sub->name) != 0)
			continue;
		if (!sub->group || strcmp(argv[1], sub->group) == 0)
			return sub;
	}
	return NULL;
}

/* What a subcommand printed is its result: output that was not written is a failure
 * of the command, whatever the command itself thinks. */
static int said(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "assayctl: cannot write the output: %s\n", strerror(errno));
	return 2;
}

int main(int argc, char **argv)
{
	const struct subcommand *sub;
	int                      skip;

	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return said(0);
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("assayctl %s\n", assay_version());
		return said(0);
	}
	sub = find(argc, argv, &skip);
	if (!sub) {
		fprintf(stderr,
			"assayctl: there is no subcommand '%s%s%s'; assayctl --help lists them\n",
			argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
		return 2;
	}
	return said(sub->run(argc - skip, argv + skip));
}
