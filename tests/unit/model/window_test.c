/* runtime/model/window.h: names of a window's numbers, and where each lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/model/window.h"

static struct model_facts facts;

static void name_all(uint16_t count, const char *const *names)
{
	facts.named         = true;
	facts.feature_count = count;
	for (uint16_t i = 0; i < count; i++)
		snprintf(facts.names[i], sizeof(facts.names[i]), "%s", names[i]);
	facts.reach = window_steps(&facts);
}

static void names_are_read(void **state)
{
	static const struct {
		const char *name, *base;
		uint32_t    back;
		bool        placed;
	} rows[] = {
		{ "amount", "amount", 0, false },
		{ "amount@0", "amount", 0, true },
		{ "amount@-1", "amount", 1, true },
		{ "amount@-127", "amount", 127, true },
		{ "a@b@-12", "a@b", 12, true },
		{ "amount@-128", "amount@-128", 0, false },
		{ "amount@-99999999999999999999", "amount@-99999999999999999999", 0, false },
		{ "amount@-0", "amount@-0", 0, false },
		{ "amount@-01", "amount@-01", 0, false },
		{ "amount@1", "amount@1", 0, false },
		{ "amount@", "amount@", 0, false },
		{ "amount@-", "amount@-", 0, false },
		{ "amount@-1x", "amount@-1x", 0, false },
		{ "@-1", "@-1", 0, false },
		{ "", "", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct window_name name;

		window_name_of(rows[i].name, &name);
		assert_string_equal(name.base, rows[i].base);
		assert_int_equal(name.back, rows[i].back);
		assert_int_equal(name.placed, rows[i].placed);
	}
}

static void steps_reach_to_the_oldest(void **state)
{
	(void)state;
	name_all(2, (const char *[]){ "a", "b" });
	assert_int_equal(facts.reach, 0);
	name_all(2, (const char *[]){ "a", "b@0" });
	assert_int_equal(facts.reach, 1);
	name_all(3, (const char *[]){ "a@-3", "b", "a@0" });
	assert_int_equal(facts.reach, 4);
	facts.named = false;
	assert_int_equal(window_steps(&facts), 0);
}

static void numbers_are_found(void **state)
{
	static const char   names[3][MODEL_NAME_BYTES_MAX + 1] = { "c", "a", "b" };
	struct model_window window = { .steps = 9, .columns = 3, .names = names };
	struct failure      failure;
	uint16_t            slot_of[MODEL_FEATURES_MAX];

	(void)state;
	/* [4][3]: the oldest row first. */
	name_all(4, (const char *[]){ "a@-3", "b", "c@-1", "a@0" });
	assert_int_equal(window_bind(&facts, &window, slot_of, &failure), 0);
	assert_int_equal(slot_of[0], 0 * 3 + 1);
	assert_int_equal(slot_of[1], 3 * 3 + 2);
	assert_int_equal(slot_of[2], 2 * 3 + 0);
	assert_int_equal(slot_of[3], 3 * 3 + 1);
	name_all(2, (const char *[]){ "a@-3", "d@-1" });
	assert_int_equal(window_bind(&facts, &window, slot_of, &failure), -1);
	assert_string_equal(failure.place, "feature 1");
	assert_non_null(strstr(failure.detail, "\"d@-1\""));
	assert_non_null(strstr(failure.detail, "rows have 3 numbers, and none is called \"d\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(steps_reach_to_the_oldest),
		cmocka_unit_test(numbers_are_found),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
