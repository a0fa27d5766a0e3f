/* A model file as a tree of values, whichever of the two formats it came in.
 *
 * Values lie in one array in reading order: a container is followed by all its
 * descendants, `end` is the index after the last of them.  Long arrays of
 * numbers, which are nearly all of a model file, are one value that points at
 * the numbers where they lie in the file (UBJSON) or in yyjson's document.
 *
 * Owner:   the parser, for the time of one load.  doc_close frees it.
 * Bounds:  DOC_DEPTH_MAX levels, DOC_VALUES_MAX values; readers are loops with a
 *          stack of that depth and look at each byte a constant number of times.
 * Failure: struct failure, with a JSON pointer once a value is known and a byte
 *          offset before that. */
#ifndef ASSAY_RUNTIME_MODEL_READ_DOC_H
#define ASSAY_RUNTIME_MODEL_READ_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/reason.h"

#define DOC_DEPTH_MAX  16u        /* XGBoost 3.0 nests 8 deep */
#define DOC_VALUES_MAX (1u << 24) /* 65536 trees have 2 million */
#define DOC_ROOT       0u
#define DOC_NONE       UINT32_MAX

enum doc_kind { DOC_NULL, DOC_TEXT, DOC_NUMBER, DOC_NUMBERS, DOC_ARRAY, DOC_OBJECT };

/* How the numbers of a DOC_NUMBER or DOC_NUMBERS are stored: a UBJSON marker
 * (big-endian in the file), or 'J' for yyjson values. */
struct doc_value {
	uint8_t      kind;
	uint8_t      marker;
	uint32_t     end;
	uint32_t     parent;
	uint32_t     ordinal; /* among its parent's members */
	uint32_t     count;   /* members, numbers or bytes of text */
	struct bytes key;     /* in an object */
	const void  *data;    /* text or numbers */
};

struct doc {
	struct doc_value *values;
	uint32_t          count;
	uint32_t          capacity;
	void             *json; /* yyjson_doc kept alive, or NULL */
};

/* Tell the format and read it.  0, or -1 and *failure; doc_close is due in
 * both cases. */
int  doc_open(struct doc *doc, struct bytes file, struct failure *failure);
void doc_close(struct doc *doc);

/* The two readers doc_open picks from. */
int doc_read_json(struct doc *doc, struct bytes file, struct failure *failure);
int doc_read_ubjson(struct doc *doc, struct bytes file, struct failure *failure);

/* For readers: append a value; DOC_NONE when there are too many or no memory. */
uint32_t doc_append(struct doc *doc, struct doc_value value);

/* The member of that name.  doc_find: DOC_NONE when absent.  doc_need: that is a
 * failure, as is another kind than `kind`.  Both refuse a name given twice. */
int doc_find(const struct doc *doc, uint32_t object, const char *name, uint32_t *member,
	     struct failure *failure);
int doc_need(const struct doc *doc, uint32_t object, const char *name, enum doc_kind kind,
	     uint32_t *member, struct failure *failure);

/* Members in order: for (m = doc_first(doc, v); m != DOC_NONE; m = doc_next(doc, m)). */
uint32_t doc_first(const struct doc *doc, uint32_t container);
uint32_t doc_next(const struct doc *doc, uint32_t member);

/* Exactly `count` numbers from an array.  Integers are refused when written as
 * reals or outside int32; reals are rounded once, to the nearest float. */
int doc_floats(const struct doc *doc, uint32_t array, float *out, uint32_t count,
	       struct failure *failure);
int doc_ints(const struct doc *doc, uint32_t array, int32_t *out, uint32_t count,
	     struct failure *failure);

/* How XGBoost writes parameters: numbers in a text.  doc_text_floats takes
 * "5E-1" and, as 3.1 writes it, "[5E-1]" or "[5E-1,2E0]"; *count is how many there may
 * be, and how many there are. */
int doc_text_int(const struct doc *doc, uint32_t text, int64_t *out, struct failure *failure);
int doc_text_floats(const struct doc *doc, uint32_t text, float *out, uint32_t *count,
		    struct failure *failure);

bool doc_text_is(const struct doc *doc, uint32_t text, const char *wanted);

/* Fill *failure with the JSON pointer of a value (suffix: "", or "/member" below
 * it) and the words.  Always -1, to be returned. */
__attribute__((format(printf, 5, 6))) int doc_refuse(const struct doc *doc, uint32_t value,
						     const char *suffix, struct failure *failure,
						     const char *words, ...);
/* The same for a place in a file that could not be read: "byte N". */
int doc_refuse_byte(size_t offset_bytes, struct failure *failure, const char *words);

/* Text of the file as safe printable ASCII for a message, in `out`. */
const char *doc_printable(struct bytes text, char *out, size_t out_bytes);

#endif
