#include "runtime/base/field.h"

#include <assert.h>
#include <string.h>

/* Where a field lies: a TEXT_OF, a run of letters that may be zero bytes, or a thing of
 * its own. */
enum shape { SHAPE_NONE, SHAPE_TEXT, SHAPE_LETTERS, SHAPE_CHANNEL, SHAPE_NAME, SHAPE_COUNTRY };

struct row {
	const char *name;
	uint8_t     shape;
	uint8_t     letters; /* SHAPE_LETTERS: how many; of a party: its role */
	uint16_t    offset_bytes;
};

#define AT(member) offsetof(struct transaction, member)

/* clang-format off */
static const struct row rows[FIELD_COUNT] = {
	[FIELD_NONE]                = { "",                    SHAPE_NONE,    0, 0 },
	[FIELD_ID]                  = { "id",                  SHAPE_TEXT,    0, AT(id) },
	[FIELD_CARD]                = { "card",                SHAPE_TEXT,    0, AT(card) },
	[FIELD_ACCOUNT]             = { "account",             SHAPE_TEXT,    0, AT(account) },
	[FIELD_PAYEE]               = { "payee",               SHAPE_TEXT,    0, AT(payee) },
	[FIELD_DEVICE]              = { "device",              SHAPE_TEXT,    0, AT(device) },
	[FIELD_TERMINAL]            = { "terminal",            SHAPE_TEXT,    0, AT(terminal) },
	[FIELD_MERCHANT]            = { "merchant",            SHAPE_TEXT,    0, AT(merchant) },
	[FIELD_MERCHANT_CATEGORY]   = { "merchant_category",   SHAPE_LETTERS, 4, AT(merchant_category) },
	[FIELD_MERCHANT_COUNTRY]    = { "merchant_country",    SHAPE_LETTERS, 2, AT(merchant_country) },
	[FIELD_CURRENCY]            = { "currency",            SHAPE_LETTERS, 3, AT(currency) },
	[FIELD_CHANNEL]             = { "channel",             SHAPE_CHANNEL, 0, AT(channel) },
	[FIELD_ORIGINATOR_NAME]     = { "originator_name",     SHAPE_NAME,    PARTY_ORIGINATOR, 0 },
	[FIELD_ORIGINATOR_COUNTRY]  = { "originator_country",  SHAPE_COUNTRY, PARTY_ORIGINATOR, 0 },
	[FIELD_BENEFICIARY_NAME]    = { "beneficiary_name",    SHAPE_NAME,    PARTY_BENEFICIARY, 0 },
	[FIELD_BENEFICIARY_COUNTRY] = { "beneficiary_country", SHAPE_COUNTRY, PARTY_BENEFICIARY, 0 },
};
/* clang-format on */

static struct bytes letters(const char *data, size_t size_bytes)
{
	return bytes_of(data, data[0] ? size_bytes : 0);
}

static struct bytes of_party(const struct transaction *transaction, const struct row *row)
{
	for (uint8_t i = 0; i < transaction->parties_count; i++) {
		const struct party *party = &transaction->parties[i];

		if (party->role != row->letters)
			continue;
		return row->shape == SHAPE_NAME ? bytes_of(party->name.data, party->name.size_bytes)
						: letters(party->country, sizeof(party->country));
	}
	return (struct bytes){ 0 };
}

struct bytes field_text(const struct transaction *transaction, enum field field)
{
	assert(field < FIELD_COUNT);
	const struct row *row = &rows[field];
	const char       *at  = (const char *)transaction + row->offset_bytes;
	uint16_t          size_bytes;

	switch (row->shape) {
	case SHAPE_TEXT: /* every TEXT_OF begins with its length */
		memcpy(&size_bytes, at, sizeof(size_bytes));
		return bytes_of(at + sizeof(size_bytes), size_bytes);
	case SHAPE_LETTERS: return letters(at, row->letters);
	case SHAPE_CHANNEL:
		at = transaction_channel_name(transaction->channel);
		return bytes_of(at, at ? strlen(at) : 0);
	case SHAPE_NAME:
	case SHAPE_COUNTRY: return of_party(transaction, row);
	default: return (struct bytes){ 0 };
	}
}

const char *field_name(enum field field)
{
	assert(field < FIELD_COUNT);
	return rows[field].name;
}

enum field field_of_name(struct bytes name)
{
	for (enum field field = FIELD_NONE + 1; field < FIELD_COUNT; field++)
		if (bytes_equal(name, bytes_of(rows[field].name, strlen(rows[field].name))))
			return field;
	return FIELD_NONE;
}
