#include "firmware/manage.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "drivers/clock/clock.h"
#include "drivers/tls/tls.h"
#include "firmware/live.h"
#include "firmware/log.h"

#define IN_BYTES 4096

/* Steps one connection may take per readiness: handshake flights and requests. */
#define PUMP_MAX 16

struct manage_conn {
	int                 fd; /* -1: free */
	struct live        *live;
	struct tls_session *tls;
	int64_t             since_ns;
	int64_t             began_ns;
	bool                open; /* the handshake is done */
	bool                closing;
	struct http_parser  http;
	uint8_t            *head;
	uint8_t             body[MANAGE_BODY_BYTES_MAX + HTTP_BODY_PADDING_BYTES];
	uint8_t             in[IN_BYTES];
	size_t              in_at, in_bytes;
	uint8_t            *out; /* [HTTP_HEAD_BYTES_MAX + MANAGE_ANSWER_BYTES_MAX] */
	size_t              out_at, out_bytes;
};

struct manage {
	struct manage_ops  ops;
	int                listener;
	struct manage_conn conns[MANAGE_CONNECTIONS_MAX];
};

static const struct http_limits limits = {
	.target_bytes_max = 256,
	.header_bytes_max = 8192,
	.headers_max      = 32,
	.body_bytes_max   = MANAGE_BODY_BYTES_MAX,
	.surfaces         = HTTP_SURFACE_MANAGEMENT,
};

/* Which right each route asks for; routes not listed here are not served. */
static const uint32_t needs[HTTP_ROUTE_COUNT] = {
	[HTTP_ROUTE_HEALTH_LIVE]  = CONFIG_MAY_HEALTH | CONFIG_MAY_STATUS,
	[HTTP_ROUTE_HEALTH_READY] = CONFIG_MAY_HEALTH | CONFIG_MAY_STATUS,
	[HTTP_ROUTE_VERSION]      = CONFIG_MAY_VERSION | CONFIG_MAY_STATUS,
	[HTTP_ROUTE_METRICS]      = CONFIG_MAY_METRICS,
	[HTTP_ROUTE_STATUS]       = CONFIG_MAY_STATUS,
	[HTTP_ROUTE_RELOAD]       = CONFIG_MAY_RELOAD,
};

