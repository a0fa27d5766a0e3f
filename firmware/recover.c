#include "firmware/recover.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/asked.h"
#include "firmware/audit_log.h"
#include "firmware/decider.h"
#include "firmware/first_answer.h"
#include "firmware/snapshot.h"
#include "firmware/walk.h"

static bool told_to_stop(const struct recover *recover)
{
	return recover->stop && atomic_load_explicit(recover->stop, memory_order_relaxed);
}

/* ---- one record */

struct following {
	struct recover       *recover;
	struct work          *work;
	struct audit_decoded *decoded;
	uint8_t              *answer;
	bool                  broken;
	uint64_t              sequence; /* of the record that was */
};

/* The answer that was given, from what the record holds (reply.h). */
static void remember_answer(struct following *following, const struct audit_record *record,
			    struct hash128 key)
{
	const struct audit_decoded *d       = following->decoded;
	struct repeats             *repeats = following->recover->engine->repeats;
	const struct first_answer   first   = {
		    .transaction = &d->transaction,
		    .decision    = &d->decision,
		    .digests     = &d->artefacts,
		    .ledger      = d->circumstance.ledger,
		    .sequence    = record->sequence,
		    .hash        = record->hash,
	};
	size_t size = first_answer_make(&first, following->answer);

	repeats_add(repeats, key, repeats_body(&d->transaction), record->sequence, d->now_ns);
	repeats_answer(repeats, record->sequence, bytes_of(following->answer, size));
}

static void follow_decision(struct following *following, const struct audit_record *record)
{
	struct recover       *recover = following->recover;
	struct engine        *engine  = recover->engine;
	struct audit_decoded *d       = following->decoded;
	struct work          *work    = following->work;
	struct hash128        key     = repeats_key(d->identity, bytes_of(d->transaction.id.data,
									  d->transaction.id.size_bytes));

	if (engine->repeats && recover->now_ns - d->now_ns <= recover->retention_ns)
		remember_answer(following, record, key);
	if (record->sequence <= recover->from_snapshot)
		return;
	work->transaction = &d->transaction;
	work->order       = d->order;
	state_keys(engine->plan, work->transaction, &work->keys);
	work->sighting = sightings_add(engine->sightings, key, work->order, d->transaction.time_ns,
				       &work->keys);
	if (engine->history)
		past_features_put(&recover->features, d->artefacts.config, &d->transaction);
	walk_follow(engine, work, (enum verdict)d->decision.verdict);
}

static void follow_label(struct following *following)
{
	struct engine              *engine  = following->recover->engine;
	const struct audit_decoded *d       = following->decoded;
	struct decider              decider = { .engine = engine, .count = 1 };
	struct decider_op           op      = { .kind = DECIDER_LABEL };

	sightings_label(engine->sightings, asked_label_key(&d->label, d->identity),
			(enum label_kind)d->label.kind, &op.label);
	decider_do(&decider, &op);
}

static void follow_list(struct following *following)
{
	const struct audit_decoded *d     = following->decoded;
	struct rules_lists         *lists = past_rules_lists(&following->recover->past);

	if (lists && d->edit_outcome == REASON_NONE)
		(void)rules_list_edit(lists, &d->edit, d->now_ns);
}

static bool follow(void *context, const struct audit_record *record)
{
	struct following *following = context;
	struct recover   *recover   = following->recover;

	if (told_to_stop(recover))
		return false;
	if (!audit_decode(record, following->decoded)) {
		following->broken   = true;
		following->sequence = record->sequence;
		return false;
	}
	recover->records++;
	if (record->kind == AUDIT_DECISION)
		follow_decision(following, record);
	if (record->sequence > recover->from_snapshot) {
		if (record->kind == AUDIT_LABEL)
			follow_label(following);
		if (record->kind == AUDIT_LIST)
			follow_list(following);
		if (record->kind == AUDIT_START || record->kind == AUDIT_CONFIG)
			past_rules_use(&recover->past, following->decoded->artefacts.rules,
				       following->decoded->now_ns);
	} else if (record->sequence == recover->from_snapshot) {
		/* It was compared before the snapshot was loaded. */
		assert(memcmp(record->hash, recover->chain.hash, DIGEST_BYTES) == 0);
	}
	if (record->sequence >= recover->from_snapshot) {
		recover->chain.next_sequence = record->sequence + 1;
		recover->chain.order         = following->decoded->order;
		memcpy(recover->chain.hash, record->hash, DIGEST_BYTES);
	}
	return true;
}

static void progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
	struct recover *recover = ((struct following *)context)->recover;

	if (recover->progress)
		recover->progress(recover->ctx, done_bytes, all_bytes);
}

/* ---- the snapshot */

