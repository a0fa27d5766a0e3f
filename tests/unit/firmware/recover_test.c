/* firmware/engine.h and firmware/recover.h where they fail: no memory, and a stop in the
 * middle.  That what is recovered is right is shown end to end (recover_test.py). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "firmware/audit_log.h"
#include "firmware/recover.h"
#include "tests/lib/default_plan.h"
#include "tests/unit/audit/audit_sample.h"

#define RECORDS 20

static struct config config;

static void plan(void)
{
	config_defaults(&config);
	default_plan(&config.plan);
	config.plan.memory_bytes          = 1 << 20;
	config.plan.shards                = 4;
	config.plan.entities[0].decisions = true; /* a state of its own */
	config.history_plan               = (struct history_plan){
			      .steps = 3, .columns = 1, .shards = 4, .memory_bytes = 1 << 20
	};
	config.idempotency.memory_mib  = 1;
	config.labels.transactions_max = 1000;
}

struct ration {
	int   left;
	void *given[8];
	int   count;
};

static void *take(void *ctx, const char *name, size_t size_bytes, size_t align_bytes)
{
	struct ration *ration = ctx;
	void          *memory;

	(void)name;
	if (ration->left-- == 0) {
		errno = ENOMEM;
		return NULL;
	}
	memory = aligned_alloc(align_bytes, (size_bytes + align_bytes - 1) & ~(align_bytes - 1));
	assert_non_null(memory);
	ration->given[ration->count++] = memory;
	return memset(memory, 0, size_bytes);
}

static void give_back(struct ration *ration)
{
	while (ration->count > 0)
		free(ration->given[--ration->count]);
}

static void test_no_memory(void **state)
{
	static const char *const names[] = { "histories", "verdicts", "rows", "answers",
					     "labelled" };
	char                     error[ENGINE_ERROR_BYTES];
	struct engine            engine;

	plan();
	for (int i = 0; i < 5; i++) {
		struct ration ration = { .left = i };

		assert_false(engine_init(&engine, &config, true, take, &ration, error));
		if (!strstr(error, names[i]))
			fail_msg("piece %d: %s", i, error);
		assert_non_null(strstr(error, "Cannot allocate memory"));
		give_back(&ration);
	}
}

static void tell(void *ctx, const char *sentence)
{
	(void)ctx;
	print_message("# %s\n", sentence);
}

/* A log whose decisions can be followed. */
static void make_log(struct disk_sim *sim)
{
	static const struct audit_log_options options = { .segment_bytes_max = 1 << 20,
							  .build             = "test" };
	static uint8_t                        records[RECORDS * AUDIT_RECORD_BYTES_MAX];
	struct audit_log                      log;
	struct audit_log_report               report;
	struct audit_chain                    chain;
	size_t                                size = 0;

	disk_sim_init(sim, 1);
	assert_true(audit_log_open(&log, &sim->disk, &options, &report));
	chain = log.appended;
	for (uint64_t i = 1; i <= RECORDS; i++)
		size += audit_sample_decision(records + size, i, 0, &chain);
	assert_true(audit_log_append(&log, bytes_of(records, size), 1) && audit_log_sync(&log));
	audit_log_close(&log);
}

static void test_stop(void **state)
{
	struct ration   ration = { .left = -1 };
	struct disk_sim sim;
	struct engine   engine;
	_Atomic bool    stop    = true;
	struct recover  recover = { .engine    = &engine,
				    .config    = &config,
				    .directory = "nowhere",
				    .audit     = &sim.disk,
				    .tell      = tell,
				    .stop      = &stop };
	char            error[RECOVER_ERROR_BYTES];

	plan();
	make_log(&sim);
	assert_true(engine_init(&engine, &config, false, take, &ration, error));
	assert_false(recover_run(&recover, error));
	assert_string_equal(error, "told to stop");
	assert_int_equal(recover.records, 0);
	recover_end(&recover);
	stop = false;
	assert_true(recover_run(&recover, error));
	assert_int_equal(recover.records, RECORDS);
	recover_end(&recover);
	give_back(&ration);
	disk_sim_free(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
