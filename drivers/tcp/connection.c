/* Connections: lwIP's callbacks become four events, and an application's wishes
 * become calls into lwIP.
 *
 * The life of one, with what frees it:
 *
 *      accepted --> OPEN --tcp_conn_close--> LINGER --peer's FIN--> freed; lwIP
 *                    |  |                      |                    keeps TIME_WAIT
 *       peer's reset |  | tcp_conn_abort       | 2 s still, 1 MiB thrown away
 *       or time out  |  v                      v
 *         `closed` <-+ DOOMED --------------> reset, freed
 *
 * lwIP forbids resetting a connection inside its own callbacks, so a reset asked
 * for there waits in the doomed list until the outermost call returns. */
#include <assert.h>
#include <string.h>

#include "drivers/tcp/internal.h"
#include "lwip/priv/tcp_priv.h"

#define LINGER_STILL_NS  2000000000ull  /* without a byte moving */
#define LINGER_NS_MAX    10000000000ull /* in all */
#define LINGER_BYTES_MAX 1048576u       /* thrown away */

#define KEEPALIVE_INTERVAL_MS 10000
#define KEEPALIVE_PROBES      3
#define POLL_SLOW_TICKS       5 /* 100 ms: output that failed for memory is tried again */

/* ---- lists */

static void list_push(struct connection **list, struct connection *c)
{
	c->prev = NULL;
	c->next = *list;
	if (*list)
		(*list)->prev = c;
	*list = c;
}

static void list_remove(struct connection **list, struct connection *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		*list = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

void tcp_connections_init(struct connection *connections, uint32_t count)
{
	for (uint32_t i = count; i-- > 0;)
		list_push(&tcp_one.connections_free, &connections[i]);
}

/* ---- unread bytes */

static void unread_append(struct connection *c, struct pbuf *p)
{
	if (c->unread_last)
		c->unread_last->next = p;
	else
		c->unread_first = p;
	for (; p; p = p->next) {
		c->unread_pbufs++;
		c->unread_last = p;
	}
}

static void unread_pop(struct connection *c)
{
	struct pbuf *p = c->unread_first;

	c->unread_first = p->next;
	if (!p->next)
		c->unread_last = NULL;
	c->unread_pbufs--;
	p->next    = NULL;
	p->tot_len = p->len;
	pbuf_free(p);
}

/* ---- state */

static struct connection *connection_take(struct tcp_pcb *pcb, void *user)
{
	struct connection *c = tcp_one.connections_free;

	if (!c)
		return NULL;
	list_remove(&tcp_one.connections_free, c);
	*c = (struct connection){
		.conn.user = user,
		.pcb       = pcb,
		.state     = CONNECTION_OPEN,
		.moved_ns  = tcp_one.now_ns,
	};
	tcp_count(&tcp_one.stats.connections_open, 1);
	return c;
}

static void connection_free(struct connection *c)
{
	while (c->unread_first)
		unread_pop(c);
	if (c->state == CONNECTION_LINGER) {
		list_remove(&tcp_one.lingering, c);
		tcp_count(&tcp_one.stats.connections_lingering, -1);
	} else if (c->state == CONNECTION_DOOMED) {
		list_remove(&tcp_one.doomed, c);
	}
	c->state = CONNECTION_FREE;
	c->pcb   = NULL;
	list_push(&tcp_one.connections_free, c);
	tcp_count(&tcp_one.stats.connections_open, -1);
}

/* lwIP keeps the control block for the rest of its life; we forget it. */
static void pcb_detach(struct tcp_pcb *pcb)
{
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
}

static void connection_reset(struct connection *c)
{
	struct tcp_pcb *pcb = c->pcb;

	pcb_detach(pcb);
	connection_free(c);
	tcp_table_select_of(pcb);
	tcp_abort(pcb);
	tcp_table_deselect();
}

static void connection_doom(struct connection *c)
{
	if (c->state == CONNECTION_LINGER) {
		list_remove(&tcp_one.lingering, c);
		tcp_count(&tcp_one.stats.connections_lingering, -1);
	}
	c->state = CONNECTION_DOOMED;
	list_push(&tcp_one.doomed, c);
}

void tcp_enter(uint64_t now_ns)
{
	if (now_ns > tcp_one.now_ns)
		tcp_one.now_ns = now_ns;
	tcp_one.depth++;
}

void tcp_leave(void)
{
	assert(tcp_one.depth > 0);
	/* Bounded by connections_max: resetting one dooms no other. */
	if (tcp_one.depth == 1)
		while (tcp_one.doomed)
			connection_reset(tcp_one.doomed);
	tcp_one.depth--;
}

/* ---- lwIP's callbacks */

/* Bytes for a connection that its application has closed. */
static void discard(struct connection *c, struct pbuf *p)
{
	uint16_t bytes = p->tot_len;

	pbuf_free(p);
	if (c->state != CONNECTION_LINGER)
		return;
	tcp_recved(c->pcb, bytes);
	c->moved_ns = tcp_one.now_ns;
	c->discarded_bytes += bytes;
	if (c->discarded_bytes > LINGER_BYTES_MAX) {
		tcp_count(&tcp_one.stats.linger_aborted, 1);
		connection_doom(c);
	}
}

static err_t fin_received(struct connection *c)
{
	struct tcp_pcb *pcb = c->pcb;

	c->fin_received = true;
	if (c->state == CONNECTION_OPEN) {
		tcp_one.ops->readable(tcp_one.ops_ctx, &c->conn);
	} else if (c->state == CONNECTION_LINGER) {
		pcb_detach(pcb);
		connection_free(c);
	}
	return ERR_OK;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct connection *c = arg;

	(void)pcb;
	(void)error;
	if (!p)
		return fin_received(c);
	if (c->state != CONNECTION_OPEN) {
		discard(c, p);
		return ERR_OK;
	}
	/* Many small frames must not hold the NIC's memory; lwIP keeps this one
	 * and drops what follows until it is taken. */
	if (c->unread_pbufs >= tcp_one.unread_pbufs_max)
		return ERR_MEM;
	c->moved_ns = tcp_one.now_ns;
	unread_append(c, p);
	tcp_one.ops->readable(tcp_one.ops_ctx, &c->conn);
	return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t bytes)
{
	struct connection *c = arg;

	(void)pcb;
	(void)bytes;
	c->moved_ns = tcp_one.now_ns;
	if (c->state == CONNECTION_OPEN)
		tcp_one.ops->writable(tcp_one.ops_ctx, &c->conn);
	return ERR_OK;
}

/* The control block is already gone. */
static void on_error(void *arg, err_t error)
{
	struct connection *c     = arg;
	bool               reset = error == ERR_RST;

	if (reset)
		tcp_count(&tcp_one.stats.resets_received, 1);
	else if (error == ERR_ABRT)
		tcp_count(&tcp_one.stats.timed_out, 1);
	if (c->state == CONNECTION_OPEN)
		tcp_one.ops->closed(tcp_one.ops_ctx, &c->conn,
				    reset ? REASON_peer_reset : REASON_idle_timeout);
	/* whatever the application asked for meanwhile, there is nothing left to reset */
	connection_free(c);
}

static void pcb_attach(struct tcp_pcb *pcb, struct connection *c)
{
	tcp_arg(pcb, c);
	tcp_recv(pcb, on_received);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_error);
	tcp_poll(pcb, NULL, POLL_SLOW_TICKS);
	tcp_nagle_disable(pcb);
	ip_set_option(pcb, SOF_KEEPALIVE);
	pcb->keep_idle  = tcp_one.options.keepalive_idle_ms;
	pcb->keep_intvl = KEEPALIVE_INTERVAL_MS;
	pcb->keep_cnt   = KEEPALIVE_PROBES;
}

