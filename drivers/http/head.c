/* What a head means: its target, and the six headers that matter here.  The lines
 * are known to end in CRLF and to hold no control characters. */
#include "drivers/http/internal.h"

#include <strings.h>

static bool text_is(struct bytes text, const char *word)
{
	return text.size_bytes == strlen(word) &&
	       strncasecmp((const char *)text.data, word, text.size_bytes) == 0;
}

static struct bytes part_of(struct bytes text, size_t from, size_t to)
{
	return bytes_of(text.data + from, to - from);
}

/* RFC 9110 section 5.6.3: optional white space around a value is no part of it. */
static struct bytes trimmed(struct bytes text)
{
	size_t from = 0, to = text.size_bytes;

	while (from < to && (text.data[from] == ' ' || text.data[from] == '\t'))
		from++;
	while (to > from && (text.data[to - 1] == ' ' || text.data[to - 1] == '\t'))
		to--;
	return part_of(text, from, to);
}

/* Split at the first `mark`: returns what is before it; *rest is what is after. */
static struct bytes until(struct bytes text, char mark, struct bytes *rest)
{
	const uint8_t *at  = text.size_bytes ? memchr(text.data, mark, text.size_bytes) : NULL;
	size_t         end = at ? (size_t)(at - text.data) : text.size_bytes;

	*rest = at ? part_of(text, end + 1, text.size_bytes) : bytes_of(text.data + end, 0);
	return part_of(text, 0, end);
}

/* ---- one function for each header that matters ---- */

/* RFC 9110 section 7.2, RFC 3986 section 3.2.2: a host and maybe a port. */
static enum reason take_host(struct http_parser *parser, struct bytes value)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~%!$&'()*+;=:[]";

	if (value.size_bytes == 0)
		return http_fail(parser, REASON_http_host, "Host", "Host is empty");
	for (size_t i = 0; i < value.size_bytes; i++)
		if (memchr(allowed, value.data[i], sizeof(allowed) - 1) == NULL)
			return http_fail(parser, REASON_http_host, "Host",
					 "Host is not a host name");
	return REASON_NONE;
}

/* RFC 9112 section 6.3 item 5: digits and nothing else. */
static enum reason take_length(struct http_parser *parser, struct bytes value)
{
	uint64_t length = 0;

	if (value.size_bytes == 0 || value.size_bytes > 18)
		return http_fail(parser, REASON_http_length, "Content-Length", "1 to 18 digits");
	for (size_t i = 0; i < value.size_bytes; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return http_fail(parser, REASON_http_length, "Content-Length",
					 "1 to 18 digits");
		length = length * 10 + (uint64_t)(value.data[i] - '0');
	}
	parser->body_left_bytes = length;
	return REASON_NONE;
}

static enum reason take_coding(struct http_parser *parser, struct bytes value)
{
	if (!text_is(value, "chunked"))
		return http_fail(parser, REASON_http_length, "Transfer-Encoding", "only chunked");
	return REASON_NONE;
}

static enum reason take_type(struct http_parser *parser, struct bytes value)
{
	parser->request.content_type = value;
	return REASON_NONE;
}

/* RFC 9110 section 10.1.1 */
static enum reason take_expect(struct http_parser *parser, struct bytes value)
{
	if (!text_is(value, "100-continue"))
		return http_fail(parser, REASON_http_expectation, "Expect", "");
	return REASON_NONE;
}

/* RFC 9110 section 7.6.1: a list of options; only two mean something here. */
static enum reason take_connection(struct http_parser *parser, struct bytes value)
{
	while (value.size_bytes > 0) {
		struct bytes option = trimmed(until(value, ',', &value));

		if (text_is(option, "close"))
			parser->marks |= HTTP_MARK_CLOSE;
		else if (text_is(option, "keep-alive"))
			parser->marks |= HTTP_MARK_KEEP;
	}
	return REASON_NONE;
}

/* clang-format off */
static const struct known_header {
	const char *name;
	uint8_t     mark;     /* set when seen; 0: may be repeated */
	enum reason repeated; /* what a second one is */
	enum reason (*take)(struct http_parser *parser, struct bytes value);
} known_headers[] = {
	{ "Host",              HTTP_MARK_HOST,   REASON_http_host,        take_host },
	{ "Content-Length",    HTTP_MARK_LENGTH, REASON_http_length,      take_length },
	{ "Transfer-Encoding", HTTP_MARK_CODING, REASON_http_length,      take_coding },
	{ "Content-Type",      HTTP_MARK_TYPE,   REASON_http_malformed,   take_type },
	{ "Expect",            HTTP_MARK_EXPECT, REASON_http_expectation, take_expect },
	{ "Connection",        0,                REASON_NONE,             take_connection },
};
/* clang-format on */

