#include "firmware/control.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mem/mem.h"
#include "firmware/log.h"
#include "firmware/metrics.h"
#include "firmware/nap.h"
#include "firmware/record_put.h"
#include "firmware/reload.h"
#include "firmware/turn.h"
#include "firmware/version.h"
#include "runtime/audit/audit.h"
#include "runtime/reply/reply.h"

#define EVENTS_PER_STEP 256
#define DRAIN_WAIT_MS   3000
#define FAREWELL_MS     500 /* for the peers to close as well, once we have */
#define CONTROL_WAIT_MS 50
#define DECIDER_NAP_US  20

static _Atomic bool          stop_asked; /* lock-free, so a handler may set it */
static volatile sig_atomic_t reload_asked;

void appliance_ask_stop(void)
{
	atomic_store_explicit(&stop_asked, true, memory_order_relaxed);
}

const _Atomic bool *appliance_stop_asked(void)
{
	return &stop_asked;
}

void appliance_ask_reload(void)
{
	reload_asked = 1;
}

enum reason appliance_unready(struct appliance *appliance)
{
	if (!atomic_load(&appliance->core.ready))
		return REASON_not_ready;
	if (core_audit_refuses(&appliance->core))
		return REASON_audit_unwritable;
	if (!live_lists_are_good(appliance->live, clock_wall_ns(&appliance->clock)))
		return REASON_revocation_list_old;
	return REASON_NONE;
}

/* ---- routes of the management listener */

static struct live *current_live(void *ctx)
{
	return ((struct appliance *)ctx)->live;
}

static void answer_metrics(struct appliance *appliance, struct manage_answer *answer)
{
	answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
	answer->body_bytes   = metrics_write(appliance, answer->body, MANAGE_ANSWER_BYTES_MAX);
}

static void answer_status(struct appliance *appliance, struct manage_answer *answer)
{
	answer->body_bytes = status_write(appliance, answer->body, MANAGE_ANSWER_BYTES_MAX);
}

static void answer_reload(struct appliance *appliance, struct manage_answer *answer)
{
	bool applied = appliance_reload(appliance, answer->body, MANAGE_ANSWER_BYTES_MAX);

	answer->status     = applied ? 200 : 422;
	answer->body_bytes = strlen(answer->body);
}

static void answer_health(struct appliance *appliance, struct manage_answer *answer)
{
	enum reason reason = appliance_unready(appliance);

	answer->status     = reason == REASON_NONE ? 200 : 503;
	answer->body_bytes = reply_health(answer->body, MANAGE_ANSWER_BYTES_MAX, reason);
}

static void answer_live(struct appliance *appliance, struct manage_answer *answer)
{
	(void)appliance;
	answer->body_bytes = reply_health(answer->body, MANAGE_ANSWER_BYTES_MAX, REASON_NONE);
}

static void answer_version(struct appliance *appliance, struct manage_answer *answer)
{
	struct reply_about about = {
		.name    = appliance->live->config.name,
		.version = assay_version(),
		.build   = assay_build(),
		.digests = &appliance->live->brain.digests,
	};

	answer->body_bytes = reply_version(answer->body, MANAGE_ANSWER_BYTES_MAX, &about);
}

static void (*const answers[HTTP_ROUTE_COUNT])(struct appliance *, struct manage_answer *) = {
	[HTTP_ROUTE_HEALTH_LIVE] = answer_live, [HTTP_ROUTE_HEALTH_READY] = answer_health,
	[HTTP_ROUTE_VERSION] = answer_version,  [HTTP_ROUTE_METRICS] = answer_metrics,
	[HTTP_ROUTE_STATUS] = answer_status,    [HTTP_ROUTE_RELOAD] = answer_reload,
};

static void answer(void *ctx, enum http_route route, struct manage_answer *out)
{
	answers[route](ctx, out);
}

bool control_listen(struct appliance *appliance, const char *address, uint16_t port,
		    char error[APPLIANCE_ERROR_BYTES])
{
	struct manage_ops ops = { .live = current_live, .answer = answer, .ctx = appliance };

	return manage_open(address, port, &ops, &appliance->manage, error);
}

/* ---- the role's loop */

static void write_events(struct appliance *appliance)
{
	size_t                  size;
	const struct log_event *event;

	for (int i = 0; i < EVENTS_PER_STEP; i++) {
		event = lane_peek(&appliance->core.events, &size);
		if (!event)
			return;
		log_event_write(event);
		lane_release(&appliance->core.events);
	}
}

/* Said once for each configuration whose list has grown too old. */
static void watch_lists(struct appliance *appliance)
{
	const struct live *live = appliance->live;

	if (appliance->list_old_epoch == live->epoch ||
	    live_lists_are_good(live, clock_wall_ns(&appliance->clock)))
		return;
	appliance->list_old_epoch = live->epoch;
	log_write(LOG_ERROR, "%s: %s", live->config.tls.revocation_list,
		  reason_row_of(REASON_revocation_list_old)->meaning);
}

/* The audit role is in the disk's hands then and says nothing itself. */
static void watch_disk(struct appliance *appliance)
{
	bool late = atomic_load_explicit(&appliance->core.audit_late, memory_order_relaxed);

	if (late == appliance->late_told)
		return;
	appliance->late_told = late;
	if (late)
		log_write(LOG_ERROR,
			  "audit: the disk hangs: a record is not there after "
			  "audit.patience_ms (%u); requests get 503 until it is",
			  appliance->config.audit.patience_ms);
	else
		log_write(LOG_WARNING, "audit: the disk goes on");
}

