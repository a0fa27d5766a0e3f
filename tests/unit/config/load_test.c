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

static void entities_arrive(void **state)
{
	const struct entity_spec *entities = config.plan.entities;

	(void)state;
	assert_true(config_load(FOLDER "/good_engine.cfg", &config, &error));
	assert_int_equal(config.plan.entities_count, 5);
	assert_string_equal(entities[0].name, "card");
	assert_int_equal(entities[0].key[0], FIELD_CARD);
	assert_int_equal(entities[0].key[1], FIELD_CURRENCY);
	assert_int_equal(entities[0].key[2], FIELD_NONE);
	assert_int_equal(entities[0].read[0], FIELD_CARD);
	assert_int_equal(entities[0].channels, 0);
	assert_int_equal(entities[0].history_max, 256);
	assert_false(entities[0].decisions);
	assert_int_equal(entities[1].history_max, 4096);
	assert_true(entities[2].decisions);
	assert_int_equal(entities[3].key[1], FIELD_PAYEE);
	assert_int_equal(entities[3].read[1], FIELD_PAYEE);
	assert_int_equal(entities[4].key[0], FIELD_PAYEE);
	assert_int_equal(entities[4].read[0], FIELD_ACCOUNT);
	assert_int_equal(entities[4].read[1], FIELD_NONE);
	assert_int_equal(entities[4].channels, 1 << CHANNEL_INSTANT | 1 << CHANNEL_WIRE);
	assert_int_equal(config.plan.shards, 4);
	assert_int_equal(config.plan.memory_bytes, 64 << 20);
	assert_int_equal(config.plan.lateness_ns, INT64_C(60000000000));
	assert_string_equal(config.state.snapshot_directory, FOLDER "/state");
}

#define HOUR_NS INT64_C(3600000000000)

/* Each row is the feature of the same place in good_engine.cfg. */
static void computed_features_arrive(void **state)
{
	static const struct {
		uint8_t kind, entity, of, hour_from, hour_to;
		int64_t window_ns, delay_ns;
		double  empty; /* 7: missing */
	} wanted[] = {
		{ FEATURE_HOURS, PLAN_NO_ENTITY, 0, 0, 7, 0, 0, 7 },
		{ FEATURE_HOURS, PLAN_NO_ENTITY, 0, 9, 17, 0, 0, 7 },
		{ FEATURE_WEEKEND, PLAN_NO_ENTITY, 0, 0, 0, 0, 0, 7 },
		{ FEATURE_COUNT, 0, 0, 0, 0, 24 * HOUR_NS, 0, 7 },
		{ FEATURE_MEAN, 0, 0, 0, 0, 168 * HOUR_NS, 0, 0 },
		{ FEATURE_FRAUD_RATE, 1, 0, 0, 0, 720 * HOUR_NS, 168 * HOUR_NS, -0.5 },
		{ FEATURE_DISTINCT, 3, FIELD_DEVICE, 0, 0, 3 * HOUR_NS / 2, 0, 7 },
		{ FEATURE_SINCE_LAST, 4, 0, 0, 0, 0, 0, 7 },
		{ FEATURE_DECLINES, 2, 0, 0, 0, 2160 * HOUR_NS, 2160 * HOUR_NS, 7 },
	};
	static const uint64_t missing = 0x7ff8000000000000;

	(void)state;
	assert_true(config_load(FOLDER "/good_engine.cfg", &config, &error));
	assert_int_equal(config.plan.features_count, sizeof(wanted) / sizeof(wanted[0]));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct feature_spec *spec = &config.plan.features[i];

		assert_int_equal(spec->kind, wanted[i].kind);
		assert_int_equal(spec->entity, wanted[i].entity);
		assert_int_equal(spec->of, wanted[i].of);
		assert_int_equal(spec->hour_from, wanted[i].hour_from);
		assert_int_equal(spec->hour_to, wanted[i].hour_to);
		assert_int_equal(spec->window_ns, wanted[i].window_ns);
		assert_int_equal(spec->delay_ns, wanted[i].delay_ns);
		if (wanted[i].empty == 7)
			assert_memory_equal(&spec->empty, &missing, sizeof(missing));
		else
			assert_true(spec->empty == wanted[i].empty);
	}
}

static void names_are_supplied_then_computed(void **state)
{
	static struct feature_schema names;

	(void)state;
	assert_true(config_load(FOLDER "/good_engine.cfg", &config, &error));
	config_feature_names(&config, &names);
	assert_int_equal(names.count, 11);
	assert_string_equal(names.names[1], "velocity");
	assert_string_equal(names.names[2], "night");
	assert_string_equal(names.names[10], "declines");
}

