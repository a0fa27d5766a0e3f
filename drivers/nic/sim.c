#include "drivers/nic/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/nic/sim_checksum.h"

#define MILLION            1000000u
#define FRAMES_DEFAULT     1024u
#define FRAMES_MAX         65536u
#define MTU_DEFAULT        1500u
#define REORDER_NS_DEFAULT 1000000u

/* A frame under way.  `order` breaks ties: what was sent first arrives first. */
struct flight {
	uint64_t arrives_ns;
	uint64_t order;
	uint8_t *data;
	uint32_t size_bytes;
};

/* One direction: a binary heap of flights, the next to arrive on top, and a stack
 * of free buffers. */
struct wire {
	uint64_t            stream;  /* seed of this direction */
	uint64_t            last_ns; /* the latest arrival of a frame that kept its place */
	uint64_t            order;
	struct flight      *heap;
	uint32_t            heap_count;
	uint8_t           **spare;
	uint32_t            spare_count;
	struct sim_counters counters;
};

/* A buffer of an end; `out` while the frame belongs to somebody else. */
struct slot {
	uint8_t *data;
	bool     out;
};

struct sim_end {
	struct nic       nic; /* first: nic_ops get a pointer to it */
	struct sim_link *link;
	struct wire     *towards, *from;
	struct slot     *slots;
	struct slot    **spare;
	uint32_t         spare_count;
	struct frame    *queue; /* sent, not yet flushed */
	uint32_t         queue_count;
	struct nic_stats stats;
};

struct sim_link {
	struct sim_options options;
	uint32_t           capacity_bytes;
	uint64_t           now_ns;
	struct wire        wires[2];
	struct sim_end     ends[2];
	uint8_t           *memory; /* 2 ends and 2 wires, options.frames buffers each */
};

/* splitmix64 (Steele, Lea, Flood 2014): good bits from a counter. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static bool happens(uint64_t *random, uint32_t ppm)
{
	return draw(random) % MILLION < ppm;
}

/* ---- the wire */

static bool before(const struct flight *a, const struct flight *b)
{
	return a->arrives_ns != b->arrives_ns ? a->arrives_ns < b->arrives_ns : a->order < b->order;
}

static void swap(struct flight *a, struct flight *b)
{
	const struct flight c = *a;

	*a = *b;
	*b = c;
}

static void heap_push(struct wire *wire, struct flight flight)
{
	uint32_t at = wire->heap_count++;

	wire->heap[at] = flight;
	for (; at > 0 && before(&wire->heap[at], &wire->heap[(at - 1) / 2]); at = (at - 1) / 2)
		swap(&wire->heap[at], &wire->heap[(at - 1) / 2]);
}

static void heap_pop(struct wire *wire)
{
	uint32_t at = 0;

	wire->heap[0] = wire->heap[--wire->heap_count];
	for (;;) {
		uint32_t least = at;
		for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
			if (child < wire->heap_count &&
			    before(&wire->heap[child], &wire->heap[least]))
				least = child;
		}
		if (least == at)
			return;
		swap(&wire->heap[at], &wire->heap[least]);
		at = least;
	}
}

/* What chance has in store for one copy of a frame. */
struct fate {
	uint64_t delay_ns;
	bool     reordered;
};

static struct fate draw_fate(const struct sim_options *options, uint64_t *random)
{
	const uint64_t spread = options->delay_ns_max - options->delay_ns_min + 1;
	const uint64_t choice = draw(random);

	return (struct fate){
		.delay_ns  = options->delay_ns_min + (spread ? choice % spread : choice),
		.reordered = happens(random, options->reorder_ppm),
	};
}

static void fly(struct sim_link *link, struct wire *wire, const struct frame *frame,
		struct fate fate)
{
	uint64_t arrives_ns = link->now_ns + fate.delay_ns;

	if (wire->spare_count == 0) {
		wire->counters.overflowed++;
		return;
	}
	if (fate.reordered)
		arrives_ns += link->options.reorder_ns;
	else
		wire->last_ns = arrives_ns = arrives_ns > wire->last_ns ? arrives_ns
									: wire->last_ns;
	wire->counters.reordered += fate.reordered;
	wire->counters.delayed += fate.delay_ns > 0;
	uint8_t *copy = wire->spare[--wire->spare_count];

	memcpy(copy, frame->data, frame->size_bytes);
	heap_push(wire, (struct flight){ .arrives_ns = arrives_ns,
					 .order      = wire->order++,
					 .data       = copy,
					 .size_bytes = frame->size_bytes });
}

/* Every chance is drawn, whatever the others say, so that raising one probability
 * does not change what another does to later frames. */
