/* Any body as labels and as edits of lists: it is refused with a known row and a
 * bounded pointer, or it gives structs inside their bounds whose unused bytes are
 * zero, and that are answered in the room there is. */
#include <stdlib.h>
#include <string.h>

#include "runtime/decode/decode.h"
#include "runtime/reply/reply.h"

#define BODY_BYTES_MAX 65536
#define BATCH_MAX      8
#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static struct label     labels[BATCH_MAX];
static struct list_edit edits[BATCH_MAX];
static char             text[REPLY_EDITS_BYTES_MAX(BATCH_MAX)];

static void check_failure(const struct failure *failure, enum reason reason)
{
	MUST(failure->reason == reason && reason != REASON_internal);
	MUST(reason_row_of(reason)->action == REASON_REPLY);
	MUST(memchr(failure->place, '\0', sizeof(failure->place)) != NULL);
	MUST(memchr(failure->detail, '\0', sizeof(failure->detail)) != NULL);
	MUST(failure->place[0] == '\0' || failure->place[0] == '/');
}

static void check_text(const char *data, size_t size_bytes, size_t capacity, size_t least)
{
	MUST(size_bytes >= least && size_bytes <= capacity);
	for (size_t i = size_bytes; i < capacity; i++)
		MUST(data[i] == '\0');
}

#define CHECK_TEXT(field, least) \
	check_text((field).data, (field).size_bytes, sizeof((field).data), least)

static void check_labels(size_t count)
{
	uint8_t outcomes[BATCH_MAX] = { LABEL_APPLIED, LABEL_UNKNOWN };

	MUST(count >= 1 && count <= BATCH_MAX);
	for (size_t i = 0; i < count; i++) {
		MUST(labels[i].kind < LABEL_KIND_COUNT);
		CHECK_TEXT(labels[i].id, 1);
		CHECK_TEXT(labels[i].caller, 0);
	}
	MUST(reply_labels(text, REPLY_LABELS_BYTES_MAX(count), labels, outcomes, count) > 0);
}

static void check_edits(size_t count)
{
	enum reason refused[BATCH_MAX] = { REASON_NONE, REASON_field_format };

	MUST(count >= 1 && count <= BATCH_MAX);
	for (size_t i = 0; i < count; i++) {
		MUST(!edits[i].remove || edits[i].expires_ns == INT64_MAX);
		MUST(edits[i].expires_ns >= 0);
		CHECK_TEXT(edits[i].list, 1);
		CHECK_TEXT(edits[i].value, 1);
	}
	MUST(reply_list_edits(text, sizeof(text), edits, refused, count) > 0);
}

/* The body in memory of just its size, so that a read behind it is found. */
static void try_body(struct decoder *decoder, const uint8_t *data, size_t n, bool as_edits)
{
	uint8_t       *body = malloc(n + DECODE_PADDING_BYTES);
	struct failure failure;
	enum reason    reason;
	size_t         count;
	bool           batch;

	memcpy(body + n, "\"}]}", DECODE_PADDING_BYTES); /* what would end an open body */
	if (n > 0)
		memcpy(body, data, n);
	memset(&failure, 0xa5, sizeof(failure));
	reason = as_edits ? decode_list_edits(decoder, body, n, edits, BATCH_MAX, &count, &batch,
					      &failure)
			  : decode_labels(decoder, body, n, labels, BATCH_MAX, &count, &batch,
					  &failure);
	if (reason != REASON_NONE)
		check_failure(&failure, reason);
	else if (as_edits)
		check_edits(count);
	else
		check_labels(count);
	free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* Just as large as this body needs: the bound of the pool is tried each time. */
	struct decode_limits limits = { .body_bytes_max = n == 0 ? 1 : n, .batch_max = BATCH_MAX };
	struct decoder      *decoder;

	if (n > BODY_BYTES_MAX)
		return 0;
	decoder = decode_init(aligned_alloc(64, decode_size(&limits)), &limits);
	try_body(decoder, data, n, false);
	try_body(decoder, data, n, true);
	free(decoder);
	return 0;
}
