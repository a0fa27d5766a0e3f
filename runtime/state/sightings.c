/* The snapshot, format 1:
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

#define VERSION 1

static const char magic[8] = { 'A', 'S', 'S', 'A', 'Y', 'S', 'E', 'E' };

/* One transaction; as it lies in memory and in the snapshot. */
struct sight {
	struct hash128 key;
	uint64_t       sequence;
	int64_t        time_ns;
	uint8_t        fraud;       /* LABEL_NONE, LABEL_FRAUD or LABEL_GENUINE */
	uint8_t        disposition; /* LABEL_NONE, LABEL_RELEASED or LABEL_REJECTED */
	uint8_t        zero[6];
	struct hash128 file[]; /* [entities_count] */
};
static_assert(sizeof(struct sight) == 40, "as it lies in the snapshot");

struct sightings {
	struct index index;
	uint8_t     *sights;
	size_t       sight_bytes;
	uint32_t     entities_count, transactions_max;
	uint64_t     first, next; /* numbers; n lies at n mod transactions_max */
};

#define HEAD_BYTES ((sizeof(struct sightings) + 63) / 64 * 64)

static size_t sight_bytes_of(const struct feature_plan *plan)
{
	return sizeof(struct sight) + plan->entities_count * sizeof(struct hash128);
}

size_t sightings_size(const struct feature_plan *plan, uint32_t transactions_max)
{
	assert(transactions_max > 0 && transactions_max <= UINT32_C(1) << 30);
	return HEAD_BYTES + (size_t)index_slots(transactions_max) * sizeof(uint32_t) +
	       (transactions_max * sight_bytes_of(plan) + 63) / 64 * 64;
}

struct sightings *sightings_init(void *memory, const struct feature_plan *plan,
				 uint32_t transactions_max)
{
	struct sightings *sightings = memory;
	uint32_t          slots     = index_slots(transactions_max);
	uint8_t          *at        = (uint8_t *)memory + HEAD_BYTES;

	*sightings       = (struct sightings){ .sights           = at + slots * sizeof(uint32_t),
					       .sight_bytes      = sight_bytes_of(plan),
					       .entities_count   = plan->entities_count,
					       .transactions_max = transactions_max };
	sightings->index = (struct index){ .slots       = (uint32_t *)at,
					   .mask        = slots - 1,
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

void sightings_add(struct sightings *sightings, struct hash128 key, uint64_t sequence,
		   int64_t time_ns, const struct state_keys *keys)
{
	struct sight *sight = next_sight(sightings);

	assert(hash_is(key) && sequence > 0);
	*sight = (struct sight){ .key = key, .sequence = sequence, .time_ns = time_ns };
	memcpy(sight->file, keys->file, sightings->entities_count * sizeof(struct hash128));
	enter(sightings, sight);
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
		wire_put(&out, sight_in(sightings, place_of_number(sightings, n)),
			 sightings->sight_bytes);
	return wire_end(&out, digest);
}

static void make_empty(struct sightings *sightings)
{
	sightings->first = 0;
	sightings->next  = 0;
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

static const char *check_sight(const struct sight *sight, uint64_t sequence_before)
{
	static const uint8_t zero[sizeof(sight->zero)];

	if (!hash_is(sight->key) || sight->sequence <= sequence_before)
		return "a transaction has no key, or is out of sequence";
	if (sight->fraud > LABEL_GENUINE ||
	    (sight->disposition != LABEL_NONE && sight->disposition != LABEL_RELEASED &&
	     sight->disposition != LABEL_REJECTED) ||
	    memcmp(sight->zero, zero, sizeof(zero)) != 0)
		return "a transaction's label is out of range";
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
				     : check_sight(sight, sequence);
		if (wrong != NULL)
			break;
		sequence = sight->sequence;
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
