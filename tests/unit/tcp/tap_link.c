#include "tests/unit/tcp/tap_link.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FRAME_ROOM 2048

static struct {
	struct tap_link  *link;
	int               fd;
	pthread_t         thread;
	_Atomic bool      stop;
	void             *memory;
	uint64_t          random;
	uint8_t           delayed[FRAME_ROOM]; /* a frame to the stack, held back once */
	size_t            delayed_bytes;
	struct frame_sink sink;
} tap;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool chance(uint32_t per_mille)
{
	tap.random ^= tap.random << 13;
	tap.random ^= tap.random >> 7;
	tap.random ^= tap.random << 17;
	return tap.random % 1000 < per_mille;
}

static bool sink_take(void *ctx, struct frame *out)
{
	(void)ctx;
	out->owner = out->data = malloc(FRAME_ROOM);
	out->size_bytes        = FRAME_ROOM;
	return true;
}

static void sink_drop(void *ctx, struct frame *frame)
{
	(void)ctx;
	free(frame->owner);
}

/* Removes our tag, if there is one: the kernel here may have no VLAN devices. */
static const uint8_t *untag(struct frame *frame)
{
	if (!tap.link->vlan)
		return frame->data;
	assert(frame->data[12] == 0x81 && frame->data[13] == 0);
	assert((frame->data[14] << 8 | frame->data[15]) == tap.link->vlan);
	memmove(frame->data + 4, frame->data, 12);
	frame->size_bytes -= 4;
	return frame->data + 4;
}

static void note_syn_ack(const uint8_t *data, size_t n)
{
	const uint8_t *tcp = data + 34;

	if (n >= 54 && data[12] == 8 && data[13] == 0 && data[23] == 6 && (tcp[13] & 0x12) == 0x12)
		tap.link->syn_ack_sequence = (uint32_t)tcp[4] << 24 | (uint32_t)tcp[5] << 16 |
					     (uint32_t)tcp[6] << 8 | tcp[7];
}

static void sink_send(void *ctx, struct frame *frame)
{
	uint32_t       lose = tap.link->lose_next_out_longer_than;
	const uint8_t *data = untag(frame);

	(void)ctx;
	note_syn_ack(data, frame->size_bytes);
	if (lose && frame->size_bytes > lose) {
		tap.link->lose_next_out_longer_than = 0;
		tap.link->lost++;
	} else if (chance(tap.link->loss_per_mille)) {
		tap.link->lost++;
	} else {
		(void)!write(tap.fd, data, frame->size_bytes);
		if (chance(tap.link->duplicate_per_mille)) {
			tap.link->duplicated++;
			(void)!write(tap.fd, data, frame->size_bytes);
		}
	}
	free(frame->owner);
}

static void to_stack(const uint8_t *data, size_t n)
{
	struct frame frame = { .data = malloc(n + 4) };
	uint64_t     before;

	frame.owner = frame.data;
	if (tap.link->vlan_sent) {
		memcpy(frame.data, data, 12);
		memcpy(frame.data + 12, (uint8_t[]){ 0x81, 0 }, 2);
		frame.data[14] = (uint8_t)(tap.link->vlan_sent >> 8);
		frame.data[15] = (uint8_t)tap.link->vlan_sent;
		memcpy(frame.data + 16, data + 12, n - 12);
		n += 4;
	} else {
		memcpy(frame.data, data, n);
	}
	frame.size_bytes = (uint16_t)n;
	before           = now_ns();
	tcp_frame_input(&frame, before);
	tap.link->input_ns += now_ns() - before;
	tap.link->inputs++;
}

static void from_kernel(const uint8_t *data, size_t n)
{
	if (chance(tap.link->loss_per_mille)) {
		tap.link->lost++;
		return;
	}
	if (!tap.delayed_bytes && chance(tap.link->reorder_per_mille)) {
		memcpy(tap.delayed, data, n);
		tap.delayed_bytes = n;
		tap.link->reordered++;
		return;
	}
	to_stack(data, n);
	if (chance(tap.link->duplicate_per_mille)) {
		tap.link->duplicated++;
		to_stack(data, n);
	}
	if (tap.delayed_bytes) {
		to_stack(tap.delayed, tap.delayed_bytes);
		tap.delayed_bytes = 0;
	}
}

/* ---- the server */

static void echo(struct tcp_conn *conn)
{
	struct bytes in;

	while (tcp_conn_peek(conn, &in)) {
		size_t n = tcp_conn_write(conn, in.data, in.size_bytes);

		tcp_conn_consume(conn, n);
		if (n < in.size_bytes)
			break;
	}
	tcp_conn_flush(conn);
	if (tcp_conn_ended(conn))
		tcp_conn_close(conn, now_ns());
}

static void flood(struct tcp_conn *conn)
{
	static const uint8_t zeros[4096];
	size_t               n;

	do {
		n = tcp_conn_write(conn, zeros, sizeof(zeros));
		tap.link->flooded += n;
	} while (n == sizeof(zeros));
	tcp_conn_flush(conn);
}

