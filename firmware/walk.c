#include "firmware/walk.h"

#include <assert.h>
#include <string.h>

#include "runtime/decide/decide.h"
#include "runtime/feature/feature.h"
#include "runtime/model/model.h"
#include "runtime/rules/rules.h"

/* Of the fields that take no card number (runtime/decode), and what nobody declared. */
static bool is_of_tokens(const void *live, struct bytes list)
{
	const struct rules *rules = ((const struct live *)live)->brain.rules;
	enum field          field = rules ? rules_list_field(rules, list) : FIELD_NONE;

	return field == FIELD_NONE || field == FIELD_CARD || field == FIELD_PAYEE;
}

void walk_use(struct walk *walk, const struct live *live)
{
	const struct decode_lists lists = { is_of_tokens, live };

	walk->live = live;
	decode_lists(walk->decoder, &lists);
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

enum reason walk_decode_labels(struct walk *walk, struct walk_request *request)
{
	return decode_labels(walk->decoder, request->body, request->body_bytes,
			     (struct label *)request->transactions, request->batch_max,
			     &request->count, &request->batch, &request->failure);
}

enum reason walk_decode_edits(struct walk *walk, struct walk_request *request)
{
	return decode_list_edits(walk->decoder, request->body, request->body_bytes,
				 (struct list_edit *)request->transactions, request->batch_max,
				 &request->count, &request->batch, &request->failure);
}

/* ---- histories and features */

uint32_t walk_owner(const struct engine *engine, struct hash128 key, uint32_t deciders)
{
	return deciders <= 1 ? 0 : state_shard_of(engine->plan, key) % deciders;
}

static uint32_t account_shard(const struct engine *engine, const struct work *work)
{
	return state_shard_of(engine->plan, work->keys.decider);
}

static void put_values(const struct engine *engine, struct work *work,
		       const struct engine_features *of, const struct aggregate *aggregates)
{
	for (uint8_t i = 0; i < of->count; i++) {
		uint8_t at = of->at[i];

		work->values.value[at] = feature_value(&engine->plan->features[at],
						       aggregates ? &aggregates[at] : NULL,
						       work->transaction);
	}
}

/* One entity kind: what of it is mine.  A key that is absent is the account owner's.
 * Returns whether the transaction was filed here. */
static bool entity_part(const struct engine *engine, struct work *work, uint8_t entity, uint32_t me,
			uint32_t deciders)
{
	struct aggregate   aggregates[PLAN_FEATURES_MAX];
	struct state_event event = { .sequence = work->order, .transaction = work->transaction };
	struct hash128     file = work->keys.file[entity], read = work->keys.read[entity];
	uint32_t           account = walk_owner(engine, work->keys.decider, deciders);
	uint32_t           reader  = hash_is(read) ? walk_owner(engine, read, deciders) : account;
	const struct feature_plan *plan = engine->plan;

	if (hash_is(file) && hash_same(file, read)) {
		bool filed;

		if (reader != me)
			return false;
		filed = state_touch(engine->state, state_shard_of(plan, file), entity, file, &event,
				    aggregates);
		put_values(engine, work, &engine->of_entity[entity], aggregates);
		return filed;
	}
	if (reader == me) {
		state_read(engine->state, state_shard_of(plan, read), entity, read, &event,
			   aggregates);
		put_values(engine, work, &engine->of_entity[entity], aggregates);
	}
	return hash_is(file) && walk_owner(engine, file, deciders) == me &&
	       state_file(engine->state, state_shard_of(plan, file), entity, file, &event);
}

/* The histories of one transaction lie apart; their lines are fetched side by side, the
 * table's first, then what it points to. */
static void fetch(const struct engine *engine, const struct work *work, uint32_t me,
		  uint32_t deciders)
{
	static void (*const fetches[])(const struct state *, uint32_t,
				       struct hash128) = { state_prefetch, state_prefetch_entity,
							   state_prefetch_cells };

	if (engine->history && walk_owner(engine, work->keys.decider, deciders) == me)
		history_prefetch(engine->history, account_shard(engine, work), work->keys.decider);
	for (size_t i = 0; i < sizeof(fetches) / sizeof(fetches[0]); i++)
		for (uint8_t e = 0; e < engine->plan->entities_count; e++) {
			struct hash128 key = work->keys.file[e];

			if (e != engine->decisions && hash_is(key) &&
			    walk_owner(engine, key, deciders) == me)
				fetches[i](engine->state, state_shard_of(engine->plan, key), key);
		}
	if (engine->history && walk_owner(engine, work->keys.decider, deciders) == me)
		history_prefetch_entry(engine->history, account_shard(engine, work),
				       work->keys.decider);
}

/* Returns the entities it was filed under, a bit set. */
static uint16_t do_parts(const struct engine *engine, struct work *work, uint32_t me,
			 uint32_t deciders)
{
	uint16_t filed = 0;

	fetch(engine, work, me, deciders);
	for (uint8_t e = 0; e < engine->plan->entities_count; e++)
		if (e != engine->decisions && entity_part(engine, work, e, me, deciders))
			filed |= (uint16_t)(1u << e);
	if (walk_owner(engine, work->keys.decider, deciders) == me)
		put_values(engine, work, &engine->of_none, NULL);
	return filed;
}

void walk_parts(const struct engine *engine, struct work *work, uint32_t me, uint32_t deciders)
{
	uint16_t filed = do_parts(engine, work, me, deciders);

	sightings_note(engine->sightings, me, work->sighting, filed);
}

/* The verdicts an account had before, and this transaction among them.  Read here and
 * not with the other histories: the account's transactions are decided in their order,
 * so the verdicts of all that came before are in.  Returns the entity's bit when the
 * transaction was filed. */
static uint16_t read_verdicts(const struct engine *engine, struct work *work)
{
	struct aggregate   aggregates[PLAN_FEATURES_MAX];
	struct state_event event  = { .sequence = work->order, .transaction = work->transaction };
	uint8_t            entity = engine->decisions;
	uint32_t           shard  = state_shard_of(engine->plan, work->keys.decider);
	bool               filed;

	if (entity == PLAN_NO_ENTITY)
		return 0;
	filed = hash_is(work->keys.file[entity]); /* not of a channel that is not filed */
	if (filed)
		filed = state_touch(engine->verdicts, shard, entity, work->keys.decider, &event,
				    aggregates);
	else
		state_read(engine->verdicts, shard, entity, work->keys.decider, &event, aggregates);
	put_values(engine, work, &engine->of_entity[entity], aggregates);
	return filed ? (uint16_t)(1u << entity) : 0;
}

/* ---- rows for sequence models */

/* A feature among all, supplied first, as models take it. */
static float number_of(const struct work *work, uint16_t place)
{
	const struct transaction *t = work->transaction;

	return place < t->features_count ? t->features[place]
					 : (float)work->values.value[place - t->features_count];
}

/* The transaction's row, once all of its features are known; whatever is decided then. */
static void keep_row(const struct engine *engine, const struct work *work)
{
	const struct history_plan *plan = engine->history_plan;
	float                     *row;

	if (!engine->history)
		return;
	row = history_add(engine->history, account_shard(engine, work), work->keys.decider);
	for (uint32_t i = 0; i < plan->columns; i++)
		row[i] = number_of(work, plan->of[i]);
}

/* Whoever submitted the transaction may want to see what a model would. */
static void show_window(const struct engine *engine, const struct work *work)
{
	const struct history_plan *plan = engine->history_plan;

	if (work->window && engine->history)
		memcpy(work->window, history_window(engine->history, account_shard(engine, work)),
		       sizeof(float) * plan->steps * plan->columns);
}

static void keep_verdict(const struct engine *engine, const struct work *work, enum verdict verdict)
{
	state_decided(engine->verdicts, state_shard_of(engine->plan, work->keys.decider),
		      engine->decisions, work->keys.decider, work->order,
		      work->transaction->time_ns, verdict);
}

/* ---- model, rules, decision */

/* What a model is asked about: this transaction's features, gathered into `all`, or for a
 * sequence model the last of its account's rows. */
static const float *model_input(const struct engine *engine, const struct model *model,
				const struct work *work, float all[TRANSACTION_FEATURES_MAX])
{
	const struct history_plan *plan  = engine->history_plan;
	const struct transaction  *t     = work->transaction;
	uint32_t                   steps = model_steps(model);

	if (steps > 0)
		return history_window(engine->history, account_shard(engine, work)) +
		       (size_t)(plan->steps - steps) * plan->columns;
	memcpy(all, t->features, t->features_count * sizeof(all[0]));
	for (uint16_t i = 0; i < work->values.count; i++)
		all[t->features_count + i] = (float)work->values.value[i];
	return all;
}

static void run_model(const struct engine *engine, const struct brain *brain,
		      const struct work *work, uint32_t lists, struct decide_input *input)
{
	float        all[TRANSACTION_FEATURES_MAX];
	float        margins[MODEL_OUTPUTS_MAX], scores[MODEL_OUTPUTS_MAX];
	const float *features = model_input(engine, brain->model, work, all);

	model_run(brain->model, features, brain->scratch[lists], margins);
	model_scores(brain->model, margins, scores);
	input->model_ran        = true;
	input->margin           = margins[brain->output];
	input->score            = scores[brain->output];
	input->features_missing = model_features_missing(brain->model, features);
}

static void run_rules(const struct brain *brain, const struct work *work, uint32_t lists,
		      struct decide_input *input, struct decision *out)
{
	struct rules_outcome outcome;
	struct rules_input   in = {
		  .transaction = work->transaction,
		  .values      = &work->values,
		  .lists       = brain->lists[lists],
		  .now_ns      = work->now_ns,
		  .model_ran   = input->model_ran,
		  .score       = input->score,
		  .margin      = input->margin,
	};

	rules_run(brain->rules, &in, &outcome);
	input->rules_verdict = outcome.verdict;
	input->allowed       = outcome.allowed;
	out->rules_hit       = outcome.hit;
	out->rules_count     = outcome.told;
	memcpy(out->rules, outcome.rules, outcome.told * sizeof(out->rules[0]));
}

/* Whether a stage may still begin: by the clock, or as the record says it was. */
static bool in_time(const struct engine *engine, const struct work *work, enum stage stage)
{
	if (work->follow)
		return (work->stages & 1u << stage) != 0;
	return work->due_ns == 0 || engine_now_ns(engine) < work->due_ns;
}

static uint32_t lap(const struct engine *engine, uint64_t *since_ns)
{
	uint64_t now_ns   = engine_now_ns(engine);
	uint32_t spent_ns = (uint32_t)(now_ns - *since_ns);

	*since_ns = now_ns;
	return spent_ns;
}

/* The stages of one brain in their configured order; what the deadline cut off is told to
 * decide_verdict, whose table says what follows.  True: nothing was. */
static bool think(const struct engine *engine, const struct brain *brain, struct work *work,
		  uint32_t lists, struct decision *out, uint64_t *since_ns)
{
	struct decide_input input = { .stages_run = 1u << STAGE_decode | 1u << STAGE_features |
						    1u << STAGE_decide };

	out->rules_hit   = 0;
	out->rules_count = 0;
	for (uint32_t i = 0; i < CONFIG_STAGE_COUNT; i++) {
		if (brain->order[i] == CONFIG_STAGE_MODEL && brain->model) {
			input.model_missed = !in_time(engine, work, STAGE_model);
			if (!input.model_missed) {
				run_model(engine, brain, work, lists, &input);
				input.stages_run |= 1u << STAGE_model;
				work->ledger.stage_ns[STAGE_model] = lap(engine, since_ns);
			}
		}
		if (brain->order[i] == CONFIG_STAGE_RULES && brain->rules) {
			input.rules_missed = !in_time(engine, work, STAGE_rules);
			if (!input.rules_missed) {
				run_rules(brain, work, lists, &input, out);
				input.stages_run |= 1u << STAGE_rules;
				work->ledger.stage_ns[STAGE_rules] = lap(engine, since_ns);
			}
		}
	}
	decide_verdict(&brain->policy, &input, out);
	return !input.model_missed && !input.rules_missed;
}

/* Decides as well, never answers, leaves nothing in the histories or in the ledger.  The
 * answer waits for it, as the record does, so the deadline holds for it, too; one that was
 * cut off is not recorded: its verdict would be that of the table of missed stages. */
static void think_shadow(const struct engine *engine, struct work *work, uint32_t lists)
{
	struct ledger   ledger   = work->ledger;
	uint64_t        since_ns = 0;
	struct decision decision;
	bool            whole = think(engine, work->shadow, work, lists, &decision, &since_ns);

	work->ledger          = ledger;
	work->shadow_decision = (struct decision_shadow){
		.ran       = whole,
		.verdict   = decision.verdict,
		.rules_hit = decision.rules_hit,
		.score     = decision.score,
		.margin    = decision.margin,
	};
	memcpy(work->shadow_decision.digest, work->shadow->digest, DIGEST_BYTES);
}

void walk_decide(const struct engine *engine, struct work *work, uint32_t me, uint32_t lists)
{
	uint64_t since_ns;
	uint16_t kept = read_verdicts(engine, work);

	sightings_note(engine->sightings, me, work->sighting, kept);
	keep_row(engine, work);
	show_window(engine, work);
	since_ns                              = work->began_ns;
	work->ledger.stage_ns[STAGE_features] = lap(engine, &since_ns);
	think(engine, work->brain, work, lists, &work->decision, &since_ns);
	work->ledger.stage_ns[STAGE_decide] = lap(engine, &since_ns);
	if (kept != 0)
		keep_verdict(engine, work, (enum verdict)work->decision.verdict);
	if (work->shadow)
		think_shadow(engine, work, lists);
	else
		work->shadow_decision.ran = 0;
}

void walk_follow(const struct engine *engine, struct work *work, enum verdict verdict)
{
	uint16_t filed = do_parts(engine, work, 0, 1);
	uint16_t kept  = read_verdicts(engine, work);

	sightings_note_all(engine->sightings, work->sighting, filed | kept);
	keep_row(engine, work);
	if (kept != 0)
		keep_verdict(engine, work, verdict);
}
