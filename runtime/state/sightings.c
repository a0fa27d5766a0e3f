/* The snapshot, format 2:
 *
 *     magic "ASSAYSEE", version u32, entities u32, transactions_max u32, count u32
 *     then each transaction, oldest first: struct sight
 *     SHA-256 of all before
 *
 * The index is not kept: adding the entries again in their order makes it. */
#include "runtime/state/sightings.h"

#include <assert.h>

#include "runtime/state/index.h"
#include "runtime/state/wire.h"

#define VERSION 2

static const char magic[8] = { 'A', 'S', 'S', 'A', 'Y', 'S', 'E', 'E' };

/* One transaction; as it lies in memory and in the snapshot. */
struct sight {
	struct hash128 key;
	uint64_t       sequence;
	int64_t        time_ns;
	uint8_t        fraud;       /* LABEL_NONE, LABEL_FRAUD or LABEL_GENUINE */
	uint8_t        disposition; /* LABEL_NONE, LABEL_RELEASED or LABEL_REJECTED */
	uint16_t       filed; /* bit set of entities; in the snapshot only, see struct column */
	uint8_t        zero[4];
	struct hash128 file[]; /* [entities_count] */
};
static_assert(sizeof(struct sight) == 40, "as it lies in the snapshot");
static_assert(PLAN_ENTITIES_MAX <= 16, "entities are bits of filed");

#define SIGHT_BYTES_MAX (sizeof(struct sight) + PLAN_ENTITIES_MAX * sizeof(struct hash128))

/* What one decider has filed; its head keeps the deciders' writing apart. */
struct column {
	uint64_t next; /* number: below it all are noted */
	uint8_t  apart[56];
	uint16_t filed[]; /* [transactions_max], by place: bit set of entities */
};
static_assert(sizeof(struct column) == 64, "a line of its own");

struct sightings {
	struct index index;
	uint8_t     *sights;
	size_t       sight_bytes;
	uint8_t     *columns;
	size_t       column_bytes;
	uint32_t     entities_count, transactions_max, deciders;
	uint64_t     first, next; /* numbers; n lies at n mod transactions_max */
};

#define HEAD_BYTES ((sizeof(struct sightings) + 63) / 64 * 64)

static size_t sight_bytes_of(const struct feature_plan *plan)
{
	return sizeof(struct sight) + plan->entities_count * sizeof(struct hash128);
}

static size_t sights_bytes_of(const struct feature_plan *plan, uint32_t transactions_max)
{
	return (transactions_max * sight_bytes_of(plan) + 63) / 64 * 64;
}

static size_t column_bytes_of(uint32_t transactions_max)
{
	return (sizeof(struct column) + transactions_max * sizeof(uint16_t) + 63) / 64 * 64;
}

static size_t index_bytes_of(uint32_t transactions_max)
{
	return ((size_t)index_slots(transactions_max) * sizeof(uint32_t) + 63) / 64 * 64;
}

size_t sightings_size(const struct feature_plan *plan, uint32_t transactions_max, uint32_t deciders)
{
	assert(transactions_max > 0 && transactions_max <= UINT32_C(1) << 30 && deciders > 0);
	return HEAD_BYTES + index_bytes_of(transactions_max) +
	       sights_bytes_of(plan, transactions_max) +
	       deciders * column_bytes_of(transactions_max);
}

struct sightings *sightings_init(void *memory, const struct feature_plan *plan,
				 uint32_t transactions_max, uint32_t deciders)
{
	struct sightings *sightings = memory;
	uint8_t          *slots     = (uint8_t *)memory + HEAD_BYTES;
	uint8_t          *sights    = slots + index_bytes_of(transactions_max);

	*sightings = (struct sightings){
		.sights           = sights,
		.sight_bytes      = sight_bytes_of(plan),
		.columns          = sights + sights_bytes_of(plan, transactions_max),
		.column_bytes     = column_bytes_of(transactions_max),
		.entities_count   = plan->entities_count,
		.transactions_max = transactions_max,
		.deciders         = deciders,
	};
	sightings->index = (struct index){ .slots       = (uint32_t *)slots,
					   .mask        = index_slots(transactions_max) - 1,
					   .entries     = sightings->sights,
					   .entry_bytes = sightings->sight_bytes };
	return sightings;
}

void sightings_keep_secret(struct sightings *sightings, struct hash128 secret)
{
	sightings->index.secret = secret;
}

static uint32_t place_of_number(const struct sightings *sightings, uint64_t number)
{
	return (uint32_t)(number % sightings->transactions_max);
}

/* Of the transaction that is there now. */
static uint64_t number_of_place(const struct sightings *sightings, uint32_t place)
{
	uint32_t at = place_of_number(sightings, sightings->first);

	return sightings->first +
	       (place >= at ? place - at : place + sightings->transactions_max - at);
}

static struct sight *sight_in(const struct sightings *sightings, uint32_t place)
{
	return (struct sight *)(sightings->sights + place * sightings->sight_bytes);
}

