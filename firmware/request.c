/* One whole request to its answer: may the caller ask this, and then the walk.
 * Routes are a table; a new one is a row and a function. */
#include <assert.h>
#include <string.h>

#include "firmware/audit_role.h"
#include "firmware/edge.h"
#include "firmware/version.h"
#include "runtime/audit/audit.h"

/* May the connection go on?  Not when the machine stops, nor when the config that
 * it was opened under is to be let go of. */
static bool goes_on(const struct core *core, const struct job *job, bool keep_alive)
{
	return keep_alive && !atomic_load_explicit(&core->draining, memory_order_relaxed) &&
	       !(job->conn && atomic_load_explicit(&job->conn->live->evict, memory_order_relaxed));
}

static void put_answer(const struct core *core, struct job *job, uint16_t status, size_t body_bytes)
{
	job->keep_alive           = goes_on(core, job, job->keep_alive);
	struct http_answer answer = {
		.status       = status,
		.content_type = "application/json",
		.body_bytes   = body_bytes,
		.keep_alive   = job->keep_alive,
	};
	size_t head = http_write_head(job->out, HTTP_HEAD_BYTES_MAX, &answer);

	assert(head > 0);
	/* The body was written behind the longest head; close the gap. */
	memmove(job->out + head, job->out + HTTP_HEAD_BYTES_MAX, body_bytes);
	job->out_bytes = head + body_bytes;
	job->out_at    = 0;
}

static void refuse(struct core *core, struct job *job, const struct failure *failure,
		   const char *allow, bool keep_alive)
{
	stats_reason(core->stats, failure->reason);
	job->keep_alive = goes_on(core, job, keep_alive);
	job->out_bytes  = http_write_problem(job->out, HTTP_PROBLEM_BYTES_MAX, failure, allow,
					     job->keep_alive);
	job->out_at     = 0;
	assert(job->out_bytes > 0);
}

void request_refuse(struct core *core, struct job *job, const struct failure *failure,
		    bool keep_alive)
{
	refuse(core, job, failure, NULL, keep_alive);
}

void request_answer(struct core *core, struct job *job)
{
	struct walk_request *request  = &job->request;
	uint64_t             began_ns = clock_now_ns(core->clock);
	size_t               size;

	for (size_t i = 0; i < request->count; i++) {
		struct ledger *ledger = &request->results[i].circumstance.ledger;

		if (core->durable_reply)
			ledger->stage_ns[STAGE_commit] = (uint32_t)(began_ns - job->recorded_ns);
		for (int s = 0; s < STAGE_COUNT; s++)
			if (ledger->stage_ns[s] != 0)
				histogram_add(&core->stats->stage_ns[s], ledger->stage_ns[s]);
	}
	size = walk_reply(request, job->out + HTTP_HEAD_BYTES_MAX,
			  REPLY_BATCH_BYTES_MAX(request->batch_max), true);
	put_answer(core, job, 200, size);
	histogram_add(&core->stats->stage_ns[STAGE_reply], clock_now_ns(core->clock) - began_ns);
}

/* ---- POST /v1/decisions */

/* Room in the lane for every record of the batch, asked before anything is
 * decided: what is decided is recorded. */
static bool audit_has_room(struct core *core, size_t count)
{
	static_assert(CONFIG_RECORD_BYTES >= AUDIT_RECORD_BYTES_MAX + 64,
		      "a record and what the lane puts around it");
	size_t need = (count + 1) * CONFIG_RECORD_BYTES;

	return core->records.ring_bytes - lane_used(&core->records) >= need;
}

/* What a decision was made in spite of has its row as well. */
static void count_reasons(struct core *core, const struct decision *decision)
{
	for (size_t i = 0; i < decision->reasons_count; i++) {
		const struct decision_reason *reason = &decision->reasons[i];

		if (reason->failure != REASON_NONE)
			stats_reason(core->stats, reason->failure);
		else if (reason->code == DECIDED_FEATURES_MISSING)
			stats_reason(core->stats, REASON_feature_missing);
	}
}

static void record_one(struct core *core, struct conn *conn, size_t i)
{
	struct walk_request *request  = &conn->job->request;
	struct walk_result  *result   = &request->results[i];
	struct ledger       *ledger   = &result->circumstance.ledger;
	uint64_t             began_ns = clock_now_ns(core->clock);
	struct audit_entry entry = {
		.now_ns = core->wall_ns,
		.transaction = &request->transactions[i],
		.decision = &result->decision,
		.artefacts = &request->digests,
		.circumstance = {
			.identity = tls_identity(conn->tls),
			.build = bytes_of(assay_version(), strlen(assay_version())),
			.batch_index = (uint16_t)i,
			.batch_size = (uint16_t)request->count,
			.resumed = tls_resumed(conn->tls),
			.received_ns = core->wall_ns,
			.encoded_ns = core->wall_ns,
			.durable_sequence = atomic_load_explicit(core->durable_sequence,
								 memory_order_relaxed),
		},
	};
	void *room = lane_reserve(&core->records, AUDIT_RECORD_BYTES_MAX);

	assert(room);
	ledger->stage_ns[STAGE_tls]  = (uint32_t)conn->job->tls_ns;
	ledger->stage_ns[STAGE_http] = (uint32_t)conn->job->http_ns;
	entry.circumstance.ledger    = *ledger;
	lane_commit(&core->records,
		    audit_encode_decision(room, AUDIT_RECORD_BYTES_MAX, &entry, &core->chain));
	result->circumstance.audit_sequence = core->chain.next_sequence - 1;
	memcpy(result->circumstance.audit_hash, core->chain.hash, DIGEST_BYTES);
	ledger->stage_ns[STAGE_audit] = (uint32_t)(clock_now_ns(core->clock) - began_ns);
	stats_add(&core->stats->verdicts[result->decision.verdict], 1);
	count_reasons(core, &result->decision);
}

