/* The log on a simulated disk: power cuts, failing writes and syncs, a full disk.
 * What was acknowledged is there afterwards, in a chain that verifies.  One number
 * reproduces a failure: SEED=n log_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/audit_log.h"
#include "firmware/audit_mark.h"
#include "tests/unit/audit/audit_sample.h"

#define SEEDS_MAX 400

static const struct audit_log_options options = { .segment_bytes_max = 64 << 10, .build = "test" };

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Records from `chain` on, `count` of them; returns their bytes. */
static size_t make_records(uint8_t *out, int count, uint64_t durable, struct audit_chain *chain)
{
	size_t size = 0;

	for (int i = 0; i < count; i++)
		size += audit_sample_decision(out + size, chain->next_sequence, durable, chain);
	return size;
}

/* One life: open, write until the power goes.  Returns the last durable sequence,
 * as a caller would have been told. */
static uint64_t live(struct disk_sim *sim, uint64_t *random, uint64_t acknowledged)
{
	static uint8_t          records[32 * AUDIT_RECORD_BYTES_MAX];
	struct audit_log        log;
	struct audit_log_report report;
	int                     commits = (int)(next_random(random) % 40);
	uint32_t                errors  = sim->sync_errors_per_million;

	/* A disk that fails while recovery looks at it is a refusal, and right so. */
	sim->sync_errors_per_million = 0;
	if (!audit_log_open(&log, &sim->disk, &options, &report))
		fail_msg("recovery refused: %s", report.broken);
	sim->sync_errors_per_million = errors;
	if (log.durable_sequence < acknowledged)
		fail_msg("record %llu was acknowledged, the log ends at %llu",
			 (unsigned long long)acknowledged,
			 (unsigned long long)log.durable_sequence);
	acknowledged = log.durable_sequence;
	for (int i = 0; i < commits; i++) {
		struct audit_chain chain = log.appended;
		int                count = (int)(1 + next_random(random) % 31);
		size_t size = make_records(records, count, log.durable_sequence, &chain);

		if (!audit_log_append(&log, bytes_of(records, size), 1) || !audit_log_sync(&log)) {
			assert_int_equal(log.failure.reason, REASON_audit_unwritable);
			assert_int_equal(log.appended.next_sequence, log.durable_sequence + 1);
		}
		assert_true(log.durable_sequence >= acknowledged);
		acknowledged = log.durable_sequence;
	}
	/* And one that is under way when the power goes. */
	struct audit_chain chain = log.appended;
	size_t             size  = make_records(records, 31, log.durable_sequence, &chain);

	audit_log_append(&log, bytes_of(records, size), 1);
	acknowledged = log.durable_sequence;
	audit_log_close(&log);
	return acknowledged;
}

static void one_seed(uint64_t seed, uint32_t write_errors, uint32_t sync_errors)
{
	struct disk_sim         sim;
	uint64_t                random       = seed * 0x9e3779b97f4a7c15ULL | 1;
	uint64_t                acknowledged = 0;
	struct audit_log_report report;

	disk_sim_init(&sim, seed);
	sim.write_errors_per_million = write_errors;
	sim.sync_errors_per_million  = sync_errors;
	for (int life = 0; life < 4; life++) {
		acknowledged = live(&sim, &random, acknowledged);
		disk_sim_power_cut(&sim);
		if (!audit_log_verify(&sim.disk, NULL, &report))
			fail_msg("after a power cut: %s", report.broken);
		assert_true(report.last_sequence >= acknowledged);
	}
	disk_sim_free(&sim);
}

static void test_power_cuts(void **state)
{
	const char *only  = getenv("SEED");
	uint64_t    first = only ? strtoull(only, NULL, 10) : 1;
	uint64_t    last  = only ? first : SEEDS_MAX;

	for (uint64_t seed = first; seed <= last; seed++) {
		printf("# SEED=%llu\n", (unsigned long long)seed);
		one_seed(seed, seed % 2 ? 0 : 50000, seed % 3 ? 0 : 50000);
	}
}

