/* The fields of a transaction by name: what can key an entity, what can be counted
 * distinct, what a rule or a list can ask for.
 *
 * One table (field.c) has a row per field: its name as it stands in the config and in
 * rules, whether it is a text, and where it lies.  A new field of struct transaction
 * gets its row there and nowhere else. */
#ifndef ASSAY_RUNTIME_BASE_FIELD_H
#define ASSAY_RUNTIME_BASE_FIELD_H

#include <stdbool.h>

#include "runtime/base/bytes.h"
#include "runtime/base/transaction.h"

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
	FIELD_ORIGINATOR_NAME,
	FIELD_ORIGINATOR_COUNTRY,
	FIELD_BENEFICIARY_NAME,
	FIELD_BENEFICIARY_COUNTRY,
	FIELD_COUNT,
};

/* The field's text; empty when the transaction lacks it. */
struct bytes field_text(const struct transaction *transaction, enum field field);

/* "merchant_category"; FIELD_NONE: "". */
const char *field_name(enum field field);
enum field  field_of_name(struct bytes name); /* FIELD_NONE: there is no such field */

#endif
