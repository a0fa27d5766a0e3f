/* RFC 3339 timestamps to and from nanoseconds since 1970-01-01T00:00:00Z.
 *
 * Strict: "YYYY-MM-DDTHH:MM:SS[.fraction](Z|+HH:MM|-HH:MM)" and nothing else.
 * The offset is required; 't' and 'z' are taken as RFC 3339 section 5.6 allows;
 * a fraction has 1 to 9 digits, more would be lost; the date must exist.
 *
 * Leap seconds: Unix time has none.  Second 60 is taken only where one can be,
 * at 23:59:60 UTC on the last day of a month (ITU-R TF.460), and counts as the
 * last nanosecond of second 59, so that order in time is never reversed.
 *
 * Bounds: 1970-01-01T00:00:00Z to 2262-04-11T23:47:16.854775807Z, which is what
 *         an int64_t of nanoseconds holds. */
#ifndef ASSAY_RUNTIME_BASE_TIME_H
#define ASSAY_RUNTIME_BASE_TIME_H

#include <stddef.h>
#include <stdint.h>

#define TIME_TEXT_BYTES_MAX 31 /* "2262-04-11T23:47:16.854775807Z" and a NUL */

enum time_fault {
	TIME_OK,
	TIME_FORM,  /* not that form, or a date or time of day that does not exist */
	TIME_RANGE, /* before 1970 or after 2262-04-11 */
};

enum time_fault time_parse(const char *text, size_t size_bytes, int64_t *out_ns);

/* UTC, "Z", as many decimals as needed (none when the second is whole);
 * NUL-terminated.  time_ns >= 0.  Returns the length. */
size_t time_print(int64_t time_ns, char out[TIME_TEXT_BYTES_MAX]);

#endif
