#include "drivers/nic/nic.h"

#include <assert.h>

uint32_t nic_rx(struct nic *nic, struct frame *burst, uint32_t max)
{
	assert(max >= 1 && max <= NIC_BURST_MAX);
	return nic->ops->rx(nic, burst, max);
}

static bool sink_take(void *ctx, struct frame *out)
{
	struct nic *nic = ctx;

	return nic->ops->take(nic, out);
}

static void sink_send(void *ctx, struct frame *frame)
{
	struct nic *nic = ctx;

	nic->ops->send(nic, frame);
}

static void sink_drop(void *ctx, struct frame *frame)
{
	struct nic *nic = ctx;

	nic->ops->drop(nic, frame);
}

struct frame_sink nic_sink(struct nic *nic)
{
	return (struct frame_sink){
		.take     = sink_take,
		.send     = sink_send,
		.drop     = sink_drop,
		.ctx      = nic,
		.offloads = nic->offloads,
	};
}

void nic_flush(struct nic *nic)
{
	nic->ops->flush(nic);
}

void nic_stats(struct nic *nic, struct nic_stats *out)
{
	nic->ops->stats(nic, out);
}

void nic_link(struct nic *nic, struct nic_link *out)
{
	nic->ops->link(nic, out);
}

void nic_close(struct nic *nic)
{
	if (nic)
		nic->ops->close(nic);
}
