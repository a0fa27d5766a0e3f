/* Eight columns at once, and up to four registers of them, so that four sums are under way. */
#include "runtime/model/kernel/lanes.h"
#include "runtime/model/kernel/matmul.h"

/* `count` registers of columns, a constant where this is inlined; the last has `left` columns
 * or more. */
KERNEL_AVX2_INLINE void columns_of(const struct matmul_shape *shape, const float *x, const float *y,
				   float *o, uint32_t count, uint32_t left)
{
	__m256 sum[4];

#pragma GCC unroll 4
	for (uint32_t c = 0; c < count; c++)
		sum[c] = _mm256_setzero_ps();
	for (uint32_t i = 0; i < shape->inner; i++, y += shape->columns) {
		__m256 value = _mm256_set1_ps(x[i]);

#pragma GCC unroll 4
		for (uint32_t c = 0; c < count; c++)
			sum[c] += value * (count > 1 ? _mm256_loadu_ps(y + c * KERNEL_LANES)
						     : lanes_load(y, left));
	}
#pragma GCC unroll 4
	for (uint32_t c = 0; c < count; c++)
		lanes_store(o + c * KERNEL_LANES, count > 1 ? KERNEL_LANES : left, sum[c]);
}

KERNEL_AVX2 void matmul_avx2(const struct matmul_shape *shape, const float *x, const float *y,
			     float *o)
{
	uint32_t columns = shape->columns;

	for (uint32_t row = 0; row < shape->rows; row++, x += shape->inner, o += columns) {
		uint32_t c = 0;

		for (; columns - c >= 4 * KERNEL_LANES; c += 4 * KERNEL_LANES)
			columns_of(shape, x, y + c, o + c, 4, KERNEL_LANES);
		for (; c < columns; c += KERNEL_LANES)
			columns_of(shape, x, y + c, o + c, 1, columns - c);
	}
}
