/* Fields that are one text. */
#include <string.h>

#include "runtime/base/time.h"
#include "runtime/decode/decoder.h"

static bool check_text(struct reader *reader, yyjson_val *value, size_t bytes_max)
{
	if (!yyjson_is_str(value))
		return fail_type(reader, value, "a text");
	const char *text = yyjson_get_str(value);
	size_t      n    = yyjson_get_len(value);

	if (n == 0 || n > bytes_max)
		return place_fail(&reader->place, REASON_field_range,
				  "%zu bytes; 1 to %zu are allowed", n, bytes_max);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return place_fail(&reader->place, REASON_field_format,
					  "byte %zu of the text is a control character", i);
	return true;
}

bool read_text(struct reader *reader, yyjson_val *value, size_t bytes_max, char *data,
	       uint16_t *size_bytes)
{
	if (!check_text(reader, value, bytes_max))
		return false;
	*size_bytes = (uint16_t)yyjson_get_len(value);
	memcpy(data, yyjson_get_str(value), *size_bytes);
	return true;
}

/* ISO/IEC 7812-1: a card number is 13 to 19 digits here and ends in a Luhn check
 * digit; people write it with blanks or hyphens. */
static bool is_card_number(const char *text, size_t n)
{
	unsigned sum = 0, digits = 0;

	for (size_t i = n; i-- > 0;) {
		if (text[i] == ' ' || text[i] == '-')
			continue;
		if (text[i] < '0' || text[i] > '9')
			return false;
		unsigned digit = (unsigned)(text[i] - '0');

		if (digits++ % 2 == 1)
			digit = 2 * digit > 9 ? 2 * digit - 9 : 2 * digit;
		sum += digit;
	}
	return digits >= 13 && digits <= 19 && sum % 10 == 0;
}

/* PCI DSS 3.5: a primary account number has to be unreadable wherever it is stored, and the
 * audit log stores what comes in here.  So none comes in where cards are named: card, payee,
 * identifiers of card schemes, lists of these.  Elsewhere a number that looks like one is
 * an account's or a caller's own, whose digits are theirs to choose. */
bool check_token(struct reader *reader, const char *data, uint16_t size_bytes)
{
	return !is_card_number(data, size_bytes) ||
	       place_fail(&reader->place, REASON_field_format,
			  "a token is needed, not a card number");
}

bool read_token(struct reader *reader, yyjson_val *value, size_t bytes_max, char *data,
		uint16_t *size_bytes)
{
	return read_text(reader, value, bytes_max, data, size_bytes) &&
	       check_token(reader, data, *size_bytes);
}

bool read_id(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;

	return read_text(reader, value, DECODE_TOKEN_BYTES_MAX, t->id.data, &t->id.size_bytes);
}

bool read_account(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;

	return read_text(reader, value, DECODE_TOKEN_BYTES_MAX, t->account.data,
			 &t->account.size_bytes);
}

bool read_terminal(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;

	return read_text(reader, value, DECODE_TOKEN_BYTES_MAX, t->terminal.data,
			 &t->terminal.size_bytes);
}

bool read_device(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;

	return read_text(reader, value, DECODE_TOKEN_BYTES_MAX, t->device.data,
			 &t->device.size_bytes);
}

bool read_card(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;

	return read_token(reader, value, DECODE_TOKEN_BYTES_MAX, t->card.data, &t->card.size_bytes);
}

bool read_payee(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;

	return read_token(reader, value, DECODE_TOKEN_BYTES_MAX, t->payee.data,
			  &t->payee.size_bytes);
}

bool read_deadline(struct reader *reader, yyjson_val *value, void *out)
{
	if (!yyjson_is_int(value))
		return fail_type(reader, value, "a whole number of microseconds");
	if (!yyjson_is_uint(value) || yyjson_get_uint(value) < 1 ||
	    yyjson_get_uint(value) > DECODE_DEADLINE_US_MAX)
		return place_fail(&reader->place, REASON_field_range, "1 to %d are allowed",
				  DECODE_DEADLINE_US_MAX);
	((struct transaction *)out)->deadline_us = (uint32_t)yyjson_get_uint(value);
	return true;
}

bool read_merchant_id(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;

	return read_text(reader, value, DECODE_TOKEN_BYTES_MAX, t->merchant.data,
			 &t->merchant.size_bytes);
}

bool read_party_name(struct reader *reader, yyjson_val *value, void *out)
{
	struct party *party = out;

	return read_text(reader, value, DECODE_NAME_BYTES_MAX, party->name.data,
			 &party->name.size_bytes);
}