/* A full disk refuses, says so, loses nothing, and goes on when there is room. */
static void test_full_disk(void **state)
{
	static uint8_t          records[8 * AUDIT_RECORD_BYTES_MAX];
	struct disk_sim         sim;
	struct audit_log        log;
	struct audit_log_report report;
	struct audit_chain      chain;
	uint64_t                durable;
	size_t                  size;
	bool                    good = true;

	disk_sim_init(&sim, 1);
	sim.capacity_bytes = 100000;
	assert_true(audit_log_open(&log, &sim.disk, &options, &report));
	while (good) {
		chain = log.appended;
		size  = make_records(records, 8, log.durable_sequence, &chain);
		good  = audit_log_append(&log, bytes_of(records, size), 1) && audit_log_sync(&log);
	}
	assert_int_equal(log.failure.reason, REASON_audit_unwritable);
	assert_string_equal(log.failure.detail, "No space left on device");
	durable = log.durable_sequence;
	assert_true(durable > 0);
	sim.capacity_bytes = 1 << 20;
	chain              = log.appended;
	size               = make_records(records, 8, durable, &chain);
	assert_true(audit_log_append(&log, bytes_of(records, size), 1) && audit_log_sync(&log));
	assert_int_equal(log.failure.reason, REASON_NONE);
	assert_int_equal(log.durable_sequence, durable + 8);
	log.options.free_bytes_min = 1 << 21;
	assert_false(audit_log_append(&log, bytes_of(records, 0), 1));
	audit_log_close(&log);
	assert_true(audit_log_verify(&sim.disk, NULL, &report));
	assert_int_equal(report.last_sequence, durable + 8);
	disk_sim_free(&sim);
}

struct kept {
	struct disk_sim  sim;
	struct audit_log log;
	uint64_t         ends[64]; /* file offset behind each record */
};

/* A log of `count` single-record commits in one segment. */
static void keep(struct kept *k, int count)
{
	static uint8_t          record[AUDIT_RECORD_BYTES_MAX];
	struct audit_log_report report;

	disk_sim_init(&k->sim, 1);
	assert_true(audit_log_open(&k->log, &k->sim.disk, &options, &report));
	for (int i = 0; i < count; i++) {
		struct audit_chain chain = k->log.appended;
		size_t             size  = make_records(record, 1, k->log.durable_sequence, &chain);

		assert_true(audit_log_append(&k->log, bytes_of(record, size), 1));
		assert_true(audit_log_sync(&k->log));
		k->ends[i] = k->log.write_offset_bytes;
	}
	audit_log_close(&k->log);
}

/* The file cut at every byte of the last record: it is recovered to the one before. */
static void test_torn_at_every_byte(void **state)
{
	static struct kept      k;
	static uint8_t          whole[64 << 10];
	struct audit_log_report report;
	uint64_t                size;

	keep(&k, 5);
	size = k.ends[4];
	/* Of a power cut, the mark need not have survived. */
	k.sim.disk.ops->remove(&k.sim.disk, AUDIT_MARK_NAME);
	k.sim.disk.ops->read(&k.sim.disk, 0, 0, whole, size);
	for (uint64_t cut = k.ends[3]; cut <= size; cut++) {
		k.sim.disk.ops->truncate(&k.sim.disk, 0, 0);
		k.sim.disk.ops->write(&k.sim.disk, 0, 0, whole, cut);
		assert_true(audit_log_open(&k.log, &k.sim.disk, &options, &report));
		assert_int_equal(k.log.durable_sequence, cut == size ? 5 : 4);
		assert_int_equal(report.torn_bytes, cut == size ? 0 : cut - k.ends[3]);
		assert_int_equal(k.sim.disk.ops->size(&k.sim.disk, 0),
				 cut == size ? size : k.ends[3]);
		audit_log_close(&k.log);
	}
	disk_sim_free(&k.sim);
}

/* What was kept, one bit of byte `at` flipped. */
static void write_flipped(struct kept *k, uint8_t *whole, uint64_t size, uint64_t at)
{
	whole[at] ^= 0x10;
	k->sim.disk.ops->write(&k->sim.disk, 0, 0, whole, size);
	whole[at] ^= 0x10;
}

/* A bit flipped in a record that a later one says was on disk: never cut, and both
 * recovery and verification name the place. */
