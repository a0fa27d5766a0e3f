/* The functions of the rules language, one row each.  Private to runtime/rules. */
#ifndef ASSAY_RUNTIME_RULES_FUNCTION_H
#define ASSAY_RUNTIME_RULES_FUNCTION_H

#include "runtime/rules/value.h"

#define FUNCTION_ARGUMENTS_MAX 2
#define TYPE_ANY               TYPE_COUNT       /* a number or a text; the first decides */
#define TYPE_PATTERN           (TYPE_COUNT + 1) /* a text that stands there literally */

struct function {
	const char *name;
	uint8_t     arguments_count;
	uint8_t     arguments[FUNCTION_ARGUMENTS_MAX]; /* enum value_type */
	uint8_t     result;                            /* TYPE_ANY: that of the first */
	struct value (*call)(const struct value *arguments, uint8_t type); /* type of the first */
	bool keeps; /* gives one of its numbers back, but perhaps for the sign */
};

extern const struct function functions[];
extern const uint32_t        functions_count;

#endif
