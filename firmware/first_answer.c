#include "firmware/first_answer.h"

#include <assert.h>
#include <string.h>

#include "runtime/decide/decide.h"

static_assert(REASON_COUNT_ALL <= 256, "a row of the failure table is a byte");

size_t first_answer_make(const struct first_answer *of, uint8_t out[REPLY_DECISION_BYTES_MAX])
{
	struct reply_circumstance circumstance = { .audit_sequence = of->sequence,
						   .ledger         = of->ledger };
	struct reply_item         item         = { .transaction  = of->transaction,
						   .decision     = of->decision,
						   .digests      = of->digests,
						   .circumstance = of->hash ? &circumstance : NULL };
	enum reason               refusal      = decide_refusal(of->decision);

	if (refusal != REASON_NONE) {
		out[0] = (uint8_t)refusal;
		return 1;
	}
	if (of->hash)
		memcpy(circumstance.audit_hash, of->hash, DIGEST_BYTES);
	return reply_decision(out, REPLY_DECISION_BYTES_MAX, &item);
}

enum reason first_answer_refusal(struct bytes answer)
{
	return answer.size_bytes == 1 ? (enum reason)answer.data[0] : REASON_NONE;
}
