/* runtime/state: what happens at the bounds of memory and history, and that neither the
 * order in which shards are served nor anything else but a shard's own calls matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/state/stream.h"

static struct feature_plan plan;
static struct aggregate    got[PLAN_FEATURES_MAX], expected[PLAN_FEATURES_MAX];

static void set_history(uint32_t history_max)
{
	for (uint32_t i = 0; i < plan.entities_count; i++)
		plan.entities[i].history_max = history_max;
}

static struct state_counters all_counters(const struct state *state)
{
	struct state_counters sum = { 0 }, one;

	for (uint32_t shard = 0; shard < plan.shards; shard++) {
		state_counters(state, shard, &one);
		state_counters_add(&sum, &one);
	}
	return sum;
}

/* The smallest memory that this many shards take. */
static uint64_t least_memory(uint32_t shards)
{
	char     error[200];
	uint64_t bytes = 1 << 14;

	stream_plan(&plan, shards, bytes);
	while (state_size(&plan, error, sizeof(error)) == 0)
		plan.memory_bytes += 1 << 12;
	return plan.memory_bytes;
}

static void a_plan_that_does_not_fit_is_refused(void **context)
{
	char error[200] = "";

	stream_plan(&plan, 4, 100000);
	assert_int_equal(state_size(&plan, error, sizeof(error)), 0);
	assert_non_null(strstr(error, "64 entities"));
	stream_plan(&plan, 3, UINT64_C(1) << 26);
	assert_int_equal(state_size(&plan, error, sizeof(error)), 0);
	assert_non_null(strstr(error, "power of two"));
	stream_plan(&plan, 4, UINT64_C(1) << 26);
	set_history(1);
	assert_int_equal(state_size(&plan, error, sizeof(error)), 0);
	assert_non_null(strstr(error, "history_max"));
}

static void facts_tell_what_is_planned(void **context)
{
	struct state      *state;
	struct state_facts facts;

	stream_plan(&plan, 4, UINT64_C(1) << 26);
	state = stream_open(&plan);
	state_facts(state, &facts);
	assert_int_equal(facts.shards, 4);
	assert_true(facts.shard_bytes * 4 < plan.memory_bytes);
	assert_true(facts.shard_bytes * 4 > plan.memory_bytes * 98 / 100);
	assert_true(facts.cells_bytes > facts.shard_bytes * 85 / 100);
	assert_true(facts.entities_max >= 64);
	/* of inbound: time, count, sum and one hash; it is not labelled */
	assert_int_equal(facts.kinds[2].cell_bytes, 8 + 4 + 16 + 8);
	assert_true(facts.kinds[0].cell_bytes > facts.kinds[2].cell_bytes);
	stream_close(state);
}

/* Payments of one kind of entity, so many each, until one is evicted or has to merge;
 * returns how many entities there were before. */
static uint32_t fill(struct state *state, uint8_t kind, uint32_t payments, uint32_t entities)
{
	struct transaction    t        = { .channel = CHANNEL_ATM, .currency = "EUR" };
	struct state_event    event    = { .transaction = &t };
	uint64_t              sequence = 0;
	struct state_counters c;

	for (uint32_t i = 0; i < entities; i++) {
		struct hash128 key = hash_bytes(1000 + kind, bytes_of(&i, sizeof(i)));

		for (uint32_t n = 0; n < payments; n++) {
			event.sequence = ++sequence;
			t.time_ns      = DAY_NS + (int64_t)n * SECOND_NS;
			state_touch(state, 0, kind, key, &event, got);
		}
		c = all_counters(state);
		if (c.evicted > 0 || c.merged > 0)
			return i;
	}
	return entities;
}

/* What is printed at boot against what is measured, for every kind of entity: with one
 * payment each, and with a whole history. */