void control_step(struct appliance *appliance, int timeout_ms)
{
	manage_step(appliance->manage, timeout_ms);
	write_events(appliance);
	clock_refresh(&appliance->clock);
	reload_free_retired(appliance);
	watch_lists(appliance);
	watch_disk(appliance);
	if (reload_asked) {
		static char text[65536];

		reload_asked = 0;
		appliance_reload(appliance, text, sizeof(text));
	}
}

static void *run_net(void *ctx)
{
	if (!mem_thread_enter())
		log_write(LOG_WARNING, "the net core has no cache of packet buffers: it is slower");
	turn_run(ctx);
	return NULL;
}

/* A decider owns its core and polls.  One that was given the core of audit or control
 * leaves it to them while it has nothing to do. */
static void *run_decider(void *ctx)
{
	struct decider *decider = ctx;

	while (!atomic_load_explicit(&decider->stop, memory_order_relaxed))
		if (!decider_turn(decider) && decider->shares_core)
			nap_us(DECIDER_NAP_US);
	return NULL;
}

static void *run_audit(void *ctx)
{
	audit_role_run(ctx);
	return NULL;
}

static void start_on(pthread_t *thread, const char *name, uint32_t core, void *(*run)(void *),
		     void *ctx)
{
	pthread_attr_t attr;
	cpu_set_t      cpus;
	int            rc;

	CPU_ZERO(&cpus);
	CPU_SET(core, &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	rc = pthread_create(thread, &attr, run, ctx);
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		log_write(LOG_ERROR, "cannot start %s on core %u: %s", name, core, strerror(rc));
		abort();
	}
	pthread_setname_np(*thread, name);
}

/* Is the core of decider `i` another role's, too? */
static bool shares(const struct config_cores *cores, uint32_t i)
{
	uint32_t core = cores->decide[i];

	for (uint32_t other = 0; other < cores->decide_count; other++)
		if (other != i && cores->decide[other] == core)
			return true;
	return core == cores->audit || core == cores->control;
}

void appliance_run(struct appliance *appliance)
{
	const struct config *config = &appliance->config;
	cpu_set_t            cpus;

	CPU_ZERO(&cpus);
	CPU_SET(config->cores.control, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	start_on(&appliance->audit_thread, "audit", config->cores.audit, run_audit,
		 &appliance->audit);
	appliance->audit_started = true;
	for (uint32_t i = 0; i < config->cores.decide_count; i++)
		appliance->core.pipeline.deciders[i].shares_core = shares(&config->cores, i);
	for (uint32_t i = 0; i < config->cores.decide_count; i++)
		start_on(&appliance->decide_threads[i], "decide", config->cores.decide[i],
			 run_decider, &appliance->core.pipeline.deciders[i]);
	atomic_store(&appliance->core.ready, true);
	start_on(&appliance->net_thread, "net", config->cores.net, run_net, &appliance->core);
	appliance->net_started = true;
	snapshots_start(&appliance->snapshot_role, config,
			config->state.snapshot_directory[0] ? &appliance->snapshots.disk : NULL,
			&appliance->audit.durable_sequence);
	log_write(LOG_INFO, "ready: port %u on %s, management on %s port %u", config->tcp.port,
		  nic_facts(appliance->core.nic)->name, config->management.address,
		  config->management.port);
	if (!reload_is_allowed(config))
		log_write(LOG_WARNING, "callers: nobody may reload; SIGHUP alone will do");
	while (!atomic_load_explicit(&stop_asked, memory_order_relaxed))
		control_step(appliance, CONTROL_WAIT_MS);
}

/* Requests in flight get their answers, with Connection: close, and every connection
 * its close_notify and FIN; then the net core ends, then audit once everything is on
 * disk. */
static void drain(struct appliance *appliance)
{
	struct stats *stats = appliance->core.stats;

	atomic_store(&appliance->core.ready, false);
	atomic_store(&appliance->core.draining, true);
	for (int ms = 0; ms < DRAIN_WAIT_MS; ms += 10) {
		if (stats_get(&stats->jobs_in_use) == 0 && stats_get(&stats->connections_open) == 0)
			break;
		nap_ms(10);
	}
	nap_ms(20); /* the last frames leave */
	for (int ms = 0; ms < FAREWELL_MS && tcp_stats()->connections_lingering > 0; ms += 10)
		nap_ms(10);
}

static void put_stop_record(struct appliance *appliance)
{
	struct core       *core = &appliance->core;
	struct record_life life = {
		.kind             = AUDIT_STOP,
		.note             = "stop",
		.now_ns           = clock_wall_ns(&appliance->clock),
		.artefacts        = &appliance->live->brain.digests,
		.durable_sequence = atomic_load(&appliance->audit.durable_sequence),
	};
	void *room = lane_reserve(&core->records, AUDIT_RECORD_BYTES_MAX);

	if (room)
		lane_commit(&core->records, record_put_life(room, &life, &core->chain));
}

void appliance_stop(struct appliance *appliance)
{
	snapshots_ask_stop(&appliance->snapshot_role);
	if (appliance->net_started) {
		drain(appliance);
		atomic_store(&appliance->core.stop, true);
		pthread_join(appliance->net_thread, NULL);
		pipeline_stop(&appliance->core.pipeline, appliance->decide_threads);
		put_stop_record(appliance);
	}
	snapshots_stop(&appliance->snapshot_role);
	if (appliance->audit_started) {
		atomic_store(&appliance->audit.stop, true);
		pthread_join(appliance->audit_thread, NULL);
		audit_log_close(&appliance->log);
	}
	if (appliance->net_started)
		write_events(appliance);
	manage_close(appliance->manage);
	if (appliance->core.nic) {
		tcp_stop();
		nic_close(appliance->core.nic);
		mem_stop();
	}
	log_write(LOG_INFO, "stopped");
}
