/* One Ethernet frame in one contiguous piece of memory, and the way out for
 * frames.  This is all that drivers/tcp and drivers/nic share: the TCP side is
 * handed received frames and a struct frame_sink, and knows no device.
 *
 *   receive   nic_rx fills an array of frames -> the stack reads each, keeps it as
 *             long as it wants -> sink->drop gives its memory back
 *   transmit  sink->take -> write `data`, set `size_bytes` -> sink->send, or
 *             sink->drop if nothing is to be sent after all
 *
 * Owner:   a frame has one owner at a time.  A received frame belongs to the
 *          receiver, a taken one to the taker, until it passes it to send or drop,
 *          once; neither may be touched afterwards.  A struct frame is a handle:
 *          copy it freely, only `owner` and the bytes have identity.  All calls on a
 *          sink come from the one thread that polls its NIC.
 * Bounds:  a frame is one segment; drivers drop and count chained ones.  A taken
 *          frame has room for the NIC's MTU, the Ethernet header and one VLAN tag.
 * Failure: take is false when no buffer is free: the caller keeps its data and
 *          tries again later.  send never fails for the caller: a frame the device
 *          does not accept is dropped and counted, as on any Ethernet.
 * VLAN:    an 802.1Q tag is always in the bytes, on receive and on transmit: a
 *          driver whose device strips tags puts them back. */
#ifndef ASSAY_RUNTIME_BASE_FRAME_H
#define ASSAY_RUNTIME_BASE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

/* IEEE 802.3: destination, source, type; 802.1Q adds one tag. */
#define FRAME_ETHERNET_BYTES 14u
#define FRAME_VLAN_BYTES     4u
#define FRAME_MTU_MAX        9600u

/* frame.flags */
enum {
	/* Received: the device has verified the TCP checksum and, for IPv4, the header's.
	 * Without it nothing is known, and software must check. */
	FRAME_CHECKSUM_GOOD = 1u << 0,
	/* To send: what is in it, and which checksums the device is to fill in.  Only with
	 * the sink's offload of the same name; l2_bytes and l3_bytes must then be set. */
	FRAME_IP4    = 1u << 1,
	FRAME_IP6    = 1u << 2,
	FRAME_TX_IP4 = 1u << 3, /* the IPv4 header's checksum */
	FRAME_TX_TCP = 1u << 4, /* the TCP checksum, over IPv4 or IPv6 */
};

struct frame {
	uint8_t *data;       /* first byte of the Ethernet header */
	uint16_t size_bytes; /* received: length.  Taken: capacity.  To send: length */
	uint16_t flags;
	uint8_t  l2_bytes; /* to send with an offload: Ethernet header and tag, 14 or 18 */
	uint8_t  l3_bytes; /* and IP header with options or extension headers */
	void    *owner;    /* the driver's own; others copy it and never look inside */
};

/* frame_sink.offloads: what the device does on transmit.  With an offload the
 * checksum field of the frame may hold anything; the driver overwrites it with
 * what the device expects (zero, or the sum of the pseudo header). */
enum {
	FRAME_OFFLOAD_TX_IP4 = FRAME_TX_IP4,
	FRAME_OFFLOAD_TX_TCP = FRAME_TX_TCP,
};

struct frame_sink {
	bool (*take)(void *ctx, struct frame *out);
	void (*send)(void *ctx, struct frame *frame); /* queued until nic_flush */
	void (*drop)(void *ctx, struct frame *frame); /* a received frame or an unsent one */
	void    *ctx;
	uint32_t offloads;
};

#endif
