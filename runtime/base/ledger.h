/* The time ledger: nanoseconds a transaction spent in each stage.  Carried in
 * the answer and in the circumstance part of the audit record, and kept as one
 * histogram per stage. */
#ifndef ASSAY_RUNTIME_BASE_LEDGER_H
#define ASSAY_RUNTIME_BASE_LEDGER_H

#include <stdint.h>

/*      name       what it spans, as a reader of the answer should understand it */
#define STAGES(X)                                                               \
	X(tls, "record arrived until its bytes were decrypted")                 \
	X(http, "request head and body parsed")                                 \
	X(decode, "body decoded into a transaction")                            \
	X(features, "histories read and kept up, features computed")            \
	X(model, "the model evaluated")                                         \
	X(rules, "the rules run")                                               \
	X(decide, "thresholds applied and reasons chosen")                      \
	X(audit, "audit record encoded and chained")                            \
	X(commit, "waiting for the record to be on disk (audit.reply durable)") \
	X(reply, "answer encoded and encrypted")

enum stage {
#define STAGE(name, words) STAGE_##name,
	STAGES(STAGE)
#undef STAGE
		STAGE_COUNT,
};

struct ledger {
	uint32_t stage_ns[STAGE_COUNT]; /* 0: did not run, or not yet known */
};

const char *stage_name(enum stage stage);

#endif
