/* Bytes into verified headers and records. */
#include "runtime/audit/audit.h"
#include "runtime/audit/put.h"
#include "runtime/base/currency.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static enum audit_read broken(struct audit_reader *reader,
								    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reader->broken, sizeof(reader->broken), format, arguments);
	va_end(arguments);
	return AUDIT_BROKEN;
}

/* 0 where no segment begins, or not enough of it is there to say. */
static uint32_t header_version(struct bytes in)
{
	struct get get = { .in = in, .at = AUDIT_MAGIC_BYTES };

	if (in.size_bytes < AUDIT_MAGIC_BYTES + 4 ||
	    memcmp(in.data, AUDIT_MAGIC, AUDIT_MAGIC_BYTES) != 0)
		return 0;
	return (uint32_t)get_unsigned(&get, 4);
}

enum audit_read audit_read_header(struct audit_reader *reader, struct bytes in,
				  const struct audit_chain *expected, struct audit_header *header,
				  size_t *consumed)
{
	struct get    get = { .in = in };
	uint8_t       hash[DIGEST_BYTES];
	struct digest digest;
	uint32_t      version;

	*consumed            = 0;
	reader->offset_bytes = 0;
	reader->broken[0]    = '\0';
	version              = header_version(in);
	if (version != 0 && version != AUDIT_VERSION)
		return broken(reader,
			      "the log is of format %" PRIu32 ", this build reads format %d only",
			      version, AUDIT_VERSION);
	if (in.size_bytes < AUDIT_HEADER_BYTES)
		return AUDIT_NEED_MORE;
	if (version == 0)
		return broken(reader, "not an audit segment: the magic is wrong");
	get.at = AUDIT_MAGIC_BYTES + 4;
	if (get_unsigned(&get, 4) != AUDIT_HEADER_BYTES)
		return broken(reader, "the segment header's size is wrong");
	memset(header, 0, sizeof(*header));
	header->chain.next_sequence = get_unsigned(&get, 8);
	header->chain.order         = get_unsigned(&get, 8);
	header->created_ns          = (int64_t)get_unsigned(&get, 8);
	get_copy(&get, header->chain.hash, DIGEST_BYTES);
	get_copy(&get, header->build, AUDIT_BUILD_BYTES_MAX);
	digest_init(&digest);
	digest_add(&digest, in.data, get.at);
	digest_end(&digest, hash);
	if (memcmp(get_raw(&get, DIGEST_BYTES).data, hash, DIGEST_BYTES) != 0)
		return broken(reader, "the segment header's hash is wrong");
	if (expected != NULL && header->chain.next_sequence != expected->next_sequence)
		return broken(reader,
			      "the segment begins with record %" PRIu64 ", expected %" PRIu64,
			      header->chain.next_sequence, expected->next_sequence);
	if (expected != NULL && (header->chain.order != expected->order ||
				 memcmp(header->chain.hash, expected->hash, DIGEST_BYTES) != 0))
		return broken(reader, "the segment does not continue the chain of the one before");
	reader->chain        = header->chain;
	reader->offset_bytes = AUDIT_HEADER_BYTES;
	*consumed            = AUDIT_HEADER_BYTES;
	return AUDIT_DONE;
}

/* The frame of a record, as far as it can be believed before the hash is checked. */
struct frame {
	size_t          size_bytes;
	enum audit_kind kind;
	uint64_t        sequence;
	size_t          part_bytes, shadow_bytes;
	uint64_t        order;
};

