/* Requests that are taken and requests that are refused, each also cut at every
 * byte and fed one byte at a time: the outcome must be the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/http/http.h"

#define BODY_BYTES_MAX   64
#define TARGET_BYTES_MAX 64
#define HEADER_BYTES_MAX 512
#define HEADERS_MAX      8

static const struct http_limits limits = {
	.target_bytes_max = TARGET_BYTES_MAX,
	.header_bytes_max = HEADER_BYTES_MAX,
	.headers_max      = HEADERS_MAX,
	.body_bytes_max   = BODY_BYTES_MAX,
	.surfaces         = HTTP_SURFACE_SERVICE,
};

struct connection {
	struct http_parser parser;
	uint8_t            head[HEADER_BYTES_MAX];
	uint8_t            body[BODY_BYTES_MAX + HTTP_BODY_PADDING_BYTES];
};

/* Everything a caller can see, as text; equal texts are equal outcomes. */
struct outcome {
	char   text[4096];
	size_t size;
	int    requests, continues, last_status;
};

static void connection_init(struct connection *c, const struct http_limits *with)
{
	memset(c->body, 0xee, sizeof(c->body));
	http_init(&c->parser, with, c->head);
	http_lend_body(&c->parser, c->body, BODY_BYTES_MAX);
}

static void note_request(struct outcome *o, const struct http_request *r)
{
	o->size += (size_t)snprintf(
		o->text + o->size, sizeof(o->text) - o->size,
		"request m%d r%d refusal=%s allow=%s path=%.*s query=%.*s type=%.*s "
		"1.%d keep=%d body=%zu:%.*s\n",
		r->method, r->route, reason_row_of(r->refusal)->name, r->allow,
		(int)r->path.size_bytes, (const char *)r->path.data, (int)r->query.size_bytes,
		(const char *)r->query.data, (int)r->content_type.size_bytes,
		(const char *)r->content_type.data, r->version_minor, r->keep_alive, r->body_bytes,
		(int)r->body_bytes, r->body ? (const char *)r->body : "");
	for (size_t i = 0; r->body && i < HTTP_BODY_PADDING_BYTES; i++)
		assert_int_equal(r->body[r->body_bytes + i], 0);
	o->requests++;
	o->last_status = r->refusal == REASON_NONE ? 200 : reason_row_of(r->refusal)->http;
}

/* Feed one piece; false once the connection has failed. */
static bool feed(struct connection *c, struct outcome *o, struct bytes in, size_t *total)
{
	for (;;) {
		struct failure failure;
		size_t         used;
		enum http_step step = http_feed(&c->parser, in, &used, &failure);

		assert_true(used <= in.size_bytes);
		in = bytes_of(in.data + used, in.size_bytes - used);
		*total += used;
		switch (step) {
		case HTTP_NEED_MORE: assert_int_equal(in.size_bytes, 0); return true;
		case HTTP_CONTINUE_WANTED:
			o->continues++;
			o->size += (size_t)snprintf(o->text + o->size, sizeof(o->text) - o->size,
						    "continue at %zu\n", *total);
			break;
		case HTTP_REQUEST_DONE:
			note_request(o, http_request(&c->parser));
			if (!http_request(&c->parser)->keep_alive)
				return false;
			http_next(&c->parser);
			assert_true(http_idle(&c->parser));
			break;
		case HTTP_FAILED:
			assert_int_equal(failure.offset_bytes, *total);
			o->size += (size_t)snprintf(o->text + o->size, sizeof(o->text) - o->size,
						    "failed %s at %zu: %s: %s\n",
						    reason_row_of(failure.reason)->name, *total,
						    failure.place, failure.detail);
			o->last_status = reason_row_of(failure.reason)->http;
			return false;
		case HTTP_BODY_WANTED: fail_msg("body memory was lent");
		}
	}
}

static void run(struct outcome *o, const char *text, size_t size, const size_t *cuts, size_t n)
{
	struct connection c;
	size_t            at = 0, total = 0;

	memset(o, 0, sizeof(*o));
	connection_init(&c, &limits);
	for (size_t i = 0; i <= n; i++) {
		size_t end = i < n ? cuts[i] : size;

		if (!feed(&c, o, bytes_of(text + at, end - at), &total))
			return;
		at = end;
	}
}

