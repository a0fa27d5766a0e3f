/* fmath against libm.  FMATH_STRIDE=1 in the environment tries every float. */
#include "runtime/model/fmath.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/model/sample.h"

/* How many representable numbers lie between two floats, doubles. */
static uint64_t float_steps(float a, float b)
{
	int32_t x, y;

	if (isnan(a) || isnan(b))
		return isnan(a) == isnan(b) ? 0 : UINT64_MAX;
	memcpy(&x, &a, sizeof(x));
	memcpy(&y, &b, sizeof(y));
	x = x < 0 ? INT32_MIN - x : x;
	y = y < 0 ? INT32_MIN - y : y;
	return (uint64_t)llabs((long long)x - y);
}

static uint64_t double_steps(double a, double b)
{
	int64_t x, y;

	if (isnan(a) || isnan(b))
		return isnan(a) == isnan(b) ? 0 : UINT64_MAX;
	memcpy(&x, &a, sizeof(x));
	memcpy(&y, &b, sizeof(y));
	return x > y ? (uint64_t)(x - y) : (uint64_t)(y - x);
}

static void check_float(const char *name, float x, float got, float wanted)
{
	if (float_steps(got, wanted) > 1)
		fail_msg("%s(%a) is %a, libm's double rounded once gives %a", name, (double)x,
			 (double)got, (double)wanted);
}

static void floats_are_within_one_step_of_libm(void **state)
{
	const char *given  = getenv("FMATH_STRIDE");
	uint32_t    stride = given ? (uint32_t)strtoul(given, NULL, 10) : 1021;

	(void)state;
	assert_true(stride > 0);
	for (uint64_t i = 0; i <= UINT32_MAX; i += stride) {
		uint32_t bits = (uint32_t)i;
		float    x;

		memcpy(&x, &bits, sizeof(x));
		check_float("expf", x, fmath_expf(x), (float)exp((double)x));
		check_float("logf", x, fmath_logf(x), (float)log((double)x));
		check_float("tanhf", x, fmath_tanhf(x), (float)tanh((double)x));
		check_float("erff", x, fmath_erff(x), (float)erf((double)x));
		check_float("powf(x, 1.7)", x, fmath_powf(x, 1.7f),
			    (float)pow((double)x, (double)1.7f));
		check_float("powf(2, x)", x, fmath_powf(2.0f, x), (float)pow(2.0, (double)x));
		check_float("powf(x, -3)", x, fmath_powf(x, -3.0f), (float)pow((double)x, -3.0));
	}
}

/* long double exp has 11 bits more, so the error of ours is known to 1/1000 of
 * a unit in the last place. */
static void exp_is_within_one_unit_in_the_last_place(void **state)
{
	uint64_t random = 20261124;
	double   worst  = 0.0;

	(void)state;
	for (uint32_t i = 0; i < 3000000; i++) {
		double      x = ((double)(sample_random(&random) >> 11) * 0x1p-53 - 0.5) * 1416.0;
		long double exact = expl((long double)x);
		double      got   = fmath_exp(x);
		double      unit  = nextafter((double)exact, INFINITY) - (double)exact;
		double      error = (double)(fabsl((long double)got - exact) / (long double)unit);

		if (error > worst)
			worst = error;
		if (error > 1.0)
			fail_msg("exp(%a) is %a, off by %.3f units", x, got, error);
	}
	printf("# largest error of fmath_exp: %.4f units in the last place\n", worst);
}

static void the_ends_are_exact(void **state)
{
	(void)state;
	assert_true(fmath_exp(0.0) == 1.0 && fmath_exp(-0.0) == 1.0);
	assert_true(isinf(fmath_exp(709.79)) && isinf(fmath_exp(INFINITY)));
	assert_true(fmath_exp(-745.2) == 0.0 && fmath_exp(-INFINITY) == 0.0);
	assert_true(isnan(fmath_exp(NAN)));
	assert_true(double_steps(fmath_exp(709.78), exp(709.78)) <= 1);
	assert_true(double_steps(fmath_exp(-745.0), exp(-745.0)) <= 1);
	assert_true(double_steps(fmath_exp(-708.5), exp(-708.5)) <= 1);
	assert_true(fmath_logf(1.0f) == 0.0f);
	assert_true(isinf(fmath_logf(0.0f)) && fmath_logf(0.0f) < 0.0f);
	assert_true(isnan(fmath_logf(-1.0f)));
}

/* C11 annex F.10.4.4. */
static void powers_have_the_special_cases_of_c(void **state)
{
	static const float    values[] = { 0.0f,   -0.0f,    1.0f,      -1.0f, 0.5f,
					   -0.5f,  2.0f,     -2.0f,     3.0f,  3e38f,
					   -3e38f, INFINITY, -INFINITY, NAN,   1e-42f };
	static const uint32_t count    = sizeof(values) / sizeof(*values);

	(void)state;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < count; k++)
			check_float("powf", values[i], fmath_powf(values[i], values[k]),
				    (float)pow((double)values[i], (double)values[k]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floats_are_within_one_step_of_libm),
		cmocka_unit_test(exp_is_within_one_unit_in_the_last_place),
		cmocka_unit_test(the_ends_are_exact),
		cmocka_unit_test(powers_have_the_special_cases_of_c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
