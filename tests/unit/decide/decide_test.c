/* runtime/decide: the boundary rule, and that nothing fails into approval. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/decide/decide.h"

static const struct decide_policy policy = { .review_threshold = 0.5f, .decline_threshold = 0.9f };

static enum reason refusal_of(const struct decide_policy *p, const struct decide_input *input,
			      struct decision *out)
{
	decide_verdict(p, input, out);
	return decide_refusal(out);
}

static const struct decision *decide(const struct decide_policy *p, float score, float margin)
{
	static struct decision    decision;
	const struct decide_input input = {
		.model_ran = true, .margin = margin, .score = score, .stages_run = 0x15
	};

	memset(&decision, 0xa5, sizeof(decision));
	assert_int_equal(refusal_of(p, &input, &decision), REASON_NONE);
	return &decision;
}

static void boundaries(void **state)
{
	const struct {
		float    score;
		unsigned verdict, code;
		float    threshold;
	} cases[] = {
		{ 0.0f, VERDICT_APPROVE, DECIDED_SCORE_BELOW_REVIEW, 0.5f },
		{ nextafterf(0.5f, 0), VERDICT_APPROVE, DECIDED_SCORE_BELOW_REVIEW, 0.5f },
		{ 0.5f, VERDICT_REVIEW, DECIDED_SCORE_REVIEW, 0.5f },
		{ nextafterf(0.9f, 0), VERDICT_REVIEW, DECIDED_SCORE_REVIEW, 0.5f },
		{ 0.9f, VERDICT_DECLINE, DECIDED_SCORE_DECLINE, 0.9f },
		{ 1.0f, VERDICT_DECLINE, DECIDED_SCORE_DECLINE, 0.9f },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct decision *d = decide(&policy, cases[i].score, 1.5f);

		assert_int_equal(d->verdict, cases[i].verdict);
		assert_int_equal(d->reasons_count, 1);
		assert_int_equal(d->reasons[0].code, cases[i].code);
		assert_true(d->reasons[0].a == cases[i].score);
		assert_true(d->reasons[0].b == cases[i].threshold);
		assert_true(d->score == cases[i].score && d->margin == 1.5f);
		assert_int_equal(d->stages_run, 0x15);
	}
}

/* Equal thresholds leave no room for review; 0 and 0 decline everything; 1 and 1
 * still decline a score of 1. */
static void degenerate_policies(void **state)
{
	struct decide_policy p = { .review_threshold = 0.7f, .decline_threshold = 0.7f };

	assert_int_equal(decide(&p, 0.7f, 0)->verdict, VERDICT_DECLINE);
	assert_int_equal(decide(&p, nextafterf(0.7f, 0), 0)->verdict, VERDICT_APPROVE);
	p = (struct decide_policy){ 0 };
	assert_int_equal(decide(&p, 0, 0)->verdict, VERDICT_DECLINE);
	p = (struct decide_policy){ .review_threshold = 1, .decline_threshold = 1 };
	assert_int_equal(decide(&p, nextafterf(1, 0), 0)->verdict, VERDICT_APPROVE);
	assert_int_equal(decide(&p, 1, 0)->verdict, VERDICT_DECLINE);
}

static void invalid_outputs(void **state)
{
	const struct {
		float score, margin;
	} cases[] = { { NAN, 0 },       { -NAN, 0 },       { INFINITY, 0 }, { -INFINITY, 0 },
		      { -1e-45f, 0 },   { 1.0000001f, 0 }, { 0.1f, NAN },   { 0.1f, INFINITY },
		      { 0, -INFINITY }, { 1, INFINITY } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct decision *d = decide(&policy, cases[i].score, cases[i].margin);

		assert_int_equal(d->verdict, VERDICT_REVIEW);
		assert_int_equal(d->reasons_count, 1);
		assert_int_equal(d->reasons[0].code, DECIDED_FAILURE);
		assert_int_equal(d->reasons[0].failure, REASON_model_output_invalid);
		assert_true(d->score == 0 && d->margin == 0);
	}
}

