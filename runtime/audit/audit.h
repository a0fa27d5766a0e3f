/* Audit records: encode, decode, chain, verify.  Pure: bytes in, bytes out; files
 * are firmware/audit_log.h's business.  The bytes are described in format.h.
 *
 * Owner:   whoever holds the chain; one writer per chain.
 * Bounds:  a record is at most AUDIT_RECORD_BYTES_MAX; no allocation.
 * Failure: encoding cannot fail (texts beyond their bound are a broken invariant);
 *          the reader says exactly at which byte and record a log stops verifying. */
#ifndef ASSAY_RUNTIME_AUDIT_AUDIT_H
#define ASSAY_RUNTIME_AUDIT_AUDIT_H

#include "runtime/audit/format.h"
#include "runtime/base/bytes.h"
#include "runtime/base/decision.h"
#include "runtime/base/digest.h"
#include "runtime/base/ledger.h"
#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"

/* The end of a log: what the next record is chained to. */
struct audit_chain {
	uint64_t next_sequence;
	uint8_t  hash[DIGEST_BYTES];
};

void audit_chain_init(struct audit_chain *chain); /* an empty log: sequence 1, hash zero */

struct audit_circumstance {
	struct bytes  identity; /* the caller's, at most AUDIT_IDENTITY_BYTES_MAX */
	struct bytes  build;    /* at most AUDIT_BUILD_BYTES_MAX */
	uint16_t      core;
	uint16_t      batch_index;
	uint16_t      batch_size;
	bool          resumed;     /* the TLS session was resumed from a ticket */
	int64_t       received_ns; /* wall clock */
	int64_t       encoded_ns;
	uint64_t      durable_sequence; /* audit_log's, as last seen */
	struct ledger ledger;
};

struct audit_entry {
	int64_t                        now_ns; /* as given to decide() */
	const struct transaction      *transaction;
	const struct decision         *decision;
	const struct artefact_digests *artefacts;
	struct audit_circumstance      circumstance;
};

struct audit_event {
	enum audit_kind                kind; /* AUDIT_START, AUDIT_STOP, AUDIT_CONFIG */
	int64_t                        now_ns;
	const struct artefact_digests *artefacts;
	uint64_t                       durable_sequence;
	struct bytes                   note;  /* at most AUDIT_NOTE_BYTES_MAX */
	struct bytes                   build; /* at most AUDIT_BUILD_BYTES_MAX */
};

/* Encode one record into `out` (at least AUDIT_RECORD_BYTES_MAX bytes) and advance
 * the chain: afterwards chain->hash is this record's hash and its sequence is
 * chain->next_sequence - 1.  Returns its size. */
size_t audit_encode_decision(uint8_t *out, size_t capacity_bytes, const struct audit_entry *entry,
			     struct audit_chain *chain);
size_t audit_encode_event(uint8_t *out, size_t capacity_bytes, const struct audit_event *event,
			  struct audit_chain *chain);

/* Write a segment's header for the records that follow `chain`. */
void audit_encode_header(uint8_t out[AUDIT_HEADER_BYTES], const struct audit_chain *chain,
			 int64_t created_ns, struct bytes build);

/* ---- reading ---- */

struct audit_header {
	struct audit_chain chain; /* before the first record */
	int64_t            created_ns;
	char               build[AUDIT_BUILD_BYTES_MAX + 1];
};

/* A record as it lies in the reader's window; nothing is copied. */
struct audit_record {
	enum audit_kind kind;
	uint64_t        sequence;
	struct bytes    whole;
	struct bytes    decision_part;
	struct bytes    circumstance_part;
	const uint8_t  *hash; /* [DIGEST_BYTES] */
};

enum audit_read {
	AUDIT_DONE,      /* one record or header, verified; *consumed bytes of it */
	AUDIT_NEED_MORE, /* the bytes end inside a record: read on, or a torn tail */
	AUDIT_BROKEN,    /* does not verify: reader->failure says where and how */
};

struct audit_reader {
	struct audit_chain chain;        /* what the next record must be chained to */
	uint64_t           offset_bytes; /* into the segment */
	char               broken[REASON_PLACE_BYTES_MAX]; /* after AUDIT_BROKEN */
};

/* Begin a segment.  With `expected` the header must continue that chain; NULL takes
 * the header's word (the first segment of a log, whose trust lies in its hash). */
enum audit_read audit_read_header(struct audit_reader *reader, struct bytes in,
				  const struct audit_chain *expected, struct audit_header *header,
				  size_t *consumed);
enum audit_read audit_read_record(struct audit_reader *reader, struct bytes in,
				  struct audit_record *record, size_t *consumed);

/* True when a record that verifies by itself (chained to the 32 bytes before it)
 * lies anywhere in `in` and claims that `sequence` was on disk: then what is broken
 * is not a torn tail.  See format.h.  `in` begins skipped_bytes behind the broken
 * place.  One hash for each place that looks like a record that could be there. */
bool audit_claims_durable(struct bytes in, uint64_t skipped_bytes, uint64_t sequence);

/* A verified record taken apart.  Texts point into the record. */
struct audit_decoded {
	int64_t                   now_ns;
	struct artefact_digests   artefacts;
	struct transaction        transaction; /* AUDIT_DECISION only, like the next two */
	struct decision           decision;
	struct audit_circumstance circumstance; /* build and durable_sequence: every kind */
	struct bytes              note;         /* the other kinds */
};

/* False when the parts are not laid out as format.h says. */
bool audit_decode(const struct audit_record *record, struct audit_decoded *decoded);

const char *audit_kind_name(enum audit_kind kind); /* "decision", "start", "stop", "config" */

#endif