static enum reason take_header(struct http_parser *parser, struct bytes line)
{
	struct bytes value;
	struct bytes name = until(line, ':', &value);

	for (size_t i = 0; i < sizeof(known_headers) / sizeof(known_headers[0]); i++) {
		const struct known_header *known = &known_headers[i];

		if (!text_is(name, known->name))
			continue;
		if (parser->marks & known->mark)
			return http_fail(parser, known->repeated, known->name,
					 "the header is repeated");
		parser->marks |= known->mark;
		return known->take(parser, trimmed(value));
	}
	return REASON_NONE;
}

/* RFC 9112 section 3.2.1: origin-form alone; the other forms are for proxies. */
static enum reason take_target(struct http_parser *parser, struct bytes line)
{
	struct bytes target, rest;

	until(line, ' ', &rest);
	target = until(rest, ' ', &rest);
	/* RFC 9112 section 3: one space each, and then the version; llhttp allows more. */
	if (rest.size_bytes != sizeof("HTTP/1.1") - 1)
		return http_fail(parser, REASON_http_malformed, "", "one space, then the version");
	if (target.size_bytes > parser->limits.target_bytes_max)
		return http_fail(parser, REASON_http_target_too_long, "", "");
	if (target.size_bytes == 0 || target.data[0] != '/')
		return http_fail(parser, REASON_http_malformed, "", "the target must be a path");
	for (size_t i = 0; i < target.size_bytes; i++)
		if (target.data[i] == '#' || target.data[i] <= ' ' || target.data[i] >= 0x7f)
			return http_fail(parser, REASON_http_malformed, "",
					 "a character that no target can have");
	parser->request.path = until(target, '?', &parser->request.query);
	return REASON_NONE;
}

/* Each line without its CRLF; *at moves behind it. */
static struct bytes next_line(const struct http_parser *parser, size_t *at)
{
	const uint8_t *from       = parser->head + *at;
	const uint8_t *end        = memchr(from, '\n', parser->head_bytes - *at);
	size_t         size_bytes = (size_t)(end - from);

	*at += size_bytes + 1;
	return bytes_of(from, size_bytes - 1);
}

/* What the headers mean together. */
static enum reason settle(struct http_parser *parser)
{
	struct http_request *request = &parser->request;
	uint8_t              marks   = parser->marks;
	bool                 old     = request->version_minor == 0;

	if (!old && !(marks & HTTP_MARK_HOST)) /* RFC 9112 section 3.2 */
		return http_fail(parser, REASON_http_host, "Host", "Host is missing");
	if ((marks & HTTP_MARK_LENGTH) && (marks & HTTP_MARK_CODING)) /* RFC 9112 section 6.1 */
		return http_fail(parser, REASON_http_length, "Transfer-Encoding",
				 "Content-Length and Transfer-Encoding together");
	if (old && (marks & HTTP_MARK_CODING)) /* RFC 9112 section 6.1 */
		return http_fail(parser, REASON_http_length, "Transfer-Encoding",
				 "HTTP/1.0 has no chunks");
	if (parser->body_left_bytes > parser->limits.body_bytes_max)
		return http_fail(parser, REASON_http_too_long, "Content-Length", "");
	/* RFC 9112 section 9.3 */
	request->keep_alive = !(marks & HTTP_MARK_CLOSE) && (!old || (marks & HTTP_MARK_KEEP));
	http_route_decide(parser);
	/* RFC 9110 section 10.1.1: not for HTTP/1.0, and not without a body. */
	parser->continue_wanted = !old && (marks & HTTP_MARK_EXPECT) &&
				  (parser->body_left_bytes > 0 || (marks & HTTP_MARK_CODING));
	/* The peer waits for leave to send a body that nobody wants: say so now, and close. */
	if (parser->continue_wanted && request->refusal != REASON_NONE)
		return http_fail(parser, request->refusal, "", "");
	return REASON_NONE;
}

enum reason http_head_parse(struct http_parser *parser)
{
	size_t       at           = 0;
	struct bytes request_line = next_line(parser, &at);
	enum reason  reason       = REASON_NONE;

	while (reason == REASON_NONE && at < parser->head_bytes)
		reason = take_header(parser, next_line(parser, &at));
	if (reason == REASON_NONE)
		reason = http_machine_check(parser);
	if (reason == REASON_NONE)
		reason = take_target(parser, request_line);
	if (reason == REASON_NONE)
		reason = settle(parser);
	return reason;
}
