/* Values of the machine, and what can be done with them.  Private to runtime/rules.
 *
 * A number is finite or missing (NaN): what would be infinite or undefined is missing.
 * A text points into the transaction or the program and is never copied: lower and upper
 * only say how its bytes are to be read (ASCII letters, the rest stays). */
#ifndef ASSAY_RUNTIME_RULES_VALUE_H
#define ASSAY_RUNTIME_RULES_VALUE_H

#include "runtime/rules/program.h"

enum fold { FOLD_NONE, FOLD_LOWER, FOLD_UPPER };

struct value {
	union {
		double      number;
		int64_t     time_ns;
		bool        boolean;
		const char *text;
	};
	uint32_t size_bytes; /* of a text */
	uint32_t fold;       /* enum fold, of a text */
};

struct value value_number(double number);
struct value value_missing(void);
struct value value_boolean(bool boolean);
struct value value_time(int64_t time_ns);
struct value value_text(struct bytes text);

bool    value_is_missing(struct value number);
uint8_t value_byte(struct value text, uint32_t at);

/* Below, at or above 0, by bytes as unsigned. */
int  value_order(struct value a, struct value b);
bool value_in_set(const struct program *program, const struct set *set, struct value value);

/* The two-operand operations. */
struct value value_arithmetic(enum operation op, double a, double b);
bool         value_compare(enum operation op, enum value_type type, struct value a, struct value b);

#endif
