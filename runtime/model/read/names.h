/* Feature names while a file is read.  Private to runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_READ_NAMES_H
#define ASSAY_RUNTIME_MODEL_READ_NAMES_H

#include "runtime/model/plan.h"

/* Feature number `index`, after those below it, is called `name`.  NULL, or what is wrong with
 * it in words. */
const char *names_put(struct model_facts *facts, uint32_t index, struct bytes name);

#endif
