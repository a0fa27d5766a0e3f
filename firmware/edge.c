/* A connection's life:
 *
 *   HANDSHAKE --> READING --> COMMITTING --> WRITING --+--> READING ...
 *       |            |                          ^      |
 *       |            +---- problem, queued -----+      +--> CLOSING --> free
 *       +--- refused: alert --------------------------------^
 *
 * pump() moves one connection as far as its bytes allow, at most CORE_PUMP_MAX
 * steps; what is left waits in a line for the next turn.  Handshakes have a line of
 * their own, behind everybody else.  TCP may take the
 * connection away at any event (closed()); a job whose record is on its way to
 * disk then stays in the commit queue without it. */
#include "firmware/edge.h"

#include <assert.h>
#include <string.h>

#define CLOSE_NS UINT64_C(2000000000) /* an alert or close_notify gets this long to go out */

static void line_put(struct conn_line *line, struct conn *conn)
{
	if (conn->waiting)
		return;
	conn->waiting   = true;
	conn->wait_next = NULL;
	if (line->last)
		line->last->wait_next = conn;
	else
		line->first = conn;
	line->last = conn;
}

static struct conn *line_take(struct conn_line *line)
{
	struct conn *conn = line->first;

	if (!conn)
		return NULL;
	line->first = conn->wait_next;
	if (!line->first)
		line->last = NULL;
	conn->waiting = false;
	return conn;
}

static void conn_free(struct core *core, struct conn *conn)
{
	conn->wait_next  = core->conns_free;
	core->conns_free = conn;
}

/* A connection that begins in CONN_HANDSHAKE leaves it once, by whatever way. */
static void enter_handshake(struct core *core, struct conn *conn)
{
	conn->state = CONN_HANDSHAKE;
	stats_set(&core->stats->handshaking, stats_get(&core->stats->handshaking) + 1);
}

static void leave_handshake(struct core *core, struct conn *conn, enum conn_state next)
{
	if (conn->state == CONN_HANDSHAKE)
		stats_set(&core->stats->handshaking, stats_get(&core->stats->handshaking) - 1);
	conn->state = (uint8_t)next;
}

/* TCP has let go, or is told to.  A waiting connection is freed by the line. */
static void conn_end(struct core *core, struct conn *conn)
{
	if (conn->job) {
		conn->job->conn = NULL;
		if (conn->state != CONN_COMMITTING)
			core_job_give(core, conn->job);
		conn->job = NULL;
	}
	tls_session_free(conn->tls);
	atomic_fetch_sub_explicit(&conn->live->sessions, 1, memory_order_release);
	conn->tls  = NULL;
	conn->tcp  = NULL;
	conn->live = NULL;
	leave_handshake(core, conn, CONN_FREE);
	stats_set(&core->stats->connections_open, stats_get(&core->stats->connections_open) - 1);
	if (!conn->waiting)
		conn_free(core, conn);
}

static ssize_t way_out(void *ctx, const void *data, size_t size_bytes)
{
	struct conn *conn = ctx;

	return conn->tcp ? (ssize_t)tcp_conn_write(conn->tcp, data, size_bytes) : -1;
}

static ssize_t way_in(void *ctx, void *data, size_t size_bytes)
{
	struct conn *conn = ctx;
	struct bytes in;

	if (!conn->tcp)
		return -1;
	if (!tcp_conn_peek(conn->tcp, &in))
		return tcp_conn_ended(conn->tcp) ? -1 : 0;
	if (in.size_bytes > size_bytes)
		in.size_bytes = size_bytes;
	memcpy(data, in.data, in.size_bytes);
	tcp_conn_consume(conn->tcp, in.size_bytes);
	return (ssize_t)in.size_bytes;
}

static void conn_close(struct core *core, struct conn *conn)
{
	if (conn->state == CONN_CLOSING)
		return;
	if (tls_session_state(conn->tls) == TLS_OPEN)
		tls_close_notify(conn->tls);
	leave_handshake(core, conn, CONN_CLOSING);
	conn->since_ns = core->now_ns;
}

