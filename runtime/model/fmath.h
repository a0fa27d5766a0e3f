/* The few functions the decision needs that C leaves to libm.
 *
 * libm picks an implementation by CPU and so gives other bits on other
 * machines.  These use only IEEE 754 add, subtract, multiply, divide and
 * integer operations, compiled without contraction, in round-to-nearest: the
 * same bits everywhere.  Each is within 1 unit in the last place of the exact
 * value, which tests/unit/model/fmath_test.c measures against libm.
 *
 * fmath_exp   e^x; +inf above 709.78, subnormal and then 0 below -708.39
 * fmath_expf  the same, rounded once from double to float
 * fmath_log   natural logarithm; NaN below 0, -inf at 0
 * fmath_logf  the same of a float, rounded once
 * fmath_tanhf hyperbolic tangent, fmath_erff the error function: computed in double
 * fmath_powf  x^y as C's powf has it, sign and special cases included; in double
 *
 * NaN gives NaN.  No flags, no errno. */
#ifndef ASSAY_RUNTIME_MODEL_FMATH_H
#define ASSAY_RUNTIME_MODEL_FMATH_H

double fmath_exp(double x);
float  fmath_expf(float x);
double fmath_log(double x);
float  fmath_logf(float x);
float  fmath_tanhf(float x);
float  fmath_erff(float x);
float  fmath_powf(float x, float y);

#endif
