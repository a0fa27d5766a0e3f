/* The same sums as the judge's, 16 products at once. */
#include <math.h>

#include "runtime/model/kernel/dense16.h"
#include "runtime/model/kernel/lanes.h"

/* Eight numbers to 32-bit lanes.  *nan gathers the lanes that are NaN. */
KERNEL_AVX2_INLINE __m256i quantised(const struct dense16 *dense, __m256 x, __m256 *nan)
{
	__m256 u = x * _mm256_set1_ps(dense->steps);

	*nan = _mm256_or_ps(*nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
	u    = _mm256_max_ps(u, _mm256_set1_ps(-(float)DENSE16_ROW));
	u    = _mm256_min_ps(u, _mm256_set1_ps((float)DENSE16_ROW));
	return _mm256_cvtps_epi32(u);
}

/* What is left of the row from `from` on, 0 beyond it. */
KERNEL_AVX2_INLINE __m256 part_of(const float *x, uint32_t from, uint32_t inner)
{
	return from < inner ? lanes_load(x + from, inner - from) : _mm256_setzero_ps();
}

/* A row with a NaN is marked by a number that no other has. */
#define MARK INT16_MIN

KERNEL_AVX2_INLINE void quantise(const struct dense16 *dense, const float *x, int16_t *u)
{
	__m256 nan = _mm256_setzero_ps();

	for (uint32_t k = 0; k < dense->inner; k += 16) {
		__m256i low  = quantised(dense, part_of(x, k, dense->inner), &nan);
		__m256i high = quantised(dense, part_of(x, k + 8, dense->inner), &nan);
		__m256i both = _mm256_packs_epi32(low, high);

		_mm256_store_si256((__m256i *)(u + k), _mm256_permute4x64_epi64(both, 0xd8));
	}
	if (_mm256_movemask_ps(nan) != 0)
		u[0] = MARK;
}

KERNEL_AVX2_INLINE __m256i products(__m256i u, const int16_t *q)
{
	return _mm256_madd_epi16(u, _mm256_load_si256((const __m256i *)q));
}

/* A panel of 8 `count` columns, a constant where this is inlined. */
KERNEL_AVX2_INLINE void panel_sums(const int16_t *panel, const int16_t *u, uint32_t inner,
				   uint32_t count, __m256 sums[4])
{
	for (uint32_t i = 0; i < count; i++)
		sums[i] = _mm256_setzero_ps();
	for (uint32_t from = 0; from < inner; from += DENSE16_BLOCK, u += DENSE16_BLOCK) {
		__m256i block[4];

#pragma GCC unroll 4
		for (uint32_t i = 0; i < count; i++)
			block[i] = _mm256_setzero_si256();
#pragma GCC unroll 1 /* unrolled, the compiler regroups the sums and spills them */
		for (uint32_t pair = 0; pair < DENSE16_BLOCK / 2; pair++, panel += 16 * count) {
			int32_t two;
			__m256i spread;

			__builtin_memcpy(&two, u + 2 * pair, sizeof(two));
			spread = _mm256_set1_epi32(two);
#pragma GCC unroll 4
			for (uint32_t i = 0; i < count; i++)
				block[i] = _mm256_add_epi32(block[i],
							    products(spread, panel + 16 * i));
		}
#pragma GCC unroll 4
		for (uint32_t i = 0; i < count; i++)
			sums[i] += _mm256_cvtepi32_ps(block[i]);
	}
}

KERNEL_AVX2_INLINE void finish(const struct dense16 *dense, uint32_t c, __m256 sum, float *o)
{
	sum = sum * _mm256_loadu_ps(dense16_scales(dense) + c) +
	      _mm256_loadu_ps(dense16_bias(dense) + c);
	lanes_store(o + c, dense->columns - c, sum);
}

/* Panels outside, rows inside: a panel stays in the first-level cache for all rows. */
KERNEL_AVX2_INLINE void panels_sums(const struct dense16 *dense, uint32_t rows, const int16_t *u,
				    float *o)
{
	const int16_t *panel = dense16_panels(dense);
	uint32_t       inner = dense->inner_padded, c = 0;
	__m256         sums[4];

	for (; dense->columns - c >= 32; c += 32, panel += 32 * (size_t)inner) {
		for (uint32_t row = 0; row < rows; row++) {
			panel_sums(panel, u + (size_t)row * inner, inner, 4, sums);
#pragma GCC unroll 4
			for (uint32_t i = 0; i < 4; i++)
				finish(dense, c + 8 * i, sums[i], o + (size_t)row * dense->columns);
		}
	}
	for (; c < dense->columns; c += 8, panel += 8 * (size_t)inner) {
		for (uint32_t row = 0; row < rows; row++) {
			panel_sums(panel, u + (size_t)row * inner, inner, 1, sums);
			finish(dense, c, sums[0], o + (size_t)row * dense->columns);
		}
	}
}

KERNEL_AVX2 void dense16_sums_avx2(const struct dense16 *dense, const float *x, uint32_t rows,
				   int16_t *work, float *o)
{
	size_t inner = dense->inner_padded;

	for (uint32_t row = 0; row < rows; row++)
		quantise(dense, x + (size_t)row * dense->inner, work + row * inner);
	panels_sums(dense, rows, work, o);
	for (uint32_t row = 0; row < rows; row++, o += dense->columns)
		for (uint32_t c = 0; work[row * inner] == MARK && c < dense->columns; c++)
			o[c] = NAN;
}