/* NULL, or what is wrong.  `in` has at least AUDIT_FRAME_BYTES + 8. */
static const char *frame_read(struct bytes in, struct frame *frame)
{
	struct get get = { .in = in };
	uint64_t   kind, zero;
	size_t     room;

	frame->size_bytes   = (size_t)get_unsigned(&get, 4);
	kind                = get_unsigned(&get, 1);
	zero                = get_unsigned(&get, 3);
	frame->sequence     = get_unsigned(&get, 8);
	frame->part_bytes   = (size_t)get_unsigned(&get, 4);
	frame->shadow_bytes = (size_t)get_unsigned(&get, 4);
	frame->order        = get_unsigned(&get, 8);
	if (frame->size_bytes < AUDIT_RECORD_BYTES_MIN ||
	    frame->size_bytes > AUDIT_RECORD_BYTES_MAX)
		return "the record's size is out of range";
	if (kind == AUDIT_NONE || kind >= AUDIT_KIND_COUNT || zero != 0)
		return "the record's kind is unknown";
	room = frame->size_bytes - AUDIT_FRAME_BYTES - DIGEST_BYTES;
	if (frame->part_bytes < AUDIT_PART_BYTES_MIN || frame->part_bytes > room ||
	    frame->shadow_bytes > room - frame->part_bytes)
		return "the record's parts do not fit in it";
	frame->kind = (enum audit_kind)kind;
	return NULL;
}

static bool chained(const uint8_t before[DIGEST_BYTES], const uint8_t *record, size_t size_bytes)
{
	uint8_t       hash[DIGEST_BYTES];
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, before, DIGEST_BYTES);
	digest_add(&digest, record, size_bytes - DIGEST_BYTES);
	digest_end(&digest, hash);
	return memcmp(hash, record + size_bytes - DIGEST_BYTES, DIGEST_BYTES) == 0;
}

static void record_of(struct bytes in, const struct frame *frame, struct audit_record *record)
{
	size_t shadow = AUDIT_FRAME_BYTES + frame->part_bytes;
	size_t rest   = shadow + frame->shadow_bytes;

	record->kind              = frame->kind;
	record->sequence          = frame->sequence;
	record->whole             = bytes_of(in.data, frame->size_bytes);
	record->decision_part     = bytes_of(in.data + AUDIT_FRAME_BYTES, frame->part_bytes);
	record->shadow_part       = bytes_of(in.data + shadow, frame->shadow_bytes);
	record->circumstance_part = bytes_of(in.data + rest,
					     frame->size_bytes - DIGEST_BYTES - rest);
	record->hash              = in.data + frame->size_bytes - DIGEST_BYTES;
}

enum audit_read audit_read_record(struct audit_reader *reader, struct bytes in,
				  struct audit_record *record, size_t *consumed)
{
	struct frame frame;
	const char  *wrong;

	*consumed = 0;
	if (in.size_bytes < AUDIT_FRAME_BYTES + 8)
		return AUDIT_NEED_MORE;
	wrong = frame_read(in, &frame);
	if (wrong != NULL)
		return broken(reader, "%s", wrong);
	if (frame.sequence != reader->chain.next_sequence)
		return broken(reader, "record %" PRIu64 " where %" PRIu64 " was expected",
			      frame.sequence, reader->chain.next_sequence);
	if (in.size_bytes < frame.size_bytes)
		return AUDIT_NEED_MORE;
	if (!chained(reader->chain.hash, in.data, frame.size_bytes))
		return broken(reader, "record %" PRIu64 " does not match its chain hash",
			      frame.sequence);
	if (frame.order != reader->chain.order + audit_kind_is_ordered(frame.kind))
		return broken(reader, "record %" PRIu64 " has order %" PRIu64 " after %" PRIu64,
			      frame.sequence, frame.order, reader->chain.order);
	record_of(in, &frame, record);
	memcpy(reader->chain.hash, record->hash, DIGEST_BYTES);
	reader->chain.next_sequence++;
	reader->chain.order = frame.order;
	reader->offset_bytes += frame.size_bytes;
	*consumed = frame.size_bytes;
	return AUDIT_DONE;
}

/* ---- taking a record apart ---- */