static void serve(struct tcp_conn *conn)
{
	switch (tap.link->serve) {
	case TAP_ECHO:
	case TAP_GREET: echo(conn); break;
	case TAP_FLOOD: flood(conn); break;
	case TAP_ALERT:
		tcp_conn_write(conn, "ALERT", 5);
		tcp_conn_close(conn, now_ns());
		break;
	case TAP_ABORT: tcp_conn_abort(conn); break;
	default:
		if (tcp_conn_ended(conn))
			tcp_conn_close(conn, now_ns());
	}
}

/* The connection that waits until the server serves again. */
static struct tcp_conn *stalled;

static bool accepted(void *ctx, struct tcp_conn *conn)
{
	(void)ctx;
	if (tap.link->serve == TAP_REFUSE)
		return false;
	if (tap.link->serve == TAP_STALL)
		stalled = conn;
	if (tap.link->serve == TAP_GREET) {
		tcp_conn_write(conn, "HELLO", 5);
		tcp_conn_flush(conn);
	}
	return true;
}

static void readable(void *ctx, struct tcp_conn *conn)
{
	(void)ctx;
	serve(conn);
}

static void writable(void *ctx, struct tcp_conn *conn)
{
	(void)ctx;
	if (tap.link->serve != TAP_STALL)
		serve(conn);
}

static void closed(void *ctx, struct tcp_conn *conn, enum reason reason)
{
	(void)ctx;
	(void)reason;
	if (stalled == conn)
		stalled = NULL;
}

static const struct tcp_server_ops ops = { accepted, readable, writable, closed };

static void dial(void)
{
	struct tcp_peer peer = { .address.family = TCP_FAMILY_IPV4, .port = tap.link->dial_port };

	tap.link->dial_port = 0;
	inet_pton(AF_INET, TAP_KERNEL4, peer.address.octets);
	assert(tcp_conn_open(&peer, NULL, now_ns()));
}

static void timers(void)
{
	uint64_t before = now_ns();

	tcp_timers(before);
	tap.link->timers_ns += now_ns() - before;
	tap.link->timers++;
}

static void *run(void *arg)
{
	uint8_t data[FRAME_ROOM];

	(void)arg;
	while (!tap.stop) {
		struct pollfd wait = { .fd = tap.fd, .events = POLLIN };

		poll(&wait, 1, 2);
		for (int i = 0; i < 64; i++) {
			ssize_t n = read(tap.fd, data, sizeof(data));

			if (n <= 0)
				break;
			from_kernel(data, (size_t)n);
		}
		if (tap.link->serve == TAP_ECHO && stalled) {
			struct tcp_conn *conn = stalled;

			stalled = NULL;
			echo(conn);
		}
		if (tap.link->dial_port)
			dial();
		timers();
	}
	return NULL;
}

static void stack_start(const struct tap_link *link)
{
	struct tcp_options options = {
		.mac             = { 2, 0, 0, 0, 0x77, 1 },
		.vlan            = link->vlan,
		.port            = TAP_PORT,
		.addresses_count = 2,
		.addresses       = { { .family = TCP_FAMILY_IPV4, .prefix = 24 },
				     { .family = TCP_FAMILY_IPV6, .prefix = 64 } },
		.connections_max = link->connections_max,
	};
	char   error[TCP_ERROR_BYTES];
	size_t size_bytes = tcp_size_bytes(&options);

	inet_pton(AF_INET, TAP_OUR_IP4, options.addresses[0].octets);
	inet_pton(AF_INET6, TAP_OUR_IP6, options.addresses[1].octets);
	memcpy(options.secret, &tap.random, sizeof(tap.random));
	tap.memory = aligned_alloc(64, size_bytes);
	memset(tap.memory, 0, size_bytes);
	tap.sink = (struct frame_sink){ .take = sink_take, .send = sink_send, .drop = sink_drop };
	if (!tcp_start(&options, tap.memory, &tap.sink, now_ns(), error)) {
		fprintf(stderr, "%s\n", error);
		abort();
	}
	tcp_serve(&ops, NULL);
}

const char *tap_link_open(struct tap_link *link, uint64_t seed)
{
	struct ifreq request = { .ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI };

	tap.link          = link;
	tap.random        = seed * 0x9e3779b97f4a7c15u + 1;
	tap.stop          = false;
	tap.delayed_bytes = 0;
	stalled           = NULL;
	if (unshare(CLONE_NEWNET) != 0)
		return "needs root for a network namespace";
	tap.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap.fd < 0 || ioctl(tap.fd, TUNSETIFF, &request) != 0)
		return "needs /dev/net/tun";
	if (system("ip link set lo up && ip addr add " TAP_KERNEL4 "/24 dev tap0 &&"
		   " ip addr add " TAP_KERNEL6 "/64 dev tap0 nodad && ip link set tap0 up"
		   " && sysctl -qw net.ipv4.ip_local_port_range='10000 65000'") != 0)
		return "cannot set up the TAP device";
	stack_start(link);
	pthread_create(&tap.thread, NULL, run, NULL);
	return NULL;
}

void tap_close(void)
{
	tap.stop = true;
	pthread_join(tap.thread, NULL);
	tcp_stop();
	close(tap.fd);
	free(tap.memory);
}