static void handshake_failed(struct core *core, struct conn *conn)
{
	const struct tls_failure *failure = tls_failure_of(conn->tls);
	enum reason reason = failure->reason ? failure->reason : REASON_tls_handshake_failed;

	core_event(core, reason, conn, failure->alert);
	conn_close(core, conn);
}

/* Each step returns true when the next one may follow at once. */

static bool step_handshake(struct core *core, struct conn *conn)
{
	switch (tls_session_step(conn->tls, core->wall_ns)) {
	case TLS_OPEN:
		leave_handshake(core, conn, CONN_READING);
		conn->since_ns      = core->now_ns;
		conn->checked_epoch = 0;
		stats_add(tls_resumed(conn->tls) ? &core->stats->handshakes_resumed
						 : &core->stats->handshakes_full,
			  1);
		return true;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE: return false;
	default: handshake_failed(core, conn); return true;
	}
}

/* Plain text into conn->in, when it is empty.  False: there is none now. */
static bool read_ahead(struct core *core, struct conn *conn)
{
	uint64_t began_ns;
	ssize_t  n;

	if (conn->in_at < conn->in_bytes)
		return true;
	began_ns       = clock_now_ns(core->clock);
	n              = tls_read(conn->tls, core->wall_ns, conn->in, sizeof(conn->in));
	conn->in_at    = 0;
	conn->in_bytes = n > 0 ? (uint32_t)n : 0;
	if (n > 0)
		conn->read_ns += clock_now_ns(core->clock) - began_ns;
	if (n < 0) {
		if (tls_session_state(conn->tls) == TLS_FAILED &&
		    tls_failure_of(conn->tls)->reason == REASON_tls_record_limit)
			core_event(core, REASON_tls_record_limit, conn, 0);
		conn_close(core, conn);
	}
	return n > 0;
}

static bool parse(struct core *core, struct conn *conn)
{
	struct job    *job     = conn->job;
	struct bytes   in      = bytes_of(conn->in + conn->in_at, conn->in_bytes - conn->in_at);
	struct failure failure = { 0 };
	struct bytes   interim;
	uint64_t       began_ns = clock_now_ns(core->clock);
	bool           headed   = http_head_done(&job->http);
	size_t         consumed = 0;
	enum http_step step     = http_feed(&job->http, in, &consumed, &failure);

	conn->in_at += (uint32_t)consumed;
	job->http_ns += clock_now_ns(core->clock) - began_ns;
	job->tls_ns += conn->read_ns;
	conn->read_ns = 0;
	switch (step) {
	case HTTP_NEED_MORE:
		if (!headed && http_head_done(&job->http))
			conn->since_ns = core->now_ns; /* http.body_seconds begin */
		return true;
	case HTTP_CONTINUE_WANTED:
		interim = http_continue();
		memcpy(job->out, interim.data, interim.size_bytes);
		job->out_bytes = interim.size_bytes;
		job->out_at    = 0;
		job->interim   = true;
		conn->state    = CONN_WRITING;
		return true;
	case HTTP_REQUEST_DONE: request_handle(core, conn); return true;
	case HTTP_FAILED:
		request_refuse(core, job, &failure, false);
		conn->state = CONN_WRITING;
		return true;
	case HTTP_BODY_WANTED: break;
	}
	assert(!"a job always has a body");
	return false;
}

static bool step_reading(struct core *core, struct conn *conn)
{
	if (!read_ahead(core, conn))
		return conn->state == CONN_CLOSING;
	if (!conn->job) {
		conn->job = core_job_take(core);
		if (!conn->job) {
			if (conn->asked_ns == 0)
				conn->asked_ns = core->now_ns;
			line_put(&core->wait_jobs, conn);
			return false;
		}
		conn->job->conn = conn;
		if (conn->asked_ns != 0)
			conn->job->started_ns = conn->asked_ns;
		conn->asked_ns = 0;
		conn->since_ns = core->now_ns;
	}
	return parse(core, conn);
}

