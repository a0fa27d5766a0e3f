/* The front: every received frame is looked at here before lwIP sees it.
 *
 *   not for this MAC or VLAN, not ARP/IPv4/IPv6  -> dropped and counted
 *   router advertisement, redirect               -> dropped: the config alone routes
 *   SYN for a pair in TIME_WAIT                  -> the pair is freed for reuse
 *   data while frames_held_max are held          -> dropped; the peer sends it again
 *   SYN while the backlog is full                -> counted; lwIP drops it
 *
 * What passes becomes a pbuf over the frame's own memory, without a copy; the
 * frame goes back to its driver when lwIP or the reader frees the pbuf. */
#include <assert.h>
#include <string.h>

#include "drivers/tcp/internal.h"
#include "lwip/priv/tcp_priv.h"
#include "netif/ethernet.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd

#define ARP_BYTES 28 /* RFC 826, Ethernet and IPv4 */

#define PROTOCOL_HOP_BY_HOP 0
#define PROTOCOL_ICMP       1
#define PROTOCOL_TCP        6
#define PROTOCOL_ICMPV6     58

/* What of a frame the front needs to know. */
struct front {
	ip_addr_t      source, destination;
	const uint8_t *tcp; /* the TCP header, at least 20 bytes; NULL: not TCP */
	size_t         tcp_data_bytes;
};

/* Why a frame goes no further; NULL: it does. */
typedef _Atomic uint64_t *drop_counter;

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)be16(at) << 16 | be16(at + 2);
}

/* RFC 9293 3.1: each option but the two of one byte carries its length.  lwIP
 * reads past the header when the last one is cut short. */
static bool tcp_options_whole(const uint8_t *options, size_t bytes)
{
	/* Bounded by the 40 bytes a header has for options. */
	for (size_t at = 0; at < bytes && options[at] != 0;) {
		size_t option_bytes = 1;

		if (options[at] != 1) {
			if (bytes - at < 2 || options[at + 1] < 2)
				return false;
			option_bytes = options[at + 1];
		}
		if (option_bytes > bytes - at)
			return false;
		at += option_bytes;
	}
	return true;
}

static drop_counter front_tcp(struct front *front, const uint8_t *tcp, size_t bytes)
{
	size_t header_bytes;

	if (bytes < 20)
		return &tcp_one.stats.dropped_malformed;
	header_bytes = (size_t)(tcp[12] >> 4) * 4;
	if (header_bytes < 20 || header_bytes > bytes ||
	    !tcp_options_whole(tcp + 20, header_bytes - 20))
		return &tcp_one.stats.dropped_malformed;
	front->tcp            = tcp;
	front->tcp_data_bytes = bytes - header_bytes;
	return NULL;
}

static drop_counter front_ipv4(struct front *front, const uint8_t *ip, size_t bytes)
{
	size_t header_bytes, total_bytes;

	if (bytes < 20)
		return &tcp_one.stats.dropped_malformed;
	header_bytes = (size_t)(ip[0] & 0x0f) * 4;
	total_bytes  = be16(ip + 2);
	if (ip[0] >> 4 != 4 || header_bytes < 20 || total_bytes < header_bytes ||
	    total_bytes > bytes)
		return &tcp_one.stats.dropped_malformed;
	if (ip[9] != PROTOCOL_TCP && ip[9] != PROTOCOL_ICMP)
		return &tcp_one.stats.dropped_not_ours;
	if (ip[9] == PROTOCOL_TCP && (be16(ip + 6) & 0x3fff) == 0) {
		IP_ADDR4(&front->source, ip[12], ip[13], ip[14], ip[15]);
		IP_ADDR4(&front->destination, ip[16], ip[17], ip[18], ip[19]);
		return front_tcp(front, ip + header_bytes, total_bytes - header_bytes);
	}
	return NULL;
}

/* RFC 4861: only what a host with configured addresses needs.  Router
 * advertisements (134) and redirects (137) could move its traffic elsewhere. */
