#include "runtime/model/fmath.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in two parts: the first has 21 trailing zero bits, so that k * LN2_HIGH
 * is exact for |k| < 2^11. */
#define LN2_HIGH     0x1.62e42feep-1
#define LN2_LOW      0x1.a39ef35793c76p-33
#define LOG2_E       0x1.71547652b82fep+0
#define ROUND_TO_INT 0x1.8p+52               /* adding and taking it away rounds to nearest */
#define EXP_OVERFLOW 0x1.62e42fefa39efp+9    /* ln of the largest double */
#define EXP_ZERO     (-0x1.74910d52d3052p+9) /* below it even the least subnormal rounds to 0 */

static double double_of_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static double power_of_two(int64_t exponent) /* -1022 to 1023 */
{
	return double_of_bits((uint64_t)(exponent + 1023) << 52);
}

/* 1/n! for n = 14 down to 2: with |r| <= 0.3466 the first term left out is below
 * 2^-63 of the result. */
static const double inverse_factorials[] = {
	1.0 / 87178291200.0, 1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0,
	1.0 / 3628800.0,     1.0 / 362880.0,     1.0 / 40320.0,     1.0 / 5040.0,
	1.0 / 720.0,         1.0 / 120.0,        1.0 / 24.0,        1.0 / 6.0,
	1.0 / 2.0,
};

/* e^x = 2^k e^r, r = x - k ln 2 as the sum of a high and a low part. */
double fmath_exp(double x)
{
	double  k, high, low, r, tail = 0.0, value;
	int64_t exponent;

	if (isnan(x))
		return x;
	if (x > EXP_OVERFLOW)
		return INFINITY;
	if (x < EXP_ZERO)
		return 0.0;
	k    = (x * LOG2_E + ROUND_TO_INT) - ROUND_TO_INT;
	high = x - k * LN2_HIGH;
	low  = k * LN2_LOW;
	r    = high - low;
	for (uint32_t i = 0; i < sizeof(inverse_factorials) / sizeof(*inverse_factorials); i++)
		tail = tail * r + inverse_factorials[i];
	value    = 1.0 + (high + (tail * (r * r) - low));
	exponent = (int64_t)k;
	if (exponent > 1023)
		return value * 2.0 * power_of_two(exponent - 1);
	if (exponent < -1021)
		return value * power_of_two(exponent + 64) * 0x1p-64;
	return value * power_of_two(exponent);
}

float fmath_expf(float x)
{
	return (float)fmath_exp((double)x);
}

/* ln x = k ln 2 + 2 atanh(s), s = (m - 1) / (m + 1), x = 2^k m with m between
 * sqrt(1/2) and sqrt(2): |s| < 0.1716, so twelve odd terms reach 2^-60. */
double fmath_log(double x)
{
	double   m = x, s, sum = 0.0;
	uint64_t bits;
	int64_t  k = 0;

	if (isnan(x) || x < 0.0)
		return NAN;
	if (x == 0.0)
		return -INFINITY;
	if (isinf(x))
		return x;
	if (x < 0x1p-1022) { /* subnormal */
		m *= 0x1p+64;
		k = -64;
	}
	memcpy(&bits, &m, sizeof(bits));
	k += (int64_t)(bits >> 52) - 1023;
	m = double_of_bits((bits & 0xfffffffffffffu) | 0x3ff0000000000000u);
	if (m > 0x1.6a09e667f3bcdp+0) {
		m *= 0.5;
		k++;
	}
	s = (m - 1.0) / (m + 1.0);
	for (int32_t n = 23; n >= 3; n -= 2)
		sum = (sum + 1.0 / n) * (s * s);
	return (double)k * LN2_HIGH + (2.0 * s + 2.0 * s * sum + (double)k * LN2_LOW);
}

float fmath_logf(float x)
{
	return (float)fmath_log((double)x);
}

/* Below 2^-8 the series' next term, 2 x^5 / 15, is beyond float. */
float fmath_tanhf(float x)
{
	double size = fabs((double)x), value;

	if (isnan(x))
		return x;
	if (size > 20.0)
		value = 1.0;
	else if (size < 0x1p-8)
		value = size - size * size * size / 3.0;
	else
		value = 1.0 - 2.0 / (fmath_exp(2.0 * size) + 1.0);
	return (float)(x < 0.0f ? -value : value);
}

/* A power of a size; y log x is below 2^8 wherever the result is a finite float. */
static float power_of_size(double size, double y)
{
	if (size == 1.0)
		return 1.0f;
	if (size == 0.0)
		return y < 0.0 ? INFINITY : 0.0f;
	if (isinf(size))
		return y < 0.0 ? 0.0f : INFINITY;
	if (isinf(y))
		return (size > 1.0) == (y > 0.0) ? INFINITY : 0.0f;
	return (float)fmath_exp(y * fmath_log(size));
}

float fmath_powf(float x, float y)
{
	bool  whole = y == (float)(int64_t)(fabsf(y) < 0x1p+24f ? y : 0.0f) || fabsf(y) >= 0x1p+24f;
	bool  odd   = fabsf(y) < 0x1p+24f && whole && ((int64_t)y & 1);
	float value;

	if (y == 0.0f || x == 1.0f)
		return 1.0f;
	if (isnan(x) || isnan(y))
		return NAN;
	if (x < 0.0f && !whole && !isinf(x))
		return NAN;
	value = power_of_size(fabs((double)x), (double)y);
	return odd && signbit(x) ? -value : value;
}
