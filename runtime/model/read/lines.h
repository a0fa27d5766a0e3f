/* A file of lines "key=value", whose values are words or numbers with blanks between.
 * Private to runtime/model.
 *
 * Nothing is copied: what is found points into the file.
 * Failure: struct failure, its place "line N". */
#ifndef ASSAY_RUNTIME_MODEL_READ_LINES_H
#define ASSAY_RUNTIME_MODEL_READ_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/reason.h"

struct lines {
	struct bytes rest;
	uint32_t     number; /* of the line last read, from 1 */
};

/* One line without its end; `key` is the whole line and `valued` false when it has no '='. */
struct line {
	struct bytes key;
	struct bytes value;
	uint32_t     number;
	bool         valued;
};

/* false: the file has ended. */
bool lines_next(struct lines *lines, struct line *line);

bool text_is(struct bytes text, const char *wanted);
bool text_begins(struct bytes text, const char *wanted);

/* The next word of *rest, which moves behind it; false: there is none. */
bool text_word(struct bytes *rest, struct bytes *word);

/* A whole text as one number; doubles are finite and rounded once. */
bool text_int(struct bytes text, int64_t min, int64_t max, int64_t *out);
bool text_double(struct bytes text, double *out);

/* Exactly `count` numbers from a line's value; -1 and *failure otherwise. */
int line_ints(const struct line *line, int64_t min, int64_t max, int64_t *out, uint32_t count,
	      struct failure *failure);
int line_doubles(const struct line *line, double *out, uint32_t count, struct failure *failure);

/* Always -1, to be returned. */
__attribute__((format(printf, 3, 4))) int line_refuse(uint32_t number, struct failure *failure,
						      const char *words, ...);

#endif
