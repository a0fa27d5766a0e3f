/* Wide layers of many rows through OpenBLAS, where it is faster than ours.
 *
 * Measured on one Zen 4 core, rows of one request, best case first: ours equals sgemm at
 * 7 x 220 x 600 with AVX-512 kernels and takes less than half of the time of its AVX2 ones;
 * from 1024 x 1024 and 32 rows on, sgemm takes 0.6 of ours.  So blas_wins() says yes to wide
 * layers of many rows alone, by shape, the same on every machine.
 *
 * Same bits: one target, one shape.  OpenBLAS picks its kernels by CPU when the program
 * starts, unless the environment says OPENBLAS_CORETYPE; the appliance pins BLAS_TARGET, which
 * every x86-64-v3 machine can run.  (As the first process it gets it from the kernel's
 * command line, whose unknown words of the form NAME=VALUE become its environment.)
 * blas_ready() compares what was picked; the target's name belongs in the plan digest, and a
 * model that needs another is refused.  Rows are padded to the number the layer was packed
 * for, as sgemm may choose another way for another shape.
 *
 * Memory: sgemm takes a buffer from its own pool; blas_pack runs once, so that it is there
 * before memory is sealed. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_BLAS_H
#define ASSAY_RUNTIME_MODEL_KERNEL_BLAS_H

#include "runtime/model/kernel/dense.h"

#define BLAS_TARGET   "Haswell"
#define BLAS_ROWS_MAX 4096u

struct blas {
	uint32_t                 inner, columns, rows; /* rows: of every call to sgemm */
	struct kernel_activation activation;
	kernel_activate_fn      *activate; /* NULL: none */
	size_t                   size_bytes;
	/* behind it: bias [columns], then weights [inner][columns], each on a cache line */
};

const char *blas_target(void); /* what runs now: "Haswell", "Cooperlake", ... */
bool        blas_ready(void);  /* it is BLAS_TARGET */
bool        blas_wins(uint32_t inner, uint32_t columns, uint32_t rows);

size_t       blas_size(uint32_t inner, uint32_t columns);
struct blas *blas_pack(void *memory, const struct dense_weights *weights, uint32_t rows);
/* Floats of work memory: rows [rows][inner + columns]. */
size_t blas_work_floats(uint32_t inner, uint32_t columns, uint32_t rows);

/* As dense_run; rows at most what it was packed for.  Within 1e-5 of dense_judge, by the sum
 * of the sizes of a sum's terms. */
void blas_run(const struct blas *blas, const float *x, uint32_t rows, float *work, float *o);

#endif
