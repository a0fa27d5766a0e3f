#include "runtime/state/repeats.h"

#include <assert.h>

#include "runtime/state/index.h"

#define RING_BYTES_MIN     (UINT64_C(1) << 20)
#define RING_BYTES_MAX     (UINT64_C(1) << 38)
#define SHARE_OF_ENTRIES   8 /* of ring_bytes: right for answers of 448 bytes and more */
#define EXPIRED_A_CALL_MAX 4 /* each call adds one, so more than one is catching up */

struct entry {
	struct hash128 key, body;
	uint64_t       sequence;
	int64_t        now_ns;
	uint64_t       answer_at;    /* in the stream of answers */
	uint32_t       answer_bytes; /* 0: in flight */
	uint32_t       zero;
};
static_assert(sizeof(struct entry) == 64, "one cache line");

/* Entries are numbered from 0 on; number n lies at n mod entries_max.  Answers lie in a
 * stream of bytes in the same order; byte n lies at n mod answers_bytes, and an answer
 * that would go over the end begins at the beginning.
 *
 *     first <= answered <= next          entries
 *     answers_first <= answers_next      bytes */
struct repeats {
	struct entry *entries;
	uint8_t      *answers;
	struct index  index;
	uint64_t      entries_max, answers_bytes;
	int64_t       retention_ns, now_ns;
	uint64_t      first, answered, next;
	uint64_t      answers_first, answers_next;
	uint64_t      expired, dropped;
};

#define HEAD_BYTES ((sizeof(struct repeats) + 63) / 64 * 64)

static uint64_t entries_max_of(const struct repeats_options *options)
{
	assert(options->ring_bytes >= RING_BYTES_MIN && options->ring_bytes <= RING_BYTES_MAX);
	return options->ring_bytes / SHARE_OF_ENTRIES / sizeof(struct entry);
}

size_t repeats_size(const struct repeats_options *options)
{
	uint32_t slots = index_slots((uint32_t)entries_max_of(options));

	return HEAD_BYTES + (size_t)slots * sizeof(uint32_t) + (options->ring_bytes + 63) / 64 * 64;
}

struct repeats *repeats_init(void *memory, const struct repeats_options *options)
{
	struct repeats *repeats = memory;
	uint32_t        slots   = index_slots((uint32_t)entries_max_of(options));
	uint8_t        *at      = (uint8_t *)memory + HEAD_BYTES;

	*repeats               = (struct repeats){ .entries_max  = entries_max_of(options),
						   .retention_ns = options->retention_ns,
						   .entries = (struct entry *)(at + slots * sizeof(uint32_t)) };
	repeats->answers_bytes = options->ring_bytes - repeats->entries_max * sizeof(struct entry);
	repeats->answers       = (uint8_t *)(repeats->entries + repeats->entries_max);
	repeats->index         = (struct index){ .slots       = (uint32_t *)at,
						 .mask        = slots - 1,
						 .entries     = (uint8_t *)repeats->entries,
						 .entry_bytes = sizeof(struct entry) };
	return repeats;
}

void repeats_keep_secret(struct repeats *repeats, struct hash128 secret)
{
	repeats->index.secret = secret;
}

static uint32_t place_of_number(const struct repeats *repeats, uint64_t number)
{
	return (uint32_t)(number % repeats->entries_max);
}

static struct entry *entry_at(const struct repeats *repeats, uint64_t number)
{
	return &repeats->entries[place_of_number(repeats, number)];
}

static bool is_expired(const struct repeats *repeats, const struct entry *entry, int64_t now_ns)
{
	int64_t age_ns;

	return !__builtin_sub_overflow(now_ns, entry->now_ns, &age_ns) &&
	       age_ns > repeats->retention_ns;
}

enum repeats_found repeats_find(const struct repeats *repeats, struct hash128 key,
				struct hash128 body, int64_t now_ns, uint64_t *first)
{
	uint32_t            place = index_find(&repeats->index, key);
	const struct entry *entry;

	if (place == INDEX_NONE)
		return REPEATS_NEW;
	entry = &repeats->entries[place];
	if (is_expired(repeats, entry, now_ns))
		return REPEATS_NEW;
	*first = entry->sequence;
	return hash_same(entry->body, body) ? REPEATS_SAME : REPEATS_CONFLICT;
}

