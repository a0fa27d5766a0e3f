/* Time, for the few places that may read it.  Everything else takes `now` as an
 * argument.
 *
 * Monotonic time is the CPU's time stamp counter, scaled.  It is used only where
 * the counter is invariant (constant rate in every power state: CPUID 8000_0007h,
 * EDX bit 8; Intel SDM 3B 18.17.1); otherwise the vDSO's clock_gettime is, which
 * enters no kernel on any clock source a real machine uses.  Its zero is that of
 * CLOCK_MONOTONIC.
 *
 * Wall time is monotonic time plus an offset that the control thread refreshes
 * (clock_refresh, about once a second), so that steps and slews of NTP are followed
 * and the polling core reads two numbers instead of calling anybody.  The same call
 * corrects the rate of the counter against CLOCK_MONOTONIC.
 *
 * Owner:   one struct clock a process.  clock_refresh and clock_sim_* belong to one
 *          thread (control); any thread may read.  Readers never wait: a read that
 *          meets a refresh is tried again, at most while eight stores take place.
 * Bounds:  between two refreshes a second apart a read is off by less than 1 us.
 *          Monotonic time never goes back, across refreshes and cores.
 * Failure: none.
 * Twin:    clock_sim_init makes a clock that stands still until clock_sim_set; its
 *          wall time may jump either way, its monotonic time only forward. */
#ifndef ASSAY_DRIVERS_CLOCK_CLOCK_H
#define ASSAY_DRIVERS_CLOCK_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum clock_source { CLOCK_SOURCE_TSC, CLOCK_SOURCE_VDSO, CLOCK_SOURCE_SIM };

struct clock {
	enum clock_source source; /* fixed by init */
	_Atomic uint32_t  turn;   /* odd while the rest is being written */
	_Atomic uint64_t  base_cycles;
	_Atomic uint64_t  base_ns;        /* monotonic time at base_cycles */
	_Atomic uint64_t  ns_per_2_32;    /* nanoseconds in 2^32 cycles */
	_Atomic int64_t   wall_offset_ns; /* wall minus monotonic */
	/* the refreshing thread's own */
	uint64_t mark_cycles, mark_ns; /* where the rate is measured from */
	uint64_t rate;                 /* as measured, nanoseconds in 2^32 cycles */
};

/* Measures the counter for 20 ms (busy).  Boot only. */
void clock_init(struct clock *clock);
/* Chooses the source instead of asking the CPU: for tests and odd machines. */
void clock_init_source(struct clock *clock, enum clock_source source);
void clock_refresh(struct clock *clock);

uint64_t clock_now_ns(const struct clock *clock);  /* monotonic */
int64_t  clock_wall_ns(const struct clock *clock); /* since 1970-01-01 UTC, leap seconds left out */
uint64_t clock_hz(const struct clock *clock);      /* of the counter; 0 without one */
const char *clock_source_name(const struct clock *clock); /* "tsc", "vdso", "sim" */

/* Wall time from the system, for whoever has no struct clock and may call the kernel. */
int64_t clock_real_ns(void);

void clock_sim_init(struct clock *clock, uint64_t now_ns, int64_t wall_ns);
void clock_sim_set(struct clock *clock, uint64_t now_ns, int64_t wall_ns);

#endif