static void test_damage_is_not_cut(void **state)
{
	static struct kept      k;
	static uint8_t          whole[64 << 10];
	struct audit_log_report report;
	uint64_t                size;

	keep(&k, 6);
	size = k.ends[5];
	k.sim.disk.ops->read(&k.sim.disk, 0, 0, whole, size);
	for (uint64_t at = 0; at < k.ends[3]; at++) {
		write_flipped(&k, whole, size, at);
		if (audit_log_open(&k.log, &k.sim.disk, &options, &report))
			fail_msg("byte %llu flipped: opened", (unsigned long long)at);
		assert_string_not_equal(report.broken, "");
		assert_int_equal(k.sim.disk.ops->size(&k.sim.disk, 0), size);
		assert_false(audit_log_verify(&k.sim.disk, NULL, &report));
	}
	disk_sim_free(&k.sim);
}

/* The last group has no later record to vouch for it; the mark does.  Without the mark
 * (a power cut lost it) the same damage is a torn tail. */
static void test_last_group_is_not_cut(void **state)
{
	static struct kept      k;
	static uint8_t          whole[64 << 10];
	struct audit_log_report report;
	uint64_t                size;

	keep(&k, 6);
	size = k.ends[5];
	k.sim.disk.ops->read(&k.sim.disk, 0, 0, whole, size);
	for (uint64_t at = k.ends[4]; at < size; at += 7) {
		write_flipped(&k, whole, size, at);
		assert_false(audit_log_open(&k.log, &k.sim.disk, &options, &report));
		assert_non_null(strstr(report.broken, "was on disk"));
		assert_int_equal(k.sim.disk.ops->size(&k.sim.disk, 0), size);
		assert_false(audit_log_verify(&k.sim.disk, NULL, &report));
	}
	k.sim.disk.ops->truncate(&k.sim.disk, 0, k.ends[4]);
	assert_false(audit_log_verify(&k.sim.disk, NULL, &report));
	assert_false(audit_log_open(&k.log, &k.sim.disk, &options, &report));
	k.sim.disk.ops->remove(&k.sim.disk, AUDIT_MARK_NAME);
	assert_true(audit_log_verify(&k.sim.disk, NULL, &report));
	assert_true(audit_log_open(&k.log, &k.sim.disk, &options, &report));
	assert_int_equal(k.log.durable_sequence, 5);
	audit_log_close(&k.log);
	disk_sim_free(&k.sim);
}

/* All of it gone, and only the mark is left. */
static void test_lost_log_is_not_begun_anew(void **state)
{
	static struct kept      k;
	struct audit_log_report report;
	struct disk_name        names[4];
	int64_t                 count;

	keep(&k, 2);
	count = k.sim.disk.ops->list(&k.sim.disk, names, 4);
	for (int64_t i = 0; i < count; i++)
		if (strcmp(names[i].text, AUDIT_MARK_NAME) != 0)
			k.sim.disk.ops->remove(&k.sim.disk, names[i].text);
	assert_false(audit_log_open(&k.log, &k.sim.disk, &options, &report));
	assert_false(audit_log_verify(&k.sim.disk, NULL, &report));
	disk_sim_free(&k.sim);
}

/* The header of a segment that holds acknowledged records: nothing later vouches for
 * them, and the segment must not be taken for one that was only begun. */
static void test_lost_header_is_not_removed(void **state)
{
	static uint8_t          records[32 * AUDIT_RECORD_BYTES_MAX];
	static const uint8_t    zeros[AUDIT_HEADER_BYTES];
	struct disk_sim         sim;
	struct audit_log        log;
	struct audit_log_report report;
	struct disk_name       *names;
	int64_t                 count, size;
	int                     file;

	disk_sim_init(&sim, 1);
	assert_true(audit_log_open(&log, &sim.disk, &options, &report));
	while (log.segments_made < 2) {
		struct audit_chain chain = log.appended;

		size = (int64_t)make_records(records, 8, log.durable_sequence, &chain);
		assert_true(audit_log_append(&log, bytes_of(records, (size_t)size), 1) &&
			    audit_log_sync(&log));
	}
	audit_log_close(&log);
	count = audit_log_segments(&sim.disk, &names);
	assert_int_equal(count, 2);
	file = sim.disk.ops->open(&sim.disk, names[1].text, true);
	size = sim.disk.ops->size(&sim.disk, file);
	sim.disk.ops->write(&sim.disk, file, 0, zeros, sizeof(zeros));
	assert_false(audit_log_open(&log, &sim.disk, &options, &report));
	assert_non_null(strstr(report.broken, "the segment has no header, but its records"));
	assert_int_equal(sim.disk.ops->size(&sim.disk, file), size);
	sim.disk.ops->remove(&sim.disk, AUDIT_MARK_NAME);
	assert_true(audit_log_open(&log, &sim.disk, &options, &report));
	audit_log_close(&log);
	free(names);
	disk_sim_free(&sim);
}

