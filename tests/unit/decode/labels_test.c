/* runtime/decode: the bodies of /v1/labels and /v1/lists: what is taken, and one
 * case a way each can be wrong, with the row and the JSON pointer it gets. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/decode/decode.h"
#include "tests/lib/sample.h"

#define OUT_MAX 3
#define X46     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X64     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X128    X64 X64
#define X256    X128 X128

#define LABEL   "{\"id\":\"p-1\",\"label\":\"fraud\"}"
#define MARK(x) "{\"id\":\"p-1\",\"label\":" x "}"
#define ID(x)   "{\"label\":\"none\",\"id\":" x "}"
#define BY(x)   "{\"id\":\"p-1\",\"label\":\"fraud\",\"caller\":" x "}"
#define EDIT    "{\"list\":\"l\",\"value\":\"v\"}"
#define PUT(x)  "{\"list\":\"l\",\"value\":\"v\"," x "}"

struct refusal {
	const char *body;
	enum reason reason;
	const char *place;
};

static const struct refusal bad_labels[] = {
	{ "", REASON_json_malformed, "" },
	{ "[]", REASON_field_type, "" },
	{ "{}", REASON_field_missing, "/id" },
	{ "{\"id\":\"p\"}", REASON_field_missing, "/label" },
	{ "{\"label\":\"fraud\"}", REASON_field_missing, "/id" },
	{ MARK("\"Fraud\""), REASON_field_range, "/label" },
	{ MARK("\"\""), REASON_field_range, "/label" },
	{ MARK("1"), REASON_field_type, "/label" },
	{ MARK("null"), REASON_field_type, "/label" },
	{ ID("7"), REASON_field_type, "/id" },
	{ ID("\"\""), REASON_field_range, "/id" },
	{ ID("\"x" X64 "\""), REASON_field_range, "/id" },
	{ ID("\"a\\u0000\""), REASON_field_format, "/id" },
	{ BY("\"\""), REASON_field_range, "/caller" },
	{ BY("\"x" X256 "\""), REASON_field_range, "/caller" },
	{ BY("null"), REASON_field_type, "/caller" },
	{ BY("\"a\",\"caller\":\"a\""), REASON_field_repeated, "/caller" },
	{ BY("\"a\",\"note\":\"a\""), REASON_field_unknown, "/note" },
	{ "{\"labels\":[]}", REASON_batch_empty, "/labels" },
	{ "{\"labels\":" LABEL "}", REASON_field_type, "/labels" },
	{ "{\"labels\":[" LABEL "],\"id\":\"p\"}", REASON_field_unknown, "/id" },
	{ "{\"labels\":[" LABEL "," MARK("true") "]}", REASON_field_type, "/labels/1/label" },
	{ "{\"labels\":[" LABEL "," LABEL "," LABEL "," LABEL "]}", REASON_batch_too_large,
	  "/labels" },
	{ "{\"transactions\":[" LABEL "]}", REASON_field_unknown, "/transactions" },
	{ "{\"labels\":[[[[[[[[]]]]]]]]}", REASON_json_depth, "" },
};

static const struct refusal bad_edits[] = {
	{ "{}", REASON_field_missing, "/list" },
	{ "{\"list\":\"l\"}", REASON_field_missing, "/value" },
	{ "{\"list\":\"\",\"value\":\"v\"}", REASON_field_range, "/list" },
	{ "{\"list\":\"x" X46 "\",\"value\":\"v\"}", REASON_field_range, "/list" },
	{ "{\"list\":\"l\",\"value\":\"xxxxxxxxxxxxx" X128 "\"}", REASON_field_range, "/value" },
	{ "{\"list\":\"l\",\"value\":\"\\u001f\"}", REASON_field_format, "/value" },
	{ "{\"list\":\"l\",\"value\":\"4111 1111 1111 1111\"}", REASON_field_format, "/value" },
	{ "{\"list\":\"l\",\"value\":7}", REASON_field_type, "/value" },
	{ PUT("\"expires\":1"), REASON_field_type, "/expires" },
	{ PUT("\"expires\":\"2026-12-01\""), REASON_field_format, "/expires" },
	{ PUT("\"expires\":\"1969-12-01T00:00:00Z\""), REASON_field_range, "/expires" },
	{ PUT("\"remove\":1"), REASON_field_type, "/remove" },
	{ PUT("\"remove\":true,\"expires\":\"2026-12-01T00:00:00Z\""), REASON_field_format,
	  "/expires" },
	{ PUT("\"add\":true"), REASON_field_unknown, "/add" },
	{ "{\"edits\":[]}", REASON_batch_empty, "/edits" },
	{ "{\"edits\":[" EDIT "," PUT("\"remove\":null") "]}", REASON_field_type,
	  "/edits/1/remove" },
	{ "{\"edits\":[" EDIT "," EDIT "," EDIT "," EDIT "]}", REASON_batch_too_large, "/edits" },
	{ "{\"labels\":[" EDIT "]}", REASON_field_unknown, "/labels" },
};

struct decoded {
	enum reason      reason;
	size_t           count;
	bool             batch;
	struct failure   failure;
	struct label     labels[OUT_MAX];
	struct list_edit edits[OUT_MAX];
};

static bool is_of_tokens(const void *ctx, struct bytes list)
{
	assert_null(ctx);
	return !bytes_equal(list, bytes_of("accounts", 8));
}

/* The body in memory of just its size, with what would close it behind it. */
static struct decoded *decode(const char *body, bool edits)
{
	static struct decoded d;
	size_t                n       = strlen(body);
	struct decoder       *decoder = sample_decoder(n == 0 ? 1 : n, 100);
	struct decode_lists   lists   = { is_of_tokens, NULL };
	uint8_t              *copy    = malloc(n + DECODE_PADDING_BYTES);

