#include "runtime/rules/lists.h"

#include <stdio.h>
#include <stdlib.h>

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

static bool is_extra(const struct list_entry *entry)
{
	return !(entry->flags & LIST_FROM_FILE);
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

static void expect(struct list_state *list, int64_t expires_ns)
{
	if (expires_ns < list->earliest_ns)
		list->earliest_ns = expires_ns;
}

static uint32_t take_place(struct list_state *list)
{
	uint32_t place = list->free >= 0 ? (uint32_t)list->free : list->touched++;

	assert(place < list->room);
	if (list->free >= 0)
		list->free = list->entries[place].expires_ns;
	return place;
}

static void insert(struct list_state *list, struct value value, uint32_t at, uint64_t hash,
		   struct list_entry fresh)
{
	uint32_t           place = take_place(list);
	struct list_entry *entry = &list->entries[place];

	assert(list->used < list->room && value.size_bytes <= LIST_VALUE_BYTES_MAX);
	expect(list, fresh.expires_ns);
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

	list->earliest_ns = INT64_MAX;
	for (uint32_t at = 0; at < list->used; at++) {
		uint32_t                 place = list->index[at].entry;
		const struct list_entry *entry = &list->entries[place];

		if (is_extra(entry) && entry->expires_ns <= now_ns) {
			free_entry(list, place);
			continue;
		}
		if (is_extra(entry))
			expect(list, entry->expires_ns);
		list->index[kept++] = list->index[at];
	}
	list->used = kept;
}

/* It is there: the edit goes over it. */
static void change(struct list_state *list, uint32_t at, uint8_t flags, int64_t expires_ns,
		   int64_t now_ns)
{
	struct list_entry *entry = &list->entries[list->index[at].entry];

	entry->expires_ns = expires_ns;
	entry->flags      = (entry->flags & LIST_FROM_FILE) | flags;
	if (is_extra(entry) && (flags & LIST_REMOVED || expires_ns <= now_ns))
		take_out(list, at);
	else if (is_extra(entry))
		expect(list, expires_ns);
}

bool lists_apply(struct list_state *list, struct bytes bytes, uint8_t flags, int64_t expires_ns,
		 int64_t now_ns)
{
	struct value value = value_text(bytes);
	uint64_t     hash  = hash_of(value);
	uint32_t     at;

	if (find(list, value, hash, &at)) {
		change(list, at, flags, expires_ns, now_ns);
		return true;
	}
	if (flags & LIST_REMOVED || expires_ns <= now_ns)
		return true;
	if (list->used == list->room && list->earliest_ns <= now_ns) {
		drop_expired(list, now_ns);
		find(list, value, hash, &at);
	}
	if (list->used == list->room)
		return false;
	insert(list, value, at, hash,
	       (struct list_entry){ .flags = flags, .expires_ns = expires_ns });
	return true;
}

/* ---- as the file has them */

static int order_of(const struct list_state *a, struct list_index one, const struct list_state *b,
		    struct list_index other)
{
	if (one.hash != other.hash)
		return one.hash > other.hash ? 1 : -1;
	return value_order(value_of_entry(&a->entries[one.entry]),
			   value_of_entry(&b->entries[other.entry]));
}

/* Of two that are the same, the later one of the file counts, so it comes first. */
static int order_in_list(const void *one, const void *other, void *list)
{
	const struct list_index *a = one, *b = other;
	int                      order = order_of(list, *a, list, *b);

	return order ? order : (a->entry < b->entry) - (a->entry > b->entry);
}

static void reset_list(struct list_state *list, const struct program *program, struct span from)
{
	list->used        = 0;
	list->touched     = from.count;
	list->free        = -1;
	list->earliest_ns = INT64_MAX;
	for (uint32_t i = 0; i < from.count; i++) {
		const struct list_initial *initial = &program->entries[from.first + i];
		struct bytes               value   = program_text(program, initial->value);
		struct list_entry         *entry   = &list->entries[i];

		*entry = (struct list_entry){ .flags      = LIST_FROM_FILE,
					      .expires_ns = initial->expires_ns,
					      .size_bytes = (uint16_t)value.size_bytes };
		memcpy(entry->value, value.data, value.size_bytes);
		list->index[i] = (struct list_index){ .hash  = hash_of(value_text(value)),
						      .entry = i };
	}
	if (from.count > 0)
		qsort_r(list->index, from.count, sizeof(*list->index), order_in_list, list);
	for (uint32_t i = 0; i < from.count; i++)
		if (list->used == 0 ||
		    order_of(list, list->index[list->used - 1], list, list->index[i]) != 0)
			list->index[list->used++] = list->index[i];
		else
			free_entry(list, list->index[i].entry);
}

void lists_reset(struct rules_lists *lists)
{
	const struct program *program = &lists->rules->program;

	for (uint32_t i = 0; i < lists->count; i++)
		reset_list(&lists->lists[i], program, program->lists[i].entries);
}

/* ---- memory */

size_t rules_lists_size(const struct rules *rules)
{
	const struct program *program    = &rules->program;
	size_t                size_bytes = program_aligned(sizeof(struct rules_lists));

	for (uint32_t i = 0; i < program->lists_count; i++)
		size_bytes += program_aligned(program->lists[i].room * sizeof(struct list_index)) +
			      program_aligned(program->lists[i].room * sizeof(struct list_entry));
	return size_bytes;
}

struct rules_lists *rules_lists_init(void *memory, const struct rules *rules)
{
	struct rules_lists *lists = memory;
	uint8_t            *at    = (uint8_t *)memory + program_aligned(sizeof(*lists));

	assert((uintptr_t)memory % RULES_ALIGN_BYTES == 0);
	*lists = (struct rules_lists){ .rules = rules, .count = rules->program.lists_count };
	for (uint32_t i = 0; i < lists->count; i++) {
		const struct list *list  = &rules->program.lists[i];
		struct list_state *state = &lists->lists[i];

		memcpy(state->name, list->name, sizeof(state->name));
		state->room  = list->room;
		state->index = (struct list_index *)at;
		at += program_aligned(list->room * sizeof(struct list_index));
		state->entries = (struct list_entry *)at;
		at += program_aligned(list->room * sizeof(struct list_entry));
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

enum reason rules_list_edit(struct rules_lists *lists, const struct list_edit *edit, int64_t now_ns)
{
	struct list_state *list  = lists_find(lists,
					      bytes_of(edit->list.data, edit->list.size_bytes));
	struct bytes       value = bytes_of(edit->value.data, edit->value.size_bytes);
	uint8_t            flags = edit->remove ? LIST_EDITED | LIST_REMOVED : LIST_EDITED;

	if (!list)
		return REASON_list_unknown;
	if (value.size_bytes == 0 || value.size_bytes > LIST_VALUE_BYTES_MAX)
		return REASON_field_format;
	if (list == &lists->lists[RULES_SNOOZE_LIST] && !edit->remove &&
	    !is_item(lists->rules, value))
		return REASON_rule_unknown;
	if (!lists_apply(list, value, flags, edit->remove ? 0 : edit->expires_ns, now_ns))
		return REASON_list_full;
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

/* ---- a newly loaded file
 *
 * Both indexes have one order, so that taking over is merging them: each entry is looked
 * at once, and moved at most once. */

/* Which edits of `from` lie over `to`, which has none yet. */
struct merging {
	const struct rules      *rules;
	struct list_state       *to;
	const struct list_state *from;
	bool                     snoozes;
	int64_t                  after_ns; /* edits that expire by then are left out */
};

static struct merging merging_of(const struct rules_lists *lists, const struct list_state *from)
{
	struct bytes       name = bytes_of(from->name, strlen(from->name));
	struct list_state *to   = lists_find((struct rules_lists *)(uintptr_t)lists, name);

	return (struct merging){ .rules    = lists->rules,
				 .to       = to,
				 .from     = from,
				 .snoozes  = to == &lists->lists[RULES_SNOOZE_LIST],
				 .after_ns = INT64_MIN };
}

static bool wants_place(const struct merging *m, const struct list_entry *entry)
{
	return entry->flags & LIST_EDITED && !(entry->flags & LIST_REMOVED) &&
	       entry->expires_ns > m->after_ns &&
	       (!m->snoozes || is_item(m->rules, bytes_of(entry->value, entry->size_bytes)));
}

/* How many places the edits want beside what the file lists. */
static uint32_t places_wanted(const struct merging *m)
{
	uint32_t wanted = 0, at = 0;

	for (uint32_t i = 0; i < m->from->used; i++) {
		struct list_index one   = m->from->index[i];
		int               order = 1;

		while (at < m->to->used &&
		       (order = order_of(m->from, one, m->to, m->to->index[at])) > 0)
			at++;
		if (at == m->to->used || order != 0)
			wanted += wants_place(m, &m->from->entries[one.entry]);
	}
	return wanted;
}

/* What has expired goes only where its place is needed, as in lists_apply: with the same
 * file nothing changes. */
static uint32_t plan_merge(struct merging *m, int64_t now_ns)
{
	uint32_t wanted = places_wanted(m);

	if (wanted <= m->to->room - m->to->used)
		return wanted;
	m->after_ns = now_ns;
	return places_wanted(m);
}

/* From the end, so that it is done in place; the last ones are those that are lost. */
static void merge(const struct merging *m, uint32_t wanted, uint32_t lost)
{
	struct list_state *to = m->to;
	uint32_t           a = to->used, at = a + wanted - lost;

	to->used = at;
	for (uint32_t b = m->from->used; b-- > 0;) {
		struct list_index        one   = m->from->index[b];
		const struct list_entry *entry = &m->from->entries[one.entry];
		struct list_entry       *over;
		int                      order = -1;

		if (!(entry->flags & LIST_EDITED))
			continue;
		while (a > 0 && (order = order_of(to, to->index[a - 1], m->from, one)) > 0)
			to->index[--at] = to->index[--a];
		if (a > 0 && order == 0) {
			over             = &to->entries[to->index[a - 1].entry];
			over->flags      = LIST_FROM_FILE | entry->flags;
			over->expires_ns = entry->expires_ns;
		} else if (wants_place(m, entry)) {
			if (lost > 0) {
				lost--;
				continue;
			}
			one.entry              = take_place(to);
			to->entries[one.entry] = *entry;
			to->entries[one.entry].flags &= (uint8_t)~LIST_FROM_FILE;
			expect(to, entry->expires_ns);
			to->index[--at] = one;
		}
	}
	assert(at == a);
}

bool rules_lists_fit(const struct rules_lists *lists, const struct rules_lists *old, int64_t now_ns,
		     struct rules_misfit *out)
{
	for (uint32_t i = 0; old && i < old->count; i++) {
		struct merging m = merging_of(lists, &old->lists[i]);
		uint32_t       wanted;

		if (!m.to)
			continue;
		wanted = plan_merge(&m, now_ns);
		if (wanted <= m.to->room - m.to->used)
			continue;
		*out = (struct rules_misfit){
			.list = m.to->name, .room = m.to->room, .file = m.to->used, .edits = wanted
		};
		return false;
	}
	return true;
}

void rules_misfit_text(const struct rules_misfit *misfit, char *out, size_t size_bytes)
{
	snprintf(out, size_bytes,
		 "list %s has room for %u, but %u entries of the file and %u edits: raise its room "
		 "or take edits back",
		 misfit->list, misfit->room, misfit->file, misfit->edits);
}

uint32_t rules_lists_adopt(struct rules_lists *lists, const struct rules_lists *old, int64_t now_ns)
{
	uint32_t all = 0;

	for (uint32_t i = 0; old && i < old->count; i++) {
		struct merging m = merging_of(lists, &old->lists[i]);
		uint32_t       wanted, left, lost;

		if (!m.to)
			continue;
		wanted = plan_merge(&m, now_ns);
		left   = m.to->room - m.to->used;
		lost   = wanted > left ? wanted - left : 0;
		merge(&m, wanted, lost);
		all += lost;
	}
	return all;
}