static void depart(struct sim_link *link, struct wire *wire, const struct frame *frame)
{
	uint64_t   random     = wire->stream + wire->counters.sent++ * UINT64_C(0xd1342543de82ef95);
	const bool lost       = happens(&random, link->options.loss_ppm);
	const bool duplicated = happens(&random, link->options.duplicate_ppm);
	const struct fate first  = draw_fate(&link->options, &random);
	const struct fate second = draw_fate(&link->options, &random);

	if (lost) {
		wire->counters.lost++;
		return;
	}
	fly(link, wire, frame, first);
	if (duplicated) {
		wire->counters.duplicated++;
		fly(link, wire, frame, second);
	}
}

/* ---- an end */

static struct sim_end *sim(struct nic *nic)
{
	return (struct sim_end *)nic;
}

static bool end_take(struct sim_end *end, struct frame *out)
{
	if (end->spare_count == 0)
		return false;
	struct slot *slot = end->spare[--end->spare_count];

	slot->out = true;
	*out      = (struct frame){
		     .data       = slot->data,
		     .size_bytes = (uint16_t)end->link->capacity_bytes,
		     .owner      = slot,
	};
	return true;
}

static void end_give(struct sim_end *end, const struct frame *frame)
{
	struct slot *slot = frame->owner;

	assert(slot >= end->slots && slot < end->slots + end->link->options.frames);
	assert(slot->out); /* else it was given back twice */
	slot->out                      = false;
	end->spare[end->spare_count++] = slot;
}

static uint32_t sim_rx(struct nic *nic, struct frame *burst, uint32_t max)
{
	struct sim_end *end   = sim(nic);
	struct wire    *wire  = end->from;
	uint32_t        count = 0;

	while (count < max && wire->heap_count && wire->heap[0].arrives_ns <= end->link->now_ns) {
		const struct flight *flight = &wire->heap[0];
		struct frame        *frame  = &burst[count];
		if (!end_take(end, frame)) {
			end->stats.rx_no_buffer++;
			break;
		}
		memcpy(frame->data, flight->data, flight->size_bytes);
		frame->size_bytes = (uint16_t)flight->size_bytes;
		if (end->link->options.checksum_offload &&
		    sim_checksum_good(frame->data, frame->size_bytes))
			frame->flags |= FRAME_CHECKSUM_GOOD;
		wire->spare[wire->spare_count++] = flight->data;
		wire->counters.arrived++;
		end->stats.rx_frames++;
		end->stats.rx_bytes += frame->size_bytes;
		heap_pop(wire);
		count++;
	}
	return count;
}

static bool sim_take(struct nic *nic, struct frame *out)
{
	const bool taken = end_take(sim(nic), out);

	sim(nic)->stats.tx_no_buffer += !taken;
	return taken;
}

static void sim_drop(struct nic *nic, struct frame *frame)
{
	end_give(sim(nic), frame);
}

static void sim_send(struct nic *nic, struct frame *frame)
{
	struct sim_end *end = sim(nic);

	assert(frame->size_bytes >= FRAME_ETHERNET_BYTES);
	assert(frame->size_bytes <= end->link->capacity_bytes);
	assert((frame->flags & (FRAME_TX_IP4 | FRAME_TX_TCP) & ~nic->offloads) == 0);
	/* As many can wait as there are buffers, so there is always room. */
	end->queue[end->queue_count++] = *frame;
}

static void sim_flush(struct nic *nic)
{
	struct sim_end *end = sim(nic);

	for (uint32_t i = 0; i < end->queue_count; i++) {
		const struct frame *frame      = &end->queue[i];
		const uint64_t      overflowed = end->towards->counters.overflowed;
		if (frame->flags & (FRAME_TX_IP4 | FRAME_TX_TCP))
			sim_checksum_fill(frame);
		depart(end->link, end->towards, frame);
		end->stats.tx_full += end->towards->counters.overflowed - overflowed;
		end->stats.tx_frames++;
		end->stats.tx_bytes += frame->size_bytes;
		end_give(end, frame);
	}
	end->queue_count = 0;
}

static void sim_stats(struct nic *nic, struct nic_stats *out)
{
	*out = sim(nic)->stats;
}

static void sim_link(struct nic *nic, struct nic_link *out)
{
	(void)nic;
	*out = (struct nic_link){ .up = true, .full_duplex = true };
}

static void sim_close(struct nic *nic)
{
	(void)nic; /* the link owns its ends */
}

static const struct nic_ops sim_ops = {
	.rx    = sim_rx,
	.take  = sim_take,
	.send  = sim_send,
	.drop  = sim_drop,
	.flush = sim_flush,
	.stats = sim_stats,
	.link  = sim_link,
	.close = sim_close,
};

/* ---- the link */

