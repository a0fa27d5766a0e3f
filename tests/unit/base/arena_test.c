/* runtime/base/arena.h */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "runtime/base/arena.h"

static _Alignas(64) uint8_t memory[4096];

static void takes_are_aligned_zeroed_and_apart(void **state)
{
	struct arena arena;

	memset(memory, 0xff, sizeof(memory));
	arena_init(&arena, "test", memory, sizeof(memory));
	uint8_t *a = arena_take(&arena, 3, 1);
	uint8_t *b = arena_take(&arena, 100, 64);
	uint8_t *c = arena_take(&arena, 8, 8);
	assert_ptr_equal(a, memory);
	assert_ptr_equal(b, memory + 64);
	assert_ptr_equal(c, memory + 168);
	assert_int_equal(arena.used_bytes, 176);
	for (int i = 0; i < 100; i++)
		assert_int_equal(b[i], 0);
	assert_int_equal(memory[176], 0xff);
}

static void fits_is_exact(void **state)
{
	struct arena arena;

	arena_init(&arena, "test", memory + 1, 127);
	assert_true(arena_fits(&arena, 127, 1));
	assert_false(arena_fits(&arena, 128, 1));
	assert_true(arena_fits(&arena, 64, 64));
	assert_false(arena_fits(&arena, 65, 64));
	assert_false(arena_fits(&arena, SIZE_MAX, 64));
	arena_take(&arena, 64, 64);
	assert_false(arena_fits(&arena, 1, 1));
}

/* How did a child that does `bug` end? */
static int end_of(void (*bug)(void))
{
	int         status;
	const pid_t child = fork();

	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		signal(SIGABRT, SIG_DFL);
		bug();
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void take_too_much(void)
{
	struct arena arena;

	arena_init(&arena, "test", memory, 16);
	arena_take(&arena, 17, 1);
}

static void take_after_the_seal(void)
{
	struct arena arena;

	arena_init(&arena, "test", memory, 16);
	arena_seal(&arena);
	arena_take(&arena, 1, 1);
}

static void take_what_fits(void)
{
	struct arena arena;

	arena_init(&arena, "test", memory, 16);
	arena_take(&arena, 16, 1);
}

static void bugs_stop_the_machine(void **state)
{
	assert_int_equal(end_of(take_what_fits), 0);
	assert_int_equal(end_of(take_too_much), SIGABRT);
	assert_int_equal(end_of(take_after_the_seal), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_are_aligned_zeroed_and_apart),
		cmocka_unit_test(fits_is_exact),
		cmocka_unit_test(bugs_stop_the_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
