/* Named lists of texts, edited while running.  Private to runtime/rules, but for what
 * rules.h declares.
 *
 * The file gives each list its first entries; edits lie over them.  What was edited is
 * what is saved and what a reload carries over, so that a changed file and the edits of
 * people both count:
 *
 *   from the file   edited            matches                  saved
 *   yes             -                 until the file's expiry  no
 *   yes             added             until the edit's expiry  added
 *   yes             removed           never                    removed
 *   -               added             until the edit's expiry  added
 *
 *   index    by (hash, value), sorted: a search is at most seventeen comparisons
 *   entries  in no order; the free ones are chained by their expires_ns
 *
 * An entry that has expired stays, without matching, until its list is full and an edit
 * wants its place: then all of that list that had expired by the edit's now_ns go, but
 * those of the file.  So the lists are a function of the file and the edits alone.
 *
 * Looking for what has expired takes a look at every entry, so `earliest_ns` says when it
 * is worth it; and as an edit that has expired when it is made takes no place, one time
 * makes one such look at most, however many edits come with it. */
#ifndef ASSAY_RUNTIME_RULES_LISTS_H
#define ASSAY_RUNTIME_RULES_LISTS_H

#include "runtime/rules/value.h"

#define LIST_VALUE_BYTES_MAX (sizeof(((struct list_edit *)0)->value.data))

enum {
	LIST_FROM_FILE = 1,
	LIST_EDITED    = 2,
	LIST_REMOVED   = 4, /* with the two above */
};

struct list_entry {
	int64_t  expires_ns;
	uint16_t size_bytes;
	uint8_t  flags;
	char     value[142];
};
static_assert(sizeof(((struct list_entry *)0)->value) == LIST_VALUE_BYTES_MAX, "an edit's value");
static_assert(sizeof(struct list_entry) == 160, "memory is planned with it");

struct list_index {
	uint64_t hash;
	uint32_t entry, unused;
};

struct list_state {
	char               name[RULES_ID_BYTES_MAX + 1];
	uint32_t           room, used;
	uint32_t           touched;     /* entries that were ever in use: the first so many */
	int64_t            free;        /* the first free one of them; -1: none */
	int64_t            earliest_ns; /* no entry that is not the file's expires before */
	struct list_index *index;
	struct list_entry *entries;
};

struct rules_lists {
	const struct rules *rules;
	uint32_t            count;
	struct list_state   lists[RULES_LISTS_MAX + 1];
};

bool lists_has(const struct rules_lists *lists, uint32_t list, struct value value, int64_t now_ns);

/* Lay an edit over a list.  False: there is no room.  INT64_MIN as now: nothing has
 * expired. */
bool lists_apply(struct list_state *list, struct bytes value, uint8_t flags, int64_t expires_ns,
		 int64_t now_ns);

/* As the file has them: no edits. */
void lists_reset(struct rules_lists *lists);

struct list_state *lists_find(struct rules_lists *lists, struct bytes name); /* or NULL */

/* An edit of other lists over these; what the rules no longer know is passed over.
 * False: there is no room. */
bool lists_restore(struct rules_lists *lists, struct list_state *list, struct bytes value,
		   uint8_t flags, int64_t expires_ns);

/* Does the value come behind the one before, in the order of an index? */
struct list_order {
	bool         any;
	uint64_t     hash;
	struct bytes value;
};
bool lists_rises(struct list_order *before, struct bytes value);

#endif
