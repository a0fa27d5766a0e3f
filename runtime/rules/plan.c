#include "runtime/rules/plan.h"

#include <stdlib.h>

/* Room for `more` after `count`: doubled, so that adding n takes n copies. */
static bool grow(void **array, uint32_t *room, uint32_t count, uint32_t more, size_t each_bytes)
{
	uint32_t wanted = *room ? *room : 16;
	void    *larger;

	while (wanted < count + more)
		wanted *= 2;
	if (wanted == *room)
		return true;
	larger = realloc(*array, wanted * each_bytes);
	if (!larger)
		return false;
	*array = larger;
	*room  = wanted;
	return true;
}

#define ARRAY(type, name, max)                                                                \
	uint32_t plan_add_##name(struct rules_plan *plan, const type *one)                    \
	{                                                                                     \
		uint32_t count = plan->program.name##_count;                                  \
                                                                                              \
		if (count >= (max) || !grow((void **)&plan->program.name, &plan->name##_room, \
					    count, 1, sizeof(type)))                          \
			return PLAN_FULL;                                                     \
		plan->program.name[count] = *one;                                             \
		return plan->program.name##_count++;                                          \
	}
PROGRAM_ARRAYS(ARRAY)
#undef ARRAY

bool plan_add_text(struct rules_plan *plan, struct bytes text, struct text_place *out)
{
	struct program *program = &plan->program;

	*out = (struct text_place){ program->pool_count, (uint32_t)text.size_bytes };
	if (text.size_bytes > RULES_POOL_BYTES_MAX - program->pool_count ||
	    !grow((void **)&program->pool, &plan->pool_room, program->pool_count,
		  (uint32_t)text.size_bytes, 1))
		return false;
	if (text.size_bytes > 0)
		memcpy(program->pool + program->pool_count, text.data, text.size_bytes);
	program->pool_count += (uint32_t)text.size_bytes;
	return true;
}

void rules_free_plan(struct rules_plan *plan)
{
	if (!plan)
		return;
#define ARRAY(type, name, max) free(plan->program.name);
	PROGRAM_ARRAYS(ARRAY)
#undef ARRAY
	free(plan);
}