static void policies_of_failure(void **state)
{
	static const struct {
		uint8_t     policy;
		enum reason reason;
		uint8_t     verdict;
	} cases[] = {
		{ DECIDE_ON_FAILURE_REVIEW, REASON_NONE, VERDICT_REVIEW },
		{ DECIDE_ON_FAILURE_DECLINE, REASON_NONE, VERDICT_DECLINE },
		{ DECIDE_ON_FAILURE_APPROVE, REASON_NONE, VERDICT_APPROVE },
		{ DECIDE_ON_FAILURE_REFUSE, REASON_not_ready, VERDICT_DECLINE },
	};
	struct decision decision;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int ran = 0; ran <= 1; ran++) {
			struct decide_policy p     = policy;
			struct decide_input  input = { .model_ran = ran, .score = NAN };

			*(ran ? &p.on_model_invalid : &p.on_model_missing) = cases[i].policy;
			assert_int_equal(refusal_of(&p, &input, &decision),
					 cases[i].reason && ran ? REASON_model_refused
								: cases[i].reason);
			assert_int_equal(decision.verdict, cases[i].verdict);
			assert_int_equal(decision.reasons[0].failure,
					 ran ? REASON_model_output_invalid : REASON_model_missing);
		}
}

/* Every row of the failure table, with every score: only a row that is merely
 * counted leaves an approval, and no row makes a verdict milder. */
static void earlier_failures(void **state)
{
	static const float scores[] = { 0.1f, 0.6f, 0.95f };
	struct decision    decision;

	for (unsigned failure = 1; failure < REASON_COUNT_ALL; failure++)
		for (size_t i = 0; i < 3; i++) {
			struct decide_input input   = { .model_ran = true,
							.score     = scores[i],
							.failure   = (uint16_t)failure };
			unsigned            without = decide(&policy, scores[i], 0)->verdict;

			decide_verdict(&policy, &input, &decision);
			assert_true(decision.verdict >= without);
			assert_int_equal(decision.reasons_count, 2);
			assert_int_equal(decision.reasons[1].failure, failure);
			if (reason_row_of(failure)->action == REASON_COUNT)
				assert_int_equal(decision.verdict, without);
			else
				assert_int_not_equal(decision.verdict, VERDICT_APPROVE);
		}
}

static void missing_features(void **state)
{
	struct decide_input input = { .model_ran = true, .score = 0.1f, .features_missing = 3 };
	struct decision     decision;

	assert_int_equal(refusal_of(&policy, &input, &decision), REASON_NONE);
	assert_int_equal(decision.verdict, VERDICT_APPROVE);
	assert_int_equal(decision.reasons_count, 2);
	assert_int_equal(decision.reasons[1].code, DECIDED_FEATURES_MISSING);
	assert_true(decision.reasons[1].a == 3);
	input.model_ran = false; /* then it does not matter what it would have used */
	assert_int_equal(refusal_of(&policy, &input, &decision), REASON_NONE);
	assert_int_equal(decision.reasons_count, 1);
}

