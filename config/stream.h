/* The flat stream: what the parsing child sends and the parent reads.  One record
 * per setting, in the order of the file, then END.
 *
 *   0       1          2            4      8     8+path_bytes
 *   | type  | path_bytes | value_bytes | line | path | value |
 *
 * in the byte order of the machine, since both ends are one program.  Values:
 * FLAG one byte 0 or 1; INTEGER int64_t; REAL double; TEXT and ERROR bytes.
 *
 * Bounds:  STREAM_BYTES_MAX in all.  A text is cut at STREAM_VALUE_BYTES_MAX,
 *          which is more than any key allows, so that a cut value is refused.
 * Trust:   stream_next believes nothing: lengths, types, path characters and NULs
 *          are checked; it returns false at the first record that the writer below
 *          could not have made.  A REAL may be infinite or no number at all. */
#ifndef ASSAY_CONFIG_STREAM_H
#define ASSAY_CONFIG_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"

#define STREAM_BYTES_MAX       (8U << 20) /* 16384 settings of 208 bytes, 1 MiB of values: 4.4 */
#define STREAM_PATH_BYTES_MAX  200
#define STREAM_VALUE_BYTES_MAX 1024
#define STREAM_LINE_MAX        (1U << 21)

enum stream_type {
	STREAM_END = 1,
	STREAM_ERROR, /* the parser's own words; path is empty */
	STREAM_GROUP,
	STREAM_LIST, /* list or array */
	STREAM_FLAG,
	STREAM_INTEGER,
	STREAM_REAL,
	STREAM_TEXT,
	STREAM_TYPE_COUNT,
};

struct stream_record {
	uint8_t  type; /* enum stream_type */
	bool     flag;
	uint32_t line;
	int64_t  integer;
	double   real;
	char     path[STREAM_PATH_BYTES_MAX + 1];
	char     text[STREAM_VALUE_BYTES_MAX + 1];
};

struct stream {
	uint8_t *data;
	size_t   capacity_bytes;
	size_t   size_bytes;
	bool     full; /* a record did not fit and was left out */
};

/* Append one record.  Path and text are cut at their bounds. */
void stream_put(struct stream *out, enum stream_type type, const char *path, uint32_t line,
		const void *value, size_t value_bytes);

/* Take the first record off `rest`. */
bool stream_next(struct bytes *rest, struct stream_record *record);

#endif