/* The sight that the next transaction is written to; the oldest leaves when it must. */
static struct sight *next_sight(struct sightings *sightings)
{
	uint32_t place = place_of_number(sightings, sightings->next);

	if (sightings->next - sightings->first == sightings->transactions_max) {
		index_remove(&sightings->index, sight_in(sightings, place)->key, place);
		sightings->first++;
	}
	return sight_in(sightings, place);
}

static void enter(struct sightings *sightings, const struct sight *sight)
{
	index_put(&sightings->index, sight->key, place_of_number(sightings, sightings->next));
	sightings->next++;
}

uint64_t sightings_add(struct sightings *sightings, struct hash128 key, uint64_t sequence,
		       int64_t time_ns, const struct state_keys *keys)
{
	struct sight *sight = next_sight(sightings);

	assert(hash_is(key) && sequence > 0);
	*sight = (struct sight){ .key = key, .sequence = sequence, .time_ns = time_ns };
	memcpy(sight->file, keys->file, sightings->entities_count * sizeof(struct hash128));
	enter(sightings, sight);
	return sightings->next - 1;
}

/* ---- who was filed where */

static struct column *column_of(const struct sightings *sightings, uint32_t decider)
{
	assert(decider < sightings->deciders);
	return (struct column *)(sightings->columns + decider * sightings->column_bytes);
}

/* Is the place of this number in the column still its own? */
static bool is_noted(const struct sightings *sightings, const struct column *column,
		     uint64_t number)
{
	return number < column->next && column->next - number <= sightings->transactions_max;
}

void sightings_note(struct sightings *sightings, uint32_t decider, uint64_t number,
		    uint16_t entities)
{
	struct column *column = column_of(sightings, decider);
	uint16_t      *filed  = &column->filed[place_of_number(sightings, number)];

	if (number >= column->next) {
		*filed       = entities;
		column->next = number + 1;
	} else if (is_noted(sightings, column, number)) {
		*filed |= entities;
	}
}

void sightings_note_all(struct sightings *sightings, uint64_t number, uint16_t entities)
{
	for (uint32_t i = 0; i < sightings->deciders; i++)
		sightings_note(sightings, i, number, entities);
}

bool sightings_filed(const struct sightings *sightings, uint32_t decider, uint64_t number,
		     uint8_t entity)
{
	const struct column *column = column_of(sightings, decider);

	return is_noted(sightings, column, number) &&
	       (column->filed[place_of_number(sightings, number)] >> entity & 1) != 0;
}

/* What a transaction's labels say: both at most 1. */
static int8_t frauds_of(uint8_t fraud)
{
	return fraud == LABEL_FRAUD;
}

static int8_t labelled_of(uint8_t fraud)
{
	return fraud != LABEL_NONE;
}

static enum label_outcome replace(uint8_t *label, enum label_kind kind)
{
	uint8_t before = *label;

	*label = (uint8_t)kind;
	return before == kind         ? LABEL_UNCHANGED
	       : before == LABEL_NONE ? LABEL_APPLIED
				      : LABEL_CHANGED;
}

static enum label_outcome apply(struct sight *sight, enum label_kind kind)
{
	bool was_labelled = sight->fraud != LABEL_NONE || sight->disposition != LABEL_NONE;

	switch (kind) {
	case LABEL_FRAUD:
	case LABEL_GENUINE: return replace(&sight->fraud, kind);
	case LABEL_RELEASED:
	case LABEL_REJECTED: return replace(&sight->disposition, kind);
	default: break; /* taken back, both */
	}
	sight->fraud       = LABEL_NONE;
	sight->disposition = LABEL_NONE;
	return was_labelled ? LABEL_CHANGED : LABEL_UNCHANGED;
}

enum label_outcome sightings_label(struct sightings *sightings, struct hash128 key,
				   enum label_kind kind, struct sighting *out)
{
	uint32_t           place = index_find(&sightings->index, key);
	struct sight      *sight;
	uint8_t            before;
	enum label_outcome outcome;

	assert(kind < LABEL_KIND_COUNT);
	memset(out, 0, sizeof(*out));
	if (place == INDEX_NONE)
		return LABEL_UNKNOWN;
	sight         = sight_in(sightings, place);
	before        = sight->fraud;
	outcome       = apply(sight, kind);
	out->sequence = sight->sequence;
	out->number   = number_of_place(sightings, place);
	out->change   = (struct state_label){
		  .sequence = sight->sequence,
		  .time_ns  = sight->time_ns,
		  .frauds   = (int8_t)(frauds_of(sight->fraud) - frauds_of(before)),
		  .labelled = (int8_t)(labelled_of(sight->fraud) - labelled_of(before)),
	};
	memcpy(out->file, sight->file, sightings->entities_count * sizeof(struct hash128));
	return outcome;
}

/* ---- snapshots */

struct head {
	char     magic[8];
	uint32_t version, entities_count, transactions_max, count;
};
static_assert(sizeof(struct head) == 24, "as it lies in the snapshot");

