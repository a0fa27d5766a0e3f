/* Every operator, function and form of the rules language, by what it prints. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/rules/rules_sample.h"

struct expression_case {
	const char *expression, *text;
};

static void prepare(struct rules_sample *s)
{
	rules_sample_set(s, "card_count_1h", 12);
	rules_sample_set(s, "card_sum_24h", 1234.5);
	rules_sample_set(s, "card_mean_30d", 0.1);
	s->transaction.features[0]     = 0.25f;
	s->transaction.features[1]     = 3;
	s->transaction.features[2]     = 7;
	s->input.model_ran             = true;
	s->transaction.parties_count   = 1;
	s->transaction.parties[0].role = PARTY_ORIGINATOR_AGENT;
	memcpy(s->transaction.parties[0].country, "PL", 2);
	s->transaction.parties[0].identifiers_count = 1;
	SAMPLE_TEXT(s->transaction.parties[0].identifiers[0].scheme, "BIC");
	SAMPLE_TEXT(s->transaction.parties[0].identifiers[0].value, "BANKPLPW");
	s->input.score  = 0.75f;
	s->input.margin = -1.5f;
}

/* The value of an expression as a reason prints it. */
static void check(const char *expression, const char *want)
{
	struct rules_sample s;
	char                text[1024], got[256];

	snprintf(text, sizeof(text),
		 "list vip of card { \"tok_Card9\"; \"gone\" until 2026-01-01T00:00:00Z; }\n"
		 "rule yes { when true; then note; reason \"y\"; }\n"
		 "rule no { when false; then note; reason \"n\"; }\n"
		 "let v = %s;\nrule r { when true; then note; reason \"{v}\"; }",
		 expression);
	rules_sample_load(&s, text);
	prepare(&s);
	rules_sample_run(&s);
	const struct decision_rule *hit = rules_sample_hit(&s, "r");

	assert_non_null(hit);
	snprintf(got, sizeof(got), "%.*s", hit->text.size_bytes, hit->text.data);
	if (strcmp(got, want) != 0)
		fail_msg("%s gives %s, wanted %s", expression, got, want);
	rules_sample_free(&s);
}

static void check_all(const struct expression_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(cases[i].expression, cases[i].text);
}

#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof((cases)[0]))

static void parties(void **state)
{
	static const struct expression_case cases[] = {
		{ "originator_agent_bic", "BANKPLPW" },
		{ "originator_agent_bic == \"BANKPLPW\" and originator_agent_country == \"PL\"",
		  "yes" },
		{ "originator_agent_lei == \"\"", "yes" },
		{ "missing(beneficiary_agent_bic)", "yes" },
	};

	CHECK_ALL(cases);
}

static void arithmetic(void **state)
{
	static const struct expression_case cases[] = {
		{ "1 + 2 * 3", "7" },
		{ "(1 + 2) * 3", "9" },
		{ "10 - 4 - 3", "3" },
		{ "7 / 2", "3.5" },
		{ "1 / 0", "unknown" },
		{ "0 / 0", "unknown" },
		{ "-1 / 0 + 5", "unknown" },
		{ "7 % 3", "1" },
		{ "-7 % 3", "2" },
		{ "7 % -3", "-2" },
		{ "7.5 % 2", "1.5" },
		{ "7 % 0", "unknown" },
		/* exact, and never outside of [0, b), whatever a / b rounds to */
		{ "1.7 % 0.1 >= 0", "yes" },
		{ "1.7 % 0.1 < 0.1", "yes" },
		{ "-0.000001 % 0.1 < 0.1", "yes" },
		{ "999999999999999 * 1000000 % 7", "2" },
		{ "-6 % 3", "0" },
		{ "6 % -3", "0" },
		{ "5.5 % -2", "-0.5" },
		{ "1_000_000 * 57.16 % 10000", "0" },
		{ "- - 3", "3" },
		{ "2 - -2", "4" },
		{ "1_000_000 + 0.5", "1000000.5" },
		{ "999999999999999 * 999999999999999 * 0", "0" },
		{ "0.1 + 0.2", "0.3" },
		{ "007", "7" },
		{ "abs(-2.5)", "2.5" },
		{ "floor(-2.5)", "-3" },
		{ "ceil(-2.5)", "-2" },
		{ "round(2.5)", "3" },
		{ "round(-2.5)", "-3" },
		{ "min(3, 2)", "2" },
		{ "max(3, 2)", "3" },
		{ "min(card_zscore_30d, 2)", "unknown" },
		{ "max(2, card_zscore_30d)", "unknown" },
		{ "card_zscore_30d + 1", "unknown" },
		{ "-card_zscore_30d", "unknown" },
	};
	CHECK_ALL(cases);
}