#define GET_MEMBER(get, text)                                                \
	do {                                                                 \
		struct bytes found_ = get_text(get);                         \
		if (found_.size_bytes > sizeof((text).data))                 \
			(get)->short_of = true;                              \
		else if (found_.size_bytes > 0)                              \
			memcpy((text).data, found_.data, found_.size_bytes); \
		(text).size_bytes = (uint16_t)found_.size_bytes;             \
	} while (0)

/* A count that its array can hold, else nothing more is read. */
static size_t get_count(struct get *get, size_t size_bytes, size_t max)
{
	size_t count = (size_t)get_unsigned(get, size_bytes);

	if (count > max)
		get->short_of = true;
	return get->short_of ? 0 : count;
}

/* A number that was never negative, nor more than max, when it was written. */
static int64_t get_natural(struct get *get, int64_t max)
{
	uint64_t value = get_unsigned(get, 8);

	if (value > (uint64_t)max)
		get->short_of = true;
	return get->short_of ? 0 : (int64_t)value;
}

static int64_t get_time(struct get *get)
{
	return get_natural(get, INT64_MAX);
}

static void get_party(struct get *get, struct party *party)
{
	party->role = (uint8_t)get_count(get, 1, PARTY_ROLE_COUNT - 1);
	get_copy(get, party->country, sizeof(party->country));
	GET_MEMBER(get, party->name);
	party->identifiers_count = (uint8_t)get_count(get, 1, TRANSACTION_IDENTIFIERS_MAX);
	for (size_t i = 0; i < party->identifiers_count; i++) {
		GET_MEMBER(get, party->identifiers[i].scheme);
		GET_MEMBER(get, party->identifiers[i].value);
	}
}

static void get_transaction(struct get *get, struct transaction *t)
{
	GET_MEMBER(get, t->id);
	t->time_ns      = get_time(get);
	t->amount_minor = get_natural(get, AMOUNT_MINOR_END - 1);
	get_copy(get, t->currency, sizeof(t->currency));
	t->currency_exponent = (uint8_t)get_count(get, 1, CURRENCY_EXPONENT_MAX);
	t->channel           = (uint8_t)get_count(get, 1, CHANNEL_COUNT - 1);
	t->deadline_us       = (uint32_t)get_unsigned(get, 4);
	GET_MEMBER(get, t->card);
	GET_MEMBER(get, t->account);
	GET_MEMBER(get, t->merchant);
	GET_MEMBER(get, t->terminal);
	GET_MEMBER(get, t->device);
	GET_MEMBER(get, t->payee);
	get_copy(get, t->merchant_category, sizeof(t->merchant_category));
	get_copy(get, t->merchant_country, sizeof(t->merchant_country));
	t->parties_count = (uint8_t)get_count(get, 1, TRANSACTION_PARTIES_MAX);
	for (size_t i = 0; i < t->parties_count; i++)
		get_party(get, &t->parties[i]);
	t->features_count = (uint16_t)get_count(get, 2, TRANSACTION_FEATURES_MAX);
	for (size_t i = 0; i < t->features_count; i++)
		t->features[i] = get_float(get);
}

static void get_values(struct get *get, struct feature_values *values)
{
	values->count = (uint16_t)get_count(get, 2, PLAN_FEATURES_MAX);
	for (size_t i = 0; i < values->count; i++)
		values->value[i] = get_double(get);
}

static enum reason get_reason(struct get *get)
{
	struct bytes name = get_text(get);

	if (name.size_bytes == 0)
		return REASON_NONE;
	for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT_ALL; reason++) {
		const char *row = reason_row_of(reason)->name;

		if (bytes_equal(name, bytes_of(row, strlen(row))))
			return reason;
	}
	get->short_of = true;
	return REASON_NONE;
}

/* What a decision says in numbers is finite: a score or margin that was not is written as 0
 * beside model_output_invalid (decide.h), and reasons hold valid scores, thresholds and
 * counts.  Supplied and computed features may be missing, and a shadow's may be anything. */
