#include "drivers/clock/clock.h"

#include <assert.h>
#include <cpuid.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#define NS_PER_SECOND     UINT64_C(1000000000)
/* Long enough that the 30 ns of a clock_gettime are 1.5 millionths of it; the
 * refreshes then lengthen the baseline and sharpen the rate. */
#define CALIBRATE_NS      UINT64_C(20000000)
/* The rate is measured since a mark that is moved this often, so that it follows
 * what NTP does to CLOCK_MONOTONIC's frequency. */
#define MARK_NS           (16 * NS_PER_SECOND)
#define TRIES             8
#define LOOK_AHEAD_CYCLES 1000

static uint64_t kernel_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

/* Intel SDM 3B 18.17.1 and AMD APM 3 E.4.7: CPUID 8000_0007h EDX bit 8. */
static bool counter_is_invariant(void)
{
	uint32_t a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

/* A counter value and the kernel's time of the same moment, as close together as
 * a few tries bring them: an interrupt in between would spoil the rate. */
static void read_pair(uint64_t *cycles, uint64_t *ns)
{
	uint64_t best = UINT64_MAX;

	*cycles = *ns = 0;
	for (int i = 0; i < TRIES; i++) {
		const uint64_t before = __rdtsc();
		const uint64_t now_ns = kernel_ns(CLOCK_MONOTONIC);
		const uint64_t after  = __rdtsc();

		if (after - before < best) {
			best    = after - before;
			*cycles = before + best / 2;
			*ns     = now_ns;
		}
	}
}

static uint64_t scale(uint64_t cycles, uint64_t ns_per_2_32)
{
	return (uint64_t)(((unsigned __int128)cycles * ns_per_2_32) >> 32);
}

static uint64_t rate_of(uint64_t cycles, uint64_t ns)
{
	return (uint64_t)(((unsigned __int128)ns << 32) / cycles);
}

static uint64_t load(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

/* A sequence lock: `turn` is odd while the numbers change. */
static void write_begin(struct clock *clock)
{
	atomic_fetch_add_explicit(&clock->turn, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void write_end(struct clock *clock)
{
	atomic_fetch_add_explicit(&clock->turn, 1, memory_order_release);
}

static void publish(struct clock *clock, uint64_t cycles, uint64_t ns, uint64_t rate, int64_t wall)
{
	write_begin(clock);
	atomic_store_explicit(&clock->base_cycles, cycles, memory_order_relaxed);
	atomic_store_explicit(&clock->base_ns, ns, memory_order_relaxed);
	atomic_store_explicit(&clock->ns_per_2_32, rate, memory_order_relaxed);
	atomic_store_explicit(&clock->wall_offset_ns, wall, memory_order_relaxed);
	write_end(clock);
}

/* Wall minus monotonic, from the try that was least disturbed. */
static int64_t wall_offset_now(void)
{
	uint64_t best   = UINT64_MAX;
	int64_t  offset = 0;

	for (int i = 0; i < TRIES; i++) {
		const uint64_t before = kernel_ns(CLOCK_MONOTONIC);
		const uint64_t wall   = kernel_ns(CLOCK_REALTIME);
		const uint64_t after  = kernel_ns(CLOCK_MONOTONIC);

		if (after - before < best) {
			best   = after - before;
			offset = (int64_t)(wall - before - best / 2);
		}
	}
	return offset;
}

/* The rate since the mark, or the last one when the mark is too fresh to tell. */
static uint64_t measure_rate(struct clock *clock, uint64_t cycles, uint64_t ns)
{
	const uint64_t passed_ns = ns - clock->mark_ns;

	if (passed_ns >= CALIBRATE_NS)
		clock->rate = rate_of(cycles - clock->mark_cycles, passed_ns);
	if (passed_ns >= MARK_NS) {
		clock->mark_cycles = cycles;
		clock->mark_ns     = ns;
	}
	return clock->rate;
}

void clock_init(struct clock *clock)
{
	clock_init_source(clock, counter_is_invariant() ? CLOCK_SOURCE_TSC : CLOCK_SOURCE_VDSO);
}

void clock_init_source(struct clock *clock, enum clock_source source)
{
	uint64_t cycles = 0, ns = 0, rate = 0;

	assert(source != CLOCK_SOURCE_SIM);
	memset(clock, 0, sizeof(*clock));
	clock->source = source;
	if (source == CLOCK_SOURCE_TSC) {
		read_pair(&clock->mark_cycles, &clock->mark_ns);
		do {
			read_pair(&cycles, &ns);
		} while (ns - clock->mark_ns < CALIBRATE_NS);
		rate = measure_rate(clock, cycles, ns);
	}
	publish(clock, cycles, ns, rate, wall_offset_now());
}

/* Another rate from now on.  Now is when readers have been turned away, not when the pair was
 * read: this thread may have slept since then, and what was told meanwhile at a higher rate
 * must not be taken back.  The pause is longer than a processor looks ahead, so that a
 * reader who saw the turn before has read the counter before. */
static void turn_over(struct clock *clock, uint64_t rate, int64_t wall_offset_ns)
{
	const uint64_t before = load(&clock->base_cycles), base_ns = load(&clock->base_ns);
	const uint64_t old_rate = load(&clock->ns_per_2_32);
	uint64_t       from, cycles;

	write_begin(clock);
	atomic_thread_fence(memory_order_seq_cst);
	from = __rdtsc();
	do
		cycles = __rdtsc();
	while (cycles - from < LOOK_AHEAD_CYCLES);
	atomic_store_explicit(&clock->base_cycles, cycles, memory_order_relaxed);
	atomic_store_explicit(&clock->base_ns, base_ns + scale(cycles - before, old_rate) + 1,
			      memory_order_relaxed);
	atomic_store_explicit(&clock->ns_per_2_32, rate, memory_order_relaxed);
	atomic_store_explicit(&clock->wall_offset_ns, wall_offset_ns, memory_order_relaxed);
	write_end(clock);
}

/* The counter runs on from what readers were told, not from the kernel's time, or
 * monotonic time could go back.  What it is off by is made up for by a rate a little
 * higher or lower until the next refresh, at most 1/16, so it is never jumped. */
static void refresh_counter(struct clock *clock)
{
	const uint64_t base_ns = load(&clock->base_ns);
	uint64_t       cycles, ns;

	read_pair(&cycles, &ns);
	const uint64_t run_ns = scale(cycles - load(&clock->base_cycles),
				      load(&clock->ns_per_2_32));
	const uint64_t rate   = measure_rate(clock, cycles, ns);
	const int64_t  off_ns = (int64_t)(ns - base_ns - run_ns);
	/* Spread over an interval as long as the last, and no less than a second. */
	const int64_t over_ns = (int64_t)(run_ns > NS_PER_SECOND ? run_ns : NS_PER_SECOND);
	const int64_t bound   = over_ns / 16;
	const int64_t pull_ns = off_ns > bound ? bound : off_ns < -bound ? -bound : off_ns;
	const int64_t slew    = (int64_t)((__int128)rate * pull_ns / over_ns);

	turn_over(clock, (uint64_t)((int64_t)rate + slew), wall_offset_now());
}

void clock_refresh(struct clock *clock)
{
	if (clock->source == CLOCK_SOURCE_TSC)
		refresh_counter(clock);
	else if (clock->source == CLOCK_SOURCE_VDSO)
		publish(clock, 0, 0, 0, wall_offset_now());
}

/* Monotonic time and wall offset that belong together. */
static uint64_t read_both(const struct clock *clock, int64_t *wall_offset_ns)
{
	uint64_t base_cycles, base_ns, rate, cycles;
	uint32_t turn;

	do {
		turn            = atomic_load_explicit(&clock->turn, memory_order_acquire);
		base_cycles     = load(&clock->base_cycles);
		base_ns         = load(&clock->base_ns);
		rate            = load(&clock->ns_per_2_32);
		*wall_offset_ns = atomic_load_explicit(&clock->wall_offset_ns,
						       memory_order_relaxed);
		cycles          = clock->source == CLOCK_SOURCE_TSC ? __rdtsc() : 0;
		atomic_thread_fence(memory_order_acquire);
	} while ((turn & 1u) || turn != atomic_load_explicit(&clock->turn, memory_order_relaxed));

	if (clock->source == CLOCK_SOURCE_VDSO)
		return kernel_ns(CLOCK_MONOTONIC);
	/* Another core's counter may be a few cycles behind the one that refreshed. */
	return base_ns + (cycles > base_cycles ? scale(cycles - base_cycles, rate) : 0);
}

uint64_t clock_now_ns(const struct clock *clock)
{
	int64_t wall_offset_ns;

	return read_both(clock, &wall_offset_ns);
}

int64_t clock_wall_ns(const struct clock *clock)
{
	int64_t        wall_offset_ns;
	const uint64_t now_ns = read_both(clock, &wall_offset_ns);

	return (int64_t)now_ns + wall_offset_ns;
}

uint64_t clock_hz(const struct clock *clock)
{
	if (clock->source != CLOCK_SOURCE_TSC)
		return 0;
	return (uint64_t)(((unsigned __int128)NS_PER_SECOND << 32) / clock->rate);
}

const char *clock_source_name(const struct clock *clock)
{
	static const char *const names[] = {
		[CLOCK_SOURCE_TSC]  = "tsc",
		[CLOCK_SOURCE_VDSO] = "vdso",
		[CLOCK_SOURCE_SIM]  = "sim",
	};
	return names[clock->source];
}

int64_t clock_real_ns(void)
{
	return (int64_t)kernel_ns(CLOCK_REALTIME);
}

void clock_sim_init(struct clock *clock, uint64_t now_ns, int64_t wall_ns)
{
	memset(clock, 0, sizeof(*clock));
	clock->source = CLOCK_SOURCE_SIM;
	publish(clock, 0, now_ns, 0, wall_ns - (int64_t)now_ns);
}

void clock_sim_set(struct clock *clock, uint64_t now_ns, int64_t wall_ns)
{
	assert(clock->source == CLOCK_SOURCE_SIM && now_ns >= load(&clock->base_ns));
	publish(clock, 0, now_ns, 0, wall_ns - (int64_t)now_ns);
}
