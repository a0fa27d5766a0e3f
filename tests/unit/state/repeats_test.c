/* runtime/state/repeats.h: against a list that remembers everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/state/repeats.h"
#include "tests/unit/state/stream.h"

#define ASKED_MAX   60000
#define ENTRIES_MAX ((1 << 20) / 8 / 64)
#define RING_BYTES  (1 << 20)
#define KEYS        4000

static const struct repeats_options options = { .ring_bytes   = RING_BYTES,
						.retention_ns = 100 * SECOND_NS };

static struct repeats *open_repeats(const struct repeats_options *o)
{
	size_t size   = repeats_size(o);
	void  *memory = aligned_alloc(64, size);

	memset(memory, 0, size);
	return repeats_init(memory, o);
}

static struct hash128 key_of(uint64_t n)
{
	char id[24];

	return repeats_key(
		bytes_of("caller", 6),
		bytes_of(id, (size_t)snprintf(id, sizeof(id), "id-%llu", (unsigned long long)n)));
}

/* Byte i of a sequence's answer, and its length. */
static size_t answer_bytes(uint64_t sequence)
{
	uint64_t seed = sequence;
	uint64_t size = splitmix(&seed);

	return size % 50 == 0 ? REPEATS_ANSWER_BYTES_MAX - size % 3 : 1 + size % 900;
}

static uint8_t answer_byte(uint64_t sequence, size_t i)
{
	return (uint8_t)(sequence * 31 + i);
}

static void answer(struct repeats *repeats, uint64_t sequence)
{
	static uint8_t bytes[REPEATS_ANSWER_BYTES_MAX];
	size_t         n = answer_bytes(sequence);

	for (size_t i = 0; i < n; i++)
		bytes[i] = answer_byte(sequence, i);
	repeats_answer(repeats, sequence, bytes_of(bytes, n));
}

static bool is_answer(struct bytes bytes, uint64_t sequence)
{
	bool good = bytes.size_bytes == answer_bytes(sequence);

	for (size_t i = 0; good && i < bytes.size_bytes; i++)
		good = bytes.data[i] == answer_byte(sequence, i);
	return good;
}

static void a_repeat_gets_the_first_answer(void **context)
{
	struct repeats *repeats = open_repeats(&options);
	struct hash128  key = key_of(1), body = key_of(100), other = key_of(101);
	uint64_t        first = 0;

	assert_int_equal(repeats_find(repeats, key, body, 0, &first), REPEATS_NEW);
	repeats_add(repeats, key, body, 7, 0);
	assert_int_equal(repeats_find(repeats, key, body, 1, &first), REPEATS_SAME);
	assert_int_equal(first, 7);
	assert_int_equal(repeats_answer_of(repeats, 7).size_bytes, 0); /* in flight: join it */
	answer(repeats, 7);
	assert_true(is_answer(repeats_answer_of(repeats, 7), 7));
	first = 0;
	assert_int_equal(repeats_find(repeats, key, other, 1, &first), REPEATS_CONFLICT);
	assert_int_equal(first, 7);
	assert_int_equal(repeats_find(repeats, key_of(2), body, 1, &first), REPEATS_NEW);
	/* Another caller's id of the same name is another key. */
	assert_false(hash_same(key, repeats_key(bytes_of("other", 5), bytes_of("id-1", 4))));
	free(repeats);
}

static void retention_counts_recorded_time(void **context)
{
	struct repeats         *repeats = open_repeats(&options);
	struct repeats_counters c;
	uint64_t                first;

	repeats_add(repeats, key_of(1), key_of(1), 1, 0);
	answer(repeats, 1);
	assert_int_equal(repeats_find(repeats, key_of(1), key_of(1), 100 * SECOND_NS, &first),
			 REPEATS_SAME);
	assert_int_equal(repeats_find(repeats, key_of(1), key_of(1), 100 * SECOND_NS + 1, &first),
			 REPEATS_NEW);
	/* Asked again after that, the key stands for the new transaction. */
	repeats_add(repeats, key_of(1), key_of(2), 2, 101 * SECOND_NS);
	assert_int_equal(repeats_find(repeats, key_of(1), key_of(2), 101 * SECOND_NS, &first),
			 REPEATS_SAME);
	assert_int_equal(first, 2);
	repeats_counters(repeats, &c);
	assert_int_equal(c.expired, 1);
	assert_int_equal(c.dropped, 0);
	assert_int_equal(c.entries, 1);
	/* A clock that went back expires nothing. */
	assert_int_equal(repeats_find(repeats, key_of(1), key_of(2), 0, &first), REPEATS_SAME);
	free(repeats);
}

struct asked {
	uint64_t key, sequence;
	int64_t  now_ns;
};

/* Random requests, answered some later: whatever is still known is what was said first,
 * and what is not known any more was among the oldest. */
