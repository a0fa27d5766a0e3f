/* tests/unit/rules/tree.h: the naive interpreter. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rules/tree.h"

static double finite_or_missing(double number)
{
	return isfinite(number) ? number : (double)NAN;
}

static double name_number(const char *name)
{
	const struct rules_sample *s = &tree.sample;

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
	const struct transaction *t = &tree.sample.transaction;

	if (strcmp(name, "card") == 0)
		snprintf(out, TREE_TEXT_BYTES, "%.*s", t->card.size_bytes, t->card.data);
	else if (strcmp(name, "account") == 0)
		snprintf(out, TREE_TEXT_BYTES, "%.*s", t->account.size_bytes, t->account.data);
	else if (strcmp(name, "payee") == 0)
		snprintf(out, TREE_TEXT_BYTES, "%.*s", t->payee.size_bytes, t->payee.data);
	else if (strcmp(name, "merchant") == 0)
		snprintf(out, TREE_TEXT_BYTES, "%.*s", t->merchant.size_bytes, t->merchant.data);
	else if (strcmp(name, "merchant_country") == 0)
		snprintf(out, TREE_TEXT_BYTES, "%.2s", t->merchant_country);
	else if (strcmp(name, "merchant_category") == 0)
		snprintf(out, TREE_TEXT_BYTES, "%.4s", t->merchant_category);
	else if (strcmp(name, "currency") == 0)
		snprintf(out, TREE_TEXT_BYTES, "%.3s", t->currency);
	else
		snprintf(out, TREE_TEXT_BYTES, "%s", transaction_channel_name(t->channel));
}

static void walk_leaf(const struct node *node, struct result *out)
{
	if (tree_is(node, "let")) {
		*out = tree.let_results[(int)node->number];
	} else if (tree_is(node, "hit")) {
		out->boolean = tree.hits[(int)node->number];
	} else if (tree_is(node, "literal")) {
		out->number  = node->number;
		out->boolean = node->flag;
		out->time_ns = node->time_ns;
		snprintf(out->text, TREE_TEXT_BYTES, "%s", node->text);
	} else if (node->type == NUMBER) {
		out->number = name_number(node->text);
	} else if (node->type == TEXT) {
		name_text(node->text, out->text);
	} else {
		out->boolean = tree.sample.input.model_ran;
		out->time_ns = strcmp(node->text, "now") == 0 ? tree.sample.input.now_ns
							      : tree.sample.transaction.time_ns;
	}
}

static double arithmetic_of(const struct node *node, double a, double b)
{
	bool min = tree_is(node, "min"), max = tree_is(node, "max");

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
	if (tree_is(node, "negate"))
		return -a;
	if (tree_is(node, "abs"))
		return fabs(a);
	if (tree_is(node, "floor"))
		return floor(a);
	if (tree_is(node, "ceil"))
		return ceil(a);
	if (tree_is(node, "round"))
		return a < 0 ? -floor(-a + 0.5) : floor(a + 0.5);
	if (tree_is(node, "default"))
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

	if (tree_is(node, "hour"))
		return (double)(a / (60 * minute) % 24);
	if (tree_is(node, "minute"))
		return (double)(a / minute % 60);
	if (tree_is(node, "weekday"))
		return (double)((a / (1440 * minute) + 3) % 7);
	return (double)(b - a) / (double)(tree_is(node, "days_between") ? 1440 * minute : minute);
}

static void walk_number(const struct node *node, const struct result *r, struct result *out)
{
	enum type type = node->child[0]->type;

	if (type == TIME)
		out->number = of_times(node, r[0].time_ns, r[1].time_ns);
	else if (tree_is(node, "length"))
		out->number = characters(r[0].text);
	else if (tree_is(node, "number"))
		out->number = number_of_text(r[0].text);
	else
		out->number = finite_or_missing(arithmetic_of(node, r[0].number, r[1].number));
}

static void walk_text(const struct node *node, const struct result *r, struct result *out)
{
	bool   lower = tree_is(node, "lower");
	double keep  = r[1].number, skip;
	char  *to    = out->text;

	if (tree_is(node, "default")) {
		snprintf(out->text, TREE_TEXT_BYTES, "%s", r[0].text[0] ? r[0].text : r[1].text);
	} else if (lower || tree_is(node, "upper")) {
		for (const char *p = r[0].text; *p; p++)
			*to++ = (char)(lower && *p >= 'A' && *p <= 'Z'    ? *p + 32
				       : !lower && *p >= 'a' && *p <= 'z' ? *p - 32
									  : *p);
		*to = '\0';
	} else {
		keep = keep >= 1 ? fmin(floor(keep), characters(r[0].text)) : 0;
		skip = tree_is(node, "last") ? characters(r[0].text) - keep : 0;
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

	if (tree_is(node, "in_list")) {
		in = strcmp(r->text, "m-17") == 0 || strcmp(r->text, "DE") == 0 ||
		     (strcmp(r->text, "a") == 0 &&
		      tree.sample.input.now_ns < rules_sample_time("1999-01-01T00:00:00Z"));
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

	if (tree_is(node, "and"))
		return r[0].boolean && r[1].boolean;
	if (tree_is(node, "or"))
		return r[0].boolean || r[1].boolean;
	if (tree_is(node, "not"))
		return !r[0].boolean;
	if (tree_is(node, "missing"))
		return node->child[0]->type == TEXT ? n == 0 : isnan(r[0].number);
	if (tree_is(node, "starts_with"))
		return strncmp(r[0].text, r[1].text, m) == 0;
	if (tree_is(node, "ends_with"))
		return m <= n && strcmp(r[0].text + n - m, r[1].text) == 0;
	if (tree_is(node, "contains"))
		return strstr(r[0].text, r[1].text) != NULL;
	if (tree_is(node, "matches"))
		return matches(r[0].text, node->text);
	if (tree_is(node, "in") || tree_is(node, "in_list"))
		return walk_in(node, r);
	return walk_compare(node, &r[0], &r[1]);
}

static bool arm_fits(const struct node *node, const struct node *arm, const struct result *subject)
{
	struct result when;

	if (tree_is(node, "band"))
		return subject->number < arm->number ||
		       (arm->flag && subject->number == arm->number);
	tree_walk(arm, &when);
	if (tree_is(node, "choose"))
		return when.boolean;
	return arm->type == NUMBER ? when.number == subject->number
				   : strcmp(when.text, subject->text) == 0;
}

static void walk_choice(const struct node *node, struct result *out)
{
	struct result subject = { 0 };
	int           at      = 0;

	if (!tree_is(node, "choose"))
		tree_walk(node->child[at++], &subject);
	if (tree_is(node, "band") && node->flag) {
		if (isnan(subject.number)) {
			tree_walk(node->child[at], out);
			return;
		}
		at++;
	}
	for (; at + 1 < node->count; at += 2)
		if (arm_fits(node, node->child[at], &subject)) {
			tree_walk(node->child[at + 1], out);
			return;
		}
	tree_walk(node->child[at], out);
}

void tree_walk(const struct node *node, struct result *out)
{
	struct result r[2] = { 0 };

	memset(out, 0, sizeof(*out));
	if (node->count == 0) {
		walk_leaf(node, out);
	} else if (tree_is(node, "switch") || tree_is(node, "choose") || tree_is(node, "band")) {
		walk_choice(node, out);
	} else {
		tree_walk(node->child[0], &r[0]);
		if (node->count > 1)
			tree_walk(node->child[1], &r[1]);
		if (node->type == NUMBER)
			walk_number(node, r, out);
		else if (node->type == TEXT)
			walk_text(node, r, out);
		else
			out->boolean = walk_boolean(node, r);
	}
}
