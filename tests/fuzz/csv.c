/* A CSV file, its header in the first line: every row is refused with a sentence or
 * becomes a body inside its bound, which the decoder takes or refuses by name.  The
 * first byte chooses how times are written. */
#include <stdlib.h>
#include <string.h>

#include "firmware/csv.h"
#include "runtime/base/field.h"
#include "runtime/decode/decode.h"

#define FILE_BYTES_MAX (CSV_LINE_BYTES_MAX + 4096)
#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static struct config      config;
static struct decoder    *decoder;
static struct transaction transaction;
static char               body[CSV_BODY_BYTES_MAX + DECODE_PADDING_BYTES];

static void map(const char *column, enum config_column_target target, uint16_t at)
{
	struct config_column *to = &config.columns[config.columns_count++];

	strcpy(to->column, column);
	to->target = (uint8_t)target;
	to->at     = at;
}

/* One column of each kind, and of each object that JSON has. */
static void prepare(void)
{
	struct decode_limits limits = { .body_bytes_max = CSV_BODY_BYTES_MAX, .batch_max = 1 };

	config_defaults(&config);
	config.features.count = 1;
	strcpy(config.features.names[0], "f");
	map("i", CONFIG_COLUMN_FIELD, FIELD_ID);
	map("c", CONFIG_COLUMN_FIELD, FIELD_CARD);
	map("h", CONFIG_COLUMN_FIELD, FIELD_CHANNEL);
	map("u", CONFIG_COLUMN_FIELD, FIELD_CURRENCY);
	map("m", CONFIG_COLUMN_FIELD, FIELD_MERCHANT);
	map("o", CONFIG_COLUMN_FIELD, FIELD_ORIGINATOR_NAME);
	map("b", CONFIG_COLUMN_FIELD, FIELD_BENEFICIARY_NAME);
	map("bi", CONFIG_COLUMN_FIELD, FIELD_BENEFICIARY_IBAN);
	map("ob", CONFIG_COLUMN_FIELD, FIELD_ORIGINATOR_AGENT_BIC);
	map("os", CONFIG_COLUMN_FIELD, FIELD_ORIGINATOR_AGENT_OTHER_SCHEME);
	map("t", CONFIG_COLUMN_TIME, 0);
	map("a", CONFIG_COLUMN_AMOUNT, 0);
	map("l", CONFIG_COLUMN_LABEL, 0);
	map("f", CONFIG_COLUMN_FEATURE, 0);
	decoder = decode_init(aligned_alloc(64, decode_size(&limits)), &limits);
	decode_schema(decoder, &config.features);
}

static void check_error(const char *error)
{
	MUST(memchr(error, '\0', CSV_ERROR_BYTES) != NULL && error[0] != '\0');
}

static void try_row(const struct csv *csv, const char *row)
{
	char            error[CSV_ERROR_BYTES] = "";
	enum label_kind label                  = LABEL_KIND_COUNT;
	size_t          size                   = csv_row(csv, row, body, &label, error);
	struct failure  failure;
	size_t          count;
	bool            batch;
	enum reason     reason;

	if (size == 0) {
		check_error(error);
		return;
	}
	MUST(size <= CSV_BODY_BYTES_MAX && label < LABEL_KIND_COUNT);
	reason = decode_json(decoder, (uint8_t *)body, size, &transaction, 1, &count, &batch,
			     &failure);
	MUST(reason == REASON_NONE ? count == 1 : reason_row_of(reason)->action == REASON_REPLY);
	MUST(reason != REASON_internal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char       error[CSV_ERROR_BYTES] = "";
	struct csv csv;
	char      *text, *line, *rest;

	if (n == 0 || n > FILE_BYTES_MAX)
		return 0;
	if (!decoder)
		prepare();
	config.csv.time_format = data[0] % 3;
	text                   = malloc(n);
	memcpy(text, data + 1, n - 1);
	text[n - 1] = '\0';
	rest        = text;
	line        = strsep(&rest, "\n");
	if (!csv_begin(&csv, &config, line, error))
		check_error(error);
	else
		while ((line = strsep(&rest, "\n")) != NULL)
			try_row(&csv, line);
	free(text);
	return 0;
}
