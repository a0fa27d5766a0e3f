#include "firmware/decider.h"

#include <assert.h>
#include <string.h>

#include "firmware/walk.h"

/* Room for every operation that can be on its way: transactions are few bytes each, the
 * largest operation is an edit, and pipeline.c asks for room before it submits. */
static size_t lane_bytes(uint32_t in_flight)
{
	size_t want = (size_t)in_flight * 64 + 16 * sizeof(struct decider_op), bytes = 4096;

	while (bytes < want)
		bytes *= 2;
	return bytes;
}

size_t decider_bytes(uint32_t in_flight)
{
	return lane_bytes(in_flight) + in_flight * sizeof(struct work *);
}

void decider_init(struct decider *decider, const struct engine *engine, uint32_t index,
		  uint32_t count, uint32_t lists, void *memory, uint32_t in_flight)
{
	size_t bytes = lane_bytes(in_flight);

	assert((in_flight & (in_flight - 1)) == 0);
	memset(decider, 0, sizeof(*decider));
	decider->engine       = engine;
	decider->index        = index;
	decider->count        = count;
	decider->lists        = lists;
	decider->pending      = (struct work **)((uint8_t *)memory + bytes);
	decider->pending_mask = in_flight - 1;
	lane_init(&decider->in, memory, bytes);
}

static void do_work(struct decider *decider, struct work *work)
{
	const struct engine *engine = decider->engine;
	bool mine = walk_owner(engine, work->keys.decider, decider->count) == decider->index;

	walk_parts(engine, work, decider->index, decider->count);
	/* From here on, work that is not mine may be decided and gone at any moment. */
	atomic_fetch_sub_explicit(&work->parts_left, 1, memory_order_acq_rel);
	if (!mine)
		return;
	assert(decider->pending_tail - decider->pending_head <= decider->pending_mask);
	decider->pending[decider->pending_tail++ & decider->pending_mask] = work;
}

static void do_label(struct decider *decider, const struct sighting *label)
{
	const struct engine *engine = decider->engine;

	for (uint8_t e = 0; e < engine->plan->entities_count; e++) {
		struct state_label change = label->change;

		if (!hash_is(label->file[e]) ||
		    walk_owner(engine, label->file[e], decider->count) != decider->index)
			continue;
		change.filed = sightings_filed(engine->sightings, decider->index, label->number, e);
		state_label(e == engine->decisions ? engine->verdicts : engine->state,
			    state_shard_of(engine->plan, label->file[e]), e, label->file[e],
			    &change);
	}
}

static void edit_lists(const struct brain *brain, uint32_t lists, const struct decider_edit *edit)
{
	if (brain && brain->rules)
		(void)rules_list_edit(brain->lists[lists], &edit->edit, edit->now_ns);
}

/* That nothing is lost was made sure of before the change was put in (turn.c). */
static void adopt_lists(const struct brain *before, const struct brain *next, uint32_t lists,
			int64_t now_ns)
{
	if (next && next->rules)
		(void)rules_lists_adopt(next->lists[lists],
					before && before->rules ? before->lists[lists] : NULL,
					now_ns);
}

static void do_change(struct decider *decider, const struct decider_change *change)
{
	for (int i = 0; i < 2; i++)
		adopt_lists(change->brain[i].before, change->brain[i].next, decider->lists,
			    change->now_ns);
	atomic_fetch_sub_explicit(change->left, 1, memory_order_release);
}

void decider_do(struct decider *decider, const struct decider_op *op)
{
	switch (op->kind) {
	case DECIDER_WORK: do_work(decider, op->work); break;
	case DECIDER_LABEL: do_label(decider, &op->label); break;
	case DECIDER_EDIT:
		edit_lists(op->edit.brain, decider->lists, &op->edit);
		edit_lists(op->edit.shadow, decider->lists, &op->edit);
		break;
	case DECIDER_BRAIN: do_change(decider, &op->change); break;
	default: assert(!"no such operation");
	}
}

static bool decide_oldest(struct decider *decider)
{
	struct work *work;

	if (decider->pending_head == decider->pending_tail)
		return false;
	work = decider->pending[decider->pending_head & decider->pending_mask];
	if (atomic_load_explicit(&work->parts_left, memory_order_acquire) != 0)
		return false;
	decider->pending_head++;
	walk_decide(decider->engine, work, decider->index, decider->lists);
	atomic_store_explicit(&work->done, true, memory_order_release);
	return true;
}

/* What changes lists waits for the decisions before it; so does a label where an entity
 * keeps verdicts, since a transaction is filed there when it is decided. */
static bool waits(const struct decider *decider, const struct decider_op *op)
{
	return op->kind >= DECIDER_EDIT ||
	       (op->kind == DECIDER_LABEL && decider->engine->verdicts != NULL);
}

static bool take_op(struct decider *decider)
{
	size_t                   size;
	const struct decider_op *op = lane_peek(&decider->in, &size);

	if (!op || (waits(decider, op) && decider->pending_head != decider->pending_tail))
		return false;
	decider_do(decider, op);
	lane_release(&decider->in);
	return true;
}

void decider_publish(struct decider *decider)
{
	struct state_counters   sum;
	struct history_counters rows;

	engine_counters(decider->engine, decider->index, decider->count, &sum);
	engine_history_counters(decider->engine, decider->index, decider->count, &rows);
	atomic_store_explicit(&decider->published.row_accounts, rows.entries, memory_order_relaxed);
	atomic_store_explicit(&decider->published.rows, rows.rows, memory_order_relaxed);
	atomic_store_explicit(&decider->published.row_evicted, rows.evicted, memory_order_relaxed);
	atomic_store_explicit(&decider->published.entities, sum.entities, memory_order_relaxed);
	atomic_store_explicit(&decider->published.cells, sum.cells, memory_order_relaxed);
	atomic_store_explicit(&decider->published.filed, sum.filed, memory_order_relaxed);
	atomic_store_explicit(&decider->published.merged, sum.merged, memory_order_relaxed);
	atomic_store_explicit(&decider->published.evicted, sum.evicted, memory_order_relaxed);
	atomic_store_explicit(&decider->published.late, sum.late, memory_order_relaxed);
	atomic_store_explicit(&decider->published.label_lost, sum.label_lost, memory_order_relaxed);
	atomic_store_explicit(&decider->published.coarse, sum.coarse, memory_order_relaxed);
}

bool decider_turn(struct decider *decider)
{
	bool busy = false;

	if ((decider->turns++ & (DECIDER_PUBLISH_TURNS - 1)) == 0)
		decider_publish(decider);
	for (int i = 0; i < DECIDER_OPS_MAX && take_op(decider); i++)
		busy = true;
	for (int i = 0; i < DECIDER_OPS_MAX && decide_oldest(decider); i++)
		busy = true;
	return busy;
}
