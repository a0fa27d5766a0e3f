#include "firmware/turn.h"

#include "firmware/edge.h"

/* A reload takes effect here, between two turns, and is itself a record.  What is in the
 * pipeline is decided by what was in force when it went in.  Only here is it known which
 * edits of lists it has to take over. */
static void adopt(struct core *core)
{
	struct live *next = atomic_load_explicit(&core->next_live, memory_order_acquire);
	struct slot *slot;

	if (!next || pipeline_room(&core->pipeline) == 0 || !record_room(core, 1))
		return; /* tried again at the next turn */
	/* Control takes it back when it has waited too long: only one of us has it then. */
	if (atomic_exchange_explicit(&core->next_live, NULL, memory_order_acq_rel) != next)
		return;
	if (!pipeline_can_adopt(next, core->live, core->wall_ns, &core->misfit)) {
		atomic_store_explicit(&core->refused_epoch, next->epoch, memory_order_release);
		return;
	}
	slot       = pipeline_next(&core->pipeline);
	slot->live = next;
	pipeline_adopt(&core->pipeline, slot, core->live, core->wall_ns);
	core->live = next;
	walk_use(&core->walk, next);
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
	pipeline_emit(&core->pipeline, CORE_RECORDS_MAX); /* decided: records      */
	if (core->pipeline.threads == 0)
		decider_turn(&core->pipeline.deciders[0]); /* counters, now and then */
	edge_commit(core);                                 /* records safe: answers */
	tcp_timers(core->now_ns);
	edge_sweep(core);     /* whose time is up      */
	nic_flush(core->nic); /* answers -> frames     */
	edge_handshake(core); /* one newcomer's step   */
	stats_add(&core->stats->turns, 1);
}

void turn_run(struct core *core)
{
	while (!atomic_load_explicit(&core->stop, memory_order_relaxed))
		turn_once(core);
}
