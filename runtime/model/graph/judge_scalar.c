/* The judges of what works number by number.  Whole numbers and truth values are floats;
 * a comparison with NaN is false, as IEEE 754 has it. */
#include <math.h>

#include "runtime/model/fmath.h"
#include "runtime/model/graph/judge.h"

#define SQRT_HALF      0x1.6a09e667f3bcdp-1
#define SQRT_TWO_BY_PI 0x1.9884533d43651p-1

/* In double, so that float sees one rounding. */
static float sigmoid_of(float x)
{
	return (float)(1.0 / (1.0 + fmath_exp(-(double)x)));
}

static double expm1_of(double x)
{
	return fabs(x) < 1e-5 ? x + x * x / 2.0 : fmath_exp(x) - 1.0;
}

static float softplus_of(float x)
{
	double power;

	if (x > 40.0f)
		return x;
	power = fmath_exp((double)x);
	return (float)(power < 1e-6 ? power - power * power / 2.0 : fmath_log(1.0 + power));
}

static float gelu_of(float x)
{
	return (float)(0.5 * (double)x *
		       (1.0 + (double)fmath_erff((float)((double)x * SQRT_HALF))));
}

static float gelu_tanh_of(float x)
{
	double inside = SQRT_TWO_BY_PI * ((double)x + 0.044715 * (double)x * (double)x * (double)x);

	return (float)(0.5 * (double)x * (1.0 + (double)fmath_tanhf((float)inside)));
}

static float limited(float x, float low, float high)
{
	if (x < low)
		return low;
	return x > high ? high : x;
}

/* Whole steps without libm: floats of 2^23 and more are whole. */
static float truncated(float x)
{
	return fabsf(x) < 0x1p23f ? copysignf((float)(int32_t)x, x) : x;
}

static float floored(float x)
{
	float whole = truncated(x);

	return whole > x ? whole - 1.0f : whole;
}

/* The activations, and what else has parameters. */
static float activated(enum graph_op op, struct graph_scalar with, float x)
{
	switch (op) {
	case GRAPH_BINARIZE: return x > with.a ? 1.0f : 0.0f;
	case GRAPH_RELU: return x < 0.0f ? 0.0f : x;
	case GRAPH_LEAKY_RELU: return x < 0.0f ? with.a * x : x;
	case GRAPH_ELU: return x < 0.0f ? (float)((double)with.a * expm1_of((double)x)) : x;
	case GRAPH_SELU:
		return with.b * (x < 0.0f ? (float)((double)with.a * expm1_of((double)x)) : x);
	case GRAPH_SIGMOID: return sigmoid_of(x);
	case GRAPH_HARD_SIGMOID: return limited(with.a * x + with.b, 0.0f, 1.0f);
	case GRAPH_TANH: return fmath_tanhf(x);
	case GRAPH_SOFTPLUS: return softplus_of(x);
	case GRAPH_SOFTSIGN: return x / (1.0f + fabsf(x));
	case GRAPH_GELU: return gelu_of(x);
	case GRAPH_GELU_TANH: return gelu_tanh_of(x);
	case GRAPH_CLIP: return limited(x, with.a, with.b);
	default: break;
	}
	assert(!"an operator of one number");
	return NAN;
}

float graph_scalar_of(enum graph_op op, struct graph_scalar with, float x)
{
	switch (op) {
	case GRAPH_NEG: return -x;
	case GRAPH_ABS: return fabsf(x);
	case GRAPH_SQRT: return sqrtf(x);
	case GRAPH_RECIPROCAL: return 1.0f / x;
	case GRAPH_EXP: return fmath_expf(x);
	case GRAPH_LOG: return fmath_logf(x);
	case GRAPH_ERF: return fmath_erff(x);
	case GRAPH_FLOOR: return floored(x);
	case GRAPH_CEIL: return -floored(-x);
	case GRAPH_SIGN: return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x;
	case GRAPH_NOT: return x == 0.0f ? 1.0f : 0.0f;
	case GRAPH_IS_NAN: return isnan(x) ? 1.0f : 0.0f;
	case GRAPH_TRUNCATE: return truncated(x);
	case GRAPH_TRUTH: return x != 0.0f ? 1.0f : 0.0f;
	default: return activated(op, with, x);
	}
}

