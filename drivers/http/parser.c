/* The connection's state machine: collects heads, moves bodies, hands framing to
 * llhttp.  Nothing here depends on where the input was cut. */
#include "drivers/http/internal.h"

#include <assert.h>

#include "runtime/base/text.h"

/* A method and " HTTP/1.1\r\n" around the target; the longest registered method has 17. */
#define REQUEST_LINE_EXTRA_BYTES 32

/* RFC 9112 section 2.2: at least one empty line before a request line is ignored. */
#define EMPTY_LINES_MAX 1

/* Size, extensions and CRLFs of one chunk; RFC 9112 section 7.1.1 asks for a bound. */
#define CHUNK_LINE_BYTES_MAX 256

/* Framing a chunked body may spend beyond body_bytes_max, so that a body of
 * one-byte chunks with extensions ends too. */
#define CHUNK_FRAME_BYTES_EXTRA 4096

bool http_limits_valid(const struct http_limits *limits)
{
	return limits->target_bytes_max >= 1 &&
	       limits->target_bytes_max <= HTTP_TARGET_BYTES_LIMIT &&
	       limits->header_bytes_max >= 64 &&
	       limits->header_bytes_max <= HTTP_HEADER_BYTES_LIMIT && limits->headers_max >= 1 &&
	       limits->headers_max <= HTTP_HEADERS_LIMIT && limits->body_bytes_max >= 1 &&
	       limits->body_bytes_max <= HTTP_BODY_BYTES_LIMIT;
}

size_t http_head_memory_bytes(const struct http_limits *limits)
{
	return limits->header_bytes_max;
}

static void begin(struct http_parser *parser)
{
	parser->state             = HTTP_STATE_HEAD;
	parser->head_bytes        = 0;
	parser->line_bytes        = 0;
	parser->lines             = 0;
	parser->empty_lines       = 0;
	parser->marks             = 0;
	parser->continue_wanted   = false;
	parser->body_left_bytes   = 0;
	parser->chunk_line_bytes  = 0;
	parser->chunk_frame_bytes = 0;
	parser->message_done      = false;
	memset(&parser->request, 0, sizeof(parser->request));
	parser->request.allow = "";
}

void http_init(struct http_parser *parser, const struct http_limits *limits, void *head)
{
	assert(http_limits_valid(limits) && head != NULL);
	memset(parser, 0, sizeof(*parser));
	parser->limits = *limits;
	parser->head   = head;
	begin(parser);
}

void http_lend_body(struct http_parser *parser, void *memory, size_t capacity_bytes)
{
	assert(parser->state == HTTP_STATE_HEAD || parser->state == HTTP_STATE_HEAD_READY ||
	       memory == NULL);
	parser->body                = memory;
	parser->body_capacity_bytes = capacity_bytes < HTTP_BODY_BYTES_LIMIT
					      ? (uint32_t)capacity_bytes
					      : HTTP_BODY_BYTES_LIMIT;
}

const struct http_request *http_request(const struct http_parser *parser)
{
	return &parser->request;
}

void http_next(struct http_parser *parser)
{
	assert(parser->state == HTTP_STATE_DONE);
	begin(parser);
}

bool http_idle(const struct http_parser *parser)
{
	return parser->state == HTTP_STATE_HEAD && parser->head_bytes == 0 &&
	       parser->empty_lines == 0;
}

bool http_head_done(const struct http_parser *parser)
{
	return parser->state != HTTP_STATE_HEAD;
}

enum reason http_fail(struct http_parser *parser, enum reason reason, const char *place,
		      const char *detail)
{
	parser->failure.reason = reason;
	text_copy(parser->failure.place, sizeof(parser->failure.place), place);
	text_copy(parser->failure.detail, sizeof(parser->failure.detail), detail);
	return reason;
}

/* ---- the head, byte by byte ---- */

