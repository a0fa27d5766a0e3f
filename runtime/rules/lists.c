#include "runtime/rules/lists.h"

#include <stdio.h>

static size_t aligned(size_t size_bytes)
{
	return (size_bytes + RULES_ALIGN_BYTES - 1) & ~(size_t)(RULES_ALIGN_BYTES - 1);
}

/* FNV-1a, finished by Murmur3's mixer.  It only spreads the comparisons: equal hashes are
 * told apart by their values, and no choice of values makes a search longer. */
static uint64_t hash_of(struct value value)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (uint32_t i = 0; i < value.size_bytes; i++)
		hash = (hash ^ value_byte(value, i)) * UINT64_C(0x100000001b3);
	hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
	return hash ^ hash >> 33;
}

static struct value value_of_entry(const struct list_entry *entry)
{
	return value_text(bytes_of(entry->value, entry->size_bytes));
}

/* The place of the value in the index, or where it belongs. */
static bool find(const struct list_state *list, struct value value, uint64_t hash, uint32_t *out)
{
	uint32_t low = 0, high = list->used;

	while (low < high) {
		uint32_t                 middle = low + (high - low) / 2;
		const struct list_index *at     = &list->index[middle];
		int                      order  = (hash > at->hash) - (hash < at->hash);

		if (order == 0)
			order = value_order(value, value_of_entry(&list->entries[at->entry]));
		if (order == 0) {
			*out = middle;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	*out = low;
	return false;
}

bool lists_has(const struct rules_lists *lists, uint32_t list, struct value value, int64_t now_ns)
{
	const struct list_state *state = &lists->lists[list];
	const struct list_entry *entry;
	uint32_t                 at;

	assert(list < lists->count);
	if (state->used == 0 || value.size_bytes == 0 || !find(state, value, hash_of(value), &at))
		return false;
	entry = &state->entries[state->index[at].entry];
	return !(entry->flags & LIST_REMOVED) && now_ns < entry->expires_ns;
}

/* ---- changing */

static void insert(struct list_state *list, struct value value, uint32_t at, uint64_t hash,
		   struct list_entry fresh)
{
	uint32_t           place = list->free >= 0 ? (uint32_t)list->free : list->touched++;
	struct list_entry *entry = &list->entries[place];

	assert(list->used < list->room && place < list->room);
	assert(value.size_bytes <= LIST_VALUE_BYTES_MAX);
	if (list->free >= 0)
		list->free = entry->expires_ns;
	*entry            = fresh;
	entry->size_bytes = (uint16_t)value.size_bytes;
	memcpy(entry->value, value.text, value.size_bytes);
	memmove(&list->index[at + 1], &list->index[at], (list->used - at) * sizeof(*list->index));
	list->index[at] = (struct list_index){ .hash = hash, .entry = place };
	list->used++;
}

static void free_entry(struct list_state *list, uint32_t place)
{
	list->entries[place].expires_ns = list->free;
	list->free                      = place;
}

static void take_out(struct list_state *list, uint32_t at)
{
	free_entry(list, list->index[at].entry);
	list->used--;
	memmove(&list->index[at], &list->index[at + 1], (list->used - at) * sizeof(*list->index));
}

static void drop_expired(struct list_state *list, int64_t now_ns)
{
	uint32_t kept = 0;

	for (uint32_t at = 0; at < list->used; at++) {
		uint32_t                 place = list->index[at].entry;
		const struct list_entry *entry = &list->entries[place];

		if (!(entry->flags & LIST_FROM_FILE) && entry->expires_ns <= now_ns)
			free_entry(list, place);
		else
			list->index[kept++] = list->index[at];
	}
	list->used = kept;
}

bool lists_apply(struct list_state *list, struct bytes bytes, uint8_t flags, int64_t expires_ns,
		 int64_t now_ns)
{
	struct value       value = value_text(bytes);
	uint64_t           hash  = hash_of(value);
	struct list_entry *entry;
	uint32_t           at;

	if (find(list, value, hash, &at)) {
		entry             = &list->entries[list->index[at].entry];
		entry->expires_ns = expires_ns;
		entry->flags      = (entry->flags & LIST_FROM_FILE) | flags;
		if (entry->flags == (LIST_EDITED | LIST_REMOVED))
			take_out(list, at);
		return true;
	}
	if (flags & LIST_REMOVED)
		return true;
	if (list->used == list->room) {
		drop_expired(list, now_ns);
		find(list, value, hash, &at);
	}
	if (list->used == list->room)
		return false;
	insert(list, value, at, hash,
	       (struct list_entry){ .flags = flags, .expires_ns = expires_ns });
	return true;
}

void lists_reset(struct rules_lists *lists)
{
	const struct program *program = &lists->rules->program;

	for (uint32_t i = 0; i < lists->count; i++) {
		struct span from = program->lists[i].entries;

		lists->lists[i].used    = 0;
		lists->lists[i].touched = 0;
		lists->lists[i].free    = -1;
		for (uint32_t e = 0; e < from.count; e++) {
			const struct list_initial *entry = &program->entries[from.first + e];

			lists_apply(&lists->lists[i], program_text(program, entry->value),
				    LIST_FROM_FILE, entry->expires_ns, INT64_MIN);
		}
	}
}

/* ---- memory */

size_t rules_lists_size(const struct rules *rules)
{
	const struct program *program    = &rules->program;
	size_t                size_bytes = aligned(sizeof(struct rules_lists));

	for (uint32_t i = 0; i < program->lists_count; i++)
		size_bytes += aligned(program->lists[i].room * sizeof(struct list_index)) +
			      aligned(program->lists[i].room * sizeof(struct list_entry));
	return size_bytes;
}

struct rules_lists *rules_lists_init(void *memory, const struct rules *rules)
{
	struct rules_lists *lists = memory;
	uint8_t            *at    = (uint8_t *)memory + aligned(sizeof(*lists));

	assert((uintptr_t)memory % RULES_ALIGN_BYTES == 0);
	*lists = (struct rules_lists){ .rules = rules, .count = rules->program.lists_count };
	for (uint32_t i = 0; i < lists->count; i++) {
		const struct list *list  = &rules->program.lists[i];
		struct list_state *state = &lists->lists[i];

		memcpy(state->name, list->name, sizeof(state->name));
		state->room  = list->room;
		state->index = (struct list_index *)at;
		at += aligned(list->room * sizeof(struct list_index));
		state->entries = (struct list_entry *)at;
		at += aligned(list->room * sizeof(struct list_entry));
	}
	lists_reset(lists);
	return lists;
}

/* ---- edits */

struct list_state *lists_find(struct rules_lists *lists, struct bytes name)
{
	for (uint32_t i = 0; i < lists->count; i++)
		if (bytes_equal(name, bytes_of(lists->lists[i].name, strlen(lists->lists[i].name))))
			return &lists->lists[i];
	return NULL;
}

static bool is_item(const struct rules *rules, struct bytes id)
{
	for (uint32_t i = 0; i < rules->program.items_count; i++) {
		const char *other = rules->program.items[i].id;

		if (bytes_equal(id, bytes_of(other, strlen(other))))
			return true;
	}
	return false;
}

static enum reason refuse(struct failure *failure, enum reason reason, const char *place,
			  const char *detail)
{
	*failure = (struct failure){ .reason = reason };
	snprintf(failure->place, sizeof(failure->place), "%s", place);
	snprintf(failure->detail, sizeof(failure->detail), "%s", detail);
	return reason;
}

enum reason rules_list_edit(struct rules_lists *lists, const struct list_edit *edit, int64_t now_ns,
			    struct failure *failure)
{
	struct list_state *list  = lists_find(lists,
					      bytes_of(edit->list.data, edit->list.size_bytes));
	struct bytes       value = bytes_of(edit->value.data, edit->value.size_bytes);
	uint8_t            flags = edit->remove ? LIST_EDITED | LIST_REMOVED : LIST_EDITED;

	if (!list)
		return refuse(failure, REASON_list_unknown, "/list",
			      "the rules declare no list of this name");
	if (value.size_bytes == 0 || value.size_bytes > LIST_VALUE_BYTES_MAX)
		return refuse(failure, REASON_field_format, "/value",
			      "an entry of a list has 1 to 142 bytes");
	if (list == &lists->lists[RULES_SNOOZE_LIST] && !edit->remove &&
	    !is_item(lists->rules, value))
		return refuse(failure, REASON_field_format, "/value",
			      "no rule or typology has this id");
	if (!lists_apply(list, value, flags, edit->remove ? 0 : edit->expires_ns, now_ns))
		return refuse(failure, REASON_list_full, "/list",
			      "the list has as many entries as its room in the rules");
	return REASON_NONE;
}

bool lists_restore(struct rules_lists *lists, struct list_state *list, struct bytes value,
		   uint8_t flags, int64_t expires_ns)
{
	if (list == &lists->lists[RULES_SNOOZE_LIST] && !is_item(lists->rules, value))
		return true;
	return lists_apply(list, value, flags, expires_ns, INT64_MIN);
}

bool lists_rises(struct list_order *before, struct bytes bytes)
{
	struct value value = value_text(bytes);
	uint64_t     hash  = hash_of(value);
	bool         rises = !before->any || hash > before->hash ||
		     (hash == before->hash && value_order(value, value_text(before->value)) > 0);

	*before = (struct list_order){ .any = true, .hash = hash, .value = bytes };
	return rises;
}

uint32_t rules_lists_adopt(struct rules_lists *lists, const struct rules_lists *old)
{
	uint32_t lost = 0;

	lists_reset(lists);
	for (uint32_t i = 0; old && i < old->count; i++) {
		const struct list_state *from = &old->lists[i];
		struct list_state *to = lists_find(lists, bytes_of(from->name, strlen(from->name)));

		for (uint32_t at = 0; to && at < from->used; at++) {
			const struct list_entry *entry = &from->entries[from->index[at].entry];
			struct bytes             value = bytes_of(entry->value, entry->size_bytes);

			if (entry->flags & LIST_EDITED)
				lost += !lists_restore(lists, to, value,
						       entry->flags & ~LIST_FROM_FILE,
						       entry->expires_ns);
		}
	}
	return lost;
}
