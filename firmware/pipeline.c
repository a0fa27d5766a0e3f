#include "firmware/pipeline.h"

#include <assert.h>
#include <sched.h>
#include <string.h>

#include "firmware/walk.h"

#define SLOTS_MASK (PIPELINE_SLOTS_MAX - 1)

static_assert((PIPELINE_SLOTS_MAX & SLOTS_MASK) == 0, "a power of two");

static uint32_t deciders_of(uint32_t threads)
{
	return threads == 0 ? 1 : threads;
}

static size_t slots_bytes(void)
{
	return (PIPELINE_SLOTS_MAX * sizeof(struct slot) + 63) & ~(size_t)63;
}

size_t pipeline_bytes(uint32_t threads)
{
	return slots_bytes() + deciders_of(threads) * decider_bytes(PIPELINE_SLOTS_MAX);
}

void pipeline_init(struct pipeline *pipeline, struct engine *engine, uint32_t threads, void *memory,
		   uint64_t next_sequence, uint64_t order)
{
	uint8_t *at = (uint8_t *)memory + slots_bytes();

	assert(threads <= CONFIG_DECIDE_MAX);
	memset(pipeline, 0, sizeof(*pipeline));
	pipeline->engine        = engine;
	pipeline->threads       = threads;
	pipeline->slots         = memory;
	pipeline->next_sequence = next_sequence;
	pipeline->order         = order;
	for (uint32_t i = 0; i < deciders_of(threads); i++) {
		/* Copy 0 of the lists is the submitting thread's. */
		decider_init(&pipeline->deciders[i], engine, i, deciders_of(threads),
			     threads == 0 ? 0 : 1 + i, at, PIPELINE_SLOTS_MAX);
		at += decider_bytes(PIPELINE_SLOTS_MAX);
	}
}

/* A lane may still hold operations of slots that are done: labels and list edits, which
 * nobody waits for. */
static bool lanes_have_room(const struct pipeline *pipeline, uint32_t count)
{
	size_t need = (count + 1) * (sizeof(struct decider_op) + 16);

	for (uint32_t i = 0; i < pipeline->threads; i++) {
		const struct lane *lane = &pipeline->deciders[i].in;

		if (lane->ring_bytes - lane_used(lane) < need)
			return false;
	}
	return true;
}

uint32_t pipeline_room(const struct pipeline *pipeline)
{
	uint32_t room = PIPELINE_SLOTS_MAX - (uint32_t)(pipeline->tail - pipeline->head);

	while (room > 0 && !lanes_have_room(pipeline, room))
		room /= 2;
	return room;
}

struct slot *pipeline_next(struct pipeline *pipeline)
{
	struct slot *slot = &pipeline->slots[pipeline->tail & SLOTS_MASK];

	assert(pipeline->tail - pipeline->head < PIPELINE_SLOTS_MAX);
	slot->sequence = pipeline->next_sequence;
	return slot;
}

static void go(struct pipeline *pipeline)
{
	pipeline->tail++;
	pipeline->next_sequence++;
}

static void dispatch(struct pipeline *pipeline, const struct decider_op *op, size_t size_bytes)
{
	if (pipeline->threads == 0) {
		decider_do(&pipeline->deciders[0], op);
		while (decider_turn(&pipeline->deciders[0])) {
		}
		return;
	}
	for (uint32_t i = 0; i < pipeline->threads; i++) {
		bool put = lane_put(&pipeline->deciders[i].in, op, size_bytes);

		assert(put);
	}
}

#define OP_BYTES(member) \
	(offsetof(struct decider_op, member) + sizeof(((struct decider_op *)0)->member))

void pipeline_decide(struct pipeline *pipeline, struct slot *slot, struct hash128 key)
{
	struct engine    *engine = pipeline->engine;
	struct work      *work   = &slot->work;
	struct decider_op op     = { .kind = DECIDER_WORK, .work = work };

	slot->kind         = AUDIT_DECISION;
	work->order        = ++pipeline->order;
	work->began_ns     = engine_now_ns(engine);
	work->values.count = (uint16_t)engine->plan->features_count;
	state_keys(engine->plan, work->transaction, &work->keys);
	atomic_store_explicit(&work->parts_left, deciders_of(pipeline->threads),
			      memory_order_relaxed);
	atomic_store_explicit(&work->done, false, memory_order_relaxed);
	work->sighting = sightings_add(engine->sightings, key, work->order,
				       work->transaction->time_ns, &work->keys);
	dispatch(pipeline, &op, OP_BYTES(work));
	go(pipeline);
}

void pipeline_label(struct pipeline *pipeline, struct slot *slot, struct hash128 key)
{
	struct decider_op op = { .kind = DECIDER_LABEL };

	slot->kind           = AUDIT_LABEL;
	slot->label_outcome  = sightings_label(pipeline->engine->sightings, key,
					       (enum label_kind)slot->label.kind, &op.label);
	slot->labelled_order = op.label.sequence;
	pipeline->order++;
	if (op.label.change.frauds != 0 || op.label.change.labelled != 0)
		dispatch(pipeline, &op, OP_BYTES(label));
	go(pipeline);
}

