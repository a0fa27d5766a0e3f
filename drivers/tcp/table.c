/* Finding a connection in constant time.
 *
 * lwIP walks the one list tcp_active_pcbs for every segment.  Here that list is
 * kept in pieces, one per bucket of a keyed hash over addresses and ports, and
 * lwIP is shown only the piece a segment can belong to:
 *
 *      buckets    [0] -> a -> b      [1]      [2] -> c      ...
 *                                              |
 *      tcp_active_pcbs  <--- tcp_table_select -+     a segment for c arrives
 *
 * A control block's addresses and ports never change while it is active, so it
 * never changes its bucket.  The timers want every connection, so the pieces are
 * joined before them and dealt out after them; that walk is as long as theirs.
 *
 * In the hands of nobody (outside input and timers) tcp_active_pcbs is empty. */
#include <assert.h>
#include <string.h>

#include "drivers/tcp/internal.h"
#include "lwip/priv/tcp_priv.h"

#define NOTHING_SELECTED UINT32_MAX

static struct {
	struct tcp_pcb **buckets;
	uint32_t         mask;
	uint32_t         selected;
	unsigned         whole; /* how many want the whole list */
	uint64_t         key[2];
} table;

/* At most one connection a bucket on average. */
static uint32_t buckets_count(const struct tcp_options *options)
{
	uint32_t count = 64;

	while (count < options->connections_max)
		count *= 2;
	return count;
}

size_t tcp_table_size_bytes(const struct tcp_options *options)
{
	return buckets_count(options) * sizeof(struct tcp_pcb *);
}

void tcp_table_init(const struct tcp_options *options, uint8_t *memory)
{
	table.buckets  = (struct tcp_pcb **)memory;
	table.mask     = buckets_count(options) - 1;
	table.selected = NOTHING_SELECTED;
	table.whole    = 0;
	memset(memory, 0, tcp_table_size_bytes(options));
	for (size_t i = 0; i < 4; i++) {
		uint32_t word = tcp_random();

		memcpy((uint8_t *)table.key + 4 * i, &word, sizeof(word));
	}
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * (b | 1);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t mix_address(uint64_t hash, const ip_addr_t *address)
{
	uint64_t words[2];

	if (!IP_IS_V6(address))
		return mix(hash ^ ip_2_ip4(address)->addr, table.key[1]);
	memcpy(words, ip_2_ip6(address)->addr, sizeof(words));
	return mix(mix(hash ^ words[0], table.key[1]) ^ words[1], table.key[0]);
}

uint32_t tcp_table_bucket(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
			  uint16_t remote_port)
{
	uint64_t hash = table.key[0] ^ ((uint64_t)local_port << 16 | remote_port);

	hash = mix_address(hash, remote);
	hash = mix_address(hash, local);
	return (uint32_t)hash & table.mask;
}

static uint32_t bucket_of(const struct tcp_pcb *pcb)
{
	return tcp_table_bucket(&pcb->local_ip, pcb->local_port, &pcb->remote_ip, pcb->remote_port);
}

void tcp_table_select(uint32_t bucket)
{
	assert(table.selected == NOTHING_SELECTED && table.whole == 0);
	table.selected  = bucket;
	tcp_active_pcbs = table.buckets[bucket];
}

void tcp_table_select_of(const struct tcp_pcb *pcb)
{
	tcp_table_select(bucket_of(pcb));
}

void tcp_table_deselect(void)
{
	if (table.selected == NOTHING_SELECTED)
		return;
	table.buckets[table.selected] = tcp_active_pcbs;
	table.selected                = NOTHING_SELECTED;
	tcp_active_pcbs               = NULL;
}

/* Both walks are bounded by the buckets and the control blocks. */
void tcp_table_join(void)
{
	struct tcp_pcb *all = NULL;

	if (table.whole++ > 0)
		return;
	assert(table.selected == NOTHING_SELECTED);
	for (uint32_t i = 0; i <= table.mask; i++) {
		struct tcp_pcb *last = table.buckets[i];

		if (!last)
			continue;
		while (last->next)
			last = last->next;
		last->next       = all;
		all              = table.buckets[i];
		table.buckets[i] = NULL;
	}
	tcp_active_pcbs = all;
}

void tcp_table_deal(void)
{
	struct tcp_pcb *next;

	assert(table.whole > 0);
	if (--table.whole > 0)
		return;
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = next) {
		uint32_t bucket = bucket_of(pcb);

		next                  = pcb->next;
		pcb->next             = table.buckets[bucket];
		table.buckets[bucket] = pcb;
	}
	tcp_active_pcbs = NULL;
}

uint32_t tcp_table_selected(void)
{
	return table.selected;
}

void tcp_table_reselect(uint32_t selected)
{
	if (selected != NOTHING_SELECTED)
		tcp_table_select(selected);
}
