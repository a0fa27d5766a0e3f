/* The parsing child: what it can't do, and that its end is not the caller's. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/child.h"

#include <cmocka.h>

#define OUT_BYTES 4096

static uint8_t        memory[OUT_BYTES];
static struct stream  out = { .data = memory, .capacity_bytes = OUT_BYTES };
static const char    *fault;
static volatile char *shared;

/* Says one flag: did the forbidden thing fail? */
static void say(struct stream *to, bool refused)
{
	uint8_t flag = refused;

	stream_put(to, STREAM_FLAG, "refused", 1, &flag, 1);
}

static bool refused_in_child(child_work *work)
{
	struct stream_record record;
	struct bytes         rest;

	assert_true(child_run(work, "", &out, 5000, &fault));
	rest = bytes_of(out.data, out.size_bytes);
	assert_true(stream_next(&rest, &record));
	return record.flag;
}

static void opens(const char *text, struct stream *to)
{
	(void)text;
	say(to, open("/etc/passwd", O_RDONLY) < 0);
}

static void connects(const char *text, struct stream *to)
{
	(void)text;
	say(to, socket(AF_INET, SOCK_STREAM, 0) < 0);
}

static void forks(const char *text, struct stream *to)
{
	pid_t pid = fork();

	(void)text;
	if (pid == 0)
		_exit(0);
	say(to, pid < 0);
}

static void kills(const char *text, struct stream *to)
{
	(void)text;
	say(to, kill(getppid(), 0) < 0);
}

static void writes_elsewhere(const char *text, struct stream *to)
{
	(void)text;
	say(to, write(2, "x", 1) < 0);
}

static void executes_memory(const char *text, struct stream *to)
{
	(void)text;
	say(to, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			MAP_FAILED);
}

static void takes_much_memory(const char *text, struct stream *to)
{
	(void)text;
	say(to, mmap(NULL, 1UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			MAP_FAILED);
}

static void takes_a_little_memory(const char *text, struct stream *to)
{
	(void)text;
	say(to, mmap(NULL, 8UL << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			MAP_FAILED);
}

static void the_child_can_do_nothing_else(void **state)
{
	(void)state;
	assert_true(refused_in_child(opens));
	assert_true(refused_in_child(connects));
	assert_true(refused_in_child(forks));
	assert_true(refused_in_child(kills));
	assert_true(refused_in_child(writes_elsewhere));
	assert_true(refused_in_child(executes_memory));
	assert_true(refused_in_child(takes_much_memory));
	assert_false(
		refused_in_child(takes_a_little_memory)); /* so that "refused" means something */
}

static void writes_shared(const char *text, struct stream *to)
{
	(void)text;
	say(to, true);
	*shared = 1; /* not mapped any more: a fault ends the child */
}

static void shared_memory_is_out_of_reach(void **state)
{
	(void)state;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	assert_true(child_run(writes_shared, "", &out, 5000, &fault));
	assert_int_equal(out.size_bytes, 0);
	assert_int_equal(*shared, 0);
}

static void exits(const char *text, struct stream *to)
{
	(void)text, (void)to;
	exit(2);
}

static void crashes(const char *text, struct stream *to)
{
	(void)text, (void)to;
	__builtin_trap();
}

static void hangs(const char *text, struct stream *to)
{
	(void)text, (void)to;
	for (;;)
		__asm__ volatile("pause");
}

static void its_end_is_not_ours(void **state)
{
	(void)state;
	assert_true(child_run(exits, "", &out, 5000, &fault));
	assert_int_equal(out.size_bytes, 0);
	assert_true(child_run(crashes, "", &out, 5000, &fault));
	assert_int_equal(out.size_bytes, 0);
}

static void time_is_bounded(void **state)
{
	(void)state;
	assert_false(child_run(hangs, "", &out, 200, &fault));
	assert_string_equal(fault, "the parser did not finish in time");
}

static void sends_much(const char *text, struct stream *to)
{
	uint8_t flag = 1;

	(void)text;
	while (!to->full)
		stream_put(to, STREAM_FLAG, "x", 1, &flag, 1);
	to->size_bytes = to->capacity_bytes;
	while (write(3, to->data, to->size_bytes) > 0)
		;
}

static void bytes_are_bounded(void **state)
{
	(void)state;
	assert_false(child_run(sends_much, "", &out, 5000, &fault));
	assert_string_equal(fault, "the parser sent too much");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_child_can_do_nothing_else),
		cmocka_unit_test(shared_memory_is_out_of_reach),
		cmocka_unit_test(its_end_is_not_ours),
		cmocka_unit_test(time_is_bounded),
		cmocka_unit_test(bytes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
