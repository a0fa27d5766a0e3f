/* config/rules/default.rules: it compiles, needs just the features it says, and each of
 * its rules and typologies has a payment that hits and one that nearly does. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/rules/program.h"
#include "tests/lib/default_plan.h"
#include "tests/unit/rules/rules_sample.h"

#define FILE_NAME "config/rules/default.rules"

static char  *text;
static size_t text_bytes;

static int read_file(void **state)
{
	FILE *file = fopen(FILE_NAME, "rb");

	text = malloc(RULES_TEXT_BYTES_MAX);
	assert_non_null(file);
	text_bytes       = fread(text, 1, RULES_TEXT_BYTES_MAX - 1, file);
	text[text_bytes] = '\0';
	fclose(file);
	return 0;
}

static int forget_file(void **state)
{
	free(text);
	return 0;
}

/* ---- "amount=57.16 channel=atm card_count_1h=11" */

static void set_party(struct transaction *t, const char *country)
{
	t->parties_count   = 1;
	t->parties[0].role = PARTY_BENEFICIARY;
	memcpy(t->parties[0].country, country, 2);
}

static bool set_text(struct transaction *t, const char *name, const char *value)
{
	if (strcmp(name, "card") == 0)
		SAMPLE_TEXT(t->card, value);
	else if (strcmp(name, "account") == 0)
		SAMPLE_TEXT(t->account, value);
	else if (strcmp(name, "payee") == 0)
		SAMPLE_TEXT(t->payee, value);
	else if (strcmp(name, "merchant") == 0)
		SAMPLE_TEXT(t->merchant, value);
	else if (strcmp(name, "device") == 0)
		SAMPLE_TEXT(t->device, value);
	else if (strcmp(name, "currency") == 0)
		memcpy(t->currency, value, 3);
	else if (strcmp(name, "to_country") == 0)
		set_party(t, value);
	else
		return false;
	return true;
}

static void set_one(struct rules_sample *s, const char *name, const char *value)
{
	struct transaction *t = &s->transaction;

	if (set_text(t, name, value))
		return;
	if (strcmp(name, "amount") == 0) {
		t->amount_minor = (int64_t)(atof(value) * 100 + 0.5);
	} else if (strcmp(name, "hour") == 0) {
		t->time_ns = rules_sample_time("2026-07-01T00:30:00Z") +
			     atoi(value) * INT64_C(3600000000000);
	} else if (strcmp(name, "score") == 0) {
		s->input.model_ran = true;
		s->input.score     = (float)atof(value);
	} else if (strcmp(name, "channel") == 0) {
		for (int c = CHANNEL_NONE + 1; c < CHANNEL_COUNT; c++)
			if (strcmp(transaction_channel_name(c), value) == 0)
				t->channel = (uint8_t)c;
	} else {
		rules_sample_set(s, name, atof(value));
	}
}

static void set_all(struct rules_sample *s, const char *settings)
{
	char  copy[512], *rest = copy;
	char *one;

	snprintf(copy, sizeof(copy), "%s", settings);
	while ((one = strtok_r(rest, " ", &rest)) != NULL) {
		char *equals = strchr(one, '=');

		assert_non_null(equals);
		*equals = '\0';
		set_one(s, one, equals + 1);
	}
}

/* ---- the cases */

struct golden {
	const char  *id;
	enum verdict verdict; /* of this rule */
	const char  *hits;
	const char  *but; /* what makes of it a payment that nearly hits */
	const char  *reason;
};

