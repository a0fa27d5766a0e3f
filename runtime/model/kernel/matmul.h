/* The product of two matrices that are both made at run time, as in attention:
 * o[row][column] = sum of x[row][i] y[i][column], in the order of i, from +0.
 *
 * x [rows][inner], y [inner][columns], o [rows][columns]; o overlaps neither.  Sums run down
 * the columns of y, so the lanes of a register are columns and no order is needed among them. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_MATMUL_H
#define ASSAY_RUNTIME_MODEL_KERNEL_MATMUL_H

#include "runtime/model/kernel/kernel.h"

struct matmul_shape {
	uint32_t rows, inner, columns;
};

typedef void matmul_fn(const struct matmul_shape *shape, const float *x, const float *y, float *o);

matmul_fn *matmul_choose(void);

matmul_fn matmul_judge, matmul_avx2;

#endif
