#include "firmware/walk.h"

#include <assert.h>

#include "runtime/decide/decide.h"
#include "runtime/model/model.h"

size_t walk_request_bytes(size_t batch_max)
{
	return batch_max * (sizeof(struct transaction) + sizeof(struct walk_result) +
			    sizeof(struct reply_item));
}

void walk_request_init(struct walk_request *request, void *memory, size_t batch_max)
{
	*request              = (struct walk_request){ .batch_max = batch_max };
	request->transactions = memory;
	request->results      = (struct walk_result *)(request->transactions + batch_max);
	request->items        = (struct reply_item *)(request->results + batch_max);
}

void walk_use(struct walk *walk, const struct live *live)
{
	walk->live = live;
	decode_schema(walk->decoder, &live->config.features);
}

static uint64_t stamp(const struct walk *walk)
{
	return walk->now_ns ? walk->now_ns(walk->now_ctx) : 0;
}

enum reason walk_decode(struct walk *walk, struct walk_request *request)
{
	uint64_t    began_ns = stamp(walk);
	enum reason reason   = decode_json(walk->decoder, request->body, request->body_bytes,
					   request->transactions, request->batch_max, &request->count,
					   &request->batch, &request->failure);

	if (reason == REASON_NONE)
		request->decode_ns = (uint32_t)((stamp(walk) - began_ns) / request->count);
	return reason;
}

static void ask_model(const struct live *live, const struct transaction *transaction,
		      struct decide_input *input)
{
	*input = (struct decide_input){ .stages_run = 1u << STAGE_decode | 1u << STAGE_decide };
	if (!live->model)
		return;
	input->model_ran = true;
	input->stages_run |= 1u << STAGE_model;
	input->margin           = model_margin(live->model, transaction->features);
	input->score            = model_score(live->model, input->margin);
	input->features_missing = model_features_missing(live->model, transaction->features);
}

static enum reason decide_one(struct walk *walk, const struct transaction *transaction,
			      struct walk_result *result)
{
	struct ledger      *ledger   = &result->circumstance.ledger;
	uint64_t            began_ns = stamp(walk), asked_ns;
	struct decide_input input;

	ask_model(walk->live, transaction, &input);
	asked_ns        = stamp(walk);
	result->refused = decide_verdict(&walk->live->policy, &input, &result->decision);
	ledger->stage_ns[STAGE_model]  = (uint32_t)(asked_ns - began_ns);
	ledger->stage_ns[STAGE_decide] = (uint32_t)(stamp(walk) - asked_ns);
	return result->refused;
}

enum reason walk_decide(struct walk *walk, struct walk_request *request)
{
	assert(request->count <= request->batch_max);
	request->digests = walk->live->digests;
	for (size_t i = 0; i < request->count; i++) {
		struct walk_result *result = &request->results[i];
		enum reason         reason;

		result->circumstance = (struct reply_circumstance){ 0 };
		result->circumstance.ledger.stage_ns[STAGE_decode] = request->decode_ns;
		reason = decide_one(walk, &request->transactions[i], result);
		if (reason != REASON_NONE) {
			request->failure = (struct failure){ .reason = reason };
			return reason;
		}
	}
	return REASON_NONE;
}

size_t walk_reply(struct walk_request *request, void *out, size_t capacity, bool circumstance)
{
	for (size_t i = 0; i < request->count; i++)
		request->items[i] = (struct reply_item){
			.transaction  = &request->transactions[i],
			.decision     = &request->results[i].decision,
			.digests      = &request->digests,
			.circumstance = circumstance ? &request->results[i].circumstance : NULL,
		};
	if (!request->batch)
		return reply_decision(out, capacity, &request->items[0]);
	return reply_batch(out, capacity, request->items, request->count);
}
