/* The fields of a transaction by name: what can key an entity, what can be counted
 * distinct, what a rule or a list can ask for.
 *
 * One table (field.c) has a row per field: its name as it stands in the config and in
 * rules, whether it is a text, and where it lies.  A new field of struct transaction
 * gets its row there and nowhere else. */
#ifndef ASSAY_RUNTIME_BASE_FIELD_H
#define ASSAY_RUNTIME_BASE_FIELD_H

#include <assert.h>
#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/transaction.h"

/* The same for each role.  Identifiers by scheme: IBAN, BIC, LEI and PASSPORT have a
 * field of their own, the first of that scheme; OTHER and OTHER_2 are the first and the
 * second of any other scheme (ISO 20022: Othr), in the order they came in. */
#define FIELD_OF_PARTY(ROLE)                                                                  \
	FIELD_##ROLE##_NAME, FIELD_##ROLE##_COUNTRY, FIELD_##ROLE##_IBAN, FIELD_##ROLE##_BIC, \
		FIELD_##ROLE##_LEI, FIELD_##ROLE##_PASSPORT, FIELD_##ROLE##_OTHER,            \
		FIELD_##ROLE##_OTHER_SCHEME, FIELD_##ROLE##_OTHER_2, FIELD_##ROLE##_OTHER_2_SCHEME

enum field {
	FIELD_NONE,
	FIELD_ID,
	FIELD_CARD,
	FIELD_ACCOUNT,
	FIELD_PAYEE,
	FIELD_DEVICE,
	FIELD_TERMINAL,
	FIELD_MERCHANT,
	FIELD_MERCHANT_CATEGORY,
	FIELD_MERCHANT_COUNTRY,
	FIELD_CURRENCY,
	FIELD_CHANNEL, /* its JSON spelling: "card_present" */
	FIELD_OF_PARTY(ORIGINATOR),
	FIELD_OF_PARTY(BENEFICIARY),
	FIELD_OF_PARTY(ORIGINATOR_AGENT),
	FIELD_OF_PARTY(BENEFICIARY_AGENT),
	FIELD_COUNT,
};
static_assert(FIELD_COUNT <= 64, "sets of fields are 64 bits");

/* The field's text; empty when the transaction lacks it. */
struct bytes field_text(const struct transaction *transaction, enum field field);

/* "merchant_category"; FIELD_NONE: "". */
const char *field_name(enum field field);
enum field  field_of_name(struct bytes name); /* FIELD_NONE: there is no such field */

#endif
