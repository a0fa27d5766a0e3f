/* Streams no honest child sends: the parent believes none of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/check.h"

#include <cmocka.h>

#define DEFECT "x:1: parser: sent what it must not, must be a defect: report it"

static struct config       config;
static struct config_error error;
static uint8_t             memory[65536];
static struct stream       stream = { .data = memory, .capacity_bytes = sizeof(memory) };

static void put_text(const char *path, const char *text)
{
	stream_put(&stream, STREAM_TEXT, path, 3, text, strlen(text));
}

static void put_count(const char *path, int64_t value)
{
	stream_put(&stream, STREAM_INTEGER, path, 3, &value, sizeof(value));
}

/* A stream that is good so far: every required key, no END. */
static void start(void)
{
	stream.size_bytes = 0;
	stream_put(&stream, STREAM_GROUP, "nic", 1, NULL, 0);
	put_text("nic.device", "net_null0");
	stream_put(&stream, STREAM_GROUP, "net", 2, NULL, 0);
	stream_put(&stream, STREAM_LIST, "net.addresses", 2, NULL, 0);
	put_text("net.addresses[0]", "10.0.0.1/8");
}

static const char *first_error(void)
{
	struct errors errors;
	struct check  check = { .config = &config, .errors = &errors };

	errors_init(&errors, "x", &error);
	memset(&config, 0, sizeof(config));
	check_stream(&check, bytes_of(stream.data, stream.size_bytes));
	return error.count == 0 ? "" : error.lines[0];
}

static const char *first_error_of_whole(void)
{
	stream_put(&stream, STREAM_END, "", 0, NULL, 0);
	return first_error();
}

static void a_good_stream_is_good(void **state)
{
	(void)state;
	start();
	assert_string_equal(first_error_of_whole(), "");
	assert_int_equal(config.net.addresses_count, 1);
}

static void the_end_must_be_the_end(void **state)
{
	(void)state;
	start();
	assert_string_equal(first_error(), DEFECT);
	stream_put(&stream, STREAM_END, "", 0, NULL, 0);
	put_count("tcp.port", 1);
	assert_string_equal(first_error(), DEFECT);
	start();
	stream_put(&stream, STREAM_END, "", 0, NULL, 0);
	for (size_t cut = 1; cut < stream.size_bytes; cut++) {
		struct stream whole = stream;

		stream.size_bytes -= cut;
		assert_string_equal(first_error(), DEFECT);
		stream = whole;
	}
}

static void a_key_is_taken_once(void **state)
{
	(void)state;
	start();
	put_count("tcp.port", 1);
	put_count("tcp.port", 2);
	assert_string_equal(first_error_of_whole(),
			    "x:3: tcp.port: is set twice, must be set once");
	assert_int_equal(config.tcp.port, 1);
}

static void elements_come_in_order(void **state)
{
	static const char *const paths[] = {
		"net.addresses[0]",    "net.addresses[2]",      "net.addresses[4294967297]",
		"net.addresses[]",     "net.addresses[-1]",     "net.addresses[1",
		"callers[0].identity", "callers[256].identity", "callers[0].may[0]",
		"features[7]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		start();
		put_text(paths[i], "decide");
		assert_string_equal(first_error_of_whole(), DEFECT);
	}
}

static void records_are_sound(void **state)
{
	static const struct {
		uint8_t     type;
		const char *path;
		size_t      value_bytes;
	} bad[] = {
		{ 0, "name", 1 },
		{ STREAM_TYPE_COUNT, "name", 1 },
		{ STREAM_FLAG, "nic.promiscuous", 2 },
		{ STREAM_FLAG, "nic.promiscuous", 0 },
		{ STREAM_INTEGER, "tcp.port", 4 },
		{ STREAM_REAL, "decision.review_threshold", 4 },
		{ STREAM_GROUP, "tcp", 1 },
		{ STREAM_TEXT, "na me", 1 },
		{ STREAM_TEXT, "", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start();
		stream_put(&stream, bad[i].type, bad[i].path, 1, "\1\1\1\1", bad[i].value_bytes);
		assert_string_equal(first_error_of_whole(), DEFECT);
	}
	start();
	stream_put(&stream, STREAM_TEXT, "name", 1, "a\0b", 3);
	assert_string_equal(first_error_of_whole(), DEFECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_stream_is_good), cmocka_unit_test(the_end_must_be_the_end),
		cmocka_unit_test(a_key_is_taken_once),   cmocka_unit_test(elements_come_in_order),
		cmocka_unit_test(records_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