static bool step_writing(struct core *core, struct conn *conn)
{
	struct job *job = conn->job;

	while (job->out_at < job->out_bytes) {
		ssize_t n = tls_write(conn->tls, job->out + job->out_at,
				      job->out_bytes - job->out_at);
		if (n < 0) {
			conn_close(core, conn);
			return true;
		}
		if (n == 0)
			return false;
		job->out_at += (size_t)n;
	}
	/* TLS may have taken the last bytes and TCP not: they go out before all else. */
	if (tls_unsent(conn->tls))
		tls_session_step(conn->tls, core->wall_ns);
	if (tls_unsent(conn->tls))
		return false;
	conn->since_ns = core->now_ns;
	conn->state    = CONN_READING;
	if (job->interim) {
		job->interim = false;
		return true;
	}
	stats_add(&core->stats->responses, 1);
	histogram_add(&core->stats->request_ns, clock_now_ns(core->clock) - job->started_ns);
	conn->job = NULL;
	if (!job->keep_alive)
		conn_close(core, conn);
	core_job_give(core, job);
	return true;
}

static bool step_closing(struct core *core, struct conn *conn)
{
	struct tcp_conn *tcp = conn->tcp;

	if (tls_unsent(conn->tls))
		tls_session_step(conn->tls, core->wall_ns);
	if (tls_unsent(conn->tls))
		return false;
	conn_end(core, conn);
	tcp_conn_close(tcp, core->now_ns);
	return false;
}

static bool step(struct core *core, struct conn *conn)
{
	switch (conn->state) {
	case CONN_HANDSHAKE: return step_handshake(core, conn);
	case CONN_READING: return step_reading(core, conn);
	case CONN_WRITING: return step_writing(core, conn);
	case CONN_CLOSING: return step_closing(core, conn);
	default: return false;
	}
}

static void pump(struct core *core, struct conn *conn)
{
	bool more = true;

	for (int i = 0; i < CORE_PUMP_MAX && more; i++)
		more = step(core, conn);
	if (conn->state == CONN_FREE)
		return;
	if (more)
		line_put(&core->wait_turns, conn);
	tcp_conn_flush(conn->tcp);
}

/* ---- events of TCP */

/* REASON_NONE: there is room for one more. */
static enum reason room_for_one(struct core *core)
{
	if (!core->conns_free)
		return REASON_connections_full;
	if (!atomic_load_explicit(&core->ready, memory_order_relaxed))
		return REASON_not_ready;
	if (stats_get(&core->stats->handshaking) >= core->handshakes_max)
		return REASON_handshakes_full;
	return REASON_NONE;
}

static bool accepted(void *ctx, struct tcp_conn *tcp)
{
	struct core  *core   = ctx;
	struct conn  *conn   = core->conns_free;
	struct tls_io io     = { .send = way_out, .recv = way_in, .ctx = conn };
	enum reason   reason = room_for_one(core);

	if (reason == REASON_NONE)
		reason = tls_session_open(core->live->service, &io, &conn->tls);
	if (reason != REASON_NONE) {
		stats_reason(core->stats, reason);
		return false;
	}
	core->conns_free = conn->wait_next;
	conn->wait_next  = NULL;
	conn->tcp        = tcp;
	conn->job        = NULL;
	conn->in_at = conn->in_bytes = 0;
	conn->read_ns = conn->asked_ns = 0;
	conn->since_ns                 = core->now_ns;
	enter_handshake(core, conn);
	conn->live = core->live;
	atomic_fetch_add_explicit(&conn->live->sessions, 1, memory_order_relaxed);
	tcp->user = conn;
	stats_add(&core->stats->connections_accepted, 1);
	stats_set(&core->stats->connections_open, stats_get(&core->stats->connections_open) + 1);
	return true;
}

/* A handshake's step costs as much as hundreds of answers: those who are not through theirs
 * wait in a line of their own, one step a turn. */
static void readable(void *ctx, struct tcp_conn *tcp)
{
	struct core *core = ctx;
	struct conn *conn = tcp->user;

	if (conn->state == CONN_HANDSHAKE)
		line_put(&core->wait_handshakes, conn);
	else if (!conn->waiting)
		pump(core, conn);
}

static void closed(void *ctx, struct tcp_conn *tcp, enum reason reason)
{
	struct core *core = ctx;
	struct conn *conn = tcp->user;

	stats_reason(core->stats, reason);
	conn->tcp = NULL;
	conn_end(core, conn);
}

