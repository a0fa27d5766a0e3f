#include "tests/lib/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/currency.h"
#include "tests/lib/splitmix.h"

void sample_schema(struct feature_schema *schema, uint16_t count)
{
	memset(schema, 0, sizeof(*schema));
	schema->count = count;
	for (unsigned i = 0; i < count; i++) {
		char *name = schema->names[i];

		if (i % 4 == 3)
			snprintf(name, sizeof(schema->names[i]), "f/%u~\"with\\quotes", i);
		else
			snprintf(name, sizeof(schema->names[i]), "feature_%u", i);
	}
}

/* 1 to n_max bytes of UTF-8 without control characters. */
static uint16_t sample_text(uint64_t *seed, char *out, size_t n_max)
{
	static const char *const characters[] = {
		"a", "Z", "0", " ",  "\"",     "\\", "/",        "~", "'",
		"é", "ß", "Ж", "漢", "\u2028", "😀", "\xc2\x85", "{", "\xf4\x8f\xbf\xbf"
	};
	size_t n = 0, wanted = 1 + splitmix(seed) % n_max;

	while (n < wanted) {
		const char *c =
			characters[splitmix(seed) % (sizeof(characters) / sizeof(*characters))];

		if (n + strlen(c) > wanted)
			c = "x";
		memcpy(out + n, c, strlen(c));
		n += strlen(c);
	}
	return (uint16_t)n;
}

#define SOMETIMES(seed) (splitmix(seed) % 2 == 0)
#define SAMPLE_TEXT(seed, field, n_max) \
	((field).size_bytes = sample_text(seed, (field).data, n_max))

static void sample_country(uint64_t *seed, char out[2])
{
	out[0] = (char)('A' + splitmix(seed) % 26);
	out[1] = (char)('A' + splitmix(seed) % 26);
}

static void sample_party(uint64_t *seed, struct party *party, uint8_t role)
{
	party->role              = role;
	party->identifiers_count = (uint8_t)(splitmix(seed) % (TRANSACTION_IDENTIFIERS_MAX + 1));
	for (size_t i = 0; i < party->identifiers_count; i++) {
		party->identifiers[i].scheme.size_bytes = 4;
		memcpy(party->identifiers[i].scheme.data, "IBAN", 4);
		SAMPLE_TEXT(seed, party->identifiers[i].value, DECODE_VALUE_BYTES_MAX);
	}
	if (party->identifiers_count == 0 || SOMETIMES(seed))
		SAMPLE_TEXT(seed, party->name, DECODE_NAME_BYTES_MAX);
	if (SOMETIMES(seed))
		sample_country(seed, party->country);
}

static void sample_features(uint64_t *seed, struct transaction *t)
{
	for (size_t i = 0; i < t->features_count; i++) {
		uint32_t bits = (uint32_t)splitmix(seed);

		memcpy(&t->features[i], &bits, sizeof(bits));
		if (!isfinite(t->features[i])) {
			bits = 0x7fc00000;
			memcpy(&t->features[i], &bits, sizeof(bits));
		}
		if (t->features[i] == 0)
			t->features[i] = 0.0f;
	}
}

void sample_transaction(uint64_t *seed, const struct feature_schema *schema,
			struct transaction *out)
{
	static const char *const codes[]  = { "EUR", "JPY", "KWD", "CLF", "USD" };
	const struct currency   *currency = currency_find(codes[splitmix(seed) % 5]);

	memset(out, 0, sizeof(*out));
	SAMPLE_TEXT(seed, out->id, DECODE_TOKEN_BYTES_MAX);
	out->time_ns = (int64_t)(splitmix(seed) >> 1);
	if (SOMETIMES(seed))
		out->time_ns -= out->time_ns % 1000000;
	out->amount_minor = (int64_t)(splitmix(seed) % AMOUNT_MINOR_END);
	memcpy(out->currency, currency->code, 3);
	out->currency_exponent = currency->exponent;
	out->channel           = (uint8_t)(1 + splitmix(seed) % (CHANNEL_COUNT - 1));
	SAMPLE_TEXT(seed, out->account, DECODE_TOKEN_BYTES_MAX);
	if (SOMETIMES(seed))
		SAMPLE_TEXT(seed, out->card, DECODE_TOKEN_BYTES_MAX);
	if (SOMETIMES(seed))
		SAMPLE_TEXT(seed, out->terminal, DECODE_TOKEN_BYTES_MAX);
	if (SOMETIMES(seed)) {
		SAMPLE_TEXT(seed, out->merchant, DECODE_TOKEN_BYTES_MAX);
		memcpy(out->merchant_category, "5411", 4);
		sample_country(seed, out->merchant_country);
	}
	if (SOMETIMES(seed))
		SAMPLE_TEXT(seed, out->device, DECODE_TOKEN_BYTES_MAX);
	if (SOMETIMES(seed))
		SAMPLE_TEXT(seed, out->payee, DECODE_TOKEN_BYTES_MAX);
	if (SOMETIMES(seed))
		out->deadline_us = (uint32_t)(1 + splitmix(seed) % DECODE_DEADLINE_US_MAX);
	out->parties_count = (uint8_t)(splitmix(seed) % (TRANSACTION_PARTIES_MAX + 1));
	for (uint8_t i = 0; i < out->parties_count; i++)
		sample_party(seed, &out->parties[i], (uint8_t)(i + 1));
	out->features_count = schema->count;
	sample_features(seed, out);
}

struct decoder *sample_decoder(size_t body_bytes_max, uint32_t batch_max)
{
	struct decode_limits limits = { .body_bytes_max = body_bytes_max, .batch_max = batch_max };
	void                *memory = aligned_alloc(64, decode_size(&limits));

	return memory == NULL ? NULL : decode_init(memory, &limits);
}

void sample_free(struct decoder *decoder)
{
	free(decoder); /* it lives at the start of its memory */
}
