/* What lwIP calls back and which of its sizes are ours.  Included by lwipopts.h
 * before any type of lwIP exists, hence struct tags and plain integers. */
#ifndef ASSAY_DRIVERS_TCP_PORT_HOOKS_H
#define ASSAY_DRIVERS_TCP_PORT_HOOKS_H

#include <stddef.h>
#include <stdint.h>

struct ip_addr;
struct ip6_addr;
struct pbuf;
struct tcp_hdr;
struct tcp_pcb;

/* Set by tcp_start from the options, constant until tcp_stop. */
#define TCP_WINDOW_BYTES_MIN     16384
#define TCP_SEND_QUEUE_PBUFS_MIN 64
extern uint32_t tcp_window_bytes_more;
extern uint32_t tcp_send_buffer_bytes;
extern uint16_t tcp_send_queue_pbufs_more;

void *tcp_memory_take(size_t size_bytes);
void *tcp_memory_take_zeroed(size_t count, size_t size_bytes);
void  tcp_memory_give(void *memory);

/* RFC 6528: an initial sequence number others cannot predict. */
uint32_t               tcp_hook_isn(const struct ip_addr *local, uint16_t local_port,
				    const struct ip_addr *remote, uint16_t remote_port);
int32_t                tcp_hook_vlan(void); /* the tag of frames we send; -1: none */
const struct ip6_addr *tcp_hook_gateway6(void);

void     tcp_hook_sending(const struct tcp_pcb *pcb, const struct pbuf *segment,
			  const struct tcp_hdr *header);
uint32_t tcp_random(void);
void     tcp_assert_failed(const char *what, const char *file, int line) __attribute__((noreturn));

#endif
