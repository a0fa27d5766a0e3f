#include "firmware/csv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/currency.h"
#include "runtime/base/field.h"

/* ---- cells */

/* The next cell of the row, unquoted into `out`; NULL: a quote is not closed. */
static const char *next_cell(const char *at, char *out, size_t *size)
{
	size_t n = 0;

	if (*at != '"') {
		while (*at != '\0' && *at != ',')
			out[n++] = *at++;
		*size = n;
		return at;
	}
	for (at++; *at != '\0'; at++) {
		if (*at == '"' && at[1] != '"') {
			*size = n;
			return at + 1;
		}
		at += *at == '"';
		out[n++] = *at;
	}
	return NULL;
}

/* Calls `each` for every cell; false when it does, or when the row is malformed. */
static bool each_cell(const char *row, bool (*each)(void *, uint32_t, const char *, size_t),
		      void *ctx, char error[CSV_ERROR_BYTES])
{
	static _Thread_local char cell[CSV_LINE_BYTES_MAX + 1];
	uint32_t                  n = 0;
	size_t                    size;

	if (strlen(row) > CSV_LINE_BYTES_MAX) {
		snprintf(error, CSV_ERROR_BYTES, "is longer than %d bytes", CSV_LINE_BYTES_MAX);
		return false;
	}
	for (;;) {
		row = next_cell(row, cell, &size);
		if (!row || (*row != ',' && *row != '\0')) {
			snprintf(error, CSV_ERROR_BYTES, "column %u has a quote out of place",
				 n + 1);
			return false;
		}
		cell[size] = '\0';
		if (!each(ctx, n++, cell, size))
			return false;
		if (*row++ == '\0')
			return true;
	}
}

/* ---- header */

struct heading {
	struct csv *csv;
	char       *error;
};

static bool take_heading(void *ctx, uint32_t n, const char *cell, size_t size)
{
	struct heading      *heading = ctx;
	const struct config *config  = heading->csv->config;

	(void)size;
	if (n == CSV_COLUMNS_MAX) {
		snprintf(heading->error, CSV_ERROR_BYTES, "has more than %d columns",
			 CSV_COLUMNS_MAX);
		return false;
	}
	for (uint32_t i = 0; i < config->columns_count; i++)
		if (strcmp(config->columns[i].column, cell) == 0)
			heading->csv->column[n] = &config->columns[i];
	heading->csv->columns = n + 1;
	return true;
}

static bool has_column(const struct csv *csv, const struct config_column *column)
{
	for (uint32_t i = 0; i < csv->columns; i++)
		if (csv->column[i] == column)
			return true;
	return false;
}

bool csv_begin(struct csv *csv, const struct config *config, const char *header,
	       char error[CSV_ERROR_BYTES])
{
	struct heading heading = { csv, error };

	memset(csv, 0, sizeof(*csv));
	csv->config = config;
	if (config->columns_count == 0) {
		snprintf(error, CSV_ERROR_BYTES,
			 "the config maps no columns: columns = ( { column = \"...\"; field = "
			 "\"...\"; }, ... ); says which is what");
		return false;
	}
	if (!each_cell(header, take_heading, &heading, error))
		return false;
	for (uint32_t i = 0; i < config->columns_count; i++)
		if (!has_column(csv, &config->columns[i])) {
			snprintf(error, CSV_ERROR_BYTES,
				 "has no column %s, which the config maps to %s",
				 config->columns[i].column, config->columns[i].field);
			return false;
		}
	return true;
}

/* ---- rows */

struct row {
	const struct csv *csv;
	char             *error;
	char             *body;
	size_t            at;
	char              features[CSV_LINE_BYTES_MAX * 2];
	size_t            features_at;
	char              merchant[2048];
	size_t            merchant_at;
	char              currency[16], amount[64];
	bool              has_channel;
	enum label_kind   label;
};

static void put(struct row *row, const char *text)
{
	size_t size = strlen(text);

	assert(row->at + size < CSV_BODY_BYTES_MAX);
	memcpy(row->body + row->at, text, size + 1);
	row->at += size;
}

/* A JSON string; control characters are left to the decoder to refuse. */
static void put_string(struct row *row, const char *text)
{
	char escaped[8];

	put(row, "\"");
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == '"' || *text == '\\')
			snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char)*text);
		else
			snprintf(escaped, sizeof(escaped), "%c", *text);
		put(row, escaped);
	}
	put(row, "\"");
}

static void put_member(struct row *row, const char *name, const char *text)
{
	put(row, row->at > 1 ? ", " : "");
	put_string(row, name);
	put(row, ": ");
	put_string(row, text);
}

static bool put_time(struct row *row, const char *cell)
{
	char      text[64];
	char     *end;
	time_t    seconds;
	struct tm utc;

	switch (row->csv->config->csv.time_format) {
	case CONFIG_TIME_RFC3339: snprintf(text, sizeof(text), "%s", cell); break;
	case CONFIG_TIME_DATETIME:
		snprintf(text, sizeof(text), "%sZ", cell);
		if (strlen(text) > 10)
			text[10] = 'T';
		break;
	default:
		seconds = (time_t)strtoll(cell, &end, 10);
		if (end == cell || (*end != '\0' && *end != '.')) {
			snprintf(row->error, CSV_ERROR_BYTES, "time is not a number of seconds");
			return false;
		}
		gmtime_r(&seconds, &utc);
		strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &utc);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.24sZ", end);
	}
	put_member(row, "time", text);
	return true;
}

