#include "runtime/base/field.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* How a field lies in the transaction. */
enum field_form {
	FORM_NONE,
	FORM_TEXT,    /* TEXT_OF */
	FORM_LETTERS, /* fixed width, zero bytes when absent */
	FORM_CHANNEL,
	FORM_PARTY_NAME,
	FORM_PARTY_COUNTRY,
};

static const struct field_row {
	const char *name;
	uint8_t     form;
	uint8_t     size_bytes; /* FORM_LETTERS */
	uint8_t     role;       /* of parties */
	size_t      offset_bytes;
} rows[FIELD_COUNT] = {
#define AT(member)      offsetof(struct transaction, member)
#define TEXT(member)    FORM_TEXT, 0, 0, AT(member)
#define LETTERS(member) FORM_LETTERS, sizeof(((struct transaction *)0)->member), 0, AT(member)
	/* clang-format off */
	[FIELD_NONE]                = { "",                    FORM_NONE, 0, 0, 0 },
	[FIELD_ID]                  = { "id",                  TEXT(id) },
	[FIELD_CARD]                = { "card",                TEXT(card) },
	[FIELD_ACCOUNT]             = { "account",             TEXT(account) },
	[FIELD_PAYEE]               = { "payee",               TEXT(payee) },
	[FIELD_DEVICE]              = { "device",              TEXT(device) },
	[FIELD_TERMINAL]            = { "terminal",            TEXT(terminal) },
	[FIELD_MERCHANT]            = { "merchant",            TEXT(merchant) },
	[FIELD_MERCHANT_CATEGORY]   = { "merchant_category",   LETTERS(merchant_category) },
	[FIELD_MERCHANT_COUNTRY]    = { "merchant_country",    LETTERS(merchant_country) },
	[FIELD_CURRENCY]            = { "currency",            LETTERS(currency) },
	[FIELD_CHANNEL]             = { "channel",             FORM_CHANNEL, 0, 0, 0 },
	[FIELD_ORIGINATOR_NAME]     = { "originator_name",     FORM_PARTY_NAME, 0, PARTY_ORIGINATOR, 0 },
	[FIELD_ORIGINATOR_COUNTRY]  = { "originator_country",  FORM_PARTY_COUNTRY, 0, PARTY_ORIGINATOR, 0 },
	[FIELD_BENEFICIARY_NAME]    = { "beneficiary_name",    FORM_PARTY_NAME, 0, PARTY_BENEFICIARY, 0 },
	[FIELD_BENEFICIARY_COUNTRY] = { "beneficiary_country", FORM_PARTY_COUNTRY, 0, PARTY_BENEFICIARY, 0 },
/* clang-format on */
#undef AT
#undef TEXT
#undef LETTERS
};

static struct bytes letters(const char *data, size_t size_bytes)
{
	return data[0] == '\0' ? bytes_of(NULL, 0) : bytes_of(data, size_bytes);
}

/* Every TEXT_OF begins with its length; the bytes follow without a gap. */
static struct bytes text_at(const void *text)
{
	uint16_t size_bytes;

	memcpy(&size_bytes, text, sizeof(size_bytes));
	return bytes_of((const uint8_t *)text + sizeof(size_bytes), size_bytes);
}

static struct bytes party_text(const struct transaction *t, const struct field_row *row)
{
	for (uint32_t i = 0; i < t->parties_count && i < TRANSACTION_PARTIES_MAX; i++) {
		const struct party *party = &t->parties[i];

		if (party->role != row->role)
			continue;
		return row->form == FORM_PARTY_NAME
			       ? bytes_of(party->name.data, party->name.size_bytes)
			       : letters(party->country, sizeof(party->country));
	}
	return bytes_of(NULL, 0);
}

struct bytes field_text(const struct transaction *transaction, enum field field)
{
	const char *name;

	assert(field < FIELD_COUNT);
	const struct field_row *row = &rows[field];
	const uint8_t          *at  = (const uint8_t *)transaction + row->offset_bytes;

	switch (row->form) {
	case FORM_TEXT: return text_at(at);
	case FORM_LETTERS: return letters((const char *)at, row->size_bytes);
	case FORM_CHANNEL:
		name = transaction_channel_name(transaction->channel);
		return name == NULL ? bytes_of(NULL, 0) : bytes_of(name, strlen(name));
	case FORM_PARTY_NAME:
	case FORM_PARTY_COUNTRY: return party_text(transaction, row);
	default: return bytes_of(NULL, 0);
	}
}

const char *field_name(enum field field)
{
	assert(field < FIELD_COUNT);
	return rows[field].name;
}

enum field field_of_name(struct bytes name)
{
	for (int field = FIELD_NONE + 1; field < FIELD_COUNT; field++) {
		if (bytes_equal(name, bytes_of(rows[field].name, strlen(rows[field].name))))
			return (enum field)field;
	}
	return FIELD_NONE;
}
