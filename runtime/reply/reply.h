/* Decisions to bytes: the JSON answers of the API.
 *
 * One object a decision, fields always in this order:
 *
 *   { "id", "decision", "score", "margin",
 *     "reasons": [ { "code", "text" } ],
 *     "model": "<sha-256>" or null, "config": "<sha-256>",
 *     "audit": { "sequence", "hash" }, "ledger_ns": { "<stage>": ns } }
 *
 * and for a batch { "decisions": [ ... ] } in the order of the request.  score and
 * margin are null when no valid score was made.  A stage that did not run, or is
 * not known yet, is not in the ledger.  Without a circumstance the last two
 * fields are left out: what is left is a function of the decision alone, byte
 * for byte, which is how the offline twin answers.
 *
 * Floats are the shortest decimal that reads back as the same float
 * (runtime/base/number.h); no locale, no libc formatting.  A text is escaped as
 * RFC 8259 section 7 asks and stays UTF-8.
 *
 * Owner:   the core that calls; nothing is kept, nothing is allocated.
 * Bounds:  the *_BYTES_MAX below; every call asserts that `capacity` is at least
 *          that, so no answer is ever cut.  No NUL is appended. */
#ifndef ASSAY_RUNTIME_REPLY_REPLY_H
#define ASSAY_RUNTIME_REPLY_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/decision.h"
#include "runtime/base/ledger.h"
#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"

#define REPLY_DECISION_BYTES_MAX    4096 /* one object and its comma */
#define REPLY_BATCH_BYTES_MAX(n)    (32 + (size_t)(n) * REPLY_DECISION_BYTES_MAX)
#define REPLY_TRANSACTION_BYTES_MAX 131072 /* TRANSACTION_FEATURES_MAX of the longest names */
#define REPLY_VERSION_BYTES_MAX     1024
#define REPLY_HEALTH_BYTES_MAX      512

/* What differs between two runs that decide the same. */
struct reply_circumstance {
	uint64_t      audit_sequence;
	uint8_t       audit_hash[DIGEST_BYTES];
	struct ledger ledger;
};

struct reply_item {
	const struct transaction        *transaction;
	const struct decision           *decision;
	const struct artefact_digests   *digests;
	const struct reply_circumstance *circumstance; /* NULL: leave audit and ledger out */
};

/* One decision; capacity >= REPLY_DECISION_BYTES_MAX.  Returns the bytes written. */
size_t reply_decision(void *out, size_t capacity, const struct reply_item *item);

/* A batch; capacity >= REPLY_BATCH_BYTES_MAX(count). */
size_t reply_batch(void *out, size_t capacity, const struct reply_item *items, size_t count);

/* A transaction in the spelling runtime/decode reads: decoding it with the same
 * schema gives the same struct, byte for byte.  For `assayctl audit cat` and
 * replay.  capacity >= REPLY_TRANSACTION_BYTES_MAX. */
size_t reply_transaction(void *out, size_t capacity, const struct transaction *transaction,
			 const struct feature_schema *schema);

/* GET /v1/version: { "name", "version", "build", "model", "config" }. */
struct reply_about {
	const char                    *name;    /* config.name; at most 63 bytes */
	const char                    *version; /* at most 63 bytes */
	const char                    *build;   /* at most 63 bytes */
	const struct artefact_digests *digests;
};
size_t reply_version(void *out, size_t capacity, const struct reply_about *about);

/* GET /v1/health/...: { "status": "ok" } or { "status": "unavailable", "text": why };
 * `failure` is REASON_NONE or the row that says why. */
size_t reply_health(void *out, size_t capacity, enum reason failure);

/* The words of one reason of a decision, as in "text" above; no NUL.  For logs
 * and tables printed by the control side.  capacity >= REPLY_REASON_BYTES_MAX. */
#define REPLY_REASON_BYTES_MAX 256
size_t reply_reason_text(void *out, size_t capacity, const struct decision_reason *reason);

/* "score_review" and so on; DECIDED_FAILURE gives its failure's name. */
const char *reply_reason_code(const struct decision_reason *reason);

#endif
