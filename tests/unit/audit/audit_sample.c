#include "tests/unit/audit/audit_sample.h"

#include <stdio.h>
#include <string.h>

#define SET_TEXT(text, ...)                                                         \
	do {                                                                        \
		char made_[sizeof((text).data) + 1];                                \
		int  size_        = snprintf(made_, sizeof(made_), __VA_ARGS__);    \
		(text).size_bytes = (uint16_t)(size_ < (int)sizeof((text).data)     \
						       ? size_                      \
						       : (int)sizeof((text).data)); \
		memcpy((text).data, made_, (text).size_bytes);                      \
	} while (0)

static void fill_party(struct party *party, uint64_t number, uint8_t role)
{
	party->role = role;
	memcpy(party->country, "DE", 2);
	SET_TEXT(party->name, "Party %u of %llu", role, (unsigned long long)number);
	party->identifiers_count = 2;
	SET_TEXT(party->identifiers[0].scheme, "IBAN");
	SET_TEXT(party->identifiers[0].value, "DE%020llu", (unsigned long long)number);
	SET_TEXT(party->identifiers[1].scheme, "BIC");
	SET_TEXT(party->identifiers[1].value, "ABCDDEFF");
}

static void fill_up(struct transaction *t)
{
	t->id.size_bytes = sizeof(t->id.data);
	memset(t->id.data, 'i', sizeof(t->id.data));
	t->terminal.size_bytes = sizeof(t->terminal.data);
	memset(t->terminal.data, 't', sizeof(t->terminal.data));
	t->features_count = TRANSACTION_FEATURES_MAX;
	t->parties_count  = TRANSACTION_PARTIES_MAX;
	for (uint8_t i = 0; i < TRANSACTION_PARTIES_MAX; i++)
		fill_party(&t->parties[i], i, (uint8_t)(i + 1));
}

void audit_sample_transaction(struct transaction *t, uint64_t number)
{
	memset(t, 0, sizeof(*t));
	SET_TEXT(t->id, "payment-%llu", (unsigned long long)number);
	t->time_ns      = 1790000000000000000 + (int64_t)number * 1000;
	t->amount_minor = (int64_t)(number * 7919 % 1000000);
	memcpy(t->currency, "EUR", 3);
	t->currency_exponent = 2;
	t->channel           = CHANNEL_INSTANT;
	SET_TEXT(t->card, "tok_%06llu", (unsigned long long)(number % 1000));
	SET_TEXT(t->merchant, "merchant \"%llu\"", (unsigned long long)(number % 17));
	memcpy(t->merchant_category, "5411", 4);
	memcpy(t->merchant_country, "FR", 2);
	if (number % 9 == 0) {
		fill_up(t);
	} else if (number % 3 != 0) {
		t->parties_count = 2;
		fill_party(&t->parties[0], number, PARTY_ORIGINATOR);
		fill_party(&t->parties[1], number, PARTY_BENEFICIARY);
		t->features_count = 19;
	}
	for (uint16_t i = 0; i < t->features_count; i++)
		t->features[i] = (float)(number % 101) * 0.25f + (float)i;
}

void audit_sample_decided(struct decision *decision, uint64_t number)
{
	memset(decision, 0, sizeof(*decision));
	decision->verdict       = (uint8_t)(number % VERDICT_COUNT);
	decision->reasons_count = (uint8_t)(1 + number % DECISION_REASONS_MAX);
	decision->stages_run    = 0x1ff & (uint16_t)number;
	decision->margin        = (float)number * 0.125f - 3.0f;
	decision->score         = 0.25f;
	for (int i = 0; i < decision->reasons_count; i++)
		decision->reasons[i] = (struct decision_reason){ (uint16_t)(number % 5), 0, 0.25f,
								 0.5f };
}

size_t audit_sample_decision(uint8_t out[AUDIT_RECORD_BYTES_MAX], uint64_t number,
			     uint64_t durable_sequence, struct audit_chain *chain)
{
	static struct transaction     transaction;
	struct decision               decision;
	const struct artefact_digests artefacts = { .config = { 1, 2, 3 }, .model = { 4, 5, 6 } };
	struct audit_entry            entry = {
		.now_ns = 1790000000500000000 + (int64_t)number,
		.transaction = &transaction,
		.decision = &decision,
		.artefacts = &artefacts,
		.circumstance = {
			.identity = bytes_of("URI:spiffe://bank/payments", 26),
			.build = bytes_of("test", 4),
			.core = 1,
			.batch_size = 1,
			.resumed = number % 2,
			.received_ns = 1790000000400000000,
			.encoded_ns = 1790000000600000000,
			.durable_sequence = durable_sequence,
			.ledger = { .stage_ns = { 10, 20, 30 } },
		},
	};

	audit_sample_transaction(&transaction, number);
	audit_sample_decided(&decision, number);
	return audit_encode_decision(out, AUDIT_RECORD_BYTES_MAX, &entry, chain);
}
