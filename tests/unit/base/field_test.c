/* runtime/base/field.h: every field by name, and its text in a transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/base/field.h"
#include "runtime/base/label.h"

static struct transaction t;

static struct bytes text(const char *chars)
{
	return bytes_of(chars, strlen(chars));
}

#define PUT(member, chars)                                                                    \
	((member).size_bytes = (uint16_t)snprintf((member).data, sizeof((member).data), "%s", \
						  chars))

static const char *const names[]     = { "Bea", "Ori", "Bank B", "Bank O" };
static const char *const countries[] = { "FR", "PL", "BE", "AT" };

static void identify(uint32_t party, const char *scheme, const char *value)
{
	struct party            *p  = &t.parties[party];
	struct party_identifier *to = &p->identifiers[p->identifiers_count++];

	PUT(to->scheme, scheme);
	PUT(to->value, value);
}

static void fill(void)
{
	memset(&t, 0, sizeof(t));
	PUT(t.id, "id");
	PUT(t.card, "card");
	PUT(t.account, "account");
	PUT(t.payee, "payee");
	PUT(t.device, "device");
	PUT(t.terminal, "terminal");
	PUT(t.merchant, "merchant");
	memcpy(t.merchant_category, "5411", 4);
	memcpy(t.merchant_country, "DE", 2);
	memcpy(t.currency, "EUR", 3);
	t.channel         = CHANNEL_ATM;
	t.parties_count   = 4;
	t.parties[0].role = PARTY_BENEFICIARY;
	t.parties[1].role = PARTY_ORIGINATOR;
	t.parties[2].role = PARTY_BENEFICIARY_AGENT;
	t.parties[3].role = PARTY_ORIGINATOR_AGENT;
	for (int i = 0; i < 4; i++) {
		PUT(t.parties[i].name, names[i]);
		memcpy(t.parties[i].country, countries[i], 2);
	}
	identify(0, "NATIONAL_ID", "n-0");
	identify(0, "IBAN", "FR1");
	identify(1, "PASSPORT", "P1");
	identify(1, "LEI", "L1");
	identify(2, "TAX", "t-2");
	identify(2, "DUNS", "d-2");
	identify(3, "BIC", "OAGTPLPW");
	identify(3, "BIC", "SECOND");
}

static const char *const texts[FIELD_COUNT] = {
	[FIELD_NONE]                = "",
	[FIELD_ID]                  = "id",
	[FIELD_CARD]                = "card",
	[FIELD_ACCOUNT]             = "account",
	[FIELD_PAYEE]               = "payee",
	[FIELD_DEVICE]              = "device",
	[FIELD_TERMINAL]            = "terminal",
	[FIELD_MERCHANT]            = "merchant",
	[FIELD_MERCHANT_CATEGORY]   = "5411",
	[FIELD_MERCHANT_COUNTRY]    = "DE",
	[FIELD_CURRENCY]            = "EUR",
	[FIELD_CHANNEL]             = "atm",
	[FIELD_ORIGINATOR_NAME]     = "Ori",
	[FIELD_ORIGINATOR_COUNTRY]  = "PL",
	[FIELD_ORIGINATOR_PASSPORT] = "P1",
	[FIELD_ORIGINATOR_LEI]      = "L1",
	[FIELD_BENEFICIARY_NAME]    = "Bea",
	[FIELD_BENEFICIARY_COUNTRY] = "FR",
	[FIELD_BENEFICIARY_IBAN]    = "FR1",
	/* of a scheme without a field of its own, though it came first */
	[FIELD_BENEFICIARY_OTHER]        = "n-0",
	[FIELD_BENEFICIARY_OTHER_SCHEME] = "NATIONAL_ID",
	/* of two with one scheme the first */
	[FIELD_ORIGINATOR_AGENT_NAME]            = "Bank O",
	[FIELD_ORIGINATOR_AGENT_COUNTRY]         = "AT",
	[FIELD_ORIGINATOR_AGENT_BIC]             = "OAGTPLPW",
	[FIELD_BENEFICIARY_AGENT_NAME]           = "Bank B",
	[FIELD_BENEFICIARY_AGENT_COUNTRY]        = "BE",
	[FIELD_BENEFICIARY_AGENT_OTHER]          = "t-2",
	[FIELD_BENEFICIARY_AGENT_OTHER_SCHEME]   = "TAX",
	[FIELD_BENEFICIARY_AGENT_OTHER_2]        = "d-2",
	[FIELD_BENEFICIARY_AGENT_OTHER_2_SCHEME] = "DUNS",
};

static void every_field_has_its_text(void **state)
{
	fill();
	for (int field = 0; field < FIELD_COUNT; field++)
		assert_true(
			bytes_equal(field_text(&t, field), text(texts[field] ? texts[field] : "")));
}

static void an_absent_field_is_empty(void **state)
{
	memset(&t, 0, sizeof(t));
	for (int field = 0; field < FIELD_COUNT; field++)
		assert_int_equal(field_text(&t, field).size_bytes, 0);
}

static void names_go_both_ways(void **state)
{
	for (int field = 1; field < FIELD_COUNT; field++) {
		assert_true(field_name(field)[0] != '\0');
		assert_int_equal(field_of_name(text(field_name(field))), field);
	}
	assert_string_equal(field_name(FIELD_MERCHANT_CATEGORY), "merchant_category");
	assert_int_equal(field_of_name(text("")), FIELD_NONE);
	assert_int_equal(field_of_name(text("cards")), FIELD_NONE);
	assert_int_equal(field_of_name(text("car")), FIELD_NONE);
	assert_string_equal(field_name(FIELD_ORIGINATOR_AGENT_BIC), "originator_agent_bic");
	assert_string_equal(field_name(FIELD_BENEFICIARY_OTHER_2), "beneficiary_other_2");
}

static void labels_have_names(void **state)
{
	assert_string_equal(label_kind_name(LABEL_NONE), "none");
	assert_string_equal(label_kind_name(LABEL_REJECTED), "rejected");
	assert_string_equal(label_outcome_name(LABEL_CHANGED), "changed");
	for (int kind = 0; kind < LABEL_KIND_COUNT; kind++)
		assert_non_null(label_kind_name(kind));
	for (int outcome = 0; outcome < LABEL_OUTCOME_COUNT; outcome++)
		assert_non_null(label_outcome_name(outcome));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_has_its_text),
		cmocka_unit_test(an_absent_field_is_empty),
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(labels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
