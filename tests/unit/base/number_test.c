/* runtime/base/number: text that reads back, and no shorter one that does. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/base/number.h"

static const char *print(float value)
{
	static char text[NUMBER_FLOAT_BYTES_MAX + 1];

	text[number_print_float(value, text)] = '\0';
	return text;
}

static float float_of(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void known_floats(void **state)
{
	static const struct {
		float       value;
		const char *text;
	} cases[] = {
		{ 0.0f, "0" },
		{ -0.0f, "-0" },
		{ 1.0f, "1" },
		{ -12.0f, "-12" },
		{ 0.1f, "0.1" },
		{ 0.25f, "0.25" },
		{ 0.3f, "0.3" },
		{ 0.1f + 0.2f, "0.3" }, /* 0.3000000119, as 0.3f is */
		{ 1.0f / 3.0f, "0.33333334" },
		{ 123.456f, "123.456" },
		{ 16777216.0f, "16777216" },
		{ 1e9f, "1000000000" },
		{ 1e10f, "1e10" },
		{ 0.00001f, "0.00001" },
		{ 0.0000012f, "1.2e-6" },
		{ 3.4028235e38f, "3.4028235e38" },
		{ 1.17549435e-38f, "1.1754944e-38" },
		{ 1e-45f, "1e-45" },
		{ -1.4e-45f, "-1e-45" },
		{ 9.8e-45f, "1e-44" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(print(cases[i].value), cases[i].text);
}

static int significant_digits(const char *text)
{
	int n = 0, zeros = 0;

	for (; *text != '\0' && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (n == 0 && *text == '0'))
			continue;
		n++;
		zeros = *text == '0' ? zeros + 1 : 0;
	}
	return n - zeros;
}

/* Every exponent, and fractions spread by a prime step: 430,000 floats.  "%.*e"
 * of one digit less is the best shorter candidate; it must not read back.  Of
 * the same number of digits it is the nearest; ours must be that. */
static void sampled_floats(void **state)
{
	char other[64];

	for (uint32_t bits = 1; bits < 0x7f800000; bits += 4999) {
		float       value = float_of(bits);
		const char *text  = print(value);
		int         n     = significant_digits(text);

		if (strtof(text, NULL) != value)
			fail_msg("0x%08x: %s reads as another float", bits, text);
		snprintf(other, sizeof(other), "%.*e", n > 1 ? n - 2 : 0, value);
		if (n > 1 && strtof(other, NULL) == value)
			fail_msg("0x%08x: %s is not as short as %s", bits, text, other);
		snprintf(other, sizeof(other), "%.*e", n - 1, value);
		if (strtof(other, NULL) == value && strtod(other, NULL) != strtod(text, NULL))
			fail_msg("0x%08x: %s is not as near as %s", bits, text, other);
	}
}

/* Around each power of two the gap below is half the gap above. */
static void powers_of_two(void **state)
{
	for (uint32_t exponent = 0; exponent < 255; exponent++)
		for (uint32_t step = 0; step < 3; step++) {
			uint32_t bits = (exponent << 23) + step - 1;

			if (bits < 0x7f800000)
				assert_true(strtof(print(float_of(bits)), NULL) == float_of(bits));
		}
}

static void integers(void **state)
{
	char text[NUMBER_U64_BYTES_MAX + 1], other[32];

	for (unsigned shift = 0; shift <= 64; shift++) {
		uint64_t value = shift == 64 ? 0 : UINT64_MAX >> shift;

		text[number_print_u64(value, text)] = '\0';
		snprintf(other, sizeof(other), "%llu", (unsigned long long)value);
		assert_string_equal(text, other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_floats),
		cmocka_unit_test(sampled_floats),
		cmocka_unit_test(powers_of_two),
		cmocka_unit_test(integers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
