/* Under any secret a state is the same, byte for byte; and keys that were chosen to lie in one
 * place without it do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "runtime/state/repeats.h"
#include "tests/unit/state/stream.h"

#define MEMORY_BYTES (UINT64_C(16) << 20)

static const struct hash128 secrets[] = { { 0, 0 },
					  { UINT64_C(0x0123456789abcdef), UINT64_MAX },
					  { 1, 0 } };
#define SECRETS (sizeof(secrets) / sizeof(secrets[0]))

#define SET_TEXT(field, text) \
	((field).size_bytes = (uint16_t)snprintf((field).data, sizeof((field).data), "%s", text))

static struct feature_plan plan;

struct buffer {
	uint8_t *data;
	size_t   size_bytes;
};

static bool append(void *ctx, struct bytes piece)
{
	struct buffer *buffer = ctx;

	buffer->data = realloc(buffer->data, buffer->size_bytes + piece.size_bytes);
	assert_non_null(buffer->data);
	memcpy(buffer->data + buffer->size_bytes, piece.data, piece.size_bytes);
	buffer->size_bytes += piece.size_bytes;
	return true;
}

static void one_state_under_any_secret(void **context)
{
	const struct stream_options options = { .events   = 3000,
						.entities = 400, /* so that some are evicted */
						.span_ns  = 10 * DAY_NS,
						.late_of  = 5,
						.label_of = 3 };
	struct state               *states[SECRETS];
	struct stream               stream;
	struct failure              failure;

	stream_plan(&plan, 2, UINT64_C(512) << 10);
	stream_make(&stream, &plan, 7, &options);
	for (size_t i = 0; i < SECRETS; i++) {
		states[i] = stream_open(&plan);
		state_keep_secret(states[i], secrets[i]);
	}
	for (uint32_t op = 0; op < stream.ops_count; op++) {
		static struct aggregate out[SECRETS][PLAN_FEATURES_MAX];

		memset(out, 0, sizeof(out));
		for (size_t i = 0; i < SECRETS; i++)
			stream_do(states[i], &stream, &stream.ops[op], out[i]);
		for (size_t i = 1; i < SECRETS; i++)
			assert_memory_equal(out[0], out[i], sizeof(out[0]));
	}
	for (uint32_t shard = 0; shard < 2; shard++) {
		struct buffer         first = { 0 };
		struct state_counters counters;

		state_counters(states[0], shard, &counters);
		assert_true(counters.evicted > 0);
		assert_true(state_save(states[0], shard, append, &first));
		for (size_t i = 1; i < SECRETS; i++) {
			struct buffer other = { 0 };

			assert_true(state_save(states[i], shard, append, &other));
			assert_int_equal(first.size_bytes, other.size_bytes);
			assert_memory_equal(first.data, other.data, first.size_bytes);
			free(other.data);
			assert_true(state_load(states[i], shard,
					       bytes_of(first.data, first.size_bytes), &failure));
		}
		free(first.data);
	}
	for (size_t i = 0; i < SECRETS; i++)
		stream_close(states[i]);
	stream_free(&stream);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A key that has its home at the first place of a table without a secret. */
static bool is_chosen(struct hash128 key, uint32_t places)
{
	return (hash_place(key, secrets[0]) & (places - 1)) == 0;
}

#define PAYEES  1024
#define TOUCHES 20

/* Payees of one account whose hashes were chosen: counting them is not slower. */
static double count_payees(bool chosen, struct hash128 secret)
{
	static struct transaction t;
	static struct aggregate   out[PLAN_FEATURES_MAX];
	struct state             *state = stream_open(&plan);
	struct state_event        event = { .transaction = &t };
	struct state_keys         keys;
	double                    took = 0;
	unsigned long             id   = 0;

	state_keep_secret(state, secret);
	SET_TEXT(t.account, "A");
	for (int i = 0; i < PAYEES + TOUCHES; i++) {
		char name[32];

		do {
			snprintf(name, sizeof(name), "DE%lu", id++);
			uint64_t low = hash_bytes(FIELD_PAYEE, bytes_of(name, strlen(name))).low;

			if (!chosen || is_chosen((struct hash128){ low, low }, 4 * PAYEES))
				break;
		} while (true);
		SET_TEXT(t.payee, name);
		t.time_ns = (i + 1) * SECOND_NS;
		state_keys(&plan, &t, &keys);
		event.sequence = (uint64_t)i + 1;
		took -= i < PAYEES ? 0 : seconds();
		state_touch(state, 0, 0, keys.file[0], &event, out);
		took += i < PAYEES ? 0 : seconds();
	}
	assert_int_equal(out[0].distinct, PAYEES + TOUCHES);
	stream_close(state);
	return took / TOUCHES;
}