static void drop_oldest(struct repeats *repeats)
{
	const struct entry *entry = entry_at(repeats, repeats->first);

	assert(repeats->first < repeats->next);
	index_remove(&repeats->index, entry->key, place_of_number(repeats, repeats->first));
	if (entry->answer_bytes > 0)
		repeats->answers_first = entry->answer_at + entry->answer_bytes;
	if (is_expired(repeats, entry, repeats->now_ns))
		repeats->expired++;
	else
		repeats->dropped++;
	repeats->first++;
	if (repeats->answered < repeats->first)
		repeats->answered = repeats->first;
}

void repeats_add(struct repeats *repeats, struct hash128 key, struct hash128 body,
		 uint64_t sequence, int64_t now_ns)
{
	assert(hash_is(key));
	assert(repeats->next == repeats->first ||
	       sequence > entry_at(repeats, repeats->next - 1)->sequence);
	repeats->now_ns = now_ns;
	for (int i = 0; i < EXPIRED_A_CALL_MAX && repeats->first < repeats->next &&
			is_expired(repeats, entry_at(repeats, repeats->first), now_ns);
	     i++)
		drop_oldest(repeats);
	if (repeats->next - repeats->first == repeats->entries_max)
		drop_oldest(repeats);
	*entry_at(repeats, repeats->next) =
		(struct entry){ .key = key, .body = body, .sequence = sequence, .now_ns = now_ns };
	index_put(&repeats->index, key, place_of_number(repeats, repeats->next));
	repeats->next++;
}

/* Where the next answer of this size begins: not over the end of the memory. */
static uint64_t answer_place(const struct repeats *repeats, size_t size_bytes)
{
	uint64_t left = repeats->answers_bytes - repeats->answers_next % repeats->answers_bytes;

	return repeats->answers_next + (left < size_bytes ? left : 0);
}

void repeats_answer(struct repeats *repeats, uint64_t sequence, struct bytes answer)
{
	struct entry *entry;
	uint64_t      at = answer_place(repeats, answer.size_bytes);

	assert(answer.size_bytes > 0 && answer.size_bytes <= REPEATS_ANSWER_BYTES_MAX);
	if (repeats->answered == repeats->next ||
	    sequence < entry_at(repeats, repeats->answered)->sequence)
		return; /* its entry has been dropped */
	entry = entry_at(repeats, repeats->answered);
	assert(entry->sequence == sequence);
	/* At most twice REPEATS_ANSWER_BYTES_MAX bytes have to go. */
	while (repeats->first < repeats->answered &&
	       at + answer.size_bytes - repeats->answers_first > repeats->answers_bytes)
		drop_oldest(repeats);
	if (repeats->first == repeats->answered)
		repeats->answers_first = at;
	memcpy(repeats->answers + at % repeats->answers_bytes, answer.data, answer.size_bytes);
	entry->answer_at      = at;
	entry->answer_bytes   = (uint32_t)answer.size_bytes;
	repeats->answers_next = at + answer.size_bytes;
	repeats->answered++;
}

struct bytes repeats_answer_of(const struct repeats *repeats, uint64_t sequence)
{
	uint64_t low = repeats->first, high = repeats->answered;

	while (low < high) {
		uint64_t            middle = low + (high - low) / 2;
		const struct entry *entry  = entry_at(repeats, middle);

		if (entry->sequence == sequence)
			return bytes_of(repeats->answers +
						entry->answer_at % repeats->answers_bytes,
					entry->answer_bytes);
		if (entry->sequence < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return bytes_of(NULL, 0);
}

void repeats_counters(const struct repeats *repeats, struct repeats_counters *out)
{
	out->entries = repeats->next - repeats->first;
	out->bytes   = out->entries * sizeof(struct entry) +
		     (repeats->answered > repeats->first
			      ? repeats->answers_next - repeats->answers_first
			      : 0);
	out->entries_max = repeats->entries_max;
	out->expired     = repeats->expired;
	out->dropped     = repeats->dropped;
}
