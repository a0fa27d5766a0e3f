/* Any bytes as a snapshot.  The first byte chooses: 0 a shard's, 1 the sightings', both
 * behind a right head and before a right digest, which no fuzzer finds; 2 and 3 the
 * same, as they are.  What is taken can be used, and is saved as the same bytes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/state/sightings.h"
#include "runtime/state/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOUR_NS               (3600 * INT64_C(1000000000))
#define STATE_PREFIX_BYTES    48 /* magic, version, shard, digest of the plan */
#define SIGHTING_PREFIX_BYTES 20 /* magic, version, entities, transactions_max */
#define TRANSACTIONS_MAX      32
#define DECIDERS              2
#define BYTES_MAX             (1 << 20)

struct buffer {
	size_t  size_bytes;
	uint8_t data[BYTES_MAX];
};

static struct feature_plan plan;
static struct state       *state;
static struct sightings   *sightings;
static struct buffer       input, first, second;

static bool append(void *ctx, struct bytes piece)
{
	struct buffer *buffer = ctx;

	if (piece.size_bytes > BYTES_MAX - buffer->size_bytes)
		return false;
	memcpy(buffer->data + buffer->size_bytes, piece.data, piece.size_bytes);
	buffer->size_bytes += piece.size_bytes;
	return true;
}

static void *zeroed(size_t size_bytes)
{
	void *memory = aligned_alloc(64, (size_bytes + 63) / 64 * 64);

	memset(memory, 0, (size_bytes + 63) / 64 * 64);
	return memory;
}

/* One kind with every column there is, and one with the fewest. */
static void make_plan(void)
{
	static const uint8_t counted[] = { FIELD_TERMINAL, FIELD_PAYEE, FIELD_DEVICE,
					   FIELD_MERCHANT };

	plan.shards         = 1;
	plan.lateness_ns    = HOUR_NS;
	plan.memory_bytes   = 128 << 10;
	plan.entities_count = 2;
	plan.entities[0]    = (struct entity_spec){
		   .key = { FIELD_CARD }, .read = { FIELD_CARD }, .history_max = 12, .decisions = true
	};
	plan.entities[1] = (struct entity_spec){ .key         = { FIELD_TERMINAL },
						 .read        = { FIELD_TERMINAL },
						 .history_max = 40 };
	for (int i = 0; i < FEATURE_AMOUNT + 3; i++)
		plan.features[plan.features_count++] = (struct feature_spec){
			.kind      = (uint8_t)(i < FEATURE_AMOUNT ? i : FEATURE_DISTINCT),
			.of        = counted[i < FEATURE_AMOUNT ? 0 : 1 + i - FEATURE_AMOUNT],
			.window_ns = (1 + i % 3) * 24 * HOUR_NS,
			.delay_ns  = i % 2 * HOUR_NS
		};
	plan.features[plan.features_count++] =
		(struct feature_spec){ .kind = FEATURE_COUNT, .entity = 1, .window_ns = HOUR_NS };
}

static void open_all(void)
{
	char   error[200];
	size_t size;

	make_plan();
	size = state_size(&plan, error, sizeof(error));
	if (size == 0) {
		fprintf(stderr, "%s\n", error);
		abort();
	}
	state     = state_init(zeroed(size), &plan);
	sightings = sightings_init(zeroed(sightings_size(&plan, TRANSACTIONS_MAX, DECIDERS)), &plan,
				   TRANSACTIONS_MAX, DECIDERS);
}