/* The decision part of a record is these bytes: none may be left from before. */
static void every_byte_set(void **state)
{
	struct decide_input input = { .model_ran = true, .score = 0.1f };
	struct decision     a, b;

	memset(&a, 0x00, sizeof(a));
	memset(&b, 0xff, offsetof(struct decision, rules_count));
	memset(&b.rules_count, 0, sizeof(b) - offsetof(struct decision, rules_count));
	decide_verdict(&policy, &input, &a);
	decide_verdict(&policy, &input, &b);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void valid_policies(void **state)
{
	static const struct {
		float   review, decline;
		uint8_t missing, invalid;
		bool    valid;
	} cases[] = {
		{ 0, 0, 0, 0, true },         { 1, 1, 3, 3, true },     { 0.5f, 0.4f, 0, 0, false },
		{ -0.1f, 0.5f, 0, 0, false }, { 0, 1.1f, 0, 0, false }, { NAN, 1, 0, 0, false },
		{ 0, NAN, 0, 0, false },      { 0, 1, 4, 0, false },    { 0, 1, 0, 4, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decide_policy p = { .review_threshold  = cases[i].review,
					   .decline_threshold = cases[i].decline,
					   .on_model_missing  = cases[i].missing,
					   .on_model_invalid  = cases[i].invalid,
					   .on_missed_rules   = cases[i].invalid };

		assert_int_equal(decide_policy_valid(&p), cases[i].valid);
	}
}

/* The stricter of score and rules wins; an allow rule takes both away, never a failure. */
static void rules_and_allow(void **state)
{
	const struct {
		float   score;
		uint8_t rules;
		bool    allowed;
		uint8_t verdict;
		uint8_t reasons;
	} cases[] = {
		{ 0.1f, VERDICT_APPROVE, false, VERDICT_APPROVE, 1 },
		{ 0.1f, VERDICT_REVIEW, false, VERDICT_REVIEW, 2 },
		{ 0.1f, VERDICT_DECLINE, false, VERDICT_DECLINE, 2 },
		{ 0.95f, VERDICT_REVIEW, false, VERDICT_DECLINE, 1 },
		{ 0.6f, VERDICT_REVIEW, false, VERDICT_REVIEW, 1 },
		{ 0.95f, VERDICT_DECLINE, true, VERDICT_APPROVE, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decide_input input    = { .model_ran     = true,
						 .score         = cases[i].score,
						 .rules_verdict = cases[i].rules,
						 .allowed       = cases[i].allowed };
		struct decision     decision = { 0 };

		assert_int_equal(refusal_of(&policy, &input, &decision), REASON_NONE);
		assert_int_equal(decision.verdict, cases[i].verdict);
		assert_int_equal(decision.reasons_count, cases[i].reasons);
		input.failure = REASON_model_missing; /* any row whose action is review */
		decide_verdict(&policy, &input, &decision);
		assert_true(decision.verdict >= VERDICT_REVIEW);
	}
}

/* What the deadline cut off follows its table; what ran still counts. */
static void deadline_table(void **state)
{
	const struct {
		uint8_t     on;
		enum reason answer;
		uint8_t     verdict;
	} cases[] = {
		{ DECIDE_ON_FAILURE_REVIEW, REASON_NONE, VERDICT_REVIEW },
		{ DECIDE_ON_FAILURE_DECLINE, REASON_NONE, VERDICT_DECLINE },
		{ DECIDE_ON_FAILURE_APPROVE, REASON_NONE, VERDICT_APPROVE },
		{ DECIDE_ON_FAILURE_REFUSE, REASON_deadline_refused, VERDICT_DECLINE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct decide_policy p        = policy;
		struct decide_input  model    = { .model_missed = true };
		struct decide_input  rules    = { .model_ran    = true,
						  .score        = 0.1f,
						  .rules_missed = true };
		struct decision      decision = { 0 };

		p.on_missed_model = p.on_missed_rules = cases[i].on;
		assert_int_equal(refusal_of(&p, &model, &decision), cases[i].answer);
		assert_int_equal(decision.verdict, cases[i].verdict);
		assert_int_equal(decision.reasons[0].failure, REASON_deadline_model);
		assert_int_equal(refusal_of(&p, &rules, &decision), cases[i].answer);
		assert_int_equal(decision.verdict, cases[i].verdict);
		assert_int_equal(decision.reasons[1].failure, REASON_deadline_rules);
		model.rules_verdict = VERDICT_DECLINE;
		decide_verdict(&p, &model, &decision);
		assert_int_equal(decision.verdict, VERDICT_DECLINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boundaries),       cmocka_unit_test(degenerate_policies),
		cmocka_unit_test(invalid_outputs),  cmocka_unit_test(policies_of_failure),
		cmocka_unit_test(earlier_failures), cmocka_unit_test(missing_features),
		cmocka_unit_test(every_byte_set),   cmocka_unit_test(valid_policies),
		cmocka_unit_test(rules_and_allow),  cmocka_unit_test(deadline_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
