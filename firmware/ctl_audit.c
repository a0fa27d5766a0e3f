/* assayctl audit verify | cat | digest DIR: the log for people and for other tools. */
#include "firmware/audit_log.h"
#include "firmware/ctl.h"
#include "runtime/reply/reply.h"

#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_AFTER_SECONDS 2

struct options {
	const char *directory;
	bool        json;
	uint64_t    from; /* first sequence to print */
};

struct subcommand {
	const char *name;
	const char *help;
	bool        takes_json, takes_from;
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
		"does not verify; the records before the place are printed.\n",
	.takes_from = true,
};
static const struct subcommand digest_command = {
	.name = "digest",
	.help = "Print the decision digest: SHA-256 over the decision parts of all decisions in\n"
		"sequence order.  Equal digests mean bit-identical decisions.\n",
	.takes_json = true,
};

static void usage(const struct subcommand *command, FILE *out)
{
	fprintf(out, "usage: assayctl audit %s%s%s DIR\n\n%s", command->name,
		command->takes_json ? " [--json]" : "",
		command->takes_from ? " [--from SEQUENCE]" : "", command->help);
}

/* -1: go on; else the exit status. */
static int parse(const struct subcommand *command, int argc, char **argv, struct options *options)
{
	static const struct option table[] = { { "help", no_argument, NULL, 'h' },
					       { "json", no_argument, NULL, 'j' },
					       { "from", required_argument, NULL, 'f' },
					       { NULL, 0, NULL, 0 } };
	int                        c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		char *end = NULL;

		if (c == 'h') {
			usage(command, stdout);
			return 0;
		}
		if (c == 'j' && command->takes_json) {
			options->json = true;
		} else if (c == 'f' && command->takes_from) {
			options->from = strtoull(optarg, &end, 10);
			if (*optarg == '\0' || *end != '\0')
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

/* ---- JSON, written by hand because every type here is ours ---- */

/* The length of the UTF-8 character at `at` (RFC 3629), or 0. */
static size_t utf8_length(struct bytes text, size_t at)
{
	uint8_t first  = text.data[at];
	size_t  length = first < 0xc2   ? 0
			 : first < 0xe0 ? 2
			 : first < 0xf0 ? 3
			 : first < 0xf5 ? 4
					: 0;

	if (length == 0 || length > text.size_bytes - at)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text.data[at + i] & 0xc0) != 0x80)
			return 0;
	if ((first == 0xe0 && text.data[at + 1] < 0xa0) ||
	    (first == 0xed && text.data[at + 1] > 0x9f) ||
	    (first == 0xf0 && text.data[at + 1] < 0x90) ||
	    (first == 0xf4 && text.data[at + 1] > 0x8f))
		return 0;
	return length;
}

static void print_text(struct bytes text)
{
	putchar('"');
	for (size_t i = 0; i < text.size_bytes;) {
		uint8_t c      = text.data[i];
		size_t  length = c < 0x80 ? 1 : utf8_length(text, i);

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (length == 0)
			fputs("\\ufffd", stdout);
		else if (c < 0x20 || c == 0x7f)
			printf("\\u%04x", c);
		else
			fwrite(text.data + i, 1, length, stdout);
		i += length ? length : 1;
	}
	putchar('"');
}

#define PRINT_MEMBER(name, text)                                              \
	do {                                                                  \
		if ((text).size_bytes > 0) {                                  \
			fputs(",\"" name "\":", stdout);                      \
			print_text(bytes_of((text).data, (text).size_bytes)); \
		}                                                             \
	} while (0)

/* Letters that are either all there or all zero. */
static void print_code(const char *name, const char *code, size_t size_bytes)
{
	if (code[0] == '\0')
		return;
	printf(",\"%s\":", name);
	print_text(bytes_of(code, size_bytes));
}

/* JSON has no NaN; nine digits bring every binary32 back. */
static void print_float(const char *name, float value)
{
	if (isfinite(value))
		printf(",\"%s\":%.9g", name, (double)value);
	else
		printf(",\"%s\":null", name);
}

