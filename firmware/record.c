/* Slots of the pipeline into records of the audit chain, in order; and when the last of
 * a request is recorded, the request to those that wait for the disk. */
#include <assert.h>
#include <string.h>

#include "firmware/edge.h"
#include "firmware/first_answer.h"
#include "firmware/record_put.h"
#include "runtime/reply/reply.h"

/* The answer is made here, once, from what the record holds; whoever asks again gets
 * these bytes. */
static void keep_answer(struct core *core, const struct slot *slot)
{
	struct job               *job    = slot->user;
	uint8_t                  *answer = job_answer(job, slot->index);
	const struct first_answer first  = {
		 .transaction = slot->work.transaction,
		 .decision    = &slot->work.decision,
		 .digests     = &slot->work.brain->digests,
		 .ledger      = slot->work.ledger,
		 .sequence    = slot->sequence,
		 .hash        = core->chain.hash,
	};
	size_t                  size = first_answer_make(&first, answer);
	struct repeats_counters counters;

	repeats_answer(core->engine.repeats, slot->sequence, bytes_of(answer, size));
	repeats_counters(core->engine.repeats, &counters);
	stats_set(&core->stats->repeats_kept, counters.entries);
	stats_set(&core->stats->repeats_expired, counters.expired);
	stats_set(&core->stats->repeats_dropped, counters.dropped);
	job->answers[slot->index] = size;
}

/* The first answer, which was still being made when it was asked for again: it has its
 * place in the order before this one, so it is there by now, unless the ring of answers is
 * too small for what is under way. */
static void fetch_answer(struct core *core, const struct slot *slot)
{
	struct job  *job   = slot->user;
	struct bytes first = repeats_answer_of(core->engine.repeats, slot->first_sequence);

	if (job->answers[slot->index] > 0)
		return;
	if (first.size_bytes == 0)
		job->refused = REASON_engine_backlog;
	else
		memcpy(job_answer(job, slot->index), first.data, first.size_bytes);
	job->answers[slot->index] = first.size_bytes;
}

/* One of a batch that is refused is all of it. */
static void take_refusal(struct job *job, uint32_t index)
{
	if (job->refused == REASON_NONE)
		job->refused =
			first_answer_refusal(bytes_of(job_answer(job, index), job->answers[index]));
}

static void count_decision(struct core *core, const struct slot *slot)
{
	const struct decision *decision = &slot->work.decision;

	stats_add(&core->stats->transactions, 1);
	stats_add(&core->stats->verdicts[decision->verdict], 1);
	for (uint8_t i = 0; i < decision->reasons_count; i++) {
		enum reason failure = (enum reason)decision->reasons[i].failure;

		/* What is answered is counted when it is. */
		if (decision->reasons[i].code == DECIDED_FAILURE &&
		    reason_row_of(failure)->action != REASON_REPLY)
			stats_reason(core->stats, failure);
		if (decision->reasons[i].code == DECIDED_FEATURES_MISSING)
			stats_reason(core->stats, REASON_feature_missing);
	}
	for (int s = 0; s < STAGE_COUNT; s++)
		if (slot->work.ledger.stage_ns[s] != 0)
			histogram_add(&core->stats->stage_ns[s], slot->work.ledger.stage_ns[s]);
}

/* What the slot found goes to its request, whose answer is made when all have. */
static void tell_job(struct core *core, const struct slot *slot)
{
	struct job *job = slot->user;

	switch (slot->kind) {
	case AUDIT_DECISION: take_refusal(job, slot->index); break;
	case AUDIT_REPEAT:
		fetch_answer(core, slot);
		take_refusal(job, slot->index);
		break;
	case AUDIT_LABEL: job->answers[slot->index] = slot->label_outcome; break;
	case AUDIT_LIST: job->answers[slot->index] = slot->edit_outcome; break;
	default: return;
	}
	job->last_sequence = slot->sequence;
	assert(job->left > 0);
	if (--job->left > 0)
		return;
	job->recorded_ns = clock_now_ns(core->clock);
	job->next        = NULL;
	if (core->commit_last)
		core->commit_last->next = job;
	else
		core->commit_first = job;
	core->commit_last = job;
}

static size_t put_slot(struct core *core, const struct slot *slot, void *room)
{
	const struct job   *job   = slot->kind == AUDIT_CONFIG ? NULL : slot->user;
	struct record_about about = {
		.now_ns           = core->wall_ns,
		.durable_sequence = atomic_load_explicit(core->durable_sequence,
							 memory_order_relaxed),
	};

	if (job) {
		about.identity   = bytes_of(job->identity, job->identity_bytes);
		about.batch_size = (uint16_t)job->request.count;
		about.resumed    = job->resumed;
		about.id         = &job->request.transactions[slot->index];
	}
	return record_put(room, slot, &about, &core->chain);
}

void record_slot(void *ctx, struct slot *slot)
{
	struct core *core     = ctx;
	uint64_t     began_ns = clock_now_ns(core->clock);
	void        *room     = lane_reserve(&core->records, AUDIT_RECORD_BYTES_MAX);

	/* Room was made sure of when it was submitted (record_room). */
	assert(room && slot->sequence == core->chain.next_sequence);
	lane_commit(&core->records, put_slot(core, slot, room));
	stats_set(&core->stats->audit_sequence_next, core->chain.next_sequence);
	histogram_add(&core->stats->stage_ns[STAGE_audit], clock_now_ns(core->clock) - began_ns);
	if (slot->kind == AUDIT_DECISION) {
		keep_answer(core, slot);
		count_decision(core, slot);
	}
	if (slot->kind == AUDIT_CONFIG) {
		stats_add(&core->stats->reloads, 1);
		atomic_store_explicit(&core->adopted_epoch, slot->live->epoch,
				      memory_order_release);
		return;
	}
	tell_job(core, slot);
}

bool record_room(struct core *core, size_t count)
{
	size_t in_flight = (size_t)(core->pipeline.tail - core->pipeline.head);
	size_t need      = (in_flight + count + 1) * CONFIG_RECORD_BYTES;

	static_assert(CONFIG_RECORD_BYTES >= AUDIT_RECORD_BYTES_MAX + 64,
		      "a record and what the lane puts around it");

	return core->records.ring_bytes - lane_used(&core->records) >= need;
}