static bool application_accepts(struct connection *c)
{
	if (tcp_one.ops && tcp_one.ops->accepted(tcp_one.ops_ctx, &c->conn)) {
		tcp_count(&tcp_one.stats.accepted, 1);
		return true;
	}
	tcp_count(&tcp_one.stats.refused_by_application, 1);
	return false;
}

err_t tcp_connection_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
	struct connection *c;

	(void)arg;
	c = pcb && error == ERR_OK ? connection_take(pcb, NULL) : NULL;
	if (!c) {
		tcp_count(&tcp_one.stats.refused_full, 1);
		return ERR_MEM; /* lwIP resets it */
	}
	pcb_attach(pcb, c);
	if (application_accepts(c))
		return ERR_OK;
	pcb_detach(pcb);
	connection_free(c);
	return ERR_VAL;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
	struct connection *c = arg;

	(void)pcb;
	(void)error;
	if (c->state == CONNECTION_OPEN && !application_accepts(c))
		connection_doom(c);
	return ERR_OK;
}

/* ---- what an application does */

static struct connection *of(const struct tcp_conn *conn)
{
	struct connection *c = (struct connection *)conn;

	assert(c->state == CONNECTION_OPEN);
	return c;
}

bool tcp_conn_peek(struct tcp_conn *conn, struct bytes *out)
{
	struct connection *c = of(conn);

	while (c->unread_first && c->unread_first->len == 0)
		unread_pop(c);
	if (!c->unread_first)
		return false;
	*out = bytes_of(c->unread_first->payload, c->unread_first->len);
	return true;
}

void tcp_conn_consume(struct tcp_conn *conn, size_t n)
{
	struct connection *c = of(conn);
	struct pbuf       *p = c->unread_first;

	if (n == 0)
		return;
	assert(p && n <= p->len);
	p->payload = (uint8_t *)p->payload + n;
	p->len     = (uint16_t)(p->len - n);
	if (p->len == 0)
		unread_pop(c);
	/* a connection that is gone but for its unread bytes has no window */
	tcp_recved(c->pcb, (uint16_t)n);
}

bool tcp_conn_ended(const struct tcp_conn *conn)
{
	const struct connection *c = of(conn);

	return c->fin_received && !c->unread_first;
}

