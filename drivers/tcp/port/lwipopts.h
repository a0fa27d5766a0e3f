/* What is built of lwIP 2.2.1, and with which limits.  Read by lwIP's own
 * sources and by drivers/tcp.
 *
 * Sizes that the appliance's config decides (windows, buffers, pools) are
 * variables of drivers/tcp here, not constants.  To the preprocessor a variable is
 * 0, so each is written as its minimum and what is more, and lwIP's own checks in
 * init.c judge the minimum. */
#ifndef ASSAY_DRIVERS_TCP_PORT_LWIPOPTS_H
#define ASSAY_DRIVERS_TCP_PORT_LWIPOPTS_H

#include <stdint.h>

#include "drivers/tcp/port/hooks.h"

/* ---- no operating system, one caller */
#define NO_SYS                    1
#define LWIP_TIMERS               0 /* timers.c calls the protocol timers itself */
#define SYS_LIGHTWEIGHT_PROT      0
#define LWIP_NETCONN              0
#define LWIP_SOCKET               0
#define LWIP_CALLBACK_API         1
#define LWIP_NETIF_TX_SINGLE_PBUF 0

/* ---- only what is used */
#define LWIP_IPV4           1
#define LWIP_IPV6           1
#define LWIP_ARP            1
#define LWIP_ICMP           1
#define LWIP_ICMP6          1
#define LWIP_TCP            1
#define LWIP_UDP            0
#define LWIP_RAW            0
#define LWIP_DHCP           0
#define LWIP_AUTOIP         0
#define LWIP_ACD            0
#define LWIP_IGMP           0
#define LWIP_DNS            0
#define LWIP_IPV6_DHCP6     0
#define LWIP_ALTCP          0
#define IP_FORWARD          0
#define LWIP_IPV6_FORWARD   0
/* A request fits the path's MTU segment by segment; reassembly is only attack
 * surface. */
#define IP_REASSEMBLY       0
#define IP_FRAG             0
#define LWIP_IPV6_REASS     0
#define LWIP_IPV6_FRAG      0
#define IP_OPTIONS_ALLOWED  0
#define LWIP_BROADCAST_PING 0
#define LWIP_MULTICAST_PING 0

/* ---- memory: memory.c gives every byte; lwIP's own memp.c is not built */
#define MEM_ALIGNMENT                   8
#define MEM_CUSTOM_ALLOCATOR            1
#define MEM_CUSTOM_MALLOC               tcp_memory_take
#define MEM_CUSTOM_CALLOC               tcp_memory_take_zeroed
#define MEM_CUSTOM_FREE                 tcp_memory_give
#define MEMP_MEM_MALLOC                 0
#define MEMP_OVERFLOW_CHECK             0
#define LWIP_SUPPORT_CUSTOM_PBUF        1
#define PBUF_POOL_SIZE                  1 /* nothing takes from it */
/* Ethernet with an 802.1Q tag. */
#define PBUF_LINK_HLEN                  18
#define LWIP_DISABLE_TCP_SANITY_CHECKS  1
#define LWIP_DISABLE_MEMP_SANITY_CHECKS 1

/* ---- neighbours: the gateway and the hosts of one segment */
#define ARP_TABLE_SIZE                  127 /* the most lwIP can number */
#define ARP_QUEUEING                    0   /* one frame waits per address */
#define ETHARP_SUPPORT_STATIC_ENTRIES   0
#define ETHARP_SUPPORT_VLAN             1
#define LWIP_NETIF_HWADDRHINT           1 /* a connection remembers its row */
#define LWIP_ND6_NUM_NEIGHBORS          127
#define LWIP_ND6_NUM_DESTINATIONS       127
#define LWIP_ND6_NUM_PREFIXES           1
#define LWIP_ND6_NUM_ROUTERS            1
#define LWIP_ND6_QUEUEING               0
#define LWIP_ND6_ALLOW_RA_UPDATES       0
#define LWIP_ND6_TCP_REACHABILITY_HINTS 1
#define LWIP_IPV6_NUM_ADDRESSES         9 /* link-local and TCP_ADDRESSES_MAX */
#define LWIP_IPV6_SEND_ROUTER_SOLICIT   0
#define LWIP_IPV6_AUTOCONFIG            0
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS   1 /* RFC 4862 5.4 */
#define LWIP_IPV6_MLD                   1 /* RFC 4861 7.2.1: switches that snoop need the report */
#define MEMP_NUM_MLD6_GROUP             12

