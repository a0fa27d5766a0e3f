/* Text into bounded memory: whole where it fits, cut where it does not, never past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/base/text.h"

static void test_what_fits(void **state)
{
	char        out[64];
	struct text text = text_begin(out, sizeof(out));

	(void)state;
	assert_string_equal(out, "");
	text_add(&text, "alert ");
	text_add_number(&text, 0);
	text_add_bytes(&text, ", xyz", 3);
	text_add_number(&text, UINT64_MAX);
	assert_string_equal(out, "alert 0, x18446744073709551615");
	assert_int_equal(text.size_bytes, strlen(out));
}

static void test_what_does_not(void **state)
{
	char        out[9] = "????????";
	struct text text   = text_begin(out, sizeof(out) - 1);

	(void)state;
	out[8] = '#';
	text_add(&text, "sixsix");
	text_add_number(&text, 123);
	text_add(&text, "more");
	assert_string_equal(out, "sixsix1");
	assert_int_equal(out[8], '#');
	text_copy(out, 1, "x");
	assert_string_equal(out, "");
	text_copy(out, sizeof(out), "12345678");
	assert_string_equal(out, "12345678");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_fits),
		cmocka_unit_test(test_what_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
