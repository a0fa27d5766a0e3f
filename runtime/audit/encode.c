/* Records and headers into bytes, in the order format.h gives. */
#include "runtime/audit/audit.h"
#include "runtime/audit/put.h"

/* The largest record: every text full, every party and feature present. */
#define TEXT_BYTES(member) (2 + sizeof(((struct transaction *)0)->member.data))
#define IDENTIFIER_BYTES                                               \
	(2 + sizeof(((struct party_identifier *)0)->scheme.data) + 2 + \
	 sizeof(((struct party_identifier *)0)->value.data))
#define PARTY_BYTES                                               \
	(1 + 2 + 2 + sizeof(((struct party *)0)->name.data) + 1 + \
	 TRANSACTION_IDENTIFIERS_MAX * IDENTIFIER_BYTES)
#define TRANSACTION_BYTES                                                                       \
	(TEXT_BYTES(id) + 8 + 8 + 3 + 1 + 1 + 4 + TEXT_BYTES(card) + TEXT_BYTES(account) +      \
	 TEXT_BYTES(merchant) + TEXT_BYTES(terminal) + TEXT_BYTES(device) + TEXT_BYTES(payee) + \
	 4 + 2 + 1 + TRANSACTION_PARTIES_MAX * PARTY_BYTES + 2 + 4 * TRANSACTION_FEATURES_MAX)
#define VALUES_BYTES (2 + 8 * PLAN_FEATURES_MAX)
#define REASON_BYTES (2 + 2 + AUDIT_REASON_NAME_BYTES_MAX + 4 + 4)
#define RULE_BYTES                                                      \
	(1 + 1 + 2 + sizeof(((struct decision_rule *)0)->id.data) + 2 + \
	 sizeof(((struct decision_rule *)0)->text.data))
#define DECISION_BYTES                                                     \
	(2 + 4 + 4 + 1 + 1 + DECISION_REASONS_MAX * REASON_BYTES + 2 + 1 + \
	 DECISION_RULES_MAX * RULE_BYTES)
#define ARTEFACTS_BYTES    (3 * DIGEST_BYTES)
#define SHADOW_BYTES       (1 + 4 + 4 + 2 + DIGEST_BYTES)
#define IDENTITY_BYTES     (2 + AUDIT_IDENTITY_BYTES_MAX)
#define TAIL_BYTES         (8 + 2 + AUDIT_BUILD_BYTES_MAX)
#define CIRCUMSTANCE_BYTES (2 + 2 + 2 + 1 + 1 + 4 * STAGE_COUNT + 8 + 8 + TAIL_BYTES)
#define BEGIN_BYTES        (AUDIT_FRAME_BYTES + 8 + 8)
#define LABEL_BYTES        (sizeof(struct label) + 4 + 1 + 8)
#define LIST_BYTES         (sizeof(struct list_edit) + 4 + 2 + AUDIT_REASON_NAME_BYTES_MAX)
#define NOTE_BYTES         (2 + AUDIT_NOTE_BYTES_MAX)

static_assert(BEGIN_BYTES + IDENTITY_BYTES + TRANSACTION_BYTES + VALUES_BYTES + DECISION_BYTES +
			      ARTEFACTS_BYTES + SHADOW_BYTES + CIRCUMSTANCE_BYTES + DIGEST_BYTES <=
		      AUDIT_RECORD_BYTES_MAX,
	      "every decision fits");
static_assert(BEGIN_BYTES + ARTEFACTS_BYTES + NOTE_BYTES + TAIL_BYTES + DIGEST_BYTES <=
		      AUDIT_RECORD_BYTES_MAX,
	      "every event fits");
static_assert(BEGIN_BYTES + IDENTITY_BYTES + LABEL_BYTES + NOTE_BYTES + TAIL_BYTES + DIGEST_BYTES <=
		      AUDIT_RECORD_BYTES_MAX,
	      "every label and every repeat, which is shorter, fits");
static_assert(BEGIN_BYTES + IDENTITY_BYTES + LIST_BYTES + NOTE_BYTES + TAIL_BYTES + DIGEST_BYTES <=
		      AUDIT_RECORD_BYTES_MAX,
	      "every list edit fits");
