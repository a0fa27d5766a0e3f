/* Random rules files against a second, naive interpreter (tree.h).
 *
 * The seed of a failure is printed; SEED=N runs that one alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/rules/tree.h"

#define PROGRAMS  3000
#define INPUTS    6
#define DEPTH_MAX 5

struct random_rule {
	struct node *when;
	struct node *weights[3], *conditions[3];
	int          weights_count; /* 0: a rule, else a typology */
	int          action;
};

static struct random_rule rules[TREE_RULES];

static void make_rule(struct random_rule *rule)
{
	rule->action        = (int)tree_draw(4);
	rule->weights_count = tree_draw(3) ? 0 : 1 + (int)tree_draw(3);
	rule->when          = tree_make(BOOLEAN, DEPTH_MAX);
	for (int i = 0; i < rule->weights_count; i++) {
		rule->weights[i]    = tree_make(NUMBER, 2);
		rule->conditions[i] = tree_draw(2) ? tree_make(BOOLEAN, 3) : NULL;
	}
}

static void print_rule(const struct random_rule *rule, int at)
{
	static const char *const actions[] = { "note", "review", "decline", "allow" };

	tree_say("%s r_%d {\n", rule->weights_count ? "typology" : "rule", at);
	if (rule->weights_count == 0) {
		tree_say("\twhen ");
		tree_print(rule->when);
		tree_say(";\n\tthen %s;\n", actions[rule->action]);
	}
	for (int i = 0; i < rule->weights_count; i++) {
		tree_say("\tweight ");
		tree_print(rule->weights[i]);
		if (rule->conditions[i]) {
			tree_say(" when ");
			tree_print(rule->conditions[i]);
		}
		tree_say(";\n");
	}
	if (rule->weights_count)
		tree_say("\treview at 0.5;\n\tdecline at 10;\n");
	tree_say("\treason \"x\";\n}\n");
}

static void make_file(void)
{
	tree.nodes_count = tree.lets_known = tree.rules_known = 0;
	tree.out_bytes                                        = 0;
	tree_say("list vip of merchant { \"m-17\"; \"DE\"; \"a\" until 1999-01-01T00:00:00Z; }\n");
	tree.in_let = true;
	for (int i = 0; i < TREE_LETS; i++) {
		tree.lets[i] = tree_make((enum type)tree_draw(TYPES), DEPTH_MAX);
		tree_say("let let_%d = ", i);
		tree_print(tree.lets[i]);
		tree_say(";\n");
		tree.lets_known++;
	}
	tree.in_let = false;
	for (int i = 0; i < TREE_RULES; i++) {
		make_rule(&rules[i]);
		print_rule(&rules[i], i);
		tree.rules_known++;
	}
}

static void draw_input(void)
{
	struct rules_sample *s = &tree.sample;
	const char *card = tree_draw_text(), *payee = tree_draw_text(), *account = tree_draw_text();

	SAMPLE_TEXT(s->transaction.card, card);
	SAMPLE_TEXT(s->transaction.payee, payee);
	SAMPLE_TEXT(s->transaction.account, account);
	memcpy(s->transaction.merchant_country, tree_draw(2) ? "DE" : "FR", 2);
	s->transaction.channel = (uint8_t)(1 + tree_draw(CHANNEL_COUNT - 1));
	s->transaction.time_ns = rules_sample_time(tree_draw_time());
	s->input.now_ns        = s->transaction.time_ns + (int64_t)tree_draw(1000) * 1000000007;
	s->transaction.amount_minor = (int64_t)(tree_draw_number() * 10);
	s->transaction.features[0]  = tree_draw(3) ? (float)tree_draw_number() : NAN;
	s->transaction.features[1]  = tree_draw(3) ? -(float)tree_draw_number() : INFINITY;
	s->input.model_ran          = tree_draw(3) != 0;
	s->input.score              = (float)tree_draw(100) / 100;
	s->input.margin             = (float)tree_draw(100) - 50;
	rules_sample_set(s, "card_count_1h", tree_draw(3) ? (double)tree_draw(12) : (double)NAN);
	rules_sample_set(s, "card_sum_24h", tree_draw(3) ? tree_draw_number() : (double)NAN);
	rules_sample_set(s, "card_zscore_30d", tree_draw(3) ? tree_draw_number() - 3 : (double)NAN);
}

