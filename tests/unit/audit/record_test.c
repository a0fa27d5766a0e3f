/* Records: what goes in comes out, every flipped bit is found, and the bytes are the
 * ones format 1 promises for ever (a golden hash). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/audit/audit_sample.h"

/* SHA-256 of a header and sample decisions 1 to 20 and one start event, made when
 * format 1 was fixed (and again when the list of stages grew).  When this differs, old logs can't be read: that is a new
 * AUDIT_VERSION, not a new hash here. */
#define GOLDEN "42228749e64a826f841c232663b4d83fa450b09b9a719aaa3f218f9510f72005"

struct log_bytes {
	uint8_t bytes[1 << 17];
	size_t  size;
	size_t  ends[64]; /* ends[i]: after record i+1 */
	int     records;
};

static void log_make(struct log_bytes *log, int decisions)
{
	const struct artefact_digests artefacts = { .config = { 9 } };
	struct audit_event            event     = {
			       .kind      = AUDIT_START,
			       .now_ns    = 1790000000000000000,
			       .artefacts = &artefacts,
			       .note      = bytes_of("started", 7),
			       .build     = bytes_of("test", 4),
	};
	struct audit_chain chain;

	audit_chain_init(&chain);
	memset(log, 0, sizeof(*log));
	audit_encode_header(log->bytes, &chain, 1790000000000000000, bytes_of("test", 4));
	log->size = AUDIT_HEADER_BYTES;
	log->size += audit_encode_event(log->bytes + log->size, AUDIT_RECORD_BYTES_MAX, &event,
					&chain);
	log->ends[log->records++] = log->size;
	for (int i = 1; i <= decisions; i++) {
		log->size += audit_sample_decision(log->bytes + log->size, (uint64_t)i,
						   (uint64_t)i / 2, &chain);
		log->ends[log->records++] = log->size;
	}
}

/* How many records verify; *end says how it ended. */
static int count_good(struct bytes in, enum audit_read *end, struct audit_record *last)
{
	struct audit_reader reader;
	struct audit_header header;
	size_t              used;
	int                 records = 0;

	*end = audit_read_header(&reader, in, NULL, &header, &used);
	if (*end != AUDIT_DONE)
		return 0;
	for (;;) {
		in   = bytes_of(in.data + used, in.size_bytes - used);
		*end = audit_read_record(&reader, in, last, &used);
		if (*end != AUDIT_DONE)
			return records;
		records++;
	}
}

static void test_golden(void **state)
{
	static struct log_bytes log;
	struct digest           digest;
	uint8_t                 hash[DIGEST_BYTES];
	char                    hex[2 * DIGEST_BYTES + 1];

	log_make(&log, 20);
	digest_init(&digest);
	digest_add(&digest, log.bytes, log.size);
	digest_end(&digest, hash);
	digest_hex(hash, hex);
	assert_string_equal(hex, GOLDEN);
}

static void test_round_trip(void **state)
{
	static uint8_t              bytes[DIGEST_BYTES + AUDIT_RECORD_BYTES_MAX];
	static struct audit_decoded decoded;
	static struct transaction   transaction;
	struct decision             decision;

	for (uint64_t number = 1; number <= 40; number++) {
		struct audit_reader reader = { 0 };
		struct audit_record record;
		struct audit_chain  chain;
		size_t              size, used;

		audit_chain_init(&chain);
		reader.chain = chain;
		size         = audit_sample_decision(bytes, number, 7, &chain);
		assert_int_equal(audit_read_record(&reader, bytes_of(bytes, size), &record, &used),
				 AUDIT_DONE);
		assert_int_equal(used, size);
		assert_memory_equal(reader.chain.hash, chain.hash, DIGEST_BYTES);
		assert_true(audit_decode(&record, &decoded));
		audit_sample_transaction(&transaction, number);
		audit_sample_decided(&decision, number);
		assert_memory_equal(&decoded.transaction, &transaction, sizeof(transaction));
		assert_memory_equal(&decoded.decision, &decision, sizeof(decision));
		assert_int_equal(decoded.now_ns, 1790000000500000000 + (int64_t)number);
		assert_int_equal(decoded.circumstance.durable_sequence, 7);
		assert_int_equal(decoded.circumstance.resumed, number % 2);
		assert_int_equal(decoded.circumstance.ledger.stage_ns[2], 30);
		assert_true(bytes_equal(decoded.circumstance.identity,
					bytes_of("URI:spiffe://bank/payments", 26)));
		assert_true(bytes_equal(decoded.circumstance.build, bytes_of("test", 4)));
	}
}

