/* What the files of drivers/tcp share: the one instance and a connection.
 *
 *   start.c       options, memory plan, lifecycle
 *   memory.c      pools behind lwIP's allocators
 *   input.c       the front: frames are checked here before lwIP sees them
 *   output.c      frames out
 *   timers.c      what lwIP does with time
 *   table.c       finding a connection in constant time
 *   isn.c         RFC 6528 and every random choice
 *   connection.c  lwIP's callbacks, and what an application does with a connection */
#ifndef ASSAY_DRIVERS_TCP_INTERNAL_H
#define ASSAY_DRIVERS_TCP_INTERNAL_H

#include "drivers/tcp/tcp.h"
#include "lwip/ip_addr.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/tcp.h"

enum connection_state {
	CONNECTION_FREE,
	CONNECTION_OPEN,   /* the application holds it */
	CONNECTION_LINGER, /* closed by the application; sends the rest and discards */
	CONNECTION_DOOMED, /* to be reset when the call into lwIP has returned */
};

struct connection {
	struct tcp_conn    conn; /* first: what the application points to */
	struct tcp_pcb    *pcb;
	struct pbuf       *unread_first, *unread_last; /* linked by next; tot_len means nothing */
	uint32_t           unread_pbufs;
	uint32_t           discarded_bytes; /* while lingering */
	uint8_t            state;           /* enum connection_state */
	bool               fin_received;
	uint64_t           moved_ns;    /* bytes last moved */
	uint64_t           closed_ns;   /* tcp_conn_close was called */
	struct connection *next, *prev; /* in the free, lingering or doomed list */
};

/* A received frame that lwIP or a connection holds on to. */
struct held_frame {
	struct pbuf_custom pbuf; /* first: freed through its pointer */
	struct frame       frame;
	struct held_frame *next;
};

struct tcp_instance {
	bool                         running;
	struct tcp_options           options; /* defaults filled in */
	struct frame_sink           *sink;
	const struct tcp_server_ops *ops;
	void                        *ops_ctx;
	uint64_t                     now_ns;
	uint64_t                     tick_next_ns;
	uint64_t                     ticks;
	unsigned                     depth; /* inside a call that may run lwIP callbacks */
	struct netif                 netif;
	ip6_addr_t                   gateway6;
	struct tcp_pcb              *listener;
	struct connection           *connections_free, *lingering, *doomed;
	struct held_frame           *held_free;
	uint32_t                     held_free_count;
	uint32_t                     unread_pbufs_max; /* per connection */
	/* Set while a SYN is handled that takes over a TIME_WAIT pair. */
	bool             reopening;
	uint32_t         reopening_after; /* the old incarnation's next sequence number */
	uint64_t         random_counter;
	struct tcp_stats stats;
};

extern struct tcp_instance tcp_one;

/* One writer, so no locked instruction. */
static inline void tcp_count(_Atomic uint64_t *counter, int64_t n)
{
	atomic_store_explicit(counter,
			      atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)n,
			      memory_order_relaxed);
}

/* Frames kept beyond frames_held_max, so that ACKs get through when data does not. */
#define HELD_SPARE 64

void tcp_enter(uint64_t now_ns);
void tcp_leave(void); /* resets what was doomed meanwhile */

size_t tcp_pools_size_bytes(const struct tcp_options *options);
void   tcp_pools_init(const struct tcp_options *options, uint8_t *memory);

/* table.c: which part of its connections lwIP sees. */
size_t   tcp_table_size_bytes(const struct tcp_options *options);
void     tcp_table_init(const struct tcp_options *options, uint8_t *memory);
uint32_t tcp_table_bucket(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
			  uint16_t remote_port);
void     tcp_table_select(uint32_t bucket);
void     tcp_table_select_of(const struct tcp_pcb *pcb);
void     tcp_table_deselect(void);
uint32_t tcp_table_selected(void); /* for tcp_table_reselect */
void     tcp_table_reselect(uint32_t selected);
void     tcp_table_join(void); /* all of them, until tcp_table_deal; nests */
void     tcp_table_deal(void);

err_t tcp_frame_output(struct netif *netif, struct pbuf *packet);

err_t tcp_connection_accept(void *arg, struct tcp_pcb *pcb, err_t error);
void  tcp_connections_init(struct connection *connections, uint32_t count);
void  tcp_linger_tick(void);
void  tcp_connections_forget(void);
void  tcp_stats_collect(void);

ip_addr_t tcp_address_to_lwip(const struct tcp_address *address);

#endif
