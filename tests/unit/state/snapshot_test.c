/* state_save, state_load, state_digest: a loaded state goes on as the saved one would
 * have, to the bit; whatever else is loaded is refused and leaves the shard empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/state/stream.h"

#define SNAPSHOT_BYTES_MAX (UINT64_C(4) << 20)
#define SHARDS             4

static struct feature_plan plan;
static struct aggregate    got[PLAN_FEATURES_MAX], expected[PLAN_FEATURES_MAX];

struct buffer {
	size_t   size_bytes, capacity_bytes;
	uint8_t *data;
};

static bool append(void *ctx, struct bytes piece)
{
	struct buffer *buffer = ctx;

	if (piece.size_bytes > buffer->capacity_bytes - buffer->size_bytes)
		return false;
	memcpy(buffer->data + buffer->size_bytes, piece.data, piece.size_bytes);
	buffer->size_bytes += piece.size_bytes;
	return true;
}

static struct buffer buffer_new(void)
{
	return (struct buffer){ .capacity_bytes = SNAPSHOT_BYTES_MAX,
				.data           = malloc(SNAPSHOT_BYTES_MAX) };
}

/* In memory of its own size, so that a read beyond it is found. */
static bool load(struct state *state, uint32_t shard, const uint8_t *data, size_t size_bytes,
		 struct failure *failure)
{
	uint8_t *copy = malloc(size_bytes + (size_bytes == 0));
	bool     good;

	memcpy(copy, data, size_bytes);
	good = state_load(state, shard, bytes_of(copy, size_bytes), failure);
	free(copy);
	return good;
}

/* Save every shard and go on with a new state made from the bytes. */
static struct state *restart(struct state *state)
{
	struct state  *fresh  = stream_open(&plan);
	struct buffer  buffer = buffer_new();
	struct failure failure;
	uint8_t        before[DIGEST_BYTES], after[DIGEST_BYTES];

	for (uint32_t shard = 0; shard < plan.shards; shard++) {
		struct state_counters a, b;

		buffer.size_bytes = 0;
		assert_true(state_save(state, shard, append, &buffer));
		if (!load(fresh, shard, buffer.data, buffer.size_bytes, &failure))
			print_message("# at %llu: %s\n", (unsigned long long)failure.offset_bytes,
				      failure.detail);
		state_digest(state, shard, before);
		state_digest(fresh, shard, after);
		assert_memory_equal(before, after, DIGEST_BYTES);
		assert_memory_equal(before, buffer.data + buffer.size_bytes - DIGEST_BYTES,
				    DIGEST_BYTES);
		state_counters(state, shard, &a);
		state_counters(fresh, shard, &b);
		assert_int_equal(b.coarse, 0); /* of this start alone */
		a.coarse = 0;
		assert_memory_equal(&a, &b, sizeof(a));
	}
	free(buffer.data);
	stream_close(state);
	return fresh;
}

static uint64_t least_memory(uint32_t shards, uint32_t history_max)
{
	char error[200];

	stream_plan(&plan, shards, 1 << 14);
	for (uint32_t i = 0; i < plan.entities_count; i++)
		plan.entities[i].history_max = history_max;
	while (state_size(&plan, error, sizeof(error)) == 0)
		plan.memory_bytes += 1 << 12;
	return plan.memory_bytes;
}

/* One state runs through; the other is saved and loaded again and again. */
static void goes_on_as_if_nothing_had_been(uint64_t seed, const struct stream_options *options)
{
	struct state *steady = stream_open(&plan), *broken = stream_open(&plan);
	struct stream stream;
	uint8_t       a[DIGEST_BYTES], b[DIGEST_BYTES];

	stream_make(&stream, &plan, seed, options);
	for (uint32_t i = 0; i < stream.ops_count; i++) {
		memset(got, 0, sizeof(got));
		memset(expected, 0, sizeof(expected));
		if (splitmix(&seed) % 700 == 0)
			broken = restart(broken);
		stream_do(steady, &stream, &stream.ops[i], expected);
		stream_do(broken, &stream, &stream.ops[i], got);
		assert_memory_equal(got, expected, sizeof(got));
	}
	for (uint32_t shard = 0; shard < plan.shards; shard++) {
		state_digest(steady, shard, a);
		state_digest(broken, shard, b);
		assert_memory_equal(a, b, DIGEST_BYTES);
	}
	stream_free(&stream);
	stream_close(steady);
	stream_close(broken);
}

static void a_loaded_state_goes_on(void **context)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		const struct stream_options few  = { .events   = 1500,
						     .entities = 6,
						     .span_ns  = 20 * DAY_NS,
						     .late_of  = 7,
						     .label_of = 2 };
		const struct stream_options many = { .events   = 3000,
						     .entities = 500,
						     .span_ns  = 2 * DAY_NS,
						     .late_of  = 7,
						     .label_of = 2 };

		print_message("# seed %llu\n", (unsigned long long)seed);
		least_memory(1u << seed % 3, seed % 2 == 0 ? 9 : 4096);
		goes_on_as_if_nothing_had_been(seed, &many);
		stream_plan(&plan, SHARDS, UINT64_C(1) << 24);
		goes_on_as_if_nothing_had_been(seed, &few);
	}
}

