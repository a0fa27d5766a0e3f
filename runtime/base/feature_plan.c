#include "runtime/base/feature_plan.h"

#include <assert.h>

#include "runtime/base/currency.h"

int64_t plan_amount(const struct transaction *transaction)
{
	static const int64_t per_minor[] = { 10000, 1000, 100, 10, 1 };
	int64_t              amount;

	assert(transaction->currency_exponent <= CURRENCY_EXPONENT_MAX &&
	       transaction->amount_minor >= 0);
	if (__builtin_mul_overflow(transaction->amount_minor,
				   per_minor[transaction->currency_exponent], &amount))
		return FEATURE_AMOUNT_MAX;
	return amount < FEATURE_AMOUNT_MAX ? amount : FEATURE_AMOUNT_MAX;
}

bool plan_is_before(enum feature_kind kind)
{
	return kind == FEATURE_ZSCORE || kind == FEATURE_RATIO || kind == FEATURE_SINCE_LAST ||
	       kind == FEATURE_SINCE_FIRST || kind == FEATURE_DECLINES || kind == FEATURE_REVIEWS;
}