static bool options_valid(const struct sim_options *options)
{
	return options->loss_ppm <= MILLION && options->duplicate_ppm <= MILLION &&
	       options->reorder_ppm <= MILLION && options->delay_ns_min <= options->delay_ns_max &&
	       (options->mtu == 0 ||
		(options->mtu >= NIC_MTU_MIN && options->mtu <= FRAME_MTU_MAX)) &&
	       options->frames <= FRAMES_MAX;
}

static void init_end(struct sim_link *link, int which, uint8_t *memory)
{
	struct sim_end *end     = &link->ends[which];
	const uint32_t  offload = link->options.checksum_offload
					  ? FRAME_OFFLOAD_TX_IP4 | FRAME_OFFLOAD_TX_TCP
					  : 0;

	end->nic = (struct nic){
		.ops      = &sim_ops,
		.mac      = { 0x02, 0, 0, 0, 0, which ? 0x0b : 0x0a }, /* locally administered */
		.mtu      = link->options.mtu,
		.offloads = offload,
		.facts    = { .driver      = "sim",
			      .mtu         = link->options.mtu,
			      .rx_checksum = offload != 0,
			      .numa_node   = -1 },
	};
	snprintf(end->nic.facts.name, sizeof(end->nic.facts.name), "sim-%c", which ? 'b' : 'a');
	end->link    = link;
	end->towards = &link->wires[which];
	end->from    = &link->wires[1 - which];
	for (uint32_t i = 0; i < link->options.frames; i++) {
		end->slots[i].data             = memory + (size_t)i * link->capacity_bytes;
		end->spare[end->spare_count++] = &end->slots[i];
	}
}

static void init_wire(struct sim_link *link, int which, uint64_t stream, uint8_t *memory)
{
	struct wire *wire = &link->wires[which];

	wire->stream = stream;
	for (uint32_t i = 0; i < link->options.frames; i++)
		wire->spare[wire->spare_count++] = memory + (size_t)i * link->capacity_bytes;
}

static bool allocate(struct sim_link *link)
{
	const size_t frames = link->options.frames;
	bool         whole  = true;

	link->memory = calloc(4 * frames, link->capacity_bytes);
	for (int i = 0; i < 2; i++) {
		struct sim_end *end  = &link->ends[i];
		struct wire    *wire = &link->wires[i];
		end->slots           = calloc(frames, sizeof(*end->slots));
		end->spare           = calloc(frames, sizeof(struct slot *));
		end->queue           = calloc(frames, sizeof(*end->queue));
		wire->heap           = calloc(frames, sizeof(*wire->heap));
		wire->spare          = calloc(frames, sizeof(uint8_t *));
		whole &= end->slots && end->spare && end->queue && wire->heap && wire->spare;
	}
	return whole && link->memory;
}

struct sim_link *sim_link_make(uint64_t seed, const struct sim_options *options)
{
	struct sim_link *link = options_valid(options) ? calloc(1, sizeof(*link)) : NULL;

	if (!link)
		return NULL;
	link->options            = *options;
	link->options.mtu        = options->mtu ? options->mtu : MTU_DEFAULT;
	link->options.frames     = options->frames ? options->frames : FRAMES_DEFAULT;
	link->options.reorder_ns = options->reorder_ns ? options->reorder_ns : REORDER_NS_DEFAULT;
	link->capacity_bytes     = link->options.mtu + FRAME_ETHERNET_BYTES + FRAME_VLAN_BYTES;
	if (!allocate(link)) {
		sim_link_free(link);
		return NULL;
	}
	const size_t share = (size_t)link->options.frames * link->capacity_bytes;

	for (int i = 0; i < 2; i++) {
		init_end(link, i, link->memory + (size_t)i * share);
		init_wire(link, i, draw(&seed), link->memory + (size_t)(2 + i) * share);
	}
	return link;
}

void sim_link_free(struct sim_link *link)
{
	if (!link)
		return;
	for (int i = 0; i < 2; i++) {
		free(link->ends[i].slots);
		free(link->ends[i].spare);
		free(link->ends[i].queue);
		free(link->wires[i].heap);
		free(link->wires[i].spare);
	}
	free(link->memory);
	free(link);
}

struct nic *sim_link_a(struct sim_link *link)
{
	return &link->ends[0].nic;
}

struct nic *sim_link_b(struct sim_link *link)
{
	return &link->ends[1].nic;
}

void sim_link_advance(struct sim_link *link, uint64_t now_ns)
{
	assert(now_ns >= link->now_ns);
	link->now_ns = now_ns;
}

uint64_t sim_link_next_ns(const struct sim_link *link)
{
	uint64_t next_ns = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		const struct wire *wire = &link->wires[i];
		if (wire->heap_count && wire->heap[0].arrives_ns < next_ns)
			next_ns = wire->heap[0].arrives_ns;
	}
	return next_ns;
}

struct sim_counters sim_link_counters_ab(const struct sim_link *link)
{
	return link->wires[0].counters;
}
