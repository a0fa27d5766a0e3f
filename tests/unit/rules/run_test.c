/* What rules and typologies that hit come to: verdicts, allow and always, schedules,
 * snoozes, which of them are told, and their reasons. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/base/digest.h"
#include "tests/unit/rules/rules_sample.h"

static const char *text_of(const struct decision_rule *rule)
{
	static char out[256];

	assert_non_null(rule);
	snprintf(out, sizeof(out), "%.*s", rule->text.size_bytes, rule->text.data);
	return out;
}

/* ---- verdicts */

static void verdict_is_the_strictest(void **state)
{
	struct rules_sample s;

	rules_sample_load(
		&s,
		"rule n { when amount > 10; then note; reason \"n\"; }\n"
		"rule r { when amount > 20; then review; reason \"r\"; }\n"
		"rule d { when amount > 30; then decline; severity critical; reason \"d\"; }\n");
	s.transaction.amount_minor = 1000;
	rules_sample_run(&s);
	assert_int_equal(s.outcome.verdict, VERDICT_APPROVE);
	assert_int_equal(s.outcome.hit, 0);
	s.transaction.amount_minor = 2000;
	rules_sample_run(&s);
	assert_int_equal(s.outcome.verdict, VERDICT_APPROVE);
	assert_int_equal(s.outcome.hit, 1);
	assert_int_equal(s.outcome.rules[0].severity, 0);
	s.transaction.amount_minor = 3000;
	rules_sample_run(&s);
	assert_int_equal(s.outcome.verdict, VERDICT_REVIEW);
	assert_int_equal(s.outcome.hit, 2);
	s.transaction.amount_minor = 3001;
	rules_sample_run(&s);
	assert_int_equal(s.outcome.verdict, VERDICT_DECLINE);
	assert_int_equal(s.outcome.hit, 3);
	assert_int_equal(s.outcome.told, 3);
	assert_false(s.outcome.allowed);
	/* gravest first */
	assert_int_equal(s.outcome.rules[0].severity, 3);
	assert_int_equal(s.outcome.rules[0].verdict, VERDICT_DECLINE);
	assert_memory_equal(s.outcome.rules[0].id.data, "d", 1);
	assert_int_equal(s.outcome.rules[1].severity, 1);
	assert_int_equal(s.outcome.rules[1].verdict, VERDICT_REVIEW);
	assert_int_equal(s.outcome.rules[2].verdict, VERDICT_APPROVE);
	rules_sample_free(&s);
}

static void allow_and_always(void **state)
{
	static const struct {
		bool         allow, plain, always;
		bool         allowed;
		enum verdict verdict;
	} cases[] = {
		{ false, false, false, false, VERDICT_APPROVE },
		{ true, false, false, true, VERDICT_APPROVE },
		{ true, true, false, true, VERDICT_DECLINE },
		{ false, true, false, false, VERDICT_DECLINE },
		{ true, false, true, false, VERDICT_REVIEW },
		{ true, true, true, false, VERDICT_DECLINE },
		{ false, false, true, false, VERDICT_REVIEW },
	};
	struct rules_sample s;

	rules_sample_load(&s, "rule a { when card_count_1h == 1; then allow; reason \"a\"; }\n"
			      "rule d { when card_sum_24h == 1; then decline; reason \"d\"; }\n"
			      "typology t { weight 1 when card_mean_30d == 1; review at 1; always; "
			      "reason \"t\"; }\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rules_sample_set(&s, "card_count_1h", cases[i].allow);
		rules_sample_set(&s, "card_sum_24h", cases[i].plain);
		rules_sample_set(&s, "card_mean_30d", cases[i].always);
		rules_sample_run(&s);
		assert_int_equal(s.outcome.allowed, cases[i].allowed);
		assert_int_equal(s.outcome.verdict, cases[i].verdict);
		assert_int_equal(s.outcome.hit, cases[i].allow + cases[i].plain + cases[i].always);
	}
	rules_sample_free(&s);
}

/* What can't be evaluated does not hit, and neither allows. */
static void missing_does_not_hit(void **state)
{
	struct rules_sample s;

	rules_sample_load(
		&s,
		"rule a { when card_count_1h < 5; then allow; reason \"a\"; }\n"
		"rule b { when card_count_1h >= 5; then decline; reason \"b\"; }\n"
		"rule c { when card_count_1h * 0 == 0; then decline; reason \"c\"; }\n"
		"typology t { weight card_count_1h; weight 0.5; review at 0.6; reason \"t\"; }");
	rules_sample_run(&s);
	assert_int_equal(s.outcome.hit, 0);
	assert_false(s.outcome.allowed);
	rules_sample_free(&s);
}

