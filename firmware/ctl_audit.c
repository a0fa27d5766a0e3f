/* assayctl audit verify | cat | digest DIR: the log for people and for other tools. */
#include "config/config.h"
#include "firmware/audit_log.h"
#include "firmware/audit_print.h"
#include "firmware/ctl.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_AFTER_SECONDS 2

struct options {
	const char *directory;
	bool        json;
	uint64_t    from;   /* first sequence to print */
	const char *config; /* NULL: none */
};

struct subcommand {
	const char *name;
	const char *help;
	bool        takes_json, takes_from, takes_config;
};

static const struct subcommand verify_command = {
	.name = "verify",
	.help = "Check every record of an audit log: hashes, chain, order.  Exit 0: the log is\n"
		"intact; 1: it is not, and the place is named; 2: it could not be read.\n"
		"A tail that a power cut tore, never acknowledged, is reported and is no fault.\n",
	.takes_json = true,
};
static const struct subcommand cat_command = {
	.name = "cat",
	.help = "Print every verified record as one JSON object a line.  Exit 1 when the log\n"
		"does not verify; the records before the place are printed.\n"
		"With --config, features of records that this config decided are printed by "
		"name.\n",
	.takes_from   = true,
	.takes_config = true,
};
static const struct subcommand digest_command = {
	.name = "digest",
	.help = "Print the decision digest: SHA-256 over the decision parts of all decisions in\n"
		"sequence order.  Equal digests mean bit-identical decisions.\n",
	.takes_json = true,
};

static void usage(const struct subcommand *command, FILE *out)
{
	fprintf(out, "usage: assayctl audit %s%s%s%s DIR\n\n%s", command->name,
		command->takes_json ? " [--json]" : "",
		command->takes_from ? " [--from SEQUENCE]" : "",
		command->takes_config ? " [--config FILE]" : "", command->help);
}

/* -1: go on; else the exit status. */
static int parse(const struct subcommand *command, int argc, char **argv, struct options *options)
{
	static const struct option table[] = { { "help", no_argument, NULL, 'h' },
					       { "json", no_argument, NULL, 'j' },
					       { "from", required_argument, NULL, 'f' },
					       { "config", required_argument, NULL, 'c' },
					       { NULL, 0, NULL, 0 } };
	int                        c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c == 'h') {
			usage(command, stdout);
			return 0;
		}
		if (c == 'j' && command->takes_json) {
			options->json = true;
		} else if (c == 'c' && command->takes_config) {
			options->config = optarg;
		} else if (c == 'f' && command->takes_from) {
			if (!ctl_sequence(optarg, &options->from))
				c = '?';
		} else {
			c = '?';
		}
		if (c == '?') {
			usage(command, stderr);
			return 2;
		}
	}
	if (optind != argc - 1) {
		usage(command, stderr);
		return 2;
	}
	options->directory = argv[optind];
	return -1;
}

/* ---- progress on a terminal, when it takes long ---- */

struct progress {
	time_t started, shown;
};

static void show_progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
	struct progress *progress = context;
	time_t           now      = time(NULL);

	if (now - progress->started < PROGRESS_AFTER_SECONDS || now == progress->shown)
		return;
	progress->shown = now;
	fprintf(stderr, "\r%3" PRIu64 " %%  %" PRIu64 " of %" PRIu64 " MiB",
		all_bytes ? done_bytes * 100 / all_bytes : 100, done_bytes >> 20, all_bytes >> 20);
}

static void end_progress(const struct progress *progress)
{
	if (progress->shown != 0)
		fputs("\r\033[K", stderr);
}

/* 0: verified, 1: broken, 2: could not be read.  Nothing is said here. */
static int walk(const char *directory, const struct audit_log_visitor *visitor,
		struct audit_log_report *report)
{
	struct disk_real real;
	int              error = disk_real_open(&real, directory, false);

	if (error < 0) {
		fprintf(stderr, "assayctl audit: %s: %s\n", directory, strerrordesc_np(-error));
		return 2;
	}
	audit_log_verify(&real.disk, visitor, report);
	disk_real_close(&real);
	return report->intact ? 0 : 1;
}

static int walk_shown(const char *directory, struct audit_log_report *report)
{
	struct progress          progress = { .started = time(NULL) };
	struct audit_log_visitor visitor  = { .context = &progress };
	int                      status;

	if (isatty(STDERR_FILENO))
		visitor.progress = show_progress;
	status = walk(directory, &visitor, report);
	end_progress(&progress);
	return status;
}

/* ---- cat ---- */

struct cat {
	uint64_t                  from;
	const struct audit_names *names; /* NULL: by index */
	bool                      undecodable;
};

static bool print_record(void *context, const struct audit_record *record)
{
	static struct audit_decoded decoded;
	struct cat                 *cat = context;

	if (record->sequence < cat->from)
		return true;
	if (!audit_decode(record, &decoded)) {
		cat->undecodable = true;
		fprintf(stderr,
			"assayctl audit: record %" PRIu64 " verifies but is not laid out as "
			"this build expects\n",
			record->sequence);
		return true;
	}
	audit_print_record(record, &decoded, cat->names);
	return !ferror(stdout);
}

/* ---- the subcommands ---- */

