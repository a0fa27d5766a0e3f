#include "firmware/core.h"

#include <assert.h>
#include <string.h>

#include "drivers/mem/mem.h"
#include "firmware/audit_role.h"
#include "runtime/audit/audit.h"
#include "runtime/reply/reply.h"

static_assert(LOG_DETAIL_BYTES_MAX == TLS_TEXT_BYTES_MAX, "a TLS failure's text is copied whole");

/* Room for the largest answer: a full batch, or a problem. */
static size_t out_capacity(const struct config *config)
{
	size_t batch = REPLY_BATCH_BYTES_MAX(config->decode.batch_max); /* the longest body */

	return HTTP_HEAD_BYTES_MAX +
	       (batch > HTTP_PROBLEM_BYTES_MAX ? batch : HTTP_PROBLEM_BYTES_MAX);
}

static size_t line_up(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

struct job_layout {
	size_t head, body, transactions, answers, out, bytes;
};

static struct job_layout lay_out_job(const struct config *config, const struct http_limits *limits)
{
	struct job_layout layout;

	layout.head         = 0;
	layout.body         = line_up(http_head_memory_bytes(limits));
	layout.transactions = layout.body +
			      line_up(limits->body_bytes_max + HTTP_BODY_PADDING_BYTES);
	layout.answers = layout.transactions +
			 line_up(config->decode.batch_max * sizeof(struct transaction));
	layout.out   = layout.answers + line_up(config->decode.batch_max * sizeof(uint64_t));
	layout.bytes = layout.out + line_up(out_capacity(config));
	return layout;
}

/* A third of the huge pages is for requests under way, the rest for frames,
 * connections, the decoder and models. */
static uint32_t count_jobs(const struct config *config, const struct job_layout *layout)
{
	uint64_t budget = ((uint64_t)config->memory.hugepages_mib << 20) / 3;
	uint64_t jobs   = budget / layout->bytes;

	if (jobs > CORE_JOBS_MAX)
		jobs = CORE_JOBS_MAX;
	return jobs < CORE_JOBS_MIN ? CORE_JOBS_MIN : (uint32_t)jobs;
}

static void plan_jobs(struct core *core, const struct config *config)
{
	struct job_layout layout = lay_out_job(config, &core->limits);
	uint8_t          *memory;

	core->jobs_max = count_jobs(config, &layout);
	core->jobs     = mem_take("jobs", core->jobs_max * sizeof(struct job), 64);
	memory         = mem_take("job buffers", core->jobs_max * layout.bytes, 64);
	for (uint32_t i = core->jobs_max; i-- > 0; memory += layout.bytes) {
		struct job *job = &core->jobs[i];

		job->head    = memory + layout.head;
		job->request = (struct walk_request){
			.body         = memory + layout.body,
			.transactions = (struct transaction *)(memory + layout.transactions),
			.batch_max    = config->decode.batch_max,
		};
		job->answers    = (uint64_t *)(memory + layout.answers);
		job->out        = memory + layout.out;
		job->next       = core->jobs_free;
		core->jobs_free = job;
	}
}

static void plan_conns(struct core *core, const struct config *config)
{
	core->conns_max = config->tcp.connections_max;
	core->conns     = mem_take("connections", core->conns_max * sizeof(struct conn), 64);
	for (uint32_t i = core->conns_max; i-- > 0;) {
		core->conns[i].wait_next = core->conns_free;
		core->conns_free         = &core->conns[i];
	}
}

static size_t ring_bytes(size_t wanted_bytes)
{
	size_t bytes = LANE_RING_BYTES_MIN;

	while (bytes < wanted_bytes && bytes < LANE_RING_BYTES_MAX)
		bytes *= 2;
	return bytes;
}

static size_t events_bytes(void)
{
	return ring_bytes(1024 * sizeof(struct log_event));
}

static size_t records_bytes(const struct config *config)
{
	return ring_bytes((size_t)config->audit.ring_kib << 10);
}

static void plan_lanes(struct core *core, const struct config *config)
{
	size_t events  = events_bytes();
	size_t records = records_bytes(config);

	lane_init(&core->events, mem_take("event lane", events, LANE_ALIGN_BYTES), events);
	lane_init(&core->records, mem_take("audit lane", records, LANE_ALIGN_BYTES), records);
}

uint64_t core_stamp(void *clock)
{
	return clock_now_ns(clock);
}

static struct decode_limits decode_limits_of(const struct config *config)
{
	return (struct decode_limits){
		.body_bytes_max = config->http.body_bytes_max,
		.batch_max      = config->decode.batch_max,
	};
}

static struct http_limits http_limits_of(const struct config *config)
{
	return (struct http_limits){
		.target_bytes_max = config->http.target_bytes_max,
		.header_bytes_max = config->http.header_bytes_max,
		.headers_max      = config->http.headers_max,
		.body_bytes_max   = config->http.body_bytes_max,
		.surfaces         = HTTP_SURFACE_SERVICE,
	};
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

struct core_need core_need(const struct config *config)
{
	struct http_limits   http   = http_limits_of(config);
	struct decode_limits decode = decode_limits_of(config);
	struct job_layout    layout = lay_out_job(config, &http);
	struct core_need     need   = { .jobs = count_jobs(config, &layout) };

	need.jobs_bytes    = need.jobs * (layout.bytes + sizeof(struct job));
	need.conns_bytes   = config->tcp.connections_max * sizeof(struct conn);
	need.lanes_bytes   = events_bytes() + records_bytes(config);
	need.decoder_bytes = decode_size(&decode);
	need.total_bytes   = need.jobs_bytes + need.conns_bytes + need.lanes_bytes +
			   need.decoder_bytes + sizeof(struct stats) +
			   REPLY_BATCH_BYTES_MAX(config->decode.batch_max);
	need.largest_bytes = larger(larger(need.jobs_bytes, need.conns_bytes),
				    larger(records_bytes(config), need.decoder_bytes));
	return need;
}

static void plan_walk(struct core *core, const struct config *config)
{
	struct decode_limits limits = decode_limits_of(config);

	core->walk.decoder = decode_init(mem_take("decoder", decode_size(&limits), 64), &limits);
	core->walk.now_ns  = core_stamp;
	core->walk.now_ctx = (void *)(uintptr_t)core->clock;
	core->batch        = mem_take("batch", REPLY_BATCH_BYTES_MAX(config->decode.batch_max), 64);
}

void core_plan(struct core *core, const struct config *config)
{
	core->limits = http_limits_of(config);
	assert(http_limits_valid(&core->limits));
	core->durable_reply  = config->audit.reply == CONFIG_AUDIT_DURABLE;
	core->idle_ns        = config->http.idle_seconds * UINT64_C(1000000000);
	core->header_ns      = config->http.header_seconds * UINT64_C(1000000000);
	core->body_ns        = config->http.body_seconds * UINT64_C(1000000000);
	core->still_ns       = config->tcp.idle_seconds * UINT64_C(1000000000);
	core->patience_ns    = config->audit.patience_ms * UINT64_C(1000000);
	core->handshakes_max = config->tls.handshakes_max;
	core->stats          = mem_take("counters", sizeof(*core->stats), 64);
	for (int i = 0; i < STAGE_COUNT; i++)
		histogram_init(&core->stats->stage_ns[i]);
	histogram_init(&core->stats->request_ns);
	plan_conns(core, config);
	plan_jobs(core, config);
	plan_lanes(core, config);
	plan_walk(core, config);
}

struct job *core_job_take(struct core *core)
{
	struct job *job = core->jobs_free;

	if (!job)
		return NULL;
	core->jobs_free = job->next;
	job->next       = NULL;
	job->conn       = NULL;
	job->out_bytes = job->out_at = 0;
	job->keep_alive = job->interim = false;
	job->started_ns = job->taken_ns = core->now_ns;
	job->left                       = 0;
	job->refused                    = REASON_NONE;
	job->tls_ns = job->http_ns = 0;
	http_init(&job->http, &core->limits, job->head);
	http_lend_body(&job->http, job->request.body, core->limits.body_bytes_max);
	stats_set(&core->stats->jobs_in_use, stats_get(&core->stats->jobs_in_use) + 1);
	return job;
}

void core_job_give(struct core *core, struct job *job)
{
	job->conn       = NULL;
	job->next       = core->jobs_free;
	core->jobs_free = job;
	stats_set(&core->stats->jobs_in_use, stats_get(&core->stats->jobs_in_use) - 1);
}

void core_event(struct core *core, enum reason reason, const struct conn *conn, uint16_t alert)
{
	struct log_event *event;

	stats_reason(core->stats, reason);
	event = lane_reserve(&core->events, sizeof(*event));
	if (!event) {
		stats_add(&core->stats->events_lost, 1);
		return;
	}
	memset(event, 0, sizeof(*event));
	event->wall_ns     = core->wall_ns;
	event->reason      = (uint16_t)reason;
	event->tls_alert   = alert == TLS_ALERT_NONE ? 0 : alert;
	event->http_status = reason_row_of(reason)->http;
	if (conn && conn->tcp) {
		struct tcp_peer peer = tcp_conn_peer(conn->tcp);

		event->peer.family = peer.address.family;
		memcpy(event->peer.address, peer.address.octets, sizeof(event->peer.address));
		event->peer.port = peer.port;
	}
	if (conn && conn->tls && tls_session_state(conn->tls) == TLS_OPEN) {
		struct bytes identity = tls_identity(conn->tls);

		event->identity_bytes = (uint16_t)identity.size_bytes;
		memcpy(event->identity, identity.data, identity.size_bytes);
	}
	if (conn && conn->tls && tls_session_state(conn->tls) == TLS_FAILED) {
		memcpy(event->detail, tls_failure_of(conn->tls)->text, sizeof(event->detail));
		event->tls_code = tls_failure_of(conn->tls)->code;
	}
	lane_commit(&core->events, sizeof(*event));
}
