/* What the tests of kernels share: random numbers, odd ones among them, memory on cache
 * lines, and comparison bit for bit. */
#ifndef ASSAY_TESTS_UNIT_MODEL_KERNELS_H
#define ASSAY_TESTS_UNIT_MODEL_KERNELS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/splitmix.h"

/* On a cache line, up to the next one; filled with what must not be read (huge numbers). */
static inline void *kernels_new(size_t size_bytes)
{
	void *memory = aligned_alloc(64, (size_bytes + 63) & ~(size_t)63);

	if (!memory)
		abort();
	memset(memory, 0x7f, (size_bytes + 63) & ~(size_t)63);
	return memory;
}

static inline float kernels_number(uint64_t *seed)
{
	return (float)((double)(splitmix(seed) >> 11) * 0x1p-52 - 1.0);
}

static inline float *kernels_numbers(uint64_t *seed, size_t count, float size)
{
	float *x = malloc((count ? count : 1) * sizeof(*x));

	if (!x)
		abort();
	for (size_t i = 0; i < count; i++)
		x[i] = size * kernels_number(seed);
	return x;
}

/* One in `rarely` becomes NaN, an infinity, zero of either sign, subnormal or huge. */
static inline void kernels_spoil(uint64_t *seed, float *x, size_t count, uint32_t rarely)
{
	static const float odd[] = { NAN,   INFINITY,    -INFINITY,  0.0f,
				     -0.0f, 0x1.8p-140f, -0x1p-149f, 3e38f };

	for (size_t i = 0; i < count; i++)
		if (splitmix(seed) % rarely == 0)
			x[i] = odd[splitmix(seed) % 8];
}

/* Same bits, or both NaN.  The first that differs, or count. */
static inline size_t kernels_differ(const float *a, const float *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!(isnan(a[i]) && isnan(b[i])) && memcmp(&a[i], &b[i], sizeof(*a)) != 0)
			return i;
	return count;
}

#endif
