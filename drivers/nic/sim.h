/* The simulated twin: two NICs back to back on a wire that loses, duplicates,
 * reorders and delays frames.  Needs no DPDK, no hugepages and no root.
 *
 *     a  --- wire a>b: loss, duplicates, delay, order --->  b
 *     a  <-- wire b>a: the same, its own random stream ---  b
 *
 * A frame leaves when it is flushed, at the time sim_link_advance was last given,
 * and arrives when that time has reached the moment drawn for it.  What befalls
 * frame number k of a direction depends on the seed, the direction and k alone, so
 * one seed gives one history, whatever the other direction does.
 *
 *   lost        never arrives
 *   duplicated  arrives twice, each with its own delay
 *   delayed     waits delay_ns_min to delay_ns_max; a wire is a queue, so it also
 *               waits for those sent before it, and delay alone reorders nothing
 *   reordered   waits `reorder_ns` more, outside the queue, so that later ones overtake
 *
 * Owner:   one thread for both ends and the link.
 * Bounds:  `frames` buffers for each end; when they are used up take is false
 *          (tx_no_buffer) and a frame that arrives waits on the wire until one is
 *          free; the wire holds `frames` and drops (tx_full) beyond that.
 * Memory:  malloc in sim_link_make only. */
#ifndef ASSAY_DRIVERS_NIC_SIM_H
#define ASSAY_DRIVERS_NIC_SIM_H

#include "drivers/nic/nic.h"

struct sim_options {
	uint32_t loss_ppm, duplicate_ppm, reorder_ppm; /* parts per million, each <= 1,000,000 */
	uint64_t delay_ns_min, delay_ns_max;           /* min <= max */
	uint64_t reorder_ns;       /* how long a reordered frame is held; 0: 1 ms */
	uint32_t mtu;              /* 0: 1500 */
	uint32_t frames;           /* buffers an end; 0: 1024 */
	bool     checksum_offload; /* pretend: received frames carry FRAME_CHECKSUM_GOOD if the
				      sums hold, and the wire fills in sums asked for */
};

/* What the wire did, one direction. */
struct sim_counters {
	uint64_t sent, arrived, lost, duplicated, reordered, delayed, overflowed;
};

struct sim_link;

/* NULL: an option is out of range, or there is no memory.  Both ends live as long
 * as the link; nic_close on an end does nothing. */
struct sim_link *sim_link_make(uint64_t seed, const struct sim_options *options);
void             sim_link_free(struct sim_link *link); /* NULL is fine */
struct nic      *sim_link_a(struct sim_link *link);
struct nic      *sim_link_b(struct sim_link *link);

/* Sets the wire's time, which never goes back. */
void sim_link_advance(struct sim_link *link, uint64_t now_ns);
/* When the next frame arrives at either end; UINT64_MAX: the wire is empty. */
uint64_t sim_link_next_ns(const struct sim_link *link);

struct sim_counters sim_link_counters_ab(const struct sim_link *link);

#endif
