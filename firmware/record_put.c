#include "firmware/record_put.h"

#include <assert.h>
#include <string.h>

#include "firmware/version.h"

static struct bytes build_name(void)
{
	return bytes_of(assay_version(), strlen(assay_version()));
}

static size_t put_decision(void *out, const struct slot *slot, const struct record_about *about,
			   struct audit_chain *chain)
{
	struct audit_entry entry = {
		.now_ns      = slot->work.now_ns,
		.identity    = about->identity,
		.transaction = slot->work.transaction,
		.values      = &slot->work.values,
		.decision    = &slot->work.decision,
		.shadow      = &slot->work.shadow_decision,
		.artefacts   = &slot->work.brain->digests,
		.circumstance = {
			.build            = build_name(),
			.durable_sequence = about->durable_sequence,
			.batch_index      = (uint16_t)slot->index,
			.batch_size       = about->batch_size,
			.resumed          = about->resumed,
			.received_ns      = slot->work.now_ns,
			.encoded_ns       = about->now_ns,
			.ledger           = slot->work.ledger,
		},
	};

	return audit_encode_decision(out, AUDIT_RECORD_BYTES_MAX, &entry, chain);
}

static size_t put_repeat(void *out, const struct slot *slot, const struct record_about *about,
			 struct audit_chain *chain)
{
	struct audit_repeat repeat = {
		.now_ns           = about->now_ns,
		.identity         = about->identity,
		.id               = bytes_of(about->id->id.data, about->id->id.size_bytes),
		.first_sequence   = slot->first_sequence,
		.durable_sequence = about->durable_sequence,
		.build            = build_name(),
	};

	return audit_encode_repeat(out, AUDIT_RECORD_BYTES_MAX, &repeat, chain);
}

static size_t put_label(void *out, const struct slot *slot, const struct record_about *about,
			struct audit_chain *chain)
{
	struct audit_label label = {
		.now_ns           = about->now_ns,
		.identity         = about->identity,
		.label            = &slot->label,
		.outcome          = slot->label_outcome,
		.labelled_order   = slot->labelled_order,
		.durable_sequence = about->durable_sequence,
		.build            = build_name(),
	};

	return audit_encode_label(out, AUDIT_RECORD_BYTES_MAX, &label, chain);
}

static size_t put_list(void *out, const struct slot *slot, const struct record_about *about,
		       struct audit_chain *chain)
{
	struct audit_list list = {
		.now_ns           = slot->work.now_ns,
		.identity         = about->identity,
		.edit             = &slot->edit,
		.outcome          = slot->edit_outcome,
		.durable_sequence = about->durable_sequence,
		.build            = build_name(),
	};

	return audit_encode_list(out, AUDIT_RECORD_BYTES_MAX, &list, chain);
}

size_t record_put_life(void *out, const struct record_life *life, struct audit_chain *chain)
{
	struct audit_event event = {
		.kind             = life->kind,
		.now_ns           = life->now_ns,
		.artefacts        = life->artefacts,
		.durable_sequence = life->durable_sequence,
		.note             = bytes_of(life->note, strlen(life->note)),
		.build            = build_name(),
	};

	return audit_encode_event(out, AUDIT_RECORD_BYTES_MAX, &event, chain);
}

static size_t put_config(void *out, const struct slot *slot, const struct record_about *about,
			 struct audit_chain *chain)
{
	struct record_life life = { .kind      = AUDIT_CONFIG,
				    .note      = "reload",
				    .now_ns    = slot->work.now_ns, /* by which edits had expired */
				    .artefacts = &slot->live->brain.digests,
				    .durable_sequence = about->durable_sequence };

	return record_put_life(out, &life, chain);
}

static size_t (*const puts_by_kind[AUDIT_KIND_COUNT])(void *, const struct slot *,
						      const struct record_about *,
						      struct audit_chain *) = {
	[AUDIT_DECISION] = put_decision, [AUDIT_REPEAT] = put_repeat, [AUDIT_LABEL] = put_label,
	[AUDIT_LIST] = put_list,         [AUDIT_CONFIG] = put_config,
};

size_t record_put(void *out, const struct slot *slot, const struct record_about *about,
		  struct audit_chain *chain)
{
	assert(puts_by_kind[slot->kind]);
	return puts_by_kind[slot->kind](out, slot, about, chain);
}
