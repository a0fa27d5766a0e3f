/* HTTP/1.1, the server's side of one connection: bytes in, whole requests out.
 *
 * A request is read in two parts.  The head is collected until its empty line and
 * then parsed in one piece by llhttp with every lenient flag off; the body goes
 * straight to the caller's memory.  The outcome therefore cannot depend on how
 * the peer cut its bytes: checks are made either byte by byte or on a whole head.
 *
 *     feed ->  NEED_MORE | BODY_WANTED | CONTINUE_WANTED | REQUEST_DONE | FAILED
 *
 * Owner:   one connection; the caller owns the parser and its memory.  No
 *          allocation, no clock, no system call, no format parsing of the body.
 * Bounds:  struct http_limits, checked by http_limits_valid; one pass over each
 *          byte.  After REQUEST_DONE not one byte of a pipelined request has been
 *          consumed.
 * Failure: FAILED is final: answer with http_write_problem, keep_alive false, and
 *          close (RFC 9112 section 6.3: after a framing error nothing that follows can
 *          be trusted).  A sound request that no route takes is REQUEST_DONE with
 *          `refusal` set, and the connection may go on.
 * Source:  RFC 9112 (HTTP/1.1), RFC 9110 (semantics), RFC 9457 (problem details).
 *
 * Stricter than the RFCs, on purpose: origin-form targets only; no chunked
 * trailers; `chunked` is the only transfer coding; a line ends in CRLF, never in a
 * bare LF; no line folding; exactly one Host.  HTTP/1.0 is accepted, with
 * keep-alive when asked for, because ApacheBench and old load balancers speak it. */
#ifndef ASSAY_DRIVERS_HTTP_HTTP_H
#define ASSAY_DRIVERS_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/reason.h"

enum http_method {
	HTTP_METHOD_OTHER, /* valid, but no route takes it */
	HTTP_METHOD_GET,
	HTTP_METHOD_POST,
};

enum http_route {
	HTTP_ROUTE_NONE,
	HTTP_ROUTE_DECISIONS,    /* POST /v1/decisions */
	HTTP_ROUTE_LABELS,       /* POST /v1/labels */
	HTTP_ROUTE_LISTS,        /* POST /v1/lists */
	HTTP_ROUTE_HEALTH_LIVE,  /* GET  /v1/health/live */
	HTTP_ROUTE_HEALTH_READY, /* GET  /v1/health/ready */
	HTTP_ROUTE_VERSION,      /* GET  /v1/version */
	HTTP_ROUTE_METRICS,      /* GET  /metrics     management */
	HTTP_ROUTE_STATUS,       /* GET  /v1/status   management */
	HTTP_ROUTE_RELOAD,       /* POST /v1/reload   management */
	HTTP_ROUTE_COUNT,
};

/* Which listener a route is reachable on: a bit set. */
#define HTTP_SURFACE_SERVICE    1
#define HTTP_SURFACE_MANAGEMENT 2

#define HTTP_TARGET_BYTES_LIMIT 8192
#define HTTP_HEADER_BYTES_LIMIT 65536
#define HTTP_HEADERS_LIMIT      256
#define HTTP_BODY_BYTES_LIMIT   (64 << 20)
#define HTTP_BODY_PADDING_BYTES 16 /* zero bytes after the body, for readers that look ahead */

struct http_limits {
	uint32_t target_bytes_max; /* longer: 414 */
	uint32_t header_bytes_max; /* request line and headers with their CRLFs; more: 431 */
	uint32_t headers_max;      /* header lines; more: 431 */
	uint32_t body_bytes_max;   /* after chunked decoding; more: 413 */
	uint8_t  surfaces;         /* HTTP_SURFACE_*: which routes exist here */
};

bool http_limits_valid(const struct http_limits *limits);

enum http_step {
	HTTP_NEED_MORE,       /* everything was consumed; not an error */
	HTTP_BODY_WANTED,     /* a body follows and none was lent: http_lend_body, then feed on */
	HTTP_CONTINUE_WANTED, /* send http_continue, or refuse and close; then feed on */
	HTTP_REQUEST_DONE,    /* http_request shows it; http_next before feeding on */
	HTTP_FAILED,          /* answer with the failure's problem and close */
};

/* One request.  Everything points into the parser's memory and is good until
 * http_next.  After HTTP_CONTINUE_WANTED and HTTP_BODY_WANTED all but the body is set. */