static void rows_arrive(void **state)
{
	const struct history_plan *plan = &config.history_plan;

	(void)state;
	assert_true(config_load(FOLDER "/good_engine.cfg", &config, &error));
	assert_int_equal(plan->steps, 7);
	assert_int_equal(plan->columns, 3);
	assert_int_equal(plan->missing, HISTORY_REPEAT_FIRST);
	assert_int_equal(plan->memory_bytes, 5 << 20);
	assert_int_equal(plan->shards, 4);
	assert_string_equal(plan->names[0], "night");
	assert_int_equal(plan->of[0], 2);
	assert_int_equal(plan->of[1], 1);
	assert_int_equal(plan->of[2], 10);
	/* Without a list, all of them. */
	assert_true(config_load(FOLDER "/good_full.cfg", &config, &error));
	assert_int_equal(plan->steps, 0);
	assert_int_equal(plan->columns, config.features.count + config.plan.features_count);
	assert_int_equal(plan->of[plan->columns - 1], plan->columns - 1);
}

static void the_rest_of_the_engine_arrives(void **state)
{
	(void)state;
	assert_true(config_load(FOLDER "/good_engine.cfg", &config, &error));
	assert_int_equal(config.cores.decide_count, 2);
	assert_int_equal(config.cores.decide[1], 3);
	assert_int_equal(config.callers[0].may,
			 CONFIG_MAY_DECIDE | CONFIG_MAY_LABELS | CONFIG_MAY_LISTS);
	assert_string_equal(config.rules.file, FOLDER "/bank.rules");
	assert_int_equal(config.deadline.default_us, 5000);
	assert_int_equal(config.deadline.order[0], CONFIG_STAGE_RULES);
	assert_int_equal(config.deadline.order[1], CONFIG_STAGE_MODEL);
	assert_int_equal(config.deadline.on_missed_model, CONFIG_ON_FAILURE_DECLINE);
	assert_int_equal(config.deadline.on_missed_rules, CONFIG_ON_FAILURE_REFUSE);
	assert_true(config.shadow.enabled);
	assert_string_equal(config.shadow.model_file, FOLDER "/next.ubj");
	assert_string_equal(config.shadow.rules_file, "");
	assert_true(config.shadow.review_threshold == 0.25f);
	assert_int_equal(config.idempotency.retention_hours, 48);
	assert_int_equal(config.labels.transactions_max, 5000);
	assert_string_equal(config.csv.currency, "USD");
	assert_int_equal(config.csv.channel, CHANNEL_ATM);
	assert_int_equal(config.csv.time_format, CONFIG_TIME_DATETIME);
	assert_int_equal(config.columns_count, 6);
	assert_int_equal(config.columns[0].target, CONFIG_COLUMN_TIME);
	assert_int_equal(config.columns[2].target, CONFIG_COLUMN_FIELD);
	assert_int_equal(config.columns[2].at, FIELD_ACCOUNT);
	assert_int_equal(config.columns[4].target, CONFIG_COLUMN_LABEL);
	assert_int_equal(config.columns[5].target, CONFIG_COLUMN_FEATURE);
	assert_int_equal(config.columns[5].at, 1);
}

/* A list that is set has none of the elements of its default; one left out has all. */
static void lists_have_defaults(void **state)
{
	(void)state;
	config_defaults(&config);
	assert_int_equal(config.deadline.order_count, 2);
	assert_int_equal(config.deadline.order[0], CONFIG_STAGE_MODEL);
	assert_int_equal(config.deadline.order[1], CONFIG_STAGE_RULES);
	assert_int_equal(config.csv.channel, CHANNEL_CARD_PRESENT);
	assert_int_equal(config.plan.memory_bytes, 64 << 20);
	assert_int_equal(config.plan.shards, 16);
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
	assert_int_equal(1 << schema_word_place(schema_find("callers[].may[]"), "lists"),
			 CONFIG_MAY_LISTS);
	assert_int_equal(schema_word_place(schema_find("deadline.on_missed_rules"), "refuse"),
			 CONFIG_ON_FAILURE_REFUSE);
	assert_int_equal(schema_word_place(schema_find("deadline.order[]"), "rules"),
			 CONFIG_STAGE_RULES);
	assert_int_equal(schema_word_place(schema_find("csv.time_format"), "unix"),
			 CONFIG_TIME_UNIX);
	assert_int_equal(schema_word_place(schema_find("audit.reply"), "queue"), -1);
}

static void assert_words(const char *path, int count, const char *(*name_of)(int value))
{
	const struct schema_row *row = schema_find(path);
	const char              *word;

	assert_int_equal(schema_word_at(row, count - (int)row->min, &word), 0);
	for (int value = (int)row->min; value < count; value++)
		assert_int_equal(schema_word_place(row, name_of(value)) + (int)row->min, value);
}

static const char *kind_name(int value)
{
	return feature_kind_name((enum feature_kind)value);
}

static const char *channel_name(int value)
{
	return transaction_channel_name((enum transaction_channel)value);
}

static const char *field_word(int value)
{
	return field_name((enum field)value);
}

