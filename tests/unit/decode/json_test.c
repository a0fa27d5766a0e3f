/* runtime/decode: one case a way a body can be wrong, with the row and the JSON
 * pointer it gets; and what is read from a right one. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/decode/decode.h"
#include "tests/lib/sample.h"

#define OUT_MAX 4

#define ID       "\"id\":\"p-1\","
#define TIME     "\"time\":\"2026-07-01T12:00:00Z\","
#define AMOUNT   "\"amount\":{\"value\":\"12.34\",\"currency\":\"EUR\"},"
#define CHANNEL  "\"channel\":\"wire\","
#define ACCOUNT  "\"account\":\"a\""
#define GOOD     "{" ID TIME AMOUNT CHANNEL ACCOUNT "}"
#define WITH(x)  "{" ID TIME AMOUNT CHANNEL ACCOUNT "," x "}"
#define PAY(x)   "{" ID TIME CHANNEL ACCOUNT ",\"amount\":" x "}"
#define AT(x)    "{" ID AMOUNT CHANNEL ACCOUNT ",\"time\":" x "}"
#define NAMED(x) "{" TIME AMOUNT CHANNEL ACCOUNT ",\"id\":" x "}"
#define CARD(x)  WITH("\"card\":" x)
#define PARTY(x) WITH("\"parties\":[{\"role\":\"originator\",\"name\":\"A\"}," x "]")
#define X64      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *body;
	enum reason reason;
	const char *place;
} cases[] = {
	/* the whole body */
	{ "", REASON_json_malformed, "" },
	{ " ", REASON_json_malformed, "" },
	{ "\"", REASON_json_malformed, "" }, /* what follows a body would close these */
	{ "{" TIME AMOUNT CHANNEL "\"account\":\"a\",\"id\":\"p", REASON_json_malformed, "" },
	{ GOOD GOOD, REASON_json_malformed, "" },
	{ GOOD "x", REASON_json_malformed, "" },
	{ "\xef\xbb\xbf" GOOD, REASON_json_encoding, "" },
	{ NAMED("\"\xff\""), REASON_json_encoding, "" },
	{ NAMED("\"\xed\xa0\x80\""), REASON_json_encoding, "" },
	{ NAMED("\"\\ud83d\""), REASON_json_malformed, "" },
	{ "[[[[[[[[]]]]]]]]", REASON_json_depth, "" },
	{ WITH("\"x\":[[[[[[[1]]]]]]]"), REASON_json_depth, "" },
	{ "[]", REASON_field_type, "" },
	{ "null", REASON_field_type, "" },
	{ "{}", REASON_field_missing, "/id" },
	/* batches */
	{ "{\"transactions\":[]}", REASON_batch_empty, "/transactions" },
	{ "{\"transactions\":{}}", REASON_field_type, "/transactions" },
	{ "{\"transactions\":[1]}", REASON_field_type, "/transactions/0" },
	{ "{\"transactions\":[" GOOD "," GOOD "," GOOD "," GOOD "," GOOD "]}",
	  REASON_batch_too_large, "/transactions" },
	{ "{\"transactions\":[" GOOD "],\"x\":1}", REASON_field_unknown, "/x" },
	{ "{\"transactions\":[" GOOD "],\"transactions\":[]}", REASON_field_repeated,
	  "/transactions" },
	{ "{\"transactions\":[" GOOD "," PAY("{\"value\":1,\"currency\":\"EUR\"}") "]}",
	  REASON_field_type, "/transactions/1/amount/value" },
	/* fields */
	{ "{" TIME AMOUNT CHANNEL ACCOUNT "}", REASON_field_missing, "/id" },
	{ "{" ID AMOUNT CHANNEL ACCOUNT "}", REASON_field_missing, "/time" },
	{ "{" ID TIME CHANNEL ACCOUNT "}", REASON_field_missing, "/amount" },
	{ "{" ID TIME AMOUNT ACCOUNT "}", REASON_field_missing, "/channel" },
	{ "{" ID TIME AMOUNT "\"channel\":\"wire\"}", REASON_field_missing, "" },
	{ WITH("\"id\":\"q\""), REASON_field_repeated, "/id" },
	{ WITH("\"\\u0069d\":\"q\""), REASON_field_repeated, "/id" },
	{ WITH("\"Id\":1"), REASON_field_unknown, "/Id" },
	{ WITH("\"a/b~c\":1"), REASON_field_unknown, "/a~1b~0c" },
	{ WITH("\"\":1"), REASON_field_unknown, "/" },
	{ WITH("\"id\\u0000\":1"), REASON_field_unknown, "" },
	{ WITH("\"4111111111111111\":1"), REASON_field_unknown, "" },
	{ WITH("\"" X64 "\":1"), REASON_field_unknown, "/" X64 },
	{ WITH("\"x" X64 "\":1"), REASON_field_unknown, "" },
	{ NAMED("7"), REASON_field_type, "/id" },
	{ NAMED("null"), REASON_field_type, "/id" },
	{ NAMED("\"\""), REASON_field_range, "/id" },
	{ NAMED("\"x" X64 "\""), REASON_field_range, "/id" },
	{ NAMED("\"a\\u0000b\""), REASON_field_format, "/id" },
	{ NAMED("\"a\\nb\""), REASON_field_format, "/id" },
	{ NAMED("\"a\x7f\""), REASON_field_format, "/id" },
	{ AT("1782907200"), REASON_field_type, "/time" },
	{ AT("\"2026-07-01T12:00:00\""), REASON_field_format, "/time" },
	{ AT("\"1969-07-01T12:00:00Z\""), REASON_field_range, "/time" },
	{ WITH("\"terminal\":{}"), REASON_field_type, "/terminal" },
	{ "{" ID TIME AMOUNT ACCOUNT ",\"channel\":\"WIRE\"}", REASON_field_range, "/channel" },
	/* amounts */
	{ PAY("\"12.34\""), REASON_field_type, "/amount" },
	{ PAY("{\"value\":12.34,\"currency\":\"EUR\"}"), REASON_field_type, "/amount/value" },
	{ PAY("{\"value\":\"12.34\"}"), REASON_field_missing, "/amount/currency" },
	{ PAY("{\"currency\":\"EUR\"}"), REASON_field_missing, "/amount/value" },
	{ PAY("{\"value\":\"1.234\",\"currency\":\"EUR\"}"), REASON_amount_precision,
	  "/amount/value" },
	{ PAY("{\"currency\":\"JPY\",\"value\":\"1.0\"}"), REASON_amount_precision,
	  "/amount/value" },
	{ PAY("{\"value\":\"-1\",\"currency\":\"EUR\"}"), REASON_field_format, "/amount/value" },
	{ PAY("{\"value\":\"1e3\",\"currency\":\"EUR\"}"), REASON_field_format, "/amount/value" },
	{ PAY("{\"value\":\"1\\u0000\",\"currency\":\"EUR\"}"), REASON_field_format,
	  "/amount/value" },
	{ PAY("{\"value\":\"10000000000000\",\"currency\":\"EUR\"}"), REASON_field_range,
	  "/amount/value" },
	{ PAY("{\"value\":\"1\",\"currency\":\"eur\"}"), REASON_currency_unknown,
	  "/amount/currency" },
	{ PAY("{\"value\":\"1\",\"currency\":\"EURO\"}"), REASON_currency_unknown,
	  "/amount/currency" },
	{ PAY("{\"value\":\"1\",\"currency\":978}"), REASON_field_type, "/amount/currency" },
	{ PAY("{\"value\":\"1\",\"currency\":\"EUR\",\"value\":\"2\"}"), REASON_field_repeated,
	  "/amount/value" },
	/* card numbers, as they are written */
	{ CARD("\"4111111111111111\""), REASON_field_format, "/card" },
	{ CARD("\"4111 1111 1111 1111\""), REASON_field_format, "/card" },
	{ CARD("\"3782-822463-10005\""), REASON_field_format, "/card" },
	{ CARD("\"4222222222222\""), REASON_field_format, "/card" },
	{ CARD("\"6304000000000000000\""), REASON_field_format, "/card" },
	{ WITH("\"payee\":\"4111111111111111\""), REASON_field_format, "/payee" },
	{ WITH("\"payee\":\"4111-1111 1111-1111\""), REASON_field_format, "/payee" },
	{ WITH("\"payee\":\"\""), REASON_field_range, "/payee" },
	{ WITH("\"device\":\"x" X64 "\""), REASON_field_range, "/device" },
	{ WITH("\"device\":[]"), REASON_field_type, "/device" },
	/* deadlines */
	{ WITH("\"deadline_us\":0"), REASON_field_range, "/deadline_us" },
	{ WITH("\"deadline_us\":60000001"), REASON_field_range, "/deadline_us" },
	{ WITH("\"deadline_us\":-1"), REASON_field_range, "/deadline_us" },
	{ WITH("\"deadline_us\":18446744073709551615"), REASON_field_range, "/deadline_us" },
	{ WITH("\"deadline_us\":5000.0"), REASON_field_type, "/deadline_us" },
	{ WITH("\"deadline_us\":5e3"), REASON_field_type, "/deadline_us" },
	{ WITH("\"deadline_us\":\"5000\""), REASON_field_type, "/deadline_us" },
	{ WITH("\"deadline_us\":1,\"deadline_us\":1"), REASON_field_repeated, "/deadline_us" },
	/* merchants and parties */
	{ WITH("\"merchant\":{}"), REASON_field_missing, "/merchant/id" },
	{ WITH("\"merchant\":{\"id\":\"m\",\"category\":5411}"), REASON_field_type,
	  "/merchant/category" },
	{ WITH("\"merchant\":{\"id\":\"m\",\"category\":\"54I1\"}"), REASON_field_format,
	  "/merchant/category" },
	{ WITH("\"merchant\":{\"id\":\"m\",\"country\":\"de\"}"), REASON_field_format,
	  "/merchant/country" },
	{ PARTY("7"), REASON_field_type, "/parties/1" },
	{ PARTY("{}"), REASON_field_missing, "/parties/1/role" },
	{ PARTY("{\"role\":\"payer\",\"name\":\"A\"}"), REASON_field_range, "/parties/1/role" },
	{ PARTY("{\"role\":\"beneficiary\"}"), REASON_field_missing, "/parties/1" },
	{ PARTY("{\"role\":\"originator\",\"name\":\"B\"}"), REASON_field_repeated, "/parties/1" },
	{ PARTY("{\"role\":\"beneficiary\",\"name\":\"B\",\"country\":\"FRA\"}"),
	  REASON_field_format, "/parties/1/country" },
	{ PARTY("{\"role\":\"beneficiary\",\"identifiers\":[{\"scheme\":\"IBAN\"}]}"),
	  REASON_field_missing, "/parties/1/identifiers/0/value" },
	{ PARTY("{\"role\":\"beneficiary\",\"identifiers\":[{\"scheme\":\"iban\",\"value\":\"x\"}]"
		"}"),
	  REASON_field_format, "/parties/1/identifiers/0/scheme" },
	{ PARTY("{\"role\":\"beneficiary\",\"identifiers\":[{\"value\":\"4111111111111111\","
		"\"scheme\":\"PAN\"}]}"),
	  REASON_field_format, "/parties/1/identifiers/0/value" },
	{ PARTY("{\"role\":\"beneficiary\",\"identifiers\":[{\"scheme\":\"CARD_NUMBER\","
		"\"value\":\"4111-1111-1111-1111\"}]}"),
	  REASON_field_format, "/parties/1/identifiers/0/value" },
	{ PARTY("{\"role\":\"beneficiary\",\"identifiers\":[{},{},{}]}"), REASON_field_range,
	  "/parties/1/identifiers" },
	{ WITH("\"parties\":[{},{},{},{},{}]"), REASON_field_range, "/parties" },
	/* features; f/3~"with\quotes is the fourth of the schema */
	{ WITH("\"features\":[]"), REASON_field_type, "/features" },
	{ WITH("\"features\":{\"no\":1}"), REASON_feature_unknown, "/features/no" },
	{ WITH("\"features\":{\"feature_0\":\"1\"}"), REASON_field_type, "/features/feature_0" },
	{ WITH("\"features\":{\"feature_0\":null}"), REASON_field_type, "/features/feature_0" },
	{ WITH("\"features\":{\"feature_0\":1,\"feature_1\":2,\"feature_0\":1}"),
	  REASON_field_repeated, "/features/feature_0" },
	{ WITH("\"features\":{\"f/3~\\\"with\\\\quotes\":true}"), REASON_field_type,
	  "/features/f~13~0\"with\\quotes" },
	{ WITH("\"features\":{\"feature_0\":3.5e38}"), REASON_field_range, "/features/feature_0" },
	{ WITH("\"features\":{\"feature_0\":1e400}"), REASON_json_malformed, "" },
	{ WITH("\"features\":{\"feature_0\":NaN}"), REASON_json_malformed, "" },
};

