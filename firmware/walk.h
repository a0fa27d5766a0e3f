/* One request's walk through the runtime: the only place where the stages meet.
 *
 *     body -> decode -> [ model -> decide ] per transaction -> reply
 *
 * The firmware and the offline twin (assayctl decide) both call these three; what
 * differs between them (the audit chain, the time ledger) stays outside.
 *
 * Owner:   one core; a walk holds its decoder and nothing else of its own.
 * Bounds:  decode.batch_max transactions; no allocation, no system call.
 * Failure: a row of the failure table, with its place in request->failure. */
#ifndef ASSAY_FIRMWARE_WALK_H
#define ASSAY_FIRMWARE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/live.h"
#include "runtime/base/decision.h"
#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"
#include "runtime/decode/decode.h"
#include "runtime/reply/reply.h"

struct walk {
	struct decoder    *decoder;
	const struct live *live;       /* the schema the decoder was told */
	uint64_t (*now_ns)(void *ctx); /* for the ledger only; NULL: no ledger */
	void *now_ctx;
};

struct walk_result {
	struct decision           decision;
	struct reply_circumstance circumstance;
	enum reason               refused; /* decide wants no decision */
};

/* The request's memory belongs to the caller. */
struct walk_request {
	uint8_t                *body; /* DECODE_PADDING_BYTES behind it are writable */
	size_t                  body_bytes;
	struct transaction     *transactions; /* [batch_max] */
	struct walk_result     *results;      /* [batch_max] */
	struct reply_item      *items;        /* [batch_max] scratch for the reply */
	struct artefact_digests digests; /* of what decided; a reload may follow before the reply */
	size_t                  batch_max;
	size_t                  count;
	bool                    batch;
	uint32_t                decode_ns;
	struct failure          failure;
};

/* Bytes for the arrays of a request, and how they are laid out in them. */
size_t walk_request_bytes(size_t batch_max);
void   walk_request_init(struct walk_request *request, void *memory, size_t batch_max);

void walk_use(struct walk *walk, const struct live *live);

/* Body to transactions.  REASON_NONE, or request->failure says why not. */
enum reason walk_decode(struct walk *walk, struct walk_request *request);

/* Every transaction to a decision.  REASON_NONE, or the first that the policy
 * refuses to decide (503). */
enum reason walk_decide(struct walk *walk, struct walk_request *request);

/* The answer's body.  `circumstance` false leaves audit and ledger out. */
size_t walk_reply(struct walk_request *request, void *out, size_t capacity, bool circumstance);

#endif
