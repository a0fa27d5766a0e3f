/* Setting up a DPDK device: what it can do, its buffers, its queues. */
#include <assert.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/nic/dpdk.h"

#define RX_CHECKSUMS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define RSS_TYPES                                                             \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV6 | \
	 RTE_ETH_RSS_NONFRAG_IPV6_TCP)
/* Ethernet header, one tag, and the checksum some devices leave in the buffer. */
#define OVERHEAD_BYTES (FRAME_ETHERNET_BYTES + FRAME_VLAN_BYTES + RTE_ETHER_CRC_LEN)

struct error {
	char  *text;
	size_t size_bytes;
};

__attribute__((format(printf, 2, 3))) static bool say(struct error error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error.text, error.size_bytes, format, arguments);
	va_end(arguments);
	return false;
}

static bool in_range(uint32_t value, uint32_t min, uint32_t max)
{
	return value >= min && value <= max;
}

static bool check_options(const struct nic_options *options, struct error error)
{
	/* Full rings, what waits for a flush, and what the caches may hold back. */
	const uint32_t mbufs_min = options->queues * options->rx_descriptors +
				   options->tx_descriptors + DPDK_QUEUE_MAX + DPDK_CACHE_MAX;

	if (!in_range(options->rx_descriptors, NIC_DESCRIPTORS_MIN, NIC_DESCRIPTORS_MAX) ||
	    !in_range(options->tx_descriptors, NIC_DESCRIPTORS_MIN, NIC_DESCRIPTORS_MAX))
		return say(error, "nic: descriptors are %u to %u", NIC_DESCRIPTORS_MIN,
			   NIC_DESCRIPTORS_MAX);
	if (!in_range(options->mtu, NIC_MTU_MIN, FRAME_MTU_MAX))
		return say(error, "nic.mtu: %u is not within %u to %u", options->mtu, NIC_MTU_MIN,
			   FRAME_MTU_MAX);
	if (!in_range(options->queues, 1, NIC_QUEUES_MAX))
		return say(error, "nic: queues are 1 to %u", NIC_QUEUES_MAX);
	if (options->mbufs < mbufs_min)
		return say(error, "nic.mbufs: %u are too few for the descriptors; at least %u",
			   options->mbufs, mbufs_min);
	return true;
}

static bool find_port(const char *device, uint16_t *port, struct error error)
{
	char      name[RTE_ETH_NAME_MAX_LEN];
	const int length = (int)strcspn(device, ",");

	snprintf(name, sizeof(name), "%.*s", length, device);
	if (rte_eth_dev_get_port_by_name(name, port) == 0)
		return true;
	snprintf(name, sizeof(name), "0000:%.*s", length, device);
	if (rte_eth_dev_get_port_by_name(name, port) == 0)
		return true;
	return say(error, "nic.device: '%s' was not opened at start", device);
}

/* One buffer holds the largest frame, so that none is chained.  Several devices
 * count buffers in units of 1 KiB (82599 datasheet, SRRCTL.BSIZEPACKET). */
static bool make_pool(struct dpdk_nic *nic, const struct nic_options *options, int node,
		      struct error error)
{
	const uint32_t frame_bytes = RTE_ALIGN_CEIL(options->mtu + OVERHEAD_BYTES, 1024u);
	const uint32_t room_bytes  = RTE_MAX(frame_bytes, 2048u) + RTE_PKTMBUF_HEADROOM;
	char           name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "nic%u", nic->port);
	nic->pool = rte_pktmbuf_pool_create(name, options->mbufs, DPDK_CACHE_MAX, 0,
					    (uint16_t)room_bytes, node);
	if (!nic->pool)
		return say(error,
			   "nic.mbufs: %u buffers of %u bytes do not fit: %s; raise "
			   "memory.hugepages_mib",
			   options->mbufs, room_bytes, rte_strerror(rte_errno));
	nic->capacity_bytes = options->mtu + FRAME_ETHERNET_BYTES + FRAME_VLAN_BYTES;
	return true;
}

