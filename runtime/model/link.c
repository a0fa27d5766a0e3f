#include "runtime/model/link.h"

#include <assert.h>
#include <math.h>

#include "runtime/model/fmath.h"

static float logistic(float margin, float scale)
{
	/* XGBoost's sigmoid; the bound keeps e^-margin within float32. */
	const float exponent_max = 88.7f;
	float       exponent     = -(margin * scale);

	if (exponent > exponent_max)
		exponent = exponent_max;
	return 1.0f / (fmath_expf(exponent) + 1.0f);
}

/* The largest margin is taken off first, so that nothing overflows; NaN comes out where any
 * margin is NaN. */
static void softmax(const float *margins, float *scores, uint32_t count)
{
	float  largest = margins[0];
	double sum     = 0.0;

	for (uint32_t i = 1; i < count; i++)
		if (margins[i] > largest)
			largest = margins[i];
	for (uint32_t i = 0; i < count; i++) {
		scores[i] = fmath_expf(margins[i] - largest);
		sum += (double)scores[i];
	}
	for (uint32_t i = 0; i < count; i++)
		scores[i] /= (float)sum;
}

static float one(enum model_link link, float scale, float margin)
{
	switch (link) {
	case MODEL_LOGISTIC: return logistic(margin, scale);
	case MODEL_EXPONENTIAL: return fmath_expf(margin);
	case MODEL_STEP: return isnan(margin) ? margin : margin > 0.0f ? 1.0f : 0.0f;
	case MODEL_SQUARE: return margin * fabsf(margin);
	default: return margin;
	}
}

void link_scores(enum model_link link, float scale, const float *margins, float *scores,
		 uint32_t count)
{
	if (link == MODEL_SOFTMAX) {
		softmax(margins, scores, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		scores[i] = one(link, scale, margins[i]);
}

const char *model_link_name(enum model_link link)
{
	static const char *const names[MODEL_LINK_COUNT] = {
		[MODEL_IDENTITY]    = "identity",
		[MODEL_LOGISTIC]    = "logistic",
		[MODEL_EXPONENTIAL] = "exponential",
		[MODEL_SOFTMAX]     = "softmax",
		[MODEL_STEP]        = "step",
		[MODEL_SQUARE]      = "square",
	};

	assert(link < MODEL_LINK_COUNT);
	return names[link];
}