/* Cut anywhere: the whole records before the cut, and NEED_MORE, never BROKEN. */
static void test_cut_anywhere(void **state)
{
	static struct log_bytes log;
	struct audit_record     record;
	enum audit_read         end;

	log_make(&log, 6);
	for (size_t cut = 0; cut <= log.size; cut++) {
		int expected = 0;

		while (expected < log.records && log.ends[expected] <= cut)
			expected++;
		assert_int_equal(count_good(bytes_of(log.bytes, cut), &end, &record), expected);
		assert_int_equal(end, AUDIT_NEED_MORE);
	}
}

/* Every bit of every byte: the record it is in does not verify, those before do. */
static void test_every_bit_counts(void **state)
{
	static struct log_bytes log;
	struct audit_record     record;
	enum audit_read         end;

	log_make(&log, 4);
	for (size_t at = 0; at < log.size; at++) {
		for (int bit = 0; bit < 8; bit++) {
			int before = 0, good;

			while (before < log.records && log.ends[before] <= at)
				before++;
			log.bytes[at] ^= (uint8_t)(1 << bit);
			good = count_good(bytes_of(log.bytes, log.size), &end, &record);
			log.bytes[at] ^= (uint8_t)(1 << bit);
			if (good != (at < AUDIT_HEADER_BYTES ? 0 : before))
				fail_msg("byte %zu bit %d: %d records verify", at, bit, good);
			/* A size that grew beyond the end looks like a torn tail; the claims tell. */
			assert_true(end == AUDIT_BROKEN || end == AUDIT_NEED_MORE);
		}
	}
}

/* Damage to record 3 is told from a torn tail by what later records claim. */
static void test_claims(void **state)
{
	static struct log_bytes log;
	struct bytes            behind;

	log_make(&log, 8); /* record n says n - 1 over 2 is durable: 9 claims 4 */
	log.bytes[log.ends[1] + 40] ^= 1;
	behind = bytes_of(log.bytes + log.ends[1], log.size - log.ends[1]);
	assert_true(audit_claims_durable(behind, 0, 3));
	assert_true(audit_claims_durable(behind, 0, 4));
	assert_false(audit_claims_durable(behind, 0, 5));
	/* Only the torn bytes themselves: nothing claims anything. */
	behind = bytes_of(log.bytes + log.ends[1], log.ends[2] - log.ends[1]);
	assert_false(audit_claims_durable(behind, 0, 3));
}

/* Swapped, repeated and removed records break the chain. */
static void test_order_counts(void **state)
{
	static struct log_bytes log, other;
	struct audit_record     record;
	enum audit_read         end;
	size_t                  cut;

	log_make(&log, 6);
	other = log;
	cut   = log.ends[3] - log.ends[2]; /* remove record 4 */
	memmove(other.bytes + other.ends[2], other.bytes + other.ends[3],
		other.size - other.ends[3]);
	assert_int_equal(count_good(bytes_of(other.bytes, other.size - cut), &end, &record), 3);
	assert_int_equal(end, AUDIT_BROKEN);
	other = log; /* repeat record 4 */
	memmove(other.bytes + log.ends[3] + cut, log.bytes + log.ends[3], log.size - log.ends[3]);
	memcpy(other.bytes + log.ends[3], log.bytes + log.ends[2], cut);
	assert_int_equal(count_good(bytes_of(other.bytes, log.size + cut), &end, &record), 4);
	assert_int_equal(end, AUDIT_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),       cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_claims),       cmocka_unit_test(test_order_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
