/* Pools behind lwIP's allocators: one free list per kind of control block, and
 * two for packet memory, all carved at start.  Take and give are constant time.
 *
 * This file stands in for lwIP's core/memp.c, whose pools are sized when it is
 * compiled; these are sized by the config. */
#include <assert.h>
#include <string.h>

#include "drivers/tcp/internal.h"
#include "lwip/mem.h"
#include "lwip/memp.h"
#include "lwip/mld6.h"
#include "lwip/priv/tcp_priv.h"

struct pool {
	uint8_t *base;
	size_t   item_bytes;
	uint32_t count;
	void    *free; /* each free item points to the next */
};

/* Packet memory: small for headers, ACKs and short answers, full for segments. */
enum { PACKET_SMALL, PACKET_FULL, PACKET_POOLS };
#define PACKET_SMALL_BYTES 320u

static struct pool pools[MEMP_MAX];
static struct pool packets[PACKET_POOLS];

static size_t round_up(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

/* pbuf, tag, IPv6 or IPv4 with options, TCP with options, and the MTU's payload. */
static size_t packet_full_bytes(const struct tcp_options *options)
{
	return round_up(sizeof(struct pbuf) + FRAME_ETHERNET_BYTES + FRAME_VLAN_BYTES + 64u +
			options->mtu);
}

static size_t kind_bytes(memp_t kind)
{
	switch (kind) {
#define LWIP_MEMPOOL(name, num, size, desc) \
	case MEMP_##name: return (size);
#include "lwip/priv/memp_std.h"
	default: return 0;
	}
}

/* TIME_WAIT pairs beyond the connections; when they run out lwIP ends the oldest. */
#define TIME_WAIT_SPARE 512u

static uint32_t kind_count(const struct tcp_options *options, memp_t kind)
{
	switch (kind) {
	case MEMP_TCP_PCB: return options->connections_max + options->syn_backlog + TIME_WAIT_SPARE;
	case MEMP_TCP_SEG: /* to send, and received out of order */
		return options->send_segments_max + 2 * options->connections_max +
		       options->frames_held_max;
	case MEMP_TCP_PCB_LISTEN: return 2;
	case MEMP_MLD6_GROUP: return MEMP_NUM_MLD6_GROUP;
	case MEMP_PBUF: return 256;
	default: return 0;
	}
}

static uint32_t packet_small_count(const struct tcp_options *options)
{
	return 2 * options->connections_max + 1024;
}

size_t tcp_pools_size_bytes(const struct tcp_options *options)
{
	size_t sum = packet_full_bytes(options) * options->send_segments_max +
		     (size_t)PACKET_SMALL_BYTES * packet_small_count(options);

	for (int kind = 0; kind < MEMP_MAX; kind++)
		sum += round_up(kind_bytes(kind)) * kind_count(options, kind);
	return sum;
}

static uint8_t *pool_init(struct pool *pool, uint8_t *memory, size_t item_bytes, uint32_t count)
{
	*pool = (struct pool){ .base = memory, .item_bytes = item_bytes, .count = count };
	for (uint32_t i = count; i-- > 0;) {
		uint8_t *item = memory + i * item_bytes;

		memcpy(item, &pool->free, sizeof(pool->free));
		pool->free = item;
	}
	return memory + item_bytes * count;
}

void tcp_pools_init(const struct tcp_options *options, uint8_t *memory)
{
	for (int kind = 0; kind < MEMP_MAX; kind++)
		memory = pool_init(&pools[kind], memory, round_up(kind_bytes(kind)),
				   kind_count(options, kind));
	memory = pool_init(&packets[PACKET_SMALL], memory, PACKET_SMALL_BYTES,
			   packet_small_count(options));
	pool_init(&packets[PACKET_FULL], memory, packet_full_bytes(options),
		  options->send_segments_max);
}

static void *pool_take(struct pool *pool)
{
	void *item = pool->free;

	if (item)
		memcpy(&pool->free, item, sizeof(pool->free));
	return item;
}

static bool pool_owns(const struct pool *pool, const void *item)
{
	const uint8_t *at = item;

	return at >= pool->base && at < pool->base + pool->item_bytes * pool->count;
}

static void pool_give(struct pool *pool, void *item)
{
	assert(pool_owns(pool, item));
	memcpy(item, &pool->free, sizeof(pool->free));
	pool->free = item;
}

void memp_init(void)
{
	/* tcp_pools_init has done it. */
}

void *memp_malloc(memp_t type)
{
	void *item = pool_take(&pools[type]);

	if (!item)
		tcp_count(&tcp_one.stats.memory_failures, 1);
	return item;
}

void memp_free(memp_t type, void *mem)
{
	if (mem)
		pool_give(&pools[type], mem);
}

void *tcp_memory_take(size_t size_bytes)
{
	void *item = NULL;

	if (size_bytes <= PACKET_SMALL_BYTES)
		item = pool_take(&packets[PACKET_SMALL]);
	if (!item && size_bytes <= packets[PACKET_FULL].item_bytes)
		item = pool_take(&packets[PACKET_FULL]);
	if (!item)
		tcp_count(&tcp_one.stats.memory_failures, 1);
	return item;
}

void *tcp_memory_take_zeroed(size_t count, size_t size_bytes)
{
	void *item = tcp_memory_take(count * size_bytes);

	if (item)
		memset(item, 0, count * size_bytes);
	return item;
}

void tcp_memory_give(void *memory)
{
	struct pool *small = &packets[PACKET_SMALL];

	pool_give(pool_owns(small, memory) ? small : &packets[PACKET_FULL], memory);
}
