/* A bad piece of cable, for kernels without netem: carries every frame that
 * arrives at one interface out of the other, and from a seed loses some, sends
 * some twice, holds some back so that later ones overtake, and delays all.
 *
 *     relay LEFT RIGHT [seed N] [loss P] [duplicate P] [reorder P] [delay_us N]
 *                      [hold_us N] [vlan ID]
 *
 * P is in thousandths.  With a VLAN, frames leave RIGHT with its 802.1Q tag and
 * lose it again towards LEFT; a frame that arrives at RIGHT without that tag is
 * dropped and counted.
 *
 * Prints `ready` when it carries frames; at SIGTERM, SIGINT or the end of its
 * standard input one JSON line of what it did, and exits 0.  The same seed gives
 * each direction the same fate for its n-th frame.
 *
 * Bounds: FRAMES_MAX frames are held at a time; one more is lost and counted. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAMES_MAX      8192 /* 1,000 connections with a window of 8 segments each way */
#define FRAME_BYTES_MAX 9100 /* a jumbo frame and its tag */
#define BURST           64   /* frames taken from one side before the other has its turn */
#define SOCKET_BYTES    (16 << 20)
#define TAG_BYTES       4
#define TAG_AT          (2 * ETH_ALEN)

struct held {
	struct held *next;
	uint64_t     due_ns;
	int          out; /* index of the side it leaves by */
	size_t       size_bytes;
	uint8_t      bytes[FRAME_BYTES_MAX];
};

struct counts {
	uint64_t carried, lost, duplicated, reordered, untagged, overflowed, unsent;
};

struct side {
	const char   *name;
	int           socket;
	uint64_t      random;
	struct counts counts; /* of the frames that arrived here */
};

struct fate {
	uint64_t seed, loss, duplicate, reorder, delay_us, hold_us, vlan;
};

static struct held           pool[FRAMES_MAX];
static struct held          *unused, *waiting; /* waiting: by due_ns, earliest first */
static volatile sig_atomic_t ending;

static void end(int signal_number)
{
	(void)signal_number;
	ending = 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* splitmix64: one step per question, whatever its answer. */
static bool happens(struct side *side, uint64_t per_thousand)
{
	uint64_t z = (side->random += 0x9e3779b97f4a7c15U);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return (z ^ (z >> 31)) % 1000 < per_thousand;
}

static void hold(const struct held *frame, struct counts *counts)
{
	struct held *mine = unused, **place = &waiting;

	if (!mine) {
		counts->overflowed++;
		return;
	}
	unused = mine->next;
	memcpy(mine, frame, offsetof(struct held, bytes) + frame->size_bytes);
	while (*place && (*place)->due_ns <= mine->due_ns)
		place = &(*place)->next;
	mine->next = *place;
	*place     = mine;
}

static void put_tag(struct held *frame, uint16_t tci)
{
	uint16_t tag[2] = { htons(ETHERTYPE_VLAN), htons(tci) };

	memmove(frame->bytes + TAG_AT + TAG_BYTES, frame->bytes + TAG_AT,
		frame->size_bytes - TAG_AT);
	memcpy(frame->bytes + TAG_AT, tag, TAG_BYTES);
	frame->size_bytes += TAG_BYTES;
}

static bool take_tag(struct held *frame, uint64_t vlan)
{
	uint16_t tag[2];

	memcpy(tag, frame->bytes + TAG_AT, TAG_BYTES);
	if (tag[0] != htons(ETHERTYPE_VLAN) || (ntohs(tag[1]) & 0xfff) != vlan)
		return false;
	frame->size_bytes -= TAG_BYTES;
	memmove(frame->bytes + TAG_AT, frame->bytes + TAG_AT + TAG_BYTES,
		frame->size_bytes - TAG_AT);
	return true;
}

/* The kernel takes a tag off before AF_PACKET sees the frame and says so beside it. */
static bool receive(int socket_fd, struct held *frame)
{
	union {
		struct cmsghdr align;
		char           bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct iovec           vector  = { frame->bytes, FRAME_BYTES_MAX - TAG_BYTES };
	struct msghdr          message = { .msg_iov        = &vector,
					   .msg_iovlen     = 1,
					   .msg_control    = &control,
					   .msg_controllen = sizeof(control) };
	struct tpacket_auxdata aux;
	ssize_t                got = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_TRUNC);

	if (got < ETH_HLEN || (size_t)got > vector.iov_len)
		return false;
	frame->size_bytes = (size_t)got;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			put_tag(frame, aux.tp_vlan_tci);
	}
	return true;
}