/* Removing or swapping a whole segment is found. */
static void test_missing_segment(void **state)
{
	static uint8_t          records[32 * AUDIT_RECORD_BYTES_MAX];
	struct disk_sim         sim;
	struct audit_log        log;
	struct audit_log_report report;
	struct disk_name       *names;
	int64_t                 count;

	disk_sim_init(&sim, 1);
	assert_true(audit_log_open(&log, &sim.disk, &options, &report));
	while (log.segments_made < 4) {
		struct audit_chain chain = log.appended;
		size_t             size  = make_records(records, 31, log.durable_sequence, &chain);

		assert_true(audit_log_append(&log, bytes_of(records, size), 1) &&
			    audit_log_sync(&log));
	}
	audit_log_close(&log);
	assert_true(audit_log_verify(&sim.disk, NULL, &report));
	assert_int_equal(report.segments, 4);
	assert_int_equal(report.last_sequence, log.durable_sequence);
	assert_int_equal(report.first_sequence, 1);
	count = audit_log_segments(&sim.disk, &names);
	assert_int_equal(count, 4);
	assert_int_equal(sim.disk.ops->remove(&sim.disk, names[1].text), 0);
	free(names);
	assert_false(audit_log_verify(&sim.disk, NULL, &report));
	disk_sim_free(&sim);
}

/* A roll fails after it made the next file, and what is appended then is smaller and
 * would fit where the log was: it still goes to the new segment. */
static void test_failed_roll_is_finished(void **state)
{
	static uint8_t                record[AUDIT_RECORD_BYTES_MAX];
	const struct artefact_digests artefacts = { .config = { 1 } };
	struct audit_event            event     = { .kind = AUDIT_STOP, .artefacts = &artefacts };
	struct disk_sim               sim;
	struct audit_log              log;
	struct audit_log_report       report;
	struct audit_chain            chain;
	size_t                        size;
	uint64_t                      room;

	disk_sim_init(&sim, 1);
	assert_true(audit_log_open(&log, &sim.disk, &options, &report));
	do { /* until the next record is a large one, and only a small one fits */
		chain = log.appended;
		size  = make_records(record, 1, 0, &chain);
		room  = options.segment_bytes_max - log.write_offset_bytes;
		if (log.file >= 0 && size > room && room > AUDIT_RECORD_BYTES_MIN)
			break;
		assert_true(audit_log_append(&log, bytes_of(record, size), 1) &&
			    audit_log_sync(&log));
	} while (chain.next_sequence < 10000);
	assert_true(size > room && room > AUDIT_RECORD_BYTES_MIN);
	sim.write_errors_per_million = 1000000;
	assert_false(audit_log_append(&log, bytes_of(record, size), 1));
	sim.write_errors_per_million = 0;
	chain                        = log.appended;
	size                         = audit_encode_event(record, sizeof(record), &event, &chain);
	assert_true(audit_log_append(&log, bytes_of(record, size), 1) && audit_log_sync(&log));
	for (int i = 0; i < 100; i++) {
		chain = log.appended;
		size  = make_records(record, 1, 0, &chain);
		assert_true(audit_log_append(&log, bytes_of(record, size), 1) &&
			    audit_log_sync(&log));
	}
	audit_log_close(&log);
	if (!audit_log_verify(&sim.disk, NULL, &report))
		fail_msg("%s", report.broken);
	disk_sim_free(&sim);
}

/* ---- reading a stretch */

