/* runtime/base/lane.h: order, wrap, bounds, and two threads at once. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/base/lane.h"

#define RECORDS 400000u

static struct lane lane;
static _Alignas(64) uint8_t ring[1024];

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Record k: its size and every byte follow from k. */
static size_t size_of(uint64_t k)
{
	return 1 + mix(k) % lane_record_max(&lane);
}

static void fill(uint8_t *to, uint64_t k, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++)
		to[i] = (uint8_t)(k * 31 + i);
}

static bool holds(const uint8_t *from, uint64_t k, size_t size_bytes)
{
	bool good = size_bytes == size_of(k);

	for (size_t i = 0; i < size_bytes; i++)
		good &= from[i] == (uint8_t)(k * 31 + i);
	return good;
}

static void an_empty_lane_gives_nothing(void **state)
{
	size_t size_bytes = 7;

	lane_init(&lane, ring, sizeof(ring));
	assert_null(lane_peek(&lane, &size_bytes));
	assert_int_equal(lane_used(&lane), 0);
}

static void a_record_is_peeked_until_it_is_released(void **state)
{
	size_t size_bytes;

	lane_init(&lane, ring, sizeof(ring));
	assert_true(lane_put(&lane, "abc", 3));
	assert_true(lane_put(&lane, "defgh", 5));
	const void *first = lane_peek(&lane, &size_bytes);
	assert_int_equal(size_bytes, 3);
	assert_memory_equal(first, "abc", 3);
	assert_ptr_equal(lane_peek(&lane, &size_bytes), first);
	lane_release(&lane);
	assert_memory_equal(lane_peek(&lane, &size_bytes), "defgh", 5);
	lane_release(&lane);
	assert_int_equal(lane_used(&lane), 0);
}

static void a_commit_may_be_smaller_than_its_reserve(void **state)
{
	size_t size_bytes;

	lane_init(&lane, ring, sizeof(ring));
	memcpy(lane_reserve(&lane, 100), "xy", 2);
	assert_int_equal(lane_used(&lane), 0);
	lane_commit(&lane, 2);
	assert_int_equal(lane_used(&lane), 16);
	assert_memory_equal(lane_peek(&lane, &size_bytes), "xy", 2);
	assert_int_equal(size_bytes, 2);
}

static void a_full_lane_takes_nothing_until_a_release(void **state)
{
	const uint8_t record[56] = { 0 };
	size_t        size_bytes, count = 0;

	lane_init(&lane, ring, sizeof(ring));
	while (lane_put(&lane, record, sizeof(record)))
		count++;
	assert_int_equal(count, 1024 / 64);
	assert_int_equal(lane_used(&lane), 1024);
	assert_non_null(lane_peek(&lane, &size_bytes));
	lane_release(&lane);
	assert_true(lane_put(&lane, record, sizeof(record)));
	assert_false(lane_put(&lane, record, sizeof(record)));
}

/* The bound promises a largest record in an empty ring from every position. */
static void the_largest_record_fits_wherever_the_tail_is(void **state)
{
	uint8_t      record[1024] = { 0 };
	size_t       size_bytes;
	const size_t max = (lane_init(&lane, ring, sizeof(ring)), lane_record_max(&lane));

	for (int i = 0; i < 1000; i++) {
		assert_true(lane_put(&lane, record, 1 + (size_t)(i % 64)));
		assert_non_null(lane_peek(&lane, &size_bytes));
		lane_release(&lane);
		assert_true(lane_put(&lane, record, max));
		assert_non_null(lane_peek(&lane, &size_bytes));
		assert_int_equal(size_bytes, max);
		lane_release(&lane);
	}
}

static void many_sizes_wrap_in_order(void **state)
{
	uint64_t written = 0, read = 0;
	size_t   size_bytes;

	lane_init(&lane, ring, sizeof(ring));
	while (read < 20000) {
		for (void *to; (to = lane_reserve(&lane, size_of(written))); written++) {
			fill(to, written, size_of(written));
			lane_commit(&lane, size_of(written));
		}
		for (uint64_t n = 1 + mix(read) % 4; n > 0; n--) {
			const void *from = lane_peek(&lane, &size_bytes);
			if (!from)
				break;
			assert_true(holds(from, read, size_bytes));
			lane_release(&lane);
			read++;
		}
	}
}

static void *write_all(void *unused)
{
	for (uint64_t k = 0; k < RECORDS; k++) {
		void *to;
		while (!(to = lane_reserve(&lane, size_of(k))))
			sched_yield();
		fill(to, k, size_of(k));
		lane_commit(&lane, size_of(k));
	}
	return unused;
}

static void two_threads_lose_and_change_nothing(void **state)
{
	pthread_t writer;
	uint64_t  wrong = 0;

	lane_init(&lane, ring, sizeof(ring));
	assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
	for (uint64_t k = 0; k < RECORDS; k++) {
		const void *from;
		size_t      size_bytes;
		while (!(from = lane_peek(&lane, &size_bytes)))
			sched_yield();
		wrong += !holds(from, k, size_bytes);
		lane_release(&lane);
	}
	pthread_join(writer, NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(lane_used(&lane), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_lane_gives_nothing),
		cmocka_unit_test(a_record_is_peeked_until_it_is_released),
		cmocka_unit_test(a_commit_may_be_smaller_than_its_reserve),
		cmocka_unit_test(a_full_lane_takes_nothing_until_a_release),
		cmocka_unit_test(the_largest_record_fits_wherever_the_tail_is),
		cmocka_unit_test(many_sizes_wrap_in_order),
		cmocka_unit_test(two_threads_lose_and_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
