/* runtime/state/sightings.h: labels, what is known, snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/state/sightings.h"
#include "tests/unit/state/stream.h"

#define TRANSACTIONS_MAX 100
#define SNAPSHOT_MAX     65536
#define DECIDERS         3

static struct feature_plan plan;
static struct state_keys   keys;
static uint8_t             snapshot[SNAPSHOT_MAX];
static size_t              snapshot_bytes;

static struct sightings *open_sightings(uint32_t transactions_max)
{
	size_t size   = sightings_size(&plan, transactions_max, DECIDERS);
	void  *memory = aligned_alloc(64, (size + 63) / 64 * 64);

	memset(memory, 0, size);
	return sightings_init(memory, &plan, transactions_max, DECIDERS);
}

static struct hash128 key_of(uint64_t n)
{
	return hash_bytes(999, bytes_of(&n, sizeof(n)));
}

static void add(struct sightings *sightings, uint64_t n, uint64_t sequence)
{
	for (uint32_t i = 0; i < PLAN_ENTITIES_MAX; i++)
		keys.file[i] = hash_bytes(i, bytes_of(&sequence, sizeof(sequence)));
	uint64_t number = sightings_add(sightings, key_of(n), sequence,
					(int64_t)sequence * SECOND_NS, &keys);

	/* Each decider what it owns, by the sequence's bits. */
	for (uint32_t d = 0; d < DECIDERS; d++)
		sightings_note(sightings, d, number, (uint16_t)(sequence & 1u << d));
}

static bool is_filed_by_any(const struct sightings *sightings, uint64_t number, uint8_t entity)
{
	bool filed = false;

	for (uint32_t d = 0; d < DECIDERS; d++)
		filed |= sightings_filed(sightings, d, number, entity);
	return filed;
}

static void labels_of_one_transaction(void **context)
{
	static const struct {
		enum label_kind    kind;
		enum label_outcome outcome;
		int                frauds, labelled;
	} rows[] = {
		{ LABEL_NONE, LABEL_UNCHANGED, 0, 0 },    { LABEL_RELEASED, LABEL_APPLIED, 0, 0 },
		{ LABEL_FRAUD, LABEL_APPLIED, 1, 1 },     { LABEL_FRAUD, LABEL_UNCHANGED, 0, 0 },
		{ LABEL_REJECTED, LABEL_CHANGED, 0, 0 },  { LABEL_GENUINE, LABEL_CHANGED, -1, 0 },
		{ LABEL_GENUINE, LABEL_UNCHANGED, 0, 0 }, { LABEL_FRAUD, LABEL_CHANGED, 1, 0 },
		{ LABEL_NONE, LABEL_CHANGED, -1, -1 },    { LABEL_NONE, LABEL_UNCHANGED, 0, 0 },
		{ LABEL_GENUINE, LABEL_APPLIED, 0, 1 },
	};
	struct sightings *sightings;
	struct sighting   out;

	stream_plan(&plan, 1, UINT64_C(1) << 24);
	sightings = open_sightings(TRANSACTIONS_MAX);
	add(sightings, 1, 5);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(sightings_label(sightings, key_of(1), rows[i].kind, &out),
				 rows[i].outcome);
		assert_int_equal(out.sequence, 5);
		assert_int_equal(out.change.sequence, 5);
		assert_int_equal(out.change.time_ns, 5 * SECOND_NS);
		assert_int_equal(out.change.frauds, rows[i].frauds);
		assert_int_equal(out.change.labelled, rows[i].labelled);
		assert_memory_equal(out.file, keys.file,
				    plan.entities_count * sizeof(struct hash128));
		assert_false(hash_is(out.file[plan.entities_count]));
	}
	assert_int_equal(sightings_label(sightings, key_of(2), LABEL_FRAUD, &out), LABEL_UNKNOWN);
	assert_int_equal(out.sequence, 0);
	free(sightings);
}

/* The newest are known, whatever was asked; a key seen again is the newer one. */
static void the_oldest_leaves_first(void **context)
{
	struct sightings *sightings;
	struct sighting   out;

	stream_plan(&plan, 1, UINT64_C(1) << 24);
	sightings = open_sightings(TRANSACTIONS_MAX);
	for (uint64_t n = 1; n <= 1000; n++) {
		add(sightings, n, 10 * n);
		if (n <= TRANSACTIONS_MAX)
			continue;
		assert_int_equal(sightings_label(sightings, key_of(n - TRANSACTIONS_MAX),
						 LABEL_FRAUD, &out),
				 LABEL_UNKNOWN);
		assert_true(sightings_label(sightings, key_of(n - TRANSACTIONS_MAX + 1),
					    LABEL_FRAUD, &out) != LABEL_UNKNOWN);
		assert_int_equal(out.sequence, 10 * (n - TRANSACTIONS_MAX + 1));
	}
	add(sightings, 950, 20000);
	assert_int_equal(sightings_label(sightings, key_of(950), LABEL_GENUINE, &out),
			 LABEL_APPLIED);
	assert_int_equal(out.sequence, 20000);
	/* The older one leaves; the key still stands for the newer. */
	for (uint64_t n = 0; n < 60; n++)
		add(sightings, 5000 + n, 20001 + n);
	assert_int_equal(sightings_label(sightings, key_of(950), LABEL_GENUINE, &out),
			 LABEL_UNCHANGED);
	free(sightings);
}

