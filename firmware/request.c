/* One whole request to its answer: may the caller ask this, and then the walk.
 * Routes are a table; a new one is a row and a function. */
#include <assert.h>
#include <string.h>

#include "firmware/asked.h"
#include "firmware/edge.h"
#include "firmware/version.h"
#include "runtime/decide/decide.h"
#include "runtime/reply/reply.h"

#define SECOND_NS INT64_C(1000000000)

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

/* ---- answers, once everything of the request is recorded */

static size_t answer_decisions(struct core *core, struct job *job, void *out, size_t capacity)
{
	const struct walk_request *request = &job->request;
	struct bytes               answers[DECODE_BATCH_MAX];

	assert(request->count <= DECODE_BATCH_MAX);
	size_t size;

	for (size_t i = 0; i < request->count; i++)
		answers[i] = bytes_of(job_answer(job, i), job->answers[i]);
	if (!request->batch) {
		memmove(out, answers[0].data, answers[0].size_bytes);
		return answers[0].size_bytes;
	}
	size = reply_batch_of(core->batch, capacity, answers, request->count);
	memcpy(out, core->batch, size);
	return size;
}

static size_t answer_labels(struct core *core, struct job *job, void *out, size_t capacity)
{
	const struct label *labels = (const struct label *)job->request.transactions;
	uint8_t             outcomes[DECODE_BATCH_MAX];

	(void)core;
	for (size_t i = 0; i < job->request.count; i++)
		outcomes[i] = (uint8_t)job->answers[i];
	return reply_labels(out, capacity, labels, outcomes, job->request.count);
}

static size_t answer_lists(struct core *core, struct job *job, void *out, size_t capacity)
{
	const struct list_edit *edits = (const struct list_edit *)job->request.transactions;
	enum reason             outcomes[DECODE_BATCH_MAX];

	(void)core;
	for (size_t i = 0; i < job->request.count; i++)
		outcomes[i] = (enum reason)job->answers[i];
	return reply_list_edits(out, capacity, edits, outcomes, job->request.count);
}

static size_t (*const answers_by_route[HTTP_ROUTE_COUNT])(struct core *, struct job *, void *,
							  size_t) = {
	[HTTP_ROUTE_DECISIONS] = answer_decisions,
	[HTTP_ROUTE_LABELS]    = answer_labels,
	[HTTP_ROUTE_LISTS]     = answer_lists,
};

void request_answer(struct core *core, struct job *job)
{
	enum http_route route    = http_request(&job->http)->route;
	uint64_t        began_ns = clock_now_ns(core->clock);
	size_t          size;

	if (core->durable_reply)
		histogram_add(&core->stats->stage_ns[STAGE_commit], began_ns - job->recorded_ns);
	size = answers_by_route[route](core, job, job->out + HTTP_HEAD_BYTES_MAX,
				       REPLY_BATCH_BYTES_MAX(job->request.batch_max));
	put_answer(core, job, 200, size);
	histogram_add(&core->stats->stage_ns[STAGE_reply], clock_now_ns(core->clock) - began_ns);
}

/* ---- what has a place in the order: decisions, labels, list edits */

/* Asked before anything is touched: what goes in comes out, and is recorded. */
static enum reason room_for(struct core *core, size_t count)
{
	if (!record_room(core, count))
		return REASON_audit_backlog;
	if (pipeline_room(&core->pipeline) < count)
		return REASON_engine_backlog;
	return REASON_NONE;
}

static void begin(struct conn *conn, size_t count)
{
	struct job  *job      = conn->job;
	struct bytes identity = tls_identity(conn->tls);

	assert(identity.size_bytes <= sizeof(job->identity));
	memcpy(job->identity, identity.data, identity.size_bytes);
	job->identity_bytes = (uint16_t)identity.size_bytes;
	job->resumed        = tls_resumed(conn->tls);
	job->left           = (uint32_t)count;
	conn->state         = CONN_COMMITTING;
}