struct decoded {
	enum reason        reason;
	size_t             count;
	bool               batch;
	struct failure     failure;
	struct transaction out[OUT_MAX];
};

static struct feature_schema schema;

static struct decoded *decode(const char *body, size_t n)
{
	static struct decoded decoded;
	struct decoder       *decoder = sample_decoder(n == 0 ? 1 : n, 100);
	uint8_t              *copy    = malloc(n + DECODE_PADDING_BYTES);

	memcpy(copy, body, n);
	memcpy(copy + n, "\"}]}", DECODE_PADDING_BYTES); /* must not become part of the body */
	sample_schema(&schema, 8);
	decode_schema(decoder, &schema);
	memset(&decoded, 0xa5, sizeof(decoded));
	decoded.reason = decode_json(decoder, copy, n, decoded.out, OUT_MAX, &decoded.count,
				     &decoded.batch, &decoded.failure);
	free(copy);
	sample_free(decoder);
	return &decoded;
}

static void refusals(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct decoded *d = decode(cases[i].body, strlen(cases[i].body));

		if (d->reason != cases[i].reason || d->failure.reason != cases[i].reason ||
		    strcmp(d->failure.place, cases[i].place) != 0)
			fail_msg("%s\n  gave %s at \"%s\" (%s)\n  not  %s at \"%s\"", cases[i].body,
				 reason_row_of(d->reason)->name, d->failure.place,
				 d->failure.detail, reason_row_of(cases[i].reason)->name,
				 cases[i].place);
		assert_true(strlen(d->failure.detail) > 0);
		assert_null(strstr(d->failure.detail, "1111"));
	}
}

