#include "runtime/feature/feature.h"

#include <assert.h>
#include <string.h>

#include "runtime/feature/spread.h"

#define SECOND_NS INT64_C(1000000000)
#define HOUR_NS   (3600 * SECOND_NS)
#define DAY_NS    (24 * HOUR_NS)

double feature_missing(void)
{
	const uint64_t bits = UINT64_C(0x7ff8000000000000);
	double         value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Ten-thousandths to units: the one division. */
static double units(i128 amount)
{
	return (double)amount / FEATURE_AMOUNT_PER_UNIT;
}

static double seconds_since(const struct transaction *transaction, int64_t then_ns, double none)
{
	if (then_ns == INT64_MIN)
		return none;
	return (double)(transaction->time_ns - then_ns) / 1e9;
}

/* Of the transaction alone. */
static double own_value(const struct feature_spec *spec, const struct transaction *transaction)
{
	int64_t hour = transaction->time_ns % DAY_NS / HOUR_NS;
	int64_t day  = (transaction->time_ns / DAY_NS + 3) % 7; /* 1970-01-01 was a Thursday */

	switch (spec->kind) {
	case FEATURE_AMOUNT: return units(plan_amount(transaction));
	case FEATURE_HOUR: return (double)hour;
	case FEATURE_WEEKDAY: return (double)day;
	case FEATURE_WEEKEND: return day >= 5;
	default: return spec->hour_from <= hour && hour < spec->hour_to;
	}
}

/* Numbers that need at least one transaction in the window. */
static double some_value(const struct feature_spec *spec, const struct aggregate *a,
			 const struct transaction *transaction)
{
	int64_t amount = plan_amount(transaction);

	switch (spec->kind) {
	case FEATURE_MEAN: return (double)a->sum / ((double)a->count * FEATURE_AMOUNT_PER_UNIT);
	case FEATURE_MIN: return units(a->min);
	case FEATURE_MAX: return units(a->max);
	case FEATURE_FRAUD_RATE: return (double)a->frauds / (double)a->count;
	case FEATURE_STDDEV:
		return a->count < 2 ? spec->empty : spread(a) / FEATURE_AMOUNT_PER_UNIT;
	case FEATURE_RATIO:
		return a->sum == 0 ? spec->empty
				   : (double)((i128)amount * a->count) / (double)a->sum;
	default: break; /* FEATURE_ZSCORE */
	}
	double stddev = a->count < 2 ? 0.0 : spread(a);

	if (stddev == 0.0)
		return spec->empty;
	return (double)((i128)amount * a->count - a->sum) / (double)a->count / stddev;
}

static double value_of(const struct feature_spec *spec, const struct aggregate *a,
		       const struct transaction *transaction)
{
	switch (spec->kind) {
	case FEATURE_COUNT: return a->count;
	case FEATURE_SUM: return units(a->sum);
	case FEATURE_DISTINCT: return a->distinct;
	case FEATURE_FRAUDS: return a->frauds;
	case FEATURE_LABELLED: return a->labelled;
	case FEATURE_DECLINES: return a->declines;
	case FEATURE_REVIEWS: return a->reviews;
	case FEATURE_SINCE_LAST: return seconds_since(transaction, a->last_ns, spec->empty);
	case FEATURE_SINCE_FIRST: return seconds_since(transaction, a->first_ns, spec->empty);
	default: return a->count == 0 ? spec->empty : some_value(spec, a, transaction);
	}
}

double feature_value(const struct feature_spec *spec, const struct aggregate *aggregate,
		     const struct transaction *transaction)
{
	double value;

	assert(spec->kind < FEATURE_KIND_COUNT && transaction->time_ns >= 0);
	value = spec->kind >= FEATURE_AMOUNT ? own_value(spec, transaction)
					     : value_of(spec, aggregate, transaction);
	return value != value ? feature_missing() : value;
}
