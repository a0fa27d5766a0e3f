/* tests/unit/rules/tree.h: trees in the spelling of the language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/rules/tree.h"

__attribute__((format(printf, 1, 2))) void tree_say(const char *form, ...)
{
	va_list arguments;

	va_start(arguments, form);
	tree.out_bytes += (size_t)vsnprintf(tree.out + tree.out_bytes,
					    RULES_TEXT_BYTES_MAX - tree.out_bytes, form, arguments);
	va_end(arguments);
	assert_true(tree.out_bytes < RULES_TEXT_BYTES_MAX);
}

bool tree_is(const struct node *node, const char *kind)
{
	return strcmp(node->kind, kind) == 0;
}

static void print_literal(const struct node *node)
{
	if (node->type == NUMBER)
		tree_say("%.15g", node->number);
	else if (node->type == TEXT)
		tree_say("\"%s\"", node->text);
	else
		tree_say("%s", node->type == TIME ? node->text : node->flag ? "true" : "false");
}

static void print_choice(const struct node *node)
{
	int at = 0;

	if (tree_is(node, "choose")) {
		tree_say("switch { ");
	} else {
		tree_say("%s ", node->kind);
		tree_print(node->child[at++]);
		tree_say(" { ");
	}
	if (tree_is(node, "band") && node->flag) {
		tree_say("missing: ");
		tree_print(node->child[at++]);
		tree_say("; ");
	}
	for (; at + 1 < node->count; at += 2) {
		if (tree_is(node, "band"))
			tree_say("<%s ", node->child[at]->flag ? "=" : "");
		tree_print(node->child[at]);
		tree_say(": ");
		tree_print(node->child[at + 1]);
		tree_say("; ");
	}
	tree_say("else ");
	tree_print(node->child[at]);
	tree_say(" }");
}

static void print_call(const struct node *node)
{
	tree_say("%s(", node->kind);
	for (int i = 0; i < node->count; i++) {
		tree_say("%s", i ? ", " : "");
		tree_print(node->child[i]);
	}
	if (tree_is(node, "matches"))
		tree_say(", \"%s\"", node->text);
	tree_say(")");
}

static void print_in(const struct node *node)
{
	tree_say("(");
	tree_print(node->child[0]);
	tree_say(node->flag ? " not in " : " in ");
	if (tree_is(node, "in_list"))
		tree_say("vip");
	for (int i = 1; i < node->count; i++) {
		tree_say(i == 1 ? "[" : ", ");
		tree_print(node->child[i]);
	}
	tree_say(tree_is(node, "in_list") ? ")" : "])");
}

void tree_print(const struct node *node)
{
	bool letters = node->kind[0] >= 'a' && node->kind[0] <= 'z';

	if (tree_is(node, "literal"))
		print_literal(node);
	else if (tree_is(node, "name"))
		tree_say("%s", node->text);
	else if (tree_is(node, "let"))
		tree_say("let_%d", (int)node->number);
	else if (tree_is(node, "hit"))
		tree_say("hit(r_%d)", (int)node->number);
	else if (tree_is(node, "switch") || tree_is(node, "choose") || tree_is(node, "band"))
		print_choice(node);
	else if (tree_is(node, "in") || tree_is(node, "in_list"))
		print_in(node);
	else if (tree_is(node, "negate") || tree_is(node, "not")) {
		tree_say(tree_is(node, "not") ? "(not " : "(-");
		tree_print(node->child[0]);
		tree_say(")");
	} else if (letters && !tree_is(node, "and") && !tree_is(node, "or"))
		print_call(node);
	else {
		tree_say("(");
		tree_print(node->child[0]);
		tree_say(" %s ", node->kind);
		tree_print(node->child[1]);
		tree_say(")");
	}
}
