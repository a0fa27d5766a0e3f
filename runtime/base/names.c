/* Spellings of the small enums, as they stand in JSON, in the audit export and
 * in metrics. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "runtime/base/decision.h"
#include "runtime/base/feature_plan.h"
#include "runtime/base/label.h"
#include "runtime/base/ledger.h"
#include "runtime/base/transaction.h"

static const char *const channels[CHANNEL_COUNT] = {
	[CHANNEL_CARD_PRESENT]     = "card_present",
	[CHANNEL_CARD_NOT_PRESENT] = "card_not_present",
	[CHANNEL_ATM]              = "atm",
	[CHANNEL_INSTANT]          = "instant",
	[CHANNEL_WIRE]             = "wire",
	[CHANNEL_ACH]              = "ach",
};

static const char *const roles[PARTY_ROLE_COUNT] = {
	[PARTY_ORIGINATOR]        = "originator",
	[PARTY_BENEFICIARY]       = "beneficiary",
	[PARTY_ORIGINATOR_AGENT]  = "originator_agent",
	[PARTY_BENEFICIARY_AGENT] = "beneficiary_agent",
};

static const char *const verdicts[VERDICT_COUNT] = {
	[VERDICT_APPROVE] = "approve",
	[VERDICT_REVIEW]  = "review",
	[VERDICT_DECLINE] = "decline",
};

static const char *const kinds[FEATURE_KIND_COUNT] = {
	[FEATURE_COUNT]       = "count",
	[FEATURE_SUM]         = "sum",
	[FEATURE_MEAN]        = "mean",
	[FEATURE_MIN]         = "min",
	[FEATURE_MAX]         = "max",
	[FEATURE_STDDEV]      = "stddev",
	[FEATURE_DISTINCT]    = "distinct",
	[FEATURE_ZSCORE]      = "zscore",
	[FEATURE_RATIO]       = "ratio",
	[FEATURE_SINCE_LAST]  = "since_last",
	[FEATURE_SINCE_FIRST] = "since_first",
	[FEATURE_FRAUDS]      = "frauds",
	[FEATURE_FRAUD_RATE]  = "fraud_rate",
	[FEATURE_LABELLED]    = "labelled",
	[FEATURE_DECLINES]    = "declines",
	[FEATURE_REVIEWS]     = "reviews",
	[FEATURE_AMOUNT]      = "amount",
	[FEATURE_HOUR]        = "hour",
	[FEATURE_WEEKDAY]     = "weekday",
	[FEATURE_WEEKEND]     = "weekend",
	[FEATURE_HOURS]       = "hours",
};

static const char *const labels[LABEL_KIND_COUNT] = {
	[LABEL_NONE] = "none",         [LABEL_FRAUD] = "fraud",       [LABEL_GENUINE] = "genuine",
	[LABEL_RELEASED] = "released", [LABEL_REJECTED] = "rejected",
};

static const char *const outcomes[LABEL_OUTCOME_COUNT] = {
	[LABEL_APPLIED]   = "applied",
	[LABEL_CHANGED]   = "changed",
	[LABEL_UNCHANGED] = "unchanged",
	[LABEL_UNKNOWN]   = "unknown",
};

static const char *const stages[STAGE_COUNT] = {
#define STAGE(name, words) [STAGE_##name] = #name,
	STAGES(STAGE)
#undef STAGE
};

const char *transaction_channel_name(enum transaction_channel channel)
{
	assert(channel < CHANNEL_COUNT);
	return channels[channel];
}

const char *party_role_name(enum party_role role)
{
	assert(role < PARTY_ROLE_COUNT);
	return roles[role];
}

const char *verdict_name(enum verdict verdict)
{
	assert(verdict < VERDICT_COUNT);
	return verdicts[verdict];
}

const char *feature_kind_name(enum feature_kind kind)
{
	assert(kind < FEATURE_KIND_COUNT);
	return kinds[kind];
}

const char *label_kind_name(enum label_kind kind)
{
	assert(kind < LABEL_KIND_COUNT);
	return labels[kind];
}

const char *label_outcome_name(enum label_outcome outcome)
{
	assert(outcome < LABEL_OUTCOME_COUNT);
	return outcomes[outcome];
}

const char *stage_name(enum stage stage)
{
	assert(stage < STAGE_COUNT);
	return stages[stage];
}