static void facts_are_what_is_measured(void **context)
{
	static const uint32_t histories[] = { 2, 30, 700, PLAN_HISTORY_MAX };
	struct state_facts    facts;
	struct state         *state;

	for (size_t h = 0; h < sizeof(histories) / sizeof(histories[0]); h++) {
		for (uint8_t kind = 0; kind < 5; kind++) {
			stream_plan(&plan, 1, UINT64_C(1) << 21);
			set_history(histories[h]);
			state = stream_open(&plan);
			state_facts(state, &facts);
			const struct state_size_facts *of = &facts.kinds[kind];

			assert_int_equal(fill(state, kind, 1, facts.entities_max),
					 facts.entities_max);
			assert_int_equal(all_counters(state).bytes,
					 (uint64_t)facts.entities_max * of->least_bytes);
			assert_true(fill(state, kind, 1, facts.entities_max + 1) <=
				    facts.entities_max);
			stream_close(state);

			state = stream_open(&plan);
			assert_true(of->most_fit > 0);
			assert_int_equal(fill(state, kind, histories[h], of->most_fit),
					 of->most_fit);
			assert_int_equal(all_counters(state).bytes,
					 (uint64_t)of->most_fit * of->most_bytes);
			stream_close(state);
			/* Not one too few: two more do not fit. */
			state = stream_open(&plan);
			assert_true(fill(state, kind, histories[h], of->most_fit + 2) <
				    of->most_fit + 2);
			stream_close(state);
		}
	}
}

/* Many entities in the least memory there can be: they come and go, nothing breaks, and
 * the counters add up. */
static void little_memory_evicts_and_merges(void **context)
{
	const struct stream_options options = {
		.events = 6000, .entities = 300, .span_ns = 3 * DAY_NS, .late_of = 9, .label_of = 3
	};
	struct stream         stream;
	struct state         *state;
	struct state_counters c;
	struct state_facts    facts;
	uint64_t              handed = 0;

	for (uint32_t shards = 1; shards <= 4; shards *= 2) {
		least_memory(shards);
		state = stream_open(&plan);
		state_facts(state, &facts);
		stream_make(&stream, &plan, 11 + shards, &options);
		handed = 0;
		for (uint32_t i = 0; i < stream.ops_count; i++) {
			const struct op *op = &stream.ops[i];

			stream_do(state, &stream, op, got);
			handed += (op->kind == OP_TOUCH || op->kind == OP_FILE) && hash_is(op->key);
			state_counters(state, op->shard, &c);
			assert_true(c.entities <= facts.entities_max);
		}
		c = all_counters(state);
		assert_true(c.evicted > 100);
		assert_true(c.late > 0);
		assert_true(c.label_lost > 0);
		assert_int_equal(c.filed + c.late, handed);
		assert_true(c.cells <= c.filed - c.merged);
		stream_free(&stream);
		stream_close(state);
	}
}

/* One entity that wants more than there is: it is merged, not asserted on. */
static void a_ring_that_cannot_grow_merges(void **context)
{
	const struct stream_options options = {
		.events = 6000, .entities = 2, .span_ns = HOUR_NS, .late_of = 9, .label_of = 3
	};
	struct stream         stream;
	struct state         *state;
	struct state_counters c;

	least_memory(1);
	state = stream_open(&plan);
	stream_make(&stream, &plan, 21, &options);
	for (uint32_t i = 0; i < stream.ops_count; i++)
		stream_do(state, &stream, &stream.ops[i], got);
	c = all_counters(state);
	assert_true(c.merged > 1000);
	assert_true(c.cells + c.merged <= c.filed);
	stream_free(&stream);
	stream_close(state);
}

