#include "runtime/decide/decide.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* The least verdict a failure leads to, by the action of its row.  A row that is
 * answered or closed never comes this far; if it does, a person looks. */
static const uint8_t verdict_of_action[] = {
	[REASON_WAIT] = VERDICT_REVIEW,     [REASON_REPLY] = VERDICT_REVIEW,
	[REASON_CLOSE] = VERDICT_REVIEW,    [REASON_REVIEW] = VERDICT_REVIEW,
	[REASON_DECLINE] = VERDICT_DECLINE, [REASON_COUNT] = VERDICT_APPROVE,
};

static const uint8_t verdict_of_policy[DECIDE_ON_FAILURE_COUNT] = {
	[DECIDE_ON_FAILURE_REVIEW]  = VERDICT_REVIEW,
	[DECIDE_ON_FAILURE_DECLINE] = VERDICT_DECLINE,
	[DECIDE_ON_FAILURE_REFUSE]  = VERDICT_DECLINE, /* not reached: no decision is made */
	[DECIDE_ON_FAILURE_APPROVE] = VERDICT_APPROVE,
};

static_assert(VERDICT_APPROVE < VERDICT_REVIEW && VERDICT_REVIEW < VERDICT_DECLINE,
	      "the stricter verdict is the larger");

bool decide_policy_valid(const struct decide_policy *policy)
{
	/* Written so that a NaN fails. */
	return policy->review_threshold >= 0 &&
	       policy->review_threshold <= policy->decline_threshold &&
	       policy->decline_threshold <= 1 &&
	       policy->on_model_missing < DECIDE_ON_FAILURE_COUNT &&
	       policy->on_model_invalid < DECIDE_ON_FAILURE_COUNT;
}

static struct decision_reason *add_reason(struct decision *out, enum decision_reason_code code)
{
	assert(out->reasons_count < DECISION_REASONS_MAX);
	struct decision_reason *reason = &out->reasons[out->reasons_count++];

	reason->code = (uint16_t)code;
	return reason;
}

static void make_stricter(struct decision *out, uint8_t verdict)
{
	if (verdict > out->verdict)
		out->verdict = verdict;
}

static void add_failure(struct decision *out, enum reason failure, uint8_t verdict)
{
	add_reason(out, DECIDED_FAILURE)->failure = (uint16_t)failure;
	make_stricter(out, verdict);
}

/* One row a band of the score, strictest first. */
static void apply_thresholds(const struct decide_policy *policy, float score, struct decision *out)
{
	const struct {
		bool                      applies;
		enum decision_reason_code code;
		uint8_t                   verdict;
		float                     threshold;
	} bands[] = {
		{ score >= policy->decline_threshold, DECIDED_SCORE_DECLINE, VERDICT_DECLINE,
		  policy->decline_threshold },
		{ score >= policy->review_threshold, DECIDED_SCORE_REVIEW, VERDICT_REVIEW,
		  policy->review_threshold },
		{ true, DECIDED_SCORE_BELOW_REVIEW, VERDICT_APPROVE, policy->review_threshold },
	};
	size_t i = 0;

	while (!bands[i].applies)
		i++;
	struct decision_reason *reason = add_reason(out, bands[i].code);

	reason->a = score;
	reason->b = bands[i].threshold;
	make_stricter(out, bands[i].verdict);
}

enum reason decide_verdict(const struct decide_policy *policy, const struct decide_input *input,
			   struct decision *out)
{
	bool        valid = isfinite(input->margin) && input->score >= 0 && input->score <= 1;
	enum reason model = !input->model_ran ? REASON_model_missing
			    : !valid          ? REASON_model_output_invalid
					      : REASON_NONE;
	uint8_t on_model  = !input->model_ran ? policy->on_model_missing : policy->on_model_invalid;

	assert(decide_policy_valid(policy));
	assert(input->failure < REASON_COUNT_ALL);
	if (model != REASON_NONE && on_model == DECIDE_ON_FAILURE_REFUSE)
		return REASON_not_ready;

	memset(out, 0, sizeof(*out));
	out->stages_run = input->stages_run;
	if (model == REASON_NONE) {
		out->margin = input->margin;
		out->score  = input->score;
		apply_thresholds(policy, input->score, out);
	} else {
		add_failure(out, model, verdict_of_policy[on_model]);
	}
	if (input->failure != REASON_NONE)
		add_failure(out, input->failure,
			    verdict_of_action[reason_row_of(input->failure)->action]);
	if (input->model_ran && input->features_missing > 0)
		add_reason(out, DECIDED_FEATURES_MISSING)->a = input->features_missing;
	return REASON_NONE;
}
