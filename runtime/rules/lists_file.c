/* Lists as bytes, for snapshots:
 *
 *   "ASSAYLST" version:u32  lists:u32
 *   per list    name_bytes:u8 name  entries:u32
 *   per entry   flags:u8 expires_ns:i64 value_bytes:u8 value
 *
 * Little-endian.  Only what was edited is there; the rest is in the rules file.  Lists
 * stand sorted by name and only when they have edits, entries in the order of the index:
 * the same edits give the same bytes. */
#include <stdio.h>

#include "runtime/rules/lists.h"

#define VERSION 1

static const char magic[8] = "ASSAYLST";

struct sink {
	bool (*write)(void *ctx, struct bytes piece);
	void *ctx;
	bool  good;
};

static void put(struct sink *sink, const void *data, size_t size_bytes)
{
	sink->good = sink->good && sink->write(sink->ctx, bytes_of(data, size_bytes));
}

static void put_number(struct sink *sink, uint64_t number, size_t size_bytes)
{
	uint8_t out[8];

	for (size_t i = 0; i < size_bytes; i++)
		out[i] = (uint8_t)(number >> (8 * i));
	put(sink, out, size_bytes);
}

static uint32_t edits_of(const struct list_state *list)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < list->used; i++)
		count += (list->entries[list->index[i].entry].flags & LIST_EDITED) != 0;
	return count;
}

static void save_list(struct sink *sink, const struct list_state *list, uint32_t edits)
{
	put_number(sink, strlen(list->name), 1);
	put(sink, list->name, strlen(list->name));
	put_number(sink, edits, 4);
	for (uint32_t at = 0; at < list->used; at++) {
		const struct list_entry *entry = &list->entries[list->index[at].entry];

		if (!(entry->flags & LIST_EDITED))
			continue;
		put_number(sink, entry->flags & ~LIST_FROM_FILE, 1);
		put_number(sink, (uint64_t)entry->expires_ns, 8);
		put_number(sink, entry->size_bytes, 1);
		put(sink, entry->value, entry->size_bytes);
	}
}

/* The list whose name comes next behind `before`; NULL: that was the last. */
static const struct list_state *next_by_name(const struct rules_lists *lists, const char *before)
{
	const struct list_state *next = NULL;

	for (uint32_t i = 0; i < lists->count; i++) {
		const struct list_state *list = &lists->lists[i];

		if (strcmp(list->name, before) > 0 && (!next || strcmp(list->name, next->name) < 0))
			next = list;
	}
	return next;
}

bool rules_lists_save(const struct rules_lists *lists, bool (*write)(void *ctx, struct bytes piece),
		      void                     *ctx)
{
	struct sink              sink  = { .write = write, .ctx = ctx, .good = true };
	const struct list_state *list  = NULL;
	uint32_t                 count = 0, edits;

	for (uint32_t i = 0; i < lists->count; i++)
		count += edits_of(&lists->lists[i]) > 0;
	put(&sink, magic, sizeof(magic));
	put_number(&sink, VERSION, 4);
	put_number(&sink, count, 4);
	for (const char *name = ""; (list = next_by_name(lists, name)); name = list->name)
		if ((edits = edits_of(list)) > 0)
			save_list(&sink, list, edits);
	return sink.good;
}

/* ---- loading */

struct source {
	struct bytes in;
	size_t       at;
	const char  *fault; /* the first; nothing is read after it */
};

static struct bytes take(struct source *source, size_t size_bytes)
{
	struct bytes out = { 0 };

	if (!source->fault && size_bytes > source->in.size_bytes - source->at)
		source->fault = "the lists end too early";
	if (source->fault)
		return out;
	out = bytes_of(source->in.data + source->at, size_bytes);
	source->at += size_bytes;
	return out;
}

static uint64_t take_number(struct source *source, size_t size_bytes)
{
	struct bytes from = take(source, size_bytes);
	uint64_t     out  = 0;

	for (size_t i = 0; i < from.size_bytes; i++)
		out |= (uint64_t)from.data[i] << (8 * i);
	return out;
}

static void need(struct source *source, bool good, const char *fault)
{
	if (!good && !source->fault)
		source->fault = fault;
}

/* A list that the rules no longer have is read and passed over, as are removals of what
 * the file no longer has and snoozes of rules that went. */
static void load_entry(struct source *source, struct rules_lists *lists, struct list_state *list,
		       struct list_order *before)
{
	uint8_t      flags      = (uint8_t)take_number(source, 1);
	int64_t      expires_ns = (int64_t)take_number(source, 8);
	struct bytes value      = take(source, take_number(source, 1));
	bool         removed    = flags & LIST_REMOVED;

	need(source, flags == LIST_EDITED || flags == (LIST_EDITED | LIST_REMOVED),
	     "an entry has flags that do not exist");
	need(source, !removed || expires_ns == 0, "a removal has an expiry");
	need(source, value.size_bytes > 0 && value.size_bytes <= LIST_VALUE_BYTES_MAX,
	     "an entry is empty or too long");
	if (source->fault)
		return;
	need(source, lists_rises(before, value), "entries stand out of order");
	if (list && !source->fault)
		need(source, lists_restore(lists, list, value, flags, expires_ns),
		     "a list has more entries than its room in the rules");
}

static void load_list(struct source *source, struct rules_lists *lists, struct bytes *before)
{
	struct bytes       name    = take(source, take_number(source, 1));
	uint32_t           entries = (uint32_t)take_number(source, 4);
	struct list_state *list;
	struct list_order  order = { 0 };

	need(source, name.size_bytes > 0 && name.size_bytes <= RULES_ID_BYTES_MAX,
	     "a list has no name or one too long");
	need(source, entries > 0, "a list without edits is not saved");
	if (source->fault)
		return;
	need(source, value_order(value_text(*before), value_text(name)) < 0,
	     "lists stand out of order");
	*before = name;
	list    = lists_find(lists, name);
	for (uint32_t i = 0; i < entries && !source->fault; i++)
		load_entry(source, lists, list, &order);
}

bool rules_lists_load(struct rules_lists *lists, struct bytes in, struct failure *failure)
{
	struct source source = { .in = in };
	struct bytes  before = { 0 };
	uint32_t      count;

	lists_reset(lists);
	need(&source, bytes_equal(take(&source, sizeof(magic)), bytes_of(magic, sizeof(magic))),
	     "these are no lists");
	need(&source, take_number(&source, 4) == VERSION, "lists of another version");
	count = (uint32_t)take_number(&source, 4);
	for (uint32_t i = 0; i < count && !source.fault; i++)
		load_list(&source, lists, &before);
	need(&source, source.at == in.size_bytes, "something follows the lists");
	if (!source.fault)
		return true;
	lists_reset(lists);
	*failure = (struct failure){ .reason = REASON_field_format, .offset_bytes = source.at };
	snprintf(failure->place, sizeof(failure->place), "byte %zu", source.at);
	snprintf(failure->detail, sizeof(failure->detail), "%s", source.fault);
	return false;
}