#define REASON(name, action, http, meaning)                             \
	static_assert(sizeof(#name) - 1 <= AUDIT_REASON_NAME_BYTES_MAX, \
		      "the name of a failure fits");
#include "runtime/base/reason_table.h"
#undef REASON

void audit_chain_init(struct audit_chain *chain)
{
	memset(chain, 0, sizeof(*chain));
	chain->next_sequence = 1;
}

static const struct {
	const char *name;
	bool        ordered;
} kinds[AUDIT_KIND_COUNT] = {
	[AUDIT_NONE] = { "none", false },     [AUDIT_DECISION] = { "decision", true },
	[AUDIT_START] = { "start", false },   [AUDIT_STOP] = { "stop", false },
	[AUDIT_CONFIG] = { "config", false }, [AUDIT_REPEAT] = { "repeat", false },
	[AUDIT_LABEL] = { "label", true },    [AUDIT_LIST] = { "list", true },
};

bool audit_kind_is_ordered(enum audit_kind kind)
{
	return kinds[kind].ordered;
}

const char *audit_kind_name(enum audit_kind kind)
{
	return kinds[kind].name;
}

/* A text of a struct that has one: its length must be within its capacity. */
#define PUT_MEMBER(put, text)                                     \
	do {                                                      \
		assert((text).size_bytes <= sizeof((text).data)); \
		put_text((put), (text).data, (text).size_bytes);  \
	} while (0)

static void put_party(struct put *put, const struct party *party)
{
	assert(party->identifiers_count <= TRANSACTION_IDENTIFIERS_MAX);
	put_unsigned(put, party->role, 1);
	put_raw(put, party->country, sizeof(party->country));
	PUT_MEMBER(put, party->name);
	put_unsigned(put, party->identifiers_count, 1);
	for (size_t i = 0; i < party->identifiers_count; i++) {
		PUT_MEMBER(put, party->identifiers[i].scheme);
		PUT_MEMBER(put, party->identifiers[i].value);
	}
}

static void put_transaction(struct put *put, const struct transaction *t)
{
	assert(t->parties_count <= TRANSACTION_PARTIES_MAX);
	assert(t->features_count <= TRANSACTION_FEATURES_MAX);
	PUT_MEMBER(put, t->id);
	put_unsigned(put, (uint64_t)t->time_ns, 8);
	put_unsigned(put, (uint64_t)t->amount_minor, 8);
	put_raw(put, t->currency, sizeof(t->currency));
	put_unsigned(put, t->currency_exponent, 1);
	put_unsigned(put, t->channel, 1);
	put_unsigned(put, t->deadline_us, 4);
	PUT_MEMBER(put, t->card);
	PUT_MEMBER(put, t->account);
	PUT_MEMBER(put, t->merchant);
	PUT_MEMBER(put, t->terminal);
	PUT_MEMBER(put, t->device);
	PUT_MEMBER(put, t->payee);
	put_raw(put, t->merchant_category, sizeof(t->merchant_category));
	put_raw(put, t->merchant_country, sizeof(t->merchant_country));
	put_unsigned(put, t->parties_count, 1);
	for (size_t i = 0; i < t->parties_count; i++)
		put_party(put, &t->parties[i]);
	put_unsigned(put, t->features_count, 2);
	for (size_t i = 0; i < t->features_count; i++)
		put_float(put, t->features[i]);
}

static void put_values(struct put *put, const struct feature_values *values)
{
	uint16_t count = values != NULL ? values->count : 0;

	assert(count <= PLAN_FEATURES_MAX);
	put_unsigned(put, count, 2);
	for (size_t i = 0; i < count; i++)
		put_double(put, values->value[i]);
}

/* By name: numbers of the failure table change from build to build. */
static void put_reason(struct put *put, enum reason reason)
{
	const char *name = reason == REASON_NONE ? "" : reason_row_of(reason)->name;

	put_text(put, name, strlen(name));
}

static void put_decision(struct put *put, const struct decision *decision)
{
	assert(decision->reasons_count <= DECISION_REASONS_MAX);
	assert(decision->rules_count <= DECISION_RULES_MAX);
	put_unsigned(put, decision->stages_run, 2);
	put_float(put, decision->margin);
	put_float(put, decision->score);
	put_unsigned(put, decision->verdict, 1);
	put_unsigned(put, decision->reasons_count, 1);
	for (size_t i = 0; i < decision->reasons_count; i++) {
		put_unsigned(put, decision->reasons[i].code, 2);
		put_reason(put, decision->reasons[i].failure);
		put_float(put, decision->reasons[i].a);
		put_float(put, decision->reasons[i].b);
	}
	put_unsigned(put, decision->rules_hit, 2);
	put_unsigned(put, decision->rules_count, 1);
	for (size_t i = 0; i < decision->rules_count; i++) {
		put_unsigned(put, decision->rules[i].severity, 1);
		put_unsigned(put, decision->rules[i].verdict, 1);
		PUT_MEMBER(put, decision->rules[i].id);
		PUT_MEMBER(put, decision->rules[i].text);
	}
}

static void put_artefacts(struct put *put, const struct artefact_digests *artefacts)
{
	put_raw(put, artefacts->config, DIGEST_BYTES);
	put_raw(put, artefacts->model, DIGEST_BYTES);
	put_raw(put, artefacts->rules, DIGEST_BYTES);
}

static void put_shadow(struct put *put, const struct decision_shadow *shadow)
{
	if (shadow == NULL || !shadow->ran)
		return;
	put_unsigned(put, shadow->verdict, 1);
	put_float(put, shadow->score);
	put_float(put, shadow->margin);
	put_unsigned(put, shadow->rules_hit, 2);
	put_raw(put, shadow->digest, DIGEST_BYTES);
}

static void put_identity(struct put *put, struct bytes identity)
{
	assert(identity.size_bytes <= AUDIT_IDENTITY_BYTES_MAX);
	put_text(put, identity.data, identity.size_bytes);
}

/* The end of every circumstance part. */
static void put_tail(struct put *put, uint64_t durable_sequence, struct bytes build)
{
	assert(build.size_bytes <= AUDIT_BUILD_BYTES_MAX);
	put_unsigned(put, durable_sequence, 8);
	put_text(put, build.data, build.size_bytes);
}

static void put_circumstance(struct put *put, const struct audit_circumstance *c)
{
	put_unsigned(put, c->core, 2);
	put_unsigned(put, c->batch_index, 2);
	put_unsigned(put, c->batch_size, 2);
	put_unsigned(put, c->resumed, 1);
	put_unsigned(put, STAGE_COUNT, 1);
	for (int stage = 0; stage < STAGE_COUNT; stage++)
		put_unsigned(put, c->ledger.stage_ns[stage], 4);
	put_unsigned(put, (uint64_t)c->received_ns, 8);
	put_unsigned(put, (uint64_t)c->encoded_ns, 8);
	put_tail(put, c->durable_sequence, c->build);
}

/* ---- records: begin, fill the parts, end */

struct making {
	struct put          put;
	enum audit_kind     kind;
	struct audit_chain *chain;
	size_t              decided_bytes;  /* where the decision part ends */
	size_t              shadowed_bytes; /* where the shadow part ends */
};

static struct making record_begin(uint8_t *out, size_t capacity_bytes, enum audit_kind kind,
				  int64_t now_ns, struct audit_chain *chain)
{
	struct making making = { .put   = { .out            = out,
					    .capacity_bytes = capacity_bytes,
					    .size_bytes     = AUDIT_FRAME_BYTES },
				 .kind  = kind,
				 .chain = chain };

	assert(capacity_bytes >= AUDIT_RECORD_BYTES_MAX);
	if (audit_kind_is_ordered(kind))
		chain->order++;
	put_unsigned(&making.put, chain->order, 8);
	put_unsigned(&making.put, (uint64_t)now_ns, 8);
	return making;
}

static void decision_part_ends(struct making *making)
{
	making->decided_bytes  = making->put.size_bytes;
	making->shadowed_bytes = making->put.size_bytes;
}

/* The frame is written last but one, when the sizes are known; the hash last. */
static size_t record_end(struct making *making)
{
	struct put         *put   = &making->put;
	struct audit_chain *chain = making->chain;
	struct put          frame = { .out = put->out, .capacity_bytes = AUDIT_FRAME_BYTES };
	struct digest       digest;

	put_unsigned(&frame, put->size_bytes + DIGEST_BYTES, 4);
	put_unsigned(&frame, making->kind, 1);
	put_unsigned(&frame, 0, 3);
	put_unsigned(&frame, chain->next_sequence, 8);
	put_unsigned(&frame, making->decided_bytes - AUDIT_FRAME_BYTES, 4);
	put_unsigned(&frame, making->shadowed_bytes - making->decided_bytes, 4);
	digest_init(&digest);
	digest_add(&digest, chain->hash, DIGEST_BYTES);
	digest_add(&digest, put->out, put->size_bytes);
	digest_end(&digest, chain->hash);
	put_raw(put, chain->hash, DIGEST_BYTES);
	chain->next_sequence++;
	return put->size_bytes;
}

/* The circumstance part of every kind but a decision. */
static size_t record_end_with(struct making *making, struct bytes note, uint64_t durable_sequence,
			      struct bytes build)
{
	assert(note.size_bytes <= AUDIT_NOTE_BYTES_MAX);
	decision_part_ends(making);
	put_text(&making->put, note.data, note.size_bytes);
	put_tail(&making->put, durable_sequence, build);
	return record_end(making);
}

size_t audit_encode_decision(uint8_t *out, size_t capacity_bytes, const struct audit_entry *entry,
			     struct audit_chain *chain)
{
	struct making making = record_begin(out, capacity_bytes, AUDIT_DECISION, entry->now_ns,
					    chain);

	put_identity(&making.put, entry->identity);
	put_transaction(&making.put, entry->transaction);
	put_values(&making.put, entry->values);
	put_decision(&making.put, entry->decision);
	put_artefacts(&making.put, entry->artefacts);
	decision_part_ends(&making);
	put_shadow(&making.put, entry->shadow);
	making.shadowed_bytes = making.put.size_bytes;
	put_circumstance(&making.put, &entry->circumstance);
	return record_end(&making);
}

size_t audit_encode_event(uint8_t *out, size_t capacity_bytes, const struct audit_event *event,
			  struct audit_chain *chain)
{
	struct making making = record_begin(out, capacity_bytes, event->kind, event->now_ns, chain);

	assert(event->kind >= AUDIT_START && event->kind <= AUDIT_CONFIG);
	put_artefacts(&making.put, event->artefacts);
	return record_end_with(&making, event->note, event->durable_sequence, event->build);
}

size_t audit_encode_repeat(uint8_t *out, size_t capacity_bytes, const struct audit_repeat *repeat,
			   struct audit_chain *chain)
{
	struct making making = record_begin(out, capacity_bytes, AUDIT_REPEAT, repeat->now_ns,
					    chain);

	assert(repeat->id.size_bytes <= sizeof(((struct transaction *)0)->id.data));
	put_identity(&making.put, repeat->identity);
	put_text(&making.put, repeat->id.data, repeat->id.size_bytes);
	put_unsigned(&making.put, repeat->first_sequence, 8);
	return record_end_with(&making, bytes_of(NULL, 0), repeat->durable_sequence, repeat->build);
}

size_t audit_encode_label(uint8_t *out, size_t capacity_bytes, const struct audit_label *label,
			  struct audit_chain *chain)
{
	struct making making = record_begin(out, capacity_bytes, AUDIT_LABEL, label->now_ns, chain);

	put_identity(&making.put, label->identity);
	PUT_MEMBER(&making.put, label->label->caller);
	PUT_MEMBER(&making.put, label->label->id);
	put_unsigned(&making.put, label->label->kind, 1);
	put_unsigned(&making.put, label->outcome, 1);
	put_unsigned(&making.put, label->labelled_order, 8);
	return record_end_with(&making, bytes_of(NULL, 0), label->durable_sequence, label->build);
}

size_t audit_encode_list(uint8_t *out, size_t capacity_bytes, const struct audit_list *list,
			 struct audit_chain *chain)
{
	struct making making = record_begin(out, capacity_bytes, AUDIT_LIST, list->now_ns, chain);

	put_identity(&making.put, list->identity);
	PUT_MEMBER(&making.put, list->edit->list);
	PUT_MEMBER(&making.put, list->edit->value);
	put_unsigned(&making.put, (uint64_t)list->edit->expires_ns, 8);
	put_unsigned(&making.put, list->edit->remove, 1);
	put_reason(&making.put, list->outcome);
	return record_end_with(&making, bytes_of(NULL, 0), list->durable_sequence, list->build);
}

void audit_encode_header(uint8_t out[AUDIT_HEADER_BYTES], const struct audit_chain *chain,
			 int64_t created_ns, struct bytes build)
{
	struct put    put = { .out = out, .capacity_bytes = AUDIT_HEADER_BYTES };
	char          padded[AUDIT_BUILD_BYTES_MAX] = { 0 };
	uint8_t       hash[DIGEST_BYTES];
	struct digest digest;

	assert(build.size_bytes <= AUDIT_BUILD_BYTES_MAX);
	if (build.size_bytes > 0)
		memcpy(padded, build.data, build.size_bytes);
	put_raw(&put, AUDIT_MAGIC, AUDIT_MAGIC_BYTES);
	put_unsigned(&put, AUDIT_VERSION, 4);
	put_unsigned(&put, AUDIT_HEADER_BYTES, 4);
	put_unsigned(&put, chain->next_sequence, 8);
	put_unsigned(&put, chain->order, 8);
	put_unsigned(&put, (uint64_t)created_ns, 8);
	put_raw(&put, chain->hash, DIGEST_BYTES);
	put_raw(&put, padded, sizeof(padded));
	digest_init(&digest);
	digest_add(&digest, out, put.size_bytes);
	digest_end(&digest, hash);
	put_raw(&put, hash, DIGEST_BYTES);
	assert(put.size_bytes == AUDIT_HEADER_BYTES);
}
