/* Golden files: tests/golden/config/NAME.cfg has exactly the errors in NAME.err,
 * one a line, and is good when there is no NAME.err.  Then the values of a good
 * file, hostile files, and what is printed from the schema. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/schema.h"

#include <cmocka.h>

#define FOLDER        "tests/golden/config"
#define EXPECTED_MAX  (CONFIG_ERRORS_MAX * CONFIG_ERROR_BYTES)
#define HOSTILE_BYTES ((2U << 20) + 1)

static struct config       config, other;
static struct config_error error;
static char                expected[EXPECTED_MAX], actual[EXPECTED_MAX];

static size_t read_whole(const char *path, char *out, size_t out_bytes)
{
	FILE  *file = fopen(path, "r");
	size_t size_bytes;

	if (file == NULL)
		return 0;
	size_bytes      = fread(out, 1, out_bytes - 1, file);
	out[size_bytes] = '\0';
	fclose(file);
	return size_bytes;
}

static void load_golden(const char *name)
{
	char   path[300];
	size_t used = 0;
	bool   good;

	actual[0] = '\0';
	good      = config_load(name, &config, &error);
	for (uint32_t i = 0; i < error.count; i++)
		used += (size_t)snprintf(actual + used, sizeof(actual) - used, "%s\n",
					 error.lines[i]);
	snprintf(path, sizeof(path), "%.*s.err", (int)(strlen(name) - 4), name);
	if (read_whole(path, expected, sizeof(expected)) == 0)
		expected[0] = '\0';
	assert_string_equal(actual, expected);
	assert_int_equal(good, expected[0] == '\0');
}

static void every_golden_file_has_its_errors(void **state)
{
	DIR           *folder;
	struct dirent *entry;
	int            seen = 0;

	(void)state;
	assert_int_equal(chdir(FOLDER), 0);
	folder = opendir(".");
	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		size_t size_bytes = strlen(entry->d_name);

		if (size_bytes < 5 || strcmp(entry->d_name + size_bytes - 4, ".cfg") != 0)
			continue;
		print_message("# %s\n", entry->d_name);
		load_golden(entry->d_name);
		seen++;
	}
	closedir(folder);
	assert_int_equal(chdir("../../.."), 0);
	assert_true(seen >= 30);
}

static void at_most_twenty_errors_are_said(void **state)
{
	(void)state;
	assert_false(config_load(FOLDER "/many_errors.cfg", &config, &error));
	assert_int_equal(error.count, CONFIG_ERRORS_MAX);
	assert_int_equal(error.unsaid, 12); /* 30 unknown keys, 2 required ones missing */
}

static void values_arrive(void **state)
{
	(void)state;
	assert_true(config_load(FOLDER "/good_full.cfg", &config, &error));
	assert_string_equal(config.name, "pay-7");
	assert_string_equal(config.nic.device, "0000:03:00.0");
	assert_int_equal(config.nic.mtu, 9000);
	assert_int_equal(config.nic.rx_descriptors, 1024);
	assert_false(config.nic.checksum_offload);
	assert_int_equal(config.net.vlan, 12);
	assert_int_equal(config.net.addresses_count, 2);
	assert_string_equal(config.net.addresses[1], "fd00:77::2/64");
	assert_string_equal(config.net.gateway6, "fd00:77::1");
	assert_int_equal(config.tls.minimum_version, CONFIG_TLS_1_2);
	assert_int_equal(config.callers_count, 2);
	assert_string_equal(config.callers[0].identity, "spiffe://bank/cards");
	assert_int_equal(config.callers[0].may, CONFIG_MAY_DECIDE | CONFIG_MAY_HEALTH);
	assert_int_equal(config.callers[1].may,
			 CONFIG_MAY_METRICS | CONFIG_MAY_STATUS | CONFIG_MAY_RELOAD);
	assert_int_equal(config.features.count, 2);
	assert_string_equal(config.features.names[1], "hour");
	assert_true(config.decision.review_threshold == 0.25f);
	assert_true(config.decision.decline_threshold == 1.0f);
	assert_int_equal(config.decision.on_model_missing, CONFIG_ON_FAILURE_APPROVE);
	assert_int_equal(config.decision.on_model_invalid, CONFIG_ON_FAILURE_REVIEW);
	assert_int_equal(config.audit.reply, CONFIG_AUDIT_QUEUED);
	assert_int_equal(config.log.level, CONFIG_LOG_INFO);
}