static float get_finite(struct get *get)
{
	float value = get_float(get);

	if (!isfinite(value))
		get->short_of = true;
	return get->short_of ? 0 : value;
}

static void get_decision(struct get *get, struct decision *decision)
{
	decision->stages_run    = (uint16_t)get_unsigned(get, 2);
	decision->margin        = get_finite(get);
	decision->score         = get_finite(get);
	decision->verdict       = (uint8_t)get_count(get, 1, VERDICT_COUNT - 1);
	decision->reasons_count = (uint8_t)get_count(get, 1, DECISION_REASONS_MAX);
	for (size_t i = 0; i < decision->reasons_count; i++) {
		decision->reasons[i].code    = (uint16_t)get_count(get, 2, DECIDED_CODE_COUNT - 1);
		decision->reasons[i].failure = (uint16_t)get_reason(get);
		decision->reasons[i].a       = get_finite(get);
		decision->reasons[i].b       = get_finite(get);
	}
	decision->rules_hit   = (uint16_t)get_unsigned(get, 2);
	decision->rules_count = (uint8_t)get_count(get, 1, DECISION_RULES_MAX);
	for (size_t i = 0; i < decision->rules_count; i++) {
		decision->rules[i].severity = (uint8_t)get_count(get, 1, DECISION_SEVERITY_MAX);
		decision->rules[i].verdict  = (uint8_t)get_count(get, 1, VERDICT_COUNT - 1);
		GET_MEMBER(get, decision->rules[i].id);
		GET_MEMBER(get, decision->rules[i].text);
	}
}

static void get_artefacts(struct get *get, struct artefact_digests *artefacts)
{
	get_copy(get, artefacts->config, DIGEST_BYTES);
	get_copy(get, artefacts->model, DIGEST_BYTES);
	get_copy(get, artefacts->rules, DIGEST_BYTES);
}

static struct bytes get_identity(struct get *get)
{
	struct bytes identity = get_text(get);

	if (identity.size_bytes > AUDIT_IDENTITY_BYTES_MAX)
		get->short_of = true;
	return identity;
}

/* ---- the decision part of each kind */

static void get_decided(struct get *get, struct audit_decoded *decoded)
{
	decoded->identity = get_identity(get);
	get_transaction(get, &decoded->transaction);
	get_values(get, &decoded->values);
	get_decision(get, &decoded->decision);
	get_artefacts(get, &decoded->artefacts);
}

static void get_event(struct get *get, struct audit_decoded *decoded)
{
	get_artefacts(get, &decoded->artefacts);
}

static void get_repeat(struct get *get, struct audit_decoded *decoded)
{
	decoded->identity       = get_identity(get);
	decoded->id             = get_text(get);
	decoded->first_sequence = get_unsigned(get, 8);
	if (decoded->id.size_bytes > sizeof(decoded->transaction.id.data))
		get->short_of = true;
}

static void get_label(struct get *get, struct audit_decoded *decoded)
{
	decoded->identity = get_identity(get);
	GET_MEMBER(get, decoded->label.caller);
	GET_MEMBER(get, decoded->label.id);
	decoded->label.kind     = (uint8_t)get_count(get, 1, LABEL_KIND_COUNT - 1);
	decoded->label_outcome  = (enum label_outcome)get_count(get, 1, LABEL_OUTCOME_COUNT - 1);
	decoded->labelled_order = get_unsigned(get, 8);
}

static void get_list(struct get *get, struct audit_decoded *decoded)
{
	decoded->identity = get_identity(get);
	GET_MEMBER(get, decoded->edit.list);
	GET_MEMBER(get, decoded->edit.value);
	decoded->edit.expires_ns = get_time(get);
	decoded->edit.remove     = get_count(get, 1, 1) != 0;
	decoded->edit_outcome    = get_reason(get);
}

