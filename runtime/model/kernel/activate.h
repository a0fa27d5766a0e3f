/* What both forms of the activations share.  Private to runtime/model/kernel.
 *
 * Their exponential is in double, but only as good as a result that is rounded to float
 * needs: e^x = 2^k e^r with |r| <= ln 2 / 2, and e^r is its series up to r^9, in pairs so that
 * the additions do not wait for each other:
 *
 *   (1 + r) + r2 (c2 + c3 r) + (r4 ((c4 + c5 r) + r2 (c6 + c7 r)) + r8 (c8 + c9 r))
 *
 * It is off by at most 2^-36 of itself.  The argument is brought within EXP_LIMIT first,
 * where every activation has reached its limit. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_ACTIVATE_H
#define ASSAY_RUNTIME_MODEL_KERNEL_ACTIVATE_H

#include "runtime/model/kernel/kernel.h"

#define EXP_LIMIT      700.0
#define LN_TWO         0x1.62e42fefa39efp-1
#define LOG2_E         0x1.71547652b82fep+0
#define ROUND_TO_INT   0x1.8p+52 /* adding and taking it away rounds to nearest */
#define SQRT_HALF      0x1.6a09e667f3bcdp-1
#define SQRT_TWO_BY_PI 0x1.9884533d43651p-1

#define C2 (1.0 / 2.0)
#define C3 (1.0 / 6.0)
#define C4 (1.0 / 24.0)
#define C5 (1.0 / 120.0)
#define C6 (1.0 / 720.0)
#define C7 (1.0 / 5040.0)
#define C8 (1.0 / 40320.0)
#define C9 (1.0 / 362880.0)

/* Below these, differences with 1 are taken from series instead. */
#define TANH_SMALL  0x1p-8 /* x - x^3 / 3 */
#define EXPM1_SMALL 0x1p-6 /* x + x^2 / 2 + x^3 / 6 + x^4 / 24 */
#define TANH_LARGE  20.0   /* 1 */

#endif