void edge_serve(struct core *core)
{
	static const struct tcp_server_ops ops = {
		.accepted = accepted,
		.readable = readable,
		.writable = readable,
		.closed   = closed,
	};

	tcp_serve(&ops, core);
}

/* ---- what a turn calls */

static void resume_one(struct core *core, struct conn *conn)
{
	if (conn->state == CONN_FREE)
		conn_free(core, conn); /* it ended while it waited */
	else
		pump(core, conn);
}

static uint32_t line_length(const struct conn_line *line, uint32_t max)
{
	uint32_t n = 0;

	for (const struct conn *conn = line->first; conn && n < max; conn = conn->wait_next)
		n++;
	return n;
}

void edge_resume(struct core *core)
{
	uint32_t turns = line_length(&core->wait_turns, CORE_RESUMES_MAX);

	for (uint32_t i = 0; i < turns; i++)
		resume_one(core, line_take(&core->wait_turns));
	for (uint32_t i = 0; i < CORE_RESUMES_MAX && core->jobs_free && core->wait_jobs.first; i++)
		resume_one(core, line_take(&core->wait_jobs));
}

void edge_handshake(struct core *core)
{
	for (int i = 0; i < CORE_HANDSHAKES_MAX && core->wait_handshakes.first; i++)
		resume_one(core, line_take(&core->wait_handshakes));
}

static void release(struct core *core, struct job *job, bool failing)
{
	struct failure failure = { .reason = REASON_audit_unwritable };
	struct conn   *conn    = job->conn;

	if (!conn) {
		core_job_give(core, job);
		return;
	}
	if (!failing)
		failure.reason = job->refused;
	if (failure.reason != REASON_NONE)
		request_refuse(core, job, &failure, job->keep_alive);
	else
		request_answer(core, job);
	conn->state    = CONN_WRITING;
	conn->since_ns = core->now_ns;
	if (!conn->waiting)
		pump(core, conn);
}

/* A disk that hangs says nothing, so it is told by the clock: one record after the other,
 * each the newest when the one before was on disk, is to be there within the patience. */
static void watch_disk(struct core *core, uint64_t durable)
{
	if (core->pledged_sequence <= durable) {
		core->pledged_sequence = core->chain.next_sequence - 1;
		core->pledged_ns       = core->now_ns;
	}
	atomic_store_explicit(&core->audit_late,
			      core->pledged_sequence > durable &&
				      core->now_ns - core->pledged_ns >= core->patience_ns,
			      memory_order_relaxed);
}

/* While the disk refuses or hangs, whoever waits for it gets 503: nothing is told of what
 * was decided, which may be on disk one day or never.  Asked again by the same id, it is
 * the first answer, behind a record that itself is on disk, or decided anew. */
void edge_commit(struct core *core)
{
	uint64_t durable = atomic_load_explicit(core->durable_sequence, memory_order_acquire);
	bool     failing;

	watch_disk(core, durable);
	failing = core_audit_refuses(core);
	if (!core->durable_reply)
		durable = UINT64_MAX;

	for (int i = 0; i < CORE_COMMITS_MAX && core->commit_first; i++) {
		struct job *job = core->commit_first;

		if (job->last_sequence > durable && !failing)
			return;
		core->commit_first = job->next;
		if (!core->commit_first)
			core->commit_last = NULL;
		job->next = NULL;
		release(core, job, job->last_sequence > durable);
	}
}

static void conn_abort(struct core *core, struct conn *conn)
{
	struct tcp_conn *tcp = conn->tcp;

	conn_end(core, conn);
	tcp_conn_abort(tcp);
}

static void refuse_late(struct core *core, struct conn *conn)
{
	struct failure failure = { .reason = REASON_header_timeout };

	request_refuse(core, conn->job, &failure, false);
	conn->state    = CONN_WRITING;
	conn->since_ns = core->now_ns;
}

