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
	FORM_PARTY_SCHEME, /* the identifier of that scheme */
	FORM_PARTY_OTHER,  /* the nth identifier of a scheme that has no field of its own */
	FORM_PARTY_OTHER_SCHEME,
};

/* Schemes that have a field of their own. */
enum { IBAN, BIC, LEI, PASSPORT, SCHEMES_COUNT };
static const char *const schemes[SCHEMES_COUNT] = { "IBAN", "BIC", "LEI", "PASSPORT" };

static const struct field_row {
	const char *name;
	uint8_t     form;
	uint8_t     n;    /* FORM_LETTERS: bytes; of parties: which scheme, or which of others */
	uint8_t     role; /* of parties */
	size_t      offset_bytes;
} rows[FIELD_COUNT] = {
#define AT(member)      offsetof(struct transaction, member)
#define TEXT(member)    FORM_TEXT, 0, 0, AT(member)
#define LETTERS(member) FORM_LETTERS, sizeof(((struct transaction *)0)->member), 0, AT(member)
/* clang-format off */
#define PARTY(ROLE, role) \
	[FIELD_##ROLE##_NAME]           = { role "_name",           FORM_PARTY_NAME,         0,        PARTY_##ROLE, 0 }, \
	[FIELD_##ROLE##_COUNTRY]        = { role "_country",        FORM_PARTY_COUNTRY,      0,        PARTY_##ROLE, 0 }, \
	[FIELD_##ROLE##_IBAN]           = { role "_iban",           FORM_PARTY_SCHEME,       IBAN,     PARTY_##ROLE, 0 }, \
	[FIELD_##ROLE##_BIC]            = { role "_bic",            FORM_PARTY_SCHEME,       BIC,      PARTY_##ROLE, 0 }, \
	[FIELD_##ROLE##_LEI]            = { role "_lei",            FORM_PARTY_SCHEME,       LEI,      PARTY_##ROLE, 0 }, \
	[FIELD_##ROLE##_PASSPORT]       = { role "_passport",       FORM_PARTY_SCHEME,       PASSPORT, PARTY_##ROLE, 0 }, \
	[FIELD_##ROLE##_OTHER]          = { role "_other",          FORM_PARTY_OTHER,        0,        PARTY_##ROLE, 0 }, \
	[FIELD_##ROLE##_OTHER_SCHEME]   = { role "_other_scheme",   FORM_PARTY_OTHER_SCHEME, 0,        PARTY_##ROLE, 0 }, \
	[FIELD_##ROLE##_OTHER_2]        = { role "_other_2",        FORM_PARTY_OTHER,        1,        PARTY_##ROLE, 0 }, \
	[FIELD_##ROLE##_OTHER_2_SCHEME] = { role "_other_2_scheme", FORM_PARTY_OTHER_SCHEME, 1,        PARTY_##ROLE, 0 }
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
	PARTY(ORIGINATOR,             "originator"),
	PARTY(BENEFICIARY,            "beneficiary"),
	PARTY(ORIGINATOR_AGENT,       "originator_agent"),
	PARTY(BENEFICIARY_AGENT,      "beneficiary_agent"),
/* clang-format on */
#undef AT
#undef TEXT
#undef LETTERS
#undef PARTY
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

static int scheme_of(const struct party_identifier *identifier)
{
	struct bytes text = bytes_of(identifier->scheme.data, identifier->scheme.size_bytes);
	int          i    = 0;

	while (i < SCHEMES_COUNT && !bytes_equal(text, bytes_of(schemes[i], strlen(schemes[i]))))
		i++;
	return i;
}

/* The first identifier of a scheme, or the nth of those that have none of ours. */
static const struct party_identifier *find_identifier(const struct party     *party,
						      const struct field_row *row)
{
	int wanted = row->form == FORM_PARTY_SCHEME ? row->n : SCHEMES_COUNT;
	int skip   = row->form == FORM_PARTY_SCHEME ? 0 : row->n;

	for (uint32_t i = 0; i < party->identifiers_count && i < TRANSACTION_IDENTIFIERS_MAX; i++) {
		if (scheme_of(&party->identifiers[i]) == wanted && skip-- == 0)
			return &party->identifiers[i];
	}
	return NULL;
}

static struct bytes text_of_party(const struct party *party, const struct field_row *row)
{
	const struct party_identifier *found;

	if (row->form == FORM_PARTY_NAME)
		return bytes_of(party->name.data, party->name.size_bytes);
	if (row->form == FORM_PARTY_COUNTRY)
		return letters(party->country, sizeof(party->country));
	found = find_identifier(party, row);
	if (found == NULL)
		return bytes_of(NULL, 0);
	return row->form == FORM_PARTY_OTHER_SCHEME
		       ? bytes_of(found->scheme.data, found->scheme.size_bytes)
		       : bytes_of(found->value.data, found->value.size_bytes);
}

/* A role is there once at most. */
static struct bytes party_text(const struct transaction *t, const struct field_row *row)
{
	for (uint32_t i = 0; i < t->parties_count && i < TRANSACTION_PARTIES_MAX; i++) {
		if (t->parties[i].role == row->role)
			return text_of_party(&t->parties[i], row);
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
	case FORM_LETTERS: return letters((const char *)at, row->n);
	case FORM_CHANNEL:
		name = transaction_channel_name(transaction->channel);
		return name == NULL ? bytes_of(NULL, 0) : bytes_of(name, strlen(name));
	case FORM_NONE: return bytes_of(NULL, 0);
	default: return party_text(transaction, row);
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