static int64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static ssize_t socket_send(void *ctx, const void *data, size_t size_bytes)
{
	struct manage_conn *conn = ctx;
	ssize_t             n    = send(conn->fd, data, size_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return n;
}

static ssize_t socket_recv(void *ctx, void *data, size_t size_bytes)
{
	struct manage_conn *conn = ctx;
	ssize_t             n    = recv(conn->fd, data, size_bytes, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return n == 0 ? -1 : n;
}

static bool make_address(const char *text, uint16_t port, struct sockaddr_storage *out,
			 socklen_t *size)
{
	struct sockaddr_in  *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port   = htons(port);
		*size          = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port   = htons(port);
		*size           = sizeof(*v6);
		return true;
	}
	return false;
}

bool manage_open(const char *address, uint16_t port, const struct manage_ops *ops,
		 struct manage **out, char error[MANAGE_ERROR_BYTES])
{
	struct sockaddr_storage where;
	struct manage          *manage = calloc(1, sizeof(*manage));
	socklen_t               size;
	int                     one = 1;

	assert(manage && http_limits_valid(&limits));
	manage->ops      = *ops;
	manage->listener = -1;
	for (int i = 0; i < MANAGE_CONNECTIONS_MAX; i++)
		manage->conns[i].fd = -1;
	if (!make_address(address, port, &where, &size)) {
		snprintf(error, MANAGE_ERROR_BYTES, "management.address: '%s' is not an address",
			 address);
		goto fail;
	}
	manage->listener = socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (manage->listener < 0 ||
	    setsockopt(manage->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(manage->listener, (struct sockaddr *)&where, size) < 0 ||
	    listen(manage->listener, MANAGE_CONNECTIONS_MAX) < 0) {
		snprintf(error, MANAGE_ERROR_BYTES, "management: cannot listen on %s port %u: %s",
			 address, port, strerror(errno));
		goto fail;
	}
	*out = manage;
	return true;
fail:
	manage_close(manage);
	return false;
}

static void conn_end(struct manage_conn *conn)
{
	tls_session_free(conn->tls);
	shutdown(conn->fd, SHUT_WR);
	close(conn->fd);
	free(conn->head);
	free(conn->out);
	atomic_fetch_sub(&conn->live->sessions, 1);
	memset(conn, 0, sizeof(*conn));
	conn->fd = -1;
}

void manage_close(struct manage *manage)
{
	if (!manage)
		return;
	for (int i = 0; i < MANAGE_CONNECTIONS_MAX; i++)
		if (manage->conns[i].fd >= 0)
			conn_end(&manage->conns[i]);
	if (manage->listener >= 0)
		close(manage->listener);
	free(manage);
}

static void conn_begin(struct manage *manage, struct manage_conn *conn, int fd)
{
	struct tls_io io  = { .send = socket_send, .recv = socket_recv, .ctx = conn };
	int           one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn->fd       = fd;
	conn->since_ns = conn->began_ns = monotonic_ns();
	conn->live                      = manage->ops.live(manage->ops.ctx);
	atomic_fetch_add(&conn->live->sessions, 1);
	conn->head = malloc(http_head_memory_bytes(&limits));
	conn->out  = malloc(HTTP_HEAD_BYTES_MAX + MANAGE_ANSWER_BYTES_MAX);
	assert(conn->head && conn->out);
	http_init(&conn->http, &limits, conn->head);
	http_lend_body(&conn->http, conn->body, MANAGE_BODY_BYTES_MAX);
	if (tls_session_open(conn->live->management, &io, &conn->tls) != REASON_NONE)
		conn_end(conn);
}

/* A free place, or that of the oldest connection that is not through its handshake:
 * silent strangers must not keep operators out.  NULL: all are taken by callers. */
static struct manage_conn *place_for_one(struct manage *manage)
{
	struct manage_conn *oldest = NULL;

	for (int i = 0; i < MANAGE_CONNECTIONS_MAX; i++) {
		struct manage_conn *conn = &manage->conns[i];

		if (conn->fd < 0)
			return conn;
		if (!conn->open && (!oldest || conn->began_ns < oldest->began_ns))
			oldest = conn;
	}
	return oldest;
}

/* At most one burst a step; the rest waits in the kernel's queue. */
static void accept_some(struct manage *manage)
{
	for (int i = 0; i < MANAGE_CONNECTIONS_MAX; i++) {
		struct manage_conn *conn = place_for_one(manage);
		int                 fd;

		if (!conn)
			return;
		fd = accept4(manage->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		if (conn->fd >= 0)
			conn_end(conn);
		conn_begin(manage, conn, fd);
	}
}

static void refuse(struct manage_conn *conn, const struct failure *failure, const char *allow,
		   bool keep_alive)
{
	conn->out_at    = 0;
	conn->out_bytes = http_write_problem(conn->out,
					     HTTP_HEAD_BYTES_MAX + HTTP_PROBLEM_BYTES_MAX, failure,
					     allow, keep_alive);
	conn->closing   = !keep_alive;
}

static void respond(struct manage *manage, struct manage_conn *conn)
{
	const struct http_request *request = http_request(&conn->http);
	struct manage_answer       answer  = { .status = 200, .content_type = "application/json" };
	struct failure             failure = { .reason = request->refusal };
	struct http_answer         head;
	struct live               *live = manage->ops.live(manage->ops.ctx);

	/* Judged by today's table, list and clock, not by those of the handshake. */
	if (tls_session_still_valid(conn->tls, live->management, clock_real_ns()) != REASON_NONE) {
		log_write(LOG_WARNING, "management: a caller that was let in is so no more");
		conn->out_at = conn->out_bytes = 0;
		conn->closing                  = true;
		return;
	}
	if (failure.reason == REASON_NONE &&
	    (live_may(live, tls_identity(conn->tls)) & needs[request->route]) == 0)
		failure.reason = REASON_http_forbidden;
	if (failure.reason != REASON_NONE) {
		refuse(conn, &failure, request->allow, request->keep_alive);
		return;
	}
	answer.body = (char *)conn->out + HTTP_HEAD_BYTES_MAX;
	manage->ops.answer(manage->ops.ctx, request->route, &answer);
	assert(answer.body_bytes <= MANAGE_ANSWER_BYTES_MAX);
	head = (struct http_answer){
		.status       = answer.status,
		.content_type = answer.content_type,
		.body_bytes   = answer.body_bytes,
		.keep_alive   = request->keep_alive,
	};
	conn->out_at    = 0;
	conn->out_bytes = http_write_head(conn->out, HTTP_HEAD_BYTES_MAX, &head);
	assert(conn->out_bytes > 0);
	memmove(conn->out + conn->out_bytes, answer.body, answer.body_bytes);
	conn->out_bytes += answer.body_bytes;
	conn->closing = !request->keep_alive;
}

/* Send what is to be sent.  True when all of it is out. */
static bool flush(struct manage_conn *conn)
{
	while (conn->out_at < conn->out_bytes) {
		ssize_t n = tls_write(conn->tls, conn->out + conn->out_at,
				      conn->out_bytes - conn->out_at);
		if (n <= 0)
			return false;
		conn->out_at += (size_t)n;
	}
	if (tls_unsent(conn->tls))
		tls_session_step(conn->tls, clock_real_ns());
	return !tls_unsent(conn->tls);
}

static bool read_more(struct manage_conn *conn)
{
	ssize_t n;

	if (conn->in_at < conn->in_bytes)
		return true;
	n              = tls_read(conn->tls, clock_real_ns(), conn->in, sizeof(conn->in));
	conn->in_at    = 0;
	conn->in_bytes = n > 0 ? (size_t)n : 0;
	if (n < 0)
		conn->closing = true;
	return n > 0;
}

static void feed(struct manage *manage, struct manage_conn *conn)
{
	struct bytes   in       = bytes_of(conn->in + conn->in_at, conn->in_bytes - conn->in_at);
	struct bytes   interim  = http_continue();
	struct failure failure  = { 0 };
	size_t         consumed = 0;

	switch (http_feed(&conn->http, in, &consumed, &failure)) {
	case HTTP_NEED_MORE:
	case HTTP_BODY_WANTED: break;
	case HTTP_CONTINUE_WANTED:
		memcpy(conn->out, interim.data, interim.size_bytes);
		conn->out_at    = 0;
		conn->out_bytes = interim.size_bytes;
		break;
	case HTTP_REQUEST_DONE:
		respond(manage, conn);
		http_next(&conn->http);
		break;
	case HTTP_FAILED: refuse(conn, &failure, NULL, false); break;
	}
	conn->in_at += consumed;
}

static void tell_refused(const struct tls_failure *failure)
{
	char words[TLS_WORDS_BYTES_MAX] = "";

	if (failure->code != 0)
		tls_code_words(failure->code, words);
	else if (failure->alert != TLS_ALERT_NONE)
		snprintf(words, sizeof(words), "alert %u", failure->alert);
	log_write(LOG_WARNING, "management: a TLS handshake was refused: %s%s%s", failure->text,
		  words[0] ? ": " : "", words);
}

static void tell_opened(const struct tls_session *tls)
{
	struct bytes who = tls_identity(tls);

	log_write(LOG_DEBUG, "management: %.*s is here: %s, %s, %s", (int)who.size_bytes,
		  (const char *)who.data, tls_version_name(tls), tls_ciphersuite_name(tls),
		  tls_alpn_name(tls)[0] ? tls_alpn_name(tls) : "no protocol named");
}

static void pump(struct manage *manage, struct manage_conn *conn)
{
	if (!conn->open) {
		enum tls_state state = tls_session_step(conn->tls, clock_real_ns());

		if (state == TLS_FAILED)
			tell_refused(tls_failure_of(conn->tls));
		if (state == TLS_FAILED || state == TLS_CLOSED) {
			conn_end(conn);
			return;
		}
		conn->open = state == TLS_OPEN;
		if (!conn->open)
			return;
		tell_opened(conn->tls);
	}
	for (int i = 0; i < PUMP_MAX; i++) {
		if (!flush(conn))
			break;
		if (conn->closing) {
			tls_close_notify(conn->tls);
			conn_end(conn);
			return;
		}
		if (!read_more(conn) && !conn->closing)
			return;
		if (!conn->closing)
			feed(manage, conn);
	}
	if (tls_session_state(conn->tls) == TLS_FAILED)
		conn_end(conn);
}

/* Idle too long, or opened under a config that is to be let go of and between two
 * requests. */
static bool is_to_go(const struct manage_conn *conn, int64_t now)
{
	return now - conn->since_ns > MANAGE_IDLE_NS ||
	       (atomic_load_explicit(&conn->live->evict, memory_order_relaxed) &&
		http_idle(&conn->http) && conn->out_at == conn->out_bytes);
}

void manage_step(struct manage *manage, int timeout_ms)
{
	struct pollfd polls[MANAGE_CONNECTIONS_MAX + 1];
	int64_t       now;

	for (int i = 0; i < MANAGE_CONNECTIONS_MAX; i++) {
		struct manage_conn *conn = &manage->conns[i];
		/* TLS may have taken the last bytes and the socket not. */
		bool sending = conn->fd >= 0 &&
			       (conn->out_at < conn->out_bytes || tls_unsent(conn->tls));

		polls[i] = (struct pollfd){ .fd     = conn->fd,
					    .events = (short)(POLLIN | (sending ? POLLOUT : 0)) };
	}
	polls[MANAGE_CONNECTIONS_MAX] = (struct pollfd){
		.fd = place_for_one(manage) ? manage->listener : -1, .events = POLLIN
	};
	if (poll(polls, MANAGE_CONNECTIONS_MAX + 1, timeout_ms) < 0)
		return;
	now = monotonic_ns();
	for (int i = 0; i < MANAGE_CONNECTIONS_MAX; i++) {
		struct manage_conn *conn = &manage->conns[i];

		if (conn->fd < 0 || conn->fd != polls[i].fd)
			continue;
		if (polls[i].revents != 0) {
			conn->since_ns = now;
			pump(manage, conn);
		} else if (is_to_go(conn, now)) {
			tls_close_notify(conn->tls);
			conn_end(conn);
		}
	}
	if (polls[MANAGE_CONNECTIONS_MAX].revents != 0)
		accept_some(manage);
}
