/* What the files of drivers/http share and nobody else sees. */
#ifndef ASSAY_DRIVERS_HTTP_INTERNAL_H
#define ASSAY_DRIVERS_HTTP_INTERNAL_H

#include "drivers/http/http.h"

enum http_state {
	HTTP_STATE_HEAD,       /* collecting lines up to the empty one */
	HTTP_STATE_HEAD_READY, /* parsed; memory and 100-continue are settled here */
	HTTP_STATE_BODY,       /* body_left_bytes of a body with Content-Length */
	HTTP_STATE_CHUNK_LINE, /* framing: fed to llhttp byte by byte */
	HTTP_STATE_CHUNK_DATA, /* body_left_bytes of this chunk */
	HTTP_STATE_DONE,
	HTTP_STATE_FAILED,
};

/* Bits of http_parser.marks. */
#define HTTP_MARK_HOST         0x01
#define HTTP_MARK_LENGTH       0x02
#define HTTP_MARK_CODING       0x04 /* Transfer-Encoding, hence chunked */
#define HTTP_MARK_TYPE         0x08
#define HTTP_MARK_EXPECT       0x10
#define HTTP_MARK_CLOSE        0x20 /* Connection: close */
#define HTTP_MARK_KEEP         0x40 /* Connection: keep-alive */
#define HTTP_MARK_HEAD_CHECKED 0x80 /* llhttp saw the end of the head */

/* Record a failure; returns its reason so that a check can end with it. */
enum reason http_fail(struct http_parser *parser, enum reason reason, const char *place,
		      const char *detail);

/* Parse the collected head: fills parser->request, the marks and body_left_bytes. */
enum reason http_head_parse(struct http_parser *parser);

/* Have llhttp check the whole head; it is then ready for chunks. */
enum reason http_machine_check(struct http_parser *parser);

/* Feed llhttp body bytes in a chunked body. */
enum reason http_machine_chunked(struct http_parser *parser, const uint8_t *data,
				 size_t size_bytes);

/* Decide route and refusal from method, path and surfaces. */
void http_route_decide(struct http_parser *parser);

#endif
