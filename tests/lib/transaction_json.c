/* A transaction back into the JSON it is read from. */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "runtime/base/currency.h"
#include "runtime/base/time.h"
#include "runtime/reply/writer.h"
#include "tests/lib/transaction_json.h"

/* A text of length 0, or of zero bytes only, is an absent field. */
static void write_optional(struct writer *writer, const char *name, const char *text, size_t n)
{
	if (n == 0 || text[0] == '\0')
		return;
	write_name(writer, name);
	write_text(writer, text, n);
}

static void write_amount(struct writer *writer, const struct transaction *t)
{
	char text[AMOUNT_TEXT_BYTES_MAX];

	write_name(writer, "amount");
	write_words(writer, "{");
	write_name(writer, "value");
	write_text(writer, text, amount_print(t->amount_minor, t->currency_exponent, text));
	write_name(writer, "currency");
	write_text(writer, t->currency, sizeof(t->currency));
	write_words(writer, "}");
}

static void write_merchant(struct writer *writer, const struct transaction *t)
{
	if (t->merchant.size_bytes == 0)
		return;
	write_name(writer, "merchant");
	write_words(writer, "{");
	write_optional(writer, "id", t->merchant.data, t->merchant.size_bytes);
	write_optional(writer, "category", t->merchant_category, sizeof(t->merchant_category));
	write_optional(writer, "country", t->merchant_country, sizeof(t->merchant_country));
	write_words(writer, "}");
}

static void write_identifiers(struct writer *writer, const struct party *party)
{
	if (party->identifiers_count == 0)
		return;
	write_name(writer, "identifiers");
	write_words(writer, "[");
	for (size_t i = 0; i < party->identifiers_count; i++) {
		const struct party_identifier *identifier = &party->identifiers[i];

		write_separator(writer);
		write_words(writer, "{");
		write_optional(writer, "scheme", identifier->scheme.data,
			       identifier->scheme.size_bytes);
		write_optional(writer, "value", identifier->value.data,
			       identifier->value.size_bytes);
		write_words(writer, "}");
	}
	write_words(writer, "]");
}

static void write_parties(struct writer *writer, const struct transaction *t)
{
	assert(t->parties_count <= TRANSACTION_PARTIES_MAX);
	if (t->parties_count == 0)
		return;
	write_name(writer, "parties");
	write_words(writer, "[");
	for (size_t i = 0; i < t->parties_count; i++) {
		const struct party *party = &t->parties[i];
		const char         *role  = party_role_name((enum party_role)party->role);

		assert(party->identifiers_count <= TRANSACTION_IDENTIFIERS_MAX);
		write_separator(writer);
		write_words(writer, "{");
		write_optional(writer, "role", role, strlen(role));
		write_optional(writer, "name", party->name.data, party->name.size_bytes);
		write_optional(writer, "country", party->country, sizeof(party->country));
		write_identifiers(writer, party);
		write_words(writer, "}");
	}
	write_words(writer, "]");
}

static void write_features(struct writer *writer, const struct transaction *t,
			   const struct feature_schema *schema)
{
	bool any = false;

	assert(t->features_count == schema->count && schema->count <= TRANSACTION_FEATURES_MAX);
	for (size_t i = 0; i < t->features_count; i++) {
		if (isnan(t->features[i]))
			continue;
		if (!any) {
			write_name(writer, "features");
			write_words(writer, "{");
		}
		any = true;
		write_separator(writer);
		write_text(writer, schema->names[i], strlen(schema->names[i]));
		write_words(writer, ":");
		write_float(writer, t->features[i]);
	}
	if (any)
		write_words(writer, "}");
}

size_t transaction_json(void *out, size_t capacity, const struct transaction *t,
			const struct feature_schema *schema)
{
	struct writer writer = writer_of(out, capacity);
	char          time[TIME_TEXT_BYTES_MAX];
	const char   *channel = transaction_channel_name((enum transaction_channel)t->channel);

	assert(capacity >= TRANSACTION_JSON_BYTES_MAX && channel != NULL);
	write_words(&writer, "{");
	write_optional(&writer, "id", t->id.data, t->id.size_bytes);
	write_name(&writer, "time");
	write_text(&writer, time, time_print(t->time_ns, time));
	write_amount(&writer, t);
	write_optional(&writer, "card", t->card.data, t->card.size_bytes);
	write_optional(&writer, "account", t->account.data, t->account.size_bytes);
	write_optional(&writer, "payee", t->payee.data, t->payee.size_bytes);
	write_optional(&writer, "channel", channel, strlen(channel));
	write_merchant(&writer, t);
	write_optional(&writer, "terminal", t->terminal.data, t->terminal.size_bytes);
	write_optional(&writer, "device", t->device.data, t->device.size_bytes);
	write_parties(&writer, t);
	write_features(&writer, t, schema);
	if (t->deadline_us > 0) {
		write_name(&writer, "deadline_us");
		write_u64(&writer, t->deadline_us);
	}
	write_words(&writer, "}");
	return writer.size;
}
