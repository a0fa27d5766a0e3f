/* One payment, decoded: what every stage after the decoder works on.
 *
 * Owner:  the net core that decoded it; fixed size, no pointers, may be copied.
 * Bounds: every text has a fixed capacity; the decoder refuses what is longer.
 * Source: field names follow ISO 20022 where it has one.
 *
 * Texts are UTF-8, not NUL-terminated, length in `size_bytes`; unused capacity
 * is zero, so that equal transactions are equal bytes.  A text of length 0 is
 * an absent field. */
#ifndef ASSAY_RUNTIME_BASE_TRANSACTION_H
#define ASSAY_RUNTIME_BASE_TRANSACTION_H

#include <assert.h>
#include <stdint.h>

#define TRANSACTION_PARTIES_MAX     4
#define TRANSACTION_IDENTIFIERS_MAX 2   /* per party */
#define TRANSACTION_FEATURES_MAX    256 /* named numbers from the caller's feature store */

#define TEXT_OF(capacity)                \
	struct {                         \
		uint16_t size_bytes;     \
		char     data[capacity]; \
	}

enum transaction_channel {
	CHANNEL_NONE,
	CHANNEL_CARD_PRESENT,
	CHANNEL_CARD_NOT_PRESENT,
	CHANNEL_ATM,
	CHANNEL_INSTANT,
	CHANNEL_WIRE,
	CHANNEL_ACH,
	CHANNEL_COUNT,
};

enum party_role {
	PARTY_NONE,
	PARTY_ORIGINATOR,
	PARTY_BENEFICIARY,
	PARTY_ORIGINATOR_AGENT,
	PARTY_BENEFICIARY_AGENT,
	PARTY_ROLE_COUNT,
};

struct party_identifier {
	TEXT_OF(14) scheme; /* "IBAN", "BIC", "LEI", "PASSPORT", ... upper case */
	TEXT_OF(46) value;
};

struct party {
	uint8_t role; /* enum party_role; each role at most once */
	uint8_t identifiers_count;
	char    country[2]; /* ISO 3166-1 alpha-2, or two zero bytes */
	TEXT_OF(142) name;  /* ISO 20022 Max140Text */
	struct party_identifier identifiers[TRANSACTION_IDENTIFIERS_MAX];
};

struct transaction {
	TEXT_OF(66) id;        /* the caller's; required, 1 to 64 bytes */
	int64_t  time_ns;      /* Unix epoch, from RFC 3339; required */
	int64_t  amount_minor; /* exact, in the currency's minor units; 0 <= x < 10^15; required */
	char     currency[3];  /* ISO 4217 alphabetic; required */
	uint8_t  currency_exponent; /* minor-unit digits of `currency`, 0 to 4 */
	uint8_t  channel;           /* enum transaction_channel; required */
	uint8_t  parties_count;
	uint32_t deadline_us;    /* from the request's first byte; 0: none */
	uint16_t features_count; /* = the schema's count; slots not supplied are NaN */
	TEXT_OF(66) card;        /* a token, never a PAN; at least one of card, account */
	TEXT_OF(66) account;
	TEXT_OF(66) merchant;
	TEXT_OF(66) terminal;
	TEXT_OF(66) device; /* the caller's token of the device or session the order came from */
	TEXT_OF(66) payee;  /* a token of the beneficiary's account */
	char         merchant_category[4]; /* ISO 18245, four digits, or zero bytes */
	char         merchant_country[2];
	struct party parties[TRANSACTION_PARTIES_MAX];
	/* [features_count], in the order of the feature schema of the config; NaN
	 * (0x7fc00000 exactly) where the caller supplied none */
	float features[TRANSACTION_FEATURES_MAX];
};

/* The feature schema: names in slot order, fixed at load from the config. */
struct feature_schema {
	uint16_t count;
	char     names[TRANSACTION_FEATURES_MAX][64]; /* NUL-terminated */
};

/* "card_present" for CHANNEL_CARD_PRESENT, "originator" for PARTY_ORIGINATOR;
 * the JSON spelling.  NULL for CHANNEL_NONE and PARTY_NONE. */
const char *transaction_channel_name(enum transaction_channel channel);
const char *party_role_name(enum party_role role);

#endif
