/* Any bytes, whole and cut in pieces: both must give the same requests, the same
 * failure and the same number of consumed bytes.  The first byte picks the cuts. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/http/http.h"
#include "runtime/base/digest.h"

#define BODY_BYTES_MAX   1024
#define HEADER_BYTES_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	uint8_t seen[DIGEST_BYTES]; /* of everything the caller saw */
	size_t  consumed_bytes;
};

static void note_bytes(struct digest *digest, struct bytes bytes)
{
	digest_add(digest, &bytes.size_bytes, sizeof(bytes.size_bytes));
	digest_add(digest, bytes.data, bytes.size_bytes);
}

static void note_request(struct digest *digest, const struct http_request *r)
{
	uint32_t facts[] = { (uint32_t)r->method, (uint32_t)r->route, (uint32_t)r->refusal,
			     r->version_minor, r->keep_alive };

	digest_add(digest, facts, sizeof(facts));
	note_bytes(digest, r->path);
	note_bytes(digest, r->query);
	note_bytes(digest, r->content_type);
	note_bytes(digest, bytes_of(r->body, r->body_bytes));
}

static bool feed(struct http_parser *parser, struct bytes in, struct digest *digest, size_t *total)
{
	for (;;) {
		struct failure failure = { 0 };
		size_t         used    = 0;
		enum http_step step    = http_feed(parser, in, &used, &failure);

		if (used > in.size_bytes)
			abort();
		in = bytes_of(in.data + used, in.size_bytes - used);
		*total += used;
		if (step == HTTP_NEED_MORE)
			return in.size_bytes == 0 ? true : (abort(), false);
		digest_add(digest, &step, sizeof(step));
		if (step == HTTP_FAILED) {
			static uint8_t answer[HTTP_PROBLEM_BYTES_MAX + HTTP_HEAD_BYTES_MAX];

			digest_add(digest, &failure.reason, sizeof(failure.reason));
			digest_add(digest, failure.detail, strlen(failure.detail));
			if (http_write_problem(answer, sizeof(answer), &failure, "", false) == 0)
				abort();
			return false;
		}
		if (step == HTTP_REQUEST_DONE) {
			note_request(digest, http_request(parser));
			if (!http_request(parser)->keep_alive)
				return false;
			http_next(parser);
		}
	}
}

static struct outcome run(const uint8_t *data, size_t size, uint32_t cuts)
{
	static const struct http_limits limits = { 128, HEADER_BYTES_MAX, 16, BODY_BYTES_MAX,
						   HTTP_SURFACE_SERVICE };
	struct http_parser              parser;
	uint8_t                         head[HEADER_BYTES_MAX];
	uint8_t                         body[BODY_BYTES_MAX + HTTP_BODY_PADDING_BYTES];
	struct digest                   digest;
	struct outcome                  outcome = { .consumed_bytes = 0 };
	size_t                          at      = 0;

	http_init(&parser, &limits, head);
	http_lend_body(&parser, body, BODY_BYTES_MAX);
	digest_init(&digest);
	while (at < size) {
		size_t piece = size - at;

		if (cuts != 0) {
			cuts  = cuts * 1664525u + 1013904223u;
			piece = 1 + (cuts >> 24) % 23;
			piece = piece < size - at ? piece : size - at;
		}
		/* A copy of exact size, so that reading beyond a piece is found. */
		uint8_t *copy = malloc(piece);
		memcpy(copy, data + at, piece);
		bool more = feed(&parser, bytes_of(copy, piece), &digest, &outcome.consumed_bytes);
		free(copy);
		if (!more)
			break;
		at += piece;
	}
	digest_end(&digest, outcome.seen);
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut;

	if (size == 0)
		return 0;
	whole = run(data + 1, size - 1, 0);
	cut   = run(data + 1, size - 1, data[0] + 1u);
	if (whole.consumed_bytes != cut.consumed_bytes ||
	    memcmp(whole.seen, cut.seen, DIGEST_BYTES) != 0)
		abort();
	return 0;
}
