/* drivers/clock/clock.h against the kernel's clocks. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "drivers/clock/clock.h"

static struct clock     subject;
static atomic_bool      stop;
static _Atomic uint64_t went_back;

static int64_t kernel_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* How far the clock is from the kernel's, from the least disturbed of many tries. */
static int64_t distance_ns(clockid_t id)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 1000; i++) {
		const int64_t before = kernel_ns(id);
		const int64_t told   = id == CLOCK_MONOTONIC ? (int64_t)clock_now_ns(&subject)
							     : clock_wall_ns(&subject);
		const int64_t after  = kernel_ns(id);
		const int64_t off = told < before ? before - told : told > after ? told - after : 0;
		best              = off < best ? off : best;
	}
	return best;
}

static void nap_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static void it_agrees_with_the_kernel(void **state)
{
	static const enum clock_source sources[] = { CLOCK_SOURCE_TSC, CLOCK_SOURCE_VDSO };

	for (int i = 0; i < 2; i++) {
		clock_init_source(&subject, sources[i]);
		for (int k = 0; k < 4; k++) {
			nap_ms(250);
			/* 20 ms of measuring leave a few millionths; here 20 of them. */
			assert_true(distance_ns(CLOCK_MONOTONIC) < 20000);
			assert_true(distance_ns(CLOCK_REALTIME) < 20000);
			clock_refresh(&subject);
		}
	}
}

static void the_cpu_decides_on_the_source(void **state)
{
	clock_init(&subject);
	print_message("clock source %s, %llu Hz\n", clock_source_name(&subject),
		      (unsigned long long)clock_hz(&subject));
	assert_true(subject.source != CLOCK_SOURCE_SIM);
	assert_true(subject.source == CLOCK_SOURCE_VDSO || clock_hz(&subject) > 100000000);
}

static void *watch(void *unused)
{
	uint64_t last = 0;

	while (!atomic_load(&stop)) {
		const uint64_t now_ns = clock_now_ns(&subject);
		if (now_ns < last)
			atomic_fetch_add(&went_back, 1);
		last = now_ns;
	}
	return unused;
}

static void it_never_goes_back_across_refreshes(void **state)
{
	pthread_t watchers[2];

	clock_init(&subject);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&watchers[i], NULL, watch, NULL), 0);
	for (int i = 0; i < 200000; i++)
		clock_refresh(&subject);
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(watchers[i], NULL);
	assert_int_equal(atomic_load(&went_back), 0);
}

/* A clock that was put off comes back without a jump. */
static void an_error_is_slewed_away(void **state)
{
	clock_init_source(&subject, CLOCK_SOURCE_TSC);
	clock_refresh(&subject);
	atomic_fetch_add(&subject.base_ns, 1000000);
	const int64_t before = (int64_t)clock_now_ns(&subject) - kernel_ns(CLOCK_MONOTONIC);
	assert_true(before > 900000);
	for (int i = 0; i < 40; i++) {
		clock_refresh(&subject);
		nap_ms(50);
	}
	const int64_t after = (int64_t)clock_now_ns(&subject) - kernel_ns(CLOCK_MONOTONIC);
	assert_true(after < before / 2 && after > -before / 2);
}

static void the_simulated_clock_jumps_when_told(void **state)
{
	clock_sim_init(&subject, 5000, 1700000000000000000);
	assert_int_equal(clock_now_ns(&subject), 5000);
	assert_int_equal(clock_wall_ns(&subject), 1700000000000000000);
	nap_ms(1);
	clock_refresh(&subject);
	assert_int_equal(clock_now_ns(&subject), 5000);
	clock_sim_set(&subject, 6000, 1600000000000000000);
	assert_int_equal(clock_now_ns(&subject), 6000);
	assert_int_equal(clock_wall_ns(&subject), 1600000000000000000);
	assert_int_equal(clock_hz(&subject), 0);
	assert_string_equal(clock_source_name(&subject), "sim");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_agrees_with_the_kernel),
		cmocka_unit_test(the_cpu_decides_on_the_source),
		cmocka_unit_test(it_never_goes_back_across_refreshes),
		cmocka_unit_test(an_error_is_slewed_away),
		cmocka_unit_test(the_simulated_clock_jumps_when_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
