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

/* ---- floats: which numbers are, and the literals that meet them */

static bool is_single(const struct node *node);

static bool is_plain(const struct node *node)
{
	if (tree_is(node, "let"))
		return is_plain(tree.lets[(int)node->number]);
	return (node->type == NUMBER && tree_is(node, "literal")) ||
	       (tree_is(node, "negate") && is_plain(node->child[0]));
}

static bool is_either(const struct node *node)
{
	return tree_is(node, "min") || tree_is(node, "max") || tree_is(node, "default");
}

static bool is_single(const struct node *node)
{
	static const char *const names[] = { "risk", "device.age", "score", "margin" };
	const struct node       *a = node->child[0], *b = node->child[1];

	if (node->type != NUMBER)
		return false;
	if (tree_is(node, "let"))
		return is_single(tree.lets[(int)node->number]);
	for (int i = 0; i < 4; i++)
		if (tree_is(node, "name") && strcmp(node->text, names[i]) == 0)
			return true;
	if (tree_is(node, "negate") || tree_is(node, "abs"))
		return is_single(a);
	return is_either(node) && (is_single(a) || is_single(b)) && (is_single(a) || is_plain(a)) &&
	       (is_single(b) || is_plain(b));
}

static double met(double number, const struct node *literal, const struct node *other)
{
	return is_plain(literal) && is_single(other) ? (double)(float)number : number;
}

/* By subtracting the largest power of two times b that fits, which is exact. */
static double remainder_of(double a, double b)
{
	double left = fabs(a), size = fabs(b);

	if (isnan(a) || isnan(b))
		return NAN;
	while (left >= size) {
		double step = ldexp(size, ilogb(left) - ilogb(size));

		left -= step > left ? step / 2 : step;
	}
	if (left > 0 && (a < 0) != (b < 0))
		left = size - left;
	if (left == size)
		left = 0;
	return b < 0 && left > 0 ? -left : left;
}

static double arithmetic_of(const struct node *node, double a, double b)
{
	bool min = tree_is(node, "min"), max = tree_is(node, "max");

	switch (node->kind[0]) {
	case '+': return a + b;
	case '-': return a - b;
	case '*': return a * b;
	case '/': return b == 0 ? (double)NAN : a / b;
	case '%': return b == 0 ? (double)NAN : remainder_of(a, b);
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
	double    a = r[0].number, b = r[1].number;

	if (is_either(node) && type == NUMBER) {
		a = met(a, node->child[0], node->child[1]);
		b = met(b, node->child[1], node->child[0]);
	}
	if (type == TIME)
		out->number = of_times(node, r[0].time_ns, r[1].time_ns);
	else if (tree_is(node, "length"))
		out->number = characters(r[0].text);
	else if (tree_is(node, "number"))
		out->number = number_of_text(r[0].text);
	else
		out->number = finite_or_missing(arithmetic_of(node, a, b));
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
	double one, other;

	switch (node->child[0]->type) {
	case NUMBER:
		one   = met(a->number, node->child[0], node->child[1]);
		other = met(b->number, node->child[1], node->child[0]);
		return !isnan(one) && !isnan(other) &&
		       compare(node->kind, (one > other) - (one < other));
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
		in |= node->child[0]->type == NUMBER ? met(node->child[i]->number, node->child[i],
							   node->child[0]) == r->number
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
	double        bound = met(arm->number, arm, node->child[0]);

	if (tree_is(node, "band"))
		return subject->number < bound || (arm->flag && subject->number == bound);
	tree_walk(arm, &when);
	if (tree_is(node, "choose"))
		return when.boolean;
	return arm->type == NUMBER ? bound == subject->number
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
