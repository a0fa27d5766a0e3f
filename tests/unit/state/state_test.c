/* runtime/state/state.h: every window of random streams against the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/state/stream.h"

#define SEEDS        12
#define MEMORY_BYTES (UINT64_C(64) << 20)

static struct feature_plan plan;
static struct aggregate    got[PLAN_FEATURES_MAX], expected[PLAN_FEATURES_MAX];

/* How many calls differ from the oracle; the first is told unless it is wanted. */
static uint32_t differences(uint64_t seed, const struct stream_options *options, bool closed,
			    bool wanted)
{
	struct state *state = stream_open(&plan);
	struct stream stream;
	struct oracle oracle;
	uint32_t      different = 0;

	stream_make(&stream, &plan, seed, options);
	oracle_open(&oracle);
	oracle.closed_old_end = closed;
	for (uint32_t i = 0; i < stream.ops_count; i++) {
		const struct op *op = &stream.ops[i];
		int              feature;

		stream_do(state, &stream, op, got);
		oracle_do(&oracle, &stream, op, expected);
		if (op->kind != OP_TOUCH && op->kind != OP_READ)
			continue;
		feature = stream_differs(&plan, op->entity, got, expected,
					 oracle_is_late(&oracle, &stream, op));
		if (feature >= 0 && different++ == 0 && !wanted)
			print_message("# seed %llu, call %u, event %u, feature %d of kind %d\n",
				      (unsigned long long)seed, i, op->event, feature,
				      plan.features[feature].kind);
	}
	oracle_close(&oracle);
	stream_free(&stream);
	stream_close(state);
	return different;
}

static void windows_are_those_of_the_oracle(void **context)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		const struct stream_options options = { .events   = 700,
							.entities = 3 + (uint32_t)seed,
							.span_ns  = (int64_t)(1 + seed * seed) *
								   DAY_NS / 2,
							.late_of  = (uint32_t)(seed % 3) * 5,
							.label_of = 2 };

		stream_plan(&plan, 1u << seed % 5, MEMORY_BYTES);
		if (seed % 4 == 0)
			plan.lateness_ns = 0;
		assert_int_equal(differences(seed, &options, false, false), 0);
	}
}

static void one_busy_entity_is_exact_up_to_its_history(void **context)
{
	const struct stream_options options = {
		.events = 4000, .entities = 1, .span_ns = 20 * DAY_NS, .late_of = 4, .label_of = 3
	};

	stream_plan(&plan, 1, MEMORY_BYTES);
	assert_int_equal(differences(99, &options, false, false), 0);
}

static void control_a_closed_old_end_is_found(void **context)
{
	const struct stream_options options = {
		.events = 1500, .entities = 2, .span_ns = DAY_NS, .late_of = 5, .label_of = 2
	};

	stream_plan(&plan, 1, MEMORY_BYTES);
	assert_int_equal(differences(5, &options, false, false), 0);
	assert_true(differences(5, &options, true, true) > 0);
}

/* A key with currency in it, alone, in a pair and beside a pair: every currency has its
 * own sum, an entity without it counts them all. */
static void currencies_are_apart(void **context)
{
	static const uint8_t keys[4][PLAN_KEY_FIELDS_MAX] = {
		{ FIELD_CARD },
		{ FIELD_CURRENCY },
		{ FIELD_CARD, FIELD_CURRENCY },
		{ FIELD_CARD, FIELD_TERMINAL, FIELD_CURRENCY },
	};
	static const char *const money[]     = { "EUR", "HUF", "EUR" };
	static const int64_t     wanted[][3] = { { 10, 90010, 90015 }, { 10, 90000, 15 } };
	struct transaction       t           = { .time_ns = DAY_NS, .currency_exponent = 0 };
	struct state            *state;
	struct state_keys        file;

	memset(&plan, 0, sizeof(plan));
	plan.shards         = 1;
	plan.memory_bytes   = 1 << 22;
	plan.entities_count = plan.features_count = 4;
	for (uint32_t e = 0; e < 4; e++) {
		memcpy(plan.entities[e].key, keys[e], sizeof(keys[e]));
		memcpy(plan.entities[e].read, keys[e], sizeof(keys[e]));
		plan.entities[e].history_max = 8;
		plan.features[e]             = (struct feature_spec){ .kind      = FEATURE_SUM,
								      .entity    = (uint8_t)e,
								      .window_ns = DAY_NS };
		assert_int_equal(plan_has_one_currency(&plan.entities[e]), e > 0);
	}
	memcpy(t.card.data, "c", t.card.size_bytes = 1);
	memcpy(t.terminal.data, "t", t.terminal.size_bytes = 1);
	state = stream_open(&plan);
	for (uint64_t i = 0; i < 3; i++) {
		struct state_event event = { .sequence = i + 1, .transaction = &t };

		t.amount_minor = i == 0 ? 10 : i == 1 ? 90000 : 5;
		memcpy(t.currency, money[i], 3);
		state_keys(&plan, &t, &file);
		for (uint8_t e = 0; e < 4; e++) {
			state_touch(state, 0, e, file.file[e], &event, got);
			assert_int_equal((int64_t)got[e].sum,
					 wanted[e > 0][i] * FEATURE_AMOUNT_PER_UNIT);
		}
	}
	stream_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_those_of_the_oracle),
		cmocka_unit_test(one_busy_entity_is_exact_up_to_its_history),
		cmocka_unit_test(control_a_closed_old_end_is_found),
		cmocka_unit_test(currencies_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
