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

bool plan_is_money(enum feature_kind kind)
{
	return kind == FEATURE_SUM || kind == FEATURE_MEAN || kind == FEATURE_MIN ||
	       kind == FEATURE_MAX || kind == FEATURE_STDDEV || kind == FEATURE_ZSCORE ||
	       kind == FEATURE_RATIO;
}

bool plan_has_one_currency(const struct entity_spec *entity)
{
	for (int i = 0; i < PLAN_KEY_FIELDS_MAX; i++)
		if (entity->key[i] == FIELD_CURRENCY &&
		    (entity->read[0] == FIELD_NONE || entity->read[i] == FIELD_CURRENCY))
			return true;
	return false;
}

bool plan_is_before(enum feature_kind kind)
{
	return kind == FEATURE_ZSCORE || kind == FEATURE_RATIO || kind == FEATURE_SINCE_LAST ||
	       kind == FEATURE_SINCE_FIRST || kind == FEATURE_DECLINES || kind == FEATURE_REVIEWS;
}
