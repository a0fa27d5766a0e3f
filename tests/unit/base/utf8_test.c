/* runtime/base/utf8.h: every character and its neighbours, against the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/base/utf8.h"

/* RFC 3629 section 3: which bits go where. */
static size_t put(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	out[0] = (uint8_t)((0xf00 >> n & 0xff) | c);
	return n;
}

static void every_character(void **state)
{
	uint8_t bytes[4];

	for (uint32_t c = 0; c < 0x200000; c++) {
		size_t n    = put(c, bytes);
		bool   good = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

		assert_int_equal(utf8_character(bytes, n), good ? n : 0);
		if (n > 1)
			assert_int_equal(utf8_character(bytes, n - 1), 0);
	}
}

/* What is none: of all pairs of bytes only the characters of two. */
static void nothing_else(void **state)
{
	for (uint32_t pair = 0; pair < 0x10000; pair++) {
		uint8_t bytes[2] = { (uint8_t)(pair >> 8), (uint8_t)pair };
		bool    one      = bytes[0] < 0x80;
		bool    two      = bytes[0] >= 0xc2 && bytes[0] < 0xe0 && (bytes[1] & 0xc0) == 0x80;

		assert_int_equal(utf8_character(bytes, 2), one ? 1 : two ? 2 : 0);
	}
	/* overlong forms */
	assert_int_equal(utf8_character((const uint8_t *)"\xe0\x9f\xbf", 3), 0);
	assert_int_equal(utf8_character((const uint8_t *)"\xf0\x8f\xbf\xbf", 4), 0);
	assert_int_equal(utf8_character((const uint8_t *)"\xe1\x80\x41", 3), 0);
	assert_int_equal(utf8_character((const uint8_t *)"\xf1\x80\x80\x41", 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character),
		cmocka_unit_test(nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
