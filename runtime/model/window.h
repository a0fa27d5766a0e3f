/* Names of the numbers of a window: how a model whose features are a flat list, such as
 * trees, says which payment of a sequence each is of.
 *
 *     amount@0     of this payment, as is `amount` where another name has an @
 *     amount@-3    of the third before it, of the same account
 *
 * `assayctl features --history` prints its columns under these names, so that a model
 * trained on that table is a sequence model.  Private to runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_WINDOW_H
#define ASSAY_RUNTIME_MODEL_WINDOW_H

#include "runtime/model/plan.h"

#define WINDOW_BACK_MAX 127u

/* The feature's own name, and how many payments back; 0 for a name without an @ and for
 * one that is not written as above, which is then a name like any other. */
struct window_name {
	char     base[MODEL_NAME_BYTES_MAX + 1];
	uint32_t back;
	bool     placed; /* it was written with an @ */
};
void window_name_of(const char *name, struct window_name *out);

/* How many rows the names reach over, the newest included; 0: no name has an @. */
uint16_t window_steps(const struct model_facts *facts);

/* Where each feature lies: of a flat model, in the last facts->reach rows of the window; of a
 * network, whose features are those of a step, in a row.  0, or -1 and *failure. */
int window_bind(const struct model_facts *facts, const struct model_window *window,
		uint16_t slot_of[MODEL_FEATURES_MAX], struct failure *failure);

#endif