/* ---- TCP */
/* The fast timer runs every 10 ms, the slow one, which retransmits, every 20 ms.
 * lwIP's estimate settles at 3 slow ticks when the round trip is below one, so a
 * lost segment costs 40 to 60 ms: above the 40 ms for which Linux may delay an
 * ACK, or every lone answer would be sent twice. */
#define TCP_TMR_INTERVAL                   10
/* Before the first measurement.  RFC 6298 2.1 says 1 s; callers sit in the same
 * bank's network, and Linux too goes down to 200 ms. */
#define LWIP_TCP_RTO_TIME                  200
#define TCP_MAXRTX                         12 /* about 50 s with the back-off */
#define TCP_SYNMAXRTX                      6
/* TIME_WAIT is 2 s: a segment does not live longer in a bank's network, and the
 * front (input.c) lets a port be reused earlier. */
#define TCP_MSL                            1000UL
#define TCP_MSS                            8940 /* 9000 - IPv6 - TCP; the MTU lowers it */
#define TCP_CALCULATE_EFF_SEND_MSS         1
#define LWIP_WND_SCALE                     1
#define TCP_RCV_SCALE                      5 /* to 1 MiB */
#define TCP_WND                            (TCP_WINDOW_BYTES_MIN + tcp_window_bytes_more)
#define TCP_SND_BUF                        (tcp_send_buffer_bytes)
#define TCP_SND_QUEUELEN                   (TCP_SEND_QUEUE_PBUFS_MIN + tcp_send_queue_pbufs_more)
#define TCP_SNDLOWAT                       1
#define TCP_SNDQUEUELOWAT                  1
#define TCP_OVERSIZE                       TCP_MSS
#define TCP_QUEUE_OOSEQ                    1
#define TCP_OOSEQ_MAX_PBUFS                32
#define TCP_OOSEQ_MAX_BYTES                (TCP_WINDOW_BYTES_MIN + tcp_window_bytes_more)
#define LWIP_TCP_SACK_OUT                  1
#define LWIP_TCP_MAX_SACK_NUM              4
#define LWIP_TCP_TIMESTAMPS                0
/* RFC 6928 2: ten segments, at most 14600 bytes unless two are more. */
#define LWIP_TCP_CALC_INITIAL_CWND(mss)    LWIP_MIN(10 * (mss), LWIP_MAX(2 * (mss), 14600))
#define LWIP_TCP_KEEPALIVE                 1
#define TCP_LISTEN_BACKLOG                 1
#define LWIP_RANDOMIZE_INITIAL_LOCAL_PORTS 1

/* ---- checksums: per frame, as the NIC has checked or will insert them */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHECKSUM_ON_COPY        0

/* ---- counters */
#define LWIP_STATS         1
#define LWIP_STATS_LARGE   1
#define LWIP_STATS_DISPLAY 0
#define MIB2_STATS         0
#define MEM_STATS          0
#define MEMP_STATS         0
#define SYS_STATS          0

/* ---- hooks (isn.c, output.c, start.c) */
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) \
	tcp_hook_isn((local), (local_port), (remote), (remote_port))
/* Sees every segment on its way out; adds no option. */
#define LWIP_HOOK_TCP_OUT_TCPOPT_LENGTH(pcb, bytes) (bytes)
#define LWIP_HOOK_TCP_OUT_ADD_TCPOPTS(p, hdr, pcb, opts) \
	(tcp_hook_sending((pcb), (p), (hdr)), (opts))
#define LWIP_HOOK_VLAN_SET(netif, p, src, dst, type) tcp_hook_vlan()
#define LWIP_HOOK_ND6_GET_GW(netif, dest)            tcp_hook_gateway6()

#endif
