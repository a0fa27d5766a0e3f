/* Runs the code of an expression.  Private to runtime/rules. */
#ifndef ASSAY_RUNTIME_RULES_MACHINE_H
#define ASSAY_RUNTIME_RULES_MACHINE_H

#include "runtime/rules/lists.h"
#include "runtime/rules/value.h"

struct machine {
	const struct program     *program;
	const struct rules_input *input;
	int64_t                   total; /* millionths; of the typology whose reason is written */
	struct value              lets[RULES_LETS_MAX];
	uint64_t                  hits[(RULES_ITEMS_MAX + 63) / 64]; /* bit set of items */
};

struct value machine_run(const struct machine *machine, struct span code);

/* Every jump forward and inside, every index in its array, never more than
 * RULES_STACK_MAX values nor fewer than an instruction takes, one left at the end.
 * Asserts: a program that fails is a bug of the compiler. */
void machine_verify(const struct program *program, struct span code);

#endif
