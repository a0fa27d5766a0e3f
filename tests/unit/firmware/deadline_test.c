/* The deadline, with a clock that the test moves: for each order of the stages and each
 * moment at which the time may run out, what ran is a head of that order, what did not is
 * answered by its row of the table, and the record's stages give the same decision again
 * without a clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "firmware/offline.h"

#define TICK_NS 1000 /* each look at the clock finds it this much later */
#define LOOKS   40   /* more than one decision takes */
#define MODEL   (1u << STAGE_model)
#define RULES   (1u << STAGE_rules)
#define TIME_NS INT64_C(1772445600000000000) /* 2026-03-02T10:00:00Z */

struct test {
	struct offline         offline;
	uint64_t               clock_ns;
	uint64_t               number;
	uint32_t               emitted;
	struct decision_shadow shadow; /* beside the last decision */
};

static uint64_t tick(void *ctx)
{
	struct test *test = ctx;

	return test->clock_ns += TICK_NS;
}

static void emit(void *ctx, struct slot *slot)
{
	struct test *test = ctx;

	(void)slot;
	test->emitted++;
}

/* The demo's configuration with a deadline of its own, all files by their whole names. */
static void write_config(char path[64], const char *deadline)
{
	static char text[1 << 16];
	FILE       *in = fopen("config/demo/engine.cfg", "r");
	size_t      n  = in ? fread(text, 1, sizeof(text) - 1, in) : 0;
	int         fd;
	FILE       *out;
	char        tree[2048];

	assert_true(n > 0 && getcwd(tree, sizeof(tree)));
	fclose(in);
	text[n] = '\0';
	strcpy(path, "/tmp/deadline-XXXXXX");
	fd  = mkstemp(path);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	assert_non_null(out);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strncmp(line, "model:", 6) == 0)
			fprintf(out, "model: { file = \"%s/config/demo/model.ubj\"; };\n", tree);
		else if (strncmp(line, "rules:", 6) == 0)
			fprintf(out, "rules: { file = \"%s/config/rules/default.rules\"; };\n",
				tree);
		else
			fprintf(out, "%s\n", line);
	fprintf(out, "deadline: { %s };\n", deadline);
	assert_int_equal(fclose(out), 0);
}

static struct test *open_test(const char *deadline)
{
	struct test           *test = offline_new(sizeof(*test));
	char                   path[64];
	struct offline_options options = { .config_path = path, .cores = 1 };

	write_config(path, deadline);
	assert_true(offline_open(&test->offline, &options, emit, test));
	unlink(path);
	test->clock_ns               = TICK_NS; /* 0 would be no deadline */
	test->offline.engine.now_ns  = tick;
	test->offline.engine.now_ctx = test;
	assert_non_null(test->offline.live->brain.model);
	assert_non_null(test->offline.live->brain.rules);
	return test;
}

static void close_test(struct test *test)
{
	offline_close(&test->offline);
	free(test);
}

/* A payment of a card of its own, so that each is the first. */
static void make_payment(struct test *test, struct transaction *t)
{
	memset(t, 0, sizeof(*t));
	test->number++;
	t->id.size_bytes = (uint16_t)snprintf(t->id.data, 32, "p-%lu", (unsigned long)test->number);
	t->card.size_bytes   = (uint16_t)snprintf(t->card.data, 32, "c-%lu",
						  (unsigned long)test->number);
	t->time_ns           = TIME_NS;
	t->amount_minor      = 1999;
	t->currency_exponent = 2;
	memcpy(t->currency, "EUR", 3);
	t->channel        = CHANNEL_CARD_PRESENT;
	t->features_count = test->offline.config->features.count;
	for (uint16_t i = 0; i < t->features_count; i++)
		t->features[i] = 1.0f;
}

/* Decide it with `looks` ticks left, or as the record with these stages says. */
static struct decision decide(struct test *test, const struct transaction *t, uint64_t looks,
			      bool follow, uint16_t stages)
{
	struct pipeline *pipeline = &test->offline.pipeline;
	struct slot     *slot     = pipeline_next(pipeline);
	struct work     *work     = &slot->work;

	memset(work, 0, sizeof(*work));
	work->transaction = t;
	work->brain       = &test->offline.live->brain;
	work->shadow      = test->offline.live->has_shadow ? &test->offline.live->shadow : NULL;
	work->now_ns      = t->time_ns;
	work->due_ns      = follow ? 0 : test->clock_ns + looks * TICK_NS;
	work->follow      = follow;
	work->stages      = stages;
	pipeline_decide(pipeline, slot, (struct hash128){ .low = test->number + 1 });
	offline_drain(&test->offline);
	test->shadow = work->shadow_decision;
	return work->decision;
}

