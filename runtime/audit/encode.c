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
#define TRANSACTION_BYTES                                                              \
	(TEXT_BYTES(id) + 8 + 8 + 3 + 1 + 1 + TEXT_BYTES(card) + TEXT_BYTES(account) + \
	 TEXT_BYTES(merchant) + TEXT_BYTES(terminal) + 4 + 2 + 1 +                     \
	 TRANSACTION_PARTIES_MAX * PARTY_BYTES + 2 + 4 * TRANSACTION_FEATURES_MAX)
#define DECISION_BYTES (2 + 4 + 4 + 1 + 1 + DECISION_REASONS_MAX * 12)
#define CIRCUMSTANCE_BYTES                                                                    \
	(2 + AUDIT_IDENTITY_BYTES_MAX + 2 + 2 + 2 + 1 + 1 + 4 * STAGE_COUNT + 8 + 8 + 8 + 2 + \
	 AUDIT_BUILD_BYTES_MAX)
#define EVENT_BYTES (8 + 2 + AUDIT_NOTE_BYTES_MAX + 2 + AUDIT_BUILD_BYTES_MAX)

static_assert(AUDIT_FRAME_BYTES + 16 + TRANSACTION_BYTES + DECISION_BYTES + 2 * DIGEST_BYTES +
			      CIRCUMSTANCE_BYTES + DIGEST_BYTES <=
		      AUDIT_RECORD_BYTES_MAX,
	      "every decision fits");
static_assert(AUDIT_FRAME_BYTES + 16 + 2 * DIGEST_BYTES + EVENT_BYTES + DIGEST_BYTES <=
		      AUDIT_RECORD_BYTES_MAX,
	      "every event fits");
static_assert(AUDIT_RECORD_BYTES_MAX <= UINT16_MAX, "part_bytes is 16 bits");

void audit_chain_init(struct audit_chain *chain)
{
	memset(chain, 0, sizeof(*chain));
	chain->next_sequence = 1;
}

const char *audit_kind_name(enum audit_kind kind)
{
	static const char *const names[AUDIT_KIND_COUNT] = {
		[AUDIT_NONE] = "none", [AUDIT_DECISION] = "decision", [AUDIT_START] = "start",
		[AUDIT_STOP] = "stop", [AUDIT_CONFIG] = "config",
	};

	return names[kind];
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
	PUT_MEMBER(put, t->card);
	PUT_MEMBER(put, t->account);
	PUT_MEMBER(put, t->merchant);
	PUT_MEMBER(put, t->terminal);
	put_raw(put, t->merchant_category, sizeof(t->merchant_category));
	put_raw(put, t->merchant_country, sizeof(t->merchant_country));
	put_unsigned(put, t->parties_count, 1);
	for (size_t i = 0; i < t->parties_count; i++)
		put_party(put, &t->parties[i]);
	put_unsigned(put, t->features_count, 2);
	for (size_t i = 0; i < t->features_count; i++)
		put_float(put, t->features[i]);
}

static void put_decision(struct put *put, const struct decision *decision)
{
	assert(decision->reasons_count <= DECISION_REASONS_MAX);
	put_unsigned(put, decision->stages_run, 2);
	put_float(put, decision->margin);
	put_float(put, decision->score);
	put_unsigned(put, decision->verdict, 1);
	put_unsigned(put, decision->reasons_count, 1);
	for (size_t i = 0; i < decision->reasons_count; i++) {
		put_unsigned(put, decision->reasons[i].code, 2);
		put_unsigned(put, decision->reasons[i].failure, 2);
		put_float(put, decision->reasons[i].a);
		put_float(put, decision->reasons[i].b);
	}
}

static void put_artefacts(struct put *put, const struct artefact_digests *artefacts)
{
	put_raw(put, artefacts->config, DIGEST_BYTES);
	put_raw(put, artefacts->model, DIGEST_BYTES);
}

static void put_build(struct put *put, struct bytes build)
{
	assert(build.size_bytes <= AUDIT_BUILD_BYTES_MAX);
	put_text(put, build.data, build.size_bytes);
}

