/* runtime/base/currency: the table, and amounts against a judge that works on
 * decimal digits alone. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/base/currency.h"

static void table(void **state)
{
	static const struct {
		const char *code;
		int         exponent; /* -1: not taken */
	} cases[] = {
		{ "EUR", 2 },  { "USD", 2 },  { "JPY", 0 },  { "KWD", 3 },  { "CLF", 4 },
		{ "UYW", 4 },  { "AED", 2 },  { "ZWG", 2 },  { "XCG", 2 },  { "ISK", 0 },
		{ "TND", 3 },  { "XAU", -1 }, { "XXX", -1 }, { "XTS", -1 }, { "BGN", -1 },
		{ "HRK", -1 }, { "eur", -1 }, { "AAA", -1 }, { "ZZZ", -1 }, { "EU\0", -1 },
	};
	int found = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct currency *currency = currency_find(cases[i].code);

		assert_int_equal(currency == NULL ? -1 : currency->exponent, cases[i].exponent);
	}
	/* Each is found by its own code: the table is sorted and has no two alike. */
	for (int i = 0; i < 26 * 26 * 26; i++) {
		char                   code[3] = { (char)('A' + i / 676), (char)('A' + i / 26 % 26),
						   (char)('A' + i % 26) };
		const struct currency *currency = currency_find(code);

		found += currency != NULL;
		assert_true(currency == NULL || memcmp(currency->code, code, 3) == 0);
	}
	assert_int_equal(found, 164);
}

/* The judge: pad the decimals to `exponent`, strip the point and leading zeros,
 * and compare digit strings; no arithmetic but the last conversion. */
static enum amount_fault judge(const char *text, size_t n, unsigned exponent, int64_t *minor)
{
	char   digits[128];
	size_t m = 0, point = n;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '.' && point == n && i > 0 && i + 1 < n)
			point = i;
		else if (text[i] < '0' || text[i] > '9')
			return AMOUNT_FORM;
	}
	if (n == 0 || (text[0] == '0' && point > 1))
		return AMOUNT_FORM;
	size_t decimals = point == n ? 0 : n - point - 1;

	if (decimals > exponent)
		return AMOUNT_PRECISION;
	for (size_t i = 0; i < n; i++)
		if (i != point)
			digits[m++] = text[i];
	for (; decimals < exponent; decimals++)
		digits[m++] = '0';
	digits[m]    = '\0';
	size_t zeros = strspn(digits, "0");

	if (m - zeros > 15)
		return AMOUNT_RANGE;
	*minor = strtoll(digits, NULL, 10);
	return AMOUNT_OK;
}

static void check_amount(const char *text, size_t n, uint8_t exponent)
{
	int64_t           mine = -1, theirs = -1;
	enum amount_fault a = amount_parse(text, n, exponent, &mine);
	enum amount_fault b = judge(text, n, exponent, &theirs);

	if (a != b || mine != theirs)
		fail_msg("\"%.*s\" with %u decimals: %d %lld, the judge says %d %lld", (int)n, text,
			 exponent, a, (long long)mine, b, (long long)theirs);
}

/* Every text of up to six characters of an alphabet that reaches every branch,
 * then long random ones around the bound. */
static void against_the_judge(void **state)
{
	static const char alphabet[] = "019.- e";
	char              text[24];
	uint64_t          x = 7;

	for (unsigned n = 0; n <= 6; n++)
		for (unsigned code = 0, end = 1; n > 0 ? code < 117649 : code < end; code++) {
			unsigned rest = code;

			for (unsigned i = 0; i < n; i++, rest /= 7)
				text[i] = alphabet[rest % 7];
			if (rest != 0)
				break;
			for (uint8_t exponent = 0; exponent <= 4; exponent++)
				check_amount(text, n, exponent);
		}
	for (int i = 0; i < 300000; i++) {
		x              = x * 6364136223846793005U + 1442695040888963407U;
		unsigned n     = 10 + (unsigned)(x >> 60) % 12;
		unsigned point = (unsigned)(x >> 50) % 24;

		for (unsigned j = 0; j < n; j++)
			text[j] = j == point ? '.' : (char)('0' + (x >> (j * 2)) % 10);
		check_amount(text, n, (uint8_t)((x >> 40) % 5));
	}
}

static void round_trip(void **state)
{
	static const int64_t values[] = { 0, 1, 9, 10, 99, 100, 101, 12345, AMOUNT_MINOR_END - 1 };
	char                 text[AMOUNT_TEXT_BYTES_MAX];
	int64_t              minor;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (uint8_t exponent = 0; exponent <= 4; exponent++) {
			size_t n = amount_print(values[i], exponent, text);

			assert_int_equal(n, strlen(text));
			assert_int_equal(amount_parse(text, n, exponent, &minor), AMOUNT_OK);
			assert_int_equal(minor, values[i]);
		}
	amount_print(5, 3, text);
	assert_string_equal(text, "0.005");
	amount_print(1234, 2, text);
	assert_string_equal(text, "12.34");
	amount_print(1234, 0, text);
	assert_string_equal(text, "1234");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(against_the_judge),
		cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