/* clang-format off */
static const struct golden cases[] = {
	{ "velocity_card", VERDICT_REVIEW,
	  "card_count_1h=11", "card_count_1h=10",
	  "11 payments with the card in an hour, more than 10" },
	{ "velocity_card_burst", VERDICT_DECLINE,
	  "card_count_10m=7 card_distinct_merchant_1h=4", "card_distinct_merchant_1h=3",
	  "7 payments in ten minutes, at 4 merchants in an hour" },
	{ "velocity_card_sum", VERDICT_REVIEW,
	  "card_sum_24h=5000.5 card_zscore_30d=2.25", "card_zscore_30d=2",
	  "5000.50 EUR spent in 24 hours; this payment is 2.3 standard deviations above the card's mean" },
	{ "card_testing_small", VERDICT_REVIEW,
	  "amount=1 card_currency_count_1h=5 card_sum_1h=5", "amount=1 card_currency_count_1h=4 card_sum_1h=4",
	  "5 payments in an hour, all about 1.00 EUR: the card is being tested" },
	{ "card_testing_then_large", VERDICT_DECLINE,
	  "amount=400 card_currency_count_1h=4 card_sum_1h=404.5", "card_sum_1h=407",
	  "400.00 EUR after 3 small payments of about 1.50 EUR within an hour" },
	{ "impossible_travel", VERDICT_REVIEW,
	  "channel=card_present card_present_distinct_country_2h=2", "channel=card_not_present",
	  "the card was present in two countries within two hours, now in DE" },
	{ "impossible_travel_far", VERDICT_DECLINE,
	  "channel=atm card_present_distinct_country_2h=3", "card_present_distinct_country_2h=2",
	  "the card was present in 3 countries within two hours, now in DE" },
	{ "terminal_compromised", VERDICT_REVIEW,
	  "terminal_fraud_rate_28d=0.031 terminal_count_28d=50", "terminal_count_28d=49",
	  "3.1 % of 50 payments at this terminal were fraud" },
	{ "new_payee_high_amount", VERDICT_REVIEW,
	  "channel=wire payee=p-1 amount=3000", "amount=2999.99",
	  "3000.00 EUR to a payee this account first paid less than a day ago" },
	{ "new_payee_high_amount", VERDICT_REVIEW,
	  "channel=wire payee=p-1 amount=3000 account_payee_since_first=86399", "account_payee_since_first=86400",
	  "3000.00 EUR to a payee this account first paid less than a day ago" },
	{ "high_risk_country", VERDICT_REVIEW,
	  "channel=wire to_country=KP", "to_country=KR",
	  "the beneficiary's country is KP" },
	{ "structuring", VERDICT_REVIEW,
	  "channel=instant amount=4000 account_out_count_24h=3 account_out_max_24h=4000 account_out_sum_24h=11000",
	  "account_out_sum_24h=9999.99",
	  "3 transfers of at most 4000.00 make 11000.00 EUR in 24 hours, each below 10000" },
	{ "structuring", VERDICT_REVIEW,
	  "channel=instant amount=4000 account_out_count_24h=3 account_out_max_24h=9999 account_out_sum_24h=18000",
	  "account_out_max_24h=10000",
	  "3 transfers of at most 9999.00 make 18000.00 EUR in 24 hours, each below 10000" },
	{ "just_below_threshold", VERDICT_APPROVE,
	  "channel=ach amount=9999.99", "amount=10000",
	  "9999.99 EUR is just below 10000" },
	{ "dormant_account_woken", VERDICT_REVIEW,
	  "amount=3000 account_since_last=8640000", "account_since_last=7776000",
	  "the account was quiet for 100 days, then 3000.00 EUR" },
	{ "shared_device", VERDICT_REVIEW,
	  "device_distinct_account_24h=4", "device_distinct_account_24h=3",
	  "4 accounts used this device within 24 hours" },
	{ "mule", VERDICT_REVIEW,
	  "channel=instant payee=p-1 account_payee_since_first=99999999 account_in_sum_24h=1000 account_in_count_24h=1 "
	  "account_out_sum_24h=1000 account_since_first=1000", "account_out_sum_24h=799",
	  "in and out within a day (1000.00 in, 1000.00 out, EUR): mule score 0.60" },
	{ "mule", VERDICT_DECLINE,
	  "channel=instant payee=p-1 account_in_sum_24h=1000 account_in_count_24h=2 account_out_sum_24h=950 "
	  "account_since_first=1000", "account_out_sum_24h=1201 account_in_count_24h=1",
	  "in and out within a day (1000.00 in, 950.00 out, EUR): mule score 0.90" },
	{ "pushed_payment", VERDICT_REVIEW,
	  "channel=instant payee=p-1 amount=3000 account_payee_since_first=0 payee_in_sum_24h=3000 "
	  "payee_in_distinct_account_24h=1", "amount=2999",
	  "3000.00 EUR to a new payee, who got 3000.00 EUR, and from 1 accounts, in 24 hours: score 0.60" },
	{ "pushed_payment", VERDICT_DECLINE,
	  "channel=instant payee=p-1 amount=9000 account_zscore_30d=3 payee_in_sum_24h=20000 "
	  "payee_in_distinct_account_24h=5", "account_payee_since_first=86400 payee_in_distinct_account_24h=4",
	  "9000.00 EUR to a new payee, who got 20000.00 EUR, and from 5 accounts, in 24 hours: score 1.00" },
	{ "card_taken_over", VERDICT_REVIEW,
	  "amount=900 card_ratio_30d=11 card_zscore_30d=3 card_distinct_merchant_1h=1 card_mean_30d=80", "card_ratio_30d=10",
	  "900.00 EUR where this card's mean is 80.00, 1 merchants in an hour: score 0.60" },
	{ "card_taken_over", VERDICT_DECLINE,
	  "score=0.5 amount=900 card_ratio_30d=11 card_zscore_30d=4 card_distinct_merchant_1h=2 card_mean_30d=80",
	  "score=0.49 card_zscore_30d=1",
	  "900.00 EUR where this card's mean is 80.00, 2 merchants in an hour: score 1.00" },
};
/* clang-format on */

