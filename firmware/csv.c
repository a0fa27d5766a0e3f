#include "firmware/csv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/currency.h"
#include "runtime/base/field.h"
#include "runtime/base/time.h"

#define SECOND_NS        INT64_C(1000000000)
#define UNIX_SECONDS_MAX (INT64_MAX / SECOND_NS) /* in the year 2262 */

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

/* The objects of a request's body, each filled as its cells come by. */
enum part {
	PART_TOP,
	PART_AMOUNT,
	PART_MERCHANT,
	PART_ORIGINATOR,
	PART_BENEFICIARY,
	PART_FEATURES
};
#define PARTS (PART_FEATURES + 1)

struct part_text {
	size_t size_bytes;
	char   text[CSV_BODY_BYTES_MAX];
};

struct row {
	const struct csv *csv;
	char             *error;
	char              currency[16], amount[CSV_LINE_BYTES_MAX + 1];
	bool              has_channel;
	enum label_kind   label;
	struct part_text  part[PARTS];
};

static void put(struct part_text *part, const char *text, size_t size)
{
	assert(part->size_bytes + size < sizeof(part->text));
	memcpy(part->text + part->size_bytes, text, size);
	part->size_bytes += size;
}

static void put_text(struct part_text *part, const char *text)
{
	put(part, text, strlen(text));
}

/* A JSON string; control characters are left to the decoder to refuse. */
static void put_string(struct part_text *part, const char *text)
{
	char escaped[8];

	put_text(part, "\"");
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == '"' || *text == '\\') {
			snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char)*text);
			put_text(part, escaped);
		} else {
			put(part, text, 1);
		}
	}
	put_text(part, "\"");
}

static void put_name(struct part_text *part, const char *name)
{
	put_text(part, part->size_bytes > 0 ? ", " : "");
	put_string(part, name);
	put_text(part, ": ");
}

static void put_member(struct part_text *part, const char *name, const char *text)
{
	put_name(part, name);
	put_string(part, text);
}

/* Seconds since 1970, with up to nine decimals, as RFC 3339. */
static bool print_unix(const char *cell, char out[TIME_TEXT_BYTES_MAX])
{
	size_t    digits   = strspn(cell, "0123456789");
	size_t    decimals = cell[digits] == '.' ? strspn(cell + digits + 1, "0123456789") : 0;
	size_t    whole    = digits + (cell[digits] == '.') + decimals;
	long long seconds  = strtoll(cell, NULL, 10);

	if (digits == 0 || decimals > 9 || cell[whole] != '\0' || seconds >= UNIX_SECONDS_MAX)
		return false;
	time_print(seconds * SECOND_NS, out);
	if (decimals > 0)
		sprintf(out + strlen("0000-00-00T00:00:00"), ".%.*sZ", (int)decimals,
			cell + digits + 1);
	return true;
}

