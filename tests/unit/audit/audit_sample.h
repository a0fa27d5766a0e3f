/* Audit entries made from a number, for the tests here. */
#ifndef ASSAY_TESTS_UNIT_AUDIT_AUDIT_SAMPLE_H
#define ASSAY_TESTS_UNIT_AUDIT_AUDIT_SAMPLE_H

#include <stdint.h>

#include "runtime/audit/audit.h"

#define AUDIT_SAMPLE_IDENTITY "URI:spiffe://bank/payments"

/* Encode decision `number` (every third record is small, every ninth as large as
 * can be) onto the chain; returns its size. */
size_t audit_sample_decision(uint8_t out[AUDIT_RECORD_BYTES_MAX], uint64_t number,
			     uint64_t durable_sequence, struct audit_chain *chain);
/* The same decision, no shadow beside it. */
size_t audit_sample_unshadowed(uint8_t out[AUDIT_RECORD_BYTES_MAX], uint64_t number,
			       uint64_t durable_sequence, struct audit_chain *chain);
/* A record of any kind made from `number`. */
size_t audit_sample(uint8_t out[AUDIT_RECORD_BYTES_MAX], enum audit_kind kind, uint64_t number,
		    uint64_t durable_sequence, struct audit_chain *chain);

void audit_sample_transaction(struct transaction *transaction, uint64_t number);
void audit_sample_decided(struct decision *decision, uint64_t number);
void audit_sample_values(struct feature_values *values, uint64_t number);
void audit_sample_shadow(struct decision_shadow *shadow, uint64_t number);
void audit_sample_told(struct label *label, uint64_t number);
void audit_sample_edit(struct list_edit *edit, uint64_t number);

#endif
