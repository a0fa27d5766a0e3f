/* What lwIP does with time, in ticks of 10 ms. */
#include "drivers/tcp/internal.h"
#include "lwip/etharp.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/stats.h"

/* A late core catches up two ticks a call and forgets what is older than this;
 * its timers then run late, which only makes it patient. */
#define TICKS_PER_CALL 2
#define TICKS_LATE_MAX 50

static void connections_tick(void)
{
	tcp_table_join();
	tcp_tmr();
	tcp_table_deal();
}

static const struct {
	void (*run)(void);
	uint32_t every_ticks;
} timers[] = {
	{ connections_tick, TCP_TMR_INTERVAL * 1000000u / TCP_TICK_NS },
	{ tcp_linger_tick, 5 },
	{ mld6_tmr, MLD6_TMR_INTERVAL * 1000000ull / TCP_TICK_NS },
	{ tcp_stats_collect, 10 },
	{ etharp_tmr, ARP_TMR_INTERVAL * 1000000ull / TCP_TICK_NS },
	{ nd6_tmr, ND6_TMR_INTERVAL * 1000000ull / TCP_TICK_NS },
};

static void tick(void)
{
	tcp_one.ticks++;
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		if (tcp_one.ticks % timers[i].every_ticks == 0)
			timers[i].run();
}

void tcp_timers(uint64_t now_ns)
{
	if (now_ns < tcp_one.tick_next_ns)
		return;
	tcp_enter(now_ns);
	for (int i = 0; i < TICKS_PER_CALL && now_ns >= tcp_one.tick_next_ns; i++) {
		tick();
		tcp_one.tick_next_ns += TCP_TICK_NS;
	}
	if (now_ns > tcp_one.tick_next_ns + (uint64_t)TICKS_LATE_MAX * TCP_TICK_NS)
		tcp_one.tick_next_ns = now_ns;
	tcp_leave();
}

/* lwIP counts for itself in 32 bits; the differences go into ours. */
void tcp_stats_collect(void)
{
	static const size_t malformed[] = {
		offsetof(struct stats_, tcp.lenerr),    offsetof(struct stats_, ip.lenerr),
		offsetof(struct stats_, ip.proterr),    offsetof(struct stats_, ip.err),
		offsetof(struct stats_, ip6.lenerr),    offsetof(struct stats_, ip6.proterr),
		offsetof(struct stats_, ip6.err),       offsetof(struct stats_, etharp.proterr),
		offsetof(struct stats_, etharp.lenerr), offsetof(struct stats_, icmp.lenerr),
	};
	struct tcp_stats *stats = &tcp_one.stats;

	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		STAT_COUNTER *counter = (STAT_COUNTER *)((uint8_t *)&lwip_stats + malformed[i]);

		tcp_count(&stats->dropped_malformed, (int64_t)*counter);
		*counter = 0;
	}
	tcp_count(&stats->dropped_checksum,
		  (int64_t)(lwip_stats.tcp.chkerr + lwip_stats.ip.chkerr + lwip_stats.icmp.chkerr +
			    lwip_stats.icmp6.chkerr));
	lwip_stats.tcp.chkerr = lwip_stats.ip.chkerr = 0;
	lwip_stats.icmp.chkerr = lwip_stats.icmp6.chkerr = 0;
}