static bool tells(const struct decision *decision, enum reason failure)
{
	for (uint8_t i = 0; i < decision->reasons_count; i++)
		if (decision->reasons[i].code == DECIDED_FAILURE &&
		    decision->reasons[i].failure == failure)
			return true;
	return false;
}

/* All moments.  Returns how many sets of stages were seen; `seen` has them in the order in
 * which more time made them. */
static uint32_t run_out(struct test *test, uint16_t seen[4])
{
	uint32_t count = 0;

	for (uint64_t looks = 0; looks < LOOKS; looks++) {
		struct transaction t;
		struct decision    live, again;
		uint16_t           ran;

		make_payment(test, &t);
		live = decide(test, &t, looks, false, 0);
		ran  = live.stages_run & (MODEL | RULES);
		assert_int_equal(tells(&live, REASON_deadline_model), !(ran & MODEL));
		assert_int_equal(tells(&live, REASON_deadline_rules), !(ran & RULES));
		assert_int_equal(live.score == 0.0f, !(ran & MODEL));
		if (count == 0 || seen[count - 1] != ran) {
			assert_true(count < 4);
			seen[count++] = ran;
		}
		make_payment(test, &t);
		again = decide(test, &t, 0, true, live.stages_run);
		assert_memory_equal(&live, &again, sizeof(live));
	}
	return count;
}

static void test_orders(void **state)
{
	static const struct {
		const char *deadline;
		uint16_t    first;
	} orders[] = {
		{ "order = ( \"model\", \"rules\" );", MODEL },
		{ "order = ( \"rules\", \"model\" );", RULES },
	};

	for (size_t i = 0; i < 2; i++) {
		struct test *test = open_test(orders[i].deadline);
		uint16_t     seen[4];

		assert_int_equal(run_out(test, seen), 3);
		assert_int_equal(seen[0], 0);
		assert_int_equal(seen[1], orders[i].first);
		assert_int_equal(seen[2], MODEL | RULES);
		close_test(test);
	}
	(void)state;
}

/* One stage ran and the other was missed: the table's row joins what did run. */
static void test_table(void **state)
{
	struct test *test =
		open_test("order = ( \"rules\", \"model\" ); on_missed_model = \"decline\";");
	struct transaction t;
	struct decision    decision;
	uint64_t           looks = 0;

	do {
		make_payment(test, &t);
		decision = decide(test, &t, looks++, false, 0);
	} while ((decision.stages_run & (MODEL | RULES)) != RULES && looks < LOOKS);
	assert_int_equal(decision.stages_run & (MODEL | RULES), RULES);
	assert_int_equal(decision.verdict, VERDICT_DECLINE);
	make_payment(test, &t);
	decision = decide(test, &t, LOOKS, false, 0);
	assert_int_equal(decision.stages_run & (MODEL | RULES), MODEL | RULES);
	assert_int_not_equal(decision.verdict, VERDICT_DECLINE);
	close_test(test);
	(void)state;
}

/* A shadow that the deadline cut off says nothing: with the live configuration it decides
 * as that does, or has not run. */
static void test_shadow(void **state)
{
	struct test *test = open_test("order = ( \"model\", \"rules\" ); }; shadow: { "
				      "enabled = true;");
	uint32_t     ran = 0, alone = 0;

	for (uint64_t looks = 0; looks < LOOKS; looks++) {
		struct transaction t;
		struct decision    live;

		make_payment(test, &t);
		live = decide(test, &t, looks, false, 0);
		ran += test->shadow.ran;
		alone += !test->shadow.ran && live.stages_run & MODEL && live.stages_run & RULES;
		if (!test->shadow.ran)
			continue;
		assert_int_equal(live.stages_run & (MODEL | RULES), MODEL | RULES);
		assert_int_equal(test->shadow.verdict, live.verdict);
		assert_memory_equal(&test->shadow.score, &live.score, sizeof(live.score));
	}
	assert_true(ran > 0 && alone > 0);
	close_test(test);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_shadow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