static void chosen_payees_are_counted_as_fast(void **context)
{
	double plain, chosen, aimed;

	plan = (struct feature_plan){
		.entities_count = 1, .features_count = 1, .shards = 1, .memory_bytes = MEMORY_BYTES
	};
	plan.entities[0].key[0] = plan.entities[0].read[0] = FIELD_ACCOUNT;
	plan.entities[0].history_max                       = 4096;
	plan.features[0] = (struct feature_spec){ .kind      = FEATURE_DISTINCT,
						  .of        = FIELD_PAYEE,
						  .window_ns = PLAN_WINDOW_NS_MAX };
	strcpy(plan.entities[0].name, "account");
	plain  = count_payees(false, secrets[1]);
	chosen = count_payees(true, secrets[1]);
	aimed  = count_payees(true, secrets[0]);
	print_message("# a touch: %.1f us; chosen payees %.1f us, without a secret %.1f us\n",
		      plain * 1e6, chosen * 1e6, aimed * 1e6);
	assert_true(chosen < 5 * plain);
	assert_true(aimed > 5 * plain); /* control: they were chosen well */
}

#define REQUESTS 4000

static double ask(bool chosen)
{
	struct repeats_options options = { .ring_bytes = 8 << 20, .retention_ns = DAY_NS };
	size_t                 size    = (repeats_size(&options) + 63) / 64 * 64;
	void                  *memory  = aligned_alloc(64, size);
	struct repeats        *repeats;
	struct hash128         key;
	double                 began, took;
	uint64_t               number = 0, first;

	assert_non_null(memory);
	memset(memory, 0, size);
	repeats = repeats_init(memory, &options);
	repeats_keep_secret(repeats, secrets[1]);
	for (int i = 1; i <= REQUESTS; i++) {
		do {
			number++;
			key = hash_bytes(1, bytes_of(&number, sizeof(number)));
		} while (chosen && !is_chosen(key, 1024));
		repeats_add(repeats, key, key, (uint64_t)i, i);
		repeats_answer(repeats, (uint64_t)i, bytes_of("x", 1));
	}
	began = seconds();
	for (int i = 0; i < 1000; i++)
		assert_int_equal(repeats_find(repeats, key, key, REQUESTS, &first), REPEATS_SAME);
	took = seconds() - began;
	free(memory);
	return took;
}

static void chosen_requests_are_found_as_fast(void **context)
{
	double plain = ask(false), chosen = ask(true);

	print_message("# 1000 looks: %.1f us, at chosen keys %.1f us\n", plain * 1e6, chosen * 1e6);
	assert_true(chosen < 20 * plain + 100e-6);
}

/* A card's token may be the text of somebody's account id. */
static void a_card_is_not_an_account(void **context)
{
	struct transaction card = { 0 }, account = { 0 };
	struct state_keys  one, other;

	stream_plan(&plan, 1, MEMORY_BYTES);
	SET_TEXT(card.card, "4711");
	SET_TEXT(account.account, "4711");
	state_keys(&plan, &card, &one);
	state_keys(&plan, &account, &other);
	assert_true(hash_is(one.decider) && hash_is(other.decider));
	assert_false(hash_same(one.decider, other.decider));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_state_under_any_secret),
		cmocka_unit_test(chosen_payees_are_counted_as_fast),
		cmocka_unit_test(chosen_requests_are_found_as_fast),
		cmocka_unit_test(a_card_is_not_an_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
