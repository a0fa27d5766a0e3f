/* Numbers as text, the same bytes on every machine and in every locale. */
#ifndef ASSAY_RUNTIME_BASE_NUMBER_H
#define ASSAY_RUNTIME_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define NUMBER_U64_BYTES_MAX   20
#define NUMBER_FLOAT_BYTES_MAX 20

/* Decimal, no NUL.  Returns the length. */
size_t number_print_u64(uint64_t value, char out[NUMBER_U64_BYTES_MAX]);

/* The shortest decimal that reads back as the same float, the nearest one if
 * several are as short; a JSON number (RFC 8259 section 6): "0.25", "-12", "1e-9".
 * No NUL.  `value` is finite.  Returns the length. */
size_t number_print_float(float value, char out[NUMBER_FLOAT_BYTES_MAX]);

#endif
