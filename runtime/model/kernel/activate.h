/* What both forms of the activations share.  Private to runtime/model/kernel. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_ACTIVATE_H
#define ASSAY_RUNTIME_MODEL_KERNEL_ACTIVATE_H

#include "runtime/model/kernel/kernel.h"

#define SQRT_HALF      0x1.6a09e667f3bcdp-1
#define SQRT_TWO_BY_PI 0x1.9884533d43651p-1
#define EXPM1_SMALL    1e-5 /* below it, e^x - 1 is x + x^2 / 2 */

#endif
