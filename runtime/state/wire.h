/* Snapshots as bytes: writing pieces with a running SHA-256, reading with bounds.  All
 * integers are little-endian.  Inside runtime/state only. */
#ifndef ASSAY_RUNTIME_STATE_WIRE_H
#define ASSAY_RUNTIME_STATE_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/bytes.h"
#include "runtime/base/digest.h"
#include "runtime/base/reason.h"

struct wire_writer {
	bool (*write)(void *ctx, struct bytes piece); /* NULL: only the digest is wanted */
	void         *ctx;
	bool          failed;
	struct digest digest;
};

static inline void wire_put(struct wire_writer *out, const void *data, size_t size_bytes)
{
	if (out->failed || size_bytes == 0)
		return;
	digest_add(&out->digest, data, size_bytes);
	if (out->write != NULL)
		out->failed = !out->write(out->ctx, bytes_of(data, size_bytes));
}

/* The digest of all that was put, as the last piece.  False: a piece was not taken. */
static inline bool wire_end(struct wire_writer *out, uint8_t digest[DIGEST_BYTES])
{
	digest_end(&out->digest, digest);
	return !out->failed &&
	       (out->write == NULL || out->write(out->ctx, bytes_of(digest, DIGEST_BYTES)));
}

/* Once something is missing, `short_of` stays set and zeros come out. */
struct wire_reader {
	struct bytes in;
	size_t       at;
	bool         short_of;
};

static inline const uint8_t *wire_raw(struct wire_reader *in, size_t size_bytes)
{
	const uint8_t *raw = in->in.data + in->at;

	if (in->short_of || size_bytes > in->in.size_bytes - in->at) {
		in->short_of = true;
		return NULL;
	}
	in->at += size_bytes;
	return raw;
}

static inline void wire_get(struct wire_reader *in, void *out, size_t size_bytes)
{
	const uint8_t *raw = wire_raw(in, size_bytes);

	if (raw != NULL)
		memcpy(out, raw, size_bytes);
	else
		memset(out, 0, size_bytes);
}

/* The reader of all but the digest at the end; false when that is not right. */
static inline bool wire_open(struct wire_reader *reader, struct bytes in)
{
	uint8_t       digest[DIGEST_BYTES];
	struct digest sum;

	if (in.size_bytes < DIGEST_BYTES)
		return false;
	*reader = (struct wire_reader){ .in = bytes_of(in.data, in.size_bytes - DIGEST_BYTES) };
	digest_init(&sum);
	digest_add(&sum, in.data, reader->in.size_bytes);
	digest_end(&sum, digest);
	return memcmp(digest, in.data + reader->in.size_bytes, DIGEST_BYTES) == 0;
}

/* A snapshot is no part of a request; the nearest row of the failure table says that the
 * appliance is not ready yet. */
static inline bool wire_refuse(struct failure *failure, uint64_t offset_bytes, const char *words)
{
	*failure = (struct failure){ .reason = REASON_not_ready, .offset_bytes = offset_bytes };
	strncpy(failure->detail, words, sizeof(failure->detail) - 1);
	return false;
}

#endif