static void everything(void **state)
{
	static const char body[] =
		"{\"id\":\"p-1\",\"time\":\"2026-07-01T12:00:00.5+02:00\","
		"\"amount\":{\"currency\":\"KWD\",\"value\":\"12.34\"},\"card\":\"tok_91\","
		"\"channel\":\"card_not_present\","
		"\"merchant\":{\"id\":\"m-9\",\"category\":\"5411\",\"country\":\"DE\"},"
		"\"terminal\":\"t-3\",\"device\":\"d-5\",\"payee\":\"acc-9\",\"deadline_us\":"
		"60000000,"
		"\"parties\":[{\"role\":\"beneficiary\",\"name\":"
		"\"Ad\\u00e9\","
		"\"country\":\"FR\",\"identifiers\":[{\"scheme\":\"IBAN\",\"value\":\"FR14\"}]}],"
		"\"features\":{\"feature_4\":0.1,\"feature_1\":-0.0,\"feature_2\":1e-60,"
		"\"feature_5\":18446744073709551616}}";
	const struct decoded     *d = decode(body, sizeof(body) - 1);
	const struct transaction *t = &d->out[0];
	uint32_t                  missing;

	assert_int_equal(d->reason, REASON_NONE);
	assert_int_equal(d->count, 1);
	assert_false(d->batch);
	assert_int_equal(t->id.size_bytes, 3);
	assert_memory_equal(t->id.data, "p-1\0\0", 5);
	assert_int_equal(t->time_ns, 1782900000500000000);
	assert_int_equal(t->amount_minor, 12340);
	assert_memory_equal(t->currency, "KWD", 3);
	assert_int_equal(t->currency_exponent, 3);
	assert_int_equal(t->channel, CHANNEL_CARD_NOT_PRESENT);
	assert_memory_equal(t->card.data, "tok_91", 7);
	assert_int_equal(t->account.size_bytes, 0);
	assert_memory_equal(t->merchant.data, "m-9", 4);
	assert_memory_equal(t->merchant_category, "5411", 4);
	assert_memory_equal(t->merchant_country, "DE", 2);
	assert_memory_equal(t->terminal.data, "t-3", 4);
	assert_memory_equal(t->device.data, "d-5", 4);
	assert_memory_equal(t->payee.data, "acc-9", 6);
	assert_int_equal(t->deadline_us, 60000000);
	assert_int_equal(t->parties_count, 1);
	assert_int_equal(t->parties[0].role, PARTY_BENEFICIARY);
	assert_memory_equal(t->parties[0].name.data, "Adé", 5);
	assert_memory_equal(t->parties[0].country, "FR", 2);
	assert_int_equal(t->parties[0].identifiers_count, 1);
	assert_memory_equal(t->parties[0].identifiers[0].scheme.data, "IBAN", 5);
	assert_memory_equal(t->parties[0].identifiers[0].value.data, "FR14", 5);
	assert_int_equal(t->features_count, 8);
	memcpy(&missing, &t->features[0], sizeof(missing));
	assert_int_equal(missing, 0x7fc00000);
	assert_true(t->features[4] == 0.1f);
	assert_true(t->features[1] == 0 && !signbit(t->features[1]));
	assert_true(t->features[2] == 0);
	assert_true(t->features[5] == 18446744073709551616.0f);
	memcpy(&missing, &t->features[8], sizeof(missing));
	assert_int_equal(missing, 0); /* beyond the schema */
}