static void print_report_json(const struct audit_log_report *report)
{
	printf("{\"intact\":%s,\"segments\":%" PRIu64 ",\"records\":%" PRIu64
	       ",\"decisions\":%" PRIu64 ",\"kinds\":{",
	       report->intact ? "true" : "false", report->segments, report->records,
	       report->decisions);
	for (enum audit_kind kind = AUDIT_NONE + 1; kind < AUDIT_KIND_COUNT; kind++)
		printf("%s\"%s\":%" PRIu64, kind > AUDIT_NONE + 1 ? "," : "", audit_kind_name(kind),
		       report->kinds[kind]);
	printf("},\"first_sequence\":%" PRIu64 ",\"last_sequence\":%" PRIu64 ",\"bytes\":%" PRIu64
	       ",\"torn_bytes\":%" PRIu64,
	       report->first_sequence, report->last_sequence, report->bytes, report->torn_bytes);
	audit_print_digest("anchor_hash", report->anchor_hash);
	audit_print_digest("last_hash", report->last_hash);
	audit_print_digest("decision_digest", report->decision_digest);
	fputs(",\"broken\":", stdout);
	audit_print_text(bytes_of(report->broken, strlen(report->broken)));
	fputs("}\n", stdout);
}

/* "12 decision, 1 start": those there are. */
static void print_kinds(const struct audit_log_report *report)
{
	const char *between = "";

	for (enum audit_kind kind = AUDIT_NONE + 1; kind < AUDIT_KIND_COUNT; kind++) {
		if (report->kinds[kind] == 0)
			continue;
		printf("%s%" PRIu64 " %s", between, report->kinds[kind], audit_kind_name(kind));
		between = ", ";
	}
}

static void print_report(const struct audit_log_report *report)
{
	char hex[2 * DIGEST_BYTES + 1];

	digest_hex(report->last_hash, hex);
	printf("%s: %" PRIu64 " records (%" PRIu64 " decisions) in %" PRIu64 " segments, sequence "
	       "%" PRIu64 " to %" PRIu64 "\n",
	       report->intact ? "intact" : "BROKEN", report->records, report->decisions,
	       report->segments, report->first_sequence, report->last_sequence);
	if (report->records > 0) {
		fputs("records: ", stdout);
		print_kinds(report);
		putchar('\n');
	}
	printf("last hash %s\n", hex);
	if (report->torn_bytes > 0)
		printf("a torn tail of %" PRIu64 " bytes follows; none of it was acknowledged as "
		       "durable\n",
		       report->torn_bytes);
	if (!report->intact)
		printf("%s\n", report->broken);
}

int ctl_audit_verify(int argc, char **argv)
{
	struct options          options = { 0 };
	struct audit_log_report report;
	int                     status = parse(&verify_command, argc, argv, &options);

	if (status >= 0)
		return status;
	status = walk_shown(options.directory, &report);
	if (status == 2)
		return status;
	if (options.json)
		print_report_json(&report);
	else
		print_report(&report);
	return status;
}

/* The names of a config's features.  False when it cannot be read, which is said. */
static bool load_names(const char *path, struct audit_names *names)
{
	static struct config       config;
	static struct config_error errors;

	if (!config_load(path, &config, &errors)) {
		config_errors_print(&errors, path);
		return false;
	}
	config_digest(&config, names->config);
	names->supplied = &config.features;
	names->computed = &config.plan;
	return true;
}

int ctl_audit_cat(int argc, char **argv)
{
	struct options           options = { 0 };
	struct audit_names       names   = { 0 };
	struct cat               cat     = { 0 };
	struct audit_log_visitor visitor = { .each = print_record, .context = &cat };
	struct audit_log_report  report;
	int                      status = parse(&cat_command, argc, argv, &options);

	if (status >= 0)
		return status;
	if (options.config != NULL && !load_names(options.config, &names))
		return 2;
	cat.from  = options.from;
	cat.names = options.config != NULL ? &names : NULL;
	status    = walk(options.directory, &visitor, &report);
	if (status == 1)
		fprintf(stderr, "assayctl audit: %s\n", report.broken);
	if (fflush(stdout) != 0 || ferror(stdout))
		return 2;
	return status == 0 && cat.undecodable ? 1 : status;
}

int ctl_audit_digest(int argc, char **argv)
{
	struct options          options = { 0 };
	struct audit_log_report report;
	char                    hex[2 * DIGEST_BYTES + 1];
	int                     status = parse(&digest_command, argc, argv, &options);

	if (status >= 0)
		return status;
	status = walk_shown(options.directory, &report);
	if (status == 1)
		fprintf(stderr, "assayctl audit: %s\n", report.broken);
	if (status != 0)
		return status;
	if (report.torn_bytes > 0)
		fprintf(stderr, "assayctl audit: a torn tail of %" PRIu64 " bytes is not in it\n",
			report.torn_bytes);
	digest_hex(report.decision_digest, hex);
	if (options.json)
		printf("{\"decision_digest\":\"%s\",\"decisions\":%" PRIu64 "}\n", hex,
		       report.decisions);
	else
		printf("%s  %" PRIu64 " decisions\n", hex, report.decisions);
	return 0;
}
