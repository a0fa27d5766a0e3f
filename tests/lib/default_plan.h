/* The features that config/rules/default.rules needs, as the config would declare them:
 * the table at the top of that file, in C. */
#ifndef ASSAY_TESTS_LIB_DEFAULT_PLAN_H
#define ASSAY_TESTS_LIB_DEFAULT_PLAN_H

#include "runtime/base/feature_plan.h"

void default_plan(struct feature_plan *out);

/* The place of a feature in the plan; stops the test when there is none. */
uint32_t default_plan_at(const struct feature_plan *plan, const char *name);

#endif