/* What stands between is taken: tokens near a card number, and texts at their bounds. */
static void accepted(void **state)
{
	static const char *const bodies[] = {
		GOOD,
		" \r\n\t" GOOD "\n",
		"{\"transactions\":[" GOOD "]}",
		"{\"transactions\":[" GOOD "," GOOD "," GOOD "," GOOD "]}",
		CARD("\"4111111111111112\""),     /* no Luhn */
		CARD("\"411111111111\""),         /* 12 digits */
		CARD("\"tok_4111111111111111\""), /* more than digits */
		CARD("\"00000000000000000000\""), /* 20 digits */
		WITH("\"payee\":\"DE89370400440532013000\""),
		WITH("\"deadline_us\":1"),
		NAMED("\"" X64 "\""),
		NAMED("\"\\ud83d\\ude00 \\\" \\\\ \\/ \\u00e9\""),
		WITH("\"parties\":[]"),
		WITH("\"features\":{}"),
		WITH("\"features\":{\"feature_0\":3.4028235e38}"),
		WITH("\"features\":{\"f/3~\\\"with\\\\quotes\":1}"),
		PAY("{\"value\":\"9999999999999.99\",\"currency\":\"EUR\"}"),
		PAY("{\"value\":\"0\",\"currency\":\"EUR\"}"),
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const struct decoded *d = decode(bodies[i], strlen(bodies[i]));

		if (d->reason != REASON_NONE)
			fail_msg("%s\n  gave %s at \"%s\" (%s)", bodies[i],
				 reason_row_of(d->reason)->name, d->failure.place,
				 d->failure.detail);
	}
	assert_true(decode(bodies[2], strlen(bodies[2]))->batch);
	assert_int_equal(decode(bodies[3], strlen(bodies[3]))->count, 4);
}

