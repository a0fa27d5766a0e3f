#include "runtime/rules/value.h"

#include <math.h>

struct value value_number(double number)
{
	return (struct value){ .number = isfinite(number) ? number : (double)NAN };
}

struct value value_missing(void)
{
	return (struct value){ .number = (double)NAN };
}

struct value value_boolean(bool boolean)
{
	return (struct value){ .boolean = boolean };
}

struct value value_time(int64_t time_ns)
{
	return (struct value){ .time_ns = time_ns };
}

struct value value_text(struct bytes text)
{
	return (struct value){ .text       = text.size_bytes ? (const char *)text.data : "",
			       .size_bytes = (uint32_t)text.size_bytes };
}

bool value_is_missing(struct value number)
{
	return isnan(number.number);
}

uint8_t value_byte(struct value text, uint32_t at)
{
	uint8_t byte = (uint8_t)text.text[at];

	if (text.fold == FOLD_LOWER && byte >= 'A' && byte <= 'Z')
		byte += 'a' - 'A';
	else if (text.fold == FOLD_UPPER && byte >= 'a' && byte <= 'z')
		byte -= 'a' - 'A';
	return byte;
}

int value_order(struct value a, struct value b)
{
	uint32_t n     = a.size_bytes < b.size_bytes ? a.size_bytes : b.size_bytes;
	int      order = 0;

	if (a.fold == FOLD_NONE && b.fold == FOLD_NONE)
		order = n ? memcmp(a.text, b.text, n) : 0;
	else
		for (uint32_t i = 0; i < n && order == 0; i++)
			order = value_byte(a, i) - value_byte(b, i);
	return order ? order : (a.size_bytes > b.size_bytes) - (a.size_bytes < b.size_bytes);
}

/* Is the value below, at or above the one of the set? */
static int order_in_set(const struct program *program, const struct set *set, uint32_t at,
			struct value value)
{
	if (set->type == TYPE_NUMBER) {
		double number = program->numbers[at];

		return (value.number > number) - (value.number < number);
	}
	return value_order(value, value_text(program_text(program, program->texts[at])));
}

bool value_in_set(const struct program *program, const struct set *set, struct value value)
{
	uint32_t low = set->values.first, high = low + set->values.count;

	if (set->type == TYPE_NUMBER && value_is_missing(value))
		return false;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int      order  = order_in_set(program, set, middle, value);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* What is left of a over the whole multiples of b, with the sign of b.  fmod is exact, by
 * ISO C (F.10.7.1) and because what it gives can always be represented: it is no function
 * that a library may round its own way.  Where the signs differ, adding b rounds once, and
 * what rounds up to b itself is 0 with the next multiple. */
static double remainder_of(double a, double b)
{
	double left = fmod(a, b);

	if (left == 0)
		return 0;
	if ((left < 0) != (b < 0))
		left += b;
	return left == b ? 0 : left;
}

struct value value_arithmetic(enum operation op, double a, double b)
{
	switch (op) {
	case OP_ADD: return value_number(a + b);
	case OP_SUBTRACT: return value_number(a - b);
	case OP_MULTIPLY: return value_number(a * b);
	case OP_DIVIDE: return b == 0 ? value_missing() : value_number(a / b);
	case OP_REMAINDER: return b == 0 ? value_missing() : value_number(remainder_of(a, b));
	default: assert(!"an arithmetic operation");
	}
	return value_missing();
}

/* C compares NaN as the language does, but for != . */
static bool compare_numbers(enum operation op, double a, double b)
{
	switch (op) {
	case OP_EQUAL: return a == b;
	case OP_UNEQUAL: return a < b || a > b;
	case OP_LESS: return a < b;
	case OP_LESS_EQUAL: return a <= b;
	case OP_GREATER: return a > b;
	default: return a >= b;
	}
}

static bool compare_order(enum operation op, int order)
{
	switch (op) {
	case OP_EQUAL: return order == 0;
	case OP_UNEQUAL: return order != 0;
	case OP_LESS: return order < 0;
	case OP_LESS_EQUAL: return order <= 0;
	case OP_GREATER: return order > 0;
	default: return order >= 0;
	}
}

bool value_compare(enum operation op, enum value_type type, struct value a, struct value b)
{
	switch (type) {
	case TYPE_NUMBER: return compare_numbers(op, a.number, b.number);
	case TYPE_TIME: return compare_order(op, (a.time_ns > b.time_ns) - (a.time_ns < b.time_ns));
	case TYPE_BOOLEAN: return compare_order(op, a.boolean - b.boolean);
	default: return compare_order(op, value_order(a, b));
	}
}