static void words_are_the_names_of_the_engine(void **state)
{
	(void)state;
	assert_words("computed[].kind", FEATURE_KIND_COUNT, kind_name);
	assert_words("entities[].channels[]", CHANNEL_COUNT, channel_name);
	assert_words("csv.channel", CHANNEL_COUNT, channel_name);
	assert_words("entities[].key[]", FIELD_COUNT, field_word);
	assert_words("entities[].read[]", FIELD_COUNT, field_word);
	assert_words("computed[].of", FIELD_COUNT, field_word);
}

static void file_names_count_from_the_file(void **state)
{
	(void)state;
	assert_true(config_load(FOLDER "/good_full.cfg", &config, &error));
	assert_string_equal(config.tls.certificate, "/etc/assay/server.crt");
	assert_string_equal(config.tls.revocation_list, FOLDER "/crl.pem");
	assert_string_equal(config.model.file, FOLDER "/model.json");
	assert_int_equal(config.model.output, 2);
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
				"\"version\", \"metrics\", \"status\", \"reload\", \"labels\", "
				"\"lists\"); }\n",
				i == 0 ? "" : ",", i);
	used += sprintf(text + used, ");\nfeatures = (\"f0\"");
	for (int i = 1; i < TRANSACTION_FEATURES_MAX; i++)
		used += sprintf(text + used, ", \"%060d%d\"", 0, i + 100);
	used += sprintf(text + used, ");\n");
	assert_true(config_load_text("x", text, (size_t)used, &config, &error));
	assert_int_equal(config.callers_count, CONFIG_CALLERS_MAX);
	assert_int_equal(config.callers[255].may, 255);
	assert_int_equal(config.features.count, TRANSACTION_FEATURES_MAX);
	free(text);
}

/* `supplied` features beside as many of everything else as there can be. */
static bool load_largest_engine(int supplied)
{
	char *text = malloc(CONFIG_FILE_BYTES_MAX);
	int   used = sprintf(text, "nic = { device = \"net_null0\"; };\n"
				     "net = { addresses = ( \"fd00::1/64\" ); };\nentities = (");
	bool  good;

	for (int i = 0; i < PLAN_ENTITIES_MAX; i++)
		used += sprintf(text + used,
				"%s{ name = \"%063d\"; key = ( \"originator_country\", "
				"\"merchant_country\" ); channels = ( \"atm\", \"wire\" ); }\n",
				i == 0 ? "" : ",", i);
	used += sprintf(text + used, ");\ncomputed = (");
	for (int i = 0; i < PLAN_FEATURES_MAX; i++)
		used += sprintf(
			text + used,
			"%s{ name = \"c%062d\"; kind = \"distinct\"; of = \"payee\"; "
			"entity = \"%063d\"; window = \"1d\"; delay = \"1d\"; empty = 0.5; }\n",
			i == 0 ? "" : ",", i, i % PLAN_ENTITIES_MAX);
	used += sprintf(text + used, ");\nfeatures = (");
	for (int i = 0; i < supplied; i++)
		used += sprintf(text + used, "%s\"s%062d\"", i == 0 ? "" : ",", i);
	used += sprintf(text + used, ");\ncolumns = (");
	for (int i = 0; i < supplied; i++)
		used += sprintf(text + used,
				"%s{ column = \"%095d\"; field = \"feature:s%062d\"; }\n",
				i == 0 ? "" : ",", i, i);
	used += sprintf(text + used, ");\n");
	good = config_load_text("x", text, (size_t)used, &config, &error);
	free(text);
	return good;
}

static void the_largest_engine_fits(void **state)
{
	int supplied = TRANSACTION_FEATURES_MAX - PLAN_FEATURES_MAX;

	(void)state;
	assert_true(load_largest_engine(supplied));
	assert_int_equal(config.plan.features[127].entity, 15);
	assert_int_equal(config.columns[127].at, 127);
	assert_int_equal(config.history_plan.columns, HISTORY_COLUMNS_MAX);
	assert_false(load_largest_engine(supplied + 1));
	assert_int_equal(error.count, 1);
	assert_string_equal(error.lines[0], "x:20: computed: has 128 entries and features has 129, "
					    "must be at most 256 together");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_golden_file_has_its_errors),
		cmocka_unit_test(at_most_twenty_errors_are_said),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(entities_arrive),
		cmocka_unit_test(computed_features_arrive),
		cmocka_unit_test(names_are_supplied_then_computed),
		cmocka_unit_test(rows_arrive),
		cmocka_unit_test(the_rest_of_the_engine_arrives),
		cmocka_unit_test(lists_have_defaults),
		cmocka_unit_test(words_are_the_enumerators),
		cmocka_unit_test(words_are_the_names_of_the_engine),
		cmocka_unit_test(file_names_count_from_the_file),
		cmocka_unit_test(what_is_committed_is_what_is_printed),
		cmocka_unit_test(the_default_file_is_the_defaults),
		cmocka_unit_test(hostile_text_is_refused),
		cmocka_unit_test(large_text_is_bounded),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(the_largest_configuration_fits),
		cmocka_unit_test(the_largest_engine_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
