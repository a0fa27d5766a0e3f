/* firmware/csv.h: a row is the body a service would send, or says why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "firmware/csv.h"
#include "runtime/base/field.h"

#define HEADER "id,when,how much,shop,bad,f,unmapped"

static struct config config;
static struct csv    csv;
static char          body[CSV_BODY_BYTES_MAX];
static char          error[CSV_ERROR_BYTES];

static void map(const char *column, enum config_column_target target, uint16_t at)
{
	struct config_column *to = &config.columns[config.columns_count++];

	strcpy(to->column, column);
	strcpy(to->field, column);
	to->target = (uint8_t)target;
	to->at     = at;
}

static void begin(enum config_time_format time_format)
{
	memset(&config, 0, sizeof(config));
	strcpy(config.csv.currency, "EUR");
	config.csv.channel     = CHANNEL_CARD_PRESENT;
	config.csv.time_format = (uint8_t)time_format;
	config.features.count  = 1;
	strcpy(config.features.names[0], "f");
	map("id", CONFIG_COLUMN_FIELD, FIELD_ID);
	map("when", CONFIG_COLUMN_TIME, 0);
	map("how much", CONFIG_COLUMN_AMOUNT, 0);
	map("shop", CONFIG_COLUMN_FIELD, FIELD_MERCHANT);
	map("bad", CONFIG_COLUMN_LABEL, 0);
	map("f", CONFIG_COLUMN_FEATURE, 0);
	assert_true(csv_begin(&csv, &config, HEADER, error));
}

static const struct {
	enum config_time_format time_format;
	const char             *row;
	const char             *wanted; /* of the body; of the error where `label` is refused */
	int                     label;
} rows[] = {
	{ CONFIG_TIME_RFC3339, "a,2026-03-02T10:00:00Z,1.50,m,1,2,x",
	  "{\"id\": \"a\", \"time\": \"2026-03-02T10:00:00Z\", \"channel\": \"card_present\", "
	  "\"amount\": {\"value\": \"1.50\", \"currency\": \"EUR\"}, \"merchant\": {\"id\": "
	  "\"m\"}, \"features\": {\"f\": 2}}",
	  LABEL_FRAUD },
	{ CONFIG_TIME_RFC3339, "a,,,,genuine,,", "\"time\": \"\"", LABEL_GENUINE },
	{ CONFIG_TIME_DATETIME, "a,2026-03-02 10:00:00,,,,,", "\"2026-03-02T10:00:00Z\"",
	  LABEL_NONE },
	{ CONFIG_TIME_UNIX, "a,0,,,,,", "\"1970-01-01T00:00:00Z\"", LABEL_NONE },
	{ CONFIG_TIME_UNIX, "a,1772445600.25,,,,,", "\"2026-03-02T10:00:00.25Z\"", LABEL_NONE },
	{ CONFIG_TIME_UNIX, "a,9223372035.999999999,,,,,", "\"2262-04-11T23:47:15.999999999Z\"",
	  LABEL_NONE },
	{ CONFIG_TIME_RFC3339, "a,,85.64999999999999,,,,", "\"value\": \"85.65\"", LABEL_NONE },
	{ CONFIG_TIME_RFC3339, "a,,85.649,,,,", "\"value\": \"85.649\"", LABEL_NONE },
	{ CONFIG_TIME_RFC3339, "a,,,\"b, \"\"c\"\"\",,,", "{\"id\": \"b, \\u0022c\\u0022\"}",
	  LABEL_NONE },

	{ CONFIG_TIME_UNIX, "a,9223372036,,,,,", "not a number of seconds", -1 },
	{ CONFIG_TIME_UNIX, "a,99999999999999999999,,,,,", "not a number of seconds", -1 },
	{ CONFIG_TIME_UNIX, "a,-1,,,,,", "not a number of seconds", -1 },
	{ CONFIG_TIME_UNIX, "a,1.0123456789,,,,,", "not a number of seconds", -1 },
	{ CONFIG_TIME_UNIX, "a,1.5 s,,,,,", "not a number of seconds", -1 },
	{ CONFIG_TIME_UNIX, "a,,,,,,", "not a number of seconds", -1 },
	{ CONFIG_TIME_RFC3339, "a,,,,maybe,,", "the label is 'maybe'", -1 },
	{ CONFIG_TIME_RFC3339, "a,,,,,1x,", "feature f is not a number", -1 },
	{ CONFIG_TIME_RFC3339, "a,,,,,,,", "more cells than the header", -1 },
	{ CONFIG_TIME_RFC3339, "a,\"b", "column 2 has a quote out of place", -1 },
	{ CONFIG_TIME_RFC3339, "a,\"b\"c", "column 2 has a quote out of place", -1 },
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum label_kind label = LABEL_KIND_COUNT;
		bool            taken = rows[i].label >= 0;
		size_t          size;

		begin(rows[i].time_format);
		size       = csv_row(&csv, rows[i].row, body, &label, error);
		body[size] = '\0';
		if ((size > 0) != taken || !strstr(taken ? body : error, rows[i].wanted))
			fail_msg("%s: %s", rows[i].row, size > 0 ? body : error);
		if (taken)
			assert_int_equal(label, rows[i].label);
	}
}