/* Eight of twelve, gravest first, then as in the file. */
static void eight_are_told(void **state)
{
	static const char        order[] = "dklacehb";
	struct rules_sample      s;
	char                     text[2048]   = "";
	static const char *const severities[] = { "high", "low", "high",     "critical",
						  "high", "low", "low",      "high",
						  "info", "low", "critical", "critical" };

	for (int i = 0; i < 12; i++)
		sprintf(text + strlen(text),
			"rule %c { when true; then note; severity %s; reason \"%c\"; }\n", 'a' + i,
			severities[i], 'a' + i);
	rules_sample_load(&s, text);
	rules_sample_run(&s);
	assert_int_equal(s.outcome.hit, 12);
	assert_int_equal(s.outcome.told, 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(s.outcome.rules[i].id.data[0], order[i]);
	rules_sample_free(&s);
}

static void hits_are_seen_below(void **state)
{
	struct rules_sample s;

	rules_sample_load(
		&s, "rule one { when amount > 50; then note; reason \"1\"; }\n"
		    "rule two { when amount > 500; then note; reason \"2\"; }\n"
		    "rule first { when hit(one) and not hit(two); then review; reason \"f\"; }\n"
		    "typology t { weight 0.5 when hit(one); weight 0.5 when hit(two);\n"
		    "  review at 0.5; decline at 1; reason \"{total}\"; }\n"
		    "rule over { when hit(t); then note; reason \"o\"; }\n");
	rules_sample_run(&s);
	assert_non_null(rules_sample_hit(&s, "first"));
	assert_non_null(rules_sample_hit(&s, "over"));
	assert_string_equal(text_of(rules_sample_hit(&s, "t")), "0.5");
	assert_int_equal(s.outcome.verdict, VERDICT_REVIEW);
	s.transaction.amount_minor = 60000;
	rules_sample_run(&s);
	assert_null(rules_sample_hit(&s, "first"));
	assert_int_equal(s.outcome.verdict, VERDICT_DECLINE);
	assert_int_equal(rules_count(s.rules), 5);
	/* a snoozed rule has not hit for those below it */
	rules_sample_edit(&s, "snooze", "one", NULL, false);
	rules_sample_run(&s);
	assert_int_equal(s.outcome.verdict, VERDICT_REVIEW);
	rules_sample_free(&s);
}

/* ---- typologies */

static void weights_add_up_exactly(void **state)
{
	struct rules_sample s;

	rules_sample_load(
		&s, "typology t {\n"
		    "  weight 0.7; weight 0.1 when amount > 50; weight -0.2 when amount > 60;\n"
		    "  weight band card_count_1h { < 5: 0; else 0.35 };\n"
		    "  review at 0.8; decline at 0.95; reason \"{total:2}\"; }");
	s.transaction.amount_minor = 5000;
	rules_sample_set(&s, "card_count_1h", 0);
	assert_int_equal(rules_sample_run(&s)->verdict, VERDICT_APPROVE); /* 0.7 */
	s.transaction.amount_minor = 5001;
	assert_int_equal(rules_sample_run(&s)->verdict, VERDICT_REVIEW); /* 0.8 */
	assert_string_equal(text_of(rules_sample_hit(&s, "t")), "0.80");
	assert_int_equal(rules_sample_hit(&s, "t")->severity, 1);
	s.transaction.amount_minor = 6001;
	assert_int_equal(rules_sample_run(&s)->verdict, VERDICT_APPROVE); /* 0.6 */
	rules_sample_set(&s, "card_count_1h", 5);
	assert_int_equal(rules_sample_run(&s)->verdict, VERDICT_DECLINE); /* 0.95 */
	assert_string_equal(text_of(rules_sample_hit(&s, "t")), "0.95");
	assert_int_equal(rules_sample_hit(&s, "t")->severity, 2);
	rules_sample_free(&s);
}

static void thresholds_one_by_one(void **state)
{
	struct rules_sample s;

	rules_sample_load(&s,
			  "typology r { weight amount; review at 57.16; reason \"r\"; }\n"
			  "typology d { weight amount; decline at 57.16; reason \"d\"; }\n"
			  "typology n { weight amount; review at 57.17; reason \"n\"; }\n"
			  "typology big { weight 1000000 * 1000000; weight -1000000 * 1000000;\n"
			  "  weight 1; review at 1; reason \"{total}\"; }\n");
	rules_sample_run(&s);
	assert_int_equal(rules_sample_hit(&s, "r")->verdict, VERDICT_REVIEW);
	assert_int_equal(rules_sample_hit(&s, "d")->verdict, VERDICT_DECLINE);
	assert_null(rules_sample_hit(&s, "n"));
	assert_string_equal(text_of(rules_sample_hit(&s, "big")), "1");
	rules_sample_free(&s);
}

/* ---- when a rule is awake */

static bool hits_at(struct rules_sample *s, const char *now, const char *id)
{
	s->input.now_ns = rules_sample_time(now);
	rules_sample_run(s);
	return rules_sample_hit(s, id) != NULL;
}

static void schedules(void **state)
{
	struct rules_sample s;

	rules_sample_load(
		&s,
		"rule office { when true; then note; reason \"x\"; "
		"schedule mon-fri 08:00-18:00, sat 09:30-12:00; }\n"
		"rule night { when true; then note; reason \"x\"; schedule fri 22:00-06:00; }\n"
		"rule around { when true; then note; reason \"x\"; schedule sat-mon; }\n"
		"rule late { when true; then note; reason \"x\"; schedule daily 23:00-24:00; }\n"
		"rule never_on_sunday { when true; then note; reason \"x\"; schedule mon-sat; }\n");
	/* 2026-07-03 is a Friday */
	assert_false(hits_at(&s, "2026-07-03T07:59:59.999999999Z", "office"));
	assert_true(hits_at(&s, "2026-07-03T08:00:00Z", "office"));
	assert_true(hits_at(&s, "2026-07-03T17:59:59Z", "office"));
	assert_false(hits_at(&s, "2026-07-03T18:00:00Z", "office"));
	assert_false(hits_at(&s, "2026-07-04T08:30:00Z", "office"));
	assert_true(hits_at(&s, "2026-07-04T09:30:00Z", "office"));
	assert_false(hits_at(&s, "2026-07-05T10:00:00Z", "office"));
	assert_false(hits_at(&s, "2026-07-03T05:00:00Z", "night"));
	assert_true(hits_at(&s, "2026-07-03T22:00:00Z", "night"));
	assert_true(hits_at(&s, "2026-07-04T05:59:00Z", "night"));
	assert_false(hits_at(&s, "2026-07-04T06:00:00Z", "night"));
	assert_false(hits_at(&s, "2026-07-04T22:00:00Z", "night"));
	assert_false(hits_at(&s, "2026-07-03T23:59:59Z", "around"));
	assert_true(hits_at(&s, "2026-07-04T00:00:00Z", "around"));
	assert_true(hits_at(&s, "2026-07-06T23:59:59Z", "around"));
	assert_false(hits_at(&s, "2026-07-07T00:00:00Z", "around"));
	assert_true(hits_at(&s, "2026-07-07T23:59:59Z", "late"));
	assert_false(hits_at(&s, "2026-07-08T00:00:00Z", "late"));
	assert_false(hits_at(&s, "2026-07-05T12:00:00Z", "never_on_sunday"));
	assert_true(hits_at(&s, "1970-01-01T00:00:00Z", "never_on_sunday"));
	rules_sample_free(&s);
}

static void snoozes(void **state)
{
	struct rules_sample s;

	rules_sample_load(&s, "rule f { when true; then note; reason \"x\"; "
			      "snooze until 2026-07-02T00:00:00Z; }\n"
			      "rule e { when true; then note; reason \"x\"; }\n");
	assert_false(hits_at(&s, "2026-07-01T23:59:59Z", "f"));
	assert_true(hits_at(&s, "2026-07-02T00:00:00Z", "f"));
	s.input.now_ns = rules_sample_time("2026-07-01T00:00:00Z");
	assert_int_equal(rules_sample_edit(&s, "snooze", "e", "2026-07-03T00:00:00Z", false),
			 REASON_NONE);
	assert_false(hits_at(&s, "2026-07-02T23:59:59Z", "e"));
	assert_true(hits_at(&s, "2026-07-03T00:00:00Z", "e"));
	assert_int_equal(rules_sample_edit(&s, "snooze", "f", NULL, false), REASON_NONE);
	assert_false(hits_at(&s, "2099-07-02T00:00:00Z", "f"));
	assert_int_equal(rules_sample_edit(&s, "snooze", "f", NULL, true), REASON_NONE);
	assert_true(hits_at(&s, "2099-07-02T00:00:00Z", "f"));
	assert_int_equal(rules_sample_edit(&s, "snooze", "nobody", NULL, false),
			 REASON_rule_unknown);
	rules_sample_free(&s);
}

/* ---- reasons */

static void check_reason(const char *reason, const char *want)
{
	struct rules_sample s;
	char                text[512];

	snprintf(text, sizeof(text), "rule r { when true; then note; reason \"%s\"; }", reason);
	rules_sample_load(&s, text);
	rules_sample_set(&s, "card_count_1h", 12);
	rules_sample_set(&s, "card_sum_24h", 1234.5);
	rules_sample_set(&s, "card_mean_30d", 8.0 / 3);
	rules_sample_run(&s);
	if (strcmp(text_of(rules_sample_hit(&s, "r")), want) != 0)
		fail_msg("%s gives %s, wanted %s", reason, text_of(rules_sample_hit(&s, "r")),
			 want);
	rules_sample_free(&s);
}

static void reasons(void **state)
{
	check_reason("plain", "plain");
	check_reason("{amount} {currency}", "57.16 EUR");
	check_reason("{card_count_1h} in an hour, {{braces}}", "12 in an hour, {braces}");
	check_reason("{card_sum_24h}, {card_sum_24h:0}, {card_sum_24h * 1}",
		     "1234.50, 1235, 1234.5");
	check_reason("{card_mean_30d}|{card_mean_30d:6}|{card_mean_30d + 0}",
		     "2.67|2.666667|2.6667");
	check_reason("{amount / card_mean_30d:1} times the mean", "21.4 times the mean");
	check_reason("{card_zscore_30d:2} at {merchant} in {payee}", "unknown at m-17 in unknown");
	check_reason("\xe2\x82\xac \\\"{upper(merchant)}\\\" \\\\", "\xe2\x82\xac \"M-17\" \\");
	check_reason("{amount > 5} {hour(time)}h {now}", "yes 12h 2026-07-01T12:34:57Z");
	check_reason("{0 - 0.00001}|{0.00004}|{-0.00004:2}|{1000000 * 1000000 * 1000000}",
		     "-0.00001|0.00004|0.00|1e18");
	check_reason("{999999999999999}|{999999999999999:6}|{-5:1}|{0}|{0 - 0.5:0}|{1/3}",
		     "999999999999999|999999999999999.000000|-5.0|0|-1|0.3333");
}

static void yen_have_no_decimals(void **state)
{
	struct rules_sample s;

	rules_sample_load(&s, "rule r { when amount == 5716; then note; "
			      "reason \"{amount} {currency}, {card_sum_24h}\"; }");
	s.transaction.currency_exponent = 0;
	memcpy(s.transaction.currency, "JPY", 3);
	rules_sample_set(&s, "card_sum_24h", 20000);
	rules_sample_run(&s);
	assert_string_equal(text_of(rules_sample_hit(&s, "r")), "5716 JPY, 20000");
	rules_sample_free(&s);
}

/* A long value is cut behind a whole character. */
static void long_reasons_are_cut(void **state)
{
	struct rules_sample s;
	struct party       *party;
	size_t              n;

	rules_sample_load(&s, "rule r { when true; then note; "
			      "reason \"{beneficiary_name} and again {beneficiary_name}\"; }");
	s.transaction.parties_count = 1;
	party                       = &s.transaction.parties[0];
	party->role                 = PARTY_BENEFICIARY;
	party->name.size_bytes      = 140;
	for (int i = 0; i < 140; i += 2)
		memcpy(party->name.data + i, "\xc3\xa4", 2);
	rules_sample_run(&s);
	n = s.outcome.rules[0].text.size_bytes;
	assert_int_equal(n, 140 + 11 + 52 + 3);
	assert_memory_equal(s.outcome.rules[0].text.data + n - 5, "\xc3\xa4...", 5);
	for (; n < sizeof(s.outcome.rules[0].text.data); n++)
		assert_int_equal(s.outcome.rules[0].text.data[n], 0);
	rules_sample_free(&s);
}

static void the_same_bytes_again(void **state)
{
	struct rules_sample  s;
	struct rules_outcome first;
	uint8_t              want[DIGEST_BYTES];
	struct digest        digest;
	static const char    text[] = "rule r { when true; then note; reason \"{amount}\"; }";

	rules_sample_load(&s, text);
	memset(&first, 0xff, sizeof(first));
	rules_run(s.rules, &s.input, &first);
	rules_sample_run(&s);
	assert_memory_equal(&first, &s.outcome, sizeof(first));
	digest_init(&digest);
	digest_add(&digest, text, strlen(text));
	digest_end(&digest, want);
	assert_memory_equal(rules_digest(s.rules), want, DIGEST_BYTES);
	rules_sample_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdict_is_the_strictest),
		cmocka_unit_test(allow_and_always),
		cmocka_unit_test(missing_does_not_hit),
		cmocka_unit_test(eight_are_told),
		cmocka_unit_test(hits_are_seen_below),
		cmocka_unit_test(weights_add_up_exactly),
		cmocka_unit_test(thresholds_one_by_one),
		cmocka_unit_test(schedules),
		cmocka_unit_test(snoozes),
		cmocka_unit_test(reasons),
		cmocka_unit_test(yen_have_no_decimals),
		cmocka_unit_test(long_reasons_are_cut),
		cmocka_unit_test(the_same_bytes_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
