/* Initial sequence numbers (RFC 6528) and the options' ranges: what needs no peer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/tcp/port/hooks.h"
#include "drivers/tcp/tcp.h"
#include "lwip/ip_addr.h"

static bool take(void *ctx, struct frame *out)
{
	(void)ctx, (void)out;
	return false;
}

static void give(void *ctx, struct frame *frame)
{
	(void)ctx, (void)frame;
}

static struct frame_sink        sink  = { .take = take, .send = give, .drop = give };
static const struct tcp_options plain = {
	.mac             = { 2, 0, 0, 0, 0, 1 },
	.port            = 443,
	.addresses_count = 1,
	.addresses = { { .family = TCP_FAMILY_IPV4, .prefix = 24, .octets = { 10, 0, 0, 1 } } },
	.connections_max = 4,
};

static void *start(const struct tcp_options *options, uint64_t now_ns)
{
	char  error[TCP_ERROR_BYTES];
	void *memory = aligned_alloc(64, tcp_size_bytes(options));

	memset(memory, 0, tcp_size_bytes(options));
	assert_true(tcp_start(options, memory, &sink, now_ns, error));
	return memory;
}

static uint32_t isn(uint8_t secret, uint64_t now_ns, uint8_t host, uint16_t port)
{
	struct tcp_options options = plain;
	ip_addr_t          local, remote;
	uint32_t           number;
	void              *memory;

	IP_ADDR4(&local, 10, 0, 0, 1);
	IP_ADDR4(&remote, 10, 0, 0, host);
	memset(options.secret, secret, sizeof(options.secret));
	memory = start(&options, now_ns);
	number = tcp_hook_isn(&local, 443, &remote, port);
	tcp_stop();
	free(memory);
	return number;
}

/* RFC 6528 3: for one pair the number moves with the 4 us timer and nothing else. */
static void test_one_pair_moves_with_the_timer(void **state)
{
	uint32_t first = isn(1, 1000000000, 2, 5000);

	(void)state;
	assert_int_equal(isn(1, 1000000000, 2, 5000), first);
	assert_int_equal(isn(1, 1000004000, 2, 5000), first + 1);
	assert_int_equal(isn(1, 2000000000, 2, 5000), first + 250000);
}

static void test_pairs_and_secrets_tell_nothing(void **state)
{
	uint32_t seen[300];

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		seen[i]       = isn(1, 0, 2, (uint16_t)(5000 + i));
		seen[100 + i] = isn(1, 0, (uint8_t)(3 + i), 5000);
		seen[200 + i] = isn((uint8_t)(2 + i), 0, 2, 5000);
	}
	for (int i = 0; i < 300; i++)
		for (int j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
}

static void refused(struct tcp_options options, const char *word)
{
	char error[TCP_ERROR_BYTES] = "";

	assert_int_equal(tcp_size_bytes(&options), 0);
	assert_false(tcp_start(&options, NULL, &sink, 0, error));
	assert_non_null(strstr(error, word));
}

static void test_options_out_of_range(void **state)
{
	struct tcp_options o;

	(void)state;
#define REFUSED(field, value, word) o = plain, o.field = (value), refused(o, word)
	REFUSED(mtu, 500, "mtu is 500; allowed are 576 to 9000");
	REFUSED(vlan, 4095, "vlan is 4095");
	REFUSED(connections_max, TCP_CONNECTIONS_LIMIT + 1, "connections_max");
	REFUSED(receive_window_bytes, 1024, "receive_window_bytes");
	REFUSED(syn_backlog, 256, "syn_backlog");
	REFUSED(addresses_count, 0, "addresses");
	REFUSED(addresses_count, 9, "addresses");
	REFUSED(addresses[0].family, 5, "family 5");
	REFUSED(addresses[0].prefix, 33, "prefix /33");
	o                 = plain;
	o.addresses_count = 2;
	o.addresses[1]    = o.addresses[0];
	refused(o, "second IPv4");
	o.addresses[1].family = TCP_FAMILY_IPV6;
	refused(o, "prefix /24");
	o.addresses[1].prefix = 64;
	o.mtu                 = 1000;
	refused(o, "IPv6 needs 1280");
}

static void test_memory_of_the_default_options(void **state)
{
	struct tcp_options options = plain;

	(void)state;
	options.connections_max = 0;
	print_message("# default options (4096 connections): %zu bytes\n",
		      tcp_size_bytes(&options));
	assert_in_range(tcp_size_bytes(&options), 1 << 20, 64 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_pair_moves_with_the_timer),
		cmocka_unit_test(test_pairs_and_secrets_tell_nothing),
		cmocka_unit_test(test_options_out_of_range),
		cmocka_unit_test(test_memory_of_the_default_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