/* A shard with a little of everything: merged cells, drops, labels. */
static struct buffer sample(struct state *state, struct stream *stream, uint32_t shard)
{
	const struct stream_options options = {
		.events = 500, .entities = 12, .span_ns = 12 * DAY_NS, .late_of = 7, .label_of = 2
	};
	struct buffer buffer = buffer_new();

	stream_make(stream, &plan, 77, &options);
	for (uint32_t i = 0; i < stream->ops_count; i++)
		stream_do(state, stream, &stream->ops[i], got);
	assert_true(state_save(state, shard, append, &buffer));
	return buffer;
}

static void assert_empty(struct state *state, uint32_t shard)
{
	struct state_counters c, none = { 0 };

	state_counters(state, shard, &c);
	assert_memory_equal(&c, &none, sizeof(c));
}

static void every_flipped_bit_and_every_cut_is_refused(void **context)
{
	struct state  *state;
	struct stream  stream;
	struct failure failure;

	least_memory(SHARDS, 8);
	state                = stream_open(&plan);
	struct buffer buffer = sample(state, &stream, 2);

	for (size_t i = 0; i < buffer.size_bytes; i += 13) {
		buffer.data[i] ^= (uint8_t)(1u << i % 8);
		assert_false(load(state, 2, buffer.data, buffer.size_bytes, &failure));
		assert_true(failure.detail[0] != '\0');
		assert_empty(state, 2);
		buffer.data[i] ^= (uint8_t)(1u << i % 8);
		assert_false(load(state, 2, buffer.data, i, &failure));
	}
	assert_true(load(state, 2, buffer.data, buffer.size_bytes, &failure));
	assert_false(load(state, 1, buffer.data, buffer.size_bytes, &failure));
	assert_non_null(strstr(failure.detail, "another shard"));
	free(buffer.data);
	stream_free(&stream);
	stream_close(state);
}

static void a_snapshot_of_another_plan_is_refused(void **context)
{
	struct state  *state, *other;
	struct stream  stream;
	struct failure failure;

	least_memory(SHARDS, 8);
	state                = stream_open(&plan);
	struct buffer buffer = sample(state, &stream, 2);

	stream_free(&stream);
	stream_close(state);
	plan.features[0].window_ns++;
	other = stream_open(&plan);
	assert_false(load(other, 2, buffer.data, buffer.size_bytes, &failure));
	assert_non_null(strstr(failure.detail, "other entities"));
	stream_close(other);
	plan.features[0].window_ns--;
	free(buffer.data);
}

static void sign(struct buffer *buffer)
{
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, buffer->data, buffer->size_bytes - DIGEST_BYTES);
	digest_end(&digest, buffer->data + buffer->size_bytes - DIGEST_BYTES);
}

/* Behind the digest nothing is believed either: what is refused leaves nothing, what is
 * taken can be used. */
static void damage_under_a_right_digest_does_no_harm(void **context)
{
	struct state  *state;
	struct stream  stream;
	struct failure failure;
	uint64_t       seed = 4711, refused = 0;

	print_message("# seed %llu\n", (unsigned long long)seed);
	least_memory(SHARDS, 8);
	state                = stream_open(&plan);
	struct buffer buffer = sample(state, &stream, 2);
	uint8_t      *good   = malloc(buffer.size_bytes);

	memcpy(good, buffer.data, buffer.size_bytes);
	for (int round = 0; round < 1500; round++) {
		for (uint64_t i = 0; i <= splitmix(&seed) % 3; i++)
			buffer.data[splitmix(&seed) % buffer.size_bytes] = (uint8_t)splitmix(&seed);
		sign(&buffer);
		if (load(state, 2, buffer.data, buffer.size_bytes, &failure)) {
			for (uint32_t i = 0; i < stream.ops_count; i += 1 + stream.ops_count / 400)
				stream_do(state, &stream, &stream.ops[i], got);
		} else {
			assert_empty(state, 2);
			refused++;
		}
		memcpy(buffer.data, good, buffer.size_bytes);
	}
	print_message("# %llu of 1500 refused\n", (unsigned long long)refused);
	assert_true(refused > 500 && refused < 1500);
	free(good);
	free(buffer.data);
	stream_free(&stream);
	stream_close(state);
}

static void a_writer_that_stops_ends_the_save(void **context)
{
	struct state *state;
	struct stream stream;

	least_memory(SHARDS, 8);
	state                 = stream_open(&plan);
	struct buffer buffer  = sample(state, &stream, 2);
	buffer.capacity_bytes = buffer.size_bytes - 1;
	buffer.size_bytes     = 0;
	assert_false(state_save(state, 2, append, &buffer));
	buffer.capacity_bytes = 500;
	buffer.size_bytes     = 0;
	assert_false(state_save(state, 2, append, &buffer));
	free(buffer.data);
	stream_free(&stream);
	stream_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loaded_state_goes_on),
		cmocka_unit_test(every_flipped_bit_and_every_cut_is_refused),
		cmocka_unit_test(a_snapshot_of_another_plan_is_refused),
		cmocka_unit_test(damage_under_a_right_digest_does_no_harm),
		cmocka_unit_test(a_writer_that_stops_ends_the_save),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
