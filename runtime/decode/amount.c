/* The amount: its value can only be read once its currency is known, and either
 * may come first. */
#include "runtime/base/currency.h"

#include "runtime/decode/decoder.h"

struct amount {
	yyjson_val            *value;
	const struct currency *currency;
};

static bool keep_value(struct reader *reader, yyjson_val *value, void *out)
{
	if (yyjson_is_num(value))
		return fail_type(reader, value,
				 "a text such as \"12.34\": a binary number can't hold cents "
				 "exactly");
	if (!yyjson_is_str(value))
		return fail_type(reader, value, "a decimal text such as \"12.34\"");
	((struct amount *)out)->value = value;
	return true;
}

static bool find_currency(struct reader *reader, yyjson_val *value, void *out)
{
	struct amount *amount = out;

	if (!yyjson_is_str(value))
		return fail_type(reader, value, "a text of three letters");
	if (yyjson_get_len(value) == 3)
		amount->currency = currency_find(yyjson_get_str(value));
	if (amount->currency == NULL)
		return place_fail(&reader->place, REASON_currency_unknown,
				  "an active ISO 4217 code of three upper-case letters is needed");
	return true;
}

static const struct field amount_fields[] = {
	{ "value", true, keep_value },
	{ "currency", true, find_currency },
};

static bool parse_value(struct reader *reader, const struct amount *amount, int64_t *out_minor)
{
	const struct currency *currency = amount->currency;

	switch (amount_parse(yyjson_get_str(amount->value), yyjson_get_len(amount->value),
			     currency->exponent, out_minor)) {
	case AMOUNT_OK: return true;
	case AMOUNT_PRECISION:
		return place_fail(&reader->place, REASON_amount_precision,
				  "%s has %d decimals; the value has more", currency->code,
				  currency->exponent);
	case AMOUNT_RANGE:
		return place_fail(&reader->place, REASON_field_range,
				  "the amount has to be below 10^15 minor units");
	default:
		return place_fail(&reader->place, REASON_field_format,
				  "a decimal such as \"12.34\" is needed: no sign, no exponent, "
				  "no blanks, no leading zeros");
	}
}

bool read_amount(struct reader *reader, yyjson_val *value, void *out)
{
	struct transaction *t      = out;
	struct amount       amount = { 0 };

	if (!read_object(reader, value, amount_fields, 2, &amount))
		return false;
	place_enter_name(&reader->place, "value", 5);
	if (!parse_value(reader, &amount, &t->amount_minor))
		return false;
	place_leave(&reader->place);
	t->currency_exponent = amount.currency->exponent;
	for (size_t i = 0; i < sizeof(t->currency); i++)
		t->currency[i] = amount.currency->code[i];
	return true;
}