struct pieces {
	const struct recover *recover;
	struct snapshot      *snapshot;
	uint8_t              *memory;
	char                 *error;
};

static bool piece(struct pieces *pieces, uint32_t kind, uint32_t index, struct bytes *out)
{
	const struct snapshot_section *section = snapshot_find(pieces->snapshot, kind, index);

	if (!section) {
		snprintf(pieces->error, SNAPSHOT_ERROR_BYTES, "%s has no section %u of kind %u",
			 pieces->snapshot->name, index, kind);
		return false;
	}
	*out = bytes_of(pieces->memory, section->size_bytes);
	return snapshot_read(pieces->snapshot, section, pieces->memory, pieces->error);
}

static bool tell_piece(struct pieces *pieces, const char *what, const struct failure *failure)
{
	snprintf(pieces->error, SNAPSHOT_ERROR_BYTES, "%s: %s: at byte %lu: %s",
		 pieces->snapshot->name, what, (unsigned long)failure->offset_bytes,
		 failure->detail);
	return false;
}

static bool load_lists(struct recover *recover, struct pieces *pieces)
{
	struct rules_lists *lists;
	struct failure      failure;
	struct bytes        in;

	if (!snapshot_find(pieces->snapshot, SNAPSHOT_LISTS, 0))
		return true;
	if (!piece(pieces, SNAPSHOT_RULES, 0, &in))
		return false;
	if (in.size_bytes != DIGEST_BYTES) {
		snprintf(pieces->error, SNAPSHOT_ERROR_BYTES, "%s: rules: no digest",
			 pieces->snapshot->name);
		return false;
	}
	past_rules_use(&recover->past, in.data, 0); /* nothing was before */
	lists = past_rules_lists(&recover->past);
	if (!piece(pieces, SNAPSHOT_LISTS, 0, &in))
		return false;
	return !lists || rules_lists_load(lists, in, &failure) ||
	       tell_piece(pieces, "lists", &failure);
}

/* What was loaded of a snapshot that then proved damaged: a load of nothing leaves
 * nothing. */
static void forget(struct recover *recover)
{
	struct engine *engine = recover->engine;
	struct failure failure;
	struct bytes   nothing = bytes_of("", 0);

	for (uint32_t shard = 0; shard < engine->plan->shards; shard++) {
		(void)state_load(engine->state, shard, nothing, &failure);
		if (engine->verdicts)
			(void)state_load(engine->verdicts, shard, nothing, &failure);
	}
	for (uint32_t shard = 0; engine->history && shard < engine->plan->shards; shard++)
		(void)history_load(engine->history, shard, nothing, &failure);
	(void)sightings_load(engine->sightings, nothing, &failure);
	past_rules_end(&recover->past);
}

static bool load_shards(struct pieces *pieces, uint32_t kind, struct state *state, uint32_t shards)
{
	struct failure failure;
	struct bytes   in;

	for (uint32_t shard = 0; shard < shards; shard++) {
		if (told_to_stop(pieces->recover)) {
			snprintf(pieces->error, SNAPSHOT_ERROR_BYTES, "told to stop");
			return false;
		}
		if (!piece(pieces, kind, shard, &in))
			return false;
		if (!state_load(state, shard, in, &failure))
			return tell_piece(pieces, "histories", &failure);
	}
	return true;
}

static bool load_rows(struct pieces *pieces, struct history *history, uint32_t shards)
{
	struct failure failure;
	struct bytes   in;

	for (uint32_t shard = 0; history && shard < shards; shard++) {
		if (!piece(pieces, SNAPSHOT_HISTORY, shard, &in))
			return false;
		if (!history_load(history, shard, in, &failure))
			return tell_piece(pieces, "rows", &failure);
	}
	return true;
}

static bool load(struct recover *recover, struct pieces *pieces)
{
	struct engine *engine = recover->engine;
	struct failure failure;
	struct bytes   in;

	if (!load_shards(pieces, SNAPSHOT_STATE, engine->state, engine->plan->shards) ||
	    (engine->verdicts &&
	     !load_shards(pieces, SNAPSHOT_VERDICTS, engine->verdicts, engine->plan->shards)) ||
	    !load_rows(pieces, engine->history, engine->plan->shards))
		return false;
	if (!piece(pieces, SNAPSHOT_SIGHTINGS, 0, &in))
		return false;
	if (!sightings_load(engine->sightings, in, &failure))
		return tell_piece(pieces, "labelled", &failure);
	return load_lists(recover, pieces);
}

