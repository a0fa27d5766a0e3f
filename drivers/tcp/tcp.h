/* TCP/IP: frames in, connections out.  lwIP does the protocol work; this driver
 * gives it memory, time, unpredictable sequence numbers and a front that closes
 * its known weak points, and turns its callbacks into four events.
 *
 * Speaks IPv4, IPv6, ARP, ND (RFC 4861), ICMP echo, MLD and TCP.  Forwards
 * nothing, reassembles nothing, obeys no router advertisement and no redirect:
 * addresses and gateways come from the options alone.
 *
 * Owner:   one net core.  lwIP keeps its state in file scope, so there is one
 *          instance; a second tcp_start without tcp_stop is an assertion.
 * Memory:  tcp_size_bytes(options) bytes, given at tcp_start, carved once.  No
 *          libc allocation ever.
 * Bounds:  at most connections_max connections; at most frames_held_max received
 *          frames are kept for unread or out-of-order data, and a frame beyond
 *          that is dropped and counted (the peer sends it again).  At most syn_backlog
 *          connections are half-open, each for up to 20 s when its peer stays silent;
 *          while they are, further SYNs are dropped and counted (dropped_backlog), so
 *          a flood of forged ones keeps newcomers out, but no one who is in: there are
 *          no SYN cookies.
 * Failure: malformed frames are dropped and counted.  A broken invariant inside
 *          lwIP stops the process with the place on stderr.
 * Time:    `now_ns` is monotonic and given with every call that may need it.
 *
 * Names: what acts on a connection is tcp_conn_*, because lwIP owns tcp_write,
 * tcp_close and their like in the same link. */
#ifndef ASSAY_DRIVERS_TCP_TCP_H
#define ASSAY_DRIVERS_TCP_TCP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/frame.h"
#include "runtime/base/reason.h"

#define TCP_ADDRESSES_MAX     8
#define TCP_CONNECTIONS_LIMIT 16384
#define TCP_SECRET_BYTES      32
#define TCP_ERROR_BYTES       160
#define TCP_TICK_NS           10000000 /* call tcp_timers at least this often: 10 ms */

enum tcp_family { TCP_FAMILY_NONE = 0, TCP_FAMILY_IPV4 = 4, TCP_FAMILY_IPV6 = 6 };

struct tcp_address {
	uint8_t family;     /* enum tcp_family */
	uint8_t prefix;     /* bits; IPv6: 64 only, lwIP takes every prefix as /64 */
	uint8_t octets[16]; /* network order; IPv4 uses the first 4 */
};

/* Zero in a number takes the default written behind it. */
struct tcp_options {
	uint8_t            mac[6];
	uint16_t           mtu;  /* 576 to 9000, IPv6 from 1280; 1500 */
	uint16_t           vlan; /* 802.1Q VLAN id 1 to 4094; 0: untagged */
	uint16_t           port; /* the one port that listens; 0: none (client) */
	uint8_t            addresses_count;
	struct tcp_address addresses[TCP_ADDRESSES_MAX]; /* one IPv4 at most */
	struct tcp_address gateway4, gateway6;           /* family NONE: none */
	uint32_t           connections_max;              /* to TCP_CONNECTIONS_LIMIT; 4096 */
	uint32_t           receive_window_bytes;         /* 16 KiB to 1 MiB; 65536 */
	uint32_t           send_buffer_bytes;            /* 16 KiB to 1 MiB; 65536 */
	uint32_t send_segments_max; /* full segments waiting for ACK, all connections; 8192 */
	uint32_t frames_held_max;   /* of the NIC's receive memory; 4096 */
	uint16_t syn_backlog;       /* half-open connections, 1 to 255; 255 */
	uint32_t keepalive_idle_ms; /* probes start after this silence; 60000 */
	uint8_t  secret[TCP_SECRET_BYTES]; /* from the RNG: keys RFC 6528 and every random choice */
};

struct tcp_conn {
	void *user; /* the application's; the driver never looks */
};

struct tcp_server_ops {
	/* A handshake is complete.  False refuses it with RST. */
	bool (*accepted)(void *ctx, struct tcp_conn *conn);
	/* New bytes, or the end of the peer's stream (see tcp_conn_ended). */
	void (*readable)(void *ctx, struct tcp_conn *conn);
	/* Bytes were acknowledged: there is send space again. */
	void (*writable)(void *ctx, struct tcp_conn *conn);
	/* The connection is gone without the application's asking: peer_reset, or
	 * idle_timeout when keep-alive or retransmission gave up.  Only conn->user may
	 * still be read, and after the return nothing.  Not called after
	 * tcp_conn_close or tcp_conn_abort. */
	void (*closed)(void *ctx, struct tcp_conn *conn, enum reason reason);
};

