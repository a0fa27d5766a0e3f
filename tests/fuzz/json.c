/* Any body: it is refused with a known row and a bounded pointer, or it gives
 * transactions that survive being written and read again, byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "runtime/decode/decode.h"
#include "runtime/reply/reply.h"
#include "tests/lib/transaction_json.h"

#define BODY_BYTES_MAX 65536
#define BATCH_MAX      8
#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static const struct feature_schema schema = { .count = 3,
					      .names = { "amount_mean_7d", "a/b~c", "n" } };

static struct decoder *new_decoder(size_t body_bytes_max)
{
	struct decode_limits limits = { .body_bytes_max = body_bytes_max, .batch_max = BATCH_MAX };
	struct decoder *decoder     = decode_init(aligned_alloc(64, decode_size(&limits)), &limits);

	decode_schema(decoder, &schema);
	return decoder;
}

/* The body in memory of just its size, so that a read behind it is found. */
static enum reason decode_copy(struct decoder *decoder, const void *body, size_t n,
			       struct transaction *out, size_t *count, struct failure *failure)
{
	uint8_t    *copy = malloc(n + DECODE_PADDING_BYTES);
	bool        batch;
	enum reason reason;

	memcpy(copy + n, "\"}]}", DECODE_PADDING_BYTES); /* what would end an open body */
	if (n > 0)
		memcpy(copy, body, n);
	memset(failure, 0xa5, sizeof(*failure));
	reason = decode_json(decoder, copy, n, out, BATCH_MAX, count, &batch, failure);
	free(copy);
	return reason;
}

static void check_failure(const struct failure *failure, enum reason reason)
{
	MUST(failure->reason == reason && reason != REASON_internal);
	MUST(reason_row_of(reason)->action == REASON_REPLY);
	MUST(memchr(failure->place, '\0', sizeof(failure->place)) != NULL);
	MUST(memchr(failure->detail, '\0', sizeof(failure->detail)) != NULL);
	MUST(failure->place[0] == '\0' || failure->place[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct transaction out[BATCH_MAX], again;
	static char               text[TRANSACTION_JSON_BYTES_MAX];
	static struct decoder    *second;
	struct failure            failure;
	size_t                    count, one;

	if (n > BODY_BYTES_MAX)
		return 0;
	if (second == NULL)
		second = new_decoder(TRANSACTION_JSON_BYTES_MAX);
	/* Just as large as this body needs: the bound of the pool is tried each time. */
	struct decoder *decoder = new_decoder(n == 0 ? 1 : n);
	enum reason     reason  = decode_copy(decoder, data, n, out, &count, &failure);

	if (reason != REASON_NONE)
		check_failure(&failure, reason);
	for (size_t i = 0; reason == REASON_NONE && i < count; i++) {
		size_t size = transaction_json(text, sizeof(text), &out[i], &schema);

		MUST(decode_copy(second, text, size, &again, &one, &failure) == REASON_NONE);
		MUST(one == 1 && memcmp(&again, &out[i], sizeof(again)) == 0);
	}
	free(decoder);
	return 0;
}