static void load(struct rules_sample *s)
{
	rules_sample_load(s, text);
}

static void each_hits_and_nearly_hits(void **state)
{
	struct rules_sample s;
	char                got[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		load(&s);
		set_all(&s, cases[i].hits);
		rules_sample_run(&s);
		const struct decision_rule *hit = rules_sample_hit(&s, cases[i].id);

		if (!hit)
			fail_msg("%s does not hit: %s", cases[i].id, cases[i].hits);
		snprintf(got, sizeof(got), "%.*s", hit->text.size_bytes, hit->text.data);
		assert_string_equal(got, cases[i].reason);
		assert_int_equal(hit->verdict, cases[i].verdict);
		assert_true(s.outcome.verdict >= cases[i].verdict);
		set_all(&s, cases[i].but);
		rules_sample_run(&s);
		if (rules_sample_hit(&s, cases[i].id))
			fail_msg("%s hits though %s", cases[i].id, cases[i].but);
		rules_sample_free(&s);
	}
}

static void lists_block_and_allow(void **state)
{
	static const char *const blocks[][3] = {
		{ "blocked_card", "blocked_cards", "tok_Card9" },
		{ "blocked_merchant", "blocked_merchants", "m-17" },
		{ "blocked_payee", "blocked_payees", "p-1" },
		{ "blocked_device", "blocked_devices", "d-1" },
	};
	struct rules_sample s;

	load(&s);
	set_all(&s, "channel=wire payee=p-1 device=d-1 account=a-1 amount=3000");
	assert_int_equal(rules_sample_run(&s)->verdict, VERDICT_REVIEW);
	assert_int_equal(rules_sample_edit(&s, "trusted_payees", "p-1", NULL, false), REASON_NONE);
	assert_true(rules_sample_run(&s)->allowed);
	assert_non_null(rules_sample_hit(&s, "trusted_payee"));
	s.transaction.amount_minor = 3000001;
	assert_false(rules_sample_run(&s)->allowed);
	rules_sample_edit(&s, "override_accounts", "a-1", "2026-07-01T13:00:00Z", false);
	assert_true(rules_sample_run(&s)->allowed);
	s.input.now_ns = rules_sample_time("2026-07-01T13:00:00Z");
	assert_false(rules_sample_run(&s)->allowed);
	rules_sample_edit(&s, "override_cards", "tok_Card9", NULL, false);
	assert_true(rules_sample_run(&s)->allowed);
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		rules_sample_edit(&s, blocks[i][1], blocks[i][2], NULL, false);
		assert_int_equal(rules_sample_run(&s)->verdict, VERDICT_DECLINE);
		assert_false(s.outcome.allowed);
		assert_non_null(rules_sample_hit(&s, blocks[i][0]));
		rules_sample_edit(&s, blocks[i][1], blocks[i][2], NULL, true);
		assert_true(rules_sample_run(&s)->allowed);
	}
	rules_sample_free(&s);
}