static void print_time(const char *name, int64_t time_ns)
{
	int64_t   nanoseconds = time_ns % 1000000000;
	time_t    seconds     = time_ns / 1000000000;
	struct tm tm;

	if (nanoseconds < 0) {
		nanoseconds += 1000000000;
		seconds--;
	}
	gmtime_r(&seconds, &tm);
	printf(",\"%s\":\"%04d-%02d-%02dT%02d:%02d:%02d.%09" PRId64 "Z\"", name, tm.tm_year + 1900,
	       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, nanoseconds);
}

static void print_digest(const char *name, const uint8_t digest[DIGEST_BYTES])
{
	char hex[2 * DIGEST_BYTES + 1];

	digest_hex(digest, hex);
	printf(",\"%s\":\"%s\"", name, hex);
}

static void print_amount(const struct transaction *t)
{
	int64_t unit = 1;

	for (int i = 0; i < t->currency_exponent && i < 4; i++)
		unit *= 10;
	printf(",\"amount\":\"%" PRId64, t->amount_minor / unit);
	if (unit > 1)
		printf(".%0*" PRId64, t->currency_exponent, t->amount_minor % unit);
	putchar('"');
}

static void print_party(const struct party *party)
{
	const char *role = party_role_name(party->role);

	printf("{\"role\":\"%s\"", role ? role : "");
	PRINT_MEMBER("name", party->name);
	print_code("country", party->country, sizeof(party->country));
	fputs(",\"identifiers\":[", stdout);
	for (size_t i = 0; i < party->identifiers_count; i++) {
		fputs(i ? ",{\"scheme\":" : "{\"scheme\":", stdout);
		print_text(bytes_of(party->identifiers[i].scheme.data,
				    party->identifiers[i].scheme.size_bytes));
		PRINT_MEMBER("value", party->identifiers[i].value);
		putchar('}');
	}
	fputs("]}", stdout);
}

static void print_transaction(const struct transaction *t)
{
	const char *channel = transaction_channel_name(t->channel);

	fputs(",\"transaction\":{\"id\":", stdout);
	print_text(bytes_of(t->id.data, t->id.size_bytes));
	print_time("time", t->time_ns);
	print_amount(t);
	print_code("currency", t->currency, sizeof(t->currency));
	printf(",\"channel\":\"%s\"", channel ? channel : "");
	PRINT_MEMBER("card", t->card);
	PRINT_MEMBER("account", t->account);
	PRINT_MEMBER("merchant", t->merchant);
	PRINT_MEMBER("terminal", t->terminal);
	print_code("merchant_category", t->merchant_category, sizeof(t->merchant_category));
	print_code("merchant_country", t->merchant_country, sizeof(t->merchant_country));
	fputs(",\"parties\":[", stdout);
	for (size_t i = 0; i < t->parties_count; i++) {
		if (i > 0)
			putchar(',');
		print_party(&t->parties[i]);
	}
	/* In slot order; the names are in the config whose digest is in this record. */
	fputs("],\"features\":[", stdout);
	for (size_t i = 0; i < t->features_count; i++) {
		if (isfinite(t->features[i]))
			printf(i ? ",%.9g" : "%.9g", (double)t->features[i]);
		else
			fputs(i ? ",null" : "null", stdout);
	}
	fputs("]}", stdout);
}

/* Codes and words as in the answer (runtime/reply/reply.h). */
static void print_reason(const struct decision_reason *reason)
{
	char text[REPLY_REASON_BYTES_MAX];

	printf("{\"code\":\"%s\",\"text\":", reply_reason_code(reason));
	print_text(bytes_of(text, reply_reason_text(text, sizeof(text), reason)));
	print_float("a", reason->a);
	print_float("b", reason->b);
	putchar('}');
}

