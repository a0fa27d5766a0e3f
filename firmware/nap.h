/* Sleeping, for threads that may: never a polling core, but a decider that shares its own. */
#ifndef ASSAY_FIRMWARE_NAP_H
#define ASSAY_FIRMWARE_NAP_H

#include <stdint.h>
#include <time.h>

/* Or less, when a signal comes. */
static inline void nap_us(uint64_t us)
{
	struct timespec ts = { .tv_sec  = (time_t)(us / 1000000),
			       .tv_nsec = (long)(us % 1000000 * 1000) };

	nanosleep(&ts, NULL);
}

static inline void nap_ms(uint64_t ms)
{
	nap_us(1000 * ms);
}

#endif
