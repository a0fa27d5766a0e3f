/* The words of the rules language.  Private to runtime/rules.
 *
 *   name      letters, digits, _ and . ; begins with a letter or _
 *   number    12  0.35  1_000_000   at most 15 digits, so that every one is exact to
 *             the last bit: a whole number below 10^15 divided once by a power of ten
 *   text      "..."  with \" and \\ ; ends on its line
 *   time      2026-12-01T00:00:00Z   RFC 3339, as base/time.h reads it
 *   sign      ( ) [ ] { } , ; : + - * / % = == != < <= > >=
 *   comment   # to the end of the line
 *
 * Columns count characters, not bytes; a tab is one. */
#ifndef ASSAY_RUNTIME_RULES_LEX_H
#define ASSAY_RUNTIME_RULES_LEX_H

#include "runtime/base/bytes.h"

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_TEXT,
	TOKEN_TIME,
	TOKEN_SIGN,
	TOKEN_BAD, /* `fault` says why */
};

struct token {
	enum token_kind kind;
	uint32_t        line, column; /* of its first character, from 1 */
	struct bytes    raw;          /* in the source; a text's without its quotes */
	double          number;
	int64_t         time_ns;
	const char     *fault;
};

struct lexer {
	struct bytes text;
	size_t       at;
	uint32_t     line, column;
};

void lex_open(struct lexer *lexer, struct bytes text);
void lex_next(struct lexer *lexer, struct token *out);
void lex_skip(struct lexer *lexer, size_t n); /* n bytes, minding lines and columns */

/* The bytes from the start that are UTF-8 (RFC 3629), at most all of them. */
size_t lex_utf8(struct bytes text);

/* The largest size not above `max` that does not cut a character in two. */
size_t lex_cut(struct bytes text, size_t max);

#endif