size_t tcp_conn_write(struct tcp_conn *conn, const void *data, size_t n)
{
	struct tcp_pcb *pcb     = of(conn)->pcb;
	const uint8_t  *at      = data;
	size_t          written = 0;

	/* Pieces of four segments: when memory ends, what was written stays.
	 * Bounded by the send buffer. */
	while (written < n) {
		size_t piece = LWIP_MIN(n - written, 4u * pcb->mss);

		piece = LWIP_MIN(piece, tcp_sndbuf(pcb));
		if (piece == 0 ||
		    tcp_write(pcb, at + written, (uint16_t)piece, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		written += piece;
	}
	return written;
}

void tcp_conn_flush(struct tcp_conn *conn)
{
	tcp_output(of(conn)->pcb);
}

/* tcp_recved takes 16 bits at a time. */
static void window_open(struct tcp_pcb *pcb, size_t bytes)
{
	for (; bytes > 0xffff; bytes -= 0xffff)
		tcp_recved(pcb, 0xffff);
	tcp_recved(pcb, (uint16_t)bytes);
}

void tcp_conn_close(struct tcp_conn *conn, uint64_t now_ns)
{
	struct connection *c            = of(conn);
	size_t             unread_bytes = 0;

	if (c->pcb->state == SYN_SENT) {
		tcp_conn_abort(conn);
		return;
	}
	tcp_enter(now_ns);
	for (; c->unread_first; unread_pop(c))
		unread_bytes += c->unread_first->len;
	window_open(c->pcb, unread_bytes);
	c->state     = CONNECTION_LINGER;
	c->closed_ns = c->moved_ns = tcp_one.now_ns;
	list_push(&tcp_one.lingering, c);
	tcp_count(&tcp_one.stats.connections_lingering, 1);
	/* Only the sending side: closing both with bytes unread would send RST,
	 * which throws away what the peer has not read yet (RFC 2525 2.17). */
	if (tcp_shutdown(c->pcb, 0, 1) != ERR_OK)
		connection_doom(c);
	else
		tcp_output(c->pcb);
	tcp_leave();
}

void tcp_conn_abort(struct tcp_conn *conn)
{
	tcp_enter(tcp_one.now_ns);
	connection_doom(of(conn));
	tcp_leave();
}

/* Bounded by the lingering connections, at most connections_max. */
void tcp_linger_tick(void)
{
	struct connection *next;

	for (struct connection *c = tcp_one.lingering; c; c = next) {
		next = c->next;
		if (tcp_one.now_ns - c->moved_ns < LINGER_STILL_NS &&
		    tcp_one.now_ns - c->closed_ns < LINGER_NS_MAX)
			continue;
		tcp_count(&tcp_one.stats.linger_aborted, 1);
		connection_doom(c);
	}
}

struct tcp_peer tcp_conn_peer(const struct tcp_conn *conn)
{
	const struct tcp_pcb *pcb  = of(conn)->pcb;
	struct tcp_peer       peer = { .port = pcb->remote_port };

	if (IP_IS_V6(&pcb->remote_ip)) {
		peer.address.family = TCP_FAMILY_IPV6;
		peer.address.prefix = 128;
		memcpy(peer.address.octets, ip_2_ip6(&pcb->remote_ip)->addr, 16);
	} else {
		peer.address.family = TCP_FAMILY_IPV4;
		peer.address.prefix = 32;
		memcpy(peer.address.octets, &ip_2_ip4(&pcb->remote_ip)->addr, 4);
	}
	return peer;
}

uint64_t tcp_conn_idle_since(const struct tcp_conn *conn)
{
	return of(conn)->moved_ns;
}

struct tcp_conn *tcp_conn_open(const struct tcp_peer *peer, void *user, uint64_t now_ns)
{
	ip_addr_t          address = tcp_address_to_lwip(&peer->address);
	struct tcp_pcb    *pcb     = tcp_new_ip_type(IP_GET_TYPE(&address));
	struct connection *c       = pcb ? connection_take(pcb, user) : NULL;
	uint32_t           selected;
	err_t              error;

	if (!c) {
		if (pcb)
			tcp_close(pcb);
		return NULL;
	}
	tcp_enter(now_ns);
	pcb_attach(pcb, c);
	/* lwIP looks through all of them for a free local port */
	selected = tcp_table_selected();
	tcp_table_deselect();
	tcp_table_join();
	error = tcp_connect(pcb, &address, peer->port, on_connected);
	if (error != ERR_OK) {
		pcb_detach(pcb);
		connection_free(c);
		tcp_abort(pcb);
		c = NULL;
	}
	tcp_table_deal();
	tcp_table_reselect(selected);
	tcp_leave();
	return c ? &c->conn : NULL;
}

static void pcbs_forget(struct tcp_pcb **list)
{
	while (*list) {
		struct tcp_pcb    *pcb = *list;
		struct connection *c   = pcb->callback_arg;

		if (c)
			connection_free(c);
		pcb_detach(pcb);
		tcp_pcb_remove(list, pcb);
		tcp_free(pcb);
	}
}

void tcp_connections_forget(void)
{
	pcbs_forget(&tcp_active_pcbs);
	pcbs_forget(&tcp_tw_pcbs);
}
