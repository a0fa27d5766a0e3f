/* Whatever arrives on the wire: the fuzz bytes are frames, each after a two-byte
 * length, with time moving between them.  A leading bit makes the Ethernet and IP
 * part right, so that TCP's own code is reached; the checksums count as verified. */
#include <stdlib.h>
#include <string.h>

#include "drivers/tcp/tcp.h"

#define FRAME_ROOM 2048

static uint32_t last_sequence; /* of the last SYN-ACK we sent */

static bool take(void *ctx, struct frame *out)
{
	(void)ctx;
	out->owner = out->data = malloc(FRAME_ROOM);
	out->size_bytes        = FRAME_ROOM;
	return true;
}

static void drop(void *ctx, struct frame *frame)
{
	(void)ctx;
	free(frame->owner);
}

static void send_frame(void *ctx, struct frame *frame)
{
	if (frame->size_bytes >= 54 && frame->data[23] == 6 && (frame->data[47] & 2))
		memcpy(&last_sequence, frame->data + 38, 4);
	drop(ctx, frame);
}

static bool accepted(void *ctx, struct tcp_conn *conn)
{
	(void)ctx, (void)conn;
	return true;
}

static void readable(void *ctx, struct tcp_conn *conn)
{
	struct bytes in;
	uint8_t      first = 0;

	(void)ctx;
	while (tcp_conn_peek(conn, &in)) {
		first = in.data[0];
		tcp_conn_write(conn, in.data, in.size_bytes);
		tcp_conn_consume(conn, in.size_bytes);
	}
	if (first == 'c' || tcp_conn_ended(conn))
		tcp_conn_close(conn, 0);
	else if (first == 'a')
		tcp_conn_abort(conn);
}

static void writable(void *ctx, struct tcp_conn *conn)
{
	(void)ctx, (void)conn;
}

static void closed(void *ctx, struct tcp_conn *conn, enum reason reason)
{
	(void)ctx, (void)conn, (void)reason;
}

static const struct tcp_server_ops ops  = { accepted, readable, writable, closed };
static struct frame_sink           sink = { .take = take, .send = send_frame, .drop = drop };

static const struct tcp_options options = {
	.mac             = { 2, 0, 0, 0, 0, 1 },
	.port            = 443,
	.addresses_count = 2,
	.addresses       = { { .family = TCP_FAMILY_IPV4, .prefix = 24, .octets = { 10, 0, 0, 1 } },
			     { .family = TCP_FAMILY_IPV6, .prefix = 64, .octets = { 0xfd, [15] = 1 } } },
	.connections_max = 16,
	.send_segments_max = 64,
	.frames_held_max   = 64,
};

/* kind bit 0: right MAC and EtherType; bit 1: right IPv4 header for TCP to 443;
 * bit 2: the acknowledgement is of our last SYN-ACK; bits 4 to 7: time, in ticks. */
static void mend(uint8_t *data, size_t n, uint8_t kind)
{
	uint16_t total = (uint16_t)(n - 14);
	uint32_t ack;

	if (!(kind & 1) || n < 54)
		return;
	memcpy(data, options.mac, 6);
	if (!(kind & 2))
		return;
	memcpy(data + 6, (uint8_t[]){ 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0 }, 10);
	data[16] = (uint8_t)(total >> 8);
	data[17] = (uint8_t)total;
	memcpy(data + 20, (uint8_t[]){ 0, 0, 64, 6 }, 4);
	memcpy(data + 26, (uint8_t[]){ 10, 0, 0, 2, 10, 0, 0, 1 }, 8);
	memcpy(data + 36, (uint8_t[]){ 443 >> 8, 443 & 255 }, 2);
	if (!(kind & 4))
		return;
	ack = __builtin_bswap32(__builtin_bswap32(last_sequence) + 1);
	memcpy(data + 42, &ack, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *memory;
	char            error[TCP_ERROR_BYTES];
	uint64_t        now_ns       = 1000000000;
	size_t          memory_bytes = tcp_size_bytes(&options);

	if (!memory)
		memory = aligned_alloc(64, memory_bytes);
	memset(memory, 0, memory_bytes);
	last_sequence = 0;
	if (!tcp_start(&options, memory, &sink, now_ns, error))
		abort();
	tcp_serve(&ops, NULL);
	while (size >= 3) {
		size_t       n     = (size_t)(data[0] << 8 | data[1]) % 1515;
		uint8_t      kind  = data[2];
		struct frame frame = { .flags = FRAME_CHECKSUM_GOOD };

		data += 3;
		size -= 3;
		n           = n < size ? n : size;
		frame.owner = frame.data = malloc(n ? n : 1);
		memcpy(frame.data, data, n);
		frame.size_bytes = (uint16_t)n;
		mend(frame.data, n, kind);
		tcp_frame_input(&frame, now_ns);
		now_ns += (uint64_t)(kind >> 4) * TCP_TICK_NS;
		tcp_timers(now_ns);
		data += n;
		size -= n;
	}
	tcp_stop();
	return 0;
}
