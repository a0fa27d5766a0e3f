/* The numbers of fmath.c and fmath_erf.c, for code that makes the same bits several at a
 * time.  Private to runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_FMATH_TABLE_H
#define ASSAY_RUNTIME_MODEL_FMATH_TABLE_H

/* ln 2 in two parts: the first has 21 trailing zero bits, so that k * LN2_HIGH
 * is exact for |k| < 2^11. */
#define FMATH_LN2_HIGH     0x1.62e42feep-1
#define FMATH_LN2_LOW      0x1.a39ef35793c76p-33
#define FMATH_LOG2_E       0x1.71547652b82fep+0
#define FMATH_ROUND_TO_INT 0x1.8p+52 /* adding and taking it away rounds to nearest */

#define FMATH_EXP_TERMS 13
#define FMATH_ERF_TERMS 9

extern const double fmath_exp_terms[FMATH_EXP_TERMS];   /* 1/n!, n = 14 down to 2 */
extern const double fmath_erf_rows[8][FMATH_ERF_TERMS]; /* from the highest power down */

#endif