static bool icmpv6_wanted(uint8_t type)
{
	static const uint8_t wanted[] = {
		2,   /* packet too big */
		128, /* echo request */
		130, /* multicast listener query */
		135, /* neighbour solicitation */
		136, /* neighbour advertisement */
	};

	return memchr(wanted, type, sizeof(wanted)) != NULL;
}

static drop_counter front_ipv6(struct front *front, const uint8_t *ip, size_t bytes)
{
	const uint8_t *next = ip + 40;
	size_t         left;

	if (bytes < 40 || ip[0] >> 4 != 6 || be16(ip + 4) > bytes - 40)
		return &tcp_one.stats.dropped_malformed;
	left = be16(ip + 4);
	if (ip[6] == PROTOCOL_TCP) {
		IP_ADDR6(&front->source, 0, 0, 0, 0);
		IP_ADDR6(&front->destination, 0, 0, 0, 0);
		memcpy(ip_2_ip6(&front->source)->addr, ip + 8, 16);
		memcpy(ip_2_ip6(&front->destination)->addr, ip + 24, 16);
		return front_tcp(front, next, left);
	}
	if (ip[6] == PROTOCOL_ICMPV6 && left >= 1 && icmpv6_wanted(next[0]))
		return NULL;
	/* RFC 3810: a listener query carries a router alert before it. */
	if (ip[6] == PROTOCOL_HOP_BY_HOP && left >= 9 && next[0] == PROTOCOL_ICMPV6 &&
	    next[1] == 0 && next[8] == 130)
		return NULL;
	return &tcp_one.stats.dropped_not_ours;
}

/* True when the frame carries the tag that the config says, or none where it says
 * none; `*type_at` is then where its EtherType is. */
static bool vlan_ours(const struct frame *frame, size_t *type_at)
{
	uint16_t vlan = 0;

	*type_at = 12;
	if (be16(frame->data + 12) == ETHERTYPE_VLAN) {
		if (frame->size_bytes < FRAME_ETHERNET_BYTES + FRAME_VLAN_BYTES)
			return false;
		vlan     = be16(frame->data + 14) & 0x0fff;
		*type_at = 16;
	}
	return vlan == tcp_one.options.vlan;
}

static drop_counter front_look(struct front *front, const struct frame *frame)
{
	const uint8_t *data = frame->data;
	size_t         type_at, bytes;

	if (frame->size_bytes <= FRAME_ETHERNET_BYTES)
		return &tcp_one.stats.dropped_malformed;
	if (!(data[0] & 1) && memcmp(data, tcp_one.options.mac, 6) != 0)
		return &tcp_one.stats.dropped_not_ours;
	if (!vlan_ours(frame, &type_at))
		return &tcp_one.stats.dropped_vlan;
	data += type_at + 2;
	bytes = frame->size_bytes - type_at - 2;
	switch (be16(frame->data + type_at)) {
	case ETHERTYPE_ARP: /* lwIP reads all of it without asking for its length */
		return bytes < ARP_BYTES ? &tcp_one.stats.dropped_malformed : NULL;
	case ETHERTYPE_IPV4: return front_ipv4(front, data, bytes);
	case ETHERTYPE_IPV6: return front_ipv6(front, data, bytes);
	default: return &tcp_one.stats.dropped_not_ours;
	}
}

/* RFC 1122 4.2.2.13: a SYN may reopen a pair in TIME_WAIT when its sequence number
 * is above the last one received.  lwIP would answer with a reset. */
static void time_wait_reuse(const struct front *front)
{
	uint16_t remote_port = be16(front->tcp), local_port = be16(front->tcp + 2);
	uint32_t sequence = be32(front->tcp + 4);

	/* Bounded by the number of control blocks. */
	for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb; pcb = pcb->next) {
		if (pcb->remote_port != remote_port || pcb->local_port != local_port ||
		    !ip_addr_eq(&pcb->remote_ip, &front->source) ||
		    !ip_addr_eq(&pcb->local_ip, &front->destination))
			continue;
		if ((int32_t)(sequence - pcb->rcv_nxt) < 0)
			return;
		tcp_one.reopening       = true;
		tcp_one.reopening_after = pcb->snd_nxt;
		tcp_count(&tcp_one.stats.time_wait_reused, 1);
		tcp_pcb_remove(&tcp_tw_pcbs, pcb);
		tcp_free(pcb);
		return;
	}
}

