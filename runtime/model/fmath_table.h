/* The polynomials of fmath_erf.c, for code that makes the same bits several at a time.
 * Private to runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_FMATH_TABLE_H
#define ASSAY_RUNTIME_MODEL_FMATH_TABLE_H

#define FMATH_ERF_TERMS 9

extern const double fmath_erf_rows[8][FMATH_ERF_TERMS]; /* from the highest power down */

#endif
