/* assayctl audit on a log with every kind of record: each line of cat is JSON with what
 * the record holds, verify counts the kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yyjson.h>
#include <cmocka.h>

#include "firmware/audit_log.h"
#include "firmware/audit_mark.h"
#include "firmware/ctl.h"
#include "tests/unit/audit/audit_sample.h"

#define LINES_MAX 32

static char        directory[] = "/tmp/assay-ctl-audit-XXXXXX";
static char        output[1 << 20];
static yyjson_doc *lines[LINES_MAX];

static int make_log(void **state)
{
	static const struct audit_log_options options = { .segment_bytes_max = 64 << 10,
							  .build             = "test" };
	static uint8_t                        record[AUDIT_RECORD_BYTES_MAX];
	struct disk_real                      real;
	struct audit_log                      log;
	struct audit_log_report               report;
	struct audit_chain                    chain;

	if (!mkdtemp(directory) || disk_real_open(&real, directory, true) != 0 ||
	    !audit_log_open(&log, &real.disk, &options, &report))
		return -1;
	chain = log.appended;
	for (enum audit_kind kind = AUDIT_NONE + 1; kind < AUDIT_KIND_COUNT; kind++) {
		for (uint64_t number = 1; number <= 2; number++) {
			size_t size = audit_sample(record, kind, number, 0, &chain);

			if (!audit_log_append(&log, bytes_of(record, size), 1))
				return -1;
		}
	}
	audit_log_sync(&log);
	audit_log_close(&log);
	disk_real_close(&real);
	return 0;
}

static int drop_log(void **state)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/audit-00000000000000000001.seg", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/" AUDIT_MARK_NAME, directory);
	unlink(path);
	return rmdir(directory);
}

/* Run a subcommand with its standard output in `output`. */
static int run(int (*command)(int, char **), const char *option)
{
	char   name[]  = "audit", given[32], path[sizeof(directory)];
	char  *argv[4] = { name, path, NULL, NULL };
	FILE  *file    = tmpfile();
	int    kept    = dup(1), status;
	size_t size;

	snprintf(path, sizeof(path), "%s", directory);
	if (option) {
		snprintf(given, sizeof(given), "%s", option);
		argv[1] = given;
		argv[2] = path;
	}
	fflush(stdout);
	dup2(fileno(file), 1);
	status = command(option ? 3 : 2, argv);
	fflush(stdout);
	dup2(kept, 1);
	close(kept);
	rewind(file);
	size         = fread(output, 1, sizeof(output) - 1, file);
	output[size] = '\0';
	fclose(file);
	return status;
}

static yyjson_val *at(int line, const char *pointer)
{
	yyjson_val *value = yyjson_doc_ptr_get(lines[line], pointer);

	if (!value)
		fail_msg("line %d has no %s", line + 1, pointer);
	return value;
}

static const char *text(int line, const char *pointer)
{
	return yyjson_get_str(at(line, pointer));
}

static uint64_t number(int line, const char *pointer)
{
	return yyjson_get_uint(at(line, pointer));
}

static void check_decision(void)
{
	static struct decision       decision;
	static struct feature_values values;

	audit_sample_decided(&decision, 1);
	audit_sample_values(&values, 1);
	assert_string_equal(text(0, "/kind"), "decision");
	assert_string_equal(text(0, "/transaction/id"), "payment-1");
	assert_string_equal(text(0, "/identity"), AUDIT_SAMPLE_IDENTITY);
	assert_string_equal(text(0, "/circumstance/identity"), AUDIT_SAMPLE_IDENTITY);
	assert_int_equal(yyjson_arr_size(at(0, "/transaction/features")), 19);
	assert_int_equal(yyjson_arr_size(at(0, "/values")), values.count);
	assert_true(yyjson_get_num(at(0, "/values/3")) == values.value[3]);
	assert_string_equal(text(0, "/rules/0/id"), "rule.0");
	assert_string_equal(text(0, "/rules/0/text"), "card used 1 times in 0 min");
	assert_int_equal(number(0, "/rules_hit"), decision.rules_hit);
	assert_string_equal(text(0, "/shadow/decision"), "review");
	assert_int_equal(strlen(text(0, "/rules_digest")), 64);
	assert_null(yyjson_doc_ptr_get(lines[1], "/shadow"));
}

static void test_cat(void **state)
{
	char *save  = NULL;
	int   count = 0;

	assert_int_equal(run(ctl_audit_cat, NULL), 0);
	for (char *line = strtok_r(output, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		assert_true(count < LINES_MAX);
		lines[count] = yyjson_read(line, strlen(line), 0);
		if (!lines[count])
			fail_msg("not JSON: %s", line);
		assert_int_equal(number(count, "/sequence"), count + 1);
		assert_int_equal(strlen(text(count, "/hash")), 64);
		count++;
	}
	assert_int_equal(count, 2 * (AUDIT_KIND_COUNT - 1));
	check_decision();
	assert_string_equal(text(2, "/kind"), "start");
	assert_string_equal(text(2, "/note"), "started");
	assert_string_equal(text(8, "/kind"), "repeat");
	assert_string_equal(text(8, "/id"), "payment-1");
	assert_int_equal(number(8, "/first_sequence"), 1);
	assert_string_equal(text(10, "/kind"), "label");
	assert_string_equal(text(10, "/label/kind"), "fraud");
	assert_string_equal(text(10, "/label/id"), "payment-1");
	assert_string_equal(text(10, "/label/caller"), AUDIT_SAMPLE_IDENTITY);
	assert_string_equal(text(10, "/outcome"), "changed");
	assert_int_equal(number(10, "/labelled_order"), 1);
	assert_string_equal(text(12, "/kind"), "list");
	assert_string_equal(text(12, "/edit/list"), "block.cards");
	assert_true(yyjson_is_null(at(12, "/edit/expires")));
	assert_string_equal(text(12, "/outcome"), "http_forbidden");
	assert_string_equal(text(13, "/outcome"), "done");
	assert_int_equal(number(13, "/order"), 6);
	for (int i = 0; i < count; i++)
		yyjson_doc_free(lines[i]);
}

static void test_verify(void **state)
{
	assert_int_equal(run(ctl_audit_verify, "--json"), 0);
	lines[0] = yyjson_read(output, strlen(output), 0);
	assert_non_null(lines[0]);
	assert_int_equal(number(0, "/records"), 14);
	for (enum audit_kind kind = AUDIT_NONE + 1; kind < AUDIT_KIND_COUNT; kind++) {
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/kinds/%s", audit_kind_name(kind));
		assert_int_equal(number(0, pointer), 2);
	}
	yyjson_doc_free(lines[0]);
	assert_int_equal(run(ctl_audit_verify, NULL), 0);
	assert_non_null(strstr(output, "records: 2 decision, 2 start, 2 stop, 2 config, 2 repeat, "
				       "2 label, 2 list\n"));
}

static void test_digest(void **state)
{
	assert_int_equal(run(ctl_audit_digest, "--json"), 0);
	assert_non_null(strstr(output, "\"decisions\":2}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cat),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, make_log, drop_log);
}
