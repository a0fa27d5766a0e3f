/* Records: what goes in comes out, every flipped bit is found, and the bytes are the
 * ones format 2 promises for ever (a golden hash). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/base/currency.h"
#include "tests/unit/audit/audit_sample.h"

/* SHA-256 of a header, one record of each other kind and sample decisions 1 to 20, made
 * when format 2 was fixed.  When this differs, old logs can't be read: that is a new
 * AUDIT_VERSION, not a new hash here. */
#define GOLDEN "61e4205e3cd2945df0700ae8b55005205e24f5473a4ad1c50dd51c5c435bed23"

struct log_bytes {
	uint8_t bytes[1 << 18];
	size_t  size;
	size_t  ends[64]; /* ends[i]: after record i+1 */
	int     records;
};

/* A start, `decisions`, and the other kinds between the first of them. */
static void log_make(struct log_bytes *log, int decisions)
{
	static const enum audit_kind between[] = { AUDIT_LABEL, AUDIT_REPEAT, AUDIT_LIST,
						   AUDIT_CONFIG, AUDIT_STOP };
	struct audit_chain           chain;

	audit_chain_init(&chain);
	memset(log, 0, sizeof(*log));
	audit_encode_header(log->bytes, &chain, 1790000000000000000, bytes_of("test", 4));
	log->size = AUDIT_HEADER_BYTES;
	log->size += audit_sample(log->bytes + log->size, AUDIT_START, 0, 0, &chain);
	log->ends[log->records++] = log->size;
	for (int i = 1; i <= decisions; i++) {
		log->size += audit_sample_decision(log->bytes + log->size, (uint64_t)i,
						   (uint64_t)log->records / 2, &chain);
		log->ends[log->records++] = log->size;
		if (i > (int)(sizeof(between) / sizeof(between[0])))
			continue;
		log->size += audit_sample(log->bytes + log->size, between[i - 1], (uint64_t)i,
					  (uint64_t)log->records / 2, &chain);
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

/* One record of its own, read back. */
static void take(enum audit_kind kind, uint64_t number, struct audit_decoded *decoded)
{
	static uint8_t      bytes[AUDIT_RECORD_BYTES_MAX];
	struct audit_reader reader = { 0 };
	struct audit_record record;
	struct audit_chain  chain;
	size_t              size, used;

	audit_chain_init(&chain);
	reader.chain = chain;
	size         = audit_sample(bytes, kind, number, 7, &chain);
	assert_int_equal(audit_read_record(&reader, bytes_of(bytes, size), &record, &used),
			 AUDIT_DONE);
	assert_int_equal(used, size);
	assert_int_equal(record.kind, kind);
	assert_memory_equal(reader.chain.hash, chain.hash, DIGEST_BYTES);
	assert_int_equal(reader.chain.order, chain.order);
	assert_int_equal(chain.order, audit_kind_is_ordered(kind));
	assert_true(audit_decode(&record, decoded));
	assert_int_equal(decoded->order, chain.order);
	assert_int_equal(decoded->circumstance.durable_sequence, 7);
	assert_true(bytes_equal(decoded->circumstance.build, bytes_of("test", 4)));
}

static void test_round_trip(void **state)
{
	static struct audit_decoded  decoded;
	static struct transaction    transaction;
	static struct feature_values values;
	static struct decision       decision;
	struct decision_shadow       shadow;

	for (uint64_t number = 1; number <= 40; number++) {
		take(AUDIT_DECISION, number, &decoded);
		audit_sample_transaction(&transaction, number);
		audit_sample_values(&values, number);
		audit_sample_decided(&decision, number);
		audit_sample_shadow(&shadow, number);
		assert_memory_equal(&decoded.transaction, &transaction, sizeof(transaction));
		assert_memory_equal(&decoded.values, &values, sizeof(values));
		assert_memory_equal(&decoded.decision, &decision, sizeof(decision));
		assert_memory_equal(&decoded.shadow, &shadow, sizeof(shadow));
		assert_int_equal(decoded.artefacts.config[2], 3);
		assert_int_equal(decoded.artefacts.model[2], 6);
		assert_int_equal(decoded.artefacts.rules[2], 9);
		assert_int_equal(decoded.now_ns, 1790000000500000000 + (int64_t)number);
		assert_int_equal(decoded.circumstance.resumed, number % 2);
		assert_int_equal(decoded.circumstance.ledger.stage_ns[2], 30);
		assert_true(bytes_equal(decoded.identity, bytes_of(AUDIT_SAMPLE_IDENTITY,
								   strlen(AUDIT_SAMPLE_IDENTITY))));
	}
}

static void test_other_kinds_round_trip(void **state)
{
	static struct audit_decoded decoded;
	struct label                label;
	struct list_edit            edit;

	for (enum audit_kind kind = AUDIT_START; kind <= AUDIT_CONFIG; kind++) {
		take(kind, 1, &decoded);
		assert_int_equal(decoded.artefacts.rules[2], 9);
		assert_true(bytes_equal(decoded.note, bytes_of("started", 7)));
	}
	for (uint64_t number = 1; number <= 20; number++) {
		take(AUDIT_REPEAT, number, &decoded);
		assert_int_equal(decoded.first_sequence, number);
		assert_true(bytes_equal(decoded.id, bytes_of("payment-1", 9)));
		assert_int_equal(decoded.identity.size_bytes, strlen(AUDIT_SAMPLE_IDENTITY));
		take(AUDIT_LABEL, number, &decoded);
		audit_sample_told(&label, number);
		assert_memory_equal(&decoded.label, &label, sizeof(label));
		assert_int_equal(decoded.label_outcome, number % LABEL_OUTCOME_COUNT);
		assert_int_equal(decoded.labelled_order, number);
		take(AUDIT_LIST, number, &decoded);
		audit_sample_edit(&edit, number);
		assert_int_equal(decoded.edit.remove, edit.remove);
		assert_int_equal(decoded.edit.expires_ns, edit.expires_ns);
		assert_memory_equal(&decoded.edit.list, &edit.list, sizeof(edit.list));
		assert_memory_equal(&decoded.edit.value, &edit.value, sizeof(edit.value));
		assert_int_equal(decoded.edit_outcome,
				 number % 2 ? REASON_http_forbidden : REASON_NONE);
	}
}

static bool decodes_decided(const struct transaction *t, const struct decision *decision)
{
	static uint8_t          bytes[AUDIT_RECORD_BYTES_MAX];
	struct feature_values   values    = { 0 };
	struct artefact_digests artefacts = { .config = { 0 } };
	struct audit_decoded   *decoded   = test_malloc(sizeof(*decoded));
	struct audit_reader     reader    = { 0 };
	struct audit_entry      entry     = { .identity    = bytes_of("a", 1),
					      .transaction = t,
					      .values      = &values,
					      .decision    = decision,
					      .artefacts   = &artefacts };
	struct audit_record     record;
	struct audit_chain      chain;
	size_t                  size, used;
	bool                    ok;

	audit_chain_init(&chain);
	reader.chain = chain;
	size         = audit_encode_decision(bytes, sizeof(bytes), &entry, &chain);
	assert_int_equal(audit_read_record(&reader, bytes_of(bytes, size), &record, &used),
			 AUDIT_DONE);
	ok = audit_decode(&record, decoded);
	test_free(decoded);
	return ok;
}

static bool decodes(const struct transaction *t)
{
	struct decision decision = { 0 };

	return decodes_decided(t, &decision);
}

/* Nor what no decision says: an answer is made from it again. */
static void test_impossible_decisions_are_refused(void **state)
{
	static struct transaction t;
	struct decision           good = { .reasons_count = 1,
					   .reasons       = { { .code = DECIDED_FAILURE,
								.failure = REASON_model_output_invalid } },
					   .rules_count   = 1 };
	struct decision           bad[6];

	audit_sample_transaction(&t, 1);
	for (int i = 0; i < 6; i++)
		bad[i] = good;
	good.rules[0].severity = DECISION_SEVERITY_MAX;
	assert_true(decodes_decided(&t, &good));
	bad[0].rules[0].severity = DECISION_SEVERITY_MAX + 1;
	bad[1].score             = NAN;
	bad[2].margin            = INFINITY;
	bad[3].reasons[0].a      = -INFINITY;
	bad[4].reasons[0].b      = NAN;
	bad[5].reasons[0].code   = DECIDED_CODE_COUNT;
	for (int i = 0; i < 6; i++)
		assert_false(decodes_decided(&t, &bad[i]));
}

/* A chain is no seal: who writes the file can make one.  What no transaction has is
 * refused when it is read, before the state or a printer counts on it. */
static void test_impossible_numbers_are_refused(void **state)
{
	static struct transaction t;

	audit_sample_transaction(&t, 1);
	assert_true(decodes(&t));
	t.time_ns = -1;
	assert_false(decodes(&t));
	audit_sample_transaction(&t, 1);
	t.amount_minor = -1;
	assert_false(decodes(&t));
	t.amount_minor = AMOUNT_MINOR_END;
	assert_false(decodes(&t));
	audit_sample_transaction(&t, 1);
	t.currency_exponent = CURRENCY_EXPONENT_MAX + 1;
	assert_false(decodes(&t));
}

/* Fills every capacity: what the static asserts of encode.c promise. */
static void test_largest_fits(void **state)
{
	static uint8_t               bytes[AUDIT_RECORD_BYTES_MAX];
	static char                  identity[AUDIT_IDENTITY_BYTES_MAX];
	static char                  build[AUDIT_BUILD_BYTES_MAX];
	static struct transaction    t;
	static struct feature_values values = { .count = PLAN_FEATURES_MAX };
	static struct decision       decision;
	struct decision_shadow       shadow    = { .ran = 1 };
	struct artefact_digests      artefacts = { .config = { 0 } };
	struct audit_chain           chain;
	struct audit_entry           entry = {
			  .identity     = bytes_of(identity, sizeof(identity)),
			  .transaction  = &t,
			  .values       = &values,
			  .decision     = &decision,
			  .shadow       = &shadow,
			  .artefacts    = &artefacts,
			  .circumstance = { .build = bytes_of(build, sizeof(build)) },
	};
	size_t size;

	audit_sample_transaction(&t, 9);
	t.card.size_bytes = t.account.size_bytes = t.merchant.size_bytes = sizeof(t.card.data);
	t.device.size_bytes = t.payee.size_bytes = sizeof(t.device.data);
	for (int i = 0; i < TRANSACTION_PARTIES_MAX; i++) {
		t.parties[i].name.size_bytes = sizeof(t.parties[i].name.data);
		for (int k = 0; k < TRANSACTION_IDENTIFIERS_MAX; k++) {
			t.parties[i].identifiers[k].scheme.size_bytes = 14;
			t.parties[i].identifiers[k].value.size_bytes  = 46;
		}
	}
	decision.reasons_count = DECISION_REASONS_MAX;
	decision.rules_count   = DECISION_RULES_MAX;
	for (int i = 0; i < DECISION_REASONS_MAX; i++)
		decision.reasons[i].failure = REASON_http_headers_too_large;
	for (int i = 0; i < DECISION_RULES_MAX; i++) {
		decision.rules[i].id.size_bytes   = sizeof(decision.rules[i].id.data);
		decision.rules[i].text.size_bytes = sizeof(decision.rules[i].text.data);
	}
	audit_chain_init(&chain);
	size = audit_encode_decision(bytes, sizeof(bytes), &entry, &chain);
	print_message("# the largest decision has %zu bytes\n", size);
	assert_true(size > 6000 && size <= AUDIT_RECORD_BYTES_MAX);
}

/* The same decisions with starts, reloads and repeats between them, and with a shadow
 * beside: other records, the same decision parts. */
static void test_circumstances_do_not_reach_decisions(void **state)
{
	static uint8_t     plain[AUDIT_RECORD_BYTES_MAX], among[AUDIT_RECORD_BYTES_MAX];
	struct audit_chain one, other;
	uint32_t           part_bytes, plain_part_bytes;

	audit_chain_init(&one);
	audit_chain_init(&other);
	for (uint64_t number = 1; number <= 20; number++) {
		audit_sample(among, AUDIT_START, 0, 0, &other);
		audit_sample(among, AUDIT_REPEAT, 1, 0, &other);
		audit_sample(among, AUDIT_CONFIG, 1, 0, &other);
		audit_sample_unshadowed(plain, number, 0, &one);
		audit_sample_decision(among, number, number, &other);
		memcpy(&part_bytes, among + 16, 4);
		memcpy(&plain_part_bytes, plain + 16, 4);
		assert_int_equal(part_bytes, plain_part_bytes);
		assert_memory_equal(plain + AUDIT_FRAME_BYTES, among + AUDIT_FRAME_BYTES,
				    part_bytes);
	}
	assert_int_equal(one.next_sequence, 21);
	assert_int_equal(other.next_sequence, 81);
	assert_int_equal(one.order, other.order);
}

/* A log of the format before is refused by name, even when it holds its header only. */
static void test_format_1_is_refused(void **state)
{
	struct audit_reader reader;
	struct audit_header header;
	uint8_t             old[128] = { 'A', 'S', 'S', 'A', 'Y', 'A', 'U', 'D', 1 };
	size_t              used;

	assert_int_equal(audit_read_header(&reader, bytes_of(old, sizeof(old)), NULL, &header,
					   &used),
			 AUDIT_BROKEN);
	assert_string_equal(reader.broken,
			    "the log is of format 1, this build reads format 2 only");
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

	log_make(&log, 8); /* record n says (n - 1) / 2 is durable: 9 claims 4 */
	log.bytes[log.ends[1] + 40] ^= 1;
	behind = bytes_of(log.bytes + log.ends[1], log.ends[8] - log.ends[1]);
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
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_other_kinds_round_trip),
		cmocka_unit_test(test_impossible_numbers_are_refused),
		cmocka_unit_test(test_impossible_decisions_are_refused),
		cmocka_unit_test(test_largest_fits),
		cmocka_unit_test(test_circumstances_do_not_reach_decisions),
		cmocka_unit_test(test_format_1_is_refused),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_order_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
