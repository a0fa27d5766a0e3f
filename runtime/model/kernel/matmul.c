/* The judge, which is also the kernel of machines without AVX2. */
#include "runtime/model/kernel/matmul.h"

matmul_fn *matmul_choose(void)
{
	return kernel_has_avx2() ? matmul_avx2 : matmul_judge;
}

void matmul_judge(const struct matmul_shape *shape, const float *x, const float *y, float *o)
{
	for (uint32_t row = 0; row < shape->rows; row++, x += shape->inner) {
		for (uint32_t column = 0; column < shape->columns; column++) {
			float sum = 0.0f;

			for (uint32_t i = 0; i < shape->inner; i++)
				sum += x[i] * y[(size_t)i * shape->columns + column];
			*o++ = sum;
		}
	}
}