static void arrive(struct side *side, struct held *frame, const struct fate *fate, uint64_t now)
{
	bool lost = happens(side, fate->loss), twice = happens(side, fate->duplicate),
	     late = happens(side, fate->reorder);

	if (fate->vlan && frame->out == 1)
		put_tag(frame, (uint16_t)fate->vlan);
	if (fate->vlan && frame->out == 0 && !take_tag(frame, fate->vlan)) {
		side->counts.untagged++;
		return;
	}
	if (lost) {
		side->counts.lost++;
		return;
	}
	frame->due_ns = now + 1000 * (fate->delay_us + (late ? fate->hold_us : 0));
	side->counts.carried++;
	side->counts.reordered += late;
	hold(frame, &side->counts);
	if (twice) {
		side->counts.duplicated++;
		hold(frame, &side->counts);
	}
}

static void release(struct side sides[2], uint64_t now)
{
	while (waiting && waiting->due_ns <= now) {
		struct held *frame = waiting;
		struct side *out   = &sides[frame->out];

		waiting = frame->next;
		if (send(out->socket, frame->bytes, frame->size_bytes, 0) < 0)
			sides[!frame->out].counts.unsent++;
		frame->next = unused;
		unused      = frame;
	}
}

static void side_open(struct side *side, uint64_t seed)
{
	int                one = 1, bytes = SOCKET_BYTES;
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };

	side->random = seed;
	side->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (side->socket < 0)
		fail("AF_PACKET");
	address.sll_ifindex = promiscuous.mr_ifindex = (int)if_nametoindex(side->name);
	if (!address.sll_ifindex)
		fail(side->name);
	if (setsockopt(side->socket, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    setsockopt(side->socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(side->socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
		       sizeof(promiscuous)) ||
	    setsockopt(side->socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(side->socket, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(side->socket, (struct sockaddr *)&address, sizeof(address)))
		fail(side->name);
}

static void carry(struct side sides[2], const struct fate *fate)
{
	static struct held frame;
	struct pollfd      ready[3] = { { sides[0].socket, POLLIN, 0 },
					{ sides[1].socket, POLLIN, 0 },
					{ STDIN_FILENO, POLLIN, 0 } };

	while (!ending) {
		uint64_t now = now_ns(), wait = waiting ? waiting->due_ns - now : 1000000000U;
		struct timespec timeout = { .tv_nsec = (long)(wait < 999999999U ? wait
										: 999999999U) };

		if (ppoll(ready, 3, &timeout, NULL) < 0 && errno != EINTR)
			fail("ppoll");
		if (ready[2].revents && read(STDIN_FILENO, frame.bytes, 1) <= 0)
			ending = 1;
		now = now_ns();
		for (int in = 0; in < 2; in++) {
			for (int i = 0; i < BURST && receive(sides[in].socket, &frame); i++) {
				frame.out = !in;
				arrive(&sides[in], &frame, fate, now);
			}
		}
		release(sides, now);
	}
}

static void print_side(const struct side *side)
{
	const struct counts *c = &side->counts;

	printf("\"%s\": {\"carried\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"duplicated\": %" PRIu64
	       ", \"reordered\": %" PRIu64 ", \"untagged\": %" PRIu64 ", \"overflowed\": %" PRIu64
	       ", \"unsent\": %" PRIu64 "}",
	       side->name, c->carried, c->lost, c->duplicated, c->reordered, c->untagged,
	       c->overflowed, c->unsent);
}

static bool option(struct fate *fate, const char *name, const char *value)
{
	const struct {
		const char *name;
		uint64_t   *value;
	} options[] = {
		{ "seed", &fate->seed },           { "loss", &fate->loss },
		{ "duplicate", &fate->duplicate }, { "reorder", &fate->reorder },
		{ "delay_us", &fate->delay_us },   { "hold_us", &fate->hold_us },
		{ "vlan", &fate->vlan },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(name, options[i].name) == 0) {
			*options[i].value = strtoull(value, NULL, 0);
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct fate fate = { .seed = 1, .hold_us = 3000 };
	struct side sides[2];
	bool        understood = argc >= 3 && argc % 2 == 1;

	for (int i = 3; understood && i < argc; i += 2)
		understood = option(&fate, argv[i], argv[i + 1]);
	if (!understood) {
		fputs("usage: relay LEFT RIGHT [seed N] [loss P] [duplicate P] [reorder P]"
		      " [delay_us N] [hold_us N] [vlan ID]\n",
		      stderr);
		return 2;
	}
	memset(sides, 0, sizeof(sides));
	for (int i = 0; i < FRAMES_MAX; i++) {
		pool[i].next = unused;
		unused       = &pool[i];
	}
	signal(SIGTERM, end);
	signal(SIGINT, end);
	for (int i = 0; i < 2; i++) {
		sides[i].name = argv[1 + i];
		side_open(&sides[i], fate.seed * 2 + (uint64_t)i);
	}
	puts("ready");
	fflush(stdout);
	carry(sides, &fate);
	printf("{");
	print_side(&sides[0]);
	printf(", ");
	print_side(&sides[1]);
	printf("}\n");
	return 0;
}
