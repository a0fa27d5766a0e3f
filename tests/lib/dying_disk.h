/* A disk whose machine dies: the first `calls_left` calls that change something reach
 * the simulated disk behind it, from then on every call fails.  Afterwards
 * disk_sim_power_cut(&dying->sim) and look at dying->sim.disk. */
#ifndef ASSAY_TESTS_LIB_DYING_DISK_H
#define ASSAY_TESTS_LIB_DYING_DISK_H

#include "drivers/disk/disk.h"

struct dying_disk {
	struct disk     disk;
	struct disk_sim sim;
	uint64_t        calls_left;
};

void dying_disk_init(struct dying_disk *dying, uint64_t seed, uint64_t calls_left);

#endif