	memcpy(copy, body, n);
	memcpy(copy + n, "\"}]}", DECODE_PADDING_BYTES);
	memset(&d, 0xa5, sizeof(d));
	decode_lists(decoder, &lists);
	d.reason = edits ? decode_list_edits(decoder, copy, n, d.edits, OUT_MAX, &d.count, &d.batch,
					     &d.failure)
			 : decode_labels(decoder, copy, n, d.labels, OUT_MAX, &d.count, &d.batch,
					 &d.failure);
	free(copy);
	sample_free(decoder);
	return &d;
}

static void assert_refused(const struct refusal *refusal, bool edits)
{
	const struct decoded *d = decode(refusal->body, edits);

	if (d->reason != refusal->reason || d->failure.reason != refusal->reason ||
	    strcmp(d->failure.place, refusal->place) != 0)
		fail_msg("%s\n  gave %s at \"%s\" (%s)\n  not  %s at \"%s\"", refusal->body,
			 reason_row_of(d->reason)->name, d->failure.place, d->failure.detail,
			 reason_row_of(refusal->reason)->name, refusal->place);
	assert_true(strlen(d->failure.detail) > 0);
}

static void refusals(void **state)
{
	for (size_t i = 0; i < sizeof(bad_labels) / sizeof(bad_labels[0]); i++)
		assert_refused(&bad_labels[i], false);
	for (size_t i = 0; i < sizeof(bad_edits) / sizeof(bad_edits[0]); i++)
		assert_refused(&bad_edits[i], true);
}

/* A card number is refused where a card's token belongs; an account's digits are its own. */
static void card_numbers(void **state)
{
	static const struct refusal refused = {
		"{\"value\":\"4111 1111 1111 1111\",\"list\":\"cards\"}", REASON_field_format,
		"/value"
	};

	assert_refused(&refused, true);
	assert_int_equal(
		decode("{\"value\":\"4111111111111111\",\"list\":\"accounts\"}", true)->reason,
		REASON_NONE);
}

static void labels(void **state)
{
	static const char *const words[LABEL_KIND_COUNT] = { "none", "fraud", "genuine", "released",
							     "rejected" };
	static const uint8_t     zero[sizeof(struct label)];
	const struct decoded    *d;
	char                     body[100];

	for (int kind = 0; kind < LABEL_KIND_COUNT; kind++) {
		snprintf(body, sizeof(body), "{\"id\":\"p-1\",\"label\":\"%s\"}", words[kind]);
		d = decode(body, false);
		assert_int_equal(d->reason, REASON_NONE);
		assert_int_equal(d->count, 1);
		assert_false(d->batch);
		assert_int_equal(d->labels[0].kind, kind);
		assert_int_equal(d->labels[0].id.size_bytes, 3);
		assert_memory_equal(d->labels[0].id.data, "p-1\0", 4);
		assert_memory_equal(&d->labels[0].caller, zero, sizeof(d->labels[0].caller));
	}
	d = decode("{\"labels\":[" LABEL "," BY("\"" X256 "\"") "]}", false);
	assert_int_equal(d->reason, REASON_NONE);
	assert_int_equal(d->count, 2);
	assert_true(d->batch);
	assert_int_equal(d->labels[1].caller.size_bytes, 256);
}

static void edits(void **state)
{
	const struct decoded *d = decode(PUT("\"expires\":\"2026-12-01T00:00:00Z\""), true);

	assert_int_equal(d->reason, REASON_NONE);
	assert_false(d->batch);
	assert_false(d->edits[0].remove);
	assert_int_equal(d->edits[0].expires_ns, INT64_C(1796083200000000000));
	assert_memory_equal(d->edits[0].list.data, "l\0", 2);
	assert_memory_equal(d->edits[0].value.data, "v\0", 2);
	d = decode("{\"edits\":[" EDIT "," PUT("\"remove\":true") "," PUT("\"remove\":false") "]}",
		   true);
	assert_int_equal(d->reason, REASON_NONE);
	assert_int_equal(d->count, 3);
	assert_true(d->batch);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(d->edits[i].remove, i == 1);
		assert_int_equal(d->edits[i].expires_ns, INT64_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),
		cmocka_unit_test(labels),
		cmocka_unit_test(card_numbers),
		cmocka_unit_test(edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
