/* Rows for sequence models: against an oracle that keeps every row ever added in a list;
 * eviction; snapshots there and back; whatever else is loaded is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/state/history.h"
#include "tests/lib/splitmix.h"

#define KEYS_MAX       600
#define ADDS_MAX       20000
#define COLUMNS_MAX    7
#define SNAPSHOT_BYTES (UINT64_C(1) << 20)

static struct history_plan plan;

/* ---- the oracle: every row ever added, and whose it is */

struct known {
	uint32_t shard;
	bool     is_there;
	uint64_t added_at; /* the last time */
};

static struct hash128 keys[KEYS_MAX];
static struct known   oracle[KEYS_MAX];
static float          rows[ADDS_MAX][COLUMNS_MAX];
static uint32_t       of_key[ADDS_MAX];    /* whose row it is */
static bool           forgotten[ADDS_MAX]; /* it was there before an eviction */

static void plan_make(uint32_t shards, uint32_t steps, uint32_t columns,
		      enum history_missing missing)
{
	char error[300];

	memset(&plan, 0, sizeof(plan));
	plan.shards  = shards;
	plan.steps   = steps;
	plan.columns = columns;
	plan.missing = (uint8_t)missing;
	for (uint32_t i = 0; i < columns; i++)
		plan.names[i][0] = (char)('a' + i);
	while (history_size(&plan, error, sizeof(error)) == 0)
		plan.memory_bytes += 512;
}

static struct history *open_history(void)
{
	char   error[300];
	size_t size   = history_size(&plan, error, sizeof(error));
	void  *memory = aligned_alloc(HISTORY_ALIGN_BYTES, (size + 63) / 64 * 64);

	assert_true(size > 0 && size <= plan.memory_bytes);
	return history_init(memset(memory, 0, size), &plan);
}

static uint32_t entries_max(const struct history *history)
{
	struct history_facts facts;

	history_facts(history, &facts);
	return facts.entries_max;
}

static void keys_make(uint64_t *seed)
{
	for (uint32_t i = 0; i < KEYS_MAX; i++) {
		keys[i] = (struct hash128){ splitmix(seed), splitmix(seed) };
		/* Some that begin at the same slot of the index. */
		keys[i].low     = i % 3 == 0 ? keys[i].low & ~UINT64_C(0xffffffff) : keys[i].low;
		oracle[i]       = (struct known){ 0 };
		oracle[i].shard = (uint32_t)keys[i].high & (plan.shards - 1);
	}
}

/* The key that the oracle says must leave for a new one, or KEYS_MAX: there is room. */
static uint32_t oldest_of(uint32_t shard, uint32_t room)
{
	uint32_t there = 0, oldest = KEYS_MAX;

	for (uint32_t i = 0; i < KEYS_MAX; i++) {
		if (!oracle[i].is_there || oracle[i].shard != shard)
			continue;
		there++;
		if (oldest == KEYS_MAX || oracle[i].added_at < oracle[oldest].added_at)
			oldest = i;
	}
	return there < room ? KEYS_MAX : oldest;
}

static void oracle_add(uint32_t key, uint32_t add, uint32_t room, uint64_t *evicted)
{
	if (!oracle[key].is_there) {
		uint32_t leaves = oldest_of(oracle[key].shard, room);

		if (leaves != KEYS_MAX) {
			oracle[leaves].is_there = false;
			for (uint32_t i = 0; i < add; i++)
				forgotten[i] = forgotten[i] || of_key[i] == leaves;
			(*evicted)++;
		}
		oracle[key].is_there = true;
	}
	oracle[key].added_at = add;
	of_key[add]          = key;
	forgotten[add]       = false;
}

/* The window of this key by looking at all rows, newest first. */
static void oracle_window(uint32_t key, uint32_t adds, float *out)
{
	uint32_t     step  = plan.steps;
	const float *first = NULL;

	for (uint32_t i = adds; i-- > 0 && step > 0;) {
		if (of_key[i] != key || forgotten[i])
			continue;
		step--;
		first = rows[i];
		memcpy(out + step * plan.columns, rows[i], plan.columns * sizeof(float));
	}
	assert_non_null(first);
	for (uint32_t i = 0; i < step * plan.columns; i++)
		out[i] = plan.missing == HISTORY_ZERO  ? 0.0f
			 : plan.missing == HISTORY_NAN ? NAN
						       : first[i % plan.columns];
}

