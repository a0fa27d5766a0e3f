/* From a plan to the flat form: the struct, then each array, each on its own lines of
 * cache. */
#include "runtime/rules/lists.h"
#include "runtime/rules/machine.h"
#include "runtime/rules/plan.h"

size_t rules_size(const struct rules_plan *plan)
{
	size_t size_bytes = program_aligned(sizeof(struct rules));

#define ARRAY(type, name, max) \
	size_bytes += program_aligned(plan->program.name##_count * sizeof(type));
	PROGRAM_ARRAYS(ARRAY)
#undef ARRAY
	return size_bytes;
}

static void verify(const struct program *program)
{
	for (uint32_t i = 0; i < program->lets_count; i++)
		machine_verify(program, program->lets[i].code);
	for (uint32_t i = 0; i < program->items_count; i++)
		if (program->items[i].kind == ITEM_RULE)
			machine_verify(program, program->items[i].when);
	for (uint32_t i = 0; i < program->weights_count; i++) {
		machine_verify(program, program->weights[i].value);
		if (program->weights[i].when.count > 0)
			machine_verify(program, program->weights[i].when);
	}
	for (uint32_t i = 0; i < program->parts_count; i++)
		if (program->parts[i].code.count > 0)
			machine_verify(program, program->parts[i].code);
}

struct rules *rules_build(const struct rules_plan *plan, void *memory, size_t size_bytes)
{
	struct rules *rules = memory;
	uint8_t      *at    = (uint8_t *)memory + program_aligned(sizeof(*rules));

	assert((uintptr_t)memory % RULES_ALIGN_BYTES == 0);
	assert(size_bytes >= rules_size(plan));
	verify(&plan->program);
	rules->program = plan->program;
#define ARRAY(type, name, max)                                                             \
	rules->program.name = (type *)at;                                                  \
	if (plan->program.name##_count > 0)                                                \
		memcpy(at, plan->program.name, plan->program.name##_count * sizeof(type)); \
	at += program_aligned(plan->program.name##_count * sizeof(type));
	PROGRAM_ARRAYS(ARRAY)
#undef ARRAY
	return rules;
}

const uint8_t *rules_digest(const struct rules *rules)
{
	return rules->program.digest;
}

enum field rules_list_field(const struct rules *rules, struct bytes name)
{
	const struct program *program = &rules->program;

	for (uint32_t i = 0; i < program->lists_count; i++)
		if (bytes_equal(name,
				bytes_of(program->lists[i].name, strlen(program->lists[i].name))))
			return (enum field)program->lists[i].field;
	return FIELD_NONE;
}

uint32_t rules_count(const struct rules *rules)
{
	return rules->program.items_count;
}