static bool append(void *ctx, struct bytes piece)
{
	size_t *capacity_bytes = ctx;

	if (piece.size_bytes > *capacity_bytes - snapshot_bytes)
		return false;
	memcpy(snapshot + snapshot_bytes, piece.data, piece.size_bytes);
	snapshot_bytes += piece.size_bytes;
	return true;
}

static void save(const struct sightings *sightings)
{
	size_t capacity_bytes = SNAPSHOT_MAX;

	snapshot_bytes = 0;
	assert_true(sightings_save(sightings, append, &capacity_bytes));
}

static bool load(struct sightings *sightings, struct failure *failure)
{
	uint8_t *copy = malloc(snapshot_bytes);
	bool     good;

	memcpy(copy, snapshot, snapshot_bytes);
	good = sightings_load(sightings, bytes_of(copy, snapshot_bytes), failure);
	free(copy);
	return good;
}

static void a_loaded_one_answers_the_same(void **context)
{
	struct sightings *sightings, *loaded;
	struct sighting   a, b;
	struct failure    failure;
	uint64_t          seed = 12;

	stream_plan(&plan, 1, UINT64_C(1) << 24);
	sightings = open_sightings(TRANSACTIONS_MAX);
	print_message("# seed %llu\n", (unsigned long long)seed);
	for (uint64_t n = 1; n <= 3000; n++) {
		uint64_t        key  = splitmix(&seed) % 200;
		enum label_kind kind = splitmix(&seed) % LABEL_KIND_COUNT;

		if (splitmix(&seed) % 2 == 0)
			add(sightings, key, n);
		loaded = open_sightings(TRANSACTIONS_MAX);
		save(sightings);
		assert_true(load(loaded, &failure));
		assert_int_equal(sightings_label(sightings, key_of(key), kind, &a),
				 sightings_label(loaded, key_of(key), kind, &b));
		for (uint8_t e = 0; e < plan.entities_count && a.sequence > 0; e++) {
			bool filed = (a.sequence & 7u) >> e & 1;

			assert_int_equal(is_filed_by_any(sightings, a.number, e), filed);
			/* A loaded one may go on with any number of deciders. */
			for (uint32_t d = 0; d < DECIDERS; d++)
				assert_int_equal(sightings_filed(loaded, d, b.number, e), filed);
		}
		a.number = b.number = 0;
		assert_memory_equal(&a, &b, sizeof(a));
		if (splitmix(&seed) % 2 == 0) {
			free(sightings);
			sightings = loaded;
		} else {
			free(loaded);
		}
	}
	free(sightings);
}

/* A decider may be behind, and may add to what it has noted; it is never told of a place
 * that belongs to a newer transaction by then. */
static void what_is_noted_is_of_one_transaction(void **context)
{
	struct sightings *sightings;

	stream_plan(&plan, 1, UINT64_C(1) << 24);
	sightings = open_sightings(2);
	for (uint64_t n = 1; n <= 5; n++)
		sightings_add(sightings, key_of(n), n, 0, &keys);
	sightings_note(sightings, 0, 0, 1);
	assert_true(sightings_filed(sightings, 0, 0, 0));
	assert_false(sightings_filed(sightings, 0, 0, 1));
	assert_false(sightings_filed(sightings, 1, 0, 0));
	assert_false(sightings_filed(sightings, 0, 1, 0));
	sightings_note(sightings, 0, 1, 0);
	sightings_note(sightings, 0, 0, 8);
	assert_true(sightings_filed(sightings, 0, 0, 0) && sightings_filed(sightings, 0, 0, 3));
	assert_false(sightings_filed(sightings, 0, 1, 0));
	sightings_note(sightings, 0, 2, 0); /* takes the place of 0 */
	sightings_note(sightings, 0, 0, 4);
	assert_false(sightings_filed(sightings, 0, 0, 0));
	assert_false(sightings_filed(sightings, 0, 2, 2));
	free(sightings);
}

static void damage_is_refused(void **context)
{
	struct sightings *sightings, *other;
	struct failure    failure;
	struct sighting   out;
	size_t            capacity_bytes = 100;

	stream_plan(&plan, 1, UINT64_C(1) << 24);
	sightings = open_sightings(TRANSACTIONS_MAX);
	for (uint64_t n = 1; n <= 130; n++)
		add(sightings, n, n);
	save(sightings);
	for (size_t i = 0; i < snapshot_bytes; i += 3) {
		snapshot[i] ^= (uint8_t)(1u << i % 8);
		assert_false(load(sightings, &failure));
		snapshot[i] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(sightings_label(sightings, key_of(130), LABEL_FRAUD, &out),
				 LABEL_UNKNOWN);
	}
	other = open_sightings(TRANSACTIONS_MAX + 1);
	assert_false(load(other, &failure));
	assert_non_null(strstr(failure.detail, "transactions_max"));
	assert_true(load(sightings, &failure));
	snapshot_bytes = 0;
	assert_false(sightings_save(sightings, append, &capacity_bytes));
	free(other);
	free(sightings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_of_one_transaction),
		cmocka_unit_test(the_oldest_leaves_first),
		cmocka_unit_test(a_loaded_one_answers_the_same),
		cmocka_unit_test(what_is_noted_is_of_one_transaction),
		cmocka_unit_test(damage_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
