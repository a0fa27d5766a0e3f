/* tests/unit/rules/tree.h: trees from a seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/rules/tree.h"

struct tree tree;

uint64_t tree_draw(uint64_t below)
{
	tree.seed ^= tree.seed << 13;
	tree.seed ^= tree.seed >> 7;
	tree.seed ^= tree.seed << 17;
	return (tree.seed * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

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

#define PICK(array) (array)[tree_draw(sizeof(array) / sizeof((array)[0]))]

const char *tree_draw_text(void)
{
	return PICK(texts);
}

const char *tree_draw_time(void)
{
	return PICK(times);
}

double tree_draw_number(void)
{
	return PICK(numbers);
}

static struct node *new_node(const char *kind, enum type type)
{
	struct node *node = &tree.nodes[tree.nodes_count++];

	assert_true(tree.nodes_count < TREE_NODES_MAX);
	memset(node, 0, sizeof(*node));
	snprintf(node->kind, sizeof(node->kind), "%s", kind);
	node->type = type;
	return node;
}

static struct node *with(struct node *node, struct node *child)
{
	assert_true(node->count < TREE_CHILDREN);
	node->child[node->count++] = child;
	return node;
}

static struct node *make_literal(enum type type)
{
	struct node *node = new_node("literal", type);

	switch (type) {
	case NUMBER: node->number = tree_draw_number(); break;
	case TEXT: snprintf(node->text, TREE_TEXT_BYTES, "%s", tree_draw_text()); break;
	case BOOLEAN: node->flag = tree_draw(2); break;
	default:
		snprintf(node->text, TREE_TEXT_BYTES, "%s", tree_draw_time());
		node->time_ns = rules_sample_time(node->text);
	}
	return node;
}

static struct node *make_leaf(enum type type)
{
	struct node *node;
	int          at = (int)tree_draw(TREE_LETS);

	if (tree_draw(3) == 0)
		return make_literal(type);
	if (at < tree.lets_known && tree.lets[at]->type == type && tree_draw(2)) {
		node         = new_node("let", type);
		node->number = at;
		return node;
	}
	at = (int)tree_draw(TREE_RULES);
	if (type == BOOLEAN && !tree.in_let && at < tree.rules_known) {
		node         = new_node("hit", type);
		node->number = at;
		return node;
	}
	node = new_node("name", type);
	if (type == NUMBER)
		snprintf(node->text, TREE_TEXT_BYTES, "%s", PICK(number_names));
	else if (type == TEXT)
		snprintf(node->text, TREE_TEXT_BYTES, "%s", PICK(text_names));
	else
		snprintf(node->text, TREE_TEXT_BYTES, "%s",
			 type == TIME ? tree_draw(2) ? "now" : "time" : "model_ran");
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
	enum type    subject = tree_draw(2) ? NUMBER : TEXT;
	struct node *node    = with(new_node("switch", type), tree_make(subject, depth - 1));

	for (uint64_t arms = tree_draw(3); arms > 0; arms--) {
		with(node, make_literal(subject));
		with(node, tree_make(type, depth - 1));
	}
	return with(node, tree_make(type, depth - 1));
}

static struct node *make_when(enum type type, int depth)
{
	struct node *node = new_node("choose", type);

	for (uint64_t arms = tree_draw(3); arms > 0; arms--) {
		with(node, tree_make(BOOLEAN, depth - 1));
		with(node, tree_make(type, depth - 1));
	}
	return with(node, tree_make(type, depth - 1));
}

static struct node *make_band(enum type type, int depth)
{
	struct node *node  = with(new_node("band", type), tree_make(NUMBER, depth - 1));
	double       bound = (double)tree_draw(20) - 10;

	node->flag = tree_draw(2);
	if (node->flag)
		with(node, tree_make(type, depth - 1));
	for (uint64_t arms = tree_draw(3); arms > 0; arms--) {
		struct node *limit = new_node("literal", NUMBER);

		limit->number = bound;
		limit->flag   = tree_draw(2);
		bound += 1 + (double)tree_draw(50);
		with(node, limit);
		with(node, tree_make(type, depth - 1));
	}
	return with(node, tree_make(type, depth - 1));
}

struct node *tree_make(enum type type, int depth)
{
	const struct form *form = &forms[tree_draw(FORMS_COUNT)];
	struct node       *node;

	if (depth <= 0 || type == TIME || tree.nodes_count > TREE_NODES_MAX / 2)
		return make_leaf(type);
	switch (tree_draw(10)) {
	case 0: return make_leaf(type);
	case 1: return make_switch(type, depth);
	case 2: return make_when(type, depth);
	case 3: return make_band(type, depth);
	default: break;
	}
	while (form->type != type)
		form = &forms[tree_draw(FORMS_COUNT)];
	node       = new_node(form->kind, type);
	node->flag = tree_draw(2);
	for (int i = 0; i < form->count; i++)
		with(node, tree_make(form->operands[i], depth - 1));
	if (strcmp(form->kind, "matches") == 0)
		snprintf(node->text, TREE_TEXT_BYTES, "%s", PICK(patterns));
	for (uint64_t n = 1 + tree_draw(5); strcmp(form->kind, "in") == 0 && n > 0; n--)
		with(node, make_literal(form->operands[0]));
	return node;
}
