/* Eight lanes of float32 in AVX2: for the kernels' own files. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_LANES_H
#define ASSAY_RUNTIME_MODEL_KERNEL_LANES_H

#include <immintrin.h>

#include "runtime/model/kernel/kernel.h"

/* All ones in the first `count` lanes. */
KERNEL_AVX2_INLINE __m256i lanes_first(uint32_t count)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)count),
				  _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* Whole registers, then a masked one: lanes beyond the end are not touched. */
KERNEL_AVX2_INLINE __m256 lanes_load(const float *x, uint32_t left)
{
	return left >= KERNEL_LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, lanes_first(left));
}

KERNEL_AVX2_INLINE void lanes_store(float *x, uint32_t left, __m256 value)
{
	if (left >= KERNEL_LANES)
		_mm256_storeu_ps(x, value);
	else
		_mm256_maskstore_ps(x, lanes_first(left), value);
}

/* Lanes 0+4, 1+5, 2+6, 3+7 of a, then of b. */
KERNEL_AVX2_INLINE __m256 lanes_halve(__m256 a, __m256 b)
{
	return _mm256_add_ps(_mm256_blend_ps(a, b, 0xf0), _mm256_permute2f128_ps(a, b, 0x21));
}

KERNEL_AVX2_INLINE __m256 lanes_quarter(__m256 u, __m256 v)
{
	return _mm256_add_ps(_mm256_shuffle_ps(u, v, 0x44), _mm256_shuffle_ps(u, v, 0xee));
}

KERNEL_AVX2_INLINE __m256 lanes_last(__m256 u, __m256 v)
{
	return _mm256_add_ps(_mm256_shuffle_ps(u, v, 0x88), _mm256_shuffle_ps(u, v, 0xdd));
}

/* The sum of each of eight registers, in kernel.h's order; sum i is in lane i. */
KERNEL_AVX2_INLINE __m256 lanes_sums(const __m256 acc[8])
{
	__m256 h0 = lanes_halve(acc[0], acc[4]), h1 = lanes_halve(acc[1], acc[5]);
	__m256 h2 = lanes_halve(acc[2], acc[6]), h3 = lanes_halve(acc[3], acc[7]);

	return lanes_last(lanes_quarter(h0, h1), lanes_quarter(h2, h3));
}

KERNEL_AVX2_INLINE float lanes_sum(__m256 acc)
{
	__m128 half = _mm_add_ps(_mm256_castps256_ps128(acc), _mm256_extractf128_ps(acc, 1));

	half = _mm_add_ps(half, _mm_movehl_ps(half, half));
	return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

#endif
