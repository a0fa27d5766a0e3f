/* The only file that knows OpenBLAS. */
#include "runtime/model/kernel/blas.h"

#include <stdlib.h>
#include <string.h>

#include <cblas.h>

#define HEAD_BYTES 64u
static_assert(sizeof(struct blas) <= HEAD_BYTES, "its head");

const char *blas_target(void)
{
	return openblas_get_corename();
}

bool blas_ready(void)
{
	return strcmp(blas_target(), BLAS_TARGET) == 0;
}

bool blas_wins(uint32_t inner, uint32_t columns, uint32_t rows)
{
	return inner >= 1024 && columns >= 1024 && rows >= 32 && rows <= BLAS_ROWS_MAX;
}

size_t blas_size(uint32_t inner, uint32_t columns)
{
	assert(inner > 0 && columns > 0 && inner <= DENSE_SIDE_MAX && columns <= DENSE_SIDE_MAX);
	return HEAD_BYTES + kernel_aligned(columns * sizeof(float)) +
	       kernel_aligned((size_t)inner * columns * sizeof(float));
}

size_t blas_work_floats(uint32_t inner, uint32_t columns, uint32_t rows)
{
	return (size_t)rows * ((size_t)inner + columns);
}

static float *bias_of(const struct blas *blas)
{
	return (float *)((uintptr_t)blas + HEAD_BYTES);
}

static float *weights_of(const struct blas *blas)
{
	return (float *)((uintptr_t)bias_of(blas) + kernel_aligned(blas->columns * sizeof(float)));
}

static void multiply(const struct blas *blas, const float *rows, float *sums)
{
	assert(blas->rows > 1); /* sgemm of one row is several times slower than ours */
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)blas->rows,
		    (blasint)blas->columns, (blasint)blas->inner, 1.0f, rows, (blasint)blas->inner,
		    weights_of(blas), (blasint)blas->columns, 0.0f, sums, (blasint)blas->columns);
}

/* Load time: with memory of its own, which is given back. */
static void warm(const struct blas *blas)
{
	float *work = calloc(blas_work_floats(blas->inner, blas->columns, blas->rows),
			     sizeof(*work));

	if (work)
		multiply(blas, work, work + (size_t)blas->rows * blas->inner);
	free(work);
}

struct blas *blas_pack(void *memory, const struct dense_weights *weights, uint32_t rows)
{
	struct blas *blas = memory;
	float       *to;

	assert((uintptr_t)memory % KERNEL_ALIGN_BYTES == 0 && rows <= BLAS_ROWS_MAX);
	memset(memory, 0, HEAD_BYTES);
	blas->inner      = weights->inner;
	blas->columns    = weights->columns;
	blas->rows       = rows;
	blas->activation = weights->activation;
	blas->activate = weights->activation.kind == KERNEL_NONE ? NULL : kernel_activate_choose();
	blas->size_bytes = blas_size(weights->inner, weights->columns);
	for (uint32_t c = 0; c < blas->columns; c++)
		bias_of(blas)[c] = weights->bias ? weights->bias[c] : 0.0f;
	to = weights_of(blas);
	for (uint32_t k = 0; k < blas->inner; k++)
		for (uint32_t c = 0; c < blas->columns; c++)
			*to++ = weights->w[(size_t)c * blas->inner + k];
	warm(blas);
	return blas;
}

void blas_run(const struct blas *blas, const float *x, uint32_t rows, float *work, float *o)
{
	const float *bias   = bias_of(blas);
	size_t       padded = (size_t)blas->rows * blas->inner, there = (size_t)rows * blas->inner;
	float       *sums = work + padded;

	assert(rows <= blas->rows);
	memcpy(work, x, there * sizeof(*x));
	memset(work + there, 0, (padded - there) * sizeof(*x));
	multiply(blas, work, sums);
	for (uint32_t row = 0; row < rows; row++)
		for (uint32_t c = 0; c < blas->columns; c++)
			o[(size_t)row * blas->columns + c] = sums[(size_t)row * blas->columns + c] +
							     bias[c];
	if (blas->activate)
		blas->activate(blas->activation, o, (size_t)rows * blas->columns);
}