/* With short histories a window is the oracle's, or says that it is coarse. */
static void what_is_not_coarse_is_exact(void **context)
{
	uint32_t exact = 0, coarse = 0;
	uint64_t counted = 0;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		const struct stream_options options = { .events   = 600,
							.entities = 3,
							.span_ns  = 9 * DAY_NS,
							.late_of  = 6,
							.label_of = 3 };
		struct stream               stream;
		struct oracle               oracle;
		struct state               *state;

		stream_plan(&plan, 1u << seed % 3, UINT64_C(1) << 24);
		set_history(2 + 2 * (uint32_t)(seed * seed));
		state = stream_open(&plan);
		stream_make(&stream, &plan, seed, &options);
		oracle_open(&oracle);
		for (uint32_t i = 0; i < stream.ops_count; i++) {
			const struct op *op = &stream.ops[i];
			int              feature;

			stream_do(state, &stream, op, got);
			oracle_do(&oracle, &stream, op, expected);
			if (op->kind != OP_TOUCH && op->kind != OP_READ)
				continue;
			feature = stream_differs(&plan, op->entity, got, expected, true);
			if (feature >= 0)
				print_message("# seed %llu, call %u, feature %d of kind %d\n",
					      (unsigned long long)seed, i, feature,
					      plan.features[feature].kind);
			assert_int_equal(feature, -1);
			for (uint32_t f = 0; f < plan.features_count; f++) {
				exact += plan.features[f].entity == op->entity && !got[f].coarse;
				coarse += plan.features[f].entity == op->entity && got[f].coarse;
			}
		}
		assert_true(all_counters(state).merged > 0);
		counted += all_counters(state).coarse;
		oracle_close(&oracle);
		stream_free(&stream);
		stream_close(state);
	}
	print_message("# %u windows exact, %u coarse\n", exact, coarse);
	assert_true(exact > 1000 && coarse > 1000);
	assert_int_equal(counted, coarse);
}

/* A busy entity: up to 184,320 transactions a window, 512 cells.  What is counted is never
 * less than the truth and at most a few percent more. */
static void merging_keeps_counts_close(void **context)
{
	const int64_t      step_ns = 10 * SECOND_NS;
	struct transaction t       = { .amount_minor = 1 };
	struct state      *state;
	struct state_keys  keys;
	double             worst = 0;

	memset(&plan, 0, sizeof(plan));
	plan.shards         = 1;
	plan.memory_bytes   = 1 << 22;
	plan.entities_count = 1;
	plan.features_count = 4;
	plan.entities[0]    = (struct entity_spec){ .key         = { FIELD_CARD },
						    .read        = { FIELD_CARD },
						    .history_max = 512 };
	for (uint32_t i = 0; i < 4; i++)
		plan.features[i] = (struct feature_spec){ .kind      = FEATURE_COUNT,
							  .window_ns = HOUR_NS << (3 * i) };
	memcpy(t.card.data, "c", t.card.size_bytes = 1);
	state = stream_open(&plan);
	state_keys(&plan, &t, &keys);
	for (uint64_t n = 1; n <= 300000; n++) {
		struct state_event event = { .sequence = n, .transaction = &t };

		t.time_ns = (int64_t)n * step_ns;
		state_touch(state, 0, 0, keys.file[0], &event, got);
		for (uint32_t i = 0; i < 4; i++) {
			uint64_t truth = (uint64_t)(plan.features[i].window_ns / step_ns);
			double   excess;

			truth  = truth < n ? truth : n;
			excess = (double)got[i].count / (double)truth - 1;
			assert_true(excess >= 0 && (excess == 0 || got[i].coarse));
			worst = excess > worst ? excess : worst;
		}
	}
	print_message("# at most %.2f %% too many\n", 100 * worst);
	assert_true(worst < 0.06);
	stream_close(state);
}

static bool same_aggregate(const struct aggregate *a, const struct aggregate *b)
{
	return a->count == b->count && a->frauds == b->frauds && a->labelled == b->labelled &&
	       a->declines == b->declines && a->reviews == b->reviews &&
	       a->distinct == b->distinct && a->sum == b->sum && a->squares == b->squares &&
	       (a->count == 0 || (a->min == b->min && a->max == b->max)) &&
	       a->last_ns == b->last_ns && a->first_ns == b->first_ns && a->coarse == b->coarse;
}

