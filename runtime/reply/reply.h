/* Decisions to bytes: the JSON answers of the API.
 *
 * One object a decision, fields always in this order:
 *
 *   { "id", "decision", "score", "margin",
 *     "reasons": [ { "code", "text" } ],
 *     "rules": [ { "id", "severity", "decision", "text" } ], "rules_hit",
 *     "model": "<sha-256>" or null, "ruleset": "<sha-256>" or null,
 *     "config": "<sha-256>",
 *     "audit": { "sequence", "hash" }, "ledger_ns": { "<stage>": ns } }
 *
 * and for a batch { "decisions": [ ... ] } in the order of the request.  score and
 * margin are null when no valid score was made.  rules has those that hit, gravest
 * first, and rules_hit is there only when more hit than are told.  A stage that did
 * not run is not in the ledger, and audit, commit and reply never are: an answer is a
 * function of what its audit record holds, so that it can be made again from the
 * record after a crash, byte for byte, for a client that asks again.  Without a
 * circumstance the last two fields are left out: what is left is a function of the
 * decision alone, which is how the offline twin answers.
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

#include "runtime/base/bytes.h"
#include "runtime/base/decision.h"
#include "runtime/base/label.h"
#include "runtime/base/ledger.h"
#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"

#define REPLY_DECISION_BYTES_MAX  8192 /* one object and its comma */
#define REPLY_BATCH_BYTES_MAX(n)  (32 + (size_t)(n) * REPLY_DECISION_BYTES_MAX)
#define REPLY_LABELS_BYTES_MAX(n) (32 + (size_t)(n) * 512)
#define REPLY_EDITS_BYTES_MAX(n)  (32 + (size_t)(n) * 1536)
#define REPLY_VERSION_BYTES_MAX   1024
#define REPLY_HEALTH_BYTES_MAX    512

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

/* One decision, as it is answered alone and as it stands in a batch; capacity >=
 * REPLY_DECISION_BYTES_MAX.  Returns the bytes written. */
size_t reply_decision(void *out, size_t capacity, const struct reply_item *item);

/* A batch, of answers that reply_decision made, now or long ago; capacity >=
 * REPLY_BATCH_BYTES_MAX(count). */
size_t reply_batch_of(void *out, size_t capacity, const struct bytes *answers, size_t count);

/* POST /v1/labels: { "labels": [ { "id", "outcome" } ] }, in the order of the request;
 * outcomes[count] of enum label_outcome.  capacity >= REPLY_LABELS_BYTES_MAX(count). */
size_t reply_labels(void *out, size_t capacity, const struct label *labels, const uint8_t *outcomes,
		    size_t count);

/* POST /v1/lists: { "edits": [ { "list", "value", "outcome", "text" } ] }; the outcome is
 * "applied", or the name of the row that refused[i] is, with its meaning as text.  capacity >=
 * REPLY_EDITS_BYTES_MAX(count). */
size_t reply_list_edits(void *out, size_t capacity, const struct list_edit *edits,
			const enum reason *refused, size_t count);

/* GET /v1/version: { "name", "version", "build", "model", "ruleset", "config" }. */
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

/* "info", "low", "high" or "critical". */
const char *reply_severity(const struct decision_rule *rule);

#endif