/* Every prefix of a body, and the body with every byte in turn replaced: refused
 * or read, never an internal limit. */
static void damaged(void **state)
{
	static const char body[] = CARD("\"t\\u00e9\",\"features\":{\"feature_0\":-1.5e3}");
	char              copy[sizeof(body)];

	for (size_t n = 0; n < sizeof(body) - 1; n++) /* a text left open, too */
		assert_int_equal(decode(body, n)->reason, REASON_json_malformed);
	for (size_t i = 0; i < sizeof(body) - 1; i++)
		for (int c = 0; c < 256; c++) {
			memcpy(copy, body, sizeof(body));
			copy[i] = (char)c;
			assert_int_not_equal(decode(copy, sizeof(body) - 1)->reason,
					     REASON_internal);
		}
}

static void too_long(void **state)
{
	struct decoder *decoder                         = sample_decoder(16, 1);
	uint8_t         body[32 + DECODE_PADDING_BYTES] = "                 ";
	struct decoded  d;

	assert_int_equal(decode_json(decoder, body, 17, d.out, 1, &d.count, &d.batch, &d.failure),
			 REASON_http_too_long);
	assert_int_equal(decode_json(decoder, body, 16, d.out, 1, &d.count, &d.batch, &d.failure),
			 REASON_json_malformed);
	sample_free(decoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals), cmocka_unit_test(everything),
		cmocka_unit_test(accepted), cmocka_unit_test(damaged),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