/* Carry out all calls, each shard's in order, the shards as `turns` says: 0 as they came,
 * n shard after shard in runs of n calls.  Every answer is kept. */
static struct aggregate *run(const struct stream *stream, uint32_t turns, uint8_t *digests)
{
	struct state     *state = stream_open(&plan);
	struct aggregate *all   = calloc((size_t)stream->ops_count * plan.features_count,
					 sizeof(*all));
	uint32_t         *next  = calloc(plan.shards, sizeof(*next));
	bool              more  = true;

	for (uint32_t i = 0; turns == 0 && i < stream->ops_count; i++)
		stream_do(state, stream, &stream->ops[i], all + (size_t)i * plan.features_count);
	for (; turns > 0 && more;) {
		more = false;
		for (uint32_t turn = 0; turn < plan.shards; turn++) {
			uint32_t shard = (turn * 5 + turns) % plan.shards, done = 0;
			uint32_t i = next[shard];

			for (; i < stream->ops_count && done < turns; i++) {
				if (stream->ops[i].shard != shard)
					continue;
				stream_do(state, stream, &stream->ops[i],
					  all + (size_t)i * plan.features_count);
				done++;
			}
			next[shard] = i;
			more |= i < stream->ops_count;
		}
	}
	for (uint32_t shard = 0; shard < plan.shards; shard++)
		state_digest(state, shard, digests + shard * DIGEST_BYTES);
	free(next);
	stream_close(state);
	return all;
}

static void the_order_of_shards_does_not_matter(void **context)
{
	static const uint32_t       turns[] = { 1, 7, 1000000 };
	const struct stream_options options = {
		.events = 3000, .entities = 900, .span_ns = 2 * DAY_NS, .late_of = 9, .label_of = 3
	};
	uint8_t       digests[2][16 * DIGEST_BYTES];
	struct stream stream;

	least_memory(16);
	set_history(20);
	stream_make(&stream, &plan, 31, &options);
	struct aggregate *one = run(&stream, 0, digests[0]);

	for (size_t k = 0; k < sizeof(turns) / sizeof(turns[0]); k++) {
		struct aggregate *other = run(&stream, turns[k], digests[1]);

		for (size_t i = 0; i < (size_t)stream.ops_count * plan.features_count; i++)
			assert_true(same_aggregate(&one[i], &other[i]));
		assert_memory_equal(digests[0], digests[1], sizeof(digests[0]));
		free(other);
	}
	/* The control: the last transaction less, and some shard's digest is another. */
	while (stream.ops[stream.ops_count - 1].kind != OP_TOUCH)
		stream.ops_count--;
	stream.ops_count--;
	free(run(&stream, 0, digests[1]));
	assert_memory_not_equal(digests[0], digests[1], sizeof(digests[0]));
	free(one);
	stream_free(&stream);
}

/* Told twice, or of a transaction that nobody knows: no window has more frauds than
 * transactions, and the label is counted as lost. */
static void a_label_told_twice_is_lost(void **context)
{
	struct transaction t = { .time_ns = DAY_NS, .amount_minor = 5, .channel = CHANNEL_ATM };
	const struct state_event event = { .sequence = 5, .transaction = &t };
	struct state_label       label = {
		      .sequence = 5, .time_ns = DAY_NS, .frauds = 1, .labelled = 1, .filed = true
	};
	struct state_keys keys;
	struct state     *state;

	stream_plan(&plan, 1, UINT64_C(1) << 24);
	state = stream_open(&plan);
	memcpy(t.card.data, "c", t.card.size_bytes = 1);
	state_keys(&plan, &t, &keys);
	state_touch(state, 0, 0, keys.file[0], &event, got);
	state_label(state, 0, 0, keys.file[0], &label);
	state_label(state, 0, 0, keys.file[0], &label);
	label.sequence = 6;
	state_label(state, 0, 0, keys.file[0], &label);
	assert_int_equal(all_counters(state).label_lost, 2);
	state_read(state, 0, 0, keys.file[0], &event, got);
	for (uint32_t i = 0; i < plan.features_count; i++) {
		if (plan.features[i].entity == 0 && plan.features[i].kind == FEATURE_FRAUDS &&
		    plan.features[i].delay_ns == 0)
			assert_int_equal(got[i].frauds, 1);
	}
	stream_close(state);
}

