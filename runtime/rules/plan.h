/* A program while it is being made: its arrays grow by malloc.  Private to
 * runtime/rules, control side only. */
#ifndef ASSAY_RUNTIME_RULES_PLAN_H
#define ASSAY_RUNTIME_RULES_PLAN_H

#include "runtime/rules/program.h"

#define PLAN_FULL UINT32_MAX

struct rules_plan {
	struct program program;
#define ARRAY(type, name, max) uint32_t name##_room;
	PROGRAM_ARRAYS(ARRAY)
#undef ARRAY
};

/* plan_add_code(plan, &instruction), plan_add_numbers(...), ...: append one.  Its index,
 * or PLAN_FULL when the array has its maximum or there is no memory. */
#define ARRAY(type, name, max) uint32_t plan_add_##name(struct rules_plan *plan, const type *one);
PROGRAM_ARRAYS(ARRAY)
#undef ARRAY

/* Copy bytes to the pool.  False when there is no room. */
bool plan_add_text(struct rules_plan *plan, struct bytes text, struct text_place *out);

#endif
