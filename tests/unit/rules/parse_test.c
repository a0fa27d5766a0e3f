/* What is refused, word for word: the place, what was expected, what was found. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/rules/rules_sample.h"

/* All lines of errors, each ended by a newline. */
static const char *errors_of(const char *text)
{
	static char         out[(RULES_ERRORS_MAX + 1) * RULES_ERROR_BYTES];
	struct rules_sample s;
	size_t              n = 0;

	rules_sample_init(&s);
	out[0] = '\0';
	if (rules_sample_compile(&s, bytes_of(text, strlen(text))))
		rules_sample_free(&s);
	for (uint32_t i = 0; i < s.errors.count; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s\n", s.errors.lines[i]);
	return out;
}

struct error_case {
	const char *text, *errors;
};

static void check_all(const char *before, const char *after, const struct error_case *cases,
		      size_t count)
{
	char text[1024];
	bool wrong = false;

	for (size_t i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%s%s%s", before, cases[i].text, after);
		const char *got = errors_of(text);

		if (strcmp(got, cases[i].errors) == 0)
			continue;
		print_message("# %s\n#  gives  %s#  wanted %s", text, got, cases[i].errors);
		wrong = true;
	}
	assert_false(wrong);
}

static void expressions(void **state)
{
	static const struct error_case cases[] = {
		{ "card_count_1h + merchant_country",
		  "1:25: expected a number for +, found the text merchant_country\n" },
		{ "merchant_country > 5",
		  "1:9: expected a number or a time before >, found the text merchant_country\n" },
		{ "merchant_country == 5",
		  "1:29: expected a text as on the left, found the number 5\n" },
		{ "5 == \"a\"", "1:14: expected a number as on the left, found the text \"a\"\n" },
		{ "not card_count_1h",
		  "1:13: expected a boolean after not, found the number card_count_1h\n" },
		{ "-merchant", "1:10: expected a number after -, found the text merchant\n" },
		{ "amount > 5 and score",
		  "1:24: expected a boolean for and, found the number score\n" },
		{ "1 < 2 < 3", "1:9: expected a number or a time before <, found a boolean\n" },
		{ "(1 + 2) and true", "1:10: expected a boolean for and, found a number\n" },
		{ "amount = 5", "1:16: expected ==, which compares, found '='\n" },
		{ "5 +", "1:12: expected a value, found ';'\n" },
		{ "(5 + 6", "1:15: expected ')', found ';'\n" },
		{ "5 5", "1:11: expected ';', found the number 5\n" },
		{ "5x", "1:9: expected a value, found a number with a letter in it\n" },
		{ "1234567890123456",
		  "1:9: expected a value, found a number of more than 15 digits\n" },
		{ "2026-13-01T00:00:00Z", "1:9: expected a value, found a time that does not exist "
					  "(write 2026-12-31T08:00:00Z)\n" },
		{ "\"abc", "1:9: expected a value, found a text that does not end on its line\n" },
		{ "\"a\\n\"",
		  "1:9: expected a value, found a text with a \\ before neither \" nor \\\n" },
		{ "$", "1:9: expected a value, found a character that begins nothing\n" },
		{ "card_cout_1h > 5",
		  "1:9: unknown name card_cout_1h; did you mean card_count_1h?\n" },
		{ "merchant_contry",
		  "1:9: unknown name merchant_contry; did you mean merchant_country?\n" },
		{ "xyzzy_plugh", "1:9: unknown name xyzzy_plugh\n" },
		{ "total", "1:9: unknown name total\n" },
		{ "lenth(card)", "1:9: unknown function lenth; did you mean length?\n" },
		{ "length(amount)", "1:16: expected a text for length, found the number amount\n" },
		{ "hour(amount)", "1:14: expected a time for hour, found the number amount\n" },
		{ "min(1)", "1:14: expected ',', found ')'\n" },
		{ "min(1, 2, 3)", "1:17: expected ')', found ','\n" },
		{ "missing(now)", "1:17: expected a number or a text, found the time now\n" },
		{ "default(card, 5)", "1:23: expected a text for default, found the number 5\n" },
		{ "matches(card, merchant)",
		  "1:23: expected a pattern in quotes, as \"AB*\", found the name merchant\n" },
		{ "feature(risk)",
		  "1:17: expected the name of a feature in quotes, found the name risk\n" },
		{ "feature(\"rsk\")", "1:17: unknown name rsk; did you mean risk?\n" },
		{ "hit(later)",
		  "1:13: hit can't be asked in a let: those come before all rules\n" },
		{ "card in vipp", "1:17: unknown list vipp\n" },
		{ "amount in snooze",
		  "1:9: expected a text before the name of a list, found the number amount\n" },
		{ "card in snoze", "1:17: unknown list snoze; did you mean snooze?\n" },
		{ "card in [1]", "1:18: expected a text, found the number 1\n" },
		{ "amount in [\"1\"]", "1:20: expected a number, found the text \"1\"\n" },
		{ "time in [1]",
		  "1:9: expected a text or a number before in, found the time time\n" },
		{ "amount in []", "1:20: expected a number, found ']'\n" },
		{ "card not \"a\"", "1:18: expected 'in', found the text \"a\"\n" },
		{ "band card { < 1: 2; else 3 }",
		  "1:14: expected a number after band, found the text card\n" },
		{ "band amount { < 2: 1; <= 2: 2; else 3 }",
		  "1:31: the bounds of a band must rise\n" },
		{ "band amount { < 2: 1; < 3: \"a\"; else 3 }",
		  "1:36: expected a number, as in the first arm, found the text \"a\"\n" },
		{ "band amount { < 2: 1; }",
		  "1:31: expected < or <= and a number, or else, found '}'\n" },
		{ "switch time { 1: 2; else 3 }",
		  "1:16: expected a number or a text to switch on, found the time time\n1:23: "
		  "expected a text, found the number 1\n" },
		{ "switch { amount: 2; else 3 }",
		  "1:18: expected a boolean before :, found the number amount\n" },
		{ "switch card { 5: 2; else 3 }", "1:23: expected a text, found the number 5\n" },
	};
	check_all("let v = ", ";", cases, sizeof(cases) / sizeof(cases[0]));
}

static void blocks(void **state)
{
	static const struct error_case cases[] = {
		{ "rule a { then note; reason \"x\"; }",
		  "1:6: rule a has no when; add, for instance: when amount > 1000;\n" },
		{ "rule a { when true; }",
		  "1:6: rule a has no then; add, for instance: then review;\n1:6: rule a has no "
		  "reason; add, for instance: reason \"large: {amount}\";\n" },
		{ "rule a { when 5; then note; reason \"x\"; }",
		  "1:15: expected a boolean after when, found the number 5\n" },
		{ "rule a { when true; then block; reason \"x\"; }",
		  "1:26: expected note, review, decline or allow, found the name block\n" },
		{ "rule a { when true; then note; severity grave; reason \"x\"; }",
		  "1:41: expected info, low, high or critical, found the name grave\n" },
		{ "rule a { when true; when true; then note; reason \"x\"; }",
		  "1:21: when stands twice in one rule\n" },
		{ "rule a { wen true; when true; then note; reason \"x\"; }",
		  "1:10: expected when, then, reason, severity, schedule, snooze, always or '}', "
		  "found the name wen\n" },
		{ "rule a { weight 5; when true; then note; reason \"x\"; }",
		  "1:10: expected when, then, reason, severity, schedule, snooze, always or '}', "
		  "found the name weight\n" },
		{ "rule a { when true; then allow; always; reason \"x\"; }",
		  "1:6: rule a: always goes with review or decline only\n" },
		{ "rule a { when true; then note; reason \"\"; }",
		  "1:39: a reason must say something\n" },
		{ "rule a { when true; then note; reason \"x {amont}\"; }",
		  "1:43: unknown name amont; did you mean amount?\n" },
		{ "rule a { when true; then note; reason \"x {amount\"; }",
		  "1:42: a brace without its other; write {{ or }} for a brace itself\n" },
		{ "rule a { when true; then note; reason \"x } y\"; }",
		  "1:42: a brace without its other; write {{ or }} for a brace itself\n" },
		{ "rule a { when true; then note; reason \"x {amount 5}\"; }",
		  "1:50: expected '}', found the number 5\n" },
		{ "rule a { when true; then note; reason \"x {}\"; }",
		  "1:43: expected a value, found the end\n" },
		{ "rule a { when true; then note; reason \"x {amount:9}\"; }",
		  "1:50: expected how many decimals, 0 to 6, found 9\n" },
		{ "rule a { when true; then note; reason \"x {card:2}\"; }",
		  "1:43: expected a number before : and decimals, found the text card\n" },
		{ "rule a { when true; then note; reason \"x {total}\"; }",
		  "1:43: unknown name total\n" },
		{ "rule a { when true; then note; reason \"x\"; schedule mon-fry; }",
		  "1:57: expected a day: mon, tue, wed, thu, fri, sat, sun or daily, found the "
		  "name fry\n" },
		{ "rule a { when true; then note; reason \"x\"; schedule daily 8:00-18:00; }",
		  "1:59: expected an hour from 00:00 to 24:00, found 8:00\n" },
		{ "rule a { when true; then note; reason \"x\"; schedule daily 08:00-24:01; }",
		  "1:65: expected an hour from 00:00 to 24:00, found 24:01\n" },
		{ "rule a { when true; then note; reason \"x\"; schedule daily 08:00-08:00; }",
		  "1:59: the hours are empty; leave them out for the whole day\n" },
		{ "rule a { when true; then note; reason \"x\"; snooze until 5; }",
		  "1:57: expected a time, as 2026-12-31T00:00:00Z, found the number 5\n" },
		{ "rule a { when hit(a); then note; reason \"x\"; }", "1:19: unknown rule a\n" },
		{ "rule ab1 { when true; then note; reason \"x\"; } rule b { when hit(ab2); then "
		  "note; reason \"x\"; }",
		  "1:66: unknown rule ab2; did you mean ab1?\n" },
		{ "rule a { when true; then note; reason \"x\"; } rule a { when true; then note; "
		  "reason \"x\"; }",
		  "1:51: there is a rule or typology a above\n" },
		{ "rule a { when true; then note; reason \"x\"; ",
		  "1:44: expected '}', found the end\n" },
		{ "rule { }", "1:6: expected an id, found '{'\n" },
		{ "rule abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrst { when true; then note; "
		  "reason \"x\"; }",
		  "1:6: an id has at most 46 bytes\n" },
		{ "typology t { weight 1; reason \"x\"; }",
		  "1:10: typology t has no threshold; add review at, decline at or both\n" },
		{ "typology t { review at 1; reason \"x\"; }",
		  "1:10: typology t has no weight; add, for instance: weight 0.5 when amount > "
		  "1000;\n" },
		{ "typology t { weight 1; review at 0.8; decline at 0.5; reason \"x\"; }",
		  "1:10: typology t must review below where it declines\n" },
		{ "typology t { weight card; review at 1; reason \"x\"; }",
		  "1:21: expected a number after weight, found the text card\n" },
		{ "typology t { weight 1 when 1; review at 1; reason \"x\"; }",
		  "1:28: expected a boolean after when, found the number 1\n" },
		{ "typology t { weight 1; review at 0; reason \"x\"; }",
		  "1:34: a threshold is above 0 and at most 1000000\n" },
		{ "typology t { weight 1; review 1; reason \"x\"; }",
		  "1:31: expected 'at', found the number 1\n" },
		{ "let amount = 5;", "1:5: the name amount is taken\n" },
		{ "let and = 5;", "1:5: the name and is taken\n" },
		{ "let risk = 5;", "1:5: the name risk is taken\n" },
		{ "let a = 5; let a = 6;", "1:16: the name a is taken\n" },
		{ "let a 5;", "1:7: expected '=', found the number 5\n" },
		{ "list l of marchant;", "1:11: unknown field marchant; did you mean merchant?\n" },
		{ "list l;", "1:7: expected 'of', found ';'\n" },
		{ "list l of card { 5; }", "1:18: expected a text or '}', found the number 5\n" },
		{ "list l of card { \"\"; }", "1:18: an entry of a list has 1 to 142 bytes\n" },
		{ "list l of card room 1 { \"a\"; \"b\"; }",
		  "1:6: the list has 2 entries and room for 1: write room and a number\n" },
		{ "list l of card room 0;",
		  "1:21: expected a whole number from 1 to 65536, found 0\n" },
		{ "list l of card room 1.5;",
		  "1:21: expected a whole number from 1 to 65536, found 1.5\n" },
		{ "list snooze of id;", "1:6: the list snooze is there already\n" },
		{ "rules a { }",
		  "1:1: expected rule, typology, list or let, found the name rules\n" },
		{ "}", "1:1: expected rule, typology, list or let, found '}'\n" },
		{ "# \xff", "1:3: expected UTF-8, found the byte 0xff\n" },
	};
	check_all("", "", cases, sizeof(cases) / sizeof(cases[0]));
}

/* The parser goes on behind an error, and one error does not make others. */
static void several(void **state)
{
	static const char text[] =
		"# a file with five mistakes\n"
		"let limit = card_cout_1h;\n"
		"rule one {\n"
		"\twhen limit > 5 and merchant + 1;\n"
		"\tthen blok;\n"
		"\treason \"\xc3\x84 {limit} {nothing}\";\n"
		"}\n"
		"rule two {\n"
		"\twhen hit(one) and amount > > 5;\n"
		"\tthen note; reason \"y\";\n"
		"\n"
		"rule three { when true; then note; reason \"z\"; }\n"
		"typology four { weight switch card { \"a\": 5 }; review at 1; reason \"w\"; }\n"
		"rule five { when tru; then note; reason \"z\"; }\n";

	assert_string_equal(errors_of(text),
			    "2:13: unknown name card_cout_1h; did you mean card_count_1h?\n"
			    "4:21: expected a number for +, found the text merchant\n"
			    "5:7: expected note, review, decline or allow, found the name blok\n"
			    "6:21: unknown name nothing\n"
			    "9:29: expected a value, found '>'\n"
			    "12:1: expected '}', found the name rule\n"
			    "13:45: expected ';', found '}'\n"
			    "14:18: unknown name tru\n");
}

static void no_more_than_twenty(void **state)
{
	struct rules_sample s;
	char                text[64 * 40] = "";

	for (int i = 0; i < 50; i++)
		sprintf(text + strlen(text), "let v%d = nothing_like_it;\n", i);
	rules_sample_init(&s);
	assert_false(rules_sample_compile(&s, bytes_of(text, strlen(text))));
	assert_int_equal(s.errors.count, RULES_ERRORS_MAX);
	assert_int_equal(s.errors.unsaid, 30);
}

/* ---- bounds */

static char *repeated(const char *before, const char *piece, size_t times, const char *after)
{
	char  *out = malloc(strlen(before) + strlen(piece) * times + strlen(after) + 1);
	size_t n   = strlen(before);

	memcpy(out, before, n);
	for (size_t i = 0; i < times; i++, n += strlen(piece))
		memcpy(out + n, piece, strlen(piece));
	strcpy(out + n, after);
	return out;
}

static void check_bound(const char *before, const char *piece, size_t times, const char *after,
			const char *error)
{
	char       *text = repeated(before, piece, times, after);
	const char *got  = errors_of(text);

	if (error[0] == '\0' ? got[0] != '\0' : !strstr(got, error))
		fail_msg("%zu of %s: got '%s', wanted '%s'", times, piece, got, error);
	free(text);
}

static void bounds(void **state)
{
	check_bound("let v = ", "(", 31, "1", "expected ')'");
	check_bound("let v = ", "(", 32, "1", "an expression is nested deeper than 32");
	check_bound("let v = ", "not ", 100000, "true;", "an expression is nested deeper than 32");
	check_bound("let v = ", "-", 100000, "1;", "an expression is nested deeper than 32");
	check_bound("let v = ", "switch { true: ", 40, "1",
		    "an expression is nested deeper than 32");
	check_bound("let v = 1", " + 1", 1000, ";", "");
	check_bound("let v = ", "max(1, ", 30, "1))))))))))))))))))))))))))))));", "");
	check_bound("let v = amount in [1", ", 1", RULES_LIST_ENTRIES_MAX, "];",
		    "a list in the text has at most 1024 values");
	check_bound("let v = 1", " + 1", RULES_INSTRUCTIONS_MAX, ";",
		    "the rules are larger than the appliance takes");
	check_bound("let v = \"", "x", 257, "\";", "a text is at most 256 bytes");
	check_bound("let v = \"", "x", 256, "\";", "");
	check_bound("let v = switch amount {", "1: 1;", 65, "else 1 };", "more than 64 arms");
	check_bound("rule a { when true; then note; reason \"", "x", 207, "\"; }",
		    "a reason has at most 206 bytes");
	check_bound("rule a { when true; then note; reason \"", "{id}", 33, "\"; }",
		    "a reason has at most 32 parts");
	check_bound("rule a { when true; then note; reason \"x\"; schedule mon", ", mon", 8, "; }",
		    "a schedule has at most 8 windows");
	check_bound("typology a { review at 1; reason \"x\"; ", "weight 1;", 65, "}",
		    "a typology has at most 64 weights");
	check_bound("#", "x", RULES_TEXT_BYTES_MAX, "", "the rules are larger than 1048576 bytes");
	check_bound("", "", 0, "", "");
}

/* As many as there may be, and one more. */
static void counts(void **state)
{
	static const struct {
		const char *before, *after, *error;
		int         max;
	} cases[] = {
		{ "let v", " = 5;\n", "there are more than 128 lets", 128 },
		{ "list l", " of card;\n", "there are more than 32 lists", RULES_LISTS_MAX },
		{ "rule r", " { when true; then note; reason \"x\"; }\n",
		  "there are more than 512 of this kind: rule", RULES_MAX },
		{ "typology t", " { weight 1; review at 1; reason \"x\"; }\n",
		  "there are more than 64 of this kind: typology", RULES_TYPOLOGIES_MAX },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char  *text = malloc(100 * (size_t)(cases[i].max + 1));
		size_t n    = 0;

		for (int k = 0; k <= cases[i].max; k++) {
			if (k == cases[i].max)
				assert_string_equal(errors_of(text), "");
			n += (size_t)sprintf(text + n, "%s%d%s", cases[i].before, k,
					     cases[i].after);
		}
		assert_non_null(strstr(errors_of(text), cases[i].error));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions), cmocka_unit_test(blocks),
		cmocka_unit_test(several),     cmocka_unit_test(no_more_than_twenty),
		cmocka_unit_test(bounds),      cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
