/* A slot of the pipeline as a record of the audit log: the one place that says what of a
 * slot is recorded.  The net core, the offline twin and replay all encode here, which is
 * what makes their bytes comparable. */
#ifndef ASSAY_FIRMWARE_RECORD_PUT_H
#define ASSAY_FIRMWARE_RECORD_PUT_H

#include "firmware/pipeline.h"
#include "runtime/audit/audit.h"

struct record_about {
	int64_t                   now_ns; /* wall clock, of the record; decisions have their own */
	struct bytes              identity;
	const struct transaction *id; /* AUDIT_REPEAT: whose id it is */
	uint16_t                  batch_size;
	bool                      resumed;
	uint64_t                  durable_sequence;
};

/* `out` has AUDIT_RECORD_BYTES_MAX; returns the record's size and advances the chain. */
size_t record_put(void *out, const struct slot *slot, const struct record_about *about,
		  struct audit_chain *chain);

/* The record of a start, a reload or a stop. */
struct record_life {
	enum audit_kind                kind; /* AUDIT_START, AUDIT_CONFIG or AUDIT_STOP */
	const char                    *note; /* in one word, what it was */
	int64_t                        now_ns;
	const struct artefact_digests *artefacts;
	uint64_t                       durable_sequence;
};
size_t record_put_life(void *out, const struct record_life *life, struct audit_chain *chain);

#endif
