/* ISO 4217 currencies and exact amounts of them.
 *
 * An amount is an integer of minor units, 0 <= x < 10^15, never a float.  Its
 * text is decimal: digits, and if the currency has minor units optionally a
 * point and 1 to `exponent` digits.  No sign, no exponent, no blank, no group
 * mark, no leading zero before another digit. */
#ifndef ASSAY_RUNTIME_BASE_CURRENCY_H
#define ASSAY_RUNTIME_BASE_CURRENCY_H

#include <stddef.h>
#include <stdint.h>

#define AMOUNT_MINOR_END      1000000000000000 /* 10^15; first value that is too large */
#define CURRENCY_EXPONENT_MAX 4
#define AMOUNT_TEXT_BYTES_MAX 18 /* 15 digits, a point, "0" before it, a NUL */

struct currency {
	char    code[4];  /* ISO 4217 alphabetic, NUL-terminated */
	uint8_t exponent; /* digits of the minor unit: 0, 2, 3 or 4 */
};

/* By the three letters of its code, upper case.  NULL: not an active code, or
 * one without minor units (metals, bond units, SDR, test codes). */
const struct currency *currency_find(const char code[3]);

enum amount_fault {
	AMOUNT_OK,
	AMOUNT_FORM,      /* not a decimal number as above */
	AMOUNT_PRECISION, /* more decimals than the currency has */
	AMOUNT_RANGE,     /* 10^15 minor units or more */
};

enum amount_fault amount_parse(const char *text, size_t size_bytes, uint8_t exponent,
			       int64_t *out_minor);

/* All decimals of the currency; NUL-terminated.  Returns the length. */
size_t amount_print(int64_t minor, uint8_t exponent, char out[AMOUNT_TEXT_BYTES_MAX]);

#endif