static enum reason head_line_end(struct http_parser *parser, bool *complete)
{
	if (parser->line_bytes == 2 && parser->lines == 0) {
		parser->head_bytes = 0;
		parser->line_bytes = 0;
		if (++parser->empty_lines > EMPTY_LINES_MAX)
			return http_fail(parser, REASON_http_malformed, "",
					 "empty lines before the request line");
		return REASON_NONE;
	}
	*complete          = parser->line_bytes == 2;
	parser->line_bytes = 0;
	parser->lines++;
	if (!*complete && parser->lines > parser->limits.headers_max + 1)
		return http_fail(parser, REASON_http_headers_too_large, "",
				 "too many header lines");
	return REASON_NONE;
}

static enum reason head_byte(struct http_parser *parser, uint8_t byte, bool *complete)
{
	uint8_t before = parser->line_bytes > 0 ? parser->head[parser->head_bytes - 1] : 0;

	/* RFC 9112 section 2.2: a bare CR or LF is where smuggling begins. */
	if ((byte == '\n') != (before == '\r'))
		return http_fail(parser, REASON_http_malformed, "", "a line must end in CR LF");
	/* RFC 9110 section 5.5: CR, LF, NUL and other controls have no place in a field. */
	if ((byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') || byte == 0x7f)
		return http_fail(parser, REASON_http_malformed, "",
				 "control character in the head");
	/* RFC 9112 section 5.2: line folding is refused. */
	if (parser->line_bytes == 0 && (byte == ' ' || byte == '\t'))
		return http_fail(parser, REASON_http_malformed, "",
				 "a line must not begin with a space");
	if (parser->lines == 0 &&
	    parser->line_bytes >= parser->limits.target_bytes_max + REQUEST_LINE_EXTRA_BYTES)
		return http_fail(parser, REASON_http_target_too_long, "",
				 "the request line is too long");
	if (parser->head_bytes == parser->limits.header_bytes_max)
		return http_fail(parser,
				 parser->lines == 0 ? REASON_http_target_too_long
						    : REASON_http_headers_too_large,
				 "", "the head is too long");
	parser->head[parser->head_bytes++] = byte;
	parser->line_bytes++;
	return byte == '\n' ? head_line_end(parser, complete) : REASON_NONE;
}

static enum reason head_feed(struct http_parser *parser, struct bytes in, size_t *used)
{
	while (*used < in.size_bytes) {
		bool        complete = false;
		enum reason reason   = head_byte(parser, in.data[*used], &complete);

		if (reason != REASON_NONE)
			return reason;
		++*used;
		if (complete) {
			parser->state = HTTP_STATE_HEAD_READY;
			return http_head_parse(parser);
		}
	}
	return REASON_NONE;
}

/* ---- the body ---- */

static bool body_follows(const struct http_parser *parser)
{
	return parser->body_left_bytes > 0 || (parser->marks & HTTP_MARK_CODING);
}

static void finish(struct http_parser *parser)
{
	parser->state = HTTP_STATE_DONE;
	if (parser->request.body != NULL)
		memset(parser->request.body + parser->request.body_bytes, 0,
		       HTTP_BODY_PADDING_BYTES);
}

/* The head is parsed.  What has to be settled before the body is read, in order;
 * HTTP_NEED_MORE: nothing, go on. */
static enum http_step head_ready(struct http_parser *parser)
{
	if (!body_follows(parser)) {
		finish(parser);
		return HTTP_NEED_MORE;
	}
	if (parser->body == NULL)
		return HTTP_BODY_WANTED;
	if (parser->body_left_bytes > parser->body_capacity_bytes) {
		http_fail(parser, REASON_http_too_long, "Content-Length", "");
		return HTTP_FAILED;
	}
	if (parser->continue_wanted) {
		parser->continue_wanted = false;
		return HTTP_CONTINUE_WANTED;
	}
	parser->request.body = parser->body;
	parser->state = parser->marks & HTTP_MARK_CODING ? HTTP_STATE_CHUNK_LINE : HTTP_STATE_BODY;
	return HTTP_NEED_MORE;
}

static size_t at_most(uint64_t left_bytes, size_t size_bytes)
{
	return left_bytes < size_bytes ? (size_t)left_bytes : size_bytes;
}

static void body_feed(struct http_parser *parser, struct bytes in, size_t *used)
{
	struct http_request *request = &parser->request;
	size_t               take    = at_most(parser->body_left_bytes, in.size_bytes - *used);

	if (take > 0)
		memcpy(request->body + request->body_bytes, in.data + *used, take);
	request->body_bytes += take;
	parser->body_left_bytes -= take;
	*used += take;
	if (parser->body_left_bytes == 0)
		finish(parser);
}

/* Framing goes to llhttp one byte at a time, so that a bound that is passed and an
 * error behind it are met in the same order however the input was cut. */
static enum reason chunk_line_byte(struct http_parser *parser, const uint8_t *byte)
{
	enum reason reason;

	if (++parser->chunk_line_bytes > CHUNK_LINE_BYTES_MAX)
		return http_fail(parser, REASON_http_malformed, "Transfer-Encoding",
				 "a chunk's size line is too long");
	if (++parser->chunk_frame_bytes >
	    (uint64_t)parser->limits.body_bytes_max + CHUNK_FRAME_BYTES_EXTRA)
		return http_fail(parser, REASON_http_too_long, "Transfer-Encoding",
				 "more chunk framing than a body may have");
	reason = http_machine_chunked(parser, byte, 1);
	if (reason != REASON_NONE)
		return reason;
	if (parser->message_done)
		finish(parser);
	else if (parser->body_left_bytes > 0)
		parser->state = HTTP_STATE_CHUNK_DATA;
	return REASON_NONE;
}

static enum reason chunk_feed(struct http_parser *parser, struct bytes in, size_t *used)
{
	enum reason reason = REASON_NONE;
	size_t      take;

	if (parser->state == HTTP_STATE_CHUNK_LINE) {
		reason = chunk_line_byte(parser, in.data + *used);
		*used += reason == REASON_NONE;
		return reason;
	}
	take   = at_most(parser->body_left_bytes, in.size_bytes - *used);
	reason = http_machine_chunked(parser, in.data + *used, take);
	*used += take;
	if (reason == REASON_NONE && parser->body_left_bytes == 0) {
		parser->state            = HTTP_STATE_CHUNK_LINE;
		parser->chunk_line_bytes = 0;
	}
	return reason;
}

/* Each turn consumes a byte or leaves HEAD_READY, so the loop ends with the input. */
static enum http_step run(struct http_parser *parser, struct bytes in, size_t *used)
{
	for (;;) {
		enum reason    reason = REASON_NONE;
		enum http_step step;

		switch ((enum http_state)parser->state) {
		case HTTP_STATE_HEAD_READY:
			step = head_ready(parser);
			if (step != HTTP_NEED_MORE)
				return step;
			continue;
		case HTTP_STATE_DONE: return HTTP_REQUEST_DONE;
		case HTTP_STATE_FAILED: return HTTP_FAILED;
		default: break;
		}
		if (*used == in.size_bytes)
			return HTTP_NEED_MORE;
		if (parser->state == HTTP_STATE_HEAD)
			reason = head_feed(parser, in, used);
		else if (parser->state == HTTP_STATE_BODY)
			body_feed(parser, in, used);
		else
			reason = chunk_feed(parser, in, used);
		if (reason != REASON_NONE)
			return HTTP_FAILED;
	}
}

enum http_step http_feed(struct http_parser *parser, struct bytes in, size_t *consumed,
			 struct failure *failure)
{
	size_t         used          = 0;
	bool           failed_before = parser->state == HTTP_STATE_FAILED;
	enum http_step step          = run(parser, in, &used);

	parser->stream_bytes += used;
	*consumed = used;
	if (step == HTTP_FAILED) {
		parser->state              = HTTP_STATE_FAILED;
		parser->request.keep_alive = false;
		if (!failed_before)
			parser->failure.offset_bytes = parser->stream_bytes;
		*failure = parser->failure;
	}
	return step;
}