/* The caller has asked, and no job was free for so long: it is told so, without one. */
static void refuse_unserved(struct core *core, struct conn *conn)
{
	struct failure failure = { .reason = REASON_engine_backlog };
	uint8_t        out[HTTP_PROBLEM_BYTES_MAX];
	size_t         size = http_write_problem(out, sizeof(out), &failure, NULL, false);

	stats_reason(core->stats, failure.reason);
	/* One record, and the connection has no other bytes under way: TLS takes it whole. */
	(void)tls_write(conn->tls, out, size);
	conn_close(core, conn);
	pump(core, conn); /* though it stands in the line for a job, which will find it gone */
}

static void time_up_reading(struct core *core, struct conn *conn, uint64_t waited_ns)
{
	if (conn->asked_ns != 0) {
		if (core->now_ns - conn->asked_ns >= core->header_ns)
			refuse_unserved(core, conn);
		return;
	}
	if (!conn->job) {
		if (waited_ns < core->idle_ns)
			return;
		stats_reason(core->stats, REASON_idle_timeout);
		conn_close(core, conn);
	} else {
		if (waited_ns <
		    (http_head_done(&conn->job->http) ? core->body_ns : core->header_ns))
			return;
		refuse_late(core, conn);
	}
	if (!conn->waiting)
		pump(core, conn);
}

/* tcp.idle_seconds have gone by without a byte either way.  An answer that waits
 * for the disk, or a request that waits for a job, is not the caller's silence. */
static bool is_still(const struct core *core, const struct conn *conn)
{
	return conn->tcp && conn->asked_ns == 0 &&
	       (conn->state == CONN_READING || conn->state == CONN_WRITING) &&
	       core->now_ns - tcp_conn_idle_since(conn->tcp) >= core->still_ns;
}

/* The machine stops, or the connection's config is to be let go of, and it is
 * between two requests. */
static bool is_to_go(const struct core *core, const struct conn *conn, uint64_t waited_ns)
{
	bool draining = atomic_load_explicit(&core->draining, memory_order_relaxed);

	if (conn->state == CONN_HANDSHAKE)
		return draining;
	if (conn->state != CONN_READING || conn->job || conn->in_at < conn->in_bytes ||
	    waited_ns < CORE_QUIET_NS)
		return false;
	return draining || atomic_load_explicit(&conn->live->evict, memory_order_relaxed);
}

/* Holds a job that others wait for, and its bytes have stopped. */
static bool is_stalled(const struct core *core, const struct conn *conn)
{
	return !core->jobs_free && core->wait_jobs.first && conn->job && !conn->waiting &&
	       (conn->state == CONN_READING || conn->state == CONN_WRITING) &&
	       core->now_ns - conn->job->taken_ns >= CORE_GRACE_NS &&
	       core->now_ns - tcp_conn_idle_since(conn->tcp) >= CORE_STALL_NS;
}

static void sweep_one(struct core *core, struct conn *conn)
{
	uint64_t waited_ns = core->now_ns - conn->since_ns;
	bool     still     = is_still(core, conn);

	if (still || is_to_go(core, conn, waited_ns)) {
		if (still)
			stats_reason(core->stats, REASON_idle_timeout);
		conn_close(core, conn);
		if (!conn->waiting)
			pump(core, conn);
		return;
	}
	if (is_stalled(core, conn)) {
		if (conn->state == CONN_WRITING) {
			conn_abort(core, conn);
			return;
		}
		refuse_late(core, conn);
		pump(core, conn);
		return;
	}
	switch (conn->state) {
	case CONN_HANDSHAKE:
		if (waited_ns < core->header_ns)
			return;
		core_event(core, REASON_header_timeout, conn, 0);
		conn_abort(core, conn);
		return;
	case CONN_READING: time_up_reading(core, conn, waited_ns); return;
	case CONN_WRITING:
		if (waited_ns >= core->body_ns)
			conn_abort(core, conn);
		return;
	case CONN_CLOSING:
		if (waited_ns >= CLOSE_NS)
			conn_abort(core, conn);
		return;
	default: return;
	}
}

void edge_sweep(struct core *core)
{
	for (int i = 0; i < CORE_SWEEP_MAX; i++) {
		sweep_one(core, &core->conns[core->sweep_at]);
		core->sweep_at = (core->sweep_at + 1) % core->conns_max;
	}
}
