#include "firmware/replay.h"

#include <assert.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/artefacts.h"
#include "firmware/asked.h"
#include "firmware/first_asked.h"
#include "firmware/record_put.h"
#include "firmware/recover.h"
#include "firmware/walk.h"

#define LIVES_MAX 256 /* different sets of artefacts in one log */

/* A record in flight: as it was, until its slot comes out. */
struct past {
	uint64_t             sequence;
	struct bytes         part; /* the decision part, copied */
	struct audit_decoded decoded;
	struct bytes         whole; /* the record's bytes; decoded points into it */
};

struct replay {
	const struct replay_options *options;
	struct replay_result        *result;
	char                        *error;
	struct disk_real            *disk;
	struct offline               offline; /* offline.live is the one in force */
	bool                         opened;
	struct past                 *past; /* [PIPELINE_SLOTS_MAX], of the slot in that place */
	struct live                 *lives[LIVES_MAX];
	uint32_t                     lives_count;
	struct digest                digest;
	struct first_asked           asked;
	uint64_t                     order; /* of the last record that came out */
	uint8_t                      record[AUDIT_RECORD_BYTES_MAX];
	bool                         stop, failed;
};

static bool fail(struct replay *replay, const char *sentence)
{
	if (!replay->failed)
		snprintf(replay->error, REPLAY_ERROR_BYTES, "%s", sentence);
	replay->failed = true;
	return false;
}

/* ---- what comes out */

/* The decision part of this slot, encoded as the appliance would. */
static struct bytes encode(struct replay *replay, const struct slot *slot, const struct past *past)
{
	struct record_about about = { .now_ns     = past->decoded.now_ns,
				      .identity   = past->decoded.identity,
				      .batch_size = 1 };
	struct audit_chain  chain = { .next_sequence = slot->sequence, .order = replay->order };
	uint32_t            part_bytes;

	record_put(replay->record, slot, &about, &chain);
	replay->order = chain.order;
	memcpy(&part_bytes, replay->record + 16, sizeof(part_bytes)); /* format.h */
	return bytes_of(replay->record + AUDIT_FRAME_BYTES, part_bytes);
}

static void tell_pair(struct replay *replay, const struct replay_pair *pair)
{
	replay->result->different += !pair->same;
	if (replay->options->each && !replay->options->each(replay->options->ctx, pair))
		replay->stop = true;
}

static void emit(void *ctx, struct slot *slot)
{
	struct replay     *replay = ctx;
	struct past       *past   = slot->user;
	struct replay_pair pair   = { .now = slot, .kind = slot->kind };
	struct bytes       part;

	if (!past || replay->stop) /* a reload */
		return;
	part = encode(replay, slot, past);
	if (slot->kind == AUDIT_DECISION)
		digest_add(&replay->digest, part.data, part.size_bytes);
	pair.sequence = past->sequence;
	pair.order    = replay->order;
	pair.then     = &past->decoded;
	pair.same     = bytes_equal(part, past->part);
	tell_pair(replay, &pair);
}

/* ---- artefacts */

static void name_file(char *out, size_t size, const char *directory, enum artefact_kind kind,
		      const uint8_t digest[DIGEST_BYTES])
{
	static const uint8_t none[DIGEST_BYTES];
	char                 name[DISK_NAME_BYTES_MAX];

	out[0] = '\0';
	if (memcmp(digest, none, DIGEST_BYTES) == 0)
		return;
	artefacts_name(name, kind, digest);
	snprintf(out, size, "%s/artefacts/%s", directory, name);
}

