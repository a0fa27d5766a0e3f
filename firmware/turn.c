#include "firmware/turn.h"

#include <string.h>

#include "firmware/edge.h"
#include "firmware/version.h"
#include "runtime/audit/audit.h"

/* A reload takes effect here, between two turns, and is itself a record. */
static void adopt(struct core *core)
{
	struct live       *next = atomic_load_explicit(&core->next_live, memory_order_acquire);
	struct audit_event event;
	void              *room;

	if (!next)
		return;
	room = lane_reserve(&core->records, AUDIT_RECORD_BYTES_MAX);
	if (!room)
		return; /* tried again at the next turn */
	event = (struct audit_event){
		.kind             = AUDIT_CONFIG,
		.now_ns           = core->wall_ns,
		.artefacts        = &next->digests,
		.durable_sequence = atomic_load_explicit(core->durable_sequence,
							 memory_order_relaxed),
		.note             = bytes_of("reload", strlen("reload")),
		.build            = bytes_of(assay_version(), strlen(assay_version())),
	};
	lane_commit(&core->records,
		    audit_encode_event(room, AUDIT_RECORD_BYTES_MAX, &event, &core->chain));
	core->live = next;
	walk_use(&core->walk, next);
	stats_add(&core->stats->reloads, 1);
	stats_set(&core->stats->audit_sequence_next, core->chain.next_sequence);
	atomic_store_explicit(&core->next_live, NULL, memory_order_relaxed);
	atomic_store_explicit(&core->adopted_epoch, next->epoch, memory_order_release);
}

/* One turn.  The only read of the wall clock is here; each line is bounded by a
 * constant of core.h, nic.h or tcp.h. */
void turn_once(struct core *core)
{
	struct frame burst[NIC_BURST_MAX];
	uint32_t     n;

	core->now_ns  = clock_now_ns(core->clock);
	core->wall_ns = clock_wall_ns(core->clock);
	adopt(core); /* config, keys, model   */
	n = nic_rx(core->nic, burst, NIC_BURST_MAX);
	for (uint32_t i = 0; i < n; i++)
		tcp_frame_input(&burst[i], core->now_ns); /* frames -> requests    */
	edge_resume(core);                                /* who had to wait       */
	edge_commit(core);                                /* records safe: answers */
	tcp_timers(core->now_ns);
	edge_sweep(core);     /* whose time is up      */
	nic_flush(core->nic); /* answers -> frames     */
	stats_add(&core->stats->turns, 1);
}

void turn_run(struct core *core)
{
	while (!atomic_load_explicit(&core->stop, memory_order_relaxed))
		turn_once(core);
}
