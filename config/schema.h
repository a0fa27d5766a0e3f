/* The schema: one row per key of the configuration file.  The checks (check.c),
 * config/appliance.cfg and config/REFERENCE.md (print.c), what a reload may
 * change and the decision digest (compare.c) all follow from the rows, which are
 * in schema.c in the order of the reference.
 *
 * Paths are written with dots; "[]" stands for every element of a list:
 * "callers[].may[]" is each word of each caller's `may`. */
#ifndef ASSAY_CONFIG_SCHEMA_H
#define ASSAY_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

enum schema_type {
	SCHEMA_GROUP,    /* { ... } */
	SCHEMA_LIST,     /* ( ... ) or [ ... ]; min and max count its elements */
	SCHEMA_FLAG,     /* true or false; a bool */
	SCHEMA_COUNT,    /* a whole number; uint32_t */
	SCHEMA_REAL,     /* a number with a fraction; float */
	SCHEMA_DOUBLE,   /* the same; double; left out it is missing, a NaN */
	SCHEMA_TEXT,     /* min and max count its bytes; char[max + 1] at least */
	SCHEMA_FILE,     /* a text that is a file name; made absolute once all is checked */
	SCHEMA_CHOICE,   /* one word of `allowed`; min plus its place there in a uint8_t */
	SCHEMA_WORDS,    /* list element: one word of `allowed`; bit min plus place in a uint32_t */
	SCHEMA_DURATION, /* a text such as 90s, 15m, 2h or 7d; int64_t nanoseconds */
	SCHEMA_HOURS,    /* a text such as 0-7: from and up to, of a day; uint8_t[2] */
};

enum schema_flag {
	SCHEMA_LIVE     = 1 << 0, /* a reload applies it; otherwise it needs a restart */
	SCHEMA_DECIDES  = 1 << 1, /* can change a decision: part of config_digest */
	SCHEMA_REQUIRED = 1 << 2, /* must be set; `initial` is only an example */
};

struct schema_row {
	const char      *path;
	enum schema_type type;
	uint32_t         flags;
	size_t           offset;       /* in struct config, of element 0 */
	size_t           size_bytes;   /* of one value; 0: nothing is stored */
	size_t           stride_bytes; /* from element to element; 0 outside lists */
	uint32_t         inner_max;    /* values side by side in one element: of a list in it */
	double           min, max;
	const char      *unit;
	bool (*form)(const char *text); /* NULL: any printable text */
	const char *allowed;            /* words by '|' (CHOICE, WORDS), or the form in words */
	const char *initial; /* the default as an unquoted text; NULL: a group or element */
	const char *sentence;
};

extern const struct schema_row schema[];
extern const size_t            schema_count;

/* The row of a path written with "[]", or NULL. */
const struct schema_row *schema_find(const char *path);

/* The place of a word in `row->allowed`, or -1. */
int schema_word_place(const struct schema_row *row, const char *word);

/* The word at a place, as many bytes as it returns; 0 past the last. */
size_t schema_word_at(const struct schema_row *row, int place, const char **word);

#define SCHEMA_ALLOWED_BYTES 1536 /* the fields of a payment take 1,300 */

/* "a whole number from 1 to 65535", "\"durable\" or \"queued\"": what the row
 * allows, for errors and for the reference. */
void schema_allowed(const struct schema_row *row, char *out, size_t out_bytes);

/* The list, or element, that the row is in or is: "entities[]" for "entities[].key[]";
 * NULL outside lists. */
const struct schema_row *schema_outer(const struct schema_row *row);

/* The list an element belongs to, and the element of a list. */
const struct schema_row *schema_list(const struct schema_row *element);
const struct schema_row *schema_element(const struct schema_row *list);

/* A CHOICE, DURATION or HOURS whose default is empty may be empty; a zero is stored. */
bool schema_may_be_empty(const struct schema_row *row);

/* Where the row's value is in `config`: in element `index` of the outer list, and there
 * `inner` of a list in it; both 0 outside lists. */
void *schema_value(const struct schema_row *row, struct config *config, uint32_t index,
		   uint32_t inner);

#endif
