/* Frames out: a packet of lwIP, in pieces, becomes one frame of the sink. */
#include <string.h>

#include "drivers/tcp/internal.h"
#include "lwip/def.h"
#include "lwip/priv/tcp_priv.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define IP_TCP         6
#define FRAME_MIN      60u /* IEEE 802.3, without the FCS */

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Says what the device is to fill in.  lwIP wrote the headers, so they are whole. */
static void mark_offloads(struct frame *frame, uint32_t offloads)
{
	const uint8_t *l2   = frame->data;
	uint16_t       type = be16(l2 + 12);
	const uint8_t *l3;

	frame->l2_bytes = FRAME_ETHERNET_BYTES;
	if (type == ETHERTYPE_VLAN) {
		frame->l2_bytes += FRAME_VLAN_BYTES;
		type = be16(l2 + 16);
	}
	l3 = l2 + frame->l2_bytes;
	if (type == ETHERTYPE_IPV4) {
		frame->l3_bytes = (uint8_t)((l3[0] & 0x0f) * 4);
		frame->flags |= FRAME_IP4 | (offloads & FRAME_OFFLOAD_TX_IP4);
		if (l3[9] == IP_TCP)
			frame->flags |= offloads & FRAME_OFFLOAD_TX_TCP;
	} else if (type == ETHERTYPE_IPV6) {
		frame->l3_bytes = 40;
		frame->flags |= FRAME_IP6;
		if (l3[6] == IP_TCP)
			frame->flags |= offloads & FRAME_OFFLOAD_TX_TCP;
	}
}

/* lwIP moves snd_nxt only after a segment is out: one with bytes below it has been
 * sent before.  A zero-window probe is one too. */
void tcp_hook_sending(const struct tcp_pcb *pcb, const struct pbuf *segment,
		      const struct tcp_hdr *header)
{
	bool carries = segment->tot_len > TCPH_HDRLEN_BYTES(header) ||
		       (TCPH_FLAGS(header) & (TCP_SYN | TCP_FIN));

	if (pcb && carries && TCP_SEQ_LT(lwip_ntohl(header->seqno), pcb->snd_nxt))
		tcp_count(&tcp_one.stats.retransmits, 1);
}

err_t tcp_frame_output(struct netif *netif, struct pbuf *packet)
{
	struct frame_sink *sink = tcp_one.sink;
	struct frame       frame;
	size_t             at = 0;

	(void)netif;
	if (!tcp_one.running || !sink->take(sink->ctx, &frame)) {
		tcp_count(&tcp_one.stats.dropped_transmit, 1);
		return ERR_MEM;
	}
	if (packet->tot_len > frame.size_bytes || frame.size_bytes < FRAME_MIN) {
		tcp_count(&tcp_one.stats.dropped_transmit, 1);
		sink->drop(sink->ctx, &frame);
		return ERR_IF;
	}
	for (const struct pbuf *part = packet; part; part = part->next) {
		memcpy(frame.data + at, part->payload, part->len);
		at += part->len;
	}
	if (at < FRAME_MIN) {
		memset(frame.data + at, 0, FRAME_MIN - at);
		at = FRAME_MIN;
	}
	frame.size_bytes = (uint16_t)at;
	frame.flags      = 0;
	mark_offloads(&frame, sink->offloads);
	tcp_count(&tcp_one.stats.frames_out, 1);
	sink->send(sink->ctx, &frame);
	return ERR_OK;
}
