/* The failure table: every expected failure has one row, and its counter, its
 * HTTP status, what the caller is told and what an operator reads follow from
 * that row.  Nothing else in the tree invents a status or a sentence.
 *
 * action  WAIT    not an error: more bytes are needed
 *         REPLY   the caller gets `http` as application/problem+json
 *         CLOSE   the connection ends; no HTTP answer is possible
 *         REVIEW  the message was decoded, so the answer is a decision: review
 *         DECLINE the same: decline
 *         COUNT   nothing is done to the caller; it is counted
 *
 * The rows are in reason_table.h, sorted by where they arise, new ones last.  A new
 * row goes there and nowhere else. */
#ifndef ASSAY_RUNTIME_BASE_REASON_H
#define ASSAY_RUNTIME_BASE_REASON_H

#include <stdint.h>

enum reason_action {
	REASON_WAIT,
	REASON_REPLY,
	REASON_CLOSE,
	REASON_REVIEW,
	REASON_DECLINE,
	REASON_COUNT
};

enum reason {
	REASON_NONE = 0, /* no failure */
#define REASON(name, action, http, meaning) REASON_##name,
#include "runtime/base/reason_table.h"
#undef REASON
	REASON_COUNT_ALL,
};

struct reason_row {
	const char        *name; /* stable: used in metrics, logs and problem types */
	enum reason_action action;
	uint16_t           http;    /* 0: none */
	const char        *meaning; /* as an operator should read it */
};

/* reason_row_of never returns NULL; REASON_NONE has a row too. */
const struct reason_row *reason_row_of(enum reason reason);

/* Where in the input a failure is.  One of: a JSON pointer, a header name, a
 * byte offset.  The text is bounded and NUL-terminated. */
#define REASON_PLACE_BYTES_MAX 160

struct failure {
	enum reason reason;
	uint64_t    offset_bytes;                  /* into the body or stream, when known */
	char        place[REASON_PLACE_BYTES_MAX]; /* "/amount", "Content-Length"; "" when none */
	char        detail
		[REASON_PLACE_BYTES_MAX]; /* what was found and what is allowed; never card data */
};

#endif
