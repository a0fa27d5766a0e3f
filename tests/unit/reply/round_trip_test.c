/* A transaction written by runtime/reply and read by runtime/decode is the same
 * struct, byte for byte; what is read and written again is the same text. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/decode/decode.h"
#include "runtime/reply/reply.h"
#include "tests/lib/sample.h"
#include "tests/lib/transaction_json.h"

#define ROUNDS 3000

static void round_trip(void **state)
{
	static const uint16_t        counts[] = { 0, 1, 17, TRANSACTION_FEATURES_MAX };
	static struct feature_schema schema;
	static struct transaction    t, again;
	static char                  text[TRANSACTION_JSON_BYTES_MAX + DECODE_PADDING_BYTES];
	static char                  copy[TRANSACTION_JSON_BYTES_MAX];
	struct decoder              *decoder = sample_decoder(TRANSACTION_JSON_BYTES_MAX, 1);

	for (uint64_t round = 0; round < ROUNDS; round++) {
		uint64_t       seed = round;
		struct failure failure;
		size_t         count;
		bool           batch;

		sample_schema(&schema, counts[round % 4]);
		decode_schema(decoder, &schema);
		sample_transaction(&seed, &schema, &t);
		size_t n = transaction_json(text, TRANSACTION_JSON_BYTES_MAX, &t, &schema);

		memcpy(copy, text, n);
		if (decode_json(decoder, (uint8_t *)text, n, &again, 1, &count, &batch, &failure))
			fail_msg("seed %llu: %s at %s (%s) in %.*s", (unsigned long long)round,
				 reason_row_of(failure.reason)->name, failure.place, failure.detail,
				 (int)n, copy);
		if (memcmp(&t, &again, sizeof(t)) != 0)
			fail_msg("seed %llu: not the same after %.*s", (unsigned long long)round,
				 (int)n, copy);
		assert_int_equal(
			transaction_json(text, TRANSACTION_JSON_BYTES_MAX, &again, &schema), n);
		assert_memory_equal(text, copy, n);
	}
	sample_free(decoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(round_trip) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