void pipeline_edit(struct pipeline *pipeline, struct slot *slot, const struct live *live,
		   int64_t now_ns)
{
	struct decider_op op = { .kind = DECIDER_EDIT };

	slot->kind         = AUDIT_LIST;
	slot->edit_outcome = REASON_list_unknown;
	op.edit            = (struct decider_edit){
			   .brain  = &live->brain,
			   .shadow = live->has_shadow ? &live->shadow : NULL,
			   .now_ns = now_ns,
			   .edit   = slot->edit,
	};
	/* The submitting thread's own copy says what comes of it. */
	if (live->brain.rules)
		slot->edit_outcome = rules_list_edit(live->brain.lists[0], &slot->edit, now_ns);
	pipeline->order++;
	if (slot->edit_outcome == REASON_NONE && pipeline->threads > 0)
		dispatch(pipeline, &op, OP_BYTES(edit));
	if (slot->edit_outcome == REASON_NONE && live->has_shadow && live->shadow.rules)
		(void)rules_list_edit(live->shadow.lists[0], &slot->edit, now_ns);
	go(pipeline);
}

static const struct brain *shadow_of(const struct live *live)
{
	return live->has_shadow ? &live->shadow : &live->brain;
}

bool pipeline_can_adopt(const struct live *next, const struct live *before, int64_t now_ns,
			struct pipeline_misfit *out)
{
	const struct brain *parts[][2] = {
		{ &next->brain, &before->brain },
		{ next->has_shadow ? &next->shadow : NULL, shadow_of(before) },
	};

	for (int i = 0; i < 2; i++) {
		const struct brain *to = parts[i][0], *from = parts[i][1];

		out->shadow = i == 1;
		if (to && to->rules && from->rules &&
		    !rules_lists_fit(to->lists[0], from->lists[0], now_ns, &out->misfit))
			return false;
	}
	return true;
}

void pipeline_adopt(struct pipeline *pipeline, struct slot *slot, const struct live *before,
		    int64_t now_ns)
{
	const struct live *next = slot->live;
	uint32_t           own  = pipeline->threads > 0; /* the submitting thread has a copy, too */
	struct decider     self = { .lists = 0 };
	struct decider_op  op   = {
		   .kind   = DECIDER_BRAIN,
		   .change = { .brain  = { { &before->brain, &next->brain },
					   { shadow_of(before),
                                         next->has_shadow ? &next->shadow : NULL } },
			       .now_ns = now_ns,
			       .left   = &slot->left },
	};

	slot->kind        = AUDIT_CONFIG;
	slot->work.now_ns = now_ns;
	atomic_store_explicit(&slot->left, deciders_of(pipeline->threads) + own,
			      memory_order_relaxed);
	if (own)
		decider_do(&self, &op);
	dispatch(pipeline, &op, OP_BYTES(change));
	go(pipeline);
}

void pipeline_pass(struct pipeline *pipeline, struct slot *slot)
{
	(void)slot;
	go(pipeline);
}

static bool is_done(struct slot *slot)
{
	switch (slot->kind) {
	case AUDIT_DECISION: return atomic_load_explicit(&slot->work.done, memory_order_acquire);
	case AUDIT_CONFIG: return atomic_load_explicit(&slot->left, memory_order_acquire) == 0;
	default: return true;
	}
}

uint32_t pipeline_emit(struct pipeline *pipeline, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && pipeline->head != pipeline->tail) {
		struct slot *slot = &pipeline->slots[pipeline->head & SLOTS_MASK];

		if (!is_done(slot))
			break;
		pipeline->emit(pipeline->ctx, slot);
		pipeline->head++;
		n++;
	}
	return n;
}

/* ---- threads of offline tools */

static void *run(void *ctx)
{
	struct decider *decider = ctx;

	while (!atomic_load_explicit(&decider->stop, memory_order_relaxed))
		if (!decider_turn(decider))
			sched_yield();
	return NULL;
}

void pipeline_start(struct pipeline *pipeline, pthread_t threads[CONFIG_DECIDE_MAX])
{
	for (uint32_t i = 0; i < pipeline->threads; i++) {
		int rc = pthread_create(&threads[i], NULL, run, &pipeline->deciders[i]);

		assert(rc == 0);
	}
}

void pipeline_stop(struct pipeline *pipeline, pthread_t threads[CONFIG_DECIDE_MAX])
{
	for (uint32_t i = 0; i < pipeline->threads; i++)
		atomic_store(&pipeline->deciders[i].stop, true);
	for (uint32_t i = 0; i < pipeline->threads; i++)
		pthread_join(threads[i], NULL);
}
