/* What machine_run takes for granted, proved once for every program that is built. */
#include <stdlib.h>

#include "runtime/rules/function.h"
#include "runtime/rules/machine.h"

struct effect {
	uint8_t takes, gives;
};

static struct effect effect_of(struct instruction i)
{
	if (i.op <= OP_TOTAL)
		return (struct effect){ 0, 1 };
	if (i.op <= OP_GREATER_EQUAL)
		return (struct effect){ 2, 1 };
	if (i.op <= OP_IN_LIST)
		return (struct effect){ 1, 1 };
	if (i.op <= OP_ARM_MISSING)
		return (struct effect){ 1, 2 };
	if (i.op == OP_CALL)
		return (struct effect){ i.a, 1 };
	if (i.op == OP_JUMP)
		return (struct effect){ 0, 0 };
	return (struct effect){ 1, 0 }; /* and, or, jump_false, drop: when they go on */
}

static bool is_jump(uint8_t op)
{
	return op >= OP_AND && op <= OP_JUMP_FALSE;
}

static void verify_index(const struct program *program, struct instruction i)
{
	const uint32_t ends[OP_COUNT] = {
		[OP_NUMBER]   = program->numbers_count,
		[OP_TEXT]     = program->texts_count,
		[OP_TIME]     = program->times_count,
		[OP_BOOLEAN]  = 2,
		[OP_FIELD]    = FIELD_COUNT,
		[OP_COMPUTED] = PLAN_FEATURES_MAX,
		[OP_SUPPLIED] = TRANSACTION_FEATURES_MAX,
		[OP_LET]      = program->lets_count,
		[OP_HIT]      = program->items_count,
		[OP_IN_SET]   = program->sets_count,
		[OP_IN_LIST]  = program->lists_count,
		[OP_ARM_IN]   = program->sets_count,
		[OP_ARM_LESS] = program->numbers_count,
		[OP_CALL]     = functions_count,
	};

	assert(i.op < OP_COUNT);
	assert(ends[i.op] == 0 || i.c < ends[i.op]);
	assert(i.op != OP_CALL || i.a == functions[i.c].arguments_count);
}

/* How high the stack is where a jump lands, met in order since all go forward: the
 * landings ahead, at most one an instruction, are kept by place. */
void machine_verify(const struct program *program, struct span code)
{
	uint32_t end = code.first + code.count;
	int      n   = 0;
	bool     on  = true; /* can the instruction be reached from the one before */
	int16_t *at_landing;

	assert(code.count > 0 && end <= program->code_count);
	at_landing = malloc((code.count + 1) * sizeof(*at_landing));
	assert(at_landing);
	memset(at_landing, -1, (code.count + 1) * sizeof(*at_landing));
	for (uint32_t at = code.first; at <= end; at++) {
		int landing = at_landing[at - code.first];

		assert(!on || landing < 0 || landing == n);
		n = on ? n : landing;
		assert(n >= 0);
		if (at == end)
			break;
		struct instruction i      = program->code[at];
		struct effect      effect = effect_of(i);

		verify_index(program, i);
		assert(n >= effect.takes);
		n += effect.gives - effect.takes;
		assert(n <= RULES_STACK_MAX);
		on = i.op != OP_JUMP;
		if (!is_jump(i.op))
			continue;
		int16_t kept = (int16_t)(n + (i.op <= OP_OR));

		assert(i.c > at && i.c <= end);
		assert(at_landing[i.c - code.first] < 0 || at_landing[i.c - code.first] == kept);
		at_landing[i.c - code.first] = kept;
	}
	assert(n == 1);
	free(at_landing);
}