/* The last record of the log, as it is now; UINT64_MAX where that cannot be read. */
static uint64_t end_of_log(struct disk *audit)
{
	struct audit_log_range range = { .from_sequence = audit_log_sequence_at(audit, INT64_MAX) };
	struct audit_log_report *report = calloc(1, sizeof(*report));
	uint64_t                 end    = UINT64_MAX;

	assert(report);
	if (range.from_sequence == UINT64_MAX)
		end = 0;
	else if (audit_log_read(audit, &range, NULL, report))
		end = report->records > 0 ? report->last_sequence : range.from_sequence - 1;
	free(report);
	return end;
}

static bool take_hash(void *context, const struct audit_record *record)
{
	memcpy(context, record->hash, DIGEST_BYTES);
	return true;
}

/* Is the record it was made behind the log's?  One that the log no longer has, or cannot
 * give, is told by what follows it: audit_log_read's hash_before. */
static bool is_of_this_log(const struct recover *recover, const struct snapshot *snapshot)
{
	const struct audit_chain *chain    = &snapshot->about.chain;
	uint64_t                  sequence = chain->next_sequence - 1;
	uint8_t                   hash[DIGEST_BYTES];
	struct audit_log_visitor  visitor = { .each = take_hash, .context = hash };
	struct audit_log_range    range   = { .from_sequence = sequence, .to_sequence = sequence };
	struct audit_log_report  *report  = calloc(1, sizeof(*report));
	bool                      same    = true;

	assert(report);
	if (sequence > 0 && audit_log_read(recover->audit, &range, &visitor, report) &&
	    report->records > 0)
		same = memcmp(hash, chain->hash, DIGEST_BYTES) == 0;
	free(report);
	return same;
}

/* What keeps it from being loaded, into error; true: nothing does. */
static bool suits(const struct recover *recover, const struct snapshot *snapshot,
		  char error[SNAPSHOT_ERROR_BYTES])
{
	uint8_t digest[DIGEST_BYTES];

	engine_digest(recover->config, digest);
	if (memcmp(snapshot->about.config, digest, DIGEST_BYTES) != 0) {
		snprintf(error, SNAPSHOT_ERROR_BYTES, "%s was made under other entities or bounds",
			 snapshot->name);
		return false;
	}
	if (is_of_this_log(recover, snapshot))
		return true;
	snprintf(error, SNAPSHOT_ERROR_BYTES, "%s was made from another log; remove it",
		 snapshot->name);
	return false;
}

/* The newest that is sound, was made under this plan and from this log; chain and
 * from_snapshot tell. */
static void load_newest(struct recover *recover)
{
	struct snapshot_search search   = { .sequence_max = recover->to_sequence
								    ? recover->to_sequence
								    : end_of_log(recover->audit),
					    .damaged      = recover->tell,
					    .context      = recover->ctx };
	struct snapshot       *snapshot = calloc(1, sizeof(*snapshot));
	char                   error[SNAPSHOT_ERROR_BYTES];

	assert(snapshot);
	if (recover->to_the_end)
		snapshot_tell_above(recover->snapshots, &search);
	while (snapshot_open(snapshot, recover->snapshots, &search, error)) {
		struct pieces pieces = { recover, snapshot, NULL, error };
		bool          good   = suits(recover, snapshot, error);

		if (good) {
			pieces.memory = malloc(snapshot_section_bytes_max(snapshot) + 1);
			assert(pieces.memory);
			good = load(recover, &pieces);
			free(pieces.memory);
			if (!good)
				forget(recover);
		}
		if (good) {
			recover->chain         = snapshot->about.chain;
			recover->from_snapshot = snapshot->about.chain.next_sequence - 1;
			memcpy(recover->snapshot_name, snapshot->name, sizeof(snapshot->name));
		} else {
			if (!told_to_stop(recover))
				recover->tell(recover->ctx, error);
			search.sequence_max = snapshot->about.chain.next_sequence - 2;
		}
		snapshot_close(snapshot);
		if (good || told_to_stop(recover))
			break;
	}
	free(snapshot);
}

/* ---- all of it */

/* Where reading begins: behind the snapshot, or earlier, where answers are still kept. */
static uint64_t first_to_read(struct recover *recover)
{
	uint64_t from = recover->from_snapshot + 1, kept;

	if (!recover->engine->repeats)
		return from;
	kept = audit_log_sequence_at(recover->audit, recover->now_ns - recover->retention_ns);
	return kept < from ? kept : from;
}

