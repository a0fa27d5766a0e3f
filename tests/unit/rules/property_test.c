/* Random rules files against a second, naive interpreter that walks the tree they were
 * printed from.  It shares nothing with the compiler or the machine but the spelling of
 * the language: no bytecode, no short circuits, no sorted sets, texts copied and folded.
 *
 * The seed of a failure is printed; SEED=N runs that one alone. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/rules/rules_sample.h"

#define PROGRAMS     3000
#define INPUTS       6
#define DEPTH_MAX    5
#define NODES_MAX    4096
#define CHILDREN     12
#define TEXT_MAX     160
#define RULES_RANDOM 6
#define LETS_RANDOM  4

/* ---- the tree */

enum type { NUMBER, TEXT, BOOLEAN, TIME, TYPES };

struct node {
	char         kind[16]; /* an operator or function as it is spelled, or literal, name, ... */
	enum type    type;
	int          count;
	struct node *child[CHILDREN];
	double       number;         /* literal */
	char         text[TEXT_MAX]; /* literal, name; an operator of an arm */
	int64_t      time_ns;        /* literal */
	bool         flag;           /* negated; has a missing arm */
};

struct result {
	double  number;
	char    text[TEXT_MAX];
	bool    boolean;
	int64_t time_ns;
};

struct random_rule {
	struct node *when;
	struct node *weights[3], *conditions[3];
	int          weights_count; /* 0: a rule, else a typology */
	int          action;
};

struct world {
	uint64_t            seed;
	struct node         nodes[NODES_MAX];
	int                 nodes_count;
	struct node        *lets[LETS_RANDOM];
	struct random_rule  rules[RULES_RANDOM];
	int                 lets_known, rules_known;
	bool                in_let;
	struct rules_sample sample;
	struct result       let_results[LETS_RANDOM];
	bool                hits[RULES_RANDOM];
	char               *out;
	size_t              out_bytes;
};

static struct world world;

