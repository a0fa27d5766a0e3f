/* The same sums as judge.c's, a panel of columns at once. */
#include "runtime/model/kernel/dense.h"
#include "runtime/model/kernel/lanes.h"

/* `width` is a constant where this is inlined.  Eight sums apart hide the latency of an
 * addition; weights are read front to back, once for each row. */
KERNEL_AVX2_INLINE void panel_lanes(const float *panel, uint32_t width, const float *x,
				    uint32_t inner, __m256 acc[8])
{
	uint32_t whole = inner & ~(KERNEL_LANES - 1);

	for (uint32_t c = 0; c < 8; c++)
		acc[c] = _mm256_setzero_ps();
	for (uint32_t k = 0; k < whole; k += KERNEL_LANES, panel += width * KERNEL_LANES) {
		__m256 value = _mm256_loadu_ps(x + k);

#pragma GCC unroll 8
		for (uint32_t c = 0; c < width; c++)
			acc[c] += value * _mm256_load_ps(panel + c * KERNEL_LANES);
	}
	if (whole < inner) {
		__m256 value = _mm256_maskload_ps(x + whole, lanes_first(inner - whole));

#pragma GCC unroll 8
		for (uint32_t c = 0; c < width; c++)
			acc[c] += value * _mm256_load_ps(panel + c * KERNEL_LANES);
	}
}

KERNEL_AVX2_INLINE __m256 finished(__m256 sum, bool relu)
{
	return relu ? _mm256_andnot_ps(_mm256_cmp_ps(sum, _mm256_setzero_ps(), _CMP_LT_OQ), sum)
		    : sum;
}

KERNEL_AVX2_INLINE void panel_eight(const float *panel, const float *x, uint32_t inner,
				    const float *bias, bool relu, float *o)
{
	__m256 acc[8];

	panel_lanes(panel, 8, x, inner, acc);
	_mm256_storeu_ps(o, finished(lanes_sums(acc) + _mm256_load_ps(bias), relu));
}

KERNEL_AVX2_INLINE void panel_four(const float *panel, const float *x, uint32_t inner,
				   const float *bias, bool relu, float *o)
{
	__m256 acc[8];

	panel_lanes(panel, 4, x, inner, acc);
	acc[0] = finished(lanes_sums(acc) + _mm256_castps128_ps256(_mm_load_ps(bias)), relu);
	_mm_storeu_ps(o, _mm256_castps256_ps128(acc[0]));
}

KERNEL_AVX2_INLINE void panel_one(const float *panel, const float *x, uint32_t inner,
				  const float *bias, bool relu, float *o)
{
	__m256 acc[8];
	float  sum;

	panel_lanes(panel, 1, x, inner, acc);
	sum = lanes_sum(acc[0]) + *bias;
	*o  = relu && sum < 0.0f ? 0.0f : sum;
}

KERNEL_AVX2_INLINE void sums(const struct dense *dense, const float *x, uint32_t rows, bool relu,
			     float *o)
{
	const float *bias = dense_bias(dense), *panels = dense_panels(dense);
	uint32_t     inner = dense->inner, columns = dense->columns;

	for (uint32_t c = 0, width; c < columns; c += width) {
		const float *panel = panels + (size_t)c * dense->inner_padded;

		width = dense_panel_width(columns, c);
		for (uint32_t row = 0; row < rows; row++) {
			const float *from = x + (size_t)row * inner;
			float       *to   = o + (size_t)row * columns + c;

			if (width == 8)
				panel_eight(panel, from, inner, bias + c, relu, to);
			else if (width == 4)
				panel_four(panel, from, inner, bias + c, relu, to);
			else
				panel_one(panel, from, inner, bias + c, relu, to);
		}
	}
}

KERNEL_AVX2 void dense_sums_avx2(const struct dense *dense, const float *x, uint32_t rows, float *o)
{
	sums(dense, x, rows, false, o);
}

KERNEL_AVX2 void dense_relu_avx2(const struct dense *dense, const float *x, uint32_t rows, float *o)
{
	sums(dense, x, rows, true, o);
}
