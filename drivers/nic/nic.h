/* A network card with one receive and one transmit queue for the net core, which
 * polls it.  Two kinds stand behind the same calls: `dpdk` (drivers/nic/dpdk.c)
 * and `sim` (drivers/nic/sim.h), the simulated twin.
 *
 *     nic_open -> ( nic_rx, ..., sink take/send, nic_flush )* -> nic_close
 *
 * Owner:   nic_rx, the sink and nic_flush belong to the thread that
 *          polls.  nic_stats, nic_link and the constants may be called from any
 *          thread; nic_stats asks the device and is for the control core only.
 * Bounds:  one burst is at most NIC_BURST_MAX frames.  Frames in flight are bounded
 *          by options.mbufs.  nic_rx, the sink and nic_flush neither wait, allocate
 *          nor, on a PCI device, enter the kernel (af_packet sends by system call).
 * Failure: nic_open says in a sentence why not and leaves nothing behind.  Later
 *          losses are counters of struct nic_stats; nothing else fails. */
#ifndef ASSAY_DRIVERS_NIC_NIC_H
#define ASSAY_DRIVERS_NIC_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/frame.h"

/* 32 frames fill the descriptors a device writes back at once and stay in the
 * first-level cache while they are parsed. */
#define NIC_BURST_MAX       32u
#define NIC_MAC_BYTES       6u
#define NIC_TEXT_BYTES_MAX  256u
#define NIC_QUEUES_MAX      16u
#define NIC_DESCRIPTORS_MIN 64u
#define NIC_DESCRIPTORS_MAX 32768u
#define NIC_MTU_MIN         1280u /* RFC 8200 section 5: the least an IPv6 link carries */

/* The device has been given to the EAL by mem_start (drivers/mem/mem.h) under
 * the same text; "sim" ends are made by sim_link_make instead. */
struct nic_options {
	const char *device;         /* "0000:03:00.0", or a vdev: "net_af_packet0,iface=eth1" */
	uint32_t    rx_descriptors; /* NIC_DESCRIPTORS_MIN to _MAX, rounded as the device wants */
	uint32_t    tx_descriptors;
	uint32_t    mbufs;            /* at least both descriptor counts and 2 bursts */
	uint32_t    mtu;              /* NIC_MTU_MIN to FRAME_MTU_MAX, without Ethernet header */
	uint32_t    queues;           /* receive queues, spread by RSS when more than 1; 1 today */
	bool        checksum_offload; /* use what the device has, if anything */
	bool        promiscuous;
};

/* Totals since nic_open. */
struct nic_stats {
	uint64_t rx_frames, rx_bytes;
	uint64_t tx_frames, tx_bytes;
	uint64_t rx_missed;    /* the device had no free descriptor: the net core is too slow */
	uint64_t rx_errors;    /* the device found the frame damaged */
	uint64_t rx_no_buffer; /* the pool was empty */
	uint64_t rx_chained;   /* dropped: came in several segments */
	uint64_t tx_errors;    /* the device refused */
	uint64_t tx_full;      /* dropped: the transmit ring was full */
	uint64_t tx_no_buffer; /* take was refused: the pool was empty */
};

struct nic_link {
	bool     up;
	bool     full_duplex;
	uint32_t speed_mbps; /* 0: the device does not say */
};

struct nic_facts {
	char     name[64];                       /* the device's, as DPDK knows it; "sim-a" */
	char     driver[32];                     /* "net_ixgbe", "net_af_packet", "sim" */
	uint32_t rx_descriptors, tx_descriptors; /* after rounding */
	uint32_t mtu;
	bool     rx_checksum; /* FRAME_CHECKSUM_GOOD is set on good frames */
	bool     rss;         /* the device can spread by address and port */
	int      numa_node;   /* -1: unknown */
};

struct nic;

/* One kind of device.  Every nic begins with this pointer. */
struct nic_ops {
	uint32_t (*rx)(struct nic *nic, struct frame *burst, uint32_t max);
	bool (*take)(struct nic *nic, struct frame *out);
	void (*send)(struct nic *nic, struct frame *frame);
	void (*drop)(struct nic *nic, struct frame *frame);
	void (*flush)(struct nic *nic);
	void (*stats)(struct nic *nic, struct nic_stats *out);
	void (*link)(struct nic *nic, struct nic_link *out);
	void (*close)(struct nic *nic);
};

/* What every kind has.  Read-only after open. */
struct nic {
	const struct nic_ops *ops;
	uint8_t               mac[NIC_MAC_BYTES];
	uint32_t              mtu;
	uint32_t              offloads; /* FRAME_OFFLOAD_... on transmit */
	struct nic_facts      facts;
};

/* Opens a DPDK device, sets it up and starts it.  False: `error` says why. */
bool nic_open(const struct nic_options *options, struct nic **out, char *error, size_t size_bytes);
void nic_close(struct nic *nic); /* every frame must have been given back; NULL is fine */

/* Up to `max` (<= NIC_BURST_MAX) frames, which then belong to the caller, who gives them
 * back through the sink's drop. */
uint32_t nic_rx(struct nic *nic, struct frame *burst, uint32_t max);
/* The way out, to be copied; it lives as long as the nic. */
struct frame_sink nic_sink(struct nic *nic);
/* Hands what was sent since the last call to the device.  Once a turn. */
void nic_flush(struct nic *nic);

void nic_stats(struct nic *nic, struct nic_stats *out);
void nic_link(struct nic *nic, struct nic_link *out);

static inline const uint8_t *nic_mac(const struct nic *nic)
{
	return nic->mac;
}

static inline const struct nic_facts *nic_facts(const struct nic *nic)
{
	return &nic->facts;
}

#endif