/* Columns in any order; what the decoder will refuse is handed to it as it is. */
static void test_parties(void **state)
{
	enum label_kind label;
	size_t          size;

	begin(CONFIG_TIME_RFC3339);
	map("to", CONFIG_COLUMN_FIELD, FIELD_BENEFICIARY_IBAN);
	map("bank", CONFIG_COLUMN_FIELD, FIELD_ORIGINATOR_AGENT_BIC);
	map("number", CONFIG_COLUMN_FIELD, FIELD_BENEFICIARY_OTHER);
	map("kind", CONFIG_COLUMN_FIELD, FIELD_BENEFICIARY_OTHER_SCHEME);
	map("where", CONFIG_COLUMN_FIELD, FIELD_BENEFICIARY_AGENT_COUNTRY);
	assert_true(csv_begin(&csv, &config, HEADER ",to,bank,number,kind,where", error));
	size       = csv_row(&csv, "a,,,,,,,FR1,BANKPLPW,7,TAX,DE", body, &label, error);
	body[size] = '\0';
	assert_non_null(strstr(
		body, ", \"parties\": [{\"role\": \"beneficiary\", \"identifiers\": [{\"scheme\": "
		      "\"IBAN\", \"value\": \"FR1\"}, {\"scheme\": \"TAX\", \"value\": \"7\"}]}, "
		      "{\"role\": \"originator_agent\", \"identifiers\": [{\"scheme\": \"BIC\", "
		      "\"value\": \"BANKPLPW\"}]}, {\"role\": \"beneficiary_agent\", \"country\": "
		      "\"DE\"}]"));
	size       = csv_row(&csv, "a,,,,,,,,,7,,", body, &label, error);
	body[size] = '\0';
	assert_non_null(strstr(body, "[{\"scheme\": \"\", \"value\": \"7\"}]}]"));
	size       = csv_row(&csv, "a,,,,,,,,,,,", body, &label, error);
	body[size] = '\0';
	assert_null(strstr(body, "parties"));
}

static void test_headers(void **state)
{
	begin(CONFIG_TIME_RFC3339);
	assert_false(csv_begin(&csv, &config, "id,when,shop,bad,f", error));
	assert_non_null(strstr(error, "has no column how much, which the config maps to how much"));
	assert_false(csv_begin(&csv, &config, HEADER ",\"x", error));
	assert_non_null(strstr(error, "column 8 has a quote out of place"));
	config.columns_count = 0;
	assert_false(csv_begin(&csv, &config, HEADER, error));
	assert_non_null(strstr(error, "maps no columns"));
}

/* A line of backslashes is the longest body there is; one byte more is refused. */
static void test_longest_row(void **state)
{
	static char     row[CSV_LINE_BYTES_MAX + 2];
	enum label_kind label;

	begin(CONFIG_TIME_RFC3339);
	memset(row, '\\', CSV_LINE_BYTES_MAX);
	memcpy(row, "a,b,c,", 6);
	assert_true(csv_row(&csv, row, body, &label, error) > 6 * (CSV_LINE_BYTES_MAX - 6));
	row[CSV_LINE_BYTES_MAX] = 'x';
	assert_int_equal(csv_row(&csv, row, body, &label, error), 0);
	assert_non_null(strstr(error, "is longer than 65536 bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_parties),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_longest_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