static bool has_case(const char *id)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].id, id) == 0)
			return true;
	return strncmp(id, "blocked_", 8) == 0 || strcmp(id, "override") == 0 ||
	       strcmp(id, "trusted_payee") == 0; /* lists_block_and_allow */
}

static void none_is_without_a_case(void **state)
{
	struct rules_sample s;

	load(&s);
	for (uint32_t i = 0; i < rules_count(s.rules); i++)
		if (!has_case(s.rules->program.items[i].id))
			fail_msg("%s has no case", s.rules->program.items[i].id);
	rules_sample_free(&s);
}

/* An everyday payment, by card and by transfer. */
static void the_ordinary_hits_nothing(void **state)
{
	struct rules_sample s;

	load(&s);
	set_all(&s, "card_count_10m=1 card_count_1h=1 card_currency_count_1h=1 card_sum_1h=57.16 "
		    "card_sum_24h=80 "
		    "card_zscore_30d=0.3 "
		    "card_distinct_merchant_1h=1 card_mean_30d=50 card_ratio_30d=1.1 score=0.01");
	assert_int_equal(rules_sample_run(&s)->hit, 0);
	set_all(&s, "channel=instant payee=p-1 account_payee_since_first=5000000 amount=400 "
		    "account_zscore_30d=0 "
		    "account_out_count_24h=1 account_out_sum_24h=400 account_out_max_24h=400 "
		    "account_since_last=4000 "
		    "account_since_first=90000000 account_in_sum_24h=0 "
		    "account_in_count_24h=0");
	assert_int_equal(rules_sample_run(&s)->hit, 0);
	/* nor one of which nothing is known */
	rules_sample_free(&s);
	load(&s);
	assert_int_equal(rules_sample_run(&s)->hit, 0);
	rules_sample_free(&s);
}

static void amounts_follow_the_currency(void **state)
{
	struct rules_sample s;

	load(&s);
	set_all(&s, "channel=wire payee=p-1 amount=3000 currency=HUF");
	assert_int_equal(rules_sample_run(&s)->hit, 0);
	set_all(&s, "amount=1200000");
	rules_sample_run(&s);
	assert_non_null(rules_sample_hit(&s, "new_payee_high_amount"));
	rules_sample_free(&s);
}

/* Its head names every feature that it needs, and none more is in the plan. */
static void the_head_names_the_features(void **state)
{
	struct feature_plan plan;
	const char         *body = strstr(text, "\n# ------");
	char                row[PLAN_NAME_BYTES + 8];

	assert_non_null(body);
	default_plan(&plan);
	for (uint32_t i = 0; i < plan.features_count; i++) {
		snprintf(row, sizeof(row), "#   %s ", plan.features[i].name);
		const char *in_head = strstr(text, row);

		if (!in_head || in_head > body)
			fail_msg("the head does not name %s", plan.features[i].name);
		if (!strstr(body, plan.features[i].name))
			fail_msg("%s is not used", plan.features[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hits_and_nearly_hits),
		cmocka_unit_test(lists_block_and_allow),
		cmocka_unit_test(none_is_without_a_case),
		cmocka_unit_test(the_ordinary_hits_nothing),
		cmocka_unit_test(amounts_follow_the_currency),
		cmocka_unit_test(the_head_names_the_features),
	};

	return cmocka_run_group_tests(tests, read_file, forget_file);
}
