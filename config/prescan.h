/* The look at the text before libconfig sees it: what could end, exhaust or
 * deceive the library is refused here, in plain C that reads each byte once.
 *
 * Refused: more than CONFIG_FILE_BYTES_MAX; NUL and other control bytes; the
 * word @include anywhere, comments and texts as well (libconfig would open
 * files, and calls exit() on a directory); the escape \x00, which would cut a
 * text short unseen; hexadecimal and binary numbers and numbers of more than 18
 * digits, which libconfig wraps around; nesting deeper than
 * PRESCAN_DEPTH_MAX; more than PRESCAN_SETTINGS_MAX settings.
 *
 * Pure.  It needs not agree with libconfig on every byte: what it misreads, the
 * child process without privileges still contains (child.h). */
#ifndef ASSAY_CONFIG_PRESCAN_H
#define ASSAY_CONFIG_PRESCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"

#define PRESCAN_DEPTH_MAX    8     /* the deepest key, callers[].may[], is at 4 */
#define PRESCAN_SETTINGS_MAX 16384 /* 256 callers of 10 and 256 features fit five times */
#define PRESCAN_DIGITS_MAX   18    /* any such decimal number fits an int64_t */

struct prescan_fault {
	uint32_t    line;
	const char *key; /* what the error names in place of a key */
	const char *words;
};

/* True: libconfig may have it. */
bool prescan(struct bytes text, struct prescan_fault *fault);

/* The first name on a line that is followed by '=' or ':', for errors in which
 * libconfig gives no more than a line.  "syntax" when there is none. */
void prescan_key_on_line(struct bytes text, uint32_t line, char *out, size_t out_bytes);

#endif