static enum reason begin_if_room(struct core *core, struct conn *conn)
{
	size_t      count  = conn->job->request.count;
	enum reason reason = room_for(core, count);

	conn->job->request.failure = (struct failure){ 0 }; /* the decoder's place is no one's */
	if (reason == REASON_NONE)
		begin(conn, count);
	return reason;
}

static void submit_new(struct core *core, struct job *job, struct slot *slot, struct hash128 key)
{
	const struct transaction *t      = &job->request.transactions[slot->index];
	const struct config      *config = &core->live->config;
	struct work              *work   = &slot->work;
	uint64_t due_us = t->deadline_us ? t->deadline_us : config->deadline.default_us;

	work->transaction                   = t;
	work->brain                         = &core->live->brain;
	work->shadow                        = core->live->has_shadow ? &core->live->shadow : NULL;
	work->now_ns                        = core->wall_ns;
	work->due_ns                        = due_us ? job->started_ns + due_us * 1000 : 0;
	work->follow                        = false;
	work->ledger                        = (struct ledger){ 0 };
	work->ledger.stage_ns[STAGE_tls]    = (uint32_t)job->tls_ns;
	work->ledger.stage_ns[STAGE_http]   = (uint32_t)job->http_ns;
	work->ledger.stage_ns[STAGE_decode] = job->request.decode_ns;
	pipeline_decide(&core->pipeline, slot, key);
}

static void submit_one(struct core *core, struct job *job, size_t i, const struct asked *asked)
{
	struct slot *slot = pipeline_next(&core->pipeline);

	slot->user  = job;
	slot->index = (uint32_t)i;
	if (repeats_find(core->engine.repeats, asked->key, asked->body, core->wall_ns,
			 &slot->first_sequence) == REPEATS_SAME) {
		struct bytes first = repeats_answer_of(core->engine.repeats, slot->first_sequence);

		/* Taken now: what follows in this very batch may push it out. */
		if (first.size_bytes > 0)
			memcpy(job_answer(job, i), first.data, first.size_bytes);
		job->answers[i] = first.size_bytes;
		slot->kind      = AUDIT_REPEAT;
		stats_add(&core->stats->repeats, 1);
		pipeline_pass(&core->pipeline, slot);
		return;
	}
	repeats_add(core->engine.repeats, asked->key, asked->body, slot->sequence, core->wall_ns);
	submit_new(core, job, slot, asked->key);
}

/* What may not be decided, known before anything is touched; what was decided before is
 * answered all the same.  A payment from the future would make its entities' histories
 * end there, and every payment of today late. */
static enum reason check_new(struct core *core, struct walk_request *request,
			     const struct asked *asked)
{
	const struct live *live    = core->live;
	int64_t            last_ns = core->wall_ns + live->config.state.future_seconds * SECOND_NS;
	uint64_t           first;

	for (size_t i = 0; i < request->count; i++) {
		if (repeats_find(core->engine.repeats, asked[i].key, asked[i].body, core->wall_ns,
				 &first) == REPEATS_SAME)
			continue;
		if (asked_of_nobody(&live->brain))
			return REASON_not_ready;
		if (request->transactions[i].time_ns <= last_ns)
			continue;
		request->failure = (struct failure){ .reason = REASON_time_ahead };
		asked_place(request, i, "/time");
		return REASON_time_ahead;
	}
	return REASON_NONE;
}

static enum reason try_decisions(struct core *core, struct conn *conn)
{
	struct job          *job     = conn->job;
	struct walk_request *request = &job->request;
	struct asked         asked[DECODE_BATCH_MAX];
	enum reason          reason;

