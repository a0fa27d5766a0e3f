/* firmware/engine.h and firmware/recover.h where they fail: no memory, and a stop in the
 * middle.  That what is recovered is right is shown end to end (recover_test.py). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* A log whose decisions can be followed, from decision `first` on. */
static void make_log_of(struct disk_sim *sim, uint64_t first, uint64_t count)
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
	assert_true(count <= RECORDS);
	for (uint64_t i = first; i < first + count; i++)
		size += audit_sample_decision(records + size, i, 0, &chain);
	assert_true(audit_log_append(&log, bytes_of(records, size), 1) && audit_log_sync(&log));
	audit_log_close(&log);
}

static void make_log(struct disk_sim *sim)
{
	make_log_of(sim, 1, RECORDS);
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

/* Recovers the log up to `to`, 0 for its end, beside these snapshots, and saves what it
 * came to.  Returns the sequence of the snapshot that was used; `said` is what was told. */
static char said[4096];

static void hear(void *ctx, const char *sentence)
{
	(void)ctx;
	strncat(said, sentence, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static uint64_t recover_and_save(struct disk *audit, struct disk *snapshots, uint64_t to)
{
	struct ration  ration = { .left = -1 };
	struct engine  engine;
	struct recover recover                    = { .engine      = &engine,
						      .config      = &config,
						      .directory   = "nowhere",
						      .audit       = audit,
						      .snapshots   = snapshots,
						      .to_sequence = to,
						      .to_the_end  = to == 0,
						      .tell        = hear };
	char           error[RECOVER_ERROR_BYTES] = "";

	plan();
	config.history_plan.steps = 0; /* rows need the configs of the past; here are none */
	said[0]                   = '\0';
	assert_true(engine_init(&engine, &config, false, take, &ration, error));
	if (!recover_run(&recover, error))
		fail_msg("%s", error);
	if (recover.chain.next_sequence - 1 != recover.from_snapshot &&
	    !recover_save(&recover, 2, error))
		fail_msg("%s", error);
	recover_end(&recover);
	give_back(&ration);
	return recover.from_snapshot;
}

static bool has_snapshot(struct disk *snapshots, unsigned sequence)
{
	char name[DISK_NAME_BYTES_MAX];
	int  file;

	snprintf(name, sizeof(name), "snapshot-%020u.snap", sequence);
	file = snapshots->ops->open(snapshots, name, false);
	if (file >= 0)
		snapshots->ops->close(snapshots, file);
	return file >= 0;
}

/* Snapshots that another log left in the directory, ahead of this one or not: each is named
 * and passed over, and this log's own are made, kept and used. */
static void test_snapshots_of_another_log(void **state)
{
	struct disk_sim other, own, longer, snapshots;

	(void)state;
	make_log(&other);
	disk_sim_init(&snapshots, 3);
	assert_int_equal(recover_and_save(&other.disk, &snapshots.disk, 15), 0);
	assert_int_equal(recover_and_save(&other.disk, &snapshots.disk, 0), 15);
	assert_string_equal(said, "");

	make_log_of(&own, 100, 10);
	assert_int_equal(recover_and_save(&own.disk, &snapshots.disk, 8), 0);
	assert_true(has_snapshot(&snapshots.disk, 8));
	assert_int_equal(recover_and_save(&own.disk, &snapshots.disk, 0), 8);
	assert_true(has_snapshot(&snapshots.disk, 10));
	assert_non_null(strstr(said,
			       "snapshot-00000000000000000020.snap is ahead of the audit log, "
			       "which ends with record 10: it was made from another log; "
			       "remove it"));

	make_log_of(&longer, 100, 20); /* the same log, which has passed them */
	assert_int_equal(recover_and_save(&longer.disk, &snapshots.disk, 0), 10);
	assert_non_null(strstr(said, "snapshot-00000000000000000020.snap was made from another "
				     "log; remove it"));
	assert_non_null(strstr(said, "snapshot-00000000000000000015.snap was made from another "
				     "log; remove it"));
	disk_sim_free(&other);
	disk_sim_free(&own);
	disk_sim_free(&longer);
	disk_sim_free(&snapshots);
}

/* With a snapshot there, a stop is obeyed before it is loaded whole. */
static void test_stop_while_loading(void **state)
{
	struct ration   ration = { .left = -1 };
	struct disk_sim log, snapshots;
	struct engine   engine;
	_Atomic bool    stop                       = true;
	char            error[RECOVER_ERROR_BYTES] = "";
	struct recover  recover                    = { .engine    = &engine,
						       .config    = &config,
						       .directory = "nowhere",
						       .audit     = &log.disk,
						       .snapshots = &snapshots.disk,
						       .tell      = hear,
						       .stop      = &stop };

	(void)state;
	make_log(&log);
	disk_sim_init(&snapshots, 3);
	recover_and_save(&log.disk, &snapshots.disk, 0);
	said[0] = '\0';
	assert_true(engine_init(&engine, &config, false, take, &ration, error));
	assert_false(recover_run(&recover, error));
	assert_string_equal(error, "told to stop");
	assert_string_equal(said, "");
	assert_int_equal(recover.from_snapshot, 0);
	recover_end(&recover);
	give_back(&ration);
	disk_sim_free(&log);
	disk_sim_free(&snapshots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_snapshots_of_another_log),
		cmocka_unit_test(test_stop_while_loading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