static bool put_time(struct row *row, const char *cell)
{
	char text[64];

	switch (row->csv->config->csv.time_format) {
	case CONFIG_TIME_DATETIME:
		snprintf(text, sizeof(text), "%sZ", cell);
		if (strlen(text) > 10)
			text[10] = 'T';
		cell = text;
		break;
	case CONFIG_TIME_UNIX:
		if (!print_unix(cell, text)) {
			snprintf(
				row->error, CSV_ERROR_BYTES,
				"time is not a number of seconds since 1970, such as 1522540831.5");
			return false;
		}
		cell = text;
		break;
	default: break;
	}
	put_member(&row->part[PART_TOP], "time", cell);
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

/* Fields that JSON keeps inside an object, and what it calls them there; the others are
 * at the top, under their own names. */
static const struct {
	enum part   part;
	const char *name;
} inside[FIELD_COUNT] = {
	[FIELD_MERCHANT]            = { PART_MERCHANT, "id" },
	[FIELD_MERCHANT_CATEGORY]   = { PART_MERCHANT, "category" },
	[FIELD_MERCHANT_COUNTRY]    = { PART_MERCHANT, "country" },
	[FIELD_ORIGINATOR_NAME]     = { PART_ORIGINATOR, "name" },
	[FIELD_ORIGINATOR_COUNTRY]  = { PART_ORIGINATOR, "country" },
	[FIELD_BENEFICIARY_NAME]    = { PART_BENEFICIARY, "name" },
	[FIELD_BENEFICIARY_COUNTRY] = { PART_BENEFICIARY, "country" },
};

static bool put_field(struct row *row, enum field field, const char *cell)
{
	if (cell[0] == '\0')
		return true;
	if (field == FIELD_CURRENCY) {
		snprintf(row->currency, sizeof(row->currency), "%s", cell);
		return true;
	}
	if (field == FIELD_CHANNEL)
		row->has_channel = true;
	put_member(&row->part[inside[field].part],
		   inside[field].name ? inside[field].name : field_name(field), cell);
	return true;
}

static bool put_feature(struct row *row, uint16_t slot, const char *cell)
{
	struct part_text *part = &row->part[PART_FEATURES];
	char             *end, text[40];
	double            value = strtod(cell, &end);

	if (cell[0] == '\0')
		return true;
	if (*end != '\0') {
		snprintf(row->error, CSV_ERROR_BYTES, "feature %s is not a number",
			 row->csv->config->features.names[slot]);
		return false;
	}
	snprintf(text, sizeof(text), "%.17g", value);
	put_name(part, row->csv->config->features.names[slot]);
	put_text(part, text);
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

static void put_amount(struct row *row)
{
	const char *currency = row->currency[0] ? row->currency : row->csv->config->csv.currency;

	mend_amount(row, currency);
	put_member(&row->part[PART_AMOUNT], "value", row->amount);
	put_member(&row->part[PART_AMOUNT], "currency", currency);
}

/* One object becomes a member of the top, when it has anything. */
static void put_part(struct row *row, enum part part, const char *name, const char *before,
		     const char *after)
{
	struct part_text *top = &row->part[PART_TOP], *from = &row->part[part];

	if (from->size_bytes == 0)
		return;
	if (name)
		put_name(top, name);
	put_text(top, before);
	put(top, from->text, from->size_bytes);
	put_text(top, after);
}

static void put_parties(struct row *row)
{
	bool both = row->part[PART_ORIGINATOR].size_bytes > 0 &&
		    row->part[PART_BENEFICIARY].size_bytes > 0;

	put_part(row, PART_ORIGINATOR, "parties", "[{\"role\": \"originator\", ",
		 both ? "}" : "}]");
	put_part(row, PART_BENEFICIARY, both ? NULL : "parties",
		 both ? ", {\"role\": \"beneficiary\", " : "[{\"role\": \"beneficiary\", ", "}]");
}

size_t csv_row(const struct csv *csv, const char *text, char *body, enum label_kind *label,
	       char error[CSV_ERROR_BYTES])
{
	static _Thread_local struct row row;
	struct part_text               *top = &row.part[PART_TOP];

	row.csv         = csv;
	row.error       = error;
	row.currency[0] = row.amount[0] = '\0';
	row.has_channel                 = false;
	row.label                       = LABEL_NONE;
	for (int i = 0; i < PARTS; i++)
		row.part[i].size_bytes = 0;
	if (!each_cell(text, take_cell, &row, error))
		return 0;
	if (!row.has_channel)
		put_member(top, "channel",
			   transaction_channel_name(
				   (enum transaction_channel)csv->config->csv.channel));
	put_amount(&row);
	put_part(&row, PART_AMOUNT, "amount", "{", "}");
	put_part(&row, PART_MERCHANT, "merchant", "{", "}");
	put_parties(&row);
	put_part(&row, PART_FEATURES, "features", "{", "}");
	*label  = row.label;
	body[0] = '{';
	memcpy(body + 1, top->text, top->size_bytes);
	body[1 + top->size_bytes] = '}';
	return top->size_bytes + 2;
}