	if (walk_decode(&core->walk, request) != REASON_NONE)
		return request->failure.reason;
	request->failure = (struct failure){ 0 }; /* the decoder's place is no one's */
	reason           = room_for(core, request->count);
	if (reason == REASON_NONE)
		reason = asked_check(core->engine.repeats, tls_identity(conn->tls), &core->wall_ns,
				     request, asked);
	if (reason == REASON_NONE)
		reason = check_new(core, request, asked);
	if (reason != REASON_NONE)
		return reason;
	begin(conn, request->count);
	for (size_t i = 0; i < request->count; i++)
		submit_one(core, job, i, &asked[i]);
	return REASON_NONE;
}

static enum reason try_labels(struct core *core, struct conn *conn)
{
	struct job          *job     = conn->job;
	struct walk_request *request = &job->request;
	struct label        *labels  = (struct label *)request->transactions;
	enum reason          reason;

	reason = walk_decode_labels(&core->walk, request);
	if (reason == REASON_NONE)
		reason = begin_if_room(core, conn);
	if (reason != REASON_NONE)
		return reason;
	for (size_t i = 0; i < request->count; i++) {
		struct slot *slot = pipeline_next(&core->pipeline);

		slot->user  = job;
		slot->index = (uint32_t)i;
		slot->label = labels[i];
		pipeline_label(&core->pipeline, slot,
			       asked_label_key(&labels[i],
					       bytes_of(job->identity, job->identity_bytes)));
	}
	stats_add(&core->stats->labels, request->count);
	return REASON_NONE;
}

static enum reason try_lists(struct core *core, struct conn *conn)
{
	struct job          *job     = conn->job;
	struct walk_request *request = &job->request;
	struct list_edit    *edits   = (struct list_edit *)request->transactions;
	enum reason          reason;

	reason = walk_decode_edits(&core->walk, request);
	if (reason == REASON_NONE)
		reason = begin_if_room(core, conn);
	if (reason != REASON_NONE)
		return reason;
	for (size_t i = 0; i < request->count; i++) {
		struct slot *slot = pipeline_next(&core->pipeline);

		slot->user        = job;
		slot->index       = (uint32_t)i;
		slot->edit        = edits[i];
		slot->work.now_ns = core->wall_ns;
		pipeline_edit(&core->pipeline, slot, core->live, core->wall_ns);
	}
	return REASON_NONE;
}

static enum reason (*const tries[HTTP_ROUTE_COUNT])(struct core *, struct conn *) = {
	[HTTP_ROUTE_DECISIONS] = try_decisions,
	[HTTP_ROUTE_LABELS]    = try_labels,
	[HTTP_ROUTE_LISTS]     = try_lists,
};

static void handle_body(struct core *core, struct conn *conn)
{
	const struct http_request *http    = http_request(&conn->job->http);
	struct walk_request       *request = &conn->job->request;
	enum reason                reason;

	request->body_bytes = http->body_bytes;
	request->failure    = (struct failure){ 0 };
	reason              = core_audit_refuses(core) ? REASON_audit_unwritable
						       : tries[http->route](core, conn);
	if (reason == REASON_NONE)
		return;
	request->failure.reason = reason;
	request_refuse(core, conn->job, &request->failure, conn->job->keep_alive);
	conn->state = CONN_WRITING;
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
	if (asks_ready && core_audit_refuses(core))
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
		.digests = &core->live->brain.digests,
	};

	put_answer(core, job, 200,
		   reply_version(job->out + HTTP_HEAD_BYTES_MAX, REPLY_VERSION_BYTES_MAX, &about));
	conn->state = CONN_WRITING;
}

static const struct {
	uint32_t may;
	void (*handle)(struct core *core, struct conn *conn);
} routes[HTTP_ROUTE_COUNT] = {
	[HTTP_ROUTE_DECISIONS]    = { CONFIG_MAY_DECIDE, handle_body },
	[HTTP_ROUTE_LABELS]       = { CONFIG_MAY_LABELS, handle_body },
	[HTTP_ROUTE_LISTS]        = { CONFIG_MAY_LISTS, handle_body },
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
