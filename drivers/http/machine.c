/* llhttp, strict: it checks each head as a whole and unframes chunked bodies.  What
 * the head means is read in head.c, and both must agree on the framing. */
#include "drivers/http/internal.h"

#include <assert.h>
#include <llhttp.h>

static_assert(sizeof(llhttp_t) <= sizeof(((struct http_parser *)0)->machine), "llhttp_t fits");
static_assert(_Alignof(llhttp_t) <= 8, "llhttp_t is aligned");

/* What a callback returns after http_fail. */
#define REFUSED (-1)

static llhttp_t *machine_of(struct http_parser *parser)
{
	return (llhttp_t *)(void *)parser->machine;
}

static int on_headers_complete(llhttp_t *machine)
{
	struct http_parser *parser = machine->data;

	parser->marks |= HTTP_MARK_HEAD_CHECKED;
	if (!(parser->marks & HTTP_MARK_CODING) != !(machine->flags & F_CHUNKED) ||
	    !(parser->marks & HTTP_MARK_LENGTH) != !(machine->flags & F_CONTENT_LENGTH) ||
	    ((parser->marks & HTTP_MARK_LENGTH) &&
	     parser->body_left_bytes != machine->content_length)) {
		http_fail(parser, REASON_http_length, "", "the head can be read in two ways");
		return REFUSED;
	}
	return 0;
}

/* Called in the head too, where it means nothing. */
static int on_header_field(llhttp_t *machine, const char *at, size_t size_bytes)
{
	struct http_parser *parser = machine->data;

	(void)at;
	(void)size_bytes;
	if (parser->state != HTTP_STATE_CHUNK_LINE)
		return 0;
	/* RFC 9112 section 7.1.2: trailers may be discarded or refused; nobody sends us any. */
	http_fail(parser, REASON_http_malformed, "Transfer-Encoding",
		  "trailer fields are not accepted");
	return REFUSED;
}

static int on_chunk_header(llhttp_t *machine)
{
	struct http_parser *parser = machine->data;
	uint64_t            room   = parser->limits.body_bytes_max;

	if (room > parser->body_capacity_bytes)
		room = parser->body_capacity_bytes;
	if (machine->content_length > room - parser->request.body_bytes) {
		http_fail(parser, REASON_http_too_long, "Transfer-Encoding", "");
		return REFUSED;
	}
	parser->body_left_bytes = machine->content_length;
	return 0;
}

static int on_body(llhttp_t *machine, const char *at, size_t size_bytes)
{
	struct http_parser  *parser  = machine->data;
	struct http_request *request = &parser->request;

	assert(size_bytes <= parser->body_left_bytes);
	memcpy(request->body + request->body_bytes, at, size_bytes);
	request->body_bytes += size_bytes;
	parser->body_left_bytes -= size_bytes;
	return 0;
}

static int on_message_complete(llhttp_t *machine)
{
	struct http_parser *parser = machine->data;

	parser->message_done = true;
	return 0;
}

/* llhttp takes a pointer to non-const and never writes through it. */
static llhttp_settings_t settings = {
	.on_headers_complete = on_headers_complete,
	.on_header_field     = on_header_field,
	.on_chunk_header     = on_chunk_header,
	.on_body             = on_body,
	.on_message_complete = on_message_complete,
};

static enum reason reason_of(struct http_parser *parser, llhttp_errno_t error)
{
	const llhttp_t *machine = machine_of(parser);

	if (parser->failure.reason != REASON_NONE) /* a callback has said why */
		return parser->failure.reason;
	switch (error) {
	case HPE_INVALID_VERSION:
	case HPE_PAUSED_H2_UPGRADE: return http_fail(parser, REASON_http_version, "", "");
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH:
		return http_fail(parser, REASON_http_length, "Content-Length", "");
	case HPE_INVALID_TRANSFER_ENCODING:
		return http_fail(parser, REASON_http_length, "Transfer-Encoding", "");
	default:
		return http_fail(parser, REASON_http_malformed, "",
				 machine->reason ? machine->reason : "");
	}
}

enum reason http_machine_check(struct http_parser *parser)
{
	llhttp_t      *machine = machine_of(parser);
	llhttp_errno_t error;

	llhttp_init(machine, HTTP_REQUEST, &settings);
	machine->data = parser;
	error         = llhttp_execute(machine, (const char *)parser->head, parser->head_bytes);
	if (llhttp_get_method(machine) == HTTP_PRI) /* RFC 9113 section 3.4: an HTTP/2 preface */
		return http_fail(parser, REASON_http_version, "", "");
	/* RFC 9110 section 7.8: a server may ignore Upgrade; the request is an ordinary one. */
	if (error != HPE_OK && error != HPE_PAUSED_UPGRADE)
		return reason_of(parser, error);
	if (!(parser->marks & HTTP_MARK_HEAD_CHECKED))
		return http_fail(parser, REASON_http_malformed, "", "the head is incomplete");
	if (machine->http_major != 1 || machine->http_minor > 1)
		return http_fail(parser, REASON_http_version, "", "");
	parser->request.version_minor = machine->http_minor;
	parser->request.method        = machine->method == HTTP_GET    ? HTTP_METHOD_GET
					: machine->method == HTTP_POST ? HTTP_METHOD_POST
								       : HTTP_METHOD_OTHER;
	parser->message_done          = false;
	return REASON_NONE;
}

enum reason http_machine_chunked(struct http_parser *parser, const uint8_t *data, size_t size_bytes)
{
	llhttp_errno_t error = llhttp_execute(machine_of(parser), (const char *)data, size_bytes);

	return error == HPE_OK ? REASON_NONE : reason_of(parser, error);
}