static bool put_label(struct row *row, const char *cell)
{
	if (strcmp(cell, "1") == 0 || strcmp(cell, "fraud") == 0)
		row->label = LABEL_FRAUD;
	else if (strcmp(cell, "0") == 0 || strcmp(cell, "genuine") == 0)
		row->label = LABEL_GENUINE;
	else if (cell[0] != '\0') {
		snprintf(row->error, CSV_ERROR_BYTES,
			 "the label is '%.40s', must be 1, 0, fraud, genuine or empty", cell);
		return false;
	}
	return true;
}

/* Fields that JSON keeps inside an object, and those it names otherwise. */
static bool put_field(struct row *row, enum field field, const char *cell)
{
	static const char *const in_merchant[FIELD_COUNT] = {
		[FIELD_MERCHANT]          = "id",
		[FIELD_MERCHANT_CATEGORY] = "category",
		[FIELD_MERCHANT_COUNTRY]  = "country",
	};

	if (cell[0] == '\0')
		return true;
	if (field == FIELD_CURRENCY) {
		snprintf(row->currency, sizeof(row->currency), "%s", cell);
		return true;
	}
	if (field == FIELD_CHANNEL)
		row->has_channel = true;
	if (in_merchant[field]) {
		row->merchant_at += (size_t)snprintf(row->merchant + row->merchant_at,
						     sizeof(row->merchant) - row->merchant_at,
						     "%s\"%s\": \"%.200s\"",
						     row->merchant_at ? ", " : "",
						     in_merchant[field], cell);
		return true;
	}
	put_member(row, field_name(field), cell);
	return true;
}

static bool put_feature(struct row *row, uint16_t slot, const char *cell)
{
	char  *end;
	double value = strtod(cell, &end);

	if (cell[0] == '\0')
		return true;
	if (*end != '\0') {
		snprintf(row->error, CSV_ERROR_BYTES, "feature %s is not a number",
			 row->csv->config->features.names[slot]);
		return false;
	}
	row->features_at += (size_t)snprintf(row->features + row->features_at,
					     sizeof(row->features) - row->features_at,
					     "%s\"%s\": %.17g", row->features_at ? ", " : "",
					     row->csv->config->features.names[slot], value);
	return true;
}

static bool take_cell(void *ctx, uint32_t n, const char *cell, size_t size)
{
	struct row                 *row    = ctx;
	const struct config_column *column = n < row->csv->columns ? row->csv->column[n] : NULL;

	(void)size;
	if (n >= row->csv->columns) {
		snprintf(row->error, CSV_ERROR_BYTES, "has more cells than the header");
		return false;
	}
	if (!column)
		return true;
	switch (column->target) {
	case CONFIG_COLUMN_TIME: return put_time(row, cell);
	case CONFIG_COLUMN_AMOUNT:
		snprintf(row->amount, sizeof(row->amount), "%s", cell);
		return true;
	case CONFIG_COLUMN_LABEL: return put_label(row, cell);
	case CONFIG_COLUMN_FEATURE: return put_feature(row, column->at, cell);
	default: return put_field(row, (enum field)column->at, cell);
	}
}

/* A float's spelling of an amount becomes the amount. */
static void mend_amount(struct row *row, const char *currency)
{
	const struct currency *known = strlen(currency) == 3 ? currency_find(currency) : NULL;
	const char            *point = strchr(row->amount, '.');

	if (known && point && strlen(point + 1) >= CSV_FLOAT_DECIMALS)
		snprintf(row->amount, sizeof(row->amount), "%.*f", known->exponent,
			 strtod(row->amount, NULL));
}

size_t csv_row(const struct csv *csv, const char *text, char *body, enum label_kind *label,
	       char error[CSV_ERROR_BYTES])
{
	static _Thread_local struct row row;
	char                            amount[160];

	memset(&row, 0, offsetof(struct row, features));
	row.csv         = csv;
	row.error       = error;
	row.body        = body;
	row.features_at = row.merchant_at = 0;
	row.currency[0] = row.amount[0] = '\0';
	row.has_channel                 = false;
	row.label                       = LABEL_NONE;
	put(&row, "{");
	if (!each_cell(text, take_cell, &row, error))
		return 0;
	if (!row.has_channel)
		put_member(&row, "channel",
			   transaction_channel_name(
				   (enum transaction_channel)csv->config->csv.channel));
	mend_amount(&row, row.currency[0] ? row.currency : csv->config->csv.currency);
	snprintf(amount, sizeof(amount), ", \"amount\": {\"value\": \"%s\", \"currency\": \"%s\"}",
		 row.amount, row.currency[0] ? row.currency : csv->config->csv.currency);
	put(&row, amount);
	if (row.merchant_at > 0) {
		put(&row, ", \"merchant\": {");
		put(&row, row.merchant);
		put(&row, "}");
	}
	if (row.features_at > 0) {
		put(&row, ", \"features\": {");
		put(&row, row.features);
		put(&row, "}");
	}
	put(&row, "}");
	*label = row.label;
	return row.at;
}