/* ---- saving and loading */

struct buffer {
	size_t   size_bytes;
	uint8_t *data;
};

static bool append(void *ctx, struct bytes piece)
{
	struct buffer *buffer = ctx;

	if (piece.size_bytes > SNAPSHOT_BYTES - buffer->size_bytes)
		return false;
	memcpy(buffer->data + buffer->size_bytes, piece.data, piece.size_bytes);
	buffer->size_bytes += piece.size_bytes;
	return true;
}

/* In memory of its own size, so that a read beyond it is found. */
static bool load(struct history *history, uint32_t shard, const uint8_t *data, size_t size_bytes,
		 struct failure *failure)
{
	uint8_t *copy = malloc(size_bytes + (size_bytes == 0));
	bool     good;

	memcpy(copy, data, size_bytes);
	good = history_load(history, shard, bytes_of(copy, size_bytes), failure);
	free(copy);
	return good;
}

static struct history *restart(struct history *history)
{
	struct history *fresh  = open_history();
	struct buffer   buffer = { .data = malloc(SNAPSHOT_BYTES) };
	struct failure  failure;
	uint8_t         digest[DIGEST_BYTES];

	for (uint32_t shard = 0; shard < plan.shards; shard++) {
		struct history_counters a, b;

		buffer.size_bytes = 0;
		assert_true(history_save(history, shard, append, &buffer));
		if (!load(fresh, shard, buffer.data, buffer.size_bytes, &failure))
			fail_msg("at %llu: %s", (unsigned long long)failure.offset_bytes,
				 failure.detail);
		history_digest(fresh, shard, digest);
		assert_memory_equal(digest, buffer.data + buffer.size_bytes - DIGEST_BYTES,
				    DIGEST_BYTES);
		history_counters(history, shard, &a);
		history_counters(fresh, shard, &b);
		assert_memory_equal(&a, &b, sizeof(a));
	}
	free(buffer.data);
	free(history);
	return fresh;
}

/* ---- tests */

/* Keys chosen unevenly, so that some have many rows and some are evicted again and again. */
static uint32_t choose(uint64_t *seed, uint32_t of)
{
	uint64_t random = splitmix(seed);

	return (uint32_t)((random & 3) == 0 ? (random >> 2) % of : (random >> 2) % (of / 10 + 1));
}

static void follow(uint64_t seed, uint32_t adds, uint32_t of_keys)
{
	struct history *history = open_history(), *twin = open_history();
	uint32_t        room    = entries_max(history);
	size_t          bytes   = sizeof(float) * plan.steps * plan.columns;
	float          *window  = malloc(bytes);
	uint64_t        evicted = 0, counted = 0;

	keys_make(&seed);
	for (uint32_t add = 0; add < adds; add++) {
		uint32_t key = choose(&seed, of_keys), shard = oracle[key].shard;
		float   *row = history_add(history, shard, keys[key]);
		float   *same;

		for (uint32_t i = 0; i < plan.columns; i++)
			rows[add][i] = (float)(splitmix(&seed) % 100000) / 7.0f;
		memcpy(row, rows[add], plan.columns * sizeof(float));
		if (splitmix(&seed) % 900 == 0)
			twin = restart(twin);
		same = history_add(twin, shard, keys[key]);
		memcpy(same, rows[add], plan.columns * sizeof(float));
		oracle_add(key, add, room, &evicted);
		oracle_window(key, add + 1, window);
		assert_memory_equal(history_window(history, shard), window, bytes);
		assert_memory_equal(history_window(twin, shard), window, bytes);
	}
	for (uint32_t shard = 0; shard < plan.shards; shard++) {
		struct history_counters counters;
		uint8_t                 a[DIGEST_BYTES], b[DIGEST_BYTES];

		history_counters(history, shard, &counters);
		counted += counters.evicted;
		history_digest(history, shard, a);
		history_digest(twin, shard, b);
		assert_memory_equal(a, b, DIGEST_BYTES);
	}
	assert_int_equal(counted, evicted);
	print_message("# %u rows, %llu evictions\n", adds, (unsigned long long)evicted);
	free(window);
	free(history);
	free(twin);
}