/* Is this label lost, by the oracle's book of what was filed? */
static bool is_to_be_lost(const struct oracle *oracle, const struct op *op)
{
	bool frauds = false, labelled = false;

	for (uint32_t f = 0; f < plan.features_count; f++) {
		if (plan.features[f].entity != op->entity)
			continue;
		frauds |= plan.features[f].kind == FEATURE_FRAUDS ||
			  plan.features[f].kind == FEATURE_FRAUD_RATE;
		labelled |= plan.features[f].kind == FEATURE_LABELLED;
	}
	return ((frauds && op->label.frauds != 0) || (labelled && op->label.labelled != 0)) &&
	       !oracle->filed[op->entity * STREAM_EVENTS_MAX + op->event];
}

/* Short histories, many transactions too late, many labels: those of what was never filed
 * are lost, every one of them, and no other. */
static void labels_of_what_was_not_filed_are_lost(void **context)
{
	uint64_t lost = 0;

	for (uint64_t seed = 1; seed <= 6; seed++) {
		const struct stream_options options = { .events   = 900,
							.entities = 2,
							.span_ns  = 5 * DAY_NS,
							.late_of  = 2,
							.label_of = 1 };
		struct stream               stream;
		struct oracle               oracle;
		struct state               *state;
		uint64_t                    wanted = 0;

		stream_plan(&plan, 1, UINT64_C(1) << 24);
		plan.lateness_ns = 5 * MINUTE_NS;
		set_history(4 + 4 * (uint32_t)seed);
		state = stream_open(&plan);
		stream_make(&stream, &plan, 40 + seed, &options);
		oracle_open(&oracle);
		for (uint32_t i = 0; i < stream.ops_count; i++) {
			const struct op *op = &stream.ops[i];

			stream_do(state, &stream, op, got);
			oracle_do(&oracle, &stream, op, expected);
			wanted += op->kind == OP_LABEL && is_to_be_lost(&oracle, op);
			if (op->kind == OP_TOUCH || op->kind == OP_READ)
				assert_int_equal(
					stream_differs(&plan, op->entity, got, expected, true), -1);
		}
		assert_true(all_counters(state).merged > 100);
		assert_int_equal(all_counters(state).label_lost, wanted);
		lost += wanted;
		oracle_close(&oracle);
		stream_free(&stream);
		stream_close(state);
	}
	print_message("# %llu labels lost\n", (unsigned long long)lost);
	assert_true(lost > 100);
}

/* A payment of the card, as one entity with history 4 and labels; is it filed? */
static bool pay(struct state *state, const char *card, uint64_t sequence, int64_t time_ns)
{
	struct transaction t     = { .time_ns = time_ns, .channel = CHANNEL_ATM };
	struct state_event event = { .sequence = sequence, .transaction = &t };
	struct state_keys  keys;

	memcpy(t.card.data, card, t.card.size_bytes = (uint16_t)strlen(card));
	state_keys(&plan, &t, &keys);
	return state_touch(state, 0, 0, keys.file[0], &event, got);
}

static void label_fraud(struct state *state, const char *card, uint64_t sequence, int64_t time_ns)
{
	struct transaction t     = { .channel = CHANNEL_ATM };
	struct state_label label = {
		.sequence = sequence, .time_ns = time_ns, .frauds = 1, .labelled = 1, .filed = true
	};
	struct state_keys keys;

	memcpy(t.card.data, card, t.card.size_bytes = (uint16_t)strlen(card));
	state_keys(&plan, &t, &keys);
	state_label(state, 0, 0, keys.file[0], &label);
}

