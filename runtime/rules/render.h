/* Reasons in words.  Private to runtime/rules. */
#ifndef ASSAY_RUNTIME_RULES_RENDER_H
#define ASSAY_RUNTIME_RULES_RENDER_H

#include "runtime/rules/machine.h"

/* The reason of an item into out->text: what does not fit is cut behind a whole
 * character and ends in "...". */
void render_reason(const struct machine *machine, const struct item *item,
		   struct decision_rule *out);

/* A number with exactly that many decimals, or RULES_DECIMALS_AS_IS: at most four, no
 * zeros at the end.  Halves go away from zero.  From 10^15 on, and as-is where that would
 * round to 0, the shortest decimal of the nearest float.  "unknown" when it is missing.  No
 * NUL.  Returns the length. */
#define RENDER_NUMBER_BYTES_MAX 32
size_t render_number(double number, uint8_t decimals, char out[RENDER_NUMBER_BYTES_MAX]);

#endif
