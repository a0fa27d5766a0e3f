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
	[DECIDE_ON_FAILURE_REFUSE]  = VERDICT_DECLINE, /* recorded; the answer is 503 */
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
	       policy->on_model_invalid < DECIDE_ON_FAILURE_COUNT &&
	       policy->on_missed_model < DECIDE_ON_FAILURE_COUNT &&
	       policy->on_missed_rules < DECIDE_ON_FAILURE_COUNT;
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

/* What the model's part of the decision lacks, and what the policy says to that. */
struct gap {
	enum reason row;     /* REASON_NONE: nothing */
	uint8_t     on;      /* enum decide_on_failure */
	enum reason refusal; /* the answer when the policy refuses */
};

static struct gap model_gap(const struct decide_policy *policy, const struct decide_input *input)
{
	bool valid = isfinite(input->margin) && input->score >= 0 && input->score <= 1;

	if (input->model_missed)
		return (struct gap){ REASON_deadline_model, policy->on_missed_model,
				     REASON_deadline_refused };
	if (!input->model_ran)
		return (struct gap){ REASON_model_missing, policy->on_model_missing,
				     REASON_not_ready };
	if (!valid)
		return (struct gap){ REASON_model_output_invalid, policy->on_model_invalid,
				     REASON_model_refused };
	return (struct gap){ REASON_NONE, 0, REASON_NONE };
}

static struct gap rules_gap(const struct decide_policy *policy, const struct decide_input *input)
{
	if (input->rules_missed)
		return (struct gap){ REASON_deadline_rules, policy->on_missed_rules,
				     REASON_deadline_refused };
	return (struct gap){ REASON_NONE, 0, REASON_NONE };
}

static void apply_gap(const struct gap *gap, struct decision *out)
{
	if (gap->row == REASON_NONE)
		return;
	add_failure(out, gap->row, verdict_of_policy[gap->on]);
	if (gap->on == DECIDE_ON_FAILURE_REFUSE)
		add_failure(out, gap->refusal, VERDICT_DECLINE);
}

static void apply_rules(const struct decide_input *input, struct decision *out)
{
	if (input->rules_verdict <= out->verdict)
		return;
	add_reason(out, DECIDED_RULES)->a = out->rules_hit;
	make_stricter(out, input->rules_verdict);
}

/* The score stands in the answer even where an allow rule takes its effect away. */
static void apply_score(const struct decide_policy *policy, const struct decide_input *input,
			struct decision *out)
{
	out->margin = input->margin;
	out->score  = input->score;
	if (!input->allowed)
		apply_thresholds(policy, input->score, out);
}

void decide_verdict(const struct decide_policy *policy, const struct decide_input *input,
		    struct decision *out)
{
	struct gap model = model_gap(policy, input), rules = rules_gap(policy, input);

	assert(decide_policy_valid(policy));
	assert(input->failure < REASON_COUNT_ALL && input->rules_verdict < VERDICT_COUNT);
	out->verdict       = VERDICT_APPROVE;
	out->reasons_count = 0;
	out->stages_run    = input->stages_run;
	out->margin = out->score = 0;
	memset(out->reasons, 0, sizeof(out->reasons));
	if (model.row == REASON_NONE)
		apply_score(policy, input, out);
	if (input->allowed)
		add_reason(out, DECIDED_ALLOWED);
	else
		apply_rules(input, out);
	apply_gap(&model, out);
	apply_gap(&rules, out);
	if (input->failure != REASON_NONE)
		add_failure(out, input->failure,
			    verdict_of_action[reason_row_of(input->failure)->action]);
	if (input->model_ran && input->features_missing > 0)
		add_reason(out, DECIDED_FEATURES_MISSING)->a = input->features_missing;
}

enum reason decide_refusal(const struct decision *decision)
{
	for (uint8_t i = 0; i < decision->reasons_count; i++) {
		enum reason failure = (enum reason)decision->reasons[i].failure;

		if (decision->reasons[i].code == DECIDED_FAILURE &&
		    reason_row_of(failure)->action == REASON_REPLY)
			return failure;
	}
	return REASON_NONE;
}