static void put_circumstance(struct put *put, const struct audit_circumstance *c)
{
	assert(c->identity.size_bytes <= AUDIT_IDENTITY_BYTES_MAX);
	put_text(put, c->identity.data, c->identity.size_bytes);
	put_unsigned(put, c->core, 2);
	put_unsigned(put, c->batch_index, 2);
	put_unsigned(put, c->batch_size, 2);
	put_unsigned(put, c->resumed, 1);
	put_unsigned(put, STAGE_COUNT, 1);
	for (int stage = 0; stage < STAGE_COUNT; stage++)
		put_unsigned(put, c->ledger.stage_ns[stage], 4);
	put_unsigned(put, (uint64_t)c->received_ns, 8);
	put_unsigned(put, (uint64_t)c->encoded_ns, 8);
	put_unsigned(put, c->durable_sequence, 8);
	put_build(put, c->build);
}

/* The frame is written last but one, when the sizes are known; the hash last. */
static struct put record_begin(uint8_t *out, size_t capacity_bytes, int64_t now_ns,
			       const struct audit_chain *chain)
{
	struct put put = { .out            = out,
			   .capacity_bytes = capacity_bytes,
			   .size_bytes     = AUDIT_FRAME_BYTES };

	assert(capacity_bytes >= AUDIT_RECORD_BYTES_MAX);
	put_unsigned(&put, chain->next_sequence, 8);
	put_unsigned(&put, (uint64_t)now_ns, 8);
	return put;
}

static size_t record_end(struct put *put, enum audit_kind kind, size_t part_bytes,
			 struct audit_chain *chain)
{
	struct put    frame = { .out = put->out, .capacity_bytes = AUDIT_FRAME_BYTES };
	struct digest digest;

	put_unsigned(&frame, put->size_bytes + DIGEST_BYTES, 4);
	put_unsigned(&frame, kind, 1);
	put_unsigned(&frame, 0, 1);
	put_unsigned(&frame, part_bytes, 2);
	put_unsigned(&frame, chain->next_sequence, 8);
	digest_init(&digest);
	digest_add(&digest, chain->hash, DIGEST_BYTES);
	digest_add(&digest, put->out, put->size_bytes);
	digest_end(&digest, chain->hash);
	put_raw(put, chain->hash, DIGEST_BYTES);
	chain->next_sequence++;
	return put->size_bytes;
}

size_t audit_encode_decision(uint8_t *out, size_t capacity_bytes, const struct audit_entry *entry,
			     struct audit_chain *chain)
{
	struct put put = record_begin(out, capacity_bytes, entry->now_ns, chain);
	size_t     part_bytes;

	put_transaction(&put, entry->transaction);
	put_decision(&put, entry->decision);
	put_artefacts(&put, entry->artefacts);
	part_bytes = put.size_bytes - AUDIT_FRAME_BYTES;
	put_circumstance(&put, &entry->circumstance);
	return record_end(&put, AUDIT_DECISION, part_bytes, chain);
}

size_t audit_encode_event(uint8_t *out, size_t capacity_bytes, const struct audit_event *event,
			  struct audit_chain *chain)
{
	struct put put = record_begin(out, capacity_bytes, event->now_ns, chain);
	size_t     part_bytes;

	assert(event->kind > AUDIT_DECISION && event->kind < AUDIT_KIND_COUNT);
	assert(event->note.size_bytes <= AUDIT_NOTE_BYTES_MAX);
	put_artefacts(&put, event->artefacts);
	part_bytes = put.size_bytes - AUDIT_FRAME_BYTES;
	put_unsigned(&put, event->durable_sequence, 8);
	put_text(&put, event->note.data, event->note.size_bytes);
	put_build(&put, event->build);
	return record_end(&put, event->kind, part_bytes, chain);
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
	put_unsigned(&put, (uint64_t)created_ns, 8);
	put_raw(&put, chain->hash, DIGEST_BYTES);
	put_raw(&put, padded, sizeof(padded));
	digest_init(&digest);
	digest_add(&digest, out, put.size_bytes);
	digest_end(&digest, hash);
	put_raw(&put, hash, DIGEST_BYTES);
	assert(put.size_bytes == AUDIT_HEADER_BYTES);
}