/* What each decider has filed, together. */
static void put_sight(struct wire_writer *out, const struct sightings *sightings, uint64_t number)
{
	uint32_t place                  = place_of_number(sightings, number);
	uint8_t  bytes[SIGHT_BYTES_MAX] = { 0 };
	uint16_t filed                  = 0;

	for (uint32_t i = 0; i < sightings->deciders; i++) {
		const struct column *column = column_of(sightings, i);

		if (is_noted(sightings, column, number))
			filed |= column->filed[place];
	}
	memcpy(bytes, sight_in(sightings, place), sightings->sight_bytes);
	memcpy(bytes + offsetof(struct sight, filed), &filed, sizeof(filed));
	wire_put(out, bytes, sightings->sight_bytes);
}

bool sightings_save(const struct sightings *sightings, bool (*write)(void *ctx, struct bytes piece),
		    void                   *ctx)
{
	struct wire_writer out  = { .write = write, .ctx = ctx };
	struct head        head = { .version          = VERSION,
				    .entities_count   = sightings->entities_count,
				    .transactions_max = sightings->transactions_max,
				    .count = (uint32_t)(sightings->next - sightings->first) };
	uint8_t            digest[DIGEST_BYTES];

	memcpy(head.magic, magic, sizeof(magic));
	digest_init(&out.digest);
	wire_put(&out, &head, sizeof(head));
	for (uint64_t n = sightings->first; n < sightings->next && !out.failed; n++)
		put_sight(&out, sightings, n);
	return wire_end(&out, digest);
}

static void make_empty(struct sightings *sightings)
{
	sightings->first = 0;
	sightings->next  = 0;
	for (uint32_t i = 0; i < sightings->deciders; i++)
		column_of(sightings, i)->next = 0;
	memset(sightings->index.slots, 0, (sightings->index.mask + (size_t)1) * sizeof(uint32_t));
}

static const char *check_head(const struct sightings *sightings, const struct head *head)
{
	if (memcmp(head->magic, magic, sizeof(magic)) != 0)
		return "not a snapshot of sightings: the magic is wrong";
	if (head->version != VERSION)
		return "the snapshot is of another version";
	if (head->entities_count != sightings->entities_count ||
	    head->transactions_max != sightings->transactions_max)
		return "the snapshot is of other entities or another labels.transactions_max";
	if (head->count > sightings->transactions_max)
		return "the snapshot has more transactions than there is room for";
	return NULL;
}

static bool is_filed_without_key(const struct sightings *sightings, const struct sight *sight)
{
	for (uint32_t e = 0; e < PLAN_ENTITIES_MAX; e++)
		if ((sight->filed >> e & 1) != 0 &&
		    (e >= sightings->entities_count || !hash_is(sight->file[e])))
			return true;
	return false;
}

static const char *check_sight(const struct sightings *sightings, const struct sight *sight,
			       uint64_t sequence_before)
{
	static const uint8_t zero[sizeof(sight->zero)];

	if (!hash_is(sight->key) || sight->sequence <= sequence_before)
		return "a transaction has no key, or is out of sequence";
	if (sight->fraud > LABEL_GENUINE ||
	    (sight->disposition != LABEL_NONE && sight->disposition != LABEL_RELEASED &&
	     sight->disposition != LABEL_REJECTED) ||
	    memcmp(sight->zero, zero, sizeof(zero)) != 0)
		return "a transaction's label is out of range";
	if (is_filed_without_key(sightings, sight))
		return "a transaction is filed where it has no key";
	return NULL;
}

static const char *load(struct sightings *sightings, struct wire_reader *in)
{
	struct head head;
	uint64_t    sequence = 0;
	const char *wrong;

	wire_get(in, &head, sizeof(head));
	wrong = in->short_of ? "the snapshot ends inside its head" : check_head(sightings, &head);
	for (uint32_t i = 0; wrong == NULL && i < head.count; i++) {
		struct sight *sight = next_sight(sightings);

		wire_get(in, sight, sightings->sight_bytes);
		wrong = in->short_of ? "the snapshot ends inside a transaction"
				     : check_sight(sightings, sight, sequence);
		if (wrong != NULL)
			break;
		sequence = sight->sequence;
		sightings_note_all(sightings, sightings->next, sight->filed);
		sight->filed = 0;
		enter(sightings, sight);
	}
	if (wrong == NULL && in->at != in->in.size_bytes)
		wrong = "bytes follow the last transaction";
	return wrong;
}

bool sightings_load(struct sightings *sightings, struct bytes in, struct failure *failure)
{
	struct wire_reader reader;
	const char        *wrong;

	make_empty(sightings);
	if (!wire_open(&reader, in))
		return wire_refuse(failure, 0, "the snapshot's digest is wrong");
	wrong = load(sightings, &reader);
	if (wrong == NULL)
		return true;
	make_empty(sightings);
	return wire_refuse(failure, reader.at, wrong);
}