static void print_decision(const struct decision *decision)
{
	printf(",\"decision\":\"%s\"", verdict_name(decision->verdict));
	print_float("score", decision->score);
	print_float("margin", decision->margin);
	printf(",\"stages_run\":%u,\"reasons\":[", decision->stages_run);
	for (size_t i = 0; i < decision->reasons_count; i++) {
		if (i > 0)
			putchar(',');
		print_reason(&decision->reasons[i]);
	}
	putchar(']');
}

static void print_circumstance(const struct audit_circumstance *c)
{
	fputs(",\"circumstance\":{\"identity\":", stdout);
	print_text(c->identity);
	printf(",\"core\":%u,\"batch_index\":%u,\"batch_size\":%u,\"resumed\":%s", c->core,
	       c->batch_index, c->batch_size, c->resumed ? "true" : "false");
	print_time("received", c->received_ns);
	print_time("encoded", c->encoded_ns);
	printf(",\"durable_sequence\":%" PRIu64 ",\"ledger_ns\":{", c->durable_sequence);
	for (int stage = 0; stage < STAGE_COUNT; stage++)
		printf("%s\"%s\":%u", stage ? "," : "", stage_name((enum stage)stage),
		       c->ledger.stage_ns[stage]);
	fputs("}}", stdout);
}

struct cat {
	uint64_t from;
	bool     undecodable;
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
	printf("{\"sequence\":%" PRIu64 ",\"kind\":\"%s\"", record->sequence,
	       audit_kind_name(record->kind));
	print_time("now", decoded.now_ns);
	if (record->kind == AUDIT_DECISION) {
		print_transaction(&decoded.transaction);
		print_decision(&decoded.decision);
		print_circumstance(&decoded.circumstance);
	} else {
		fputs(",\"note\":", stdout);
		print_text(decoded.note);
	}
	print_digest("config", decoded.artefacts.config);
	print_digest("model", decoded.artefacts.model);
	fputs(",\"build\":", stdout);
	print_text(decoded.circumstance.build);
	print_digest("hash", record->hash);
	fputs("}\n", stdout);
	return !ferror(stdout);
}

/* ---- the subcommands ---- */

static void print_report_json(const struct audit_log_report *report)
{
	printf("{\"intact\":%s,\"segments\":%" PRIu64 ",\"records\":%" PRIu64
	       ",\"decisions\":%" PRIu64 ",\"first_sequence\":%" PRIu64
	       ",\"last_sequence\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"torn_bytes\":%" PRIu64,
	       report->intact ? "true" : "false", report->segments, report->records,
	       report->decisions, report->first_sequence, report->last_sequence, report->bytes,
	       report->torn_bytes);
	print_digest("anchor_hash", report->anchor_hash);
	print_digest("last_hash", report->last_hash);
	print_digest("decision_digest", report->decision_digest);
	fputs(",\"broken\":", stdout);
	print_text(bytes_of(report->broken, strlen(report->broken)));
	fputs("}\n", stdout);
}

static void print_report(const struct audit_log_report *report)
{
	char hex[2 * DIGEST_BYTES + 1];

	digest_hex(report->last_hash, hex);
	printf("%s: %" PRIu64 " records (%" PRIu64 " decisions) in %" PRIu64 " segments, sequence "
	       "%" PRIu64 " to %" PRIu64 "\nlast hash %s\n",
	       report->intact ? "intact" : "BROKEN", report->records, report->decisions,
	       report->segments, report->first_sequence, report->last_sequence, hex);
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

int ctl_audit_cat(int argc, char **argv)
{
	struct options           options = { 0 };
	struct cat               cat     = { 0 };
	struct audit_log_visitor visitor = { .each = print_record, .context = &cat };
	struct audit_log_report  report;
	int                      status = parse(&cat_command, argc, argv, &options);

	if (status >= 0)
		return status;
	cat.from = options.from;
	status   = walk(options.directory, &visitor, &report);
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
	digest_hex(report.decision_digest, hex);
	if (options.json)
		printf("{\"decision_digest\":\"%s\",\"decisions\":%" PRIu64 "}\n", hex,
		       report.decisions);
	else
		printf("%s  %" PRIu64 " decisions\n", hex, report.decisions);
	return 0;
}