/* Some transactions of a few cards and terminals, one after the other. */
static void use(uint32_t count)
{
	static struct aggregate   out[PLAN_FEATURES_MAX];
	static struct transaction t;
	struct state_keys         keys;
	struct state_label        label = { .frauds = 1, .labelled = 1 };
	uint16_t                  entities;
	uint64_t                  number;

	memset(&t, 0, sizeof(t));
	for (uint32_t i = 0; i < count; i++) {
		struct state_event event = { .sequence = 1000 + i, .transaction = &t };

		t.time_ns             = 30 * 24 * HOUR_NS + (int64_t)(i * 7919 % 97) * HOUR_NS / 7;
		t.amount_minor        = i;
		t.card.size_bytes     = 1;
		t.card.data[0]        = (char)('a' + i % 5);
		t.terminal.size_bytes = 1;
		t.terminal.data[0]    = (char)('a' + i % 11);
		state_keys(&plan, &t, &keys);
		entities = 0;
		for (uint8_t kind = 0; kind < plan.entities_count; kind++) {
			bool filed = state_touch(state, 0, kind, keys.file[kind], &event, out);

			entities |= (uint16_t)(filed << kind);
			label.filed    = filed;
			label.sequence = event.sequence - i % 3;
			label.time_ns  = t.time_ns;
			state_label(state, 0, kind, keys.file[kind], &label);
		}
		state_decided(state, 0, 0, keys.file[0], event.sequence, t.time_ns,
			      VERDICT_DECLINE);
		number = sightings_add(sightings, keys.file[0], UINT64_MAX - count + i, t.time_ns,
				       &keys);
		for (uint32_t decider = 0; decider < DECIDERS; decider++)
			sightings_note(sightings, decider, number,
				       entities & (uint16_t)(1u << decider));
	}
}

/* What was loaded is saved as it was, and loads again. */
static void check_state(void)
{
	struct failure failure;

	first.size_bytes = second.size_bytes = 0;
	if (!state_save(state, 0, append, &first) ||
	    !state_load(state, 0, bytes_of(first.data, first.size_bytes), &failure) ||
	    !state_save(state, 0, append, &second) || first.size_bytes != second.size_bytes ||
	    memcmp(first.data, second.data, first.size_bytes) != 0)
		abort();
}

static void check_sightings(void)
{
	struct failure failure;

	first.size_bytes = second.size_bytes = 0;
	if (!sightings_save(sightings, append, &first) ||
	    !sightings_load(sightings, bytes_of(first.data, first.size_bytes), &failure) ||
	    !sightings_save(sightings, append, &second) || first.size_bytes != second.size_bytes ||
	    memcmp(first.data, second.data, first.size_bytes) != 0)
		abort();
}

/* `data` behind the first bytes of an empty snapshot, with its digest. */
static struct bytes signed_input(bool of_state, const uint8_t *data, size_t size)
{
	struct failure failure;
	struct digest  digest;

	input.size_bytes = 0;
	if (of_state) {
		state_load(state, 0, bytes_of(NULL, 0), &failure);
		state_save(state, 0, append, &input);
	} else {
		sightings_load(sightings, bytes_of(NULL, 0), &failure);
		sightings_save(sightings, append, &input);
	}
	input.size_bytes = of_state ? STATE_PREFIX_BYTES : SIGHTING_PREFIX_BYTES;
	append(&input, bytes_of(data, size));
	digest_init(&digest);
	digest_add(&digest, input.data, input.size_bytes);
	digest_end(&digest, input.data + input.size_bytes);
	return bytes_of(input.data, input.size_bytes + DIGEST_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure failure = { 0 };
	struct bytes   in;
	bool           of_state, good;

	if (state == NULL)
		open_all();
	if (size == 0 || size > BYTES_MAX / 2)
		return 0;
	of_state = data[0] % 2 == 0;
	in       = data[0] % 4 < 2 ? signed_input(of_state, data + 1, size - 1)
				   : bytes_of(data + 1, size - 1);
	good     = of_state ? state_load(state, 0, in, &failure)
			    : sightings_load(sightings, in, &failure);
	if (!good && failure.detail[0] == '\0')
		abort();
	if (good && of_state) {
		check_state();
		if (first.size_bytes != in.size_bytes ||
		    memcmp(first.data, in.data, in.size_bytes) != 0)
			abort();
		sightings_load(sightings, bytes_of(NULL, 0), &failure);
		use(200);
		/* Not checked: the snapshot's sequences can be later than those of use. */
		first.size_bytes = 0;
		state_save(state, 0, append, &first);
		state_load(state, 0, bytes_of(first.data, first.size_bytes), &failure);
	} else if (good) {
		check_sightings();
		if (first.size_bytes != in.size_bytes ||
		    memcmp(first.data, in.data, in.size_bytes) != 0)
			abort();
		state_load(state, 0, bytes_of(NULL, 0), &failure);
		use(200);
	}
	return 0;
}