void graph_judge_scalar(const struct graph_call *call)
{
	const float *x     = graph_input(call, 0);
	float       *o     = graph_output(call);
	uint32_t     count = call->tensors[call->node->output].count;

	for (uint32_t i = 0; i < count; i++)
		o[i] = graph_scalar_of(call->node->op, call->node->scalar, x[i]);
}

static float minimum(float x, float y)
{
	if (isnan(x) || isnan(y))
		return NAN;
	return y < x ? y : x;
}

static float maximum(float x, float y)
{
	if (isnan(x) || isnan(y))
		return NAN;
	return y > x ? y : x;
}

static float of_two(enum graph_op op, float x, float y)
{
	switch (op) {
	case GRAPH_ADD: return x + y;
	case GRAPH_SUB: return x - y;
	case GRAPH_MUL: return x * y;
	case GRAPH_DIV: return x / y;
	case GRAPH_MOD_WHOLE: return x - floored(x / y) * y;
	case GRAPH_DIV_WHOLE: return truncated(x / y);
	case GRAPH_POW: return fmath_powf(x, y);
	case GRAPH_MIN: return minimum(x, y);
	case GRAPH_MAX: return maximum(x, y);
	case GRAPH_EQUAL: return x == y ? 1.0f : 0.0f;
	case GRAPH_LESS: return x < y ? 1.0f : 0.0f;
	case GRAPH_LESS_EQUAL: return x <= y ? 1.0f : 0.0f;
	case GRAPH_AND: return x != 0.0f && y != 0.0f ? 1.0f : 0.0f;
	case GRAPH_OR: return x != 0.0f || y != 0.0f ? 1.0f : 0.0f;
	case GRAPH_XOR: return (x != 0.0f) != (y != 0.0f) ? 1.0f : 0.0f;
	default: break;
	}
	assert(!"an operator of two numbers");
	return NAN;
}

/* An odometer: where each input stands while the output goes on by one. */
struct odometer {
	const struct graph_tensor *out;
	const struct graph_walk   *walk;
	uint32_t                   turn[GRAPH_RANK_MAX];
	int64_t                    at[3];
};

static void odometer_step(struct odometer *odometer)
{
	for (uint32_t d = odometer->out->rank; d-- > 0;) {
		odometer->turn[d]++;
		for (uint32_t i = 0; i < 3; i++)
			odometer->at[i] += odometer->walk->step[i][d];
		if (odometer->turn[d] < odometer->out->dims[d])
			return;
		for (uint32_t i = 0; i < 3; i++)
			odometer->at[i] -= (int64_t)odometer->walk->step[i][d] *
					   odometer->out->dims[d];
		odometer->turn[d] = 0;
	}
}

void graph_judge_walk(const struct graph_call *call)
{
	struct odometer odometer = { .out  = &call->tensors[call->node->output],
				     .walk = &call->node->walk };
	const float    *x = graph_input(call, 0), *y = graph_input(call, 1);
	float          *o = graph_output(call);

	for (uint32_t i = 0; i < odometer.out->count; i++) {
		o[i] = of_two(call->node->op, x[odometer.at[0]], y[odometer.at[1]]);
		odometer_step(&odometer);
	}
}

void graph_judge_where(const struct graph_call *call)
{
	struct odometer odometer = { .out  = &call->tensors[call->node->output],
				     .walk = &call->node->walk };
	const float    *x = graph_input(call, 0), *y = graph_input(call, 1);
	const float    *z = graph_input(call, 2);
	float          *o = graph_output(call);

	for (uint32_t i = 0; i < odometer.out->count; i++) {
		o[i] = x[odometer.at[0]] != 0.0f ? y[odometer.at[1]] : z[odometer.at[2]];
		odometer_step(&odometer);
	}
}

void graph_judge_copy(const struct graph_call *call)
{
	struct odometer odometer = { .out  = &call->tensors[call->node->output],
				     .walk = &call->node->walk };
	const float    *x        = graph_input(call, 0) + call->node->walk.start;
	float          *o        = graph_output(call);

	for (uint32_t i = 0; i < odometer.out->count; i++) {
		o[i] = x[odometer.at[0]];
		odometer_step(&odometer);
	}
}
