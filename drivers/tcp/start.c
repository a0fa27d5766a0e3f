/* Options, the memory plan, and the instance's beginning and end. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/tcp/internal.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/init.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/stats.h"
#include "lwip/sys.h"
#include "netif/ethernet.h"

struct tcp_instance tcp_one;

uint32_t tcp_window_bytes_more;
uint32_t tcp_send_buffer_bytes;
uint16_t tcp_send_queue_pbufs_more;

/* A number of the options: zero takes the default, then it has to be in range. */
static const struct option_row {
	const char *name;
	size_t      offset;
	size_t      size_bytes;
	uint32_t    value_default, value_min, value_max;
} option_rows[] = {
#define ROW(field, ...)                                                                          \
	{ #field, offsetof(struct tcp_options, field), sizeof(((struct tcp_options *)0)->field), \
	  __VA_ARGS__ }
	ROW(mtu, 1500, 576, 9000),
	    ROW(connections_max, 4096, 1, TCP_CONNECTIONS_LIMIT),
		ROW(receive_window_bytes, 65536, TCP_WINDOW_BYTES_MIN, 1048576),
		    ROW(send_buffer_bytes, 65536, 16384, 1048576),
			ROW(send_segments_max, 8192, 64, 1048576),
			    ROW(frames_held_max, 4096, 64, 1048576),
				ROW(syn_backlog, 255, 1, 255),
				    ROW(keepalive_idle_ms, 60000, 1000, 86400000),
#undef ROW
				};

static bool option_fill(struct tcp_options *options, const struct option_row *row, char *error)
{
	uint8_t *at    = (uint8_t *)options + row->offset;
	uint32_t value = 0;

	memcpy(&value, at, row->size_bytes);
	if (value == 0)
		value = row->value_default;
	if (value < row->value_min || value > row->value_max) {
		snprintf(error, TCP_ERROR_BYTES, "%s is %u; allowed are %u to %u", row->name, value,
			 row->value_min, row->value_max);
		return false;
	}
	memcpy(at, &value, row->size_bytes);
	return true;
}

static bool addresses_check(const struct tcp_options *options, char *error)
{
	int ipv4 = 0;

	for (int i = 0; i < options->addresses_count; i++) {
		const struct tcp_address *address = &options->addresses[i];
		bool                      v4      = address->family == TCP_FAMILY_IPV4;

		ipv4 += v4;
		if (ipv4 > 1) {
			snprintf(error, TCP_ERROR_BYTES,
				 "there is a second IPv4 address; one is allowed");
			return false;
		}
		if (!v4 && address->family != TCP_FAMILY_IPV6) {
			snprintf(error, TCP_ERROR_BYTES,
				 "address %d has family %u; allowed are 4 and 6", i,
				 address->family);
			return false;
		}
		if (v4 ? address->prefix < 1 || address->prefix > 32 : address->prefix != 64) {
			snprintf(error, TCP_ERROR_BYTES, "address %d has prefix /%u; allowed %s", i,
				 address->prefix, v4 ? "are /1 to /32" : "is /64");
			return false;
		}
		if (!v4 && options->mtu < 1280) { /* RFC 8200 5 */
			snprintf(error, TCP_ERROR_BYTES, "mtu is %u; IPv6 needs 1280",
				 options->mtu);
			return false;
		}
	}
	return true;
}

static bool options_fill(struct tcp_options *options, char *error)
{
	for (size_t i = 0; i < sizeof(option_rows) / sizeof(option_rows[0]); i++)
		if (!option_fill(options, &option_rows[i], error))
			return false;
	if (options->vlan > 4094) {
		snprintf(error, TCP_ERROR_BYTES, "vlan is %u; allowed are 1 to 4094, or 0 for none",
			 options->vlan);
		return false;
	}
	if (options->addresses_count < 1 || options->addresses_count > TCP_ADDRESSES_MAX) {
		snprintf(error, TCP_ERROR_BYTES, "there are %u addresses; allowed are 1 to %u",
			 options->addresses_count, TCP_ADDRESSES_MAX);
		return false;
	}
	return addresses_check(options, error);
}

