/* What the library asks of us while it works: the time and randomness.  Both are
 * per thread, set by whoever is about to call into it. */
#ifndef ASSAY_DRIVERS_TLS_PORT_H
#define ASSAY_DRIVERS_TLS_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/tls/tls.h"

#define NS_PER_SECOND INT64_C(1000000000)

/* Says what time the library sees on this thread until the next call. */
void    tls_port_enter(int64_t now_ns);
int64_t tls_port_now_ns(void);

/* In the library's form; 0 or an error code. */
int tls_port_random(void *ctx, unsigned char *data, size_t size_bytes);

/* Makes the library ready, once for the process; false: it cannot be. */
bool tls_port_ready(void);

/* Puts "what: the library's words for code" into a text. */
void tls_port_words(char *text, size_t text_size_bytes, const char *what, int code);

#endif
