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
	SET_TEXT(t->device, "device");
	SET_TEXT(t->payee, "payee");
	t->deadline_us    = 5000;
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
		decision->reasons[i] = (struct decision_reason){ (uint16_t)(number % 5),
								 i % 2 ? REASON_model_missing
								       : REASON_NONE,
								 0.25f, 0.5f };
	decision->rules_hit   = (uint16_t)(number % 12);
	decision->rules_count = (uint8_t)(decision->rules_hit < DECISION_RULES_MAX
						  ? decision->rules_hit
						  : DECISION_RULES_MAX);
	for (int i = 0; i < decision->rules_count; i++) {
		struct decision_rule *rule = &decision->rules[i];

		rule->severity = (uint8_t)(i % 4);
		rule->verdict  = (uint8_t)(i % VERDICT_COUNT);
		SET_TEXT(rule->id, "rule.%d", i);
		SET_TEXT(rule->text, "card used %llu times in %d min", (unsigned long long)number,
			 i);
	}
}

void audit_sample_values(struct feature_values *values, uint64_t number)
{
	memset(values, 0, sizeof(*values));
	values->count = (uint16_t)(number % 9 == 0 ? PLAN_FEATURES_MAX : number % 3 * 7);
	for (uint16_t i = 0; i < values->count; i++)
		values->value[i] = (double)number / 3 + i;
}

void audit_sample_shadow(struct decision_shadow *shadow, uint64_t number)
{
	memset(shadow, 0, sizeof(*shadow));
	if (number % 2 == 0)
		return;
	*shadow = (struct decision_shadow){ .ran       = 1,
					    .verdict   = (uint8_t)(number % VERDICT_COUNT),
					    .rules_hit = (uint16_t)number,
					    .score     = 0.75f,
					    .margin    = -1.5f,
					    .digest    = { 7, 8, 9 } };
}

static const struct artefact_digests artefacts = {
	.config = { 1, 2, 3 },
	.model  = { 4, 5, 6 },
	.rules  = { 7, 8, 9 },
};

static size_t sample_decision(uint8_t *out, uint64_t number, uint64_t durable_sequence,
			      bool with_shadow, struct audit_chain *chain)
{
	static struct transaction    transaction;
	static struct feature_values values;
	static struct decision       decision;
	struct decision_shadow       shadow = { 0 };
	struct audit_entry           entry = {
		.now_ns = 1790000000500000000 + (int64_t)number,
		.identity = bytes_of(AUDIT_SAMPLE_IDENTITY, strlen(AUDIT_SAMPLE_IDENTITY)),
		.transaction = &transaction,
		.values = &values,
		.decision = &decision,
		.shadow = &shadow,
		.artefacts = &artefacts,
		.circumstance = {
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
	audit_sample_values(&values, number);
	audit_sample_decided(&decision, number);
	if (with_shadow)
		audit_sample_shadow(&shadow, number);
	return audit_encode_decision(out, AUDIT_RECORD_BYTES_MAX, &entry, chain);
}

size_t audit_sample_decision(uint8_t out[AUDIT_RECORD_BYTES_MAX], uint64_t number,
			     uint64_t durable_sequence, struct audit_chain *chain)
{
	return sample_decision(out, number, durable_sequence, true, chain);
}

size_t audit_sample_unshadowed(uint8_t out[AUDIT_RECORD_BYTES_MAX], uint64_t number,
			       uint64_t durable_sequence, struct audit_chain *chain)
{
	return sample_decision(out, number, durable_sequence, false, chain);
}

static size_t sample_repeat(uint8_t *out, uint64_t number, uint64_t durable_sequence,
			    struct audit_chain *chain)
{
	struct audit_repeat repeat = {
		.now_ns           = 1790000000500000000,
		.identity         = bytes_of(AUDIT_SAMPLE_IDENTITY, strlen(AUDIT_SAMPLE_IDENTITY)),
		.id               = bytes_of("payment-1", 9),
		.first_sequence   = number,
		.durable_sequence = durable_sequence,
		.build            = bytes_of("test", 4),
	};

	return audit_encode_repeat(out, AUDIT_RECORD_BYTES_MAX, &repeat, chain);
}

void audit_sample_told(struct label *label, uint64_t number)
{
	memset(label, 0, sizeof(*label));
	label->kind = (uint8_t)(number % LABEL_KIND_COUNT);
	SET_TEXT(label->id, "payment-%llu", (unsigned long long)number);
	if (number % 2)
		SET_TEXT(label->caller, AUDIT_SAMPLE_IDENTITY);
}

static size_t sample_label(uint8_t *out, uint64_t number, uint64_t durable_sequence,
			   struct audit_chain *chain)
{
	struct label       told;
	struct audit_label label = {
		.now_ns           = 1790000000500000000,
		.identity         = bytes_of("URI:spiffe://bank/cases", 23),
		.label            = &told,
		.outcome          = (enum label_outcome)(number % LABEL_OUTCOME_COUNT),
		.labelled_order   = number,
		.durable_sequence = durable_sequence,
		.build            = bytes_of("test", 4),
	};

	audit_sample_told(&told, number);
	return audit_encode_label(out, AUDIT_RECORD_BYTES_MAX, &label, chain);
}

void audit_sample_edit(struct list_edit *edit, uint64_t number)
{
	memset(edit, 0, sizeof(*edit));
	edit->remove     = number % 2;
	edit->expires_ns = number % 3 ? INT64_MAX : 1800000000000000000;
	SET_TEXT(edit->list, "block.cards");
	SET_TEXT(edit->value, "tok_%llu", (unsigned long long)number);
}

static size_t sample_list(uint8_t *out, uint64_t number, uint64_t durable_sequence,
			  struct audit_chain *chain)
{
	struct list_edit  edit;
	struct audit_list list = {
		.now_ns           = 1790000000500000000,
		.identity         = bytes_of("URI:spiffe://bank/fraud-team", 28),
		.edit             = &edit,
		.outcome          = number % 2 ? REASON_http_forbidden : REASON_NONE,
		.durable_sequence = durable_sequence,
		.build            = bytes_of("test", 4),
	};

	audit_sample_edit(&edit, number);
	return audit_encode_list(out, AUDIT_RECORD_BYTES_MAX, &list, chain);
}

size_t audit_sample(uint8_t out[AUDIT_RECORD_BYTES_MAX], enum audit_kind kind, uint64_t number,
		    uint64_t durable_sequence, struct audit_chain *chain)
{
	struct audit_event event = {
		.kind             = kind,
		.now_ns           = 1790000000000000000,
		.artefacts        = &artefacts,
		.durable_sequence = durable_sequence,
		.note             = bytes_of("started", 7),
		.build            = bytes_of("test", 4),
	};

	switch (kind) {
	case AUDIT_DECISION: return audit_sample_decision(out, number, durable_sequence, chain);
	case AUDIT_REPEAT: return sample_repeat(out, number, durable_sequence, chain);
	case AUDIT_LABEL: return sample_label(out, number, durable_sequence, chain);
	case AUDIT_LIST: return sample_list(out, number, durable_sequence, chain);
	default: return audit_encode_event(out, AUDIT_RECORD_BYTES_MAX, &event, chain);
	}
}