/* Shows lwIP the connections this frame can belong to. */
static void connections_show(const struct front *front)
{
	tcp_table_select(tcp_table_bucket(&front->destination, be16(front->tcp + 2), &front->source,
					  be16(front->tcp)));
}

/* lwIP drops a SYN without a word when its backlog is full (tcp_listen_input).  One that
 * was sent again belongs to its half-open connection and is none of these. */
static void backlog_watch(const struct front *front)
{
	const struct tcp_pcb_listen *listener = (const struct tcp_pcb_listen *)tcp_one.listener;

	if (!listener || listener->accepts_pending < listener->backlog ||
	    be16(front->tcp + 2) != listener->local_port)
		return;
	/* Bounded as the bucket is. */
	for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next)
		if (pcb->remote_port == be16(front->tcp) &&
		    pcb->local_port == be16(front->tcp + 2) &&
		    ip_addr_eq(&pcb->remote_ip, &front->source) &&
		    ip_addr_eq(&pcb->local_ip, &front->destination))
			return;
	tcp_count(&tcp_one.stats.dropped_backlog, 1);
}

static void frame_give(struct frame *frame)
{
	tcp_one.sink->drop(tcp_one.sink->ctx, frame);
}

/* lwIP or a reader has finished with a frame. */
static void held_free(struct pbuf *pbuf)
{
	struct held_frame *held = (struct held_frame *)pbuf;

	frame_give(&held->frame);
	held->next        = tcp_one.held_free;
	tcp_one.held_free = held;
	tcp_one.held_free_count++;
	tcp_count(&tcp_one.stats.frames_held, -1);
}

static struct pbuf *held_take(struct frame *frame)
{
	struct held_frame *held = tcp_one.held_free;
	struct pbuf       *pbuf;

	tcp_one.held_free = held->next;
	tcp_one.held_free_count--;
	tcp_count(&tcp_one.stats.frames_held, 1);
	held->frame                     = *frame;
	held->pbuf.custom_free_function = held_free;
	pbuf = pbuf_alloced_custom(PBUF_RAW, frame->size_bytes, PBUF_REF, &held->pbuf, frame->data,
				   frame->size_bytes);
	assert(pbuf);
	return pbuf;
}

/* Which checksums software still has to check in this frame. */
static void checksums_set(const struct frame *frame)
{
	uint16_t check = NETIF_CHECKSUM_CHECK_IP | NETIF_CHECKSUM_CHECK_TCP;

	if (frame->flags & FRAME_CHECKSUM_GOOD)
		tcp_one.netif.chksum_flags &= (uint16_t)~check;
	else
		tcp_one.netif.chksum_flags |= check;
}

void tcp_frame_input(struct frame *frame, uint64_t now_ns)
{
	struct front front = { 0 };
	drop_counter dropped;
	uint32_t     spare;

	tcp_count(&tcp_one.stats.frames_in, 1);
	dropped = front_look(&front, frame);
	spare   = front.tcp_data_bytes ? HELD_SPARE : 0;
	if (!dropped && tcp_one.held_free_count <= spare)
		dropped = &tcp_one.stats.dropped_held_full;
	if (dropped) {
		tcp_count(dropped, 1);
		frame_give(frame);
		return;
	}
	tcp_enter(now_ns);
	/* SYN without ACK and RST */
	if (front.tcp && (front.tcp[13] & 0x16) == 0x02)
		time_wait_reuse(&front);
	if (front.tcp)
		connections_show(&front);
	if (front.tcp && (front.tcp[13] & 0x16) == 0x02)
		backlog_watch(&front);
	checksums_set(frame);
	ethernet_input(held_take(frame), &tcp_one.netif);
	tcp_table_deselect();
	tcp_one.reopening = false;
	tcp_leave();
}
