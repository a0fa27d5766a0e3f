/* Activations, eight numbers at a time and four where they are double: operation by
 * operation what activate.c and fmath_erf.c do, so that the bits are the same.  What
 * they branch on is computed both ways here and chosen. */
#include <math.h>

#include "runtime/model/fmath_table.h"
#include "runtime/model/kernel/activate.h"
#include "runtime/model/kernel/lanes.h"

#define DOUBLE(value) _mm256_set1_pd(value)
#define FLOAT(value)  _mm256_set1_ps(value)

/* Within EXP_LIMIT; a NaN gives some number. */
KERNEL_AVX2_INLINE __m256d exp_of(__m256d x)
{
	__m256d k, r, r2, r4, low, high;
	__m256i power;

	x    = _mm256_min_pd(_mm256_max_pd(x, DOUBLE(-EXP_LIMIT)), DOUBLE(EXP_LIMIT));
	k    = (x * DOUBLE(LOG2_E) + DOUBLE(ROUND_TO_INT)) - DOUBLE(ROUND_TO_INT);
	r    = x - k * DOUBLE(LN_TWO);
	r2   = r * r;
	r4   = r2 * r2;
	low  = (DOUBLE(1.0) + r) + r2 * (DOUBLE(C2) + DOUBLE(C3) * r);
	high = r4 * ((DOUBLE(C4) + DOUBLE(C5) * r) + r2 * (DOUBLE(C6) + DOUBLE(C7) * r)) +
	       (r4 * r4) * (DOUBLE(C8) + DOUBLE(C9) * r);
	power = _mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(k));
	power = _mm256_slli_epi64(_mm256_add_epi64(power, _mm256_set1_epi64x(1023)), 52);
	return (low + high) * _mm256_castsi256_pd(power);
}

KERNEL_AVX2_INLINE __m256d choose(__m256d mask, __m256d yes, __m256d no)
{
	return _mm256_blendv_pd(no, yes, mask);
}

KERNEL_AVX2_INLINE __m256d is_below(__m256d x, __m256d y)
{
	return _mm256_cmp_pd(x, y, _CMP_LT_OQ);
}

KERNEL_AVX2_INLINE __m256d size_of(__m256d x)
{
	return _mm256_andnot_pd(DOUBLE(-0.0), x);
}

KERNEL_AVX2_INLINE __m256d with_sign(__m256d size, __m256d x)
{
	return choose(is_below(x, _mm256_setzero_pd()), _mm256_xor_pd(size, DOUBLE(-0.0)), size);
}

KERNEL_AVX2_INLINE __m256d keep_nan(__m256d x, __m256d value)
{
	return choose(_mm256_cmp_pd(x, x, _CMP_UNORD_Q), x, value);
}

KERNEL_AVX2_INLINE __m128 sigmoid_four(__m256d x)
{
	__m256d power = exp_of(_mm256_xor_pd(x, DOUBLE(-0.0)));

	return _mm256_cvtpd_ps(keep_nan(x, DOUBLE(1.0) / (DOUBLE(1.0) + power)));
}

KERNEL_AVX2_INLINE __m128 tanh_four(__m256d x)
{
	__m256d size  = size_of(x);
	__m256d value = DOUBLE(1.0) - DOUBLE(2.0) / (exp_of(DOUBLE(2.0) * size) + DOUBLE(1.0));

	value = choose(is_below(size, DOUBLE(TANH_SMALL)),
		       size - (size * size) * (size * DOUBLE(1.0 / 3.0)), value);
	value = choose(is_below(DOUBLE(TANH_LARGE), size), DOUBLE(1.0), value);
	return _mm256_cvtpd_ps(keep_nan(x, with_sign(value, x)));
}

KERNEL_AVX2_INLINE __m128 erf_four(__m256d x)
{
	__m256d size = size_of(x), first, t, sum = _mm256_setzero_pd();
	__m128i half;

	half  = _mm256_cvttpd_epi32(_mm256_min_pd(size * DOUBLE(2.0), DOUBLE(7.0)));
	first = is_below(size, DOUBLE(0.5));
	t     = size - (_mm256_cvtepi32_pd(half) * DOUBLE(0.5) + DOUBLE(0.25));
	t     = choose(first, size * size, t);
	half  = _mm_mullo_epi32(half, _mm_set1_epi32(FMATH_ERF_TERMS));
	for (int32_t i = 0; i < FMATH_ERF_TERMS; i++)
		sum = sum * t + _mm256_i32gather_pd(fmath_erf_rows[0] + i, half, 8);
	sum = choose(first, sum * size, sum);
	sum = choose(_mm256_cmp_pd(size, DOUBLE(4.0), _CMP_GE_OQ), DOUBLE(1.0), sum);
	return _mm256_cvtpd_ps(keep_nan(x, with_sign(sum, x)));
}

KERNEL_AVX2_INLINE __m128 gelu_four(__m256d x)
{
	__m128 erf = erf_four(_mm256_cvtps_pd(_mm256_cvtpd_ps(x * DOUBLE(SQRT_HALF))));

	return _mm256_cvtpd_ps(DOUBLE(0.5) * x * (DOUBLE(1.0) + _mm256_cvtps_pd(erf)));
}

