/* runtime/decode: the pool of decode_size covers the hungriest bodies there are,
 * of every size up to 600 bytes and of some large ones.  What needs most is the
 * most values a byte: "[1,1,1", "[[[[" and objects of empty names. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <yyjson.h>
#include <cmocka.h>

#include "runtime/decode/decode.h"
#include "tests/lib/sample.h"

static const struct {
	const char *head, *repeat, *tail;
} shapes[] = {
	{ "[", "1,", "1]" },
	{ "[", "0,", "" },
	{ "[", "[],", "1]" },
	{ "[", "\"\",", "1]" },
	{ "[", "{},", "1]" },
	{ "{", "\"\":1,", "\"\":1}" },
	{ "{", "\"\":", "1}" },
	{ "{\"transactions\":[", "1,", "1]}" },
	{ "[[[[[[[", "1,", "" },
	{ "[[[[[[[", "1,", "1]]]]]]]" },
	{ "[", "[[[[[[]]]]]],", "1]" },
	{ "{\"transactions\":[", "\n1,", "1]}" },
	{ "", "[", "" },
	{ "", "{\"\":", "" },
	{ "", "\"", "" },
	{ "\"", "\\u0000", "\"" },
	{ "\"", "\xc3\xa9", "\"" },
	{ "", "1", "" },
	{ "", " ", "" },
};

static size_t fill(uint8_t *body, size_t n, size_t shape)
{
	const char *head = shapes[shape].head, *repeat = shapes[shape].repeat;
	const char *tail = shapes[shape].tail;
	size_t      size = strlen(head);

	if (size + strlen(tail) > n)
		return 0;
	memcpy(body, head, size);
	while (size + strlen(repeat) + strlen(tail) <= n) {
		memcpy(body + size, repeat, strlen(repeat));
		size += strlen(repeat);
	}
	memcpy(body + size, tail, strlen(tail));
	return size + strlen(tail);
}

static void try_size(size_t n)
{
	static struct transaction out[1];
	uint8_t                  *body    = malloc(n + DECODE_PADDING_BYTES);
	struct decoder           *decoder = sample_decoder(n, 1);
	struct failure            failure;
	size_t                    count;
	bool                      batch;

	for (size_t shape = 0; shape < sizeof(shapes) / sizeof(shapes[0]); shape++) {
		size_t size = fill(body, n, shape);

		if (decode_json(decoder, body, size, out, 1, &count, &batch, &failure) ==
		    REASON_internal)
			fail_msg("%zu bytes of \"%s\": %s", n, shapes[shape].repeat,
				 failure.detail);
	}
	sample_free(decoder);
	free(body);
}

/* Why the depth check comes first: yyjson alone does not keep its own promise for
 * brackets, in a pool of yyjson_read_max_memory_usage.  When a release of it does,
 * this test says so. */
static void brackets_without_the_check(void **state)
{
	size_t          n          = 1000;
	size_t          pool_bytes = yyjson_read_max_memory_usage(n, YYJSON_READ_INSITU);
	void           *pool       = malloc(pool_bytes);
	char           *body       = malloc(n + DECODE_PADDING_BYTES);
	yyjson_alc      alc;
	yyjson_read_err error;

	memset(body, '[', n);
	assert_true(yyjson_alc_pool_init(&alc, pool, pool_bytes));
	assert_null(yyjson_read_opts(body, n, YYJSON_READ_INSITU, &alc, &error));
	assert_int_equal(error.code, YYJSON_READ_ERROR_MEMORY_ALLOCATION);
	free(body);
	free(pool);
}

static void small_bodies(void **state)
{
	for (size_t n = 1; n <= 600; n++)
		try_size(n);
}

static void large_bodies(void **state)
{
	static const size_t sizes[] = { 4095, 4096, 65536, 65537, 100003, 1 << 20, 3000001 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		try_size(sizes[i]);
}

/* One decoder, one body after another: nothing is left over from the last. */
static void reuse(void **state)
{
	static struct transaction out[1];
	struct decoder           *decoder = sample_decoder(1000, 1);
	uint8_t                   body[1000 + DECODE_PADDING_BYTES];
	struct failure            failure;
	size_t                    count;
	bool                      batch;

	for (int i = 0; i < 10000; i++) {
		size_t size = fill(body, 1000, (size_t)i % (sizeof(shapes) / sizeof(shapes[0])));

		assert_int_not_equal(decode_json(decoder, body, size, out, 1, &count, &batch,
						 &failure),
				     REASON_internal);
	}
	sample_free(decoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_bodies),
		cmocka_unit_test(large_bodies),
		cmocka_unit_test(brackets_without_the_check),
		cmocka_unit_test(reuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