#define STRETCH_RECORDS 300

struct stretch {
	uint64_t first, last, count;
	uint64_t stop_at; /* 0: never */
};

static bool visit(void *context, const struct audit_record *record)
{
	struct stretch *stretch = context;

	if (stretch->count++ == 0)
		stretch->first = record->sequence;
	else
		assert_int_equal(record->sequence, stretch->last + 1);
	stretch->last = record->sequence;
	return record->sequence != stretch->stop_at;
}

/* A log of several segments; hashes[i] is the chain hash behind record i. */
static void make_long(struct disk_sim *sim, uint8_t hashes[STRETCH_RECORDS + 1][DIGEST_BYTES])
{
	static uint8_t          record[AUDIT_RECORD_BYTES_MAX];
	struct audit_log        log;
	struct audit_log_report report;

	disk_sim_init(sim, 1);
	assert_true(audit_log_open(&log, &sim->disk, &options, &report));
	memset(hashes[0], 0, DIGEST_BYTES);
	for (uint64_t i = 1; i <= STRETCH_RECORDS; i++) {
		struct audit_chain chain = log.appended;
		size_t             size  = make_records(record, 1, log.durable_sequence, &chain);

		assert_true(audit_log_append(&log, bytes_of(record, size), 1) &&
			    audit_log_sync(&log));
		memcpy(hashes[i], chain.hash, DIGEST_BYTES);
	}
	assert_true(log.segments_made >= 4);
	audit_log_close(&log);
}

static void test_stretch(void **state)
{
	static uint8_t          hashes[STRETCH_RECORDS + 1][DIGEST_BYTES];
	struct disk_sim         sim;
	struct audit_log_report report;

	make_long(&sim, hashes);
	for (uint64_t from = 1; from <= STRETCH_RECORDS; from += 7) {
		for (uint64_t to = from - 1; to <= STRETCH_RECORDS; to += 31) {
			struct stretch           stretch = { 0 };
			struct audit_log_visitor visitor = { .each = visit, .context = &stretch };
			struct audit_log_range   range   = { .from_sequence = from,
							     .to_sequence   = to,
							     .hash_before   = hashes[from - 1] };
			uint64_t                 last    = to ? to : STRETCH_RECORDS;

			if (!audit_log_read(&sim.disk, &range, &visitor, &report))
				fail_msg("%s", report.broken);
			assert_int_equal(stretch.count, last - from + 1);
			assert_int_equal(report.records, last - from + 1);
			assert_int_equal(stretch.first, last >= from ? from : 0);
			assert_int_equal(stretch.last, last >= from ? last : 0);
			if (last > 0)
				assert_memory_equal(report.last_hash, hashes[last], DIGEST_BYTES);
			range.hash_before = hashes[from == 1 ? 1 : from - 2];
			assert_false(audit_log_read(&sim.disk, &range, NULL, &report));
			assert_non_null(strstr(report.broken, "not the log it was"));
		}
	}
	disk_sim_free(&sim);
}

static void test_stretch_that_is_not_there(void **state)
{
	static uint8_t           hashes[STRETCH_RECORDS + 1][DIGEST_BYTES];
	struct disk_sim          sim;
	struct audit_log_report  report;
	struct audit_log_range   range   = { .from_sequence = STRETCH_RECORDS + 1 };
	struct stretch           stretch = { .stop_at = 5 };
	struct audit_log_visitor visitor = { .each = visit, .context = &stretch };
	struct disk_name        *names;

	make_long(&sim, hashes);
	assert_true(audit_log_read(&sim.disk, &range, NULL, &report));
	assert_int_equal(report.records, 0);
	range.from_sequence++;
	assert_false(audit_log_read(&sim.disk, &range, NULL, &report));
	assert_string_equal(report.broken, "the log ends before record 301, 302 was asked for");
	range = (struct audit_log_range){ .from_sequence = 2, .to_sequence = STRETCH_RECORDS + 1 };
	assert_false(audit_log_read(&sim.disk, &range, NULL, &report));
	assert_string_equal(report.broken, "the log ends before record 301, it should go to 301");
	assert_true(audit_log_read(&sim.disk, &range, &visitor, &report));
	assert_int_equal(stretch.last, 5);
	/* Older segments may have been moved away; then the log begins later. */
	assert_true(audit_log_segments(&sim.disk, &names) > 1);
	assert_int_equal(sim.disk.ops->remove(&sim.disk, names[0].text), 0);
	free(names);
	assert_false(audit_log_read(&sim.disk, &range, NULL, &report));
	assert_non_null(strstr(report.broken, "the log begins with record "));
	range = (struct audit_log_range){ 0 };
	assert_true(audit_log_read(&sim.disk, &range, NULL, &report));
	disk_sim_free(&sim);
}