static bool same_artefacts(const struct artefact_digests *a, const struct artefact_digests *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct live *find_live(struct replay *replay, const struct artefact_digests *digests)
{
	for (uint32_t i = 0; i < replay->lives_count; i++)
		if (same_artefacts(&replay->lives[i]->brain.digests, digests))
			return replay->lives[i];
	return NULL;
}

/* Config, model and rules of these digests, from the log's own store. */
static bool load_live(struct replay *replay, const struct artefact_digests *digests,
		      struct live **live)
{
	char config_path[4096], model[CONFIG_PATH_BYTES], rules[CONFIG_PATH_BYTES];
	struct offline_options options = { .config_path = config_path,
					   .model_file  = model,
					   .rules_file  = rules,
					   .cores       = replay->options->cores,
					   .no_shadow   = true };
	struct config         *config;

	*live = find_live(replay, digests);
	if (*live)
		return true;
	name_file(config_path, sizeof(config_path), replay->options->directory, ARTEFACT_CONFIG,
		  digests->config);
	name_file(model, sizeof(model), replay->options->directory, ARTEFACT_MODEL, digests->model);
	name_file(rules, sizeof(rules), replay->options->directory, ARTEFACT_RULES, digests->rules);
	if (replay->lives_count == LIVES_MAX)
		return fail(replay, "the log names more than 256 sets of artefacts");
	if (!offline_load(&options, &config, live)) {
		snprintf(replay->error, REPLAY_ERROR_BYTES,
			 "the artefacts the log was decided with are not all in %s/artefacts",
			 replay->options->directory);
		replay->failed = true;
		return false;
	}
	free(config);
	replay->lives[replay->lives_count++] = *live;
	if (!same_artefacts(&(*live)->brain.digests, digests))
		return fail(replay, "an artefact in the store is not the one its name says");
	return true;
}

/* ---- the engine of the first record, and its successors */

static bool begin(struct replay *replay, struct live *live, const struct audit_record *record,
		  uint64_t order)
{
	struct offline *offline = &replay->offline;
	char            error[ENGINE_ERROR_BYTES];

	offline->threads = replay->options->cores > 1 ? replay->options->cores : 0;
	offline->live    = live;
	replay->order    = order;
	if (!engine_init(&offline->engine, &live->config, false, engine_take_pages, NULL, error))
		return fail(replay, error);
	offline_start(offline, record->sequence, order, emit, replay);
	replay->opened = true;
	return true;
}

static bool same_plan(const struct live *a, const struct live *b)
{
	uint8_t first[DIGEST_BYTES], second[DIGEST_BYTES];

	engine_digest(&a->config, first);
	engine_digest(&b->config, second);
	return memcmp(first, second, DIGEST_BYTES) == 0;
}

static void tell(void *ctx, const char *sentence)
{
	(void)ctx;
	fprintf(stderr, "replay: %s\n", sentence);
}

/* A start under other entities or features: the appliance made its histories again from
 * the log then, and so does this. */
static bool begin_anew(struct replay *replay, struct live *live, const struct audit_record *record,
		       uint64_t order, int64_t now_ns)
{
	struct offline *offline = &replay->offline;
	struct recover  recover = { .engine    = &offline->engine,
				    .config    = &live->config,
				    .directory = replay->options->directory,
				    .live      = live,
				    .lists = replay->options->cores > 1 ? 1 + replay->options->cores
									: 1,
				    .audit = &replay->disk->disk,
				    .to_sequence = record->sequence - 1,
				    .now_ns      = now_ns,
				    .tell        = tell };
	char            error[RECOVER_ERROR_BYTES];
	bool            ok;

	pipeline_stop(&offline->pipeline, offline->thread);
	replay->opened = false;
	if (!begin(replay, live, record, order))
		return false;
	ok = recover_run(&recover, error);
	recover_end(&recover);
	return ok || fail(replay, error);
}

/* A start or a reload: what is in force from here on. */
static bool take_over(struct replay *replay, const struct audit_record *record,
		      const struct audit_decoded *decoded)
{
	struct live *next, *before = replay->offline.live;
	struct slot *slot;

	if (replay->options->config_path && replay->opened)
		return true; /* a back-test keeps its own */
	if (!load_live(replay, &decoded->artefacts, &next))
		return false;
	if (!replay->opened)
		return begin(replay, next, record, decoded->order);
	if (next == before)
		return true;
	/* It may have been in force before, and has the edits of then. */
	offline_drain(&replay->offline);
	brain_renew_lists(&next->brain);
	if (!same_plan(before, next))
		return begin_anew(replay, next, record, decoded->order, decoded->now_ns);
	slot       = pipeline_next(&replay->offline.pipeline);
	slot->user = NULL;
	slot->live = next;
	pipeline_adopt(&replay->offline.pipeline, slot, before, decoded->now_ns);
	replay->offline.live = next;
	return true;
}

/* ---- what goes in */

/* In the place of the next slot.  A record that takes none (a repeat, a start) leaves the
 * place to the record behind it. */
static struct past *remember(struct replay *replay, const struct audit_record *record)
{
	struct past *past = &replay->past[replay->offline.pipeline.tail % PIPELINE_SLOTS_MAX];
	uint8_t     *copy;

	free((void *)(uintptr_t)past->whole.data);
	copy = malloc(record->whole.size_bytes);
	assert(copy);
	memcpy(copy, record->whole.data, record->whole.size_bytes);
	past->sequence = record->sequence;
	past->whole    = bytes_of(copy, record->whole.size_bytes);
	past->part     = bytes_of(copy + (record->decision_part.data - record->whole.data),
				  record->decision_part.size_bytes);
	return past;
}

/* The record's texts point into the reader's window; take it apart from the copy. */
static bool decode(struct past *past, const struct audit_record *record)
{
	struct audit_record copy = *record;
	const uint8_t      *from = record->whole.data, *to = past->whole.data;

	copy.whole             = past->whole;
	copy.decision_part     = past->part;
	copy.shadow_part       = bytes_of(to + (record->shadow_part.data - from),
					  record->shadow_part.size_bytes);
	copy.circumstance_part = bytes_of(to + (record->circumstance_part.data - from),
					  record->circumstance_part.size_bytes);
	copy.hash              = to + (record->hash - from);
	return audit_decode(&copy, &past->decoded);
}

static void submit_decision(struct replay *replay, struct past *past)
{
	const struct audit_decoded *d    = &past->decoded;
	const struct hash128        key  = repeats_key(d->identity, bytes_of(d->transaction.id.data,
									     d->transaction.id.size_bytes));
	struct slot                *slot = pipeline_next(&replay->offline.pipeline);
	struct work                *work = &slot->work;

	slot->user        = past;
	slot->index       = 0;
	work->transaction = &d->transaction;
	work->brain       = &replay->offline.live->brain;
	work->shadow      = NULL;
	work->now_ns      = d->now_ns;
	work->due_ns      = 0;
	work->follow      = true;
	work->stages      = d->decision.stages_run;
	work->ledger      = (struct ledger){ 0 };
	/* What a deadline would cut off under another config nobody knows: all of it runs. */
	if (replay->options->config_path)
		work->follow = false;
	first_asked_add(&replay->asked, key, past->sequence);
	pipeline_decide(&replay->offline.pipeline, slot, key);
	replay->result->decisions++;
}

static void submit_label(struct replay *replay, struct past *past)
{
	const struct audit_decoded *d    = &past->decoded;
	struct slot                *slot = pipeline_next(&replay->offline.pipeline);

	slot->user  = past;
	slot->label = d->label;
	pipeline_label(&replay->offline.pipeline, slot, asked_label_key(&d->label, d->identity));
	replay->result->labels++;
}

static void submit_edit(struct replay *replay, struct past *past)
{
	const struct audit_decoded *d    = &past->decoded;
	struct slot                *slot = pipeline_next(&replay->offline.pipeline);

	slot->user        = past;
	slot->edit        = d->edit;
	slot->work.now_ns = d->now_ns;
	pipeline_edit(&replay->offline.pipeline, slot, replay->offline.live, d->now_ns);
	replay->result->edits++;
}

/* It has no place in the order: what it must say follows from the records before it. */
static bool check_repeat(struct replay *replay, const struct past *past)
{
	const struct audit_decoded *d    = &past->decoded;
	struct replay_pair          pair = {
			 .sequence = past->sequence,
			 .kind     = AUDIT_REPEAT,
			 .then     = d,
			 .first_sequence = first_asked_find(&replay->asked, repeats_key(d->identity, d->id)),
	};

	pair.same = pair.first_sequence == d->first_sequence;
	replay->result->repeats++;
	tell_pair(replay, &pair);
	return !replay->stop;
}

static bool take(void *context, const struct audit_record *record)
{
	struct replay *replay = context;
	struct past   *past;

	if (replay->stop || replay->failed)
		return false;
	if (replay->opened)
		offline_make_room(&replay->offline, 2);
	past = remember(replay, record);
	if (!decode(past, record))
		return fail(replay, "a record is not laid out as its format says");
	switch (record->kind) {
	case AUDIT_START:
	case AUDIT_CONFIG: return take_over(replay, record, &past->decoded);
	case AUDIT_REPEAT: return check_repeat(replay, past);
	default: break;
	}
	if (!replay->opened)
		return fail(replay,
			    "the log does not begin with a start: its first segments are not "
			    "here, and histories need them");
	if (record->kind == AUDIT_DECISION &&
	    past->decoded.transaction.features_count != replay->offline.live->config.features.count)
		return fail(replay,
			    "the log's transactions carry other supplied features than this "
			    "config names; they cannot be told apart");
	if (record->kind == AUDIT_DECISION)
		submit_decision(replay, past);
	else if (record->kind == AUDIT_LABEL)
		submit_label(replay, past);
	else if (record->kind == AUDIT_LIST)
		submit_edit(replay, past);
	return true;
}

static void progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
	struct replay *replay = context;

	if (replay->options->progress)
		replay->options->progress(replay->options->ctx, done_bytes, all_bytes);
}