bool recover_run(struct recover *recover, char error[RECOVER_ERROR_BYTES])
{
	struct following         following = { .recover = recover };
	struct audit_log_visitor visitor   = { .each     = follow,
					       .progress = progress,
					       .context  = &following };
	struct audit_log_range   range     = { .to_sequence = recover->to_sequence };
	struct audit_log_report *report    = calloc(1, sizeof(*report));
	bool                     ok;

	audit_chain_init(&recover->chain);
	recover->past     = (struct past_rules){ .config    = recover->config,
						 .directory = recover->directory,
						 .tell      = recover->tell,
						 .ctx       = recover->ctx };
	recover->features = (struct past_features){ .config    = recover->config,
						    .directory = recover->directory,
						    .tell      = recover->tell,
						    .ctx       = recover->ctx };
	if (recover->snapshots)
		load_newest(recover);
	following.work    = calloc(1, sizeof(*following.work));
	following.decoded = calloc(1, sizeof(*following.decoded));
	following.answer  = malloc(REPLY_DECISION_BYTES_MAX);
	assert(report && following.work && following.decoded && following.answer);
	range.from_sequence = first_to_read(recover);
	if (range.from_sequence == recover->from_snapshot + 1 && recover->from_snapshot > 0)
		range.hash_before = recover->chain.hash;
	if (recover->to_sequence != 0 && range.from_sequence > recover->to_sequence)
		ok = true;
	else
		ok = audit_log_read(recover->audit, &range, &visitor, report);
	if (!ok && range.hash_before)
		snprintf(error, RECOVER_ERROR_BYTES,
			 "the audit log cannot be followed behind the snapshot %s (if it was made "
			 "from another log, remove it): %s",
			 recover->snapshot_name, report->broken);
	else if (!ok)
		snprintf(error, RECOVER_ERROR_BYTES, "the audit log cannot be followed: %s",
			 report->broken);
	if (following.broken)
		snprintf(error, RECOVER_ERROR_BYTES,
			 "record %lu of the audit log is not laid out as its format says",
			 (unsigned long)following.sequence);
	if (told_to_stop(recover)) {
		snprintf(error, RECOVER_ERROR_BYTES, "told to stop");
		ok = false;
	}
	ok = ok && !following.broken;
	if (ok && recover->live)
		ok = past_rules_hand_over(&recover->past, recover->live, recover->lists,
					  recover->now_ns, error, RECOVER_ERROR_BYTES);
	free(following.work);
	free(following.decoded);
	free(following.answer);
	free(report);
	return ok;
}

static bool save_shards(const struct recover *recover, struct snapshot_writer *writer,
			uint32_t kind, const struct state *state)
{
	uint32_t shards = recover->engine->plan->shards;

	for (uint32_t shard = 0; shard < shards; shard++)
		if (told_to_stop(recover) || !snapshot_section(writer, kind, shard) ||
		    !state_save(state, shard, snapshot_write, writer))
			return false;
	return true;
}

static bool save_rows(const struct recover *recover, struct snapshot_writer *writer)
{
	const struct history *history = recover->engine->history;
	uint32_t              shards  = recover->engine->plan->shards;

	for (uint32_t shard = 0; history && shard < shards; shard++)
		if (told_to_stop(recover) || !snapshot_section(writer, SNAPSHOT_HISTORY, shard) ||
		    !history_save(history, shard, snapshot_write, writer))
			return false;
	return true;
}

static bool save_all(const struct recover *recover, struct snapshot_writer *writer)
{
	const struct engine      *engine = recover->engine;
	const struct rules_lists *lists  = past_rules_lists(&recover->past);

	if (!save_shards(recover, writer, SNAPSHOT_STATE, engine->state) ||
	    (engine->verdicts &&
	     !save_shards(recover, writer, SNAPSHOT_VERDICTS, engine->verdicts)) ||
	    !save_rows(recover, writer))
		return false;
	if (!snapshot_section(writer, SNAPSHOT_SIGHTINGS, 0) ||
	    !sightings_save(engine->sightings, snapshot_write, writer))
		return false;
	if (!lists)
		return true;
	return snapshot_section(writer, SNAPSHOT_RULES, 0) &&
	       snapshot_write(writer, bytes_of(recover->past.digest, DIGEST_BYTES)) &&
	       snapshot_section(writer, SNAPSHOT_LISTS, 0) &&
	       rules_lists_save(lists, snapshot_write, writer);
}

bool recover_save(const struct recover *recover, uint32_t keep, char error[RECOVER_ERROR_BYTES])
{
	struct snapshot_writer *writer = calloc(1, sizeof(*writer));
	struct snapshot_about   about  = { .chain = recover->chain, .wall_ns = recover->now_ns };
	bool                    ok;

	assert(writer);
	engine_digest(recover->config, about.config);
	ok = snapshot_begin(writer, recover->snapshots, &about) && save_all(recover, writer) &&
	     snapshot_end(writer, keep);
	if (!ok) {
		snprintf(error, RECOVER_ERROR_BYTES, "%s", writer->error);
		snapshot_drop(writer);
	}
	free(writer);
	return ok;
}

void recover_end(struct recover *recover)
{
	past_rules_end(&recover->past);
}