/* What another thread is just writing behind to_sequence does not disturb. */
static void test_stretch_of_a_growing_log(void **state)
{
	static uint8_t          hashes[STRETCH_RECORDS + 1][DIGEST_BYTES];
	struct disk_sim         sim;
	struct audit_log_range  range = { .from_sequence = STRETCH_RECORDS - 3,
					  .to_sequence   = STRETCH_RECORDS };
	struct audit_log_report report;
	struct disk_name       *names;
	int64_t                 count, size;
	int                     file;

	make_long(&sim, hashes);
	count = audit_log_segments(&sim.disk, &names);
	file  = sim.disk.ops->open(&sim.disk, names[count - 1].text, true);
	size  = sim.disk.ops->size(&sim.disk, file);
	free(names);
	assert_int_equal(sim.disk.ops->write(&sim.disk, file, (uint64_t)size, "half", 4), 0);
	file = sim.disk.ops->create(&sim.disk, "audit-00000000000000000301.seg");
	assert_true(file >= 0);
	assert_true(audit_log_read(&sim.disk, &range, NULL, &report));
	assert_int_equal(report.records, 4);
	assert_int_equal(report.torn_bytes, 0);
	disk_sim_free(&sim);
}

/* The same calls on a real directory; a second writer is kept out. */
static void test_real_directory(void **state)
{
	static uint8_t          records[32 * AUDIT_RECORD_BYTES_MAX];
	char                    path[] = "/tmp/assay-audit-XXXXXX";
	struct disk_real        real, second;
	struct audit_log        log;
	struct audit_log_report report;
	struct disk_name       *names;
	uint64_t                durable;
	int64_t                 count;

	assert_non_null(mkdtemp(path));
	assert_int_equal(disk_real_open(&real, path, true), 0);
	assert_true(disk_real_open(&second, path, true) < 0);
	assert_true(audit_log_open(&log, &real.disk, &options, &report));
	for (int i = 0; i < 6; i++) {
		struct audit_chain chain = log.appended;
		size_t             size  = make_records(records, 31, log.durable_sequence, &chain);

		assert_true(audit_log_append(&log, bytes_of(records, size), 1) &&
			    audit_log_sync(&log));
	}
	durable = log.durable_sequence;
	audit_log_close(&log);
	assert_true(audit_log_open(&log, &real.disk, &options, &report));
	assert_int_equal(log.durable_sequence, durable);
	audit_log_close(&log);
	assert_true(audit_log_verify(&real.disk, NULL, &report));
	assert_int_equal(report.last_sequence, durable);
	count = audit_log_segments(&real.disk, &names);
	assert_true(count > 1);
	for (int64_t i = 0; i < count; i++)
		assert_int_equal(real.disk.ops->remove(&real.disk, names[i].text), 0);
	free(names);
	assert_int_equal(real.disk.ops->remove(&real.disk, AUDIT_MARK_NAME), 0);
	disk_real_close(&real);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_cuts),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_torn_at_every_byte),
		cmocka_unit_test(test_damage_is_not_cut),
		cmocka_unit_test(test_last_group_is_not_cut),
		cmocka_unit_test(test_lost_log_is_not_begun_anew),
		cmocka_unit_test(test_lost_header_is_not_removed),
		cmocka_unit_test(test_missing_segment),
		cmocka_unit_test(test_failed_roll_is_finished),
		cmocka_unit_test(test_stretch),
		cmocka_unit_test(test_stretch_that_is_not_there),
		cmocka_unit_test(test_stretch_of_a_growing_log),
		cmocka_unit_test(test_real_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