static void windows_are_the_oracles(void **state)
{
	static const uint32_t steps[] = { 1, 2, 7, 128 };

	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		plan_make(1u << seed % 3, steps[seed % 4], 1 + (uint32_t)seed % COLUMNS_MAX,
			  seed % HISTORY_MISSING_COUNT);
		follow(seed, 4000, 20);
		follow(seed, 4000, KEYS_MAX);
	}
}

/* Exactly at the bound: the last that fits evicts nobody, the next the one longest idle,
 * and being added to is what counts, not being new. */
static void the_longest_idle_leaves(void **state)
{
	struct history         *history;
	struct history_counters counters;
	uint64_t                seed = 5;
	uint32_t                room;

	(void)state;
	plan_make(1, 2, 1, HISTORY_ZERO);
	history = open_history();
	room    = entries_max(history);
	assert_true(room >= HISTORY_ENTRIES_MIN && room < KEYS_MAX - 1);
	keys_make(&seed);
	for (uint32_t i = 0; i < room; i++)
		*history_add(history, 0, keys[i]) = (float)(i + 1);
	history_counters(history, 0, &counters);
	assert_int_equal(counters.entries, room);
	assert_int_equal(counters.evicted, 0);
	*history_add(history, 0, keys[0]) = -1.0f;
	assert_true(history_window(history, 0)[0] == 1.0f);
	*history_add(history, 0, keys[room]) = 1000.0f; /* keys[1] leaves */
	*history_add(history, 0, keys[0])    = -2.0f;
	assert_true(history_window(history, 0)[0] == -1.0f);
	*history_add(history, 0, keys[1]) = 2000.0f; /* keys[2] leaves */
	assert_true(history_window(history, 0)[0] == 0.0f);
	history_counters(history, 0, &counters);
	assert_int_equal(counters.entries, room);
	assert_int_equal(counters.evicted, 2);
	assert_int_equal(counters.rows, room + 1);
	free(history);
}

/* A shard with entries full and not full, the ring of some begun anew. */
static struct buffer sample(struct history *history, uint32_t shard)
{
	struct buffer buffer = { .data = malloc(SNAPSHOT_BYTES) };
	uint64_t      seed   = 9;

	keys_make(&seed);
	for (uint32_t i = 0; i < 900; i++) {
		uint32_t key = choose(&seed, KEYS_MAX);
		float   *row = history_add(history, oracle[key].shard, keys[key]);

		for (uint32_t c = 0; c < plan.columns; c++)
			row[c] = (float)(i * 10 + c);
	}
	assert_true(history_save(history, shard, append, &buffer));
	return buffer;
}

static void assert_empty(const struct history *history, uint32_t shard)
{
	struct history_counters counters, none = { 0 };

	history_counters(history, shard, &counters);
	assert_memory_equal(&counters, &none, sizeof(none));
}

static void every_flipped_bit_and_every_cut_is_refused(void **state)
{
	struct history *history;
	struct failure  failure;
	struct buffer   buffer;

	(void)state;
	plan_make(4, 3, 2, HISTORY_ZERO);
	history = open_history();
	buffer  = sample(history, 2);
	for (size_t i = 0; i < buffer.size_bytes; i += 7) {
		buffer.data[i] ^= (uint8_t)(1u << i % 8);
		assert_false(load(history, 2, buffer.data, buffer.size_bytes, &failure));
		assert_true(failure.detail[0] != '\0');
		assert_empty(history, 2);
		buffer.data[i] ^= (uint8_t)(1u << i % 8);
		assert_false(load(history, 2, buffer.data, i, &failure));
	}
	assert_true(load(history, 2, buffer.data, buffer.size_bytes, &failure));
	assert_false(load(history, 1, buffer.data, buffer.size_bytes, &failure));
	assert_non_null(strstr(failure.detail, "another shard"));
	free(buffer.data);
	free(history);
}

/* What a snapshot with a right digest can still have wrong.  Its layout is told at the top
 * of history_snapshot.c: the head is 64 bytes, an entry's 24. */