/* Supplied features, score and margin are floats: 0.7 is the float that 0.7 is sent as. */
static void check_single(const char *expression, const char *want)
{
	struct rules_sample s;
	char                text[512], got[256];

	snprintf(text, sizeof(text),
		 "let limit = 0.7; let below = -0.7; let same = risk;\n"
		 "let v = %s;\nrule r { when true; then note; reason \"{v}\"; }",
		 expression);
	rules_sample_load(&s, text);
	s.transaction.features[0] = 0.7f;
	s.transaction.features[1] = -0.7f;
	s.input.model_ran         = true;
	s.input.score             = 0.9f;
	s.input.margin            = 2.2f;
	rules_sample_set(&s, "card_zscore_30d", 0.7);
	rules_sample_run(&s);
	const struct decision_rule *hit = rules_sample_hit(&s, "r");

	assert_non_null(hit);
	snprintf(got, sizeof(got), "%.*s", hit->text.size_bytes, hit->text.data);
	if (strcmp(got, want) != 0)
		fail_msg("%s gives %s, wanted %s", expression, got, want);
	rules_sample_free(&s);
}

static void single_precision(void **state)
{
	static const struct expression_case cases[] = {
		{ "risk >= 0.7", "yes" },
		{ "risk < 0.7", "no" },
		{ "0.7 <= risk", "yes" },
		{ "risk == 0.7", "yes" },
		{ "(risk) == (0.7)", "yes" },
		{ "score >= 0.9", "yes" },
		{ "score != 0.9", "no" },
		{ "margin == 2.2", "yes" },
		{ "device.age == -0.7", "yes" },
		{ "device.age <= below", "yes" },
		{ "-device.age >= 0.7", "yes" },
		{ "-risk == -0.7", "yes" },
		{ "risk >= limit", "yes" },
		{ "same >= 0.7", "yes" },
		{ "abs(device.age) == 0.7", "yes" },
		{ "default(risk, 0) >= 0.7", "yes" },
		{ "default(feature(\"odd name\"), 0.7) == risk", "yes" },
		{ "default(feature(\"odd name\"), 0.7) == 0.7", "yes" },
		{ "min(risk, 0.9) == 0.7", "yes" },
		{ "max(0.1, risk) == 0.7", "yes" },
		{ "risk in [0.1, 0.7, 0.9]", "yes" },
		{ "risk not in [0.7]", "no" },
		{ "switch risk { 0.7: 1; else 2 }", "1" },
		{ "band risk { < 0.7: 1; else 2 }", "2" },
		{ "band score { < 0.9: 1; <= 0.95: 2; else 3 }", "2" },
		{ "band risk { <= 0.7: 1; else 2 }", "1" },
		/* a computed feature is a double, and so is what is computed from either */
		{ "card_zscore_30d == 0.7", "yes" },
		{ "card_zscore_30d == risk", "no" },
		{ "risk + 0 == 0.7", "no" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_single(cases[i].expression, cases[i].text);
}

static void comparison_and_logic(void **state)
{
	static const struct expression_case cases[] = {
		{ "1 < 2", "yes" },
		{ "2 < 2", "no" },
		{ "2 <= 2", "yes" },
		{ "3 > 2", "yes" },
		{ "2 > 2", "no" },
		{ "2 >= 2", "yes" },
		{ "2 == 2", "yes" },
		{ "2 != 2", "no" },
		{ "2 != 3", "yes" },
		{ "\"a\" == \"a\"", "yes" },
		{ "\"a\" != \"b\"", "yes" },
		{ "\"a\" == \"A\"", "no" },
		{ "true == false", "no" },
		{ "true != false", "yes" },
		{ "time < now", "yes" },
		{ "time == 2026-07-01T12:34:56Z", "yes" },
		{ "now >= 2027-01-01T00:00:00Z", "no" },
		{ "true and false", "no" },
		{ "true or false", "yes" },
		{ "false or false", "no" },
		{ "not true", "no" },
		{ "not false and false", "no" },
		{ "not (false and false)", "yes" },
		{ "not 1 == 2", "yes" },
		{ "true or false and false", "yes" },
		{ "1 + 1 == 2 and 2 * 2 == 4", "yes" },
		/* a comparison with what is missing is false, whichever it is */
		{ "card_zscore_30d == 1", "no" },
		{ "card_zscore_30d != 1", "no" },
		{ "card_zscore_30d < 1", "no" },
		{ "card_zscore_30d <= 1", "no" },
		{ "card_zscore_30d > 1", "no" },
		{ "card_zscore_30d >= 1", "no" },
		{ "card_zscore_30d == card_zscore_30d", "no" },
		{ "not card_zscore_30d > 1", "yes" },
		{ "missing(card_zscore_30d)", "yes" },
		{ "missing(card_count_1h)", "no" },
		{ "missing(payee)", "yes" },
		{ "missing(card)", "no" },
		{ "default(card_zscore_30d, 4)", "4" },
		{ "default(card_count_1h, 4)", "12" },
		{ "default(payee, \"nobody\")", "nobody" },
	};
	CHECK_ALL(cases);
}

static void membership(void **state)
{
	static const struct expression_case cases[] = {
		{ "3 in [1, 2, 3]", "yes" },
		{ "4 in [3, 1, 2]", "no" },
		{ "-1 in [5, -1]", "yes" },
		{ "4 not in [1]", "yes" },
		{ "card_zscore_30d in [1]", "no" },
		{ "card_zscore_30d not in [1]", "no" },
		{ "merchant_country in [\"FR\", \"DE\", \"AT\"]", "yes" },
		{ "merchant_country not in [\"FR\", \"DE\"]", "no" },
		{ "lower(merchant_country) in [\"de\"]", "yes" },
		{ "payee in [\"\"]", "yes" },
		{ "\"ab\" in [\"a\", \"abc\"]", "no" },
		{ "card in vip", "yes" },
		{ "card not in vip", "no" },
		{ "merchant in vip", "no" },
		{ "merchant not in vip", "yes" },
		{ "\"gone\" in vip", "no" },
		{ "lower(card) in vip", "no" },
		{ "\"yes\" in snooze", "no" },
		{ "payee in vip", "no" },
	};
	CHECK_ALL(cases);
}

static void texts(void **state)
{
	static const struct expression_case cases[] = {
		{ "lower(card)", "tok_card9" },
		{ "upper(card)", "TOK_CARD9" },
		{ "upper(lower(card))", "TOK_CARD9" },
		{ "lower(\"\xc3\x84Q\")", "\xc3\x84q" },
		{ "upper(\"q\") == \"Q\"", "yes" },
		{ "length(card)", "9" },
		{ "length(\"\xc3\x84\xe2\x82\xac\")", "2" },
		{ "length(payee)", "0" },
		{ "first(card, 3)", "tok" },
		{ "first(\"\xc3\x84\xe2\x82\xac\", 1)", "\xc3\x84" },
		{ "last(\"\xc3\x84\xe2\x82\xac\", 1)", "\xe2\x82\xac" },
		{ "first(card, 99)", "tok_Card9" },
		{ "last(card, 99)", "tok_Card9" },
		{ "first(card, 0)", "unknown" },
		{ "first(card, -1)", "unknown" },
		{ "first(card, card_zscore_30d)", "unknown" },
		{ "last(card, 2)", "d9" },
		{ "last(payee, 2)", "unknown" },
		{ "upper(first(card, 3))", "TOK" },
		{ "starts_with(card, \"tok_\")", "yes" },
		{ "starts_with(card, \"TOK_\")", "no" },
		{ "starts_with(upper(card), \"TOK_\")", "yes" },
		{ "starts_with(payee, \"\")", "yes" },
		{ "starts_with(\"a\", \"ab\")", "no" },
		{ "ends_with(card, \"d9\")", "yes" },
		{ "ends_with(card, \"d8\")", "no" },
		{ "contains(card, \"Card\")", "yes" },
		{ "contains(card, \"card\")", "no" },
		{ "contains(card, \"\")", "yes" },
		{ "contains(payee, \"a\")", "no" },
		{ "matches(card, \"tok_*\")", "yes" },
		{ "matches(card, \"*9\")", "yes" },
		{ "matches(card, \"t?k*C*9\")", "yes" },
		{ "matches(card, \"t?k\")", "no" },
		{ "matches(\"aaab\", \"*ab\")", "yes" },
		{ "matches(\"aaa\", \"*ab\")", "no" },
		{ "matches(\"\xc3\x84\", \"?\")", "yes" },
		{ "matches(payee, \"*\")", "yes" },
		{ "matches(payee, \"?\")", "no" },
		{ "number(merchant_category)", "5411" },
		{ "number(merchant_category) + 1", "5412" },
		{ "number(card)", "unknown" },
		{ "number(payee)", "unknown" },
		{ "number(\"1234567890123456\")", "unknown" },
		{ "\"say \\\"hi\\\" \\\\\"", "say \"hi\" \\" },
	};
	CHECK_ALL(cases);
}

static void times(void **state)
{
	static const struct expression_case cases[] = {
		{ "time", "2026-07-01T12:34:56Z" },
		{ "now", "2026-07-01T12:34:57Z" },
		{ "hour(time)", "12" },
		{ "minute(time)", "34" },
		{ "weekday(time)", "2" },
		{ "weekday(2026-07-05T23:59:59Z)", "6" },
		{ "weekday(2026-07-06T00:00:00Z)", "0" },
		{ "day(time)", "1" },
		{ "day(2028-02-29T12:00:00Z)", "29" },
		{ "month(time)", "7" },
		{ "year(now)", "2026" },
		{ "seconds_between(time, now)", "1" },
		{ "minutes_between(2026-07-01T12:00:00Z, 2026-07-01T13:30:30Z)", "90.5" },
		{ "minutes_between(2026-07-01T13:00:00Z, 2026-07-01T12:00:00Z)", "-60" },
		{ "hours_between(2026-07-01T00:00:00Z, 2026-07-02T12:00:00Z)", "36" },
		{ "days_between(2026-07-01T00:00:00Z, 2026-07-02T12:00:00Z)", "1.5" },
		{ "hour(2026-07-01T23:59:59.999999999Z)", "23" },
	};
	CHECK_ALL(cases);
}

static void names(void **state)
{
	static const struct expression_case cases[] = {
		{ "amount", "57.16" },
		{ "amount * 2", "114.32" },
		{ "-amount", "-57.16" },
		{ "currency", "EUR" },
		{ "channel", "card_not_present" },
		{ "merchant_country", "DE" },
		{ "merchant", "m-17" },
		{ "payee", "unknown" },
		{ "beneficiary_name", "unknown" },
		{ "id", "t-1" },
		{ "card_count_1h", "12" },
		{ "card_sum_24h", "1234.50" },
		{ "card_mean_30d", "0.10" },
		{ "risk", "0.25" },
		{ "device.age", "3" },
		{ "feature(\"odd name\")", "7" },
		{ "feature(\"risk\") * 4", "1" },
		{ "score", "0.75" },
		{ "margin", "-1.5" },
		{ "model_ran", "yes" },
	};
	CHECK_ALL(cases);
}

static void choices(void **state)
{
	static const struct expression_case cases[] = {
		{ "switch channel { \"atm\": 1; \"wire\", \"card_not_present\": 2; else 3 }", "2" },
		{ "switch channel { \"atm\": 1; else 3; }", "3" },
		{ "switch card_count_1h { 1, 2: \"few\"; 12: \"dozen\"; else \"many\" }", "dozen" },
		{ "switch card_zscore_30d { 1: \"one\"; else \"else\" }", "else" },
		{ "switch { amount > 100: \"large\"; amount > 50: \"middle\"; else \"small\" }",
		  "middle" },
		{ "switch { false: 1; else 2 } + 1", "3" },
		{ "band amount { < 10: 0.1; < 100: 0.3; else 0.9 }", "0.3" },
		{ "band 10 { < 10: 1; < 20: 2; else 3 }", "2" },
		{ "band 10 { <= 10: 1; else 3 }", "1" },
		{ "band -5 { < -6: 1; < -4: 2; else 3 }", "2" },
		{ "band 99 { < 10: 1; else 3 }", "3" },
		{ "band card_zscore_30d { < 10: 1; else 3 }", "3" },
		{ "band card_zscore_30d { missing: 0; < 10: 1; else 3 }", "0" },
		{ "band amount { missing: \"none\"; < 100: switch channel { \"atm\": \"a\"; else "
		  "\"b\" }; else \"c\" }",
		  "b" },
	};
	CHECK_ALL(cases);
}

static void model_that_did_not_run(void **state)
{
	struct rules_sample s;

	rules_sample_load(&s,
			  "rule low { when score < 0.5; then note; reason \"low\"; }\n"
			  "rule none { when missing(score) and missing(margin) and not model_ran; "
			  "then note; reason \"none\"; }");
	rules_sample_run(&s);
	assert_null(rules_sample_hit(&s, "low"));
	assert_non_null(rules_sample_hit(&s, "none"));
	rules_sample_free(&s);
}

/* Every example of the page that describes the language compiles. */
static void the_page_is_right(void **state)
{
	static char         page[65536], one[65536];
	struct rules_sample s;
	FILE               *file     = fopen("config/rules/LANGUAGE.md", "rb");
	int                 examples = 0;
	char               *at, *end;

	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	for (at = page; (at = strstr(at, "```rules\n")) != NULL; at = end, examples++) {
		at += strlen("```rules\n");
		end = strstr(at, "```");
		assert_non_null(end);
		snprintf(one, sizeof(one), "%.*s", (int)(end - at), at);
		rules_sample_load(&s, one);
		rules_sample_run(&s);
		rules_sample_free(&s);
	}
	assert_true(examples >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(parties),
		cmocka_unit_test(single_precision),
		cmocka_unit_test(comparison_and_logic),
		cmocka_unit_test(membership),
		cmocka_unit_test(texts),
		cmocka_unit_test(times),
		cmocka_unit_test(names),
		cmocka_unit_test(choices),
		cmocka_unit_test(model_that_did_not_run),
		cmocka_unit_test(the_page_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
