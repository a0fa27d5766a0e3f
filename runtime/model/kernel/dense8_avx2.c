/* The same whole-number sums as judge8.c's, 32 products at once. */
#include <math.h>

#include "runtime/model/kernel/dense8.h"
#include "runtime/model/kernel/lanes.h"

#define LEVELS 127

/* Eight numbers to 0..127 in 32-bit lanes.  *nan gathers the lanes that are NaN. */
KERNEL_AVX2_INLINE __m256i quantised(const struct dense8 *dense, __m256 x, __m256 *nan)
{
	int32_t zero = dense->input.zero;
	__m256  u    = x * _mm256_set1_ps(dense->steps);

	*nan = _mm256_or_ps(*nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
	u    = _mm256_max_ps(u, _mm256_set1_ps((float)-zero));
	u    = _mm256_min_ps(u, _mm256_set1_ps((float)(LEVELS - zero)));
	return _mm256_add_epi32(_mm256_cvtps_epi32(u), _mm256_set1_epi32(zero));
}

/* Four registers of 32-bit lanes to 32 bytes in order. */
KERNEL_AVX2_INLINE __m256i narrowed(const __m256i part[4])
{
	__m256i low = _mm256_packus_epi32(part[0], part[1]);
	__m256i all = _mm256_packus_epi16(low, _mm256_packus_epi32(part[2], part[3]));

	return _mm256_permutevar8x32_epi32(all, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* A last group of fewer than 32; lanes beyond the row are those of 0.0, whose weights are 0. */
KERNEL_AVX2_INLINE __m256 masked(const float *x, uint32_t from, uint32_t inner)
{
	uint32_t left = from < inner ? inner - from : 0;

	if (left == 0)
		return _mm256_setzero_ps();
	return _mm256_maskload_ps(x + from, lanes_first(left < KERNEL_LANES ? left : KERNEL_LANES));
}

/* false: there is a NaN among them. */
KERNEL_AVX2_INLINE bool quantise(const struct dense8 *dense, const float *x, uint8_t *u)
{
	__m256   nan   = _mm256_setzero_ps();
	uint32_t whole = dense->inner & ~31u;
	__m256i  part[4];

	for (uint32_t k = 0; k < whole; k += 32) {
#pragma GCC unroll 4
		for (uint32_t i = 0; i < 4; i++)
			part[i] = quantised(dense, _mm256_loadu_ps(x + k + 8 * i), &nan);
		_mm256_store_si256((__m256i *)(u + k), narrowed(part));
	}
	if (whole < dense->inner) {
#pragma GCC unroll 4
		for (uint32_t i = 0; i < 4; i++)
			part[i] = quantised(dense, masked(x, whole + 8 * i, dense->inner), &nan);
		_mm256_store_si256((__m256i *)(u + whole), narrowed(part));
	}
	return _mm256_movemask_ps(nan) == 0;
}

KERNEL_AVX2_INLINE __m256i products(__m256i u, const int8_t *q)
{
	__m256i pairs = _mm256_maddubs_epi16(u, _mm256_load_si256((const __m256i *)q));

	return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

/* `count` panels of 8 columns together, a constant where this is inlined: four hide the
 * latency, and share the four bytes of u that are spread over a register. */
KERNEL_AVX2_INLINE void panels_sums(const int8_t *panel, size_t panel_bytes, const uint8_t *u,
				    uint32_t inner, uint32_t count, __m256i sums[4])
{
	for (uint32_t i = 0; i < count; i++)
		sums[i] = _mm256_setzero_si256();
	for (uint32_t k = 0; k < inner; k += 4, panel += 32) {
		int32_t four;
		__m256i spread;

		__builtin_memcpy(&four, u + k, sizeof(four));
		spread = _mm256_set1_epi32(four);
#pragma GCC unroll 4
		for (uint32_t i = 0; i < count; i++)
			sums[i] = _mm256_add_epi32(sums[i],
						   products(spread, panel + i * panel_bytes));
	}
}

KERNEL_AVX2_INLINE void finish(const struct dense8 *dense, uint32_t c, __m256i sum, bool relu,
			       float *o)
{
	const __m256i *zeros = (const __m256i *)(dense8_zeros(dense) + c);
	__m256         value = _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, _mm256_loadu_si256(zeros)));

	value = value * _mm256_loadu_ps(dense8_scales(dense) + c) +
		_mm256_loadu_ps(dense8_bias(dense) + c);
	if (relu)
		value = _mm256_andnot_ps(_mm256_cmp_ps(value, _mm256_setzero_ps(), _CMP_LT_OQ),
					 value);
	if (dense->columns - c >= KERNEL_LANES)
		_mm256_storeu_ps(o + c, value);
	else
		_mm256_maskstore_ps(o + c, lanes_first(dense->columns - c), value);
}

KERNEL_AVX2_INLINE void row_sums(const struct dense8 *dense, const uint8_t *u, bool relu, float *o)
{
	size_t        panel_bytes = (size_t)dense->inner_padded * 8;
	const int8_t *panel       = dense8_panels(dense);
	uint32_t      c           = 0;
	__m256i       sums[4];

	for (; dense->columns_padded - c >= 32; c += 32, panel += 4 * panel_bytes) {
		panels_sums(panel, panel_bytes, u, dense->inner_padded, 4, sums);
#pragma GCC unroll 4
		for (uint32_t i = 0; i < 4; i++)
			finish(dense, c + 8 * i, sums[i], relu, o);
	}
	for (; c < dense->columns; c += 8, panel += panel_bytes) {
		panels_sums(panel, panel_bytes, u, dense->inner_padded, 1, sums);
		finish(dense, c, sums[0], relu, o);
	}
}

KERNEL_AVX2_INLINE void rows_sums(const struct dense8 *dense, const float *x, uint32_t rows,
				  bool relu, uint8_t *work, float *o)
{
	for (uint32_t row = 0; row < rows; row++, x += dense->inner, o += dense->columns) {
		if (quantise(dense, x, work)) {
			row_sums(dense, work, relu, o);
			continue;
		}
		for (uint32_t c = 0; c < dense->columns; c++)
			o[c] = NAN;
	}
}

KERNEL_AVX2 void dense8_sums_avx2(const struct dense8 *dense, const float *x, uint32_t rows,
				  uint8_t *work, float *o)
{
	rows_sums(dense, x, rows, false, work, o);
}

KERNEL_AVX2 void dense8_relu_avx2(const struct dense8 *dense, const float *x, uint32_t rows,
				  uint8_t *work, float *o)
{
	rows_sums(dense, x, rows, true, work, o);
}
