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
#include "runtime/base/feature_plan.h"
#include "runtime/base/label.h"
#include "runtime/base/ledger.h"
#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"

/* The end of a log: what the next record is chained to. */
struct audit_chain {
	uint64_t next_sequence;
	uint64_t order; /* of the last record: format.h */
	uint8_t  hash[DIGEST_BYTES];
};

void audit_chain_init(struct audit_chain *chain); /* an empty log: sequence 1, all else zero */

struct audit_circumstance {
	struct bytes build;            /* at most AUDIT_BUILD_BYTES_MAX */
	uint64_t     durable_sequence; /* audit_log's, as last seen */
	/* decisions only, from here on */
	uint16_t      core;
	uint16_t      batch_index;
	uint16_t      batch_size;
	bool          resumed;     /* the TLS session was resumed from a ticket */
	int64_t       received_ns; /* wall clock */
	int64_t       encoded_ns;
	struct ledger ledger;
};

struct audit_entry {
	int64_t                       now_ns;   /* as given to decide() */
	struct bytes                  identity; /* the caller's, at most AUDIT_IDENTITY_BYTES_MAX */
	const struct transaction     *transaction;
	const struct feature_values  *values; /* computed; NULL: none */
	const struct decision        *decision;
	const struct decision_shadow *shadow; /* NULL or !ran: no shadow part */
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

/* A request that had been answered before. */
struct audit_repeat {
	int64_t      now_ns;
	struct bytes identity; /* the caller's, at most AUDIT_IDENTITY_BYTES_MAX */
	struct bytes id;       /* the transaction's; at most its capacity there */
	uint64_t     first_sequence;
	uint64_t     durable_sequence;
	struct bytes build;
};

struct audit_label {
	int64_t             now_ns;
	struct bytes        identity; /* who labels */
	const struct label *label;
	enum label_outcome  outcome;
	uint64_t            labelled_order; /* of the decision; 0: unknown */
	uint64_t            durable_sequence;
	struct bytes        build;
};

struct audit_list {
	int64_t                 now_ns;
	struct bytes            identity; /* who edits */
	const struct list_edit *edit;
	enum reason             outcome; /* REASON_NONE: done; else it changed nothing */
	uint64_t                durable_sequence;
	struct bytes            build;
};

/* Encode one record into `out` (at least AUDIT_RECORD_BYTES_MAX bytes) and advance
 * the chain: afterwards chain->hash is this record's hash and its sequence is
 * chain->next_sequence - 1.  Returns its size. */
size_t audit_encode_decision(uint8_t *out, size_t capacity_bytes, const struct audit_entry *entry,
			     struct audit_chain *chain);
size_t audit_encode_event(uint8_t *out, size_t capacity_bytes, const struct audit_event *event,
			  struct audit_chain *chain);
size_t audit_encode_repeat(uint8_t *out, size_t capacity_bytes, const struct audit_repeat *repeat,
			   struct audit_chain *chain);
size_t audit_encode_label(uint8_t *out, size_t capacity_bytes, const struct audit_label *label,
			  struct audit_chain *chain);
size_t audit_encode_list(uint8_t *out, size_t capacity_bytes, const struct audit_list *list,
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
	struct bytes    shadow_part; /* empty: none */
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

/* A verified record taken apart.  Texts point into the record.  What its kind does
 * not have is zero. */
struct audit_decoded {
	/* every kind */
	uint64_t                  order;
	int64_t                   now_ns;
	struct audit_circumstance circumstance;
	/* decision, repeat, label, list: who asked */
	struct bytes identity;
	/* decision, start, stop, config */
	struct artefact_digests artefacts;
	/* decision */
	struct transaction     transaction;
	struct feature_values  values;
	struct decision        decision;
	struct decision_shadow shadow; /* ran is 0 when the record has none */
	/* repeat */
	struct bytes id;
	uint64_t     first_sequence;
	/* label */
	struct label       label;
	enum label_outcome label_outcome;
	uint64_t           labelled_order;
	/* list */
	struct list_edit edit;
	enum reason      edit_outcome;
	/* all but decision */
	struct bytes note;
};

/* False when the parts are not laid out as format.h says. */
bool audit_decode(const struct audit_record *record, struct audit_decoded *decoded);

/* Whether records of this kind change state, and so count in `order`. */
bool        audit_kind_is_ordered(enum audit_kind kind);
const char *audit_kind_name(enum audit_kind kind); /* "decision", "start", "label", ... */

#endif
