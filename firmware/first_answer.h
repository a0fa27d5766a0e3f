/* The first answer to a transaction, as it is kept for whoever asks again (repeats.h):
 * the JSON of its decision, or one byte, the failure that was answered instead.
 *
 * Made from what the record holds and nothing else, so that it is the same when it is
 * made again from the log. */
#ifndef ASSAY_FIRMWARE_FIRST_ANSWER_H
#define ASSAY_FIRMWARE_FIRST_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/ledger.h"
#include "runtime/reply/reply.h"

struct first_answer {
	const struct transaction      *transaction;
	const struct decision         *decision;
	const struct artefact_digests *digests;
	struct ledger                  ledger;
	uint64_t                       sequence;
	const uint8_t                 *hash; /* of the record; NULL: the answer says nothing of it,
					       * nor of the ledger, as the twin's */
};

/* Returns the bytes written. */
size_t first_answer_make(const struct first_answer *of, uint8_t out[REPLY_DECISION_BYTES_MAX]);

/* The failure in it, or REASON_NONE: it is JSON. */
enum reason first_answer_refusal(struct bytes answer);

#endif
