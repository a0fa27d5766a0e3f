/* Any bytes as the snapshot of a shard's rows.  The first byte chooses: 0 behind a right
 * head and before a right digest, which no fuzzer finds; 1 as they are.  What is taken is
 * saved as the same bytes, and can be used. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/state/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFIX_BYTES 48 /* magic, version, shard, digest of the plan */
#define BYTES_MAX    (1 << 17)
#define STEPS        3
#define COLUMNS      2

struct buffer {
	size_t  size_bytes;
	uint8_t data[BYTES_MAX];
};

static struct history_plan plan;
static struct history     *history;
static struct buffer       input, saved;

static bool append(void *ctx, struct bytes piece)
{
	struct buffer *buffer = ctx;

	if (piece.size_bytes > BYTES_MAX - buffer->size_bytes)
		return false;
	memcpy(buffer->data + buffer->size_bytes, piece.data, piece.size_bytes);
	buffer->size_bytes += piece.size_bytes;
	return true;
}

static void open_history(void)
{
	char   error[300];
	size_t size;

	plan = (struct history_plan){ .steps        = STEPS,
				      .columns      = COLUMNS,
				      .names        = { "a", "b" },
				      .shards       = 1,
				      .memory_bytes = 12 << 10 };
	size = history_size(&plan, error, sizeof(error));
	if (size == 0) {
		fprintf(stderr, "%s\n", error);
		abort();
	}
	history = history_init(calloc(1, size), &plan);
}

static struct bytes signed_input(const uint8_t *data, size_t size)
{
	struct failure failure;
	struct digest  digest;

	input.size_bytes = 0;
	history_load(history, 0, bytes_of(NULL, 0), &failure);
	history_save(history, 0, append, &input);
	input.size_bytes = PREFIX_BYTES;
	append(&input, bytes_of(data, size));
	digest_init(&digest);
	digest_add(&digest, input.data, input.size_bytes);
	digest_end(&digest, input.data + input.size_bytes);
	return bytes_of(input.data, input.size_bytes + DIGEST_BYTES);
}

/* More accounts than there is room for, so that what was loaded has to leave. */
static void use(void)
{
	struct history_facts    facts;
	struct history_counters counters;

	history_facts(history, &facts);
	for (uint64_t i = 0; i < 3 * facts.entries_max; i++) {
		struct hash128 key = { i * 7 % 251 + 1, i };
		float         *row = history_add(history, 0, key);

		row[0] = (float)i;
		row[1] = -row[0];
		if (history_window(history, 0)[(STEPS - 1) * COLUMNS] != (float)i)
			abort();
	}
	history_counters(history, 0, &counters);
	if (counters.entries != facts.entries_max || counters.rows != facts.entries_max)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure failure = { 0 };
	struct bytes   in;

	if (history == NULL)
		open_history();
	if (size == 0 || size > BYTES_MAX / 2)
		return 0;
	in = data[0] % 2 == 0 ? signed_input(data + 1, size - 1) : bytes_of(data + 1, size - 1);
	if (!history_load(history, 0, in, &failure)) {
		if (failure.detail[0] == '\0')
			abort();
		return 0;
	}
	saved.size_bytes = 0;
	if (!history_save(history, 0, append, &saved) || saved.size_bytes != in.size_bytes ||
	    memcmp(saved.data, in.data, in.size_bytes) != 0)
		abort();
	use();
	return 0;
}
