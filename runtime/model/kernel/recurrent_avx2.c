/* What a recurrence does number by number, eight at a time. */
#include "runtime/model/kernel/lanes.h"
#include "runtime/model/kernel/recurrent.h"

KERNEL_AVX2 static void add(float *a, const float *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += KERNEL_LANES)
		lanes_store(a + i, count - i,
			    lanes_load(a + i, count - i) + lanes_load(b + i, count - i));
}

KERNEL_AVX2 static void add_product(float *a, const float *r, const float *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += KERNEL_LANES) {
		__m256 product = lanes_load(r + i, count - i) * lanes_load(b + i, count - i);

		lanes_store(a + i, count - i, lanes_load(a + i, count - i) + product);
	}
}

KERNEL_AVX2 static void product(float *a, const float *r, const float *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += KERNEL_LANES)
		lanes_store(a + i, count - i,
			    lanes_load(r + i, count - i) * lanes_load(b + i, count - i));
}

KERNEL_AVX2 static void mix(float *o, const float *z, const float *c, const float *h,
			    uint32_t count)
{
	for (uint32_t i = 0; i < count; i += KERNEL_LANES) {
		__m256 update = lanes_load(z + i, count - i);
		__m256 fresh  = (_mm256_set1_ps(1.0f) - update) * lanes_load(c + i, count - i);

		lanes_store(o + i, count - i, fresh + update * lanes_load(h + i, count - i));
	}
}

KERNEL_AVX2 static void keep(float *c, const float *f, const float *i, const float *g,
			     uint32_t count)
{
	for (uint32_t n = 0; n < count; n += KERNEL_LANES) {
		__m256 old   = lanes_load(f + n, count - n) * lanes_load(c + n, count - n);
		__m256 fresh = lanes_load(i + n, count - n) * lanes_load(g + n, count - n);

		lanes_store(c + n, count - n, old + fresh);
	}
}

const struct recurrent_lines recurrent_lines_avx2 = {
	.add         = add,
	.add_product = add_product,
	.product     = product,
	.mix         = mix,
	.keep        = keep,
};
