/* Numbers about a transaction from what its entities' histories hold: the arithmetic
 * behind each row of enum feature_kind, and nothing else.
 *
 * Pure: no memory, no clock.  Doubles are made from exact integers by one division (and
 * one square root, which IEEE 754 rounds correctly), so that every machine gives the
 * same bits. */
#ifndef ASSAY_RUNTIME_FEATURE_FEATURE_H
#define ASSAY_RUNTIME_FEATURE_FEATURE_H

#include "runtime/base/aggregate.h"
#include "runtime/base/feature_plan.h"
#include "runtime/base/transaction.h"

/* Missing is this one NaN: 0x7ff8000000000000. */
double feature_missing(void);

/* The value of one feature; `aggregate` is not looked at for kinds of the transaction
 * alone.  spec->empty where the kind has no value. */
double feature_value(const struct feature_spec *spec, const struct aggregate *aggregate,
		     const struct transaction *transaction);

#endif