struct http_request {
	enum http_method method;
	enum http_route  route;
	enum reason      refusal; /* REASON_NONE, or http_path, http_method, http_media_type,
	                               * http_length_required: answer with this problem instead */
	const char      *allow;   /* for http_method: the value of Allow; "" otherwise */
	struct bytes     path;    /* "/v1/decisions"; not percent-decoded */
	struct bytes     query;   /* what follows '?', without it */
	struct bytes     content_type;
	uint8_t         *body; /* followed by HTTP_BODY_PADDING_BYTES zero bytes */
	size_t           body_bytes;
	uint8_t          version_minor; /* HTTP/1.x */
	bool             keep_alive;    /* the connection may go on after the answer */
};

/* The parser.  Fields are the parser's own; read the request by http_request. */
struct http_parser {
	struct http_limits  limits;
	uint8_t            *head; /* [limits.header_bytes_max] */
	uint8_t            *body; /* [body_capacity_bytes + padding], NULL: not lent */
	uint32_t            body_capacity_bytes;
	uint32_t            head_bytes;
	uint32_t            line_bytes; /* of the head line being read */
	uint32_t            lines;      /* whole head lines so far */
	uint32_t            chunk_line_bytes;
	uint64_t            body_left_bytes;   /* of the body, or of this chunk */
	uint64_t            stream_bytes;      /* consumed since http_init: a failure's place */
	uint64_t            chunk_frame_bytes; /* all that is not data in a chunked body */
	uint8_t             state;             /* enum http_state, parser.c */
	uint8_t             empty_lines;       /* before the request line */
	uint8_t             marks;             /* headers seen, parser.c */
	bool                continue_wanted;
	bool                message_done; /* the last chunk was read */
	struct failure      failure;
	struct http_request request;
	_Alignas(8) uint8_t machine[128]; /* llhttp_t, which stays inside drivers/http */
};

/* Bytes of head memory a parser of these limits needs. */
size_t http_head_memory_bytes(const struct http_limits *limits);

/* `head` is http_head_memory_bytes(limits).  `limits` must be valid. */
void http_init(struct http_parser *parser, const struct http_limits *limits, void *head);

/* Lend body memory of capacity + HTTP_BODY_PADDING_BYTES bytes, or take it back
 * with NULL, 0 (between requests only).  A body that is larger than the capacity
 * is refused as larger than body_bytes_max. */
void http_lend_body(struct http_parser *parser, void *memory, size_t capacity_bytes);

/* Feed bytes; *consumed says how many were used (always all of them for NEED_MORE).
 * On FAILED, *failure has the row, the offset in the stream and the place. */
enum http_step http_feed(struct http_parser *parser, struct bytes in, size_t *consumed,
			 struct failure *failure);

const struct http_request *http_request(const struct http_parser *parser);

/* Ready for the next request of this connection.  Only after HTTP_REQUEST_DONE. */
void http_next(struct http_parser *parser);

/* True between requests: an idle timeout closes silently, else it is a 408. */
bool http_idle(const struct http_parser *parser);

/* True from the end of a request's head on: what is missing is its body. */
bool http_head_done(const struct http_parser *parser);

/* "HTTP/1.1 100 Continue\r\n\r\n" (RFC 9110 section 15.2.1) */
struct bytes http_continue(void);

/* ---- answers ---- */

#define HTTP_HEAD_BYTES_MAX    512  /* what http_write_head makes without `extra` */
#define HTTP_PROBLEM_BYTES_MAX 4096 /* every whole problem, head and body, fits */

struct http_answer {
	uint16_t    status;
	const char *content_type; /* "application/json" */
	size_t      body_bytes;
	bool        keep_alive;
	const char *extra; /* whole header lines, each with CRLF; NULL: none */
};

/* Write an answer's head.  Returns its size, or 0 when `capacity_bytes` is too small. */
size_t http_write_head(uint8_t *out, size_t capacity_bytes, const struct http_answer *answer);

/* Write a whole answer, head and body, for a failure: its row gives status and
 * title.  `allow` is for http_method and may be NULL.  Bytes of the caller that
 * are not printable ASCII come out escaped.  Returns its size, or 0. */
size_t http_write_problem(uint8_t *out, size_t capacity_bytes, const struct failure *failure,
			  const char *allow, bool keep_alive);

/* "Not Found"; "Unknown" for a status this appliance never sends. */
const char *http_status_phrase(uint16_t status);

#endif
