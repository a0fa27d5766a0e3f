/* Activations, one number at a time: the judge, and the kernel of machines without AVX2.
 * In double where float would lose more than the last bit. */
#include <math.h>
#include <string.h>

#include "runtime/model/fmath.h"
#include "runtime/model/kernel/activate.h"

static bool avx2_allowed = true;

bool kernel_has_avx2(void)
{
	return avx2_allowed && __builtin_cpu_supports("avx2");
}

void kernel_use_avx2(bool allowed)
{
	avx2_allowed = allowed;
}

kernel_activate_fn *kernel_activate_choose(void)
{
	return kernel_has_avx2() ? kernel_activate_avx2 : kernel_activate_plain;
}

static double exp_of(double x)
{
	double   k, r, r2, r4, low, high, power;
	uint64_t bits;

	x = x < -EXP_LIMIT ? -EXP_LIMIT : x > EXP_LIMIT ? EXP_LIMIT : x;
	if (isnan(x))
		return x;
	k    = (x * LOG2_E + ROUND_TO_INT) - ROUND_TO_INT;
	r    = x - k * LN_TWO;
	r2   = r * r;
	r4   = r2 * r2;
	low  = (1.0 + r) + r2 * (C2 + C3 * r);
	high = r4 * ((C4 + C5 * r) + r2 * (C6 + C7 * r)) + (r4 * r4) * (C8 + C9 * r);
	bits = (uint64_t)((int64_t)k + 1023) << 52;
	memcpy(&power, &bits, sizeof(power));
	return (low + high) * power;
}

static double expm1_of(double x)
{
	if (fabs(x) < EXPM1_SMALL)
		return x + (x * x) * ((C2 + C3 * x) + (x * x) * C4);
	return exp_of(x) - 1.0;
}

static float tanh_of(float x)
{
	double size = fabs((double)x), value;

	if (isnan(x))
		return x;
	if (size > TANH_LARGE)
		value = 1.0;
	else if (size < TANH_SMALL)
		value = size - (size * size) * (size * (1.0 / 3.0));
	else
		value = 1.0 - 2.0 / (exp_of(2.0 * size) + 1.0);
	return (float)(x < 0.0f ? -value : value);
}

static float elu_of(float x, float a)
{
	return x < 0.0f ? (float)((double)a * expm1_of((double)x)) : x;
}

static float gelu_of(float x)
{
	return (float)(0.5 * (double)x *
		       (1.0 + (double)fmath_erff((float)((double)x * SQRT_HALF))));
}

static float gelu_tanh_of(float x)
{
	double inside = SQRT_TWO_BY_PI * ((double)x + 0.044715 * (double)x * (double)x * (double)x);

	return (float)(0.5 * (double)x * (1.0 + (double)tanh_of((float)inside)));
}

static float limited(float x, float low, float high)
{
	if (x < low)
		return low;
	return x > high ? high : x;
}

float kernel_activated(struct kernel_activation activation, float x)
{
	float a = activation.a, b = activation.b;

	switch ((enum kernel_activation_kind)activation.kind) {
	case KERNEL_NONE: return x;
	case KERNEL_RELU: return x < 0.0f ? 0.0f : x;
	case KERNEL_LEAKY_RELU: return x < 0.0f ? a * x : x;
	case KERNEL_ELU: return elu_of(x, a);
	case KERNEL_SELU: return b * elu_of(x, a);
	case KERNEL_SIGMOID: return (float)(1.0 / (1.0 + exp_of(-(double)x)));
	case KERNEL_HARD_SIGMOID: return limited(a * x + b, 0.0f, 1.0f);
	case KERNEL_TANH: return tanh_of(x);
	case KERNEL_SOFTSIGN: return x / (1.0f + fabsf(x));
	case KERNEL_GELU: return gelu_of(x);
	case KERNEL_GELU_TANH: return gelu_tanh_of(x);
	case KERNEL_CLIP: return limited(x, a, b);
	case KERNEL_EXP: return (float)exp_of((double)x);
	case KERNEL_ACTIVATION_COUNT: break;
	}
	assert(!"an activation");
	return NAN;
}

void kernel_activate_plain(struct kernel_activation activation, float *x, size_t count)
{
	for (size_t i = 0; i < count; i++)
		x[i] = kernel_activated(activation, x[i]);
}