/* The words of a choice and the enumerators are two lists that must agree. */
static void words_are_the_enumerators(void **state)
{
	(void)state;
	assert_int_equal(schema_word_place(schema_find("tls.minimum_version"), "1.3"),
			 CONFIG_TLS_1_3);
	assert_int_equal(schema_word_place(schema_find("decision.on_model_missing"), "refuse"),
			 CONFIG_ON_FAILURE_REFUSE);
	assert_int_equal(schema_word_place(schema_find("decision.on_model_invalid"), "approve"),
			 CONFIG_ON_FAILURE_APPROVE);
	assert_int_equal(schema_word_place(schema_find("audit.reply"), "queued"),
			 CONFIG_AUDIT_QUEUED);
	assert_int_equal(schema_word_place(schema_find("log.level"), "debug"), CONFIG_LOG_DEBUG);
	assert_int_equal(1 << schema_word_place(schema_find("callers[].may[]"), "decide"),
			 CONFIG_MAY_DECIDE);
	assert_int_equal(1 << schema_word_place(schema_find("callers[].may[]"), "reload"),
			 CONFIG_MAY_RELOAD);
	assert_int_equal(schema_word_place(schema_find("audit.reply"), "queue"), -1);
}

static void file_names_count_from_the_file(void **state)
{
	(void)state;
	assert_true(config_load(FOLDER "/good_full.cfg", &config, &error));
	assert_string_equal(config.tls.certificate, "/etc/assay/server.crt");
	assert_string_equal(config.tls.revocation_list, FOLDER "/crl.pem");
	assert_string_equal(config.model.file, FOLDER "/model.json");
	assert_string_equal(config.log.file, "");
	assert_string_equal(config.management.certificate, "/etc/assay/server.crt");
	assert_string_equal(config.management.key, FOLDER "/pki/server.key");
}

static void compare_with_committed(const char *path, void (*print)(FILE *))
{
	size_t size_bytes = 0;
	char  *printed = NULL, *committed = calloc(1, 1 << 18);
	FILE  *out = open_memstream(&printed, &size_bytes);

	assert_non_null(out);
	print(out);
	fclose(out);
	read_whole(path, committed, 1 << 18);
	assert_string_equal(committed, printed);
	free(printed);
	free(committed);
}

static void what_is_committed_is_what_is_printed(void **state)
{
	(void)state;
	compare_with_committed("config/appliance.cfg", config_print_default);
	compare_with_committed("config/REFERENCE.md", config_print_reference);
}

/* appliance.cfg says the defaults: loading it gives them, required keys aside. */
static void the_default_file_is_the_defaults(void **state)
{
	static const char least[] = "nic = { device = \"net_af_packet0,iface=assay1\"; };\n"
				    "net = { addresses = ( \"10.77.0.2/24\" ); };\n";

	(void)state;
	assert_true(config_load("config/appliance.cfg", &config, &error));
	assert_true(config_load_text("config/other.cfg", least, sizeof(least) - 1, &other, &error));
	assert_memory_equal(&config, &other, sizeof(config));
}

