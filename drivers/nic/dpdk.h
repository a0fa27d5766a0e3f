/* Private to the dpdk kind of nic: what its setup (dpdk_open.c) and its flow
 * (dpdk.c) share. */
#ifndef ASSAY_DRIVERS_NIC_DPDK_H
#define ASSAY_DRIVERS_NIC_DPDK_H

#include <rte_mbuf.h>
#include <stdatomic.h>

#include "drivers/nic/nic.h"

/* Frames that wait for nic_flush: what one turn can answer, eight bursts.  The
 * rest of a flush the device had no room for stays here for the next. */
#define DPDK_QUEUE_MAX 256u
/* Free buffers a thread keeps at hand; refilled from the pool in bulk. */
#define DPDK_CACHE_MAX 256u

struct dpdk_nic {
	struct nic          nic; /* first: nic_ops get a pointer to it */
	uint16_t            port;
	uint16_t            queues;
	uint16_t            next_queue;     /* polled next */
	uint32_t            capacity_bytes; /* of a taken frame */
	struct rte_mempool *pool;
	struct rte_mbuf    *queue[DPDK_QUEUE_MAX];
	uint32_t            queued;
	uint64_t            stats_base[8]; /* the device's counters at open, see dpdk.c */
	/* one writer, the polling thread */
	_Atomic uint64_t rx_chained, tx_full, tx_no_buffer, tx_errors;
};

extern const struct nic_ops dpdk_ops;

/* Notes the device's counters, so that statistics begin at open. */
void dpdk_stats_begin(struct dpdk_nic *nic);

#endif
