/* One transaction's walk through the runtime: the only place where the stages meet.
 *
 *     body -> decode -> [ state -> features -> model -> rules -> decide ] -> reply
 *
 * walk_decode   net       body to transactions
 * walk_parts    deciders  read and keep up the histories this decider owns
 * walk_decide   decider   of the account: the rest, in the order of the config, until
 *                         the deadline
 * walk_follow   any       only what a transaction leaves behind, for recovery
 *
 * The firmware, the offline twin, replay, back-test and recovery all call these.
 *
 * Bounds:  decode.batch_max transactions; no allocation, no system call but the clock.
 * Failure: a row of the failure table, with its place in request->failure. */
#ifndef ASSAY_FIRMWARE_WALK_H
#define ASSAY_FIRMWARE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine.h"
#include "firmware/live.h"
#include "firmware/work.h"
#include "runtime/base/label.h"
#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"
#include "runtime/decode/decode.h"

struct walk {
	struct decoder    *decoder;
	const struct live *live;       /* the schema the decoder was told */
	uint64_t (*now_ns)(void *ctx); /* for the ledger only; NULL: no ledger */
	void *now_ctx;
};

/* A request's body and what it was decoded into; the memory belongs to the caller. */
struct walk_request {
	uint8_t            *body; /* DECODE_PADDING_BYTES behind it are writable */
	size_t              body_bytes;
	struct transaction *transactions; /* [batch_max] */
	size_t              batch_max;
	size_t              count;
	bool                batch;
	uint32_t            decode_ns; /* for each transaction */
	struct failure      failure;
};

void walk_use(struct walk *walk, const struct live *live);

/* Body to transactions.  REASON_NONE, or request->failure says why not. */
enum reason walk_decode(struct walk *walk, struct walk_request *request);

/* The same of labels and of list edits, which lie where transactions would. */
enum reason walk_decode_labels(struct walk *walk, struct walk_request *request);
enum reason walk_decode_edits(struct walk *walk, struct walk_request *request);

/* Which decider owns a key, of `deciders`. */
uint32_t walk_owner(const struct engine *engine, struct hash128 key, uint32_t deciders);

void walk_parts(const struct engine *engine, struct work *work, uint32_t me, uint32_t deciders);
void walk_decide(const struct engine *engine, struct work *work, uint32_t me, uint32_t lists);
void walk_follow(const struct engine *engine, struct work *work, enum verdict verdict);

#endif
