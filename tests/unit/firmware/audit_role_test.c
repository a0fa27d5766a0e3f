/* The audit role between a lane and a simulated disk: group commit, a disk that is
 * full for a while, and a stop with records still in the lane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <pthread.h>
#include <cmocka.h>

#include "firmware/audit_role.h"
#include "firmware/log.h"
#include "tests/unit/audit/audit_sample.h"

#define RING_BYTES (1u << 20)
#define WAIT_MS    10000

struct rig {
	struct disk_sim         sim;
	struct audit_log        log;
	struct audit_log_report report;
	struct audit_role       role;
	struct lane             lane;
	struct audit_chain      chain;
	void                   *ring;
	pthread_t               thread;
};

static void nap_ms(long ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static void *run(void *role)
{
	audit_role_run(role);
	return NULL;
}

static void rig_start(struct rig *rig, uint64_t disk_bytes)
{
	static const struct audit_log_options options = { .segment_bytes_max = 256 << 10,
							  .build             = "test" };

	disk_sim_init(&rig->sim, 7);
	rig->sim.capacity_bytes = disk_bytes;
	assert_true(audit_log_open(&rig->log, &rig->sim.disk, &options, &rig->report));
	rig->chain = rig->log.appended;
	rig->ring  = aligned_alloc(LANE_ALIGN_BYTES, RING_BYTES);
	lane_init(&rig->lane, rig->ring, RING_BYTES);
	audit_role_init(&rig->role, &rig->log, &rig->lane, 50);
	assert_int_equal(pthread_create(&rig->thread, NULL, run, &rig->role), 0);
}

static void rig_stop(struct rig *rig)
{
	atomic_store(&rig->role.stop, true);
	pthread_join(rig->thread, NULL);
	audit_log_close(&rig->log);
	disk_sim_free(&rig->sim);
	free(rig->ring);
}

/* Waits for room as the net core does not: it would answer 503. */
static void put(struct rig *rig)
{
	void  *room = NULL;
	size_t size;

	for (int ms = 0; ms < WAIT_MS && !room; ms++) {
		room = lane_reserve(&rig->lane, AUDIT_RECORD_BYTES_MAX);
		if (!room)
			nap_ms(1);
	}
	assert_non_null(room);
	size = audit_sample_decision(room, rig->chain.next_sequence,
				     atomic_load(&rig->role.durable_sequence), &rig->chain);
	lane_commit(&rig->lane, size);
}

static bool wait_durable(struct rig *rig, uint64_t sequence)
{
	for (int ms = 0; ms < WAIT_MS; ms++) {
		if (atomic_load(&rig->role.durable_sequence) >= sequence)
			return true;
		nap_ms(1);
	}
	return false;
}

static void test_everything_becomes_durable(void **state)
{
	struct rig             *rig = *state;
	struct audit_log_report report;

	rig_start(rig, 64 << 20);
	for (int i = 0; i < 2000; i++)
		put(rig);
	assert_true(wait_durable(rig, 2000));
	assert_true(atomic_load(&rig->role.syncs) <= 2000);
	assert_false(atomic_load(&rig->role.failing));
	assert_true(audit_log_verify(&rig->sim.disk, NULL, &report));
	assert_int_equal(report.decisions, 2000);
	assert_memory_equal(report.last_hash, rig->chain.hash, DIGEST_BYTES);
	rig_stop(rig);
}

/* A full disk stops acknowledgement, not the order of the chain: when there is
 * room again, every record that was waiting follows, none twice. */
static void test_full_disk_loses_nothing(void **state)
{
	struct rig             *rig = *state;
	struct audit_log_report report;

	rig_start(rig, 64 << 10);
	for (int i = 0; i < 200; i++)
		put(rig);
	for (int ms = 0; ms < WAIT_MS && !atomic_load(&rig->role.failing); ms++)
		nap_ms(1);
	assert_true(atomic_load(&rig->role.failing));
	assert_true(atomic_load(&rig->role.durable_sequence) < 200);
	rig->sim.capacity_bytes = 64 << 20;
	assert_true(wait_durable(rig, 200));
	nap_ms(5);
	assert_false(atomic_load(&rig->role.failing));
	assert_true(audit_log_verify(&rig->sim.disk, NULL, &report));
	assert_int_equal(report.decisions, 200);
	assert_int_equal(report.last_sequence, 200);
	rig_stop(rig);
}

static void test_stop_writes_what_is_left(void **state)
{
	struct rig             *rig = *state;
	struct audit_log_report report;

	rig_start(rig, 64 << 20);
	for (int i = 0; i < 100; i++)
		put(rig);
	atomic_store(&rig->role.stop, true);
	pthread_join(rig->thread, NULL);
	assert_int_equal(rig->log.durable_sequence, 100);
	assert_true(audit_log_verify(&rig->sim.disk, NULL, &report));
	assert_int_equal(report.decisions, 100);
	audit_log_close(&rig->log);
	disk_sim_free(&rig->sim);
	free(rig->ring);
}

/* With a disk that refuses to the end, the role ends all the same, and what is on disk is
 * what it said was durable: the records behind it, the stop record the last of them, stay
 * unwritten. */
static void test_stop_with_a_disk_that_refuses(void **state)
{
	struct rig             *rig = *state;
	struct audit_log_report report;

	rig_start(rig, 64 << 20);
	put(rig);
	assert_true(wait_durable(rig, 1));
	rig->sim.write_errors_per_million = 1000000;
	put(rig);
	for (int ms = 0; ms < WAIT_MS && !atomic_load(&rig->role.failing); ms++)
		nap_ms(1);
	assert_true(atomic_load(&rig->role.failing));
	put(rig);
	atomic_store(&rig->role.stop, true);
	pthread_join(rig->thread, NULL);
	assert_int_equal(atomic_load(&rig->role.durable_sequence), 1);
	assert_true(audit_log_verify(&rig->sim.disk, NULL, &report));
	assert_int_equal(report.last_sequence, 1);
	audit_log_close(&rig->log);
	disk_sim_free(&rig->sim);
	free(rig->ring);
}

/* A sync that hangs: nothing is durable before it returns, and then all of it is. */
static void test_a_disk_that_hangs(void **state)
{
	struct rig *rig = *state;

	rig_start(rig, 64 << 20);
	put(rig);
	assert_true(wait_durable(rig, 1));
	atomic_store(&rig->sim.hangs, true);
	for (int i = 0; i < 10; i++)
		put(rig);
	nap_ms(100);
	assert_int_equal(atomic_load(&rig->role.durable_sequence), 1);
	assert_false(atomic_load(&rig->role.failing));
	atomic_store(&rig->sim.hangs, false);
	assert_true(wait_durable(rig, 11));
	rig_stop(rig);
}

static int make_rig(void **state)
{
	*state = aligned_alloc(64, (sizeof(struct rig) + 63) & ~(size_t)63);
	return *state ? 0 : -1;
}

static int drop_rig(void **state)
{
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_everything_becomes_durable, make_rig,
						drop_rig),
		cmocka_unit_test_setup_teardown(test_full_disk_loses_nothing, make_rig, drop_rig),
		cmocka_unit_test_setup_teardown(test_stop_writes_what_is_left, make_rig, drop_rig),
		cmocka_unit_test_setup_teardown(test_stop_with_a_disk_that_refuses, make_rig,
						drop_rig),
		cmocka_unit_test_setup_teardown(test_a_disk_that_hangs, make_rig, drop_rig),
	};

	log_open("/dev/null", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