/* A back-test decides with its own config from the first record on. */
static bool open_own(struct replay *replay)
{
	struct offline_options options = { .config_path = replay->options->config_path,
					   .cores       = replay->options->cores,
					   .no_shadow   = true };

	if (!replay->options->config_path)
		return true;
	if (!offline_open(&replay->offline, &options, emit, replay))
		return fail(replay, "the config cannot be used");
	replay->opened = true;
	return true;
}

bool replay_run(const struct replay_options *options, struct replay_result *result,
		char error[REPLAY_ERROR_BYTES])
{
	struct replay           *replay  = offline_new(sizeof(*replay));
	struct audit_log_report *report  = calloc(1, sizeof(*report));
	struct disk_real        *disk    = calloc(1, sizeof(*disk));
	struct audit_log_visitor visitor = { .each     = take,
					     .progress = progress,
					     .context  = replay };
	struct audit_log_range   range   = { .to_sequence = options->to_sequence };
	int                      rc;
	bool                     ok;

	assert(report && disk);
	memset(result, 0, sizeof(*result));
	*replay = (struct replay){
		.options = options, .result = result, .error = error, .disk = disk
	};
	replay->past = calloc(PIPELINE_SLOTS_MAX, sizeof(*replay->past));
	assert(replay->past);
	digest_init(&replay->digest);
	error[0] = '\0';
	rc       = disk_real_open(disk, options->directory, false);
	ok       = rc >= 0 || fail(replay, strerror(-rc));
	ok       = ok && open_own(replay);
	if (ok && !audit_log_read(&disk->disk, &range, &visitor, report) && !replay->failed)
		fail(replay, report->broken);
	if (replay->opened) {
		offline_drain(&replay->offline);
		pipeline_stop(&replay->offline.pipeline, replay->offline.thread);
	}
	digest_end(&replay->digest, result->digest);
	for (uint32_t i = 0; i < replay->lives_count; i++)
		live_free(replay->lives[i]);
	if (options->config_path && replay->opened) {
		live_free(replay->offline.live);
		free(replay->offline.config);
	}
	for (uint32_t i = 0; i < PIPELINE_SLOTS_MAX; i++)
		free((void *)(uintptr_t)replay->past[i].whole.data);
	if (rc >= 0)
		disk_real_close(disk);
	ok = !replay->failed;
	free(replay->past);
	first_asked_free(&replay->asked);
	free(replay);
	free(report);
	free(disk);
	return ok;
}
