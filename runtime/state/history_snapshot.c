/* The snapshot of a shard's rows, format 1:
 *
 *     magic "ASSAYROW", version u32, shard u32, SHA-256 of the plan
 *     evicted u64, count u32, zero u32
 *     then each entry, the one added to longest ago first:
 *         key 16 bytes, count u32, zero u32, its rows: f32 [count][columns], oldest first
 *     SHA-256 of all before
 *
 * Where an entry lies and where its ring begins are not kept: no window depends on them. */
#include "runtime/state/history_shard.h"

#include "runtime/state/wire.h"

#define VERSION 1

static const char magic[8] = { 'A', 'S', 'S', 'A', 'Y', 'R', 'O', 'W' };

struct head {
	char     magic[8];
	uint32_t version, shard;
	uint8_t  plan[DIGEST_BYTES];
	uint64_t evicted;
	uint32_t count, zero;
};
static_assert(sizeof(struct head) == 64, "as it lies in the snapshot");

struct entry_head {
	struct hash128 key;
	uint32_t       count, zero;
};
static_assert(sizeof(struct entry_head) == 24, "as it lies in the snapshot");

/* ---- saving */

static void put_entry(struct wire_writer *out, const struct history_place *place,
		      struct history_entry *entry)
{
	struct entry_head head      = { .key = entry->key, .count = entry->count };
	size_t            row_bytes = place->history->plan->columns * sizeof(float);

	wire_put(out, &head, sizeof(head));
	for (uint32_t i = 0; i < entry->count; i++)
		wire_put(out, history_row(place, entry, i), row_bytes);
}

static bool put_all(struct wire_writer *out, const struct history_place *place, uint32_t shard,
		    uint8_t digest[DIGEST_BYTES])
{
	struct head head = { .version = VERSION,
			     .shard   = shard,
			     .evicted = place->shard->evicted,
			     .count   = place->shard->taken };

	memcpy(head.magic, magic, sizeof(magic));
	memcpy(head.plan, place->history->plan_digest, DIGEST_BYTES);
	digest_init(&out->digest);
	wire_put(out, &head, sizeof(head));
	for (uint32_t name = place->shard->oldest; name != 0 && !out->failed;
	     name          = history_entry_at(place, name)->newer)
                put_entry(out, place, history_entry_at(place, name));
	return wire_end(out, digest);
}

bool history_save(const struct history *history, uint32_t             shard,
		  bool (*write)(void *ctx, struct bytes piece), void *ctx)
{
	struct wire_writer   out   = { .write = write, .ctx = ctx };
	struct history_place place = history_place_of(history, shard);
	uint8_t              digest[DIGEST_BYTES];

	return put_all(&out, &place, shard, digest);
}

void history_digest(const struct history *history, uint32_t shard, uint8_t out[DIGEST_BYTES])
{
	struct wire_writer   nowhere = { .write = NULL };
	struct history_place place   = history_place_of(history, shard);

	(void)put_all(&nowhere, &place, shard, out);
}

/* ---- loading */

static void make_empty(const struct history_place *place)
{
	*place->shard = (struct history_shard){ 0 };
	memset(place->index.slots, 0, (place->index.mask + (size_t)1) * sizeof(uint32_t));
}

static const char *check_head(const struct history *history, const struct head *head,
			      uint32_t shard)
{
	if (memcmp(head->magic, magic, sizeof(magic)) != 0)
		return "not a snapshot of rows: the magic is wrong";
	if (head->version != VERSION)
		return "the snapshot is of another version";
	if (head->shard != shard)
		return "the snapshot is of another shard";
	if (memcmp(head->plan, history->plan_digest, DIGEST_BYTES) != 0)
		return "the snapshot is of other features, steps or memory";
	if (head->count > history->entries_max || head->zero != 0)
		return "the snapshot has more histories than there is room for";
	return NULL;
}

static const char *check_entry(const struct history_place *place, const struct entry_head *head,
			       uint32_t shard)
{
	const struct history_plan *plan = place->history->plan;

	if (!hash_is(head->key) || ((uint32_t)head->key.high & (plan->shards - 1)) != shard)
		return "a history has no key, or one of another shard";
	if (index_find(&place->index, head->key) != INDEX_NONE)
		return "a history is there twice";
	if (head->count == 0 || head->count > plan->steps || head->zero != 0)
		return "a history has no row, or more than there are steps";
	return NULL;
}

static const char *load(const struct history_place *place, uint32_t shard, struct wire_reader *in)
{
	const struct history_plan *plan = place->history->plan;
	struct head                head;
	const char                *wrong;

	wire_get(in, &head, sizeof(head));
	wrong                 = in->short_of ? "the snapshot ends inside its head"
					     : check_head(place->history, &head, shard);
	place->shard->evicted = head.evicted;
	for (uint32_t i = 0; wrong == NULL && i < head.count; i++) {
		struct history_entry *entry;
		struct entry_head     one;

		wire_get(in, &one, sizeof(one));
		wrong = in->short_of ? "the snapshot ends inside a history"
				     : check_entry(place, &one, shard);
		if (wrong != NULL)
			break;
		entry        = history_enter(place, one.key);
		entry->count = (uint16_t)one.count;
		place->shard->rows += one.count;
		wire_get(in, entry->rows, one.count * plan->columns * sizeof(float));
		wrong = in->short_of ? "the snapshot ends inside a row" : NULL;
	}
	if (wrong == NULL && in->at != in->in.size_bytes)
		wrong = "bytes follow the last history";
	return wrong;
}

bool history_load(struct history *history, uint32_t shard, struct bytes in, struct failure *failure)
{
	struct history_place place = history_place_of(history, shard);
	struct wire_reader   reader;
	const char          *wrong;

	make_empty(&place);
	if (!wire_open(&reader, in))
		return wire_refuse(failure, 0, "the snapshot's digest is wrong");
	wrong = load(&place, shard, &reader);
	if (wrong == NULL)
		return true;
	make_empty(&place);
	return wire_refuse(failure, reader.at, wrong);
}
