/* The objects of a transaction, one table each: the shape of the request. */
#include <assert.h>
#include <string.h>

#include "runtime/decode/decoder.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static bool read_identifiers(struct reader *reader, yyjson_val *value, void *out);
static bool read_merchant(struct reader *reader, yyjson_val *value, void *out);
static bool read_parties(struct reader *reader, yyjson_val *value, void *out);

/* clang-format off */
static const struct field transaction_fields[] = {
	/* name          required read */
	{ "id",          true,  read_id },
	{ "time",        true,  read_time },
	{ "amount",      true,  read_amount },
	{ "card",        false, read_card },
	{ "account",     false, read_account },
	{ "payee",       false, read_payee },
	{ "channel",     true,  read_channel },
	{ "merchant",    false, read_merchant },
	{ "terminal",    false, read_terminal },
	{ "device",      false, read_device },
	{ "parties",     false, read_parties },
	{ "features",    false, read_features },
	{ "deadline_us", false, read_deadline },
};

static const struct field merchant_fields[] = {
	{ "id",       true,  read_merchant_id },
	{ "category", false, read_merchant_category },
	{ "country",  false, read_merchant_country },
};

static const struct field party_fields[] = {
	{ "role",        true,  read_party_role },
	{ "name",        false, read_party_name },
	{ "country",     false, read_party_country },
	{ "identifiers", false, read_identifiers },
};

static const struct field identifier_fields[] = {
	{ "scheme", true, read_identifier_scheme },
	{ "value",  true, read_identifier_value },
};
/* clang-format on */

static_assert(COUNT_OF(transaction_fields) <= FIELDS_MAX, "one bit a field");

static bool read_merchant(struct reader *reader, yyjson_val *value, void *out)
{
	return read_object(reader, value, merchant_fields, COUNT_OF(merchant_fields), out);
}

static bool check_array(struct reader *reader, yyjson_val *value, size_t count_max)
{
	if (!yyjson_is_arr(value))
		return fail_type(reader, value, "an array");
	if (yyjson_arr_size(value) > count_max)
		return place_fail(&reader->place, REASON_field_range,
				  "%zu elements; %zu are allowed", yyjson_arr_size(value),
				  count_max);
	return true;
}

/* A scheme is of cards when a word of it is PAN or begins with CARD: PAN, CARD_NUMBER. */
static bool is_card_scheme(const struct party_identifier *identifier)
{
	const char *at = identifier->scheme.data;
	size_t      n  = identifier->scheme.size_bytes;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && at[i - 1] != '_')
			continue;
		if (n - i >= 4 && memcmp(at + i, "CARD", 4) == 0)
			return true;
		if (n - i >= 3 && memcmp(at + i, "PAN", 3) == 0 && (n - i == 3 || at[i + 3] == '_'))
			return true;
	}
	return false;
}

/* Once both are known, whichever came first. */
static bool check_identifier(struct reader *reader, const struct party_identifier *identifier)
{
	if (!is_card_scheme(identifier))
		return true;
	place_enter_name(&reader->place, "value", 5);
	if (!check_token(reader, identifier->value.data, identifier->value.size_bytes))
		return false;
	place_leave(&reader->place);
	return true;
}

static bool read_identifiers(struct reader *reader, yyjson_val *value, void *out)
{
	struct party *party = out;
	yyjson_val   *element;
	size_t        i, n;

	if (!check_array(reader, value, TRANSACTION_IDENTIFIERS_MAX))
		return false;
	yyjson_arr_foreach(value, i, n, element)
	{
		place_enter_index(&reader->place, i);
		if (!read_object(reader, element, identifier_fields, COUNT_OF(identifier_fields),
				 &party->identifiers[i]) ||
		    !check_identifier(reader, &party->identifiers[i]))
			return false;
		place_leave(&reader->place);
	}
	party->identifiers_count = (uint8_t)n;
	return true;
}

/* A role is somebody: a name, or an identifier; and it is one: no role twice. */
static bool check_party(struct reader *reader, const struct party *parties, size_t i)
{
	if (parties[i].name.size_bytes == 0 && parties[i].identifiers_count == 0)
		return place_fail(&reader->place, REASON_field_missing,
				  "a party needs a \"name\" or \"identifiers\"");
	for (size_t j = 0; j < i; j++)
		if (parties[j].role == parties[i].role)
			return place_fail(&reader->place, REASON_field_repeated,
					  "\"%s\" is the role of element %zu already",
					  party_role_name(parties[i].role), j);
	return true;
}

static bool read_parties(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *transaction = out;
	yyjson_val         *element;
	size_t              i, n;

	if (!check_array(reader, value, TRANSACTION_PARTIES_MAX))
		return false;
	yyjson_arr_foreach(value, i, n, element)
	{
		place_enter_index(&reader->place, i);
		if (!read_object(reader, element, party_fields, COUNT_OF(party_fields),
				 &transaction->parties[i]) ||
		    !check_party(reader, transaction->parties, i))
			return false;
		place_leave(&reader->place);
	}
	transaction->parties_count = (uint8_t)n;
	return true;
}

bool read_transaction(struct reader *reader, yyjson_val *value, void *transaction)
{
	static const uint32_t not_supplied = 0x7fc00000;
	struct transaction   *out          = transaction;

	memset(out, 0, sizeof(*out));
	out->features_count = reader->index->schema->count;
	for (size_t i = 0; i < out->features_count; i++)
		memcpy(&out->features[i], &not_supplied, sizeof(not_supplied));
	if (!read_object(reader, value, transaction_fields, COUNT_OF(transaction_fields), out))
		return false;
	if (out->card.size_bytes == 0 && out->account.size_bytes == 0)
		return place_fail(&reader->place, REASON_field_missing,
				  "a \"card\" or an \"account\" is required");
	return true;
}