static void plan_one(uint64_t memory_bytes)
{
	memset(&plan, 0, sizeof(plan));
	plan.shards         = 1;
	plan.memory_bytes   = memory_bytes;
	plan.lateness_ns    = HOUR_NS;
	plan.entities_count = plan.features_count = 1;
	plan.entities[0]                          = (struct entity_spec){ .key         = { FIELD_CARD },
									  .read        = { FIELD_CARD },
									  .history_max = 4 };
	plan.features[0] = (struct feature_spec){ .kind = FEATURE_FRAUDS, .window_ns = DAY_NS };
}

/* It was filed and its cell has been dropped since: the merged cell behind is not its. */
static void a_label_of_a_dropped_cell_is_lost(void **context)
{
	struct state *state;

	plan_one(1 << 20);
	state = stream_open(&plan);
	assert_true(pay(state, "c", 5, DAY_NS));
	for (uint64_t h = 1; h <= 12; h++)
		assert_true(pay(state, "c", 5 + h, 3 * DAY_NS + (int64_t)h * HOUR_NS));
	assert_true(all_counters(state).merged > 0);
	label_fraud(state, "c", 5, DAY_NS);
	assert_int_equal(all_counters(state).label_lost, 1);
	label_fraud(state, "c", 6, 3 * DAY_NS + HOUR_NS); /* the control: merged, and there */
	assert_int_equal(all_counters(state).label_lost, 1);
	assert_true(pay(state, "c", 100, 3 * DAY_NS + 13 * HOUR_NS));
	assert_int_equal(got[0].frauds, 1);
	stream_close(state);
}

/* Its entity was evicted; another of the same key has been made, whose merged cell
 * stands for the time of it, but not for it.  What follows also holds after a snapshot,
 * see snapshot_test.c. */
static void a_label_of_an_evicted_history_is_lost(void **context)
{
	char          name[16];
	struct state *state;
	int64_t       first_ns = 10 * DAY_NS + 6 * HOUR_NS;

	plan_one(1 << 15);
	state = stream_open(&plan);
	assert_true(pay(state, "c", 5, first_ns + HOUR_NS / 2));
	for (uint64_t i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "x%u", (unsigned)i);
		pay(state, name, 10 + i, first_ns);
	}
	assert_true(all_counters(state).evicted > 0);
	for (uint64_t h = 0; h < 12; h++)
		assert_true(pay(state, "c", 3000 + h, first_ns + (int64_t)h * HOUR_NS));
	assert_int_equal(got[0].count, 12);
	label_fraud(state, "c", 5, first_ns + HOUR_NS / 2);
	assert_int_equal(all_counters(state).label_lost, 1);
	label_fraud(state, "c", 3001, first_ns + HOUR_NS);
	assert_int_equal(all_counters(state).label_lost, 1);
	assert_true(pay(state, "c", 4000, first_ns + 12 * HOUR_NS));
	assert_int_equal(got[0].frauds, 1);
	stream_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_that_does_not_fit_is_refused),
		cmocka_unit_test(facts_tell_what_is_planned),
		cmocka_unit_test(facts_are_what_is_measured),
		cmocka_unit_test(little_memory_evicts_and_merges),
		cmocka_unit_test(a_ring_that_cannot_grow_merges),
		cmocka_unit_test(what_is_not_coarse_is_exact),
		cmocka_unit_test(merging_keeps_counts_close),
		cmocka_unit_test(the_order_of_shards_does_not_matter),
		cmocka_unit_test(a_label_told_twice_is_lost),
		cmocka_unit_test(labels_of_what_was_not_filed_are_lost),
		cmocka_unit_test(a_label_of_a_dropped_cell_is_lost),
		cmocka_unit_test(a_label_of_an_evicted_history_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