/* Counters.  One writer, the net core; any core may read, with relaxed loads. */
struct tcp_stats {
	_Atomic uint64_t
		connections_open; /* accepted or connected, not yet closed; includes lingering */
	_Atomic uint64_t connections_lingering; /* closed by the application, still draining */
	_Atomic uint64_t accepted;
	_Atomic uint64_t refused_full; /* connections_max reached, or no control block */
	_Atomic uint64_t refused_by_application;
	_Atomic uint64_t resets_received;
	_Atomic uint64_t timed_out;        /* keep-alive or retransmission gave up */
	_Atomic uint64_t linger_aborted;   /* a close whose drain took too long or too many bytes */
	_Atomic uint64_t time_wait_reused; /* SYN that took over a TIME_WAIT pair */
	_Atomic uint64_t retransmits;      /* segments sent again */
	_Atomic uint64_t frames_in, frames_out;
	_Atomic uint64_t frames_held; /* now */
	_Atomic uint64_t dropped_malformed;
	_Atomic uint64_t dropped_checksum;
	_Atomic uint64_t dropped_vlan; /* tagged for another VLAN, or untagged where a tag is due */
	_Atomic uint64_t
		dropped_not_ours; /* another MAC or protocol; router advertisements and redirects */
	_Atomic uint64_t dropped_backlog;   /* SYN while syn_backlog connections were half-open */
	_Atomic uint64_t dropped_held_full; /* frames_held_max reached */
	_Atomic uint64_t dropped_transmit;  /* the sink had no frame or did not take it */
	_Atomic uint64_t memory_failures;   /* a pool was empty; lwIP tries again later */
};

/* ---- lifecycle */

/* Bytes that tcp_start carves for these options; 0 when they are out of range. */
size_t tcp_size_bytes(const struct tcp_options *options);

/* memory: 64-byte aligned, zeroed, tcp_size_bytes() long, kept until tcp_stop.
 * sink: where frames are taken, sent and given back; kept.  False: error says
 * which option is out of range and what is allowed. */
bool tcp_start(const struct tcp_options *options, void *memory, struct frame_sink *sink,
	       uint64_t now_ns, char error[TCP_ERROR_BYTES]);

/* Ends the instance: every connection is forgotten without a word to its peer
 * and every held frame is given back.  For tests and for the firmware's end. */
void tcp_stop(void);

void tcp_serve(const struct tcp_server_ops *ops, void *ctx);

/* ---- flow: what a turn of the net core calls.  Events arrive inside these two. */

/* Takes ownership of the frame: it goes back through sink->drop, at once or when
 * its bytes have been consumed. */
void tcp_frame_input(struct frame *frame, uint64_t now_ns);

/* Cheap when nothing is due.  One call does at most two ticks of 10 ms, each at
 * most four walks over the connections: about 120 ns a connection and tick. */
void tcp_timers(uint64_t now_ns);

/* ---- one connection */

/* The next received bytes in one piece; false when there are none.  They stay
 * valid until consumed, or until the connection ends. */
bool tcp_conn_peek(struct tcp_conn *conn, struct bytes *out);

/* Gives back the first n peeked bytes (n <= peeked) and opens the window by as
 * much: a caller that does not consume pushes back on its peer. */
void tcp_conn_consume(struct tcp_conn *conn, size_t n);

/* The peer sent FIN and everything before it was consumed. */
bool tcp_conn_ended(const struct tcp_conn *conn);

/* Copies up to n bytes into the send buffer; returns how many.  Fewer than n:
 * wait for `writable`.  Nothing is sent before tcp_conn_flush (inside an event:
 * before the event's frame or tick is done). */
size_t tcp_conn_write(struct tcp_conn *conn, const void *data, size_t n);
void   tcp_conn_flush(struct tcp_conn *conn);

/* Ends the connection in peace: everything written is sent, then FIN; what the
 * peer still sends is read and thrown away, so that no RST overtakes the last
 * bytes (a TLS alert, an error answer).  It is reset when no byte has moved for
 * 2 s, after 10 s in all, or after 1 MiB thrown away.  No event follows; `conn` is
 * dead. */
void tcp_conn_close(struct tcp_conn *conn, uint64_t now_ns);

/* Ends it with RST.  No event follows; `conn` is dead. */
void tcp_conn_abort(struct tcp_conn *conn);

struct tcp_peer {
	struct tcp_address address;
	uint16_t           port;
};
struct tcp_peer tcp_conn_peer(const struct tcp_conn *conn);

/* When bytes of the application last moved either way (received or
 * acknowledged); at first, when the connection was accepted. */
uint64_t tcp_conn_idle_since(const struct tcp_conn *conn);

/* ---- client: for the load generator and the tests.  The events of tcp_serve
 * report: `accepted` when the handshake is done, `closed` when it failed. */
struct tcp_conn *tcp_conn_open(const struct tcp_peer *peer, void *user, uint64_t now_ns);

const struct tcp_stats *tcp_stats(void);

#endif
