#include "runtime/base/currency.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* ISO 4217 list one with its amendments: XCG is in, ANG, CUC, HRK, SLL, ZWL and
 * BGN (euro since 2026) are out.  Sorted by code. */
/* clang-format off */
static const struct currency currencies[] = {
	{ "AED", 2 }, { "AFN", 2 }, { "ALL", 2 }, { "AMD", 2 }, { "AOA", 2 }, { "ARS", 2 },
	{ "AUD", 2 }, { "AWG", 2 }, { "AZN", 2 }, { "BAM", 2 }, { "BBD", 2 }, { "BDT", 2 },
	{ "BHD", 3 }, { "BIF", 0 }, { "BMD", 2 }, { "BND", 2 }, { "BOB", 2 }, { "BOV", 2 },
	{ "BRL", 2 }, { "BSD", 2 }, { "BTN", 2 }, { "BWP", 2 }, { "BYN", 2 }, { "BZD", 2 },
	{ "CAD", 2 }, { "CDF", 2 }, { "CHE", 2 }, { "CHF", 2 }, { "CHW", 2 }, { "CLF", 4 },
	{ "CLP", 0 }, { "CNY", 2 }, { "COP", 2 }, { "COU", 2 }, { "CRC", 2 }, { "CUP", 2 },
	{ "CVE", 2 }, { "CZK", 2 }, { "DJF", 0 }, { "DKK", 2 }, { "DOP", 2 }, { "DZD", 2 },
	{ "EGP", 2 }, { "ERN", 2 }, { "ETB", 2 }, { "EUR", 2 }, { "FJD", 2 }, { "FKP", 2 },
	{ "GBP", 2 }, { "GEL", 2 }, { "GHS", 2 }, { "GIP", 2 }, { "GMD", 2 }, { "GNF", 0 },
	{ "GTQ", 2 }, { "GYD", 2 }, { "HKD", 2 }, { "HNL", 2 }, { "HTG", 2 }, { "HUF", 2 },
	{ "IDR", 2 }, { "ILS", 2 }, { "INR", 2 }, { "IQD", 3 }, { "IRR", 2 }, { "ISK", 0 },
	{ "JMD", 2 }, { "JOD", 3 }, { "JPY", 0 }, { "KES", 2 }, { "KGS", 2 }, { "KHR", 2 },
	{ "KMF", 0 }, { "KPW", 2 }, { "KRW", 0 }, { "KWD", 3 }, { "KYD", 2 }, { "KZT", 2 },
	{ "LAK", 2 }, { "LBP", 2 }, { "LKR", 2 }, { "LRD", 2 }, { "LSL", 2 }, { "LYD", 3 },
	{ "MAD", 2 }, { "MDL", 2 }, { "MGA", 2 }, { "MKD", 2 }, { "MMK", 2 }, { "MNT", 2 },
	{ "MOP", 2 }, { "MRU", 2 }, { "MUR", 2 }, { "MVR", 2 }, { "MWK", 2 }, { "MXN", 2 },
	{ "MXV", 2 }, { "MYR", 2 }, { "MZN", 2 }, { "NAD", 2 }, { "NGN", 2 }, { "NIO", 2 },
	{ "NOK", 2 }, { "NPR", 2 }, { "NZD", 2 }, { "OMR", 3 }, { "PAB", 2 }, { "PEN", 2 },
	{ "PGK", 2 }, { "PHP", 2 }, { "PKR", 2 }, { "PLN", 2 }, { "PYG", 0 }, { "QAR", 2 },
	{ "RON", 2 }, { "RSD", 2 }, { "RUB", 2 }, { "RWF", 0 }, { "SAR", 2 }, { "SBD", 2 },
	{ "SCR", 2 }, { "SDG", 2 }, { "SEK", 2 }, { "SGD", 2 }, { "SHP", 2 }, { "SLE", 2 },
	{ "SOS", 2 }, { "SRD", 2 }, { "SSP", 2 }, { "STN", 2 }, { "SVC", 2 }, { "SYP", 2 },
	{ "SZL", 2 }, { "THB", 2 }, { "TJS", 2 }, { "TMT", 2 }, { "TND", 3 }, { "TOP", 2 },
	{ "TRY", 2 }, { "TTD", 2 }, { "TWD", 2 }, { "TZS", 2 }, { "UAH", 2 }, { "UGX", 0 },
	{ "USD", 2 }, { "USN", 2 }, { "UYI", 0 }, { "UYU", 2 }, { "UYW", 4 }, { "UZS", 2 },
	{ "VED", 2 }, { "VES", 2 }, { "VND", 0 }, { "VUV", 0 }, { "WST", 2 }, { "XAF", 0 },
	{ "XCD", 2 }, { "XCG", 2 }, { "XOF", 0 }, { "XPF", 0 }, { "YER", 2 }, { "ZAR", 2 },
	{ "ZMW", 2 }, { "ZWG", 2 },
};
/* clang-format on */

#define CURRENCIES (sizeof(currencies) / sizeof(currencies[0]))

const struct currency *currency_find(const char code[3])
{
	size_t low = 0, high = CURRENCIES; /* 2^8 > CURRENCIES: 8 turns at most */

	while (low < high) {
		size_t middle = (low + high) / 2;
		int    order  = memcmp(code, currencies[middle].code, 3);

		if (order == 0)
			return &currencies[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static size_t count_digits(const char *text, size_t n)
{
	size_t at = 0;

	while (at < n && text[at] >= '0' && text[at] <= '9')
		at++;
	return at;
}

enum amount_fault amount_parse(const char *text, size_t size_bytes, uint8_t exponent,
			       int64_t *out_minor)
{
	size_t whole    = count_digits(text, size_bytes);
	size_t decimals = 0;

	if (whole == 0 || (text[0] == '0' && whole > 1))
		return AMOUNT_FORM;
	if (whole < size_bytes) {
		decimals = count_digits(text + whole + 1, size_bytes - whole - 1);
		if (text[whole] != '.' || decimals == 0 || whole + 1 + decimals != size_bytes)
			return AMOUNT_FORM;
	}
	if (decimals > exponent)
		return AMOUNT_PRECISION;
	if (whole + exponent > 15 && !(whole == 1 && text[0] == '0'))
		return AMOUNT_RANGE;

	int64_t minor = 0;

	for (size_t i = 0; i < whole; i++)
		minor = 10 * minor + (text[i] - '0');
	for (size_t i = 0; i < exponent; i++)
		minor = 10 * minor + (i < decimals ? text[whole + 1 + i] - '0' : 0);
	*out_minor = minor;
	return AMOUNT_OK;
}

size_t amount_print(int64_t minor, uint8_t exponent, char out[AMOUNT_TEXT_BYTES_MAX])
{
	char   reversed[AMOUNT_TEXT_BYTES_MAX];
	size_t n = 0, at = 0;

	assert(minor >= 0 && minor < AMOUNT_MINOR_END && exponent <= 4);
	for (size_t digits = 0; digits <= exponent || minor != 0; digits++, minor /= 10) {
		if (digits == exponent && exponent != 0)
			reversed[n++] = '.';
		reversed[n++] = (char)('0' + minor % 10);
	}
	while (n > 0)
		out[at++] = reversed[--n];
	out[at] = '\0';
	return at;
}
