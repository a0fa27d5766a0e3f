/* More half-open connections than tcp.syn_backlog: the SYNs that lwIP drops without a word
 * are counted, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/tcp/tcp.h"
#include "runtime/base/frame.h"

#define BACKLOG   16
#define PORT      8443
#define START_NS  UINT64_C(1000000000)
#define FRAME_MAX 2048

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, gateway[6] = { 2, 0, 0, 0, 0, 2 };

static bool take(void *ctx, struct frame *frame)
{
	(void)ctx;
	*frame            = (struct frame){ .data = calloc(1, FRAME_MAX) };
	frame->owner      = frame->data;
	frame->size_bytes = FRAME_MAX;
	return true;
}

static void give(void *ctx, struct frame *frame)
{
	(void)ctx;
	free(frame->owner);
}

static void put(const uint8_t *bytes, size_t size)
{
	struct frame frame = { .data = malloc(FRAME_MAX) };

	assert_non_null(frame.data);
	memcpy(frame.data, bytes, size);
	frame.owner      = frame.data;
	frame.size_bytes = (uint16_t)size;
	tcp_frame_input(&frame, START_NS);
}

/* The gateway asks for us, so that answers have a way. */
static void put_arp(void)
{
	static const uint8_t head[]    = { 0, 1, 8, 0, 6, 4, 0, 1 };
	uint8_t              frame[60] = { 0 };

	memset(frame, 0xff, 6);
	memcpy(frame + 6, gateway, 6);
	frame[12] = 8, frame[13] = 6;
	memcpy(frame + 14, head, sizeof(head));
	memcpy(frame + 22, gateway, 6);
	memcpy(frame + 28, (uint8_t[]){ 10, 0, 0, 254 }, 4);
	memcpy(frame + 38, (uint8_t[]){ 10, 0, 0, 1 }, 4);
	put(frame, sizeof(frame));
}

static uint16_t checksum(const uint8_t *at, size_t size, uint32_t sum)
{
	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_syn(uint8_t host, uint16_t to_port)
{
	uint8_t  frame[54] = { 0 };
	uint8_t *ip = frame + 14, *tcp = ip + 20;

	memcpy(frame, mac, 6);
	memcpy(frame + 6, gateway, 6);
	frame[12] = 8;
	ip[0] = 0x45, ip[3] = 40, ip[8] = 64, ip[9] = 6;
	memcpy(ip + 12, (uint8_t[]){ 172, 16, 0, host }, 4);
	memcpy(ip + 16, (uint8_t[]){ 10, 0, 0, 1 }, 4);
	put16(ip + 10, (uint16_t)~checksum(ip, 20, 0));
	put16(tcp, 10000u + host);
	put16(tcp + 2, to_port);
	tcp[12] = 0x50, tcp[13] = 2;
	put16(tcp + 14, 0xffff);
	put16(tcp + 16, (uint16_t)~checksum(tcp, 20, checksum(ip + 12, 8, 6 + 20)));
	put(frame, sizeof(frame));
}

static void test_a_full_backlog_is_counted(void **state)
{
	struct tcp_options options = {
		.port = PORT, .addresses_count = 1, .connections_max = 64, .syn_backlog = BACKLOG
	};
	struct frame_sink sink = { .take = take, .send = give, .drop = give };
	char              error[TCP_ERROR_BYTES];
	size_t            size;
	void             *memory;

	(void)state;
	memcpy(options.mac, mac, sizeof(mac));
	options.addresses[0] = (struct tcp_address){ 4, 24, { 10, 0, 0, 1 } };
	options.gateway4     = (struct tcp_address){ 4, 0, { 10, 0, 0, 254 } };
	size                 = (tcp_size_bytes(&options) + 63) & ~(size_t)63;
	memory               = aligned_alloc(64, size);
	assert_non_null(memory);
	memset(memory, 0, size);
	assert_true(tcp_start(&options, memory, &sink, START_NS, error));
	put_arp();
	for (uint8_t host = 0; host < BACKLOG; host++)
		put_syn(host, PORT);
	put_syn(3, PORT);      /* again: it has its place */
	put_syn(99, PORT + 1); /* nobody listens there */
	assert_int_equal(tcp_stats()->dropped_backlog, 0);
	put_syn(100, PORT);
	put_syn(101, PORT);
	assert_int_equal(tcp_stats()->dropped_backlog, 2);
	put_syn(3, PORT);
	assert_int_equal(tcp_stats()->dropped_backlog, 2);
	tcp_stop();
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_full_backlog_is_counted) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
