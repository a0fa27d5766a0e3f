/* A score and what went wrong on the way to it, to a verdict and its reasons.
 *
 * A pure function of its arguments: no clock, no state, no memory of its own.
 *
 * The boundary rule: a threshold belongs to the stricter side.
 *     score >= decline_threshold                      decline
 *     score >= review_threshold, < decline_threshold  review
 *     score <  review_threshold                       approve
 * Both comparisons are of floats, bit for bit the same on every machine.
 *
 * Fail closed: a failure can only move the verdict toward caution (approve <
 * review < decline).  The failure table's action gives the least verdict of its
 * row; model_missing and model_output_invalid follow the policy instead, which
 * approves only if the config says so in so many words.
 *
 * Rules: their verdict joins the score's, the stricter wins.  An allow rule (rules.h)
 * takes both away; it never takes away a failure.
 *
 * Deadline: a stage that did not run by then gives its row of the table in the policy;
 * what did run still counts. */
#ifndef ASSAY_RUNTIME_DECIDE_DECIDE_H
#define ASSAY_RUNTIME_DECIDE_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/decision.h"
#include "runtime/base/reason.h"

/* In the order of enum config_on_failure, so that one value serves for both. */
enum decide_on_failure {
	DECIDE_ON_FAILURE_REVIEW,
	DECIDE_ON_FAILURE_DECLINE,
	DECIDE_ON_FAILURE_REFUSE, /* no decision: the answer is 503 */
	DECIDE_ON_FAILURE_APPROVE,
	DECIDE_ON_FAILURE_COUNT,
};

struct decide_policy {
	float   review_threshold;
	float   decline_threshold; /* 0 <= review_threshold <= decline_threshold <= 1 */
	uint8_t on_model_missing;  /* enum decide_on_failure */
	uint8_t on_model_invalid;  /* enum decide_on_failure */
	uint8_t on_missed_model;   /* enum decide_on_failure; the deadline table */
	uint8_t on_missed_rules;   /* enum decide_on_failure */
};

struct decide_input {
	bool     model_ran;     /* false: none is loaded, or it was missed */
	bool     model_missed;  /* there is one, and the deadline came first */
	bool     rules_missed;  /* the same of the rules */
	bool     allowed;       /* a rule lets it through: score and rules do not count */
	uint8_t  rules_verdict; /* the strictest that rules ask for; approve when none ran */
	float    margin;        /* as the model gave them; anything, NaN too */
	float    score;
	uint16_t features_missing; /* of those the model uses */
	uint16_t failure;          /* enum reason of an earlier stage, REASON_NONE: none */
	uint16_t stages_run;       /* copied into the decision */
};

bool decide_policy_valid(const struct decide_policy *policy);

/* *out is the decision: all of it is set but rules[], rules_count and rules_hit, which the
 * caller has filled in or zeroed, and whose rules_hit is told.  Where the policy wants no decision it is what is recorded of that, a decline
 * that names the failure and the refusal.  The policy is valid; anything else is a bug. */
void decide_verdict(const struct decide_policy *policy, const struct decide_input *input,
		    struct decision *out);

/* The failure (503) that is answered instead, because the policy wanted no decision;
 * REASON_NONE: the decision is told. */
enum reason decide_refusal(const struct decision *decision);

#endif
