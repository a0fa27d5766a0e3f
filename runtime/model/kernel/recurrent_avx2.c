/* What a recurrence does number by number, eight at a time. */
#include "runtime/model/kernel/lanes.h"
#include "runtime/model/kernel/recurrent.h"

/* Whole registers, then a masked one: lanes beyond the end are not touched. */
KERNEL_AVX2_INLINE __m256 load(const float *x, uint32_t left)
{
	return left >= KERNEL_LANES ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, lanes_first(left));
}

KERNEL_AVX2_INLINE void store(float *x, uint32_t left, __m256 value)
{
	if (left >= KERNEL_LANES)
		_mm256_storeu_ps(x, value);
	else
		_mm256_maskstore_ps(x, lanes_first(left), value);
}

KERNEL_AVX2 static void add(float *a, const float *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += KERNEL_LANES)
		store(a + i, count - i, load(a + i, count - i) + load(b + i, count - i));
}

KERNEL_AVX2 static void add_product(float *a, const float *r, const float *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += KERNEL_LANES) {
		__m256 product = load(r + i, count - i) * load(b + i, count - i);

		store(a + i, count - i, load(a + i, count - i) + product);
	}
}

KERNEL_AVX2 static void product(float *a, const float *r, const float *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += KERNEL_LANES)
		store(a + i, count - i, load(r + i, count - i) * load(b + i, count - i));
}

KERNEL_AVX2 static void mix(float *o, const float *z, const float *c, const float *h,
			    uint32_t count)
{
	for (uint32_t i = 0; i < count; i += KERNEL_LANES) {
		__m256 update = load(z + i, count - i);
		__m256 fresh  = (_mm256_set1_ps(1.0f) - update) * load(c + i, count - i);

		store(o + i, count - i, fresh + update * load(h + i, count - i));
	}
}

KERNEL_AVX2 static void keep(float *c, const float *f, const float *i, const float *g,
			     uint32_t count)
{
	for (uint32_t n = 0; n < count; n += KERNEL_LANES) {
		__m256 old   = load(f + n, count - n) * load(c + n, count - n);
		__m256 fresh = load(i + n, count - n) * load(g + n, count - n);

		store(c + n, count - n, old + fresh);
	}
}

const struct recurrent_lines recurrent_lines_avx2 = {
	.add         = add,
	.add_product = add_product,
	.product     = product,
	.mix         = mix,
	.keep        = keep,
};
