#include "config/forms.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "runtime/base/currency.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool only(const char *text, const char *allowed)
{
	return text[strspn(text, allowed)] == '\0';
}

bool form_name(const char *text)
{
	return only(text, LOWER DIGITS ".-") && text[0] != '.' && text[0] != '-';
}

/* As lspci -D prints it: domain:bus:device.function. */
static bool is_pci_address(const char *text)
{
	static const char shape[] = "xxxx:xx:xx.7";

	if (strlen(text) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		const char *allowed = shape[i] == 'x' ? DIGITS "abcdef" : "01234567";

		if (shape[i] == ':' || shape[i] == '.') {
			if (text[i] != shape[i])
				return false;
		} else if (strchr(allowed, text[i]) == NULL) {
			return false;
		}
	}
	return true;
}

bool form_device(const char *text)
{
	if (strchr(text, ' ') != NULL)
		return false;
	return (strncmp(text, "net_", 4) == 0 && text[4] != '\0') || is_pci_address(text);
}

static bool parses(int family, const char *text)
{
	uint8_t address[16];

	return inet_pton(family, text, address) == 1;
}

bool form_address(const char *text)
{
	return parses(AF_INET, text) || parses(AF_INET6, text);
}

bool form_address4(const char *text)
{
	return text[0] == '\0' || parses(AF_INET, text);
}

bool form_address6(const char *text)
{
	return text[0] == '\0' || parses(AF_INET6, text);
}

bool form_address_prefix(const char *text)
{
	const char *slash = strchr(text, '/');
	char        address[CONFIG_ADDRESS_BYTES];
	unsigned    prefix = 0;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address))
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (slash[1] == '\0' || !only(slash + 1, DIGITS) || strlen(slash + 1) > 3)
		return false;
	for (const char *digit = slash + 1; *digit != '\0'; digit++)
		prefix = prefix * 10 + (unsigned)(*digit - '0');
	if (prefix == 0)
		return false;
	return (parses(AF_INET, address) && prefix <= 32) ||
	       (parses(AF_INET6, address) && prefix == 64);
}

bool form_identity(const char *text)
{
	return strchr(text, ' ') == NULL;
}

bool form_feature(const char *text)
{
	return only(text, LOWER UPPER DIGITS "_.:-");
}

bool form_currency(const char *text)
{
	return text[0] == '\0' || (strlen(text) == 3 && currency_find(text) != NULL);
}

bool form_digest(const char *text)
{
	return text[0] == '\0' || (strlen(text) == 64 && only(text, DIGITS "abcdef"));
}

/* 90 days in seconds have seven digits; seven of days would not be an int64_t of ns. */
#define DURATION_DIGITS_MAX 7

bool form_duration(const char *text, int64_t *out_ns)
{
	static const char    units[]   = "smhd";
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	size_t               digits    = strspn(text, DIGITS);
	const char          *unit      = strchr(units, text[digits]);

	if (digits == 0 || digits > DURATION_DIGITS_MAX || text[digits] == '\0' || unit == NULL ||
	    text[digits + 1] != '\0')
		return false;
	return !__builtin_mul_overflow(strtoll(text, NULL, 10),
				       seconds[unit - units] * INT64_C(1000000000), out_ns);
}

bool form_hours(const char *text, uint8_t out[2])
{
	size_t   first  = strspn(text, DIGITS);
	size_t   second = text[first] == '-' ? strspn(text + first + 1, DIGITS) : 0;
	unsigned from, to;

	if (first < 1 || first > 2 || second < 1 || second > 2 || text[first + 1 + second] != '\0')
		return false;
	from   = (unsigned)strtoul(text, NULL, 10);
	to     = (unsigned)strtoul(text + first + 1, NULL, 10);
	out[0] = (uint8_t)from;
	out[1] = (uint8_t)to;
	return from < to && to <= 24;
}