#define POST(headers, body) "POST /v1/decisions HTTP/1.1\r\nHost: a\r\n" headers "\r\n" body
#define GET(target)         "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"
#define LIVE                GET("/v1/health/live")
#define CHUNKED(body)       POST("Transfer-Encoding: chunked\r\n", body)
#define T10                 "aaaaaaaaaa"
#define T50                 T10 T10 T10 T10 T10

/* status 0: nothing was finished, more is needed; requests: how many were whole,
 * refused ones counted. */
/* clang-format off */
static const struct { const char *name; int status; int requests; const char *text; } cases[] = {
	{ "a plain GET",                     200, 1, LIVE },
	{ "a query is separate",             200, 1, GET("/v1/version?x=1&y=%20") },
	{ "a POST with a body",              200, 1, POST("Content-Length: 2\r\n", "{}") },
	{ "an empty body",                   200, 1, POST("Content-Length: 0\r\n", "") },
	{ "json with a charset",             200, 1, POST("Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n", "{}") },
	{ "another media type",              415, 1, POST("Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}") },
	{ "a media type that begins alike",  415, 1, POST("Content-Type: application/json5\r\nContent-Length: 2\r\n", "{}") },
	{ "a repeated content type",         400, 0, POST("Content-Type: a/b\r\nContent-Type: a/b\r\n", "") },
	{ "a body without a length",         411, 1, POST("", "") },
	{ "the body's last byte is missing", 0,   0, POST("Content-Length: 3\r\n", "{}") },
	{ "the largest body",                200, 1, POST("Content-Length: 64\r\n", "0123456789012345678901234567890123456789012345678901234567890123") },
	{ "a body one byte too long",        413, 0, POST("Content-Length: 65\r\n", "") },
	{ "a body far too long",             413, 0, POST("Content-Length: 99999999999999999\r\n", "") },
	{ "a length beyond 64 bits",         400, 0, POST("Content-Length: 18446744073709551618\r\n", "{}") },
	{ "a negative length",               400, 0, POST("Content-Length: -1\r\n", "") },
	{ "a signed length",                 400, 0, POST("Content-Length: +2\r\n", "{}") },
	{ "a hexadecimal length",            400, 0, POST("Content-Length: 0x2\r\n", "{}") },
	{ "an empty length",                 400, 0, POST("Content-Length:\r\n", "") },
	{ "a list of equal lengths",         400, 0, POST("Content-Length: 2, 2\r\n", "{}") },
	{ "a repeated length",               400, 0, POST("Content-Length: 2\r\nContent-Length: 2\r\n", "{}") },
	{ "two different lengths",           400, 0, POST("Content-Length: 2\r\ncontent-length: 3\r\n", "{}") },
	{ "length and chunked",              400, 0, POST("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n") },
	{ "chunked and length",              400, 0, POST("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n") },
	{ "one chunk",                       200, 1, CHUNKED("2\r\n{}\r\n0\r\n\r\n") },
	{ "many chunks",                     200, 1, CHUNKED("1\r\n{\r\n1\r\n \r\n01\r\n}\r\n0\r\n\r\n") },
	{ "no data in chunks",               200, 1, CHUNKED("0\r\n\r\n") },
	{ "chunked in capitals",             200, 1, POST("Transfer-Encoding: CHUNKED\r\n", "A\r\n0123456789\r\n0\r\n\r\n") },
	{ "a chunk extension",               200, 1, CHUNKED("2;a=b\r\n{}\r\n0\r\n\r\n") },
	{ "an endless chunk extension",      400, 0, CHUNKED("2;a=" T50 T50 T50 T50 T50 T50 "\r\n{}\r\n0\r\n\r\n") },
	{ "an endless chunk size",           400, 0, CHUNKED("0000000000000000000000000000000000000000000000000000000000000000000000"
	                                                     "0000000000000000000000000000000000000000000000000000000000000000000000"
	                                                     "0000000000000000000000000000000000000000000000000000000000000000000000"
	                                                     "000000000000000000000000000000000000000000000000000000000000000002\r\n{}\r\n0\r\n\r\n") },
	{ "a chunk size beyond 64 bits",     400, 0, CHUNKED("10000000000000002\r\n{}\r\n0\r\n\r\n") },
	{ "a chunk size that is no number",  400, 0, CHUNKED("x\r\n{}\r\n0\r\n\r\n") },
	{ "a chunk size with a space",       400, 0, CHUNKED("2 \r\n{}\r\n0\r\n\r\n") },
	{ "a chunk size with 0x",            400, 0, CHUNKED("0x2\r\n{}\r\n0\r\n\r\n") },
	{ "a chunk longer than it says",     400, 0, CHUNKED("1\r\n{}\r\n0\r\n\r\n") },
	{ "a chunk ended by a bare LF",      400, 0, CHUNKED("2\n{}\r\n0\r\n\r\n") },
	{ "chunk data ended by a bare LF",   400, 0, CHUNKED("2\r\n{}\n0\r\n\r\n") },
	{ "trailers",                        400, 0, CHUNKED("2\r\n{}\r\n0\r\nX: y\r\n\r\n") },
	{ "chunks larger than the limit",    413, 0, CHUNKED("40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n1\r\nx\r\n0\r\n\r\n") },
	{ "one chunk larger than the limit", 413, 0, CHUNKED("41\r\n") },
	{ "gzip, chunked",                   400, 0, POST("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n") },
	{ "identity",                        400, 0, POST("Transfer-Encoding: identity\r\n", "") },
	{ "chunked twice",                   400, 0, POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n") },
	{ "chunked with a tail",             400, 0, POST("Transfer-Encoding: chunkedx\r\n", "0\r\n\r\n") },
	{ "chunked hidden behind a tab",     200, 1, POST("Transfer-Encoding:\tchunked\r\n", "0\r\n\r\n") },
	{ "chunked behind a vertical tab",   400, 0, POST("Transfer-Encoding: \x0b" "chunked\r\n", "0\r\n\r\n") },
	{ "a space before the colon",        400, 0, POST("Content-Length : 2\r\n", "{}") },
	{ "a folded line",                   400, 0, POST("X: a\r\n b\r\n", "") },
	{ "a folded first header",           400, 0, "GET /v1/version HTTP/1.1\r\n Host: a\r\n\r\n" },
	{ "a header with no name",           400, 0, POST(": x\r\n", "") },
	{ "a header with no colon",          400, 0, POST("nonsense\r\n", "") },
	{ "a NUL in a header",               0,   0, "GET /v1/version HTTP/1.1\r\nHost: a" }, /* see test_nul */
	{ "a control character in a header", 400, 0, POST("X: \x01\r\n", "") },
	{ "latin-1 in a foreign header",     200, 1, "GET /v1/version HTTP/1.1\r\nHost: a\r\nX: \xe9\r\n\r\n" },
	{ "bare LF after the request line",  400, 0, "GET /v1/version HTTP/1.1\nHost: a\r\n\r\n" },
	{ "bare LF after a header",          400, 0, "GET /v1/version HTTP/1.1\r\nHost: a\n\r\n" },
	{ "bare LF at the end of the head",  400, 0, "GET /v1/version HTTP/1.1\r\nHost: a\r\n\n" },
	{ "a bare CR in a header",           400, 0, "GET /v1/version HTTP/1.1\r\nHost: a\rb\r\n\r\n" },
	{ "no Host",                         400, 0, "GET /v1/version HTTP/1.1\r\n\r\n" },
	{ "two Hosts",                       400, 0, "GET /v1/version HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" },
	{ "an empty Host",                   400, 0, "GET /v1/version HTTP/1.1\r\nHost:\r\n\r\n" },
	{ "a Host with a list",              400, 0, "GET /v1/version HTTP/1.1\r\nHost: a, b\r\n\r\n" },
	{ "a Host with a path",              400, 0, "GET /v1/version HTTP/1.1\r\nHost: a/b\r\n\r\n" },
	{ "a Host with a user",              400, 0, "GET /v1/version HTTP/1.1\r\nHost: u@a\r\n\r\n" },
	{ "an IPv6 Host",                    200, 1, "GET /v1/version HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n" },
	{ "no such path",                    404, 1, GET("/nothing") },
	{ "the path in other letters",       404, 1, GET("/V1/version") },
	{ "an encoded path is not decoded",  404, 1, GET("/v1%2fversion") },
	{ "a dotted path is not resolved",   404, 1, GET("/v1/./version") },
	{ "a path of the other surface",     404, 1, GET("/metrics") },
	{ "GET where POST is",               405, 1, GET("/v1/decisions") },
	{ "POST where GET is",               405, 1, "POST /v1/version HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" },
	{ "DELETE",                          405, 1, "DELETE /v1/version HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "an unheard-of method",            400, 0, "FETCH /v1/version HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "a method in small letters",       400, 0, "get /v1/version HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "absolute-form",                   400, 0, GET("http://a/v1/version") },
	{ "asterisk-form",                   400, 0, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "authority-form",                  400, 0, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n" },
	{ "a fragment",                      400, 0, GET("/v1/version#x") },
	{ "a space in the target",           400, 0, GET("/v1/ver sion") },
	{ "two spaces before the version",   400, 0, GET("/v1/version ") },
	{ "UTF-8 in the target",             400, 0, GET("/v1/\xc3\xa9") },
	{ "the longest target",              404, 1, GET("/aaa" T50 T10) },
	{ "a target one byte too long",      414, 0, GET("/aaaa" T50 T10) },
	{ "an endless target",               414, 0, "GET /" T50 T50 T50 },
	{ "HTTP/2.0",                        505, 0, "GET /v1/version HTTP/2.0\r\nHost: a\r\n\r\n" },
	{ "HTTP/1.2",                        505, 0, "GET /v1/version HTTP/1.2\r\nHost: a\r\n\r\n" },
	{ "HTTP/0.9 said",                   505, 0, "GET /v1/version HTTP/0.9\r\nHost: a\r\n\r\n" },
	{ "HTTP/0.9 meant",                  505, 0, "GET /v1/version\r\n\r\n" },
	{ "an HTTP/2 preface",               505, 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
	{ "another protocol",                400, 0, "GET /v1/version HTCPCP/1.0\r\nHost: a\r\n\r\n" },
	{ "a TLS record",                    400, 0, "\x16\x03\x01" },
	{ "HTTP/1.0, no Host",               200, 1, "GET /v1/version HTTP/1.0\r\n\r\n" },
	{ "HTTP/1.0 keep-alive, as ab",      200, 2, "POST /v1/decisions HTTP/1.0\r\nContent-length: 2\r\nContent-type: application/json\r\nConnection: Keep-Alive\r\nHost: 10.0.0.1:8443\r\nUser-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n{}"
	                                             "GET /v1/version HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" },
	{ "HTTP/1.0 closes",                 200, 1, "GET /v1/version HTTP/1.0\r\n\r\n" LIVE },
	{ "HTTP/1.0 with chunks",            400, 0, "POST /v1/decisions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
	{ "HTTP/1.0 with two Hosts",         400, 0, "GET /v1/version HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n" },
	{ "two pipelined",                   200, 2, LIVE LIVE },
	{ "three pipelined with bodies",     200, 3, POST("Content-Length: 2\r\n", "{}") CHUNKED("2\r\n{}\r\n0\r\n\r\n") LIVE },
	{ "a refused one keeps the rest",    200, 2, GET("/nothing") LIVE },
	{ "a failure ends the connection",   400, 1, LIVE "GET /v1/version HTTP/1.1\r\n\r\n" LIVE },
	{ "nothing after close",             200, 1, "GET /v1/version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" LIVE },
	{ "close within a list",             200, 1, "GET /v1/version HTTP/1.1\r\nHost: a\r\nConnection: foo, Close ,x\r\n\r\n" LIVE },
	{ "an empty line before",            200, 2, LIVE "\r\n" LIVE },
	{ "two empty lines before",          400, 0, "\r\n\r\n" LIVE },
	{ "expect and a body",               200, 1, POST("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}") },
	{ "expect and chunks",               200, 1, POST("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", "1\r\n1\r\n0\r\n\r\n") },
	{ "expect something else",           417, 0, POST("Expect: coffee\r\nContent-Length: 2\r\n", "{}") },
	{ "expect on a path that is not",    404, 0, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}" },
	{ "expect and a body too long",      413, 0, POST("Expect: 100-continue\r\nContent-Length: 65\r\n", "") },
	{ "an upgrade is ignored",           200, 2, "GET /v1/version HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" LIVE },
	{ "as many headers as may be",       200, 1, "GET /v1/version HTTP/1.1\r\nHost: a\r\nA:1\r\nA:2\r\nA:3\r\nA:4\r\nA:5\r\nA:6\r\nA:7\r\n\r\n" },
	{ "one header too many",             431, 0, "GET /v1/version HTTP/1.1\r\nHost: a\r\nA:1\r\nA:2\r\nA:3\r\nA:4\r\nA:5\r\nA:6\r\nA:7\r\nA:8\r\n\r\n" },
	{ "headers too large",               431, 0, POST("X: " T50 T50 T50 T50 T50 T50 T50 T50 T50 T50 T50 "\r\n", "") },
	{ "a GET with a body",               200, 2, "GET /v1/version HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET" LIVE },
	{ "nothing",                         0,   0, "" },
};
/* clang-format on */

static void check(const char *name, const struct outcome *whole, const struct outcome *cut,
		  size_t at)
{
	if (whole->size != cut->size || strcmp(whole->text, cut->text) != 0)
		fail_msg("%s: cut at %zu differs:\n%s--- whole:\n%s", name, at, cut->text,
			 whole->text);
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t                size = strlen(cases[i].text);
		static struct outcome whole, cut;
		static size_t         every[4096];

		run(&whole, cases[i].text, size, NULL, 0);
		if (whole.last_status != cases[i].status || whole.requests != cases[i].requests)
			fail_msg("%s: expected %d after %d requests, got %d after %d:\n%s",
				 cases[i].name, cases[i].status, cases[i].requests,
				 whole.last_status, whole.requests, whole.text);
		for (size_t at = 0; at <= size; at++) {
			run(&cut, cases[i].text, size, &at, 1);
			check(cases[i].name, &whole, &cut, at);
			every[at] = at;
		}
		run(&cut, cases[i].text, size, every, size);
		check(cases[i].name, &whole, &cut, size);
	}
}

static void test_nul(void **state)
{
	static const char text[] = "GET /v1/version HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	struct outcome    o;

	run(&o, text, sizeof(text) - 1, NULL, 0);
	assert_int_equal(o.last_status, 400);
}

static void test_no_pipelined_byte_is_consumed(void **state)
{
	static const char one[]  = POST("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n");
	static const char both[] = POST("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n")
		LIVE;
	struct connection c;
	struct failure    failure;
	size_t            used;

	connection_init(&c, &limits);
	assert_int_equal(http_feed(&c.parser, bytes_of(both, sizeof(both) - 1), &used, &failure),
			 HTTP_REQUEST_DONE);
	assert_int_equal(used, sizeof(one) - 1);
	assert_int_equal(http_feed(&c.parser, bytes_of(both + used, 5), &used, &failure),
			 HTTP_REQUEST_DONE);
	assert_int_equal(used, 0);
}

static void test_continue_and_lending(void **state)
{
	static const char head[] = POST("Expect: 100-continue\r\nContent-Length: 2\r\n", "");
	struct connection c;
	struct failure    failure;
	size_t            used;

	connection_init(&c, &limits);
	http_lend_body(&c.parser, NULL, 0);
	assert_int_equal(http_feed(&c.parser, bytes_of(head, sizeof(head) - 1), &used, &failure),
			 HTTP_BODY_WANTED);
	assert_int_equal(used, sizeof(head) - 1);
	assert_int_equal(http_request(&c.parser)->route, HTTP_ROUTE_DECISIONS);
	assert_int_equal(http_feed(&c.parser, bytes_of("", 0), &used, &failure), HTTP_BODY_WANTED);
	http_lend_body(&c.parser, c.body, BODY_BYTES_MAX);
	assert_int_equal(http_feed(&c.parser, bytes_of("{}", 2), &used, &failure),
			 HTTP_CONTINUE_WANTED);
	assert_int_equal(used, 0);
	assert_false(http_idle(&c.parser));
	assert_int_equal(http_feed(&c.parser, bytes_of("{}", 2), &used, &failure),
			 HTTP_REQUEST_DONE);
	assert_int_equal(used, 2);
}

/* A loan smaller than the body is refused like a body over the limit. */
static void test_small_loan(void **state)
{
	static const char *const texts[] = {
		POST("Content-Length: 9\r\n", "012345678"),
		CHUNKED("9\r\n012345678\r\n0\r\n\r\n"),
	};

	for (size_t i = 0; i < 2; i++) {
		struct connection c;
		struct failure    failure;
		size_t            used;

		connection_init(&c, &limits);
		http_lend_body(&c.parser, c.body, 8);
		assert_int_equal(http_feed(&c.parser, bytes_of(texts[i], strlen(texts[i])), &used,
					   &failure),
				 HTTP_FAILED);
		assert_int_equal(failure.reason, REASON_http_too_long);
	}
}

static void test_management_surface(void **state)
{
	struct http_limits management = limits;
	struct connection  c;
	struct failure     failure;
	size_t             used;
	static const char  text[]  = "POST /v1/reload HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char  other[] = POST("Content-Length: 0\r\n", "");

	management.surfaces = HTTP_SURFACE_MANAGEMENT;
	connection_init(&c, &management);
	assert_int_equal(http_feed(&c.parser, bytes_of(text, sizeof(text) - 1), &used, &failure),
			 HTTP_REQUEST_DONE);
	assert_int_equal(http_request(&c.parser)->route, HTTP_ROUTE_RELOAD);
	assert_int_equal(http_request(&c.parser)->refusal, REASON_NONE);
	http_next(&c.parser);
	assert_int_equal(http_feed(&c.parser, bytes_of(other, sizeof(other) - 1), &used, &failure),
			 HTTP_REQUEST_DONE);
	assert_int_equal(http_request(&c.parser)->refusal, REASON_http_path);
}

#define HOST "Host: a\r\n"
#define BODY HOST "Content-Length: 2\r\n\r\n{}"

/* Labels and lists are taken as decisions are: on the service, by POST, with JSON. */
static void test_label_and_list_routes(void **state)
{
	static const struct {
		const char     *text;
		uint8_t         surface;
		enum http_route route;
		enum reason     refusal;
	} rows[] = {
		{ "POST /v1/labels HTTP/1.1\r\n" BODY, HTTP_SURFACE_SERVICE, HTTP_ROUTE_LABELS,
		  REASON_NONE },
		{ "POST /v1/lists HTTP/1.1\r\n" BODY, HTTP_SURFACE_SERVICE, HTTP_ROUTE_LISTS,
		  REASON_NONE },
		{ "POST /v1/labels HTTP/1.1\r\n" BODY, HTTP_SURFACE_MANAGEMENT, HTTP_ROUTE_NONE,
		  REASON_http_path },
		{ "GET /v1/lists HTTP/1.1\r\n" HOST "\r\n", HTTP_SURFACE_SERVICE, HTTP_ROUTE_NONE,
		  REASON_http_method },
		{ "POST /v1/labels HTTP/1.1\r\n" HOST "\r\n", HTTP_SURFACE_SERVICE,
		  HTTP_ROUTE_LABELS, REASON_http_length_required },
		{ "POST /v1/lists HTTP/1.1\r\nContent-Type: text/csv\r\n" BODY,
		  HTTP_SURFACE_SERVICE, HTTP_ROUTE_LISTS, REASON_http_media_type },
		{ "POST /v1/label HTTP/1.1\r\n" BODY, HTTP_SURFACE_SERVICE, HTTP_ROUTE_NONE,
		  REASON_http_path },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_limits on = limits;
		struct connection  c;
		struct failure     failure;
		size_t             used;

		on.surfaces = rows[i].surface;
		connection_init(&c, &on);
		http_feed(&c.parser, bytes_of(rows[i].text, strlen(rows[i].text)), &used, &failure);
		assert_int_equal(http_request(&c.parser)->route, rows[i].route);
		assert_int_equal(http_request(&c.parser)->refusal, rows[i].refusal);
	}
}

/* A body of one-byte chunks with long extensions cannot go on for ever. */
static void test_chunk_framing_is_bounded(void **state)
{
	struct connection c;
	struct failure    failure = { 0 };
	size_t            used, fed = 0;
	char              chunk[256];
	static const char head[] = CHUNKED("");
	int               size = snprintf(chunk, sizeof(chunk), "1;%s%s%s\r\nx\r\n", T50, T50, T50);

	connection_init(&c, &limits);
	http_feed(&c.parser, bytes_of(head, sizeof(head) - 1), &used, &failure);
	while (http_feed(&c.parser, bytes_of(chunk, (size_t)size), &used, &failure) ==
	       HTTP_NEED_MORE)
		fed += used;
	assert_int_equal(failure.reason, REASON_http_too_long);
	assert_true(fed < 4096 + 2 * BODY_BYTES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_no_pipelined_byte_is_consumed),
		cmocka_unit_test(test_continue_and_lending),
		cmocka_unit_test(test_small_loan),
		cmocka_unit_test(test_management_surface),
		cmocka_unit_test(test_label_and_list_routes),
		cmocka_unit_test(test_chunk_framing_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
