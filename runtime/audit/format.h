/* The audit log on disk, format 2.  This header is the whole description: a
 * reader can be written from it alone.
 *
 * A log is a directory of segment files named
 *
 *     audit-<first sequence, 20 decimal digits>.seg
 *
 * read in the order of their names.  All integers are little-endian.  A text is a
 * u16 length and that many bytes.  f32 and f64 are the bits of an IEEE 754 binary32
 * and binary64.  A digest is 32 bytes of SHA-256, zero when there is nothing to digest.
 *
 * Segment: a header, then records back to back.  A record never spans two segments.
 *
 *     header, 136 bytes
 *     0   magic             8 bytes  "ASSAYAUD"
 *     8   version           u32      2
 *     12  header_bytes      u32      136
 *     16  first_sequence    u64      of the first record in this file
 *     24  order             u64      of the record before it; 0 at the very start
 *     32  created_ns        i64      wall clock
 *     40  previous_hash     32 bytes chain hash before the first record; zero at the very start
 *     72  build             32 bytes text, zero padded
 *     104 header_hash       32 bytes SHA-256 of bytes 0..103
 *
 *     record
 *     0   size_bytes        u32      of the whole record, hash included
 *     4   kind              u8       enum audit_kind
 *     5   zero              3 bytes
 *     8   sequence          u64      consecutive over all kinds, 1 first
 *     16  part_bytes        u32      size of the decision part
 *     20  shadow_bytes      u32      size of the shadow part; only decisions have one
 *     24  decision part     part_bytes
 *     ..  shadow part       shadow_bytes
 *     ..  circumstance part up to the hash
 *     -32 chain_hash        SHA-256(chain hash before || all bytes of the record before this)
 *
 * The decision part: what was decided and from what.  Two machines that decide the
 * same transactions in the same order write the same bytes here, whatever shadow runs
 * beside, however often they were started anew and whoever repeated his question.
 *
 *     every kind begins with
 *     u64 order    how many records of what changes state (decision, label, list) there
 *                  are up to this one, this one included.  The sequence counts starts,
 *                  reloads and repeats as well; it is not part of a decision.
 *     i64 now_ns   the `now` that was given; wall clock
 *
 *     decision (1)
 *     text identity of the caller: with transaction.id the key of idempotency
 *     transaction: text id; i64 time_ns; i64 amount_minor; 3 bytes currency;
 *         u8 currency_exponent; u8 channel (order of enum transaction_channel);
 *         u32 deadline_us; text card, account, merchant, terminal, device, payee;
 *         4 bytes merchant_category; 2 bytes merchant_country;
 *         u8 parties_count, each: u8 role (enum party_role), 2 bytes country, text name,
 *             u8 identifiers_count, each: text scheme, text value;
 *         u16 count of supplied features, that many f32 (absent: 0x7fc00000)
 *     computed features: u16 count, that many f64 (missing: 0x7ff8000000000000), in the
 *         order of the config.  With the supplied ones and the artefacts these are all
 *         the inputs of a decision; they follow from the records before.
 *     decision: u16 stages_run (bits in the order of STAGES, ledger.h); f32 margin;
 *         f32 score; u8 verdict (enum verdict);
 *         u8 reasons_count, each: u16 code (enum decision_reason_code), text failure (its
 *             name in the failure table; empty: none), f32 a, f32 b;
 *         u16 rules_hit; u8 rules_count of those told, each: u8 severity, u8 verdict,
 *             text id, text text
 *     artefacts: digests of config, model, rules
 *
 *     start (2), stop (3), config (4): digests of config, model, rules from here on
 *
 *     repeat (5): text identity, text id, u64 sequence of the first.  The answer was the
 *         first one's; nothing else happened.
 *
 *     label (6): text identity of who labels; text caller (empty: the same), text id,
 *         u8 kind (enum label_kind); u8 outcome (enum label_outcome);
 *         u64 order of the labelled decision, or 0
 *
 *     list (7): text identity of who edits; text list, text value, i64 expires_ns,
 *         u8 remove; text outcome (a name in the failure table; empty: done)
 *
 * The shadow part of a decision: what the shadow configuration would have decided.
 * Absent (0 bytes) when none is loaded.
 *     u8 verdict; f32 score; f32 margin; u16 rules_hit;
 *     digest of the shadow: SHA-256 over its digests of config, model, rules
 *
 * The circumstance part: when, where and for whom.
 *     decision: u16 core; u16 batch_index; u16 batch_size; u8 resumed;
 *         u8 stages, that many u32 of the time ledger (ns, in the order of STAGES);
 *         i64 received_ns; i64 encoded_ns (wall clock);
 *     every other kind: text note
 *     then, in every kind: u64 durable_sequence (all up to it were known to be on disk
 *     when this record was made); text build
 *
 * The decision digest of a log is SHA-256 over the decision parts of its decision
 * records in sequence order.  Labels and list edits have their place in it through
 * `order`, and through what they change in later decisions.  A field never moves from
 * the first part to another to make a test pass.
 *
 * The enums named here only ever grow at their end; failures go by their names.
 *
 * Torn tail: a power cut may leave anything after the last synced byte.  A record
 * that does not verify may be cut off only when no record that verifies follows it
 * and claims (durable_sequence) that it had been on disk, and when the mark beside the
 * log (firmware/audit_mark.h) does not say so either.
 *
 * Format 1 was never shipped and is not read. */
#ifndef ASSAY_RUNTIME_AUDIT_FORMAT_H
#define ASSAY_RUNTIME_AUDIT_FORMAT_H

#define AUDIT_MAGIC                 "ASSAYAUD"
#define AUDIT_MAGIC_BYTES           8
#define AUDIT_VERSION               2
#define AUDIT_HEADER_BYTES          136
#define AUDIT_BUILD_BYTES_MAX       32
#define AUDIT_FRAME_BYTES           24 /* before the decision part */
#define AUDIT_IDENTITY_BYTES_MAX    256
#define AUDIT_NOTE_BYTES_MAX        256
#define AUDIT_REASON_NAME_BYTES_MAX 40

/* Derived in encode.c from the capacities of the structs, and asserted there. */
#define AUDIT_RECORD_BYTES_MAX 8192
/* A repeat with nothing in it: no kind is shorter. */
#define AUDIT_PART_BYTES_MIN   28
#define AUDIT_RECORD_BYTES_MIN (AUDIT_FRAME_BYTES + AUDIT_PART_BYTES_MIN + 12 + 32)

enum audit_kind {
	AUDIT_NONE,
	AUDIT_DECISION,
	AUDIT_START,  /* the firmware began to serve */
	AUDIT_STOP,   /* it stopped in order */
	AUDIT_CONFIG, /* config, model, rules or certificates were (re)loaded */
	AUDIT_REPEAT, /* a request came again and got its first answer */
	AUDIT_LABEL,  /* what became of a transaction was told */
	AUDIT_LIST,   /* a list that rules use was edited */
	AUDIT_KIND_COUNT,
};

#endif