static void random_requests(uint64_t seed, int64_t step_ns, bool rebuilt)
{
	static struct asked     asked[ASKED_MAX];
	struct repeats         *repeats = open_repeats(&options), *again = open_repeats(&options);
	struct repeats_counters c, d;
	uint64_t                added = 0, answered = 0, first, known = 0;
	uint64_t                said[KEYS] = { 0 };
	int64_t                 now_ns     = 0;

	for (uint64_t i = 0; i < ASKED_MAX; i++) {
		uint64_t key = splitmix(&seed) % KEYS;

		now_ns += step_ns;
		enum repeats_found found = repeats_find(repeats, key_of(key), key_of(key), now_ns,
							&first);

		if (found == REPEATS_NEW) {
			said[key]    = 5 + 2 * i;
			asked[added] = (struct asked){ key, 5 + 2 * i, now_ns };
			repeats_add(repeats, key_of(key), key_of(key), 5 + 2 * i, now_ns);
			added++;
		} else {
			struct bytes was = repeats_answer_of(repeats, first);

			known++;
			assert_int_equal(found, REPEATS_SAME);
			assert_int_equal(first, said[key]);
			assert_true(was.size_bytes == 0 || is_answer(was, first));
		}
		while (answered < added && splitmix(&seed) % 5 < 3)
			answer(repeats, asked[answered++].sequence);
	}
	repeats_counters(repeats, &c);
	assert_int_equal(c.entries + c.expired + c.dropped, added);
	assert_true(c.bytes <= RING_BYTES && c.entries <= ENTRIES_MAX && known > 100);
	/* The newest are all there, in one piece. */
	for (uint64_t i = added - c.entries; i < added; i++) {
		struct bytes was = repeats_answer_of(repeats, asked[i].sequence);

		assert_true(i >= answered ? was.size_bytes == 0
					  : is_answer(was, asked[i].sequence));
	}
	/* Rebuilt as recovery does, each with its answer at once: the same is known. */
	for (uint64_t i = 0; rebuilt && i < answered; i++) {
		repeats_add(again, key_of(asked[i].key), key_of(asked[i].key), asked[i].sequence,
			    asked[i].now_ns);
		answer(again, asked[i].sequence);
	}
	repeats_counters(again, &d);
	for (uint64_t i = answered - d.entries; rebuilt && i < answered; i++)
		assert_true(
			is_answer(repeats_answer_of(again, asked[i].sequence), asked[i].sequence));
	assert_true(!rebuilt || d.entries + 50 > c.entries);
	print_message("# %llu known again, %llu expired, %llu dropped\n", (unsigned long long)known,
		      (unsigned long long)c.expired, (unsigned long long)c.dropped);
	assert_true(step_ns > SECOND_NS ? c.dropped == 0 && c.expired > 1000 : c.dropped > 1000);
	free(repeats);
	free(again);
}

static void what_is_known_is_what_was_said_first(void **context)
{
	random_requests(1, SECOND_NS / 1000, true); /* the ring is full before they expire */
	random_requests(2, 2 * SECOND_NS, false);   /* they expire before it is full */
}

static void entries_that_never_were_answered_make_room(void **context)
{
	struct repeats         *repeats = open_repeats(&options);
	struct repeats_counters c;
	uint64_t                first;

	for (uint64_t i = 1; i <= ENTRIES_MAX + 10; i++)
		repeats_add(repeats, key_of(i), key_of(i), i, 0);
	repeats_counters(repeats, &c);
	assert_int_equal(c.entries, ENTRIES_MAX);
	assert_int_equal(c.dropped, 10);
	assert_int_equal(repeats_find(repeats, key_of(10), key_of(10), 0, &first), REPEATS_NEW);
	assert_int_equal(repeats_find(repeats, key_of(11), key_of(11), 0, &first), REPEATS_SAME);
	for (uint64_t i = 1; i <= ENTRIES_MAX + 10; i++)
		answer(repeats, i); /* the first ten are gone: nothing happens */
	assert_int_equal(repeats_answer_of(repeats, 10).size_bytes, 0);
	assert_true(is_answer(repeats_answer_of(repeats, ENTRIES_MAX + 10), ENTRIES_MAX + 10));
	free(repeats);
}

static void the_body_is_every_field_but_the_deadline(void **context)
{
	static struct transaction t, u;
	struct hash128            body;

	t.features_count    = 3;
	t.features[1]       = 2.5f;
	t.features[0]       = __builtin_nanf("");
	t.features[2]       = __builtin_nanf("");
	t.parties_count     = 1;
	t.parties[0].role   = PARTY_ORIGINATOR;
	t.currency_exponent = 2;
	body                = repeats_body(&t);
	u                   = t;
	u.deadline_us       = 250;
	assert_true(hash_same(repeats_body(&u), body));

#define DIFFERS(change)                                          \
	do {                                                     \
		u = t;                                           \
		change;                                          \
		assert_false(hash_same(repeats_body(&u), body)); \
	} while (0)
	DIFFERS(u.id.size_bytes = 1);
	DIFFERS(u.time_ns++);
	DIFFERS(u.amount_minor++);
	DIFFERS(u.currency[0]++);
	DIFFERS(u.channel++);
	DIFFERS(u.card.size_bytes = 1);
	DIFFERS(u.account.size_bytes = 1);
	DIFFERS(u.merchant.size_bytes = 1);
	DIFFERS(u.terminal.size_bytes = 1);
	DIFFERS(u.device.size_bytes = 1);
	DIFFERS(u.payee.size_bytes = 1);
	DIFFERS(u.merchant_category[0]++);
	DIFFERS(u.merchant_country[0]++);
	DIFFERS(u.parties_count++);
	DIFFERS(u.parties[0].role++);
	DIFFERS(u.parties[0].country[0]++);
	DIFFERS(u.parties[0].name.size_bytes++);
	DIFFERS(u.parties[0].identifiers_count++);
	DIFFERS(u.features[1] = 2.25f);
	DIFFERS(u.features[2] = 0.0f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repeat_gets_the_first_answer),
		cmocka_unit_test(retention_counts_recorded_time),
		cmocka_unit_test(what_is_known_is_what_was_said_first),
		cmocka_unit_test(entries_that_never_were_answered_make_room),
		cmocka_unit_test(the_body_is_every_field_but_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