KERNEL_AVX2_INLINE __m128 gelu_tanh_four(__m256d x)
{
	__m256d inside = DOUBLE(SQRT_TWO_BY_PI) * (x + DOUBLE(0.044715) * x * x * x);
	__m128  tanh   = tanh_four(_mm256_cvtps_pd(_mm256_cvtpd_ps(inside)));

	return _mm256_cvtpd_ps(DOUBLE(0.5) * x * (DOUBLE(1.0) + _mm256_cvtps_pd(tanh)));
}

/* a (e^x - 1), for all; the caller takes it where x < 0. */
KERNEL_AVX2_INLINE __m128 elu_four(__m256d x, float a)
{
	__m256d power = exp_of(x) - DOUBLE(1.0);
	__m256d small = x + (x * x) * ((DOUBLE(C2) + DOUBLE(C3) * x) + (x * x) * DOUBLE(C4));

	power = choose(is_below(size_of(x), DOUBLE(EXPM1_SMALL)), small, power);
	return _mm256_cvtpd_ps(DOUBLE((double)a) * power);
}

KERNEL_AVX2_INLINE __m128 four(uint8_t kind, float a, __m256d x)
{
	switch (kind) {
	case KERNEL_SIGMOID: return sigmoid_four(x);
	case KERNEL_TANH: return tanh_four(x);
	case KERNEL_GELU: return gelu_four(x);
	case KERNEL_GELU_TANH: return gelu_tanh_four(x);
	case KERNEL_EXP: return _mm256_cvtpd_ps(keep_nan(x, exp_of(x)));
	default: return elu_four(x, a);
	}
}

KERNEL_AVX2_INLINE __m256 pick(__m256 mask, __m256 yes, __m256 no)
{
	return _mm256_blendv_ps(no, yes, mask);
}

KERNEL_AVX2_INLINE __m256 limited(__m256 x, __m256 low, __m256 high)
{
	__m256 value = pick(_mm256_cmp_ps(x, high, _CMP_GT_OQ), high, x);

	return pick(_mm256_cmp_ps(x, low, _CMP_LT_OQ), low, value);
}

/* `kind` is a constant where this is inlined. */
KERNEL_AVX2_INLINE __m256 eight(uint8_t kind, float a, float b, __m256 x)
{
	__m256 below = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ), value;

	switch (kind) {
	case KERNEL_RELU: return _mm256_andnot_ps(below, x);
	case KERNEL_LEAKY_RELU: return pick(below, FLOAT(a) * x, x);
	case KERNEL_HARD_SIGMOID:
		return limited(FLOAT(a) * x + FLOAT(b), _mm256_setzero_ps(), FLOAT(1.0f));
	case KERNEL_CLIP: return limited(x, FLOAT(a), FLOAT(b));
	case KERNEL_SOFTSIGN: return x / (FLOAT(1.0f) + _mm256_andnot_ps(FLOAT(-0.0f), x));
	default: break;
	}
	value = _mm256_set_m128(four(kind, a, _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))),
				four(kind, a, _mm256_cvtps_pd(_mm256_castps256_ps128(x))));
	if (kind == KERNEL_ELU)
		return pick(below, value, x);
	if (kind == KERNEL_SELU)
		return FLOAT(b) * pick(below, value, x);
	return value;
}

KERNEL_AVX2_INLINE void all(uint8_t kind, struct kernel_activation with, float *x, size_t count)
{
	size_t whole = count & ~(size_t)(KERNEL_LANES - 1);

	for (size_t i = 0; i < whole; i += KERNEL_LANES)
		_mm256_storeu_ps(x + i, eight(kind, with.a, with.b, _mm256_loadu_ps(x + i)));
	if (whole < count) {
		__m256i mask = lanes_first((uint32_t)(count - whole));
		__m256  last = _mm256_maskload_ps(x + whole, mask);

		_mm256_maskstore_ps(x + whole, mask, eight(kind, with.a, with.b, last));
	}
}

KERNEL_AVX2 void kernel_activate_avx2(struct kernel_activation with, float *x, size_t count)
{
	switch ((enum kernel_activation_kind)with.kind) {
	case KERNEL_NONE: return;
#define CASE(kind) \
	case kind: all(kind, with, x, count); return
		CASE(KERNEL_RELU);
		CASE(KERNEL_LEAKY_RELU);
		CASE(KERNEL_ELU);
		CASE(KERNEL_SELU);
		CASE(KERNEL_SIGMOID);
		CASE(KERNEL_HARD_SIGMOID);
		CASE(KERNEL_TANH);
		CASE(KERNEL_SOFTSIGN);
		CASE(KERNEL_GELU);
		CASE(KERNEL_GELU_TANH);
		CASE(KERNEL_CLIP);
		CASE(KERNEL_EXP);
#undef CASE
	case KERNEL_ACTIVATION_COUNT: break;
	}
	assert(!"an activation");
}