static size_t round_up(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static size_t connections_bytes(const struct tcp_options *options)
{
	return round_up(options->connections_max * sizeof(struct connection));
}

static size_t held_bytes(const struct tcp_options *options)
{
	return round_up((options->frames_held_max + HELD_SPARE) * sizeof(struct held_frame));
}

size_t tcp_size_bytes(const struct tcp_options *options)
{
	struct tcp_options filled = *options;
	char               error[TCP_ERROR_BYTES];

	if (!options_fill(&filled, error))
		return 0;
	return connections_bytes(&filled) + held_bytes(&filled) +
	       round_up(tcp_table_size_bytes(&filled)) + tcp_pools_size_bytes(&filled);
}

static void memory_carve(uint8_t *memory)
{
	const struct tcp_options *options = &tcp_one.options;
	struct held_frame        *held;

	tcp_connections_init((struct connection *)memory, options->connections_max);
	memory += connections_bytes(options);
	held = (struct held_frame *)memory;
	for (uint32_t i = 0; i < options->frames_held_max + HELD_SPARE; i++) {
		held[i].next      = tcp_one.held_free;
		tcp_one.held_free = &held[i];
		tcp_one.held_free_count++;
	}
	memory += held_bytes(options);
	tcp_table_init(options, memory);
	memory += round_up(tcp_table_size_bytes(options));
	tcp_pools_init(options, memory);
}

ip_addr_t tcp_address_to_lwip(const struct tcp_address *address)
{
	ip_addr_t      out;
	const uint8_t *o = address->octets;

	if (address->family == TCP_FAMILY_IPV4) {
		IP_ADDR4(&out, o[0], o[1], o[2], o[3]);
	} else {
		IP_ADDR6(&out, 0, 0, 0, 0);
		memcpy(ip_2_ip6(&out)->addr, o, 16);
	}
	return out;
}

static err_t netif_prepare(struct netif *netif)
{
	netif->name[0]    = 'a';
	netif->name[1]    = 's';
	netif->mtu        = tcp_one.options.mtu;
	netif->hwaddr_len = 6;
	memcpy(netif->hwaddr, tcp_one.options.mac, 6);
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
		       NETIF_FLAG_MLD6 | NETIF_FLAG_LINK_UP;
	netif->output     = etharp_output;
	netif->output_ip6 = ethip6_output;
	netif->linkoutput = tcp_frame_output;
	if (tcp_one.sink->offloads & FRAME_OFFLOAD_TX_IP4)
		netif->chksum_flags &= (uint16_t)~NETIF_CHECKSUM_GEN_IP;
	if (tcp_one.sink->offloads & FRAME_OFFLOAD_TX_TCP)
		netif->chksum_flags &= (uint16_t)~NETIF_CHECKSUM_GEN_TCP;
	return ERR_OK;
}

static void netif_start(void)
{
	const struct tcp_options *options = &tcp_one.options;
	struct netif             *netif   = &tcp_one.netif;
	ip_addr_t                 address;
	ip4_addr_t                ip = { 0 }, mask = { 0 }, gateway = { 0 };

	for (int i = 0; i < options->addresses_count; i++) {
		if (options->addresses[i].family != TCP_FAMILY_IPV4)
			continue;
		address   = tcp_address_to_lwip(&options->addresses[i]);
		ip        = *ip_2_ip4(&address);
		mask.addr = lwip_htonl(~(uint32_t)0 << (32 - options->addresses[i].prefix));
	}
	if (options->gateway4.family == TCP_FAMILY_IPV4) {
		address = tcp_address_to_lwip(&options->gateway4);
		gateway = *ip_2_ip4(&address);
	}
	if (options->gateway6.family == TCP_FAMILY_IPV6) {
		address          = tcp_address_to_lwip(&options->gateway6);
		tcp_one.gateway6 = *ip_2_ip6(&address);
		ip6_addr_assign_zone(&tcp_one.gateway6, IP6_UNICAST, netif);
	}
	netif_add(netif, &ip, &mask, &gateway, NULL, netif_prepare, ethernet_input);
	netif_set_default(netif);
	netif_set_up(netif);
	netif_create_ip6_linklocal_address(netif, 1);
	for (int i = 0; i < options->addresses_count; i++) {
		if (options->addresses[i].family != TCP_FAMILY_IPV6)
			continue;
		address = tcp_address_to_lwip(&options->addresses[i]);
		netif_add_ip6_address(netif, ip_2_ip6(&address), NULL);
	}
}

const struct ip6_addr *tcp_hook_gateway6(void)
{
	return tcp_one.options.gateway6.family == TCP_FAMILY_IPV6 ? &tcp_one.gateway6 : NULL;
}

int32_t tcp_hook_vlan(void)
{
	return tcp_one.options.vlan ? tcp_one.options.vlan : -1;
}

static void listen_start(void)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);

	assert(pcb && tcp_bind(pcb, IP_ANY_TYPE, tcp_one.options.port) == ERR_OK);
	tcp_one.listener = tcp_listen_with_backlog(pcb, (uint8_t)tcp_one.options.syn_backlog);
	assert(tcp_one.listener);
	tcp_accept(tcp_one.listener, tcp_connection_accept);
}

bool tcp_start(const struct tcp_options *options, void *memory, struct frame_sink *sink,
	       uint64_t now_ns, char error[TCP_ERROR_BYTES])
{
	struct tcp_options filled = *options;

	assert(!tcp_one.running); /* lwIP's state is in file scope */
	if (!options_fill(&filled, error))
		return false;
	tcp_one = (struct tcp_instance){
		.running      = true,
		.options      = filled,
		.sink         = sink,
		.now_ns       = now_ns,
		.tick_next_ns = now_ns + TCP_TICK_NS,
		/* a frame of half a kibibyte on average fills the window */
		.unread_pbufs_max = filled.receive_window_bytes / 512,
	};
	tcp_window_bytes_more = filled.receive_window_bytes - TCP_WINDOW_BYTES_MIN;
	tcp_send_buffer_bytes = filled.send_buffer_bytes;
	/* a pbuf for every 256 bytes, or a caller of many tiny writes waits */
	tcp_send_queue_pbufs_more = (uint16_t)(filled.send_buffer_bytes / 256);
	memory_carve(memory);
	lwip_init();
	netif_start();
	if (filled.port)
		listen_start();
	return true;
}

void tcp_stop(void)
{
	assert(tcp_one.running && tcp_one.depth == 0);
	tcp_one.running = false; /* nothing is sent any more */
	tcp_table_join();
	tcp_connections_forget();
	if (tcp_one.listener)
		tcp_close(tcp_one.listener);
	netif_remove(&tcp_one.netif);
	tcp_table_deal();
	memset(&lwip_stats, 0, sizeof(lwip_stats));
	assert(tcp_one.stats.frames_held == 0);
}

void tcp_serve(const struct tcp_server_ops *ops, void *ctx)
{
	tcp_one.ops     = ops;
	tcp_one.ops_ctx = ctx;
}

const struct tcp_stats *tcp_stats(void)
{
	return &tcp_one.stats;
}

void tcp_assert_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "tcp: %s:%d: %s\n", file, line, what);
	abort();
}

/* RFC 4861 rate limits in lwIP ask for milliseconds. */
u32_t sys_now(void)
{
	return (u32_t)(tcp_one.now_ns / 1000000);
}
