#include "runtime/rules/machine.h"

#include <math.h>

#include "runtime/rules/function.h"

static const double power10[] = { 1, 10, 100, 1000, 10000 };

/* One division of two exact integers: correctly rounded. */
static double amount_units(const struct transaction *transaction)
{
	assert(transaction->currency_exponent < sizeof(power10) / sizeof(power10[0]));
	return (double)transaction->amount_minor / power10[transaction->currency_exponent];
}

static double computed(const struct rules_input *input, uint32_t at)
{
	return at < input->values->count ? input->values->value[at] : (double)NAN;
}

static double supplied(const struct transaction *transaction, uint32_t at)
{
	return at < transaction->features_count ? (double)transaction->features[at] : (double)NAN;
}

static struct value load(const struct machine *machine, struct instruction i)
{
	const struct program     *program = machine->program;
	const struct rules_input *input   = machine->input;

	switch (i.op) {
	case OP_NUMBER: return (struct value){ .number = program->numbers[i.c] };
	case OP_TEXT: return value_text(program_text(program, program->texts[i.c]));
	case OP_TIME: return value_time(program->times[i.c]);
	case OP_BOOLEAN: return value_boolean(i.c);
	case OP_FIELD: return value_text(field_text(input->transaction, i.c));
	case OP_COMPUTED: return value_number(computed(input, i.c));
	case OP_SUPPLIED: return value_number(supplied(input->transaction, i.c));
	case OP_AMOUNT: return value_number(amount_units(input->transaction));
	case OP_SCORE: return value_number(input->model_ran ? (double)input->score : (double)NAN);
	case OP_MARGIN: return value_number(input->model_ran ? (double)input->margin : (double)NAN);
	case OP_MODEL_RAN: return value_boolean(input->model_ran);
	case OP_TIME_OF_TRANSACTION: return value_time(input->transaction->time_ns);
	case OP_TIME_NOW: return value_time(input->now_ns);
	case OP_LET: return machine->lets[i.c];
	case OP_HIT: return value_boolean(machine->hits[i.c / 64] >> (i.c % 64) & 1);
	default: return value_number((double)machine->total / RULES_WEIGHT_ONE);
	}
}

static struct value unary(const struct machine *machine, struct instruction i, struct value top)
{
	const struct program *program = machine->program;
	const struct set     *set;

	switch (i.op) {
	case OP_NEGATE: return (struct value){ .number = -top.number };
	case OP_NOT: return value_boolean(!top.boolean);
	case OP_IN_LIST:
		return value_boolean(
			lists_has(machine->input->lists, i.c, top, machine->input->now_ns) != i.b);
	default: /* a missing number is neither in nor not in */
		set = &program->sets[i.c];
		if (set->type == TYPE_NUMBER && value_is_missing(top))
			return value_boolean(false);
		return value_boolean(value_in_set(program, set, top) != i.b);
	}
}

static bool arm(const struct program *program, struct instruction i, struct value top)
{
	switch (i.op) {
	case OP_ARM_IN: return value_in_set(program, &program->sets[i.c], top);
	case OP_ARM_LESS:
		return top.number < program->numbers[i.c] ||
		       (i.b && top.number == program->numbers[i.c]);
	default: return value_is_missing(top);
	}
}

/* What is not worth a case of its own below.  Returns the new height of the stack. */
static uint32_t step(const struct machine *machine, struct instruction i, struct value *stack,
		     uint32_t n)
{
	if (i.op <= OP_TOTAL) {
		stack[n] = load(machine, i);
		return n + 1;
	}
	if (i.op <= OP_REMAINDER) {
		stack[n - 2] = value_arithmetic(i.op, stack[n - 2].number, stack[n - 1].number);
		return n - 1;
	}
	if (i.op <= OP_GREATER_EQUAL) {
		stack[n - 2] = value_boolean(value_compare(i.op, i.a, stack[n - 2], stack[n - 1]));
		return n - 1;
	}
	if (i.op <= OP_IN_LIST) {
		stack[n - 1] = unary(machine, i, stack[n - 1]);
		return n;
	}
	if (i.op <= OP_ARM_MISSING) {
		stack[n] = value_boolean(arm(machine->program, i, stack[n - 1]));
		return n + 1;
	}
	n -= i.a;
	stack[n] = functions[i.c].call(&stack[n], (uint8_t)i.b);
	return n + 1;
}

/* The stack never over- or underflows, whatever runs: verified when it was built. */
struct value machine_run(const struct machine *machine, struct span code)
{
	const struct instruction *all = machine->program->code;
	uint32_t                  end = code.first + code.count;
	struct value              stack[RULES_STACK_MAX];
	uint32_t                  n = 0; /* values on it */

	for (uint32_t at = code.first; at < end; at++) {
		struct instruction i = all[at];

		switch (i.op) {
		case OP_NUMBER: stack[n++].number = machine->program->numbers[i.c]; break;
		case OP_COMPUTED: stack[n++] = value_number(computed(machine->input, i.c)); break;
		case OP_LET: stack[n++] = machine->lets[i.c]; break;
		case OP_AND: /* kept when it decides */
			if (stack[n - 1].boolean)
				n--;
			else
				at = i.c - 1;
			break;
		case OP_OR:
			if (stack[n - 1].boolean)
				at = i.c - 1;
			else
				n--;
			break;
		case OP_JUMP: at = i.c - 1; break;
		case OP_JUMP_FALSE:
			if (!stack[--n].boolean)
				at = i.c - 1;
			break;
		case OP_DROP: n--; break;
		default: n = step(machine, i, stack, n); break;
		}
	}
	return stack[0];
}