static void (*const get_part[AUDIT_KIND_COUNT])(struct get *get, struct audit_decoded *decoded) = {
	[AUDIT_DECISION] = get_decided, [AUDIT_START] = get_event,   [AUDIT_STOP] = get_event,
	[AUDIT_CONFIG] = get_event,     [AUDIT_REPEAT] = get_repeat, [AUDIT_LABEL] = get_label,
	[AUDIT_LIST] = get_list,
};

static bool get_shadow(struct bytes part, struct decision_shadow *shadow)
{
	struct get get = { .in = part };

	if (part.size_bytes == 0)
		return true;
	shadow->ran       = 1;
	shadow->verdict   = (uint8_t)get_count(&get, 1, VERDICT_COUNT - 1);
	shadow->score     = get_float(&get);
	shadow->margin    = get_float(&get);
	shadow->rules_hit = (uint16_t)get_unsigned(&get, 2);
	get_copy(&get, shadow->digest, DIGEST_BYTES);
	return !get.short_of && get.at == part.size_bytes;
}

static void get_circumstance(struct get *get, struct audit_circumstance *c)
{
	size_t stages;

	c->core        = (uint16_t)get_unsigned(get, 2);
	c->batch_index = (uint16_t)get_unsigned(get, 2);
	c->batch_size  = (uint16_t)get_unsigned(get, 2);
	c->resumed     = get_unsigned(get, 1) != 0;
	stages         = get_count(get, 1, STAGE_COUNT);
	for (size_t stage = 0; stage < stages; stage++)
		c->ledger.stage_ns[stage] = (uint32_t)get_unsigned(get, 4);
	c->received_ns = get_time(get);
	c->encoded_ns  = get_time(get);
}

bool audit_decode(const struct audit_record *record, struct audit_decoded *decoded)
{
	struct get part = { .in = record->decision_part };
	struct get rest = { .in = record->circumstance_part };

	memset(decoded, 0, sizeof(*decoded));
	decoded->order  = get_unsigned(&part, 8);
	decoded->now_ns = get_time(&part);
	get_part[record->kind](&part, decoded);
	if (record->kind == AUDIT_DECISION)
		get_circumstance(&rest, &decoded->circumstance);
	else
		decoded->note = get_text(&rest);
	decoded->circumstance.durable_sequence = get_unsigned(&rest, 8);
	decoded->circumstance.build            = get_text(&rest);
	if (record->kind != AUDIT_DECISION && record->shadow_part.size_bytes > 0)
		return false;
	return get_shadow(record->shadow_part, &decoded->shadow) && !part.short_of &&
	       !rest.short_of && part.at == part.in.size_bytes && rest.at == rest.in.size_bytes;
}

/* ---- is a broken place more than a torn tail? ---- */

static bool claims(struct bytes in, const struct frame *frame, uint64_t sequence)
{
	struct audit_record  record;
	struct audit_decoded decoded;

	record_of(in, frame, &record);
	return audit_decode(&record, &decoded) && decoded.circumstance.durable_sequence >= sequence;
}

bool audit_claims_durable(struct bytes in, uint64_t skipped_bytes, uint64_t sequence)
{
	for (size_t at = DIGEST_BYTES; at + AUDIT_RECORD_BYTES_MIN <= in.size_bytes; at++) {
		struct bytes here = bytes_of(in.data + at, in.size_bytes - at);
		struct frame frame;

		/* What follows `sequence` by more records than the bytes before could hold,
		 * or comes before it, is not of this place. */
		if (frame_read(here, &frame) != NULL || frame.size_bytes > here.size_bytes ||
		    frame.sequence <= sequence ||
		    frame.sequence - sequence > (skipped_bytes + at) / AUDIT_RECORD_BYTES_MIN + 1)
			continue;
		if (chained(here.data - DIGEST_BYTES, here.data, frame.size_bytes) &&
		    claims(here, &frame, sequence))
			return true;
	}
	return false;
}