static uint64_t draw(uint64_t below)
{
	world.seed ^= world.seed << 13;
	world.seed ^= world.seed >> 7;
	world.seed ^= world.seed << 17;
	return (world.seed * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

/* ---- making trees */

static const char *const texts[]      = { "",
					  "a",
					  "A",
					  "DE",
					  "de",
					  "tok_Card9",
					  "m-17",
					  "5411",
					  "card_present",
					  "EUR",
					  "ok_",
					  "\xc3\xa4",
					  "x\xe2\x82\xacy",
					  "12" };
static const char *const patterns[]   = { "*", "?", "tok*", "*9", "?E", "a*a", "*-*", "" };
static const char *const text_names[] = {
	"card",    "merchant", "merchant_country", "merchant_category", "currency",
	"channel", "payee",    "account"
};
static const char *const number_names[] = { "amount",          "card_count_1h", "card_sum_24h",
					    "card_zscore_30d", "risk",          "device.age",
					    "score",           "margin" };
static const char *const times[]        = { "2026-07-01T12:34:56Z", "1970-01-01T00:00:00Z",
					    "2028-02-29T23:59:59.999Z", "2026-12-31T23:00:00Z" };
static const double      numbers[]      = {
        0, 1, 2, 3, 0.1, 0.5, 10, 57.16, 100, 1000, 5411, 999999999999999
};

#define PICK(array) (array)[draw(sizeof(array) / sizeof((array)[0]))]

static struct node *new_node(const char *kind, enum type type)
{
	struct node *node = &world.nodes[world.nodes_count++];

	assert_true(world.nodes_count < NODES_MAX);
	memset(node, 0, sizeof(*node));
	snprintf(node->kind, sizeof(node->kind), "%s", kind);
	node->type = type;
	return node;
}

static struct node *make(enum type type, int depth);

static struct node *with(struct node *node, struct node *child)
{
	assert_true(node->count < CHILDREN);
	node->child[node->count++] = child;
	return node;
}

static struct node *make_literal(enum type type)
{
	struct node *node = new_node("literal", type);

	switch (type) {
	case NUMBER: node->number = PICK(numbers); break;
	case TEXT: snprintf(node->text, TEXT_MAX, "%s", PICK(texts)); break;
	case BOOLEAN: node->flag = draw(2); break;
	default:
		snprintf(node->text, TEXT_MAX, "%s", PICK(times));
		node->time_ns = rules_sample_time(node->text);
	}
	return node;
}

static struct node *make_leaf(enum type type)
{
	struct node *node;
	int          at = (int)draw(LETS_RANDOM);

	if (draw(3) == 0)
		return make_literal(type);
	if (at < world.lets_known && world.lets[at]->type == type && draw(2)) {
		node         = new_node("let", type);
		node->number = at;
		return node;
	}
	at = (int)draw(RULES_RANDOM);
	if (type == BOOLEAN && !world.in_let && at < world.rules_known) {
		node         = new_node("hit", type);
		node->number = at;
		return node;
	}
	node = new_node("name", type);
	if (type == NUMBER)
		snprintf(node->text, TEXT_MAX, "%s", PICK(number_names));
	else if (type == TEXT)
		snprintf(node->text, TEXT_MAX, "%s", PICK(text_names));
	else
		snprintf(node->text, TEXT_MAX, "%s",
			 type == TIME ? draw(2) ? "now" : "time" : "model_ran");
	return node;
}

/* A row is a form of the language: its spelling, its result and its operands. */
struct form {
	const char *kind;
	enum type   type;
	int         count;
	enum type   operands[2];
};

static const struct form forms[] = {
	{ "+", NUMBER, 2, { NUMBER, NUMBER } },
	{ "-", NUMBER, 2, { NUMBER, NUMBER } },
	{ "*", NUMBER, 2, { NUMBER, NUMBER } },
	{ "/", NUMBER, 2, { NUMBER, NUMBER } },
	{ "%", NUMBER, 2, { NUMBER, NUMBER } },
	{ "negate", NUMBER, 1, { NUMBER } },
	{ "abs", NUMBER, 1, { NUMBER } },
	{ "floor", NUMBER, 1, { NUMBER } },
	{ "ceil", NUMBER, 1, { NUMBER } },
	{ "round", NUMBER, 1, { NUMBER } },
	{ "min", NUMBER, 2, { NUMBER, NUMBER } },
	{ "max", NUMBER, 2, { NUMBER, NUMBER } },
	{ "default", NUMBER, 2, { NUMBER, NUMBER } },
	{ "length", NUMBER, 1, { TEXT } },
	{ "number", NUMBER, 1, { TEXT } },
	{ "hour", NUMBER, 1, { TIME } },
	{ "minute", NUMBER, 1, { TIME } },
	{ "weekday", NUMBER, 1, { TIME } },
	{ "minutes_between", NUMBER, 2, { TIME, TIME } },
	{ "days_between", NUMBER, 2, { TIME, TIME } },
	{ "lower", TEXT, 1, { TEXT } },
	{ "upper", TEXT, 1, { TEXT } },
	{ "first", TEXT, 2, { TEXT, NUMBER } },
	{ "last", TEXT, 2, { TEXT, NUMBER } },
	{ "default", TEXT, 2, { TEXT, TEXT } },
	{ "and", BOOLEAN, 2, { BOOLEAN, BOOLEAN } },
	{ "or", BOOLEAN, 2, { BOOLEAN, BOOLEAN } },
	{ "not", BOOLEAN, 1, { BOOLEAN } },
	{ "==", BOOLEAN, 2, { NUMBER, NUMBER } },
	{ "!=", BOOLEAN, 2, { NUMBER, NUMBER } },
	{ "<", BOOLEAN, 2, { NUMBER, NUMBER } },
	{ "<=", BOOLEAN, 2, { NUMBER, NUMBER } },
	{ ">", BOOLEAN, 2, { NUMBER, NUMBER } },
	{ ">=", BOOLEAN, 2, { NUMBER, NUMBER } },
	{ "==", BOOLEAN, 2, { TEXT, TEXT } },
	{ "!=", BOOLEAN, 2, { TEXT, TEXT } },
	{ "==", BOOLEAN, 2, { BOOLEAN, BOOLEAN } },
	{ "<", BOOLEAN, 2, { TIME, TIME } },
	{ ">=", BOOLEAN, 2, { TIME, TIME } },
	{ "==", BOOLEAN, 2, { TIME, TIME } },
	{ "missing", BOOLEAN, 1, { NUMBER } },
	{ "missing", BOOLEAN, 1, { TEXT } },
	{ "starts_with", BOOLEAN, 2, { TEXT, TEXT } },
	{ "ends_with", BOOLEAN, 2, { TEXT, TEXT } },
	{ "contains", BOOLEAN, 2, { TEXT, TEXT } },
	{ "matches", BOOLEAN, 1, { TEXT } },
	{ "in", BOOLEAN, 1, { NUMBER } },
	{ "in", BOOLEAN, 1, { TEXT } },
	{ "in_list", BOOLEAN, 1, { TEXT } },
};
#define FORMS_COUNT (sizeof(forms) / sizeof(forms[0]))

static struct node *make_switch(enum type type, int depth)
{
	enum type    subject = draw(2) ? NUMBER : TEXT;
	struct node *node    = with(new_node("switch", type), make(subject, depth - 1));

	for (uint64_t arms = draw(3); arms > 0; arms--) {
		with(node, make_literal(subject));
		with(node, make(type, depth - 1));
	}
	return with(node, make(type, depth - 1));
}

static struct node *make_when(enum type type, int depth)
{
	struct node *node = new_node("choose", type);

	for (uint64_t arms = draw(3); arms > 0; arms--) {
		with(node, make(BOOLEAN, depth - 1));
		with(node, make(type, depth - 1));
	}
	return with(node, make(type, depth - 1));
}

static struct node *make_band(enum type type, int depth)
{
	struct node *node  = with(new_node("band", type), make(NUMBER, depth - 1));
	double       bound = (double)draw(20) - 10;

	node->flag = draw(2);
	if (node->flag)
		with(node, make(type, depth - 1));
	for (uint64_t arms = draw(3); arms > 0; arms--) {
		struct node *limit = new_node("literal", NUMBER);

		limit->number = bound;
		limit->flag   = draw(2);
		bound += 1 + (double)draw(50);
		with(node, limit);
		with(node, make(type, depth - 1));
	}
	return with(node, make(type, depth - 1));
}

static struct node *make(enum type type, int depth)
{
	const struct form *form = &forms[draw(FORMS_COUNT)];
	struct node       *node;

	if (depth <= 0 || type == TIME || world.nodes_count > NODES_MAX / 2)
		return make_leaf(type);
	switch (draw(10)) {
	case 0: return make_leaf(type);
	case 1: return make_switch(type, depth);
	case 2: return make_when(type, depth);
	case 3: return make_band(type, depth);
	default: break;
	}
	while (form->type != type)
		form = &forms[draw(FORMS_COUNT)];
	node       = new_node(form->kind, type);
	node->flag = draw(2);
	for (int i = 0; i < form->count; i++)
		with(node, make(form->operands[i], depth - 1));
	if (strcmp(form->kind, "matches") == 0)
		snprintf(node->text, TEXT_MAX, "%s", PICK(patterns));
	for (uint64_t n = 1 + draw(5); strcmp(form->kind, "in") == 0 && n > 0; n--)
		with(node, make_literal(form->operands[0]));
	return node;
}

/* ---- printing trees */

__attribute__((format(printf, 1, 2))) static void print(const char *form, ...)
{
	va_list arguments;

	va_start(arguments, form);
	world.out_bytes += (size_t)vsnprintf(world.out + world.out_bytes,
					     RULES_TEXT_BYTES_MAX - world.out_bytes, form,
					     arguments);
	va_end(arguments);
	assert_true(world.out_bytes < RULES_TEXT_BYTES_MAX);
}

static bool is(const struct node *node, const char *kind)
{
	return strcmp(node->kind, kind) == 0;
}

static void print_node(const struct node *node);

static void print_literal(const struct node *node)
{
	if (node->type == NUMBER)
		print("%.15g", node->number);
	else if (node->type == TEXT)
		print("\"%s\"", node->text);
	else
		print("%s", node->type == TIME ? node->text : node->flag ? "true" : "false");
}

static void print_choice(const struct node *node)
{
	int at = 0;

	if (is(node, "choose")) {
		print("switch { ");
	} else {
		print("%s ", node->kind);
		print_node(node->child[at++]);
		print(" { ");
	}
	if (is(node, "band") && node->flag) {
		print("missing: ");
		print_node(node->child[at++]);
		print("; ");
	}
	for (; at + 1 < node->count; at += 2) {
		if (is(node, "band"))
			print("<%s ", node->child[at]->flag ? "=" : "");
		print_node(node->child[at]);
		print(": ");
		print_node(node->child[at + 1]);
		print("; ");
	}
	print("else ");
	print_node(node->child[at]);
	print(" }");
}

static void print_call(const struct node *node)
{
	print("%s(", node->kind);
	for (int i = 0; i < node->count; i++) {
		print("%s", i ? ", " : "");
		print_node(node->child[i]);
	}
	if (is(node, "matches"))
		print(", \"%s\"", node->text);
	print(")");
}

static void print_in(const struct node *node)
{
	print("(");
	print_node(node->child[0]);
	print(node->flag ? " not in " : " in ");
	if (is(node, "in_list"))
		print("vip");
	for (int i = 1; i < node->count; i++) {
		print(i == 1 ? "[" : ", ");
		print_node(node->child[i]);
	}
	print(is(node, "in_list") ? ")" : "])");
}

static void print_node(const struct node *node)
{
	bool letters = node->kind[0] >= 'a' && node->kind[0] <= 'z';

	if (is(node, "literal"))
		print_literal(node);
	else if (is(node, "name"))
		print("%s", node->text);
	else if (is(node, "let"))
		print("let_%d", (int)node->number);
	else if (is(node, "hit"))
		print("hit(r_%d)", (int)node->number);
	else if (is(node, "switch") || is(node, "choose") || is(node, "band"))
		print_choice(node);
	else if (is(node, "in") || is(node, "in_list"))
		print_in(node);
	else if (is(node, "negate") || is(node, "not")) {
		print(is(node, "not") ? "(not " : "(-");
		print_node(node->child[0]);
		print(")");
	} else if (letters && !is(node, "and") && !is(node, "or"))
		print_call(node);
	else {
		print("(");
		print_node(node->child[0]);
		print(" %s ", node->kind);
		print_node(node->child[1]);
		print(")");
	}
}

/* ---- walking trees: the naive interpreter */

static void walk(const struct node *node, struct result *out);

static double finite_or_missing(double number)
{
	return isfinite(number) ? number : (double)NAN;
}

static double name_number(const char *name)
{
	const struct rules_sample *s = &world.sample;

	if (strcmp(name, "amount") == 0)
		return (double)s->transaction.amount_minor / 100;
	if (strcmp(name, "risk") == 0)
		return finite_or_missing((double)s->transaction.features[0]);
	if (strcmp(name, "device.age") == 0)
		return finite_or_missing((double)s->transaction.features[1]);
	if (strcmp(name, "score") == 0)
		return s->input.model_ran ? (double)s->input.score : (double)NAN;
	if (strcmp(name, "margin") == 0)
		return s->input.model_ran ? (double)s->input.margin : (double)NAN;
	for (uint32_t i = 0; i < s->computed.features_count; i++)
		if (strcmp(s->computed.features[i].name, name) == 0)
			return finite_or_missing(s->values.value[i]);
	abort();
}

static void name_text(const char *name, char *out)
{
	const struct transaction *t = &world.sample.transaction;

	if (strcmp(name, "card") == 0)
		snprintf(out, TEXT_MAX, "%.*s", t->card.size_bytes, t->card.data);
	else if (strcmp(name, "account") == 0)
		snprintf(out, TEXT_MAX, "%.*s", t->account.size_bytes, t->account.data);
	else if (strcmp(name, "payee") == 0)
		snprintf(out, TEXT_MAX, "%.*s", t->payee.size_bytes, t->payee.data);
	else if (strcmp(name, "merchant") == 0)
		snprintf(out, TEXT_MAX, "%.*s", t->merchant.size_bytes, t->merchant.data);
	else if (strcmp(name, "merchant_country") == 0)
		snprintf(out, TEXT_MAX, "%.2s", t->merchant_country);
	else if (strcmp(name, "merchant_category") == 0)
		snprintf(out, TEXT_MAX, "%.4s", t->merchant_category);
	else if (strcmp(name, "currency") == 0)
		snprintf(out, TEXT_MAX, "%.3s", t->currency);
	else
		snprintf(out, TEXT_MAX, "%s", transaction_channel_name(t->channel));
}

static void walk_leaf(const struct node *node, struct result *out)
{
	if (is(node, "let")) {
		*out = world.let_results[(int)node->number];
	} else if (is(node, "hit")) {
		out->boolean = world.hits[(int)node->number];
	} else if (is(node, "literal")) {
		out->number  = node->number;
		out->boolean = node->flag;
		out->time_ns = node->time_ns;
		snprintf(out->text, TEXT_MAX, "%s", node->text);
	} else if (node->type == NUMBER) {
		out->number = name_number(node->text);
	} else if (node->type == TEXT) {
		name_text(node->text, out->text);
	} else {
		out->boolean = world.sample.input.model_ran;
		out->time_ns = strcmp(node->text, "now") == 0 ? world.sample.input.now_ns
							      : world.sample.transaction.time_ns;
	}
}

static double arithmetic_of(const struct node *node, double a, double b)
{
	bool min = is(node, "min"), max = is(node, "max");

	switch (node->kind[0]) {
	case '+': return a + b;
	case '-': return a - b;
	case '*': return a * b;
	case '/': return b == 0 ? (double)NAN : a / b;
	case '%': return b == 0 ? (double)NAN : a - b * floor(a / b);
	default: break;
	}
	if (min || max)
		return isnan(a) || isnan(b) ? (double)NAN : min ? fmin(a, b) : fmax(a, b);
	if (is(node, "negate"))
		return -a;
	if (is(node, "abs"))
		return fabs(a);
	if (is(node, "floor"))
		return floor(a);
	if (is(node, "ceil"))
		return ceil(a);
	if (is(node, "round"))
		return a < 0 ? -floor(-a + 0.5) : floor(a + 0.5);
	if (is(node, "default"))
		return isnan(a) ? b : a;
	abort();
}

static int characters(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}

static double number_of_text(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 15 && text[digits] == '\0' ? strtod(text, NULL)
								  : (double)NAN;
}

/* The times drawn are all after 1970, so plain division rounds as it should. */
static double of_times(const struct node *node, int64_t a, int64_t b)
{
	const int64_t minute = INT64_C(60000000000);

	if (is(node, "hour"))
		return (double)(a / (60 * minute) % 24);
	if (is(node, "minute"))
		return (double)(a / minute % 60);
	if (is(node, "weekday"))
		return (double)((a / (1440 * minute) + 3) % 7);
	return (double)(b - a) / (double)(is(node, "days_between") ? 1440 * minute : minute);
}

static void walk_number(const struct node *node, const struct result *r, struct result *out)
{
	enum type type = node->child[0]->type;

	if (type == TIME)
		out->number = of_times(node, r[0].time_ns, r[1].time_ns);
	else if (is(node, "length"))
		out->number = characters(r[0].text);
	else if (is(node, "number"))
		out->number = number_of_text(r[0].text);
	else
		out->number = finite_or_missing(arithmetic_of(node, r[0].number, r[1].number));
}

static void walk_text(const struct node *node, const struct result *r, struct result *out)
{
	bool   lower = is(node, "lower");
	double keep  = r[1].number, skip;
	char  *to    = out->text;

	if (is(node, "default")) {
		snprintf(out->text, TEXT_MAX, "%s", r[0].text[0] ? r[0].text : r[1].text);
	} else if (lower || is(node, "upper")) {
		for (const char *p = r[0].text; *p; p++)
			*to++ = (char)(lower && *p >= 'A' && *p <= 'Z'    ? *p + 32
				       : !lower && *p >= 'a' && *p <= 'z' ? *p - 32
									  : *p);
		*to = '\0';
	} else {
		keep = keep >= 1 ? fmin(floor(keep), characters(r[0].text)) : 0;
		skip = is(node, "last") ? characters(r[0].text) - keep : 0;
		for (const char *p = r[0].text; *p; p++) {
			int place = characters(r[0].text) - characters(p) - ((*p & 0xc0) == 0x80);

			if (place >= skip && place < skip + keep)
				*to++ = *p;
		}
		*to = '\0';
	}
}

/* By recursion over both. */
static bool matches(const char *text, const char *pattern)
{
	if (*pattern == '\0')
		return *text == '\0';
	if (*pattern == '*')
		return matches(text, pattern + 1) || (*text && matches(text + 1, pattern));
	if (*text == '\0')
		return false;
	if (*pattern != '?')
		return *pattern == *text && matches(text + 1, pattern + 1);
	for (text++; (*text & 0xc0) == 0x80;)
		text++;
	return matches(text, pattern + 1);
}

static bool compare(const char *sign, int order)
{
	return (order < 0 && strchr("<", sign[0])) || (order > 0 && strchr(">", sign[0])) ||
	       (order == 0 && sign[1] == '=' && sign[0] != '!') || (order != 0 && sign[0] == '!');
}

static bool walk_compare(const struct node *node, const struct result *a, const struct result *b)
{
	switch (node->child[0]->type) {
	case NUMBER:
		return !isnan(a->number) && !isnan(b->number) &&
		       compare(node->kind, (a->number > b->number) - (a->number < b->number));
	case TEXT: return compare(node->kind, strcmp(a->text, b->text));
	case TIME:
		return compare(node->kind, (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns));
	default: return compare(node->kind, a->boolean != b->boolean);
	}
}

static bool walk_in(const struct node *node, const struct result *r)
{
	bool in = false;

	if (is(node, "in_list")) {
		in = strcmp(r->text, "m-17") == 0 || strcmp(r->text, "DE") == 0 ||
		     (strcmp(r->text, "a") == 0 &&
		      world.sample.input.now_ns < rules_sample_time("1999-01-01T00:00:00Z"));
		return in != node->flag;
	}
	if (node->child[0]->type == NUMBER && isnan(r->number))
		return false;
	for (int i = 1; i < node->count; i++)
		in |= node->child[0]->type == NUMBER ? node->child[i]->number == r->number
						     : strcmp(node->child[i]->text, r->text) == 0;
	return in != node->flag;
}

static bool walk_boolean(const struct node *node, const struct result *r)
{
	size_t n = strlen(r[0].text), m = strlen(r[1].text);

	if (is(node, "and"))
		return r[0].boolean && r[1].boolean;
	if (is(node, "or"))
		return r[0].boolean || r[1].boolean;
	if (is(node, "not"))
		return !r[0].boolean;
	if (is(node, "missing"))
		return node->child[0]->type == TEXT ? n == 0 : isnan(r[0].number);
	if (is(node, "starts_with"))
		return strncmp(r[0].text, r[1].text, m) == 0;
	if (is(node, "ends_with"))
		return m <= n && strcmp(r[0].text + n - m, r[1].text) == 0;
	if (is(node, "contains"))
		return strstr(r[0].text, r[1].text) != NULL;
	if (is(node, "matches"))
		return matches(r[0].text, node->text);
	if (is(node, "in") || is(node, "in_list"))
		return walk_in(node, r);
	return walk_compare(node, &r[0], &r[1]);
}

static bool arm_fits(const struct node *node, const struct node *arm, const struct result *subject)
{
	struct result when;

	if (is(node, "band"))
		return subject->number < arm->number ||
		       (arm->flag && subject->number == arm->number);
	walk(arm, &when);
	if (is(node, "choose"))
		return when.boolean;
	return arm->type == NUMBER ? when.number == subject->number
				   : strcmp(when.text, subject->text) == 0;
}

static void walk_choice(const struct node *node, struct result *out)
{
	struct result subject = { 0 };
	int           at      = 0;

	if (!is(node, "choose"))
		walk(node->child[at++], &subject);
	if (is(node, "band") && node->flag) {
		if (isnan(subject.number)) {
			walk(node->child[at], out);
			return;
		}
		at++;
	}
	for (; at + 1 < node->count; at += 2)
		if (arm_fits(node, node->child[at], &subject)) {
			walk(node->child[at + 1], out);
			return;
		}
	walk(node->child[at], out);
}

static void walk(const struct node *node, struct result *out)
{
	struct result r[2] = { 0 };

	memset(out, 0, sizeof(*out));
	if (node->count == 0) {
		walk_leaf(node, out);
	} else if (is(node, "switch") || is(node, "choose") || is(node, "band")) {
		walk_choice(node, out);
	} else {
		walk(node->child[0], &r[0]);
		if (node->count > 1)
			walk(node->child[1], &r[1]);
		if (node->type == NUMBER)
			walk_number(node, r, out);
		else if (node->type == TEXT)
			walk_text(node, r, out);
		else
			out->boolean = walk_boolean(node, r);
	}
}

/* ---- whole files */

static void make_rule(struct random_rule *rule)
{
	rule->action        = (int)draw(4);
	rule->weights_count = draw(3) ? 0 : 1 + (int)draw(3);
	rule->when          = make(BOOLEAN, DEPTH_MAX);
	for (int i = 0; i < rule->weights_count; i++) {
		rule->weights[i]    = make(NUMBER, 2);
		rule->conditions[i] = draw(2) ? make(BOOLEAN, 3) : NULL;
	}
}

static void print_rule(const struct random_rule *rule, int at)
{
	static const char *const actions[] = { "note", "review", "decline", "allow" };

	print("%s r_%d {\n", rule->weights_count ? "typology" : "rule", at);
	if (rule->weights_count == 0) {
		print("\twhen ");
		print_node(rule->when);
		print(";\n\tthen %s;\n", actions[rule->action]);
	}
	for (int i = 0; i < rule->weights_count; i++) {
		print("\tweight ");
		print_node(rule->weights[i]);
		if (rule->conditions[i]) {
			print(" when ");
			print_node(rule->conditions[i]);
		}
		print(";\n");
	}
	if (rule->weights_count)
		print("\treview at 0.5;\n\tdecline at 10;\n");
	print("\treason \"x\";\n}\n");
}

static void make_file(void)
{
	world.nodes_count = world.lets_known = world.rules_known = 0;
	world.out_bytes                                          = 0;
	print("list vip of merchant { \"m-17\"; \"DE\"; \"a\" until 1999-01-01T00:00:00Z; }\n");
	world.in_let = true;
	for (int i = 0; i < LETS_RANDOM; i++) {
		world.lets[i] = make((enum type)draw(TYPES), DEPTH_MAX);
		print("let let_%d = ", i);
		print_node(world.lets[i]);
		print(";\n");
		world.lets_known++;
	}
	world.in_let = false;
	for (int i = 0; i < RULES_RANDOM; i++) {
		make_rule(&world.rules[i]);
		print_rule(&world.rules[i], i);
		world.rules_known++;
	}
}

static void draw_input(void)
{
	struct rules_sample *s    = &world.sample;
	const char          *card = PICK(texts), *payee = PICK(texts), *account = PICK(texts);

	SAMPLE_TEXT(s->transaction.card, card);
	SAMPLE_TEXT(s->transaction.payee, payee);
	SAMPLE_TEXT(s->transaction.account, account);
	memcpy(s->transaction.merchant_country, draw(2) ? "DE" : "FR", 2);
	s->transaction.channel      = (uint8_t)(1 + draw(CHANNEL_COUNT - 1));
	s->transaction.time_ns      = rules_sample_time(PICK(times));
	s->input.now_ns             = s->transaction.time_ns + (int64_t)draw(1000) * 1000000007;
	s->transaction.amount_minor = (int64_t)(PICK(numbers) * 10);
	s->transaction.features[0]  = draw(3) ? (float)PICK(numbers) : NAN;
	s->transaction.features[1]  = draw(3) ? -(float)PICK(numbers) : INFINITY;
	s->input.model_ran          = draw(3) != 0;
	s->input.score              = (float)draw(100) / 100;
	s->input.margin             = (float)draw(100) - 50;
	rules_sample_set(s, "card_count_1h", draw(3) ? (double)draw(12) : (double)NAN);
	rules_sample_set(s, "card_sum_24h", draw(3) ? PICK(numbers) : (double)NAN);
	rules_sample_set(s, "card_zscore_30d", draw(3) ? PICK(numbers) - 3 : (double)NAN);
}

/* What the tree says: the verdict of a rule that hits, or -1. */
static int walk_rule(const struct random_rule *rule)
{
	static const int verdicts[] = { VERDICT_APPROVE, VERDICT_REVIEW, VERDICT_DECLINE,
					VERDICT_APPROVE };
	struct result    when, weight;
	double           total = 0;

	if (rule->weights_count == 0) {
		walk(rule->when, &when);
		return when.boolean ? verdicts[rule->action] : -1;
	}
	for (int i = 0; i < rule->weights_count; i++) {
		when.boolean = true;
		if (rule->conditions[i])
			walk(rule->conditions[i], &when);
		walk(rule->weights[i], &weight);
		if (when.boolean && !isnan(weight.number))
			total += round(fmax(-1e6, fmin(1e6, weight.number)) * 1e6);
	}
	return total >= 10e6 ? VERDICT_DECLINE : total >= 0.5e6 ? VERDICT_REVIEW : -1;
}

static void check_input(uint64_t seed, int *hits_seen)
{
	int  verdict = VERDICT_APPROVE, hits = 0, got;
	bool allowed = false;

	for (int i = 0; i < LETS_RANDOM; i++)
		walk(world.lets[i], &world.let_results[i]);
	rules_sample_run(&world.sample);
	for (int i = 0; i < RULES_RANDOM; i++) {
		char id[16];

		snprintf(id, sizeof(id), "r_%d", i);
		got           = walk_rule(&world.rules[i]);
		world.hits[i] = got >= 0;
		hits += got >= 0;
		verdict = got > verdict ? got : verdict;
		allowed |= got >= 0 && world.rules[i].weights_count == 0 &&
			   world.rules[i].action == 3;
		const struct decision_rule *hit = rules_sample_hit(&world.sample, id);

		if (!!hit != (got >= 0) || (hit && hit->verdict != got))
			fail_msg("SEED=%llu: %s: tree %d, machine %d\n%s", (unsigned long long)seed,
				 id, got, hit ? hit->verdict : -1, world.out);
	}
	assert_int_equal(world.sample.outcome.hit, hits);
	assert_int_equal(world.sample.outcome.verdict, verdict);
	assert_int_equal(world.sample.outcome.allowed, allowed);
	*hits_seen += hits;
}

static void random_programs_agree_with_the_tree(void **state)
{
	const char *only  = getenv("SEED");
	uint64_t    first = only ? strtoull(only, NULL, 10) : 1;
	uint64_t    last  = only ? first : PROGRAMS;
	int         hits  = 0;

	world.out = malloc(RULES_TEXT_BYTES_MAX);
	for (uint64_t seed = first; seed <= last; seed++) {
		world.seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		make_file();
		rules_sample_init(&world.sample);
		if (!rules_sample_compile(&world.sample, bytes_of(world.out, world.out_bytes)))
			fail_msg("SEED=%llu does not compile: %s\n%s", (unsigned long long)seed,
				 world.sample.errors.lines[0], world.out);
		for (int i = 0; i < INPUTS; i++) {
			draw_input();
			memset(world.hits, 0, sizeof(world.hits));
			check_input(seed, &hits);
		}
		rules_sample_free(&world.sample);
	}
	print_message("# %d hits of %d\n", hits, PROGRAMS * INPUTS * RULES_RANDOM);
	assert_true(only ||
		    (hits > PROGRAMS && hits < PROGRAMS * INPUTS * RULES_RANDOM - PROGRAMS));
	free(world.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs_agree_with_the_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