static void a_signed_lie_is_refused(void **state)
{
	static const struct {
		size_t      at;
		uint64_t    value;
		size_t      size_bytes;
		const char *words;
	} lies[] = {
		{ 0, 'B', 1, "magic" },
		{ 8, 2, 4, "version" },
		{ 12, 3, 4, "another shard" },
		{ 16, 0x55, 1, "other features" },
		{ 56, UINT32_MAX, 4, "more histories" },
		{ 56, 1, 4, "bytes follow" },
		{ 60, 1, 4, "more histories" },
		{ 64 + 8, 0, 8, "of another shard" },
		{ 64 + 16, 0, 4, "no row" },
		{ 64 + 16, 4, 4, "more than there are steps" },
		{ 64 + 20, 1, 4, "more than there are steps" },
	};
	struct history *history;
	struct failure  failure;
	struct buffer   buffer;

	(void)state;
	plan_make(4, 3, 2, HISTORY_ZERO);
	history = open_history();
	buffer  = sample(history, 2);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint8_t      *copy = malloc(buffer.size_bytes);
		struct digest digest;

		memcpy(copy, buffer.data, buffer.size_bytes);
		memcpy(copy + lies[i].at, &lies[i].value, lies[i].size_bytes);
		digest_init(&digest);
		digest_add(&digest, copy, buffer.size_bytes - DIGEST_BYTES);
		digest_end(&digest, copy + buffer.size_bytes - DIGEST_BYTES);
		assert_false(load(history, 2, copy, buffer.size_bytes, &failure));
		if (!strstr(failure.detail, lies[i].words))
			fail_msg("lie %zu: %s", i, failure.detail);
		assert_empty(history, 2);
		free(copy);
	}
	free(buffer.data);
	free(history);
}

static void a_key_twice_is_refused(void **state)
{
	struct history *history;
	struct failure  failure;
	struct buffer   buffer = { .data = malloc(SNAPSHOT_BYTES) };
	struct digest   digest;
	size_t          entry_bytes = 24 + 4; /* one row of one number */

	(void)state;
	plan_make(1, 1, 1, HISTORY_ZERO);
	history                                            = open_history();
	*history_add(history, 0, (struct hash128){ 1, 2 }) = 1.0f;
	*history_add(history, 0, (struct hash128){ 3, 4 }) = 2.0f;
	assert_true(history_save(history, 0, append, &buffer));
	assert_int_equal(buffer.size_bytes, 64 + 2 * entry_bytes + DIGEST_BYTES);
	memcpy(buffer.data + 64 + entry_bytes, buffer.data + 64, 16);
	digest_init(&digest);
	digest_add(&digest, buffer.data, buffer.size_bytes - DIGEST_BYTES);
	digest_end(&digest, buffer.data + buffer.size_bytes - DIGEST_BYTES);
	assert_false(load(history, 0, buffer.data, buffer.size_bytes, &failure));
	assert_non_null(strstr(failure.detail, "twice"));
	free(buffer.data);
	free(history);
}

static void another_plan_is_refused(void **state)
{
	struct history *history, *other;
	struct failure  failure;
	struct buffer   buffer;

	(void)state;
	plan_make(2, 3, 2, HISTORY_ZERO);
	history = open_history();
	buffer  = sample(history, 1);
	free(history);
	plan.names[1][0] = 'z'; /* the same shape, of another feature */
	other            = open_history();
	assert_false(load(other, 1, buffer.data, buffer.size_bytes, &failure));
	assert_non_null(strstr(failure.detail, "other features"));
	free(other);
	free(buffer.data);
}

static void too_little_memory_is_told(void **state)
{
	char error[300];

	(void)state;
	plan_make(4, 7, 5, HISTORY_ZERO);
	plan.memory_bytes -= 512;
	assert_int_equal(history_size(&plan, error, sizeof(error)), 0);
	assert_non_null(strstr(error, "64 histories of 7 rows of 5 numbers"));
	plan.memory_bytes = 1;
	assert_int_equal(history_size(&plan, error, sizeof(error)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_the_oracles),
		cmocka_unit_test(the_longest_idle_leaves),
		cmocka_unit_test(every_flipped_bit_and_every_cut_is_refused),
		cmocka_unit_test(a_signed_lie_is_refused),
		cmocka_unit_test(a_key_twice_is_refused),
		cmocka_unit_test(another_plan_is_refused),
		cmocka_unit_test(too_little_memory_is_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
