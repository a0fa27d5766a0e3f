/* Frames through a DPDK device: receive, transmit, count. */
#include "drivers/nic/dpdk.h"

#include <assert.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <stdlib.h>
#include <string.h>

#define ETHERTYPE_IP6 0x86ddu
#define ETHERTYPE_TAG 0x8100u /* IEEE 802.1Q */

static struct dpdk_nic *dpdk(struct nic *nic)
{
	return (struct dpdk_nic *)nic;
}

static void count(_Atomic uint64_t *counter, uint64_t by)
{
	const uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, old + by, memory_order_relaxed);
}

static uint32_t read16(const uint8_t *from)
{
	return (uint32_t)from[0] << 8 | from[1];
}

static bool is_ip6(const uint8_t *data, uint32_t size_bytes)
{
	if (size_bytes < FRAME_ETHERNET_BYTES + FRAME_VLAN_BYTES)
		return false;
	const uint32_t type = read16(data + 12);

	return type == ETHERTYPE_IP6 ||
	       (type == ETHERTYPE_TAG && read16(data + 16) == ETHERTYPE_IP6);
}

/* L4 "none" means: the sum in the frame was never made, but the data was not on a
 * wire (virtio between guests), which is as good.  IPv6 has no header checksum. */
static uint16_t checksum_flag(const struct rte_mbuf *mbuf)
{
	const uint64_t l4 = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	const uint64_t l3 = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	if (l4 != RTE_MBUF_F_RX_L4_CKSUM_GOOD && l4 != RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return 0;
	if (l3 == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		return FRAME_CHECKSUM_GOOD;
	return is_ip6(rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len) ? FRAME_CHECKSUM_GOOD
									       : 0;
}

/* False: the mbuf is gone and counted. */
static bool to_frame(struct dpdk_nic *nic, struct rte_mbuf *mbuf, struct frame *out)
{
	if (mbuf->nb_segs != 1) {
		rte_pktmbuf_free(mbuf);
		count(&nic->rx_chained, 1);
		return false;
	}
	/* Some virtual functions strip tags whatever they are told. */
	if ((mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) && rte_vlan_insert(&mbuf) != 0) {
		rte_pktmbuf_free(mbuf);
		count(&nic->rx_chained, 1);
		return false;
	}
	*out = (struct frame){
		.data       = rte_pktmbuf_mtod(mbuf, uint8_t *),
		.size_bytes = mbuf->data_len,
		.flags      = checksum_flag(mbuf),
		.owner      = mbuf,
	};
	return true;
}

static uint32_t dpdk_rx(struct nic *base, struct frame *burst, uint32_t max)
{
	struct dpdk_nic *nic = dpdk(base);
	struct rte_mbuf *mbufs[NIC_BURST_MAX];
	const uint16_t   queue  = nic->next_queue;
	uint32_t         frames = 0;

	nic->next_queue      = (uint16_t)(queue + 1 < nic->queues ? queue + 1 : 0);
	const uint16_t count = rte_eth_rx_burst(nic->port, queue, mbufs, (uint16_t)max);

	for (uint16_t i = 0; i < count; i++)
		frames += to_frame(nic, mbufs[i], &burst[frames]);
	return frames;
}

static bool dpdk_take(struct nic *base, struct frame *out)
{
	struct dpdk_nic *nic  = dpdk(base);
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(nic->pool);

	if (!mbuf) {
		count(&nic->tx_no_buffer, 1);
		return false;
	}
	*out = (struct frame){
		.data       = rte_pktmbuf_mtod(mbuf, uint8_t *),
		.size_bytes = (uint16_t)nic->capacity_bytes,
		.owner      = mbuf,
	};
	return true;
}

/* What the device needs to fill in checksums: header lengths, a zero in the IPv4
 * header, and the sum of the pseudo header where TCP's goes (rte_mbuf_core.h,
 * RTE_MBUF_F_TX_TCP_CKSUM). */
static void ask_for_checksums(struct rte_mbuf *mbuf, const struct frame *frame)
{
	uint8_t *ip  = frame->data + frame->l2_bytes;
	uint8_t *tcp = ip + frame->l3_bytes;

	assert(frame->l2_bytes >= FRAME_ETHERNET_BYTES && frame->l3_bytes >= 20);
	assert(frame->l2_bytes + frame->l3_bytes <= frame->size_bytes);
	mbuf->l2_len = frame->l2_bytes;
	mbuf->l3_len = frame->l3_bytes;
	mbuf->ol_flags |= frame->flags & FRAME_IP4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	if (frame->flags & FRAME_TX_IP4) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
		((struct rte_ipv4_hdr *)ip)->hdr_checksum = 0;
	}
	if (frame->flags & FRAME_TX_TCP) {
		assert(frame->l2_bytes + frame->l3_bytes + 20 <= frame->size_bytes);
		mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
		((struct rte_tcp_hdr *)tcp)->cksum =
			frame->flags & FRAME_IP4
				? rte_ipv4_phdr_cksum((struct rte_ipv4_hdr *)ip, mbuf->ol_flags)
				: rte_ipv6_phdr_cksum((struct rte_ipv6_hdr *)ip, mbuf->ol_flags);
	}
}

/* Sends what it can of one run; false: the device is full for now. */
static bool flush_run(struct dpdk_nic *nic, uint32_t *done)
{
	struct rte_mbuf **from = nic->queue + *done;
	uint16_t          want = (uint16_t)(nic->queued - *done);

	if (nic->nic.offloads) {
		const uint16_t fit = rte_eth_tx_prepare(nic->port, 0, from, want);
		if (fit == 0) {
			rte_pktmbuf_free(from[0]);
			count(&nic->tx_errors, 1);
			*done += 1;
			return true;
		}
		want = fit;
	}
	const uint16_t sent = rte_eth_tx_burst(nic->port, 0, from, want);
	*done += sent;
	return sent == want;
}

static void dpdk_flush(struct nic *base)
{
	struct dpdk_nic *nic  = dpdk(base);
	uint32_t         done = 0;

	/* Every turn that goes on sends or drops at least one of at most DPDK_QUEUE_MAX. */
	while (done < nic->queued && flush_run(nic, &done))
		;
	nic->queued -= done;
	if (nic->queued && done)
		memmove(nic->queue, nic->queue + done, nic->queued * sizeof(nic->queue[0]));
}

static void dpdk_send(struct nic *base, struct frame *frame)
{
	struct dpdk_nic *nic  = dpdk(base);
	struct rte_mbuf *mbuf = frame->owner;

	assert(frame->size_bytes >= FRAME_ETHERNET_BYTES);
	assert(frame->data == rte_pktmbuf_mtod(mbuf, uint8_t *));
	assert(frame->size_bytes <= mbuf->buf_len - mbuf->data_off);
	mbuf->data_len = frame->size_bytes;
	mbuf->pkt_len  = frame->size_bytes;
	mbuf->ol_flags = 0;
	assert((frame->flags & (FRAME_TX_IP4 | FRAME_TX_TCP) & ~nic->nic.offloads) == 0);
	if (frame->flags & (FRAME_TX_IP4 | FRAME_TX_TCP))
		ask_for_checksums(mbuf, frame);
	if (nic->queued == DPDK_QUEUE_MAX)
		dpdk_flush(base);
	if (nic->queued == DPDK_QUEUE_MAX) {
		rte_pktmbuf_free(mbuf);
		count(&nic->tx_full, 1);
		return;
	}
	nic->queue[nic->queued++] = mbuf;
}

static void dpdk_drop(struct nic *base, struct frame *frame)
{
	(void)base;
	rte_pktmbuf_free(frame->owner);
}

/* The device's own counters, in one order for the base and for the difference. */
static void read_device(uint16_t port, uint64_t out[8])
{
	struct rte_eth_stats stats;

	memset(&stats, 0, sizeof(stats));
	(void)rte_eth_stats_get(port, &stats); /* a device without counters shows zeros */
	const uint64_t values[8] = {
		stats.ipackets, stats.ibytes,  stats.opackets,  stats.obytes,
		stats.imissed,  stats.ierrors, stats.rx_nombuf, stats.oerrors
	};
	memcpy(out, values, sizeof(values));
}

void dpdk_stats_begin(struct dpdk_nic *nic)
{
	read_device(nic->port, nic->stats_base);
}

static void dpdk_stats(struct nic *base, struct nic_stats *out)
{
	struct dpdk_nic *nic = dpdk(base);
	uint64_t         now[8];

	read_device(nic->port, now);
	for (int i = 0; i < 8; i++)
		now[i] -= nic->stats_base[i];
	*out = (struct nic_stats){
		.rx_frames    = now[0],
		.rx_bytes     = now[1],
		.tx_frames    = now[2],
		.tx_bytes     = now[3],
		.rx_missed    = now[4],
		.rx_errors    = now[5],
		.rx_no_buffer = now[6],
		.rx_chained   = atomic_load_explicit(&nic->rx_chained, memory_order_relaxed),
		.tx_errors = now[7] + atomic_load_explicit(&nic->tx_errors, memory_order_relaxed),
		.tx_full   = atomic_load_explicit(&nic->tx_full, memory_order_relaxed),
		.tx_no_buffer = atomic_load_explicit(&nic->tx_no_buffer, memory_order_relaxed),
	};
}

static void dpdk_link(struct nic *base, struct nic_link *out)
{
	struct rte_eth_link link;

	memset(&link, 0, sizeof(link));
	if (rte_eth_link_get_nowait(dpdk(base)->port, &link) != 0)
		link.link_status = RTE_ETH_LINK_DOWN;
	*out = (struct nic_link){
		.up          = link.link_status == RTE_ETH_LINK_UP,
		.full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX,
		.speed_mbps  = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed,
	};
}

static void dpdk_close(struct nic *base)
{
	struct dpdk_nic *nic = dpdk(base);

	for (uint32_t i = 0; i < nic->queued; i++)
		rte_pktmbuf_free(nic->queue[i]);
	(void)rte_eth_dev_stop(nic->port);
	(void)rte_eth_dev_close(nic->port);
	rte_mempool_free(nic->pool);
	free(nic);
}

const struct nic_ops dpdk_ops = {
	.rx    = dpdk_rx,
	.take  = dpdk_take,
	.send  = dpdk_send,
	.drop  = dpdk_drop,
	.flush = dpdk_flush,
	.stats = dpdk_stats,
	.link  = dpdk_link,
	.close = dpdk_close,
};
