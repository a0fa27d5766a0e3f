/* Answers: a head in front of a body, and problems (RFC 9457) from a failure. */
#include "drivers/http/http.h"

#include "runtime/base/text.h"

/* clang-format off */
static const struct status_row {
	uint16_t    status;
	const char *phrase;
} statuses[] = {
	{ 200, "OK" },                    { 202, "Accepted" },
	{ 400, "Bad Request" },           { 401, "Unauthorized" },
	{ 403, "Forbidden" },             { 404, "Not Found" },
	{ 405, "Method Not Allowed" },    { 408, "Request Timeout" },
	{ 409, "Conflict" },              { 411, "Length Required" },
	{ 413, "Content Too Large" },     { 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" }, { 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" }, { 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};
/* clang-format on */

const char *http_status_phrase(uint16_t status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].phrase;
	return "Unknown";
}

struct bytes http_continue(void)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";

	return bytes_of(line, sizeof(line) - 1);
}

/* Text into bounded memory; once it does not fit, nothing more is written. */
struct writer {
	char  *out;
	size_t capacity_bytes;
	size_t size_bytes;
	bool   full;
};

static void put(struct writer *writer, const char *text, size_t size_bytes)
{
	if (writer->full || size_bytes > writer->capacity_bytes - writer->size_bytes) {
		writer->full = true;
		return;
	}
	memcpy(writer->out + writer->size_bytes, text, size_bytes);
	writer->size_bytes += size_bytes;
}

static void put_text(struct writer *writer, const char *text)
{
	put(writer, text, strlen(text));
}

static void put_number(struct writer *writer, uint64_t number)
{
	char   digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put(writer, digits + at, sizeof(digits) - at);
}

/* RFC 8259 section 7.  A byte above 0x7e may be half a character: it becomes U+FFFD. */
static void put_json(struct writer *writer, const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		char escaped[] = "\\u0000";

		if (*at == '"' || *at == '\\') {
			put(writer, (char[]){ '\\', (char)*at }, 2);
		} else if (*at >= 0x7f) {
			put_text(writer, "\\ufffd");
		} else if (*at < 0x20) {
			escaped[4] = digits[*at >> 4];
			escaped[5] = digits[*at & 15];
			put_text(writer, escaped);
		} else {
			put(writer, (const char *)at, 1);
		}
	}
}

size_t http_write_head(uint8_t *out, size_t capacity_bytes, const struct http_answer *answer)
{
	struct writer writer = { .out = (char *)out, .capacity_bytes = capacity_bytes };

	put_text(&writer, "HTTP/1.1 ");
	put_number(&writer, answer->status);
	put_text(&writer, " ");
	put_text(&writer, http_status_phrase(answer->status));
	put_text(&writer, "\r\nContent-Type: ");
	put_text(&writer, answer->content_type);
	put_text(&writer, "\r\nContent-Length: ");
	put_number(&writer, answer->body_bytes);
	/* Said in so many words, because HTTP/1.0 peers need it (RFC 9112 section 9.3). */
	put_text(&writer, answer->keep_alive ? "\r\nConnection: keep-alive\r\n"
					     : "\r\nConnection: close\r\n");
	put_text(&writer, "Cache-Control: no-store\r\n");
	if (answer->extra != NULL)
		put_text(&writer, answer->extra);
	put_text(&writer, "\r\n");
	return writer.full ? 0 : writer.size_bytes;
}

static void put_member(struct writer *writer, const char *name, const char *value)
{
	if (*value == '\0')
		return;
	put_text(writer, ",\"");
	put_text(writer, name);
	put_text(writer, "\":\"");
	put_json(writer, value);
	put_text(writer, "\"");
}

/* RFC 9457 section 3.1; `place` and `offset` are extension members (section 3.2). */
static void put_problem(struct writer *writer, const struct failure *failure)
{
	const struct reason_row *row = reason_row_of(failure->reason);

	put_text(writer, "{\"type\":\"urn:assay:problem:");
	put_text(writer, row->name);
	put_text(writer, "\"");
	put_member(writer, "title", row->meaning);
	put_text(writer, ",\"status\":");
	put_number(writer, row->http);
	put_member(writer, "detail", failure->detail);
	put_member(writer, "place", failure->place);
	if (failure->offset_bytes > 0) {
		put_text(writer, ",\"offset\":");
		put_number(writer, failure->offset_bytes);
	}
	put_text(writer, "}\n");
}

size_t http_write_problem(uint8_t *out, size_t capacity_bytes, const struct failure *failure,
			  const char *allow, bool keep_alive)
{
	char               body[HTTP_PROBLEM_BYTES_MAX];
	char               extra[64] = "";
	struct writer      writer    = { .out = body, .capacity_bytes = sizeof(body) };
	struct http_answer answer    = {
		   .status       = reason_row_of(failure->reason)->http,
		   .content_type = "application/problem+json",
		   .keep_alive   = keep_alive,
		   .extra        = extra,
	};
	size_t head_bytes;

	if (allow != NULL && *allow != '\0') {
		struct text text = text_begin(extra, sizeof(extra));

		text_add(&text, "Allow: ");
		text_add(&text, allow);
		text_add(&text, "\r\n");
	}
	put_problem(&writer, failure);
	answer.body_bytes = writer.size_bytes;
	head_bytes        = http_write_head(out, capacity_bytes, &answer);
	if (writer.full || head_bytes == 0 || writer.size_bytes > capacity_bytes - head_bytes)
		return 0;
	memcpy(out + head_bytes, body, writer.size_bytes);
	return head_bytes + writer.size_bytes;
}