static bool configure(struct dpdk_nic *nic, const struct nic_options *options,
		      const struct rte_eth_dev_info *info, struct error error)
{
	struct rte_eth_conf conf = { .rxmode = { .mtu = options->mtu } };
	const uint64_t      rss  = RSS_TYPES & info->flow_type_rss_offloads;
	const uint64_t      ask  = options->checksum_offload ? UINT64_MAX : 0;

	conf.rxmode.offloads = RX_CHECKSUMS & info->rx_offload_capa & ask;
	conf.txmode.offloads = (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM) &
			       info->tx_offload_capa & ask;
	if (options->queues > 1) {
		if (!rss)
			return say(error, "nic: %s cannot spread frames over queues",
				   nic->nic.facts.name);
		conf.rxmode.mq_mode              = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = rss;
	}
	const int result = rte_eth_dev_configure(nic->port, (uint16_t)options->queues, 1, &conf);

	if (result != 0)
		return say(error, "nic: %s refuses %u queue(s) with an mtu of %u: %s",
			   nic->nic.facts.name, options->queues, options->mtu,
			   rte_strerror(-result));
	nic->nic.facts.rss         = rss != 0;
	nic->nic.facts.rx_checksum = conf.rxmode.offloads == RX_CHECKSUMS;
	nic->nic.offloads =
		(conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM ? FRAME_OFFLOAD_TX_IP4 : 0u) |
		(conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM ? FRAME_OFFLOAD_TX_TCP : 0u);
	return true;
}

static bool make_queues(struct dpdk_nic *nic, const struct nic_options *options, int node,
			struct error error)
{
	uint16_t rx     = (uint16_t)options->rx_descriptors;
	uint16_t tx     = (uint16_t)options->tx_descriptors;
	int      result = rte_eth_dev_adjust_nb_rx_tx_desc(nic->port, &rx, &tx);

	for (uint16_t i = 0; result == 0 && i < options->queues; i++)
		result = rte_eth_rx_queue_setup(nic->port, i, rx, (unsigned)node, NULL, nic->pool);
	if (result == 0)
		result = rte_eth_tx_queue_setup(nic->port, 0, tx, (unsigned)node, NULL);
	if (result != 0)
		return say(error, "nic: %s refuses its queues: %s", nic->nic.facts.name,
			   rte_strerror(-result));
	nic->nic.facts.rx_descriptors = rx;
	nic->nic.facts.tx_descriptors = tx;
	return true;
}

static bool start(struct dpdk_nic *nic, const struct nic_options *options, struct error error)
{
	struct rte_ether_addr address;
	int                   result = rte_eth_dev_start(nic->port);

	if (result != 0)
		return say(error, "nic: %s does not start: %s", nic->nic.facts.name,
			   rte_strerror(-result));
	if (options->promiscuous)
		result = rte_eth_promiscuous_enable(nic->port);
	if (result != 0)
		return say(error, "nic.promiscuous: %s: %s", nic->nic.facts.name,
			   rte_strerror(-result));
	/* RFC 4861 section 7.2.1: neighbour solicitations go to multicast addresses.  A
	 * device that cannot filter them passes them all anyway. */
	(void)rte_eth_allmulticast_enable(nic->port);
	if (rte_eth_macaddr_get(nic->port, &address) != 0)
		return say(error, "nic: %s has no address", nic->nic.facts.name);
	memcpy(nic->nic.mac, address.addr_bytes, NIC_MAC_BYTES);
	return true;
}

static bool set_up(struct dpdk_nic *nic, const struct nic_options *options, struct error error)
{
	struct rte_eth_dev_info info;
	const int               result = rte_eth_dev_info_get(nic->port, &info);
	const int               node   = rte_eth_dev_socket_id(nic->port);

	if (result != 0)
		return say(error, "nic: '%s': %s", options->device, rte_strerror(-result));
	snprintf(nic->nic.facts.driver, sizeof(nic->nic.facts.driver), "%s", info.driver_name);
	(void)rte_eth_dev_get_name_by_port(nic->port, nic->nic.facts.name);
	nic->nic.facts.numa_node = node;
	nic->nic.facts.mtu       = options->mtu;
	nic->nic.mtu             = options->mtu;
	nic->queues              = (uint16_t)options->queues;
	return make_pool(nic, options, node, error) && configure(nic, options, &info, error) &&
	       make_queues(nic, options, node, error) && start(nic, options, error);
}

static_assert(sizeof(((struct nic_facts *)0)->name) >= RTE_ETH_NAME_MAX_LEN,
	      "rte_eth_dev_get_name_by_port writes that much");

bool nic_open(const struct nic_options *options, struct nic **out, char *text, size_t size_bytes)
{
	const struct error error = { .text = text, .size_bytes = size_bytes };
	uint16_t           port;

	*out = NULL;
	if (!check_options(options, error) || !find_port(options->device, &port, error))
		return false;
	struct dpdk_nic *nic = calloc(1, sizeof(*nic));

	if (!nic)
		return say(error, "nic: no memory");
	nic->nic.ops = &dpdk_ops;
	nic->port    = port;
	if (!set_up(nic, options, error)) {
		nic_close(&nic->nic);
		return false;
	}
	dpdk_stats_begin(nic);
	*out = &nic->nic;
	return true;
}