static void commit_later(struct core *core, struct conn *conn)
{
	struct job *job = conn->job;

	job->last_sequence = core->chain.next_sequence - 1;
	job->next          = NULL;
	if (core->commit_last)
		core->commit_last->next = job;
	else
		core->commit_first = job;
	core->commit_last = job;
	conn->state       = CONN_COMMITTING;
}

static enum reason walk(struct core *core, struct job *job)
{
	struct walk_request *request = &job->request;
	enum reason          reason  = walk_decode(&core->walk, request);

	if (reason != REASON_NONE)
		return reason;
	if (!audit_has_room(core, request->count)) {
		request->failure = (struct failure){ .reason = REASON_audit_backlog };
		return REASON_audit_backlog;
	}
	return walk_decide(&core->walk, request);
}

static void handle_decisions(struct core *core, struct conn *conn)
{
	struct job          *job     = conn->job;
	struct walk_request *request = &job->request;

	request->body_bytes = http_request(&job->http)->body_bytes;
	request->failure    = (struct failure){ .reason = REASON_audit_unwritable };
	conn->state         = CONN_WRITING;
	if (atomic_load_explicit(core->audit_failing, memory_order_acquire) ||
	    walk(core, job) != REASON_NONE) {
		request_refuse(core, job, &request->failure, job->keep_alive);
		return;
	}
	for (size_t i = 0; i < request->count; i++)
		record_one(core, conn, i);
	stats_add(&core->stats->transactions, request->count);
	stats_set(&core->stats->audit_sequence_next, core->chain.next_sequence);
	job->recorded_ns = clock_now_ns(core->clock);
	if (core->durable_reply)
		commit_later(core, conn);
	else
		request_answer(core, job);
}

/* ---- GET routes */

static void handle_health(struct core *core, struct conn *conn)
{
	struct job *job        = conn->job;
	bool        asks_ready = http_request(&job->http)->route == HTTP_ROUTE_HEALTH_READY;
	enum reason reason     = REASON_NONE;
	size_t      size;

	if (asks_ready && !live_lists_are_good(core->live, core->wall_ns))
		reason = REASON_revocation_list_old;
	if (asks_ready && atomic_load_explicit(core->audit_failing, memory_order_acquire))
		reason = REASON_audit_unwritable;
	if (asks_ready && !atomic_load_explicit(&core->ready, memory_order_relaxed))
		reason = REASON_not_ready;
	size = reply_health(job->out + HTTP_HEAD_BYTES_MAX, REPLY_HEALTH_BYTES_MAX, reason);
	put_answer(core, job, reason == REASON_NONE ? 200 : 503, size);
	conn->state = CONN_WRITING;
}

static void handle_version(struct core *core, struct conn *conn)
{
	struct job        *job   = conn->job;
	struct reply_about about = {
		.name    = core->live->config.name,
		.version = assay_version(),
		.build   = assay_build(),
		.digests = &core->live->digests,
	};

	put_answer(core, job, 200,
		   reply_version(job->out + HTTP_HEAD_BYTES_MAX, REPLY_VERSION_BYTES_MAX, &about));
	conn->state = CONN_WRITING;
}

static const struct {
	uint32_t may;
	void (*handle)(struct core *core, struct conn *conn);
} routes[HTTP_ROUTE_COUNT] = {
	[HTTP_ROUTE_DECISIONS]    = { CONFIG_MAY_DECIDE, handle_decisions },
	[HTTP_ROUTE_HEALTH_LIVE]  = { CONFIG_MAY_HEALTH, handle_health },
	[HTTP_ROUTE_HEALTH_READY] = { CONFIG_MAY_HEALTH, handle_health },
	[HTTP_ROUTE_VERSION]      = { CONFIG_MAY_VERSION, handle_version },
};

/* The identity is judged by today's table, list and clock at every request, not
 * by those of the handshake. */
static bool still_welcome(struct core *core, struct conn *conn)
{
	enum reason reason = tls_session_still_valid(conn->tls, core->live->service, core->wall_ns);

	if (reason == REASON_NONE) {
		if (conn->checked_epoch != core->live->epoch)
			conn->may = live_may(core->live, tls_identity(conn->tls));
		conn->checked_epoch = core->live->epoch;
		return true;
	}
	core_event(core, reason, conn, 0);
	return false;
}

void request_handle(struct core *core, struct conn *conn)
{
	struct job                *job     = conn->job;
	const struct http_request *request = http_request(&job->http);
	struct failure             failure = { .reason = request->refusal };

	stats_add(&core->stats->requests, 1);
	job->keep_alive = request->keep_alive;
	if (!still_welcome(core, conn)) {
		/* Nothing is served: the connection ends with close_notify. */
		tls_close_notify(conn->tls);
		conn->job = NULL;
		core_job_give(core, job);
		conn->state    = CONN_CLOSING;
		conn->since_ns = core->now_ns;
		return;
	}
	if (failure.reason == REASON_NONE && (conn->may & routes[request->route].may) == 0)
		failure.reason = REASON_http_forbidden;
	if (failure.reason != REASON_NONE) {
		refuse(core, job, &failure, request->allow, request->keep_alive);
		conn->state = CONN_WRITING;
		return;
	}
	routes[request->route].handle(core, conn);
}
