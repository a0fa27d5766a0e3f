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
	PART_PARTIES, /* by role, from PARTY_ORIGINATOR */
	PART_FEATURES = PART_PARTIES + PARTY_ROLE_COUNT - 1
};
#define PARTS (PART_FEATURES + 1)

/* Identifiers of a party, in the order of FIELD_OF_PARTY. */
enum identifier {
	IDENTIFIER_IBAN,
	IDENTIFIER_BIC,
	IDENTIFIER_LEI,
	IDENTIFIER_PASSPORT,
	IDENTIFIER_OTHER,
	IDENTIFIER_OTHER_2,
	IDENTIFIERS
};
#define IDENTIFIER_BYTES 64 /* more than the decoder takes, which says so */

struct identifier_text {
	char scheme[IDENTIFIER_BYTES], value[IDENTIFIER_BYTES]; /* "": none */
};

struct part_text {
	size_t size_bytes;
	char   text[CSV_BODY_BYTES_MAX];
};

struct row {
	const struct csv      *csv;
	char                  *error;
	char                   currency[16], amount[CSV_LINE_BYTES_MAX + 1];
	bool                   has_channel;
	enum label_kind        label;
	struct part_text       part[PARTS];
	struct identifier_text identifiers[PARTY_ROLE_COUNT][IDENTIFIERS];
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

/* Fields that JSON keeps inside the merchant, and what it calls them there; a party's
 * are inside the party, the others at the top, under their own names. */
static const struct {
	enum part   part;
	const char *name;
} inside[FIELD_ORIGINATOR_NAME] = {
	[FIELD_MERCHANT]          = { PART_MERCHANT, "id" },
	[FIELD_MERCHANT_CATEGORY] = { PART_MERCHANT, "category" },
	[FIELD_MERCHANT_COUNTRY]  = { PART_MERCHANT, "country" },
};

/* A party's fields are the same for every role, one role after the other. */
#define PARTY_FIELDS  (FIELD_BENEFICIARY_NAME - FIELD_ORIGINATOR_NAME)
#define WITHIN(FIELD) (FIELD_ORIGINATOR_##FIELD - FIELD_ORIGINATOR_NAME)
static_assert(FIELD_COUNT == FIELD_ORIGINATOR_NAME + (PARTY_ROLE_COUNT - 1) * PARTY_FIELDS,
	      "parties are the last fields");

static void put_party_field(struct row *row, enum field field, const char *cell)
{
	/* clang-format off */
	static const struct {
		const char *member, *scheme; /* neither: the scheme of an identifier */
		uint8_t     identifier;
	} fields[PARTY_FIELDS] = {
		[WITHIN(NAME)]           = { "name", NULL, 0 },
		[WITHIN(COUNTRY)]        = { "country", NULL, 0 },
		[WITHIN(IBAN)]           = { NULL, "IBAN", IDENTIFIER_IBAN },
		[WITHIN(BIC)]            = { NULL, "BIC", IDENTIFIER_BIC },
		[WITHIN(LEI)]            = { NULL, "LEI", IDENTIFIER_LEI },
		[WITHIN(PASSPORT)]       = { NULL, "PASSPORT", IDENTIFIER_PASSPORT },
		[WITHIN(OTHER)]          = { NULL, "", IDENTIFIER_OTHER },
		[WITHIN(OTHER_SCHEME)]   = { NULL, NULL, IDENTIFIER_OTHER },
		[WITHIN(OTHER_2)]        = { NULL, "", IDENTIFIER_OTHER_2 },
		[WITHIN(OTHER_2_SCHEME)] = { NULL, NULL, IDENTIFIER_OTHER_2 },
	};
	/* clang-format on */
	uint32_t                place = (uint32_t)(field - FIELD_ORIGINATOR_NAME);
	uint32_t                role = place / PARTY_FIELDS, at = place % PARTY_FIELDS;
	struct identifier_text *identifier = &row->identifiers[role][fields[at].identifier];

	if (fields[at].member) {
		put_member(&row->part[PART_PARTIES + role], fields[at].member, cell);
	} else if (fields[at].scheme) {
		snprintf(identifier->value, IDENTIFIER_BYTES, "%s", cell);
		if (fields[at].scheme[0] != '\0')
			strcpy(identifier->scheme, fields[at].scheme);
	} else {
		snprintf(identifier->scheme, IDENTIFIER_BYTES, "%s", cell);
	}
}

static bool put_field(struct row *row, enum field field, const char *cell)
{
	if (cell[0] == '\0')
		return true;
	if (field == FIELD_CURRENCY) {
		snprintf(row->currency, sizeof(row->currency), "%s", cell);
		return true;
	}
	if (field >= FIELD_ORIGINATOR_NAME) {
		put_party_field(row, field, cell);
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

/* What there is of each; one without the other is left to the decoder to refuse. */
static void put_identifiers(struct part_text *party, const struct identifier_text *identifiers)
{
	const char *before = "[";

	for (int i = 0; i < IDENTIFIERS; i++) {
		const struct identifier_text *one = &identifiers[i];

		if (one->scheme[0] == '\0' && one->value[0] == '\0')
			continue;
		if (before[0] == '[')
			put_name(party, "identifiers");
		put_text(party, before);
		put_text(party, "{\"scheme\": ");
		put_string(party, one->scheme);
		put_text(party, ", \"value\": ");
		put_string(party, one->value);
		put_text(party, "}");
		before = ", ";
	}
	put_text(party, before[0] == '[' ? "" : "]");
}

static void put_parties(struct row *row)
{
	const char *before = "[";
	char        head[64];

	for (uint32_t i = 0; i < PARTY_ROLE_COUNT - 1; i++) {
		struct part_text *party = &row->part[PART_PARTIES + i];

		put_identifiers(party, row->identifiers[i]);
		if (party->size_bytes == 0)
			continue;
		snprintf(head, sizeof(head), "%s{\"role\": \"%s\", ", before,
			 party_role_name((enum party_role)(PARTY_ORIGINATOR + i)));
		put_part(row, PART_PARTIES + i, before[0] == '[' ? "parties" : NULL, head, "}");
		before = ", ";
	}
	put_text(&row->part[PART_TOP], before[0] == '[' ? "" : "]");
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
	memset(row.identifiers, 0, sizeof(row.identifiers));
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
