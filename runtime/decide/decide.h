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
 * approves only if the config says so in so many words. */
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
};

struct decide_input {
	bool     model_ran; /* false: none is loaded */
	float    margin;    /* as the model gave them; anything, NaN too */
	float    score;
	uint16_t features_missing; /* of those the model uses */
	uint16_t failure;          /* enum reason of an earlier stage, REASON_NONE: none */
	uint16_t stages_run;       /* copied into the decision */
};

bool decide_policy_valid(const struct decide_policy *policy);

/* REASON_NONE: *out is the decision, every byte of it set.  Otherwise the policy
 * wants no decision and the answer is that failure (not_ready, 503); *out is
 * then undefined.  The policy is valid; anything else is a bug. */
enum reason decide_verdict(const struct decide_policy *policy, const struct decide_input *input,
			   struct decision *out);

#endif
