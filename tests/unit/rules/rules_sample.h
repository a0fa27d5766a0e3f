/* A rules file, compiled and ready to run on one transaction that a test changes. */
#ifndef ASSAY_TESTS_UNIT_RULES_SAMPLE_H
#define ASSAY_TESTS_UNIT_RULES_SAMPLE_H

#include "runtime/rules/rules.h"

struct rules_sample {
	struct feature_schema supplied; /* risk, device.age, "odd name" */
	struct feature_plan   computed; /* tests/lib/default_plan.h */
	struct rules_errors   errors;
	struct rules         *rules;
	struct rules_lists   *lists;
	struct transaction transaction; /* 2026-07-01T12:34:56Z, a Wednesday: 57.16 EUR by card */
	struct feature_values values;   /* all missing */
	struct rules_input    input;
	struct rules_outcome  outcome;
};

/* The scope and the transaction, nothing compiled. */
void rules_sample_init(struct rules_sample *sample);
bool rules_sample_compile(struct rules_sample *sample, struct bytes text);
/* Must compile; prints the errors otherwise. */
void rules_sample_load(struct rules_sample *sample, const char *text);
void rules_sample_free(struct rules_sample *sample);

const struct rules_outcome *rules_sample_run(struct rules_sample *sample);
void rules_sample_set(struct rules_sample *sample, const char *feature, double value);
/* Did this rule hit, and is it among those told? */
const struct decision_rule *rules_sample_hit(const struct rules_sample *sample, const char *id);
enum reason rules_sample_edit(struct rules_sample *sample, const char *list, const char *value,
			      const char *until, bool remove); /* until NULL: never */
int64_t     rules_sample_time(const char *text);

#define SAMPLE_TEXT(field, text)                             \
	do {                                                 \
		memset(&(field), 0, sizeof(field));          \
		memcpy((field).data, (text), strlen(text));  \
		(field).size_bytes = (uint16_t)strlen(text); \
	} while (0)

#endif
