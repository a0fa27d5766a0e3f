/* The audit log on disk, format 1.  This header is the whole description: a
 * reader can be written from it alone.
 *
 * A log is a directory of segment files named
 *
 *     audit-<first sequence, 20 decimal digits>.seg
 *
 * read in the order of their names.  All integers are little-endian.  A text is a
 * u16 length and that many bytes.  f32 is the bits of an IEEE 754 binary32.
 *
 * Segment: a header, then records back to back.  A record never spans two segments.
 *
 *     header, 128 bytes
 *     0   magic             8 bytes  "ASSAYAUD"
 *     8   version           u32      1
 *     12  header_bytes      u32      128
 *     16  first_sequence    u64      of the first record in this file
 *     24  created_ns        i64      wall clock
 *     32  previous_hash     32 bytes chain hash before the first record; zero at the very start
 *     64  build             32 bytes text, zero padded
 *     96  header_hash       32 bytes SHA-256 of bytes 0..95
 *
 *     record
 *     0   size_bytes        u32      of the whole record, hash included
 *     4   kind              u8       enum audit_kind
 *     5   zero              u8
 *     6   part_bytes        u16      size of the decision part
 *     8   sequence          u64      consecutive over all kinds, 1 first
 *     16  decision part     part_bytes
 *     ..  circumstance part up to the hash
 *     -32 chain_hash        SHA-256(chain hash before || all bytes of the record before this)
 *
 *     decision part: what was decided and from what.  Two machines that decide the
 *     same transactions in the same order write the same bytes here.
 *     u64 sequence, i64 now_ns (the `now` the decision was given)
 *     transaction: text id; i64 time_ns; i64 amount_minor; 3 bytes currency;
 *         u8 currency_exponent; u8 channel; text card, account, merchant, terminal;
 *         4 bytes merchant_category; 2 bytes merchant_country;
 *         u8 parties_count, each: u8 role, 2 bytes country, text name,
 *             u8 identifiers_count, each: text scheme, text value;
 *         u16 features_count, that many f32 (absent: 0x7fc00000).  In format 1 these
 *         are all the inputs a decision uses beside the artefacts.
 *     decision: u16 stages_run; u32 margin bits; u32 score bits; u8 verdict;
 *         u8 reasons_count, each: u16 code, u16 failure, u32 a bits, u32 b bits
 *     artefacts: 32 bytes config digest, 32 bytes model digest
 *
 *     circumstance part of a decision: when, where and for whom
 *     text identity; u16 core; u16 batch_index; u16 batch_size; u8 resumed;
 *     u8 stages, that many u32 of the time ledger (ns, order of enum stage);
 *     i64 received_ns; i64 encoded_ns (wall clock); u64 durable_sequence (all up to
 *     it were known to be on disk when this record was made); text build
 *
 *     The other kinds (start, stop, config) have this decision part
 *     u64 sequence, i64 now_ns, 32 bytes config digest, 32 bytes model digest
 *     and this circumstance part
 *     u64 durable_sequence; text note; text build
 *
 * The decision digest of a log is SHA-256 over the decision parts of its decision
 * records in sequence order.  A field never moves from the first part to the second
 * to make a test pass.
 *
 * Torn tail: a power cut may leave anything after the last synced byte.  A record
 * that does not verify may be cut off only when no record that verifies follows it
 * and claims (durable_sequence) that it had been on disk. */
#ifndef ASSAY_RUNTIME_AUDIT_FORMAT_H
#define ASSAY_RUNTIME_AUDIT_FORMAT_H

#define AUDIT_MAGIC              "ASSAYAUD"
#define AUDIT_MAGIC_BYTES        8
#define AUDIT_VERSION            1
#define AUDIT_HEADER_BYTES       128
#define AUDIT_BUILD_BYTES_MAX    32
#define AUDIT_FRAME_BYTES        16 /* before the decision part */
#define AUDIT_IDENTITY_BYTES_MAX 256
#define AUDIT_NOTE_BYTES_MAX     256

/* Derived in audit.c from the capacities of struct transaction, and asserted there. */
#define AUDIT_RECORD_BYTES_MAX 4096
#define AUDIT_RECORD_BYTES_MIN (AUDIT_FRAME_BYTES + 80 + 12 + 32)

enum audit_kind {
	AUDIT_NONE,
	AUDIT_DECISION,
	AUDIT_START,  /* the firmware began to serve */
	AUDIT_STOP,   /* it stopped in order */
	AUDIT_CONFIG, /* config, model or certificates were (re)loaded */
	AUDIT_KIND_COUNT,
};

#endif
