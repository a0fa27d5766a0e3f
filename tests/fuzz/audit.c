/* Any bytes as a segment file: the reader never reads beyond them, agrees with itself
 * however its window is cut, a log that opens after recovery verifies, and what decodes
 * encodes to the same bytes again. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/audit_log.h"
#include "firmware/first_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	int             records;
	size_t          consumed;
	enum audit_read end;
};

/* What decodes can be answered again: nothing in it is out of range. */
static void answer(const struct audit_decoded *decoded, const struct audit_record *record)
{
	static uint8_t            out[REPLY_DECISION_BYTES_MAX];
	const struct first_answer first = { .transaction = &decoded->transaction,
					    .decision    = &decoded->decision,
					    .digests     = &decoded->artefacts,
					    .ledger      = decoded->circumstance.ledger,
					    .sequence    = record->sequence,
					    .hash        = record->hash };

	if (first_answer_make(&first, out) == 0)
		abort();
}

static void decode(const struct audit_record *record, const uint8_t *data, size_t size)
{
	static struct audit_decoded decoded;

	if (record->whole.data < data ||
	    record->whole.data + record->whole.size_bytes > data + size)
		abort();
	if (!audit_decode(record, &decoded))
		return;
	if (decoded.identity.size_bytes > AUDIT_IDENTITY_BYTES_MAX)
		abort();
	if (record->kind == AUDIT_DECISION)
		answer(&decoded, record);
}

/* Read with at most `window` bytes in sight at a time. */
static struct reading read_all(const uint8_t *data, size_t size, size_t window)
{
	struct reading      reading = { 0 };
	struct audit_reader reader  = { 0 };
	struct audit_header header;
	struct audit_record record;
	size_t              used;

	reading.end      = audit_read_header(&reader, bytes_of(data, size), NULL, &header, &used);
	reading.consumed = used;
	while (reading.end == AUDIT_DONE) {
		size_t left = size - reading.consumed;

		reading.end = audit_read_record(
			&reader, bytes_of(data + reading.consumed, left < window ? left : window),
			&record, &used);
		if (reading.end != AUDIT_DONE)
			break;
		decode(&record, data, size);
		reading.consumed += used;
		reading.records++;
	}
	return reading;
}

/* The same bytes as the only file of a log. */
static void recover(const uint8_t *data, size_t size)
{
	static const struct audit_log_options options = { .segment_bytes_max = 64 << 10 };
	struct audit_log                      log;
	struct audit_log_report               before, opened, after;
	struct disk_sim                       sim;
	int                                   file;
	bool                                  good;

	disk_sim_init(&sim, 1);
	file = sim.disk.ops->create(&sim.disk, "audit-00000000000000000001.seg");
	sim.disk.ops->write(&sim.disk, file, 0, data, size);
	sim.disk.ops->sync(&sim.disk, file);
	audit_log_verify(&sim.disk, NULL, &before);
	good = audit_log_open(&log, &sim.disk, &options, &opened);
	if (good != before.intact)
		abort();
	if (good) {
		audit_log_close(&log);
		if (!audit_log_verify(&sim.disk, NULL, &after) || after.records != before.records ||
		    after.torn_bytes != 0)
			abort();
	}
	disk_sim_free(&sim);
}

static void encode(uint8_t *out, enum audit_kind kind, const struct audit_decoded *decoded,
		   struct audit_chain *chain)
{
	struct audit_entry  entry  = { .now_ns      = decoded->now_ns,
				       .identity    = decoded->identity,
				       .transaction = &decoded->transaction,
				       .values      = &decoded->values,
				       .decision    = &decoded->decision,
				       .shadow      = &decoded->shadow,
				       .artefacts   = &decoded->artefacts };
	struct audit_event  event  = { .kind      = kind,
				       .now_ns    = decoded->now_ns,
				       .artefacts = &decoded->artefacts };
	struct audit_repeat repeat = { .now_ns         = decoded->now_ns,
				       .identity       = decoded->identity,
				       .id             = decoded->id,
				       .first_sequence = decoded->first_sequence };
	struct audit_label  label  = { .now_ns         = decoded->now_ns,
				       .identity       = decoded->identity,
				       .label          = &decoded->label,
				       .outcome        = decoded->label_outcome,
				       .labelled_order = decoded->labelled_order };
	struct audit_list   list   = { .now_ns   = decoded->now_ns,
				       .identity = decoded->identity,
				       .edit     = &decoded->edit,
				       .outcome  = decoded->edit_outcome };

	switch (kind) {
	case AUDIT_DECISION:
		audit_encode_decision(out, AUDIT_RECORD_BYTES_MAX, &entry, chain);
		break;
	case AUDIT_REPEAT: audit_encode_repeat(out, AUDIT_RECORD_BYTES_MAX, &repeat, chain); break;
	case AUDIT_LABEL: audit_encode_label(out, AUDIT_RECORD_BYTES_MAX, &label, chain); break;
	case AUDIT_LIST: audit_encode_list(out, AUDIT_RECORD_BYTES_MAX, &list, chain); break;
	default: audit_encode_event(out, AUDIT_RECORD_BYTES_MAX, &event, chain); break;
	}
}

/* No fuzzer finds a SHA-256, so the bytes are also taken as the parts of a record
 * that has verified: a length, a kind, the shadow part's length, the three parts.
 * What replay compares, the first two, has one spelling only. */
static void take_apart(const uint8_t *data, size_t size)
{
	static uint8_t              again[AUDIT_RECORD_BYTES_MAX];
	static struct audit_decoded decoded;
	struct audit_record         record = { 0 };
	struct audit_chain          chain  = { 0 };
	size_t                      part, shadow;

	if (size < 4 + 8)
		return;
	part                     = (size_t)data[0] | (size_t)data[1] << 8;
	part                     = part < size - 4 ? part : size - 4;
	shadow                   = data[3] < size - 4 - part ? data[3] : size - 4 - part;
	record.kind              = (enum audit_kind)(1 + data[2] % (AUDIT_KIND_COUNT - 1));
	record.decision_part     = bytes_of(data + 4, part);
	record.shadow_part       = bytes_of(data + 4 + part, shadow);
	record.circumstance_part = bytes_of(data + 4 + part + shadow, size - 4 - part - shadow);
	if (!audit_decode(&record, &decoded))
		return;
	chain.order = decoded.order - audit_kind_is_ordered(record.kind);
	encode(again, record.kind, &decoded, &chain);
	if (memcmp(again + AUDIT_FRAME_BYTES, record.decision_part.data, part) != 0 ||
	    memcmp(again + AUDIT_FRAME_BYTES + part, record.shadow_part.data, shadow) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading whole = read_all(data, size, SIZE_MAX);
	struct reading cut   = read_all(data, size, AUDIT_RECORD_BYTES_MAX);

	if (whole.records != cut.records || whole.consumed != cut.consumed || whole.end != cut.end)
		abort();
	take_apart(data, size);
	/* Slow, and every file worth recovering begins so. */
	if (size < AUDIT_HEADER_BYTES || whole.end == AUDIT_NEED_MORE || whole.consumed > 0 ||
	    data[0] == 0)
		recover(data, size);
	return 0;
}
