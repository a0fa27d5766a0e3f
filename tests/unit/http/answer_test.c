/* Answers: heads and problems, byte for byte, and never beyond their memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/http/http.h"

static void test_head(void **state)
{
	static const char  expected[] = "HTTP/1.1 200 OK\r\n"
					"Content-Type: application/json\r\n"
					"Content-Length: 1234\r\n"
					"Connection: keep-alive\r\n"
					"Cache-Control: no-store\r\n"
					"X-A: b\r\n"
					"\r\n";
	struct http_answer answer     = { 200, "application/json", 1234, true, "X-A: b\r\n" };
	uint8_t            out[HTTP_HEAD_BYTES_MAX];
	size_t             size = http_write_head(out, sizeof(out), &answer);

	assert_int_equal(size, sizeof(expected) - 1);
	assert_memory_equal(out, expected, size);
	for (size_t capacity = 0; capacity < size; capacity++)
		assert_int_equal(http_write_head(out, capacity, &answer), 0);
	assert_int_equal(http_write_head(out, size, &answer), size);
}

static void test_problem(void **state)
{
	static const char body[]  = "{\"type\":\"urn:assay:problem:http_method\",\"title\":\"this "
				    "path does not take that "
				    "method\",\"status\":405,\"detail\":\"say \\\"no\\\" \\\\ "
				    "\\u000a\\ufffd\",\"place\":\"/amount\","
				    "\"offset\":7}\n";
	struct failure    failure = { .reason = REASON_http_method, .offset_bytes = 7 };
	char              out[HTTP_PROBLEM_BYTES_MAX + HTTP_HEAD_BYTES_MAX + 1];
	size_t            size;

	strcpy(failure.place, "/amount");
	strcpy(failure.detail, "say \"no\" \\ \n\xff");
	size      = http_write_problem((uint8_t *)out, sizeof(out) - 1, &failure, "POST", false);
	out[size] = '\0';
	assert_non_null(strstr(out, "HTTP/1.1 405 Method Not Allowed\r\n"));
	assert_non_null(strstr(out, "Content-Type: application/problem+json\r\n"));
	assert_non_null(strstr(out, "Allow: POST\r\n"));
	assert_non_null(strstr(out, "Connection: close\r\n"));
	assert_string_equal(strstr(out, "\r\n\r\n") + 4, body);
	for (size_t capacity = 0; capacity < size; capacity++)
		assert_int_equal(
			http_write_problem((uint8_t *)out, capacity, &failure, "POST", false), 0);
}

/* Every row fits with the longest texts in their longest spelling, and every
 * status a row can send has a phrase. */
static void test_every_row_fits(void **state)
{
	static uint8_t out[HTTP_PROBLEM_BYTES_MAX];

	for (int reason = 0; reason < REASON_COUNT_ALL; reason++) {
		struct failure           failure = { .reason       = (enum reason)reason,
						     .offset_bytes = UINT64_MAX };
		const struct reason_row *row     = reason_row_of(failure.reason);

		memset(failure.place, 1, sizeof(failure.place) - 1);
		memset(failure.detail, 1, sizeof(failure.detail) - 1);
		if (row->http == 0)
			continue;
		assert_string_not_equal(http_status_phrase(row->http), "Unknown");
		assert_true(http_write_problem(out, sizeof(out), &failure, "POST", true) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_problem),
		cmocka_unit_test(test_every_row_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
