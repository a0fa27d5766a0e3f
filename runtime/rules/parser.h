/* From text to program in one pass: each construct emits its code as it is read.
 * Private to runtime/rules, control side only.
 *
 *   parser.c      tokens, errors and recovery, emitting
 *   name.c        what a name means, and the nearest one to what means nothing
 *   expression.c  operators, literals, calls, lists
 *   switch.c      switch and band
 *   reason.c      reasons with values in braces
 *   schedule.c    days and hours
 *   block.c       rule { } and typology { }
 *   parse.c       the whole file, let and list
 *
 * Errors.  A word that does not fit makes the parser `lost`: it says so once, keeps quiet
 * until the end of the statement (parser_recover) and goes on there.  A wrong type is
 * told without getting lost; the operand is TYPE_NONE from then on, which fits anywhere.
 *
 * Recursion: expressions hold expressions at most RULES_NESTING_MAX deep. */
#ifndef ASSAY_RUNTIME_RULES_PARSER_H
#define ASSAY_RUNTIME_RULES_PARSER_H

#include "runtime/rules/function.h"
#include "runtime/rules/lex.h"
#include "runtime/rules/plan.h"

struct parser {
	struct lexer              lexer;
	struct token              token; /* the next one */
	struct rules_plan        *plan;
	const struct rules_scope *scope;
	struct rules_errors      *errors;
	uint32_t                  nesting; /* of expressions */
	uint32_t                  braces;  /* open before the next token */
	uint32_t                  depth;   /* of the machine's stack here */
	bool                      lost;
	bool                      in_let;   /* hit() means nothing yet */
	bool                      in_total; /* `total` has a meaning */
};

/* What an expression turned out to be. */
struct operand {
	enum value_type type; /* TYPE_NONE: an error was told */
	uint32_t        line, column;
	bool            money;   /* prints with the currency's decimals */
	bool            single;  /* a number that is a float: see operand_meet */
	uint32_t        literal; /* a number that stands there: its OP_NUMBER's place in the
				  * code, + 1; 0: it is none */
	bool            bare;    /* one literal or name: `raw` */
	struct bytes    raw;
};

/* ---- parser.c */

void parser_next(struct parser *parser);
bool parser_at(const struct parser *parser, const char *sign_or_word);
bool parser_take(struct parser *parser, const char *sign_or_word); /* if it is next */
bool parser_need(struct parser *parser, const char *sign_or_word);
/* The next token is of this kind: take it into *out; else say that `what` was expected. */
bool parser_need_kind(struct parser *parser, enum token_kind kind, const char *what,
		      struct token *out);

bool parser_at_top(const struct parser *parser);

/* Skip to behind the next `;`, or before the `}` that closes what `braces` were open in. */
void parser_recover(struct parser *parser, uint32_t braces);

__attribute__((format(printf, 3, 4))) void parser_fail(struct parser      *parser,
						       const struct token *at, const char *form,
						       ...);
__attribute__((format(printf, 4, 5))) void parser_fail_at(struct parser *parser, uint32_t line,
							  uint32_t column, const char *form, ...);
void parser_expected(struct parser *parser, const char *what); /* found: the next token */

/* A token or operand in words, for an error; a bounded static form in `out`. */
#define PARSER_WORDS_BYTES 100
void parser_describe(const struct token *token, char out[PARSER_WORDS_BYTES]);
void parser_describe_operand(const struct operand *operand, char out[PARSER_WORDS_BYTES]);

const char *type_name(enum value_type type); /* "a number" */

/* Tell when the operand is not of that type.  True when it is (or told before). */
bool parser_want(struct parser *parser, const struct operand *operand, enum value_type type,
		 const char *why);

/* Append an instruction that leaves `change` more values on the stack.  Its place. */
uint32_t parser_emit(struct parser *parser, struct instruction instruction, int change);
void     parser_land(struct parser *parser, uint32_t jump); /* its target is what comes next */
uint32_t parser_here(const struct parser *parser);
uint32_t parser_constant(struct parser *parser, double number);
struct text_place parser_text(struct parser *parser, const struct token *at); /* \ taken out */
bool              parser_full(struct parser *parser, uint32_t added); /* told when PLAN_FULL */

/* ---- name.c */

/* Emit what loads it. */
struct operand name_load(struct parser *parser, const struct token *token);
/* The feature of exactly that name. */
struct operand name_load_feature(struct parser *parser, const struct token *token);
bool           name_is_taken(const struct parser *parser, struct bytes name);
int            name_find_list(const struct parser *parser, struct bytes name);
int            name_find_item(const struct parser *parser, struct bytes name);
void           name_unknown(struct parser *parser, const struct token *token, const char *what);
enum field     name_field(struct parser *parser, const struct token *token);

/* ---- expression.c */

struct operand expression(struct parser *parser);
/* Its code by itself: a span that leaves one value.  TYPE_NONE: an error was told. */
struct operand expression_span(struct parser *parser, struct span *out);
/* The same, which must have that type. */
struct operand expression_of(struct parser *parser, enum value_type type, const char *why,
			     struct span *out);
/* Literals of that type, as floats when `single`; with `until` as the sign behind the last. */
uint32_t expression_set(struct parser *parser, enum value_type type, bool single,
			const char *until);
bool     expression_constant(struct parser *parser, double *out); /* a number, perhaps with - */

/* score, margin and supplied features are floats.  What is supplied as 0.7 is the float that
 * is nearest to 0.7, and so is the 0.7 of the file that it meets in a comparison: each
 * literal is rounded, once, when it is compiled.  True: what comes of both, when it is one
 * of them, is a float, too. */
bool operand_meet(struct parser *parser, const struct operand *a, const struct operand *b);
/* For a literal that meets a float, or does not. */
double operand_literal(double number, bool single);

/* ---- switch.c */

struct operand switch_expression(struct parser *parser);
struct operand band_expression(struct parser *parser);

/* ---- reason.c, schedule.c, block.c */

void reason_parse(struct parser *parser, struct span *out);
void schedule_parse(struct parser *parser, struct span *out);
void block_parse(struct parser *parser, enum item_kind kind);

#endif