bool read_identifier_value(struct reader *reader, yyjson_val *value, void *out)
{
	struct party_identifier *identifier = out;

	return read_text(reader, value, DECODE_VALUE_BYTES_MAX, identifier->value.data,
			 &identifier->value.size_bytes);
}

bool read_instant(struct reader *reader, yyjson_val *value, int64_t *out_ns)
{
	if (!yyjson_is_str(value))
		return fail_type(reader, value, "an RFC 3339 text such as 2026-07-01T12:00:00Z");
	switch (time_parse(yyjson_get_str(value), yyjson_get_len(value), out_ns)) {
	case TIME_OK: return true;
	case TIME_RANGE:
		return place_fail(&reader->place, REASON_field_range,
				  "times from 1970-01-01 to 2262-04-11 (UTC) are allowed");
	default:
		return place_fail(&reader->place, REASON_field_format,
				  "not an RFC 3339 time with offset, such as "
				  "2026-07-01T12:00:00.25+02:00, at most 9 decimals");
	}
}

bool read_time(struct reader *reader, yyjson_val *value, void *out)
{
	return read_instant(reader, value, &((struct transaction *)out)->time_ns);
}

size_t find_name(yyjson_val *value, const char *(*name_of)(size_t), size_t first, size_t count)
{
	while (first < count && !yyjson_equals_str(value, name_of(first)))
		first++;
	return first;
}

static const char *channel_name(size_t i)
{
	return transaction_channel_name((enum transaction_channel)i);
}

static const char *role_name(size_t i)
{
	return party_role_name((enum party_role)i);
}

bool read_channel(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;

	if (!yyjson_is_str(value))
		return fail_type(reader, value, "a text");
	t->channel = (uint8_t)find_name(value, channel_name, CHANNEL_NONE + 1, CHANNEL_COUNT);
	if (t->channel == CHANNEL_COUNT)
		return place_fail(&reader->place, REASON_field_range,
				  "card_present, card_not_present, atm, instant, wire and ach "
				  "are allowed");
	return true;
}

bool read_party_role(struct reader *reader, yyjson_val *value, void *out)
{
	struct party *party = out;

	if (!yyjson_is_str(value))
		return fail_type(reader, value, "a text");
	party->role = (uint8_t)find_name(value, role_name, PARTY_NONE + 1, PARTY_ROLE_COUNT);
	if (party->role == PARTY_ROLE_COUNT)
		return place_fail(&reader->place, REASON_field_range,
				  "originator, beneficiary, originator_agent and "
				  "beneficiary_agent are allowed");
	return true;
}

static bool all_within(const char *text, size_t n, char low, char high)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] < low || text[i] > high)
			return false;
	return true;
}

/* ISO 18245: a merchant category code is four digits. */
bool read_merchant_category(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t = out;

	if (!yyjson_is_str(value))
		return fail_type(reader, value, "a text of four digits");
	if (yyjson_get_len(value) != 4 || !all_within(yyjson_get_str(value), 4, '0', '9'))
		return place_fail(&reader->place, REASON_field_format,
				  "an ISO 18245 code of four digits is needed");
	memcpy(t->merchant_category, yyjson_get_str(value), 4);
	return true;
}

/* ISO 3166-1 alpha-2 by its form; codes in private use (XK, ZZ) are taken. */
static bool read_country(struct reader *reader, yyjson_val *value, char out[2])
{
	if (!yyjson_is_str(value))
		return fail_type(reader, value, "a text of two letters");
	if (yyjson_get_len(value) != 2 || !all_within(yyjson_get_str(value), 2, 'A', 'Z'))
		return place_fail(&reader->place, REASON_field_format,
				  "an ISO 3166-1 code of two upper-case letters is needed");
	memcpy(out, yyjson_get_str(value), 2);
	return true;
}

bool read_merchant_country(struct reader *reader, yyjson_val *value, void *out)
{
	return read_country(reader, value, ((struct transaction *)out)->merchant_country);
}

bool read_party_country(struct reader *reader, yyjson_val *value, void *out)
{
	return read_country(reader, value, ((struct party *)out)->country);
}

bool read_identifier_scheme(struct reader *reader, yyjson_val *value, void *out)
{
	struct party_identifier *identifier = out;

	if (!read_text(reader, value, DECODE_SCHEME_BYTES_MAX, identifier->scheme.data,
		       &identifier->scheme.size_bytes))
		return false;
	for (size_t i = 0; i < identifier->scheme.size_bytes; i++) {
		char c = identifier->scheme.data[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
			return place_fail(&reader->place, REASON_field_format,
					  "upper-case letters, digits and _ are allowed");
	}
	return true;
}
