/* What a text value may look like; one predicate per form, on NUL-terminated
 * printable ASCII.  No name is looked up and nothing outside is asked. */
#ifndef ASSAY_CONFIG_FORMS_H
#define ASSAY_CONFIG_FORMS_H

#include <stdbool.h>
#include <stdint.h>

bool form_name(const char *text);           /* a-z 0-9 . - , not starting with . or - */
bool form_device(const char *text);         /* 0000:03:00.0, net_NAME0,..., sim */
bool form_address(const char *text);        /* IPv4 or IPv6 */
bool form_address4(const char *text);       /* IPv4, or empty */
bool form_address6(const char *text);       /* IPv6, or empty */
bool form_address_prefix(const char *text); /* IPv4 or IPv6 with /prefix */
bool form_identity(const char *text);       /* no blanks */
bool form_feature(const char *text);        /* A-Z a-z 0-9 _ . : - */
bool form_currency(const char *text);       /* an ISO 4217 code in use, or empty */
bool form_digest(const char *text);         /* 64 lower-case hex digits, or empty */

/* Two texts that are numbers: 90s, 15m, 2h, 7d in nanoseconds; 0-7 as two hours of at
 * most 24, the first below the second. */
bool form_duration(const char *text, int64_t *out_ns);
bool form_hours(const char *text, uint8_t out[2]);

#endif