/* Whatever the bytes, the caller lives and is told in one line at least. */
static void hostile_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"@include \".\"\n",
		" \t@include\t\"/dev/zero\"",
		"a = \"x\" /* \"*/ \n@include \"/etc/shadow\"\n",
		"a = ((((((((((1))))))))))",
		"\"",
		"/*",
		"a = \"\\",
		"a = [1, \"b\"];",
		"a = 1 b = 2 = 3",
		"= = =",
		"}}}}))))",
		"a = 99999999999999999L;",
		"a = 0b1;",
		"a = 1e99999;",
		"a.b = 1;",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(config_load_text("x", texts[i], strlen(texts[i]), &config, &error));
		assert_true(error.count > 0);
		assert_int_equal(strncmp(error.lines[0], "x:", 2), 0);
	}
}

static void large_text_is_bounded(void **state)
{
	char *text = malloc(HOSTILE_BYTES);

	(void)state;
	memset(text, ' ', HOSTILE_BYTES);
	assert_false(config_load_text("x", text, HOSTILE_BYTES, &config, &error));
	assert_string_equal(error.lines[0], "x:1: file: is too large, must be at most 1 MiB");
	/* As large as allowed, in the shapes that cost most: one token, many settings. */
	memset(text, 'a', CONFIG_FILE_BYTES_MAX);
	assert_false(config_load_text("x", text, CONFIG_FILE_BYTES_MAX, &config, &error));
	for (size_t i = 0; i < CONFIG_FILE_BYTES_MAX; i++)
		text[i] = i == 0 ? '"' : 'a';
	assert_false(config_load_text("x", text, CONFIG_FILE_BYTES_MAX, &config, &error));
	for (size_t i = 0; i < CONFIG_FILE_BYTES_MAX; i++)
		text[i] = "a=(1,"[i < 3 ? i : 3 + i % 2];
	assert_false(config_load_text("x", text, CONFIG_FILE_BYTES_MAX, &config, &error));
	assert_string_equal(error.lines[0],
			    "x:1: syntax: has too many settings, must have 16384 at most");
	free(text);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	assert_false(config_load("config", &config, &error));
	assert_string_equal(error.lines[0],
			    "config:1: file: cannot be read: is not a regular file");
	assert_false(config_load("/dev/zero", &config, &error));
	assert_false(config_load("no-such-file", &config, &error));
	assert_string_equal(error.lines[0],
			    "no-such-file:1: file: cannot be read: No such file or directory");
}

static void the_largest_configuration_fits(void **state)
{
	char *text = malloc(CONFIG_FILE_BYTES_MAX);
	int   used = sprintf(
                text,
                "nic = { device = \"net_null0\"; };\nnet = { addresses = ( \"fd00::1/64\" ); };\n"
		  "callers = (\n");

	(void)state;
	for (int i = 0; i < CONFIG_CALLERS_MAX; i++)
		used += sprintf(text + used,
				"%s{ identity = \"%0255d\"; may = (\"decide\", \"health\", "
				"\"version\", \"metrics\", \"status\", \"reload\"); }\n",
				i == 0 ? "" : ",", i);
	used += sprintf(text + used, ");\nfeatures = (\"f0\"");
	for (int i = 1; i < TRANSACTION_FEATURES_MAX; i++)
		used += sprintf(text + used, ", \"%060d%d\"", 0, i + 100);
	used += sprintf(text + used, ");\n");
	assert_true(config_load_text("x", text, (size_t)used, &config, &error));
	assert_int_equal(config.callers_count, CONFIG_CALLERS_MAX);
	assert_int_equal(config.callers[255].may, 63);
	assert_int_equal(config.features.count, TRANSACTION_FEATURES_MAX);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_golden_file_has_its_errors),
		cmocka_unit_test(at_most_twenty_errors_are_said),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(words_are_the_enumerators),
		cmocka_unit_test(file_names_count_from_the_file),
		cmocka_unit_test(what_is_committed_is_what_is_printed),
		cmocka_unit_test(the_default_file_is_the_defaults),
		cmocka_unit_test(hostile_text_is_refused),
		cmocka_unit_test(large_text_is_bounded),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(the_largest_configuration_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