/* What the tree says: the verdict of a rule that hits, or -1. */
static int walk_rule(const struct random_rule *rule)
{
	static const int verdicts[] = { VERDICT_APPROVE, VERDICT_REVIEW, VERDICT_DECLINE,
					VERDICT_APPROVE };
	struct result    when, weight;
	double           total = 0;

	if (rule->weights_count == 0) {
		tree_walk(rule->when, &when);
		return when.boolean ? verdicts[rule->action] : -1;
	}
	for (int i = 0; i < rule->weights_count; i++) {
		when.boolean = true;
		if (rule->conditions[i])
			tree_walk(rule->conditions[i], &when);
		tree_walk(rule->weights[i], &weight);
		if (when.boolean && !isnan(weight.number))
			total += round(fmax(-1e6, fmin(1e6, weight.number)) * 1e6);
	}
	return total >= 10e6 ? VERDICT_DECLINE : total >= 0.5e6 ? VERDICT_REVIEW : -1;
}

static void check_input(uint64_t seed, int *hits_seen)
{
	int  verdict = VERDICT_APPROVE, hits = 0, got;
	bool allowed = false;

	for (int i = 0; i < TREE_LETS; i++)
		tree_walk(tree.lets[i], &tree.let_results[i]);
	rules_sample_run(&tree.sample);
	for (int i = 0; i < TREE_RULES; i++) {
		char id[16];

		snprintf(id, sizeof(id), "r_%d", i);
		got          = walk_rule(&rules[i]);
		tree.hits[i] = got >= 0;
		hits += got >= 0;
		verdict = got > verdict ? got : verdict;
		allowed |= got >= 0 && rules[i].weights_count == 0 && rules[i].action == 3;
		const struct decision_rule *hit = rules_sample_hit(&tree.sample, id);

		if (!!hit != (got >= 0) || (hit && hit->verdict != got))
			fail_msg("SEED=%llu: %s: tree %d, machine %d\n%s", (unsigned long long)seed,
				 id, got, hit ? hit->verdict : -1, tree.out);
	}
	assert_int_equal(tree.sample.outcome.hit, hits);
	assert_int_equal(tree.sample.outcome.verdict, verdict);
	assert_int_equal(tree.sample.outcome.allowed, allowed);
	*hits_seen += hits;
}

static void random_programs_agree_with_the_tree(void **state)
{
	const char *only  = getenv("SEED");
	uint64_t    first = only ? strtoull(only, NULL, 10) : 1;
	uint64_t    last  = only ? first : PROGRAMS;
	int         hits  = 0;

	tree.out = malloc(RULES_TEXT_BYTES_MAX);
	for (uint64_t seed = first; seed <= last; seed++) {
		tree.seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		make_file();
		rules_sample_init(&tree.sample);
		if (!rules_sample_compile(&tree.sample, bytes_of(tree.out, tree.out_bytes)))
			fail_msg("SEED=%llu does not compile: %s\n%s", (unsigned long long)seed,
				 tree.sample.errors.lines[0], tree.out);
		for (int i = 0; i < INPUTS; i++) {
			draw_input();
			memset(tree.hits, 0, sizeof(tree.hits));
			check_input(seed, &hits);
		}
		rules_sample_free(&tree.sample);
	}
	print_message("# %d hits of %d\n", hits, PROGRAMS * INPUTS * TREE_RULES);
	assert_true(only || (hits > PROGRAMS && hits < PROGRAMS * INPUTS * TREE_RULES - PROGRAMS));
	free(tree.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs_agree_with_the_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
