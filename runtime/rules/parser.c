#include "runtime/rules/parser.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const type_names[TYPE_COUNT] = {
	[TYPE_NONE] = "nothing",      [TYPE_NUMBER] = "a number", [TYPE_TEXT] = "a text",
	[TYPE_BOOLEAN] = "a boolean", [TYPE_TIME] = "a time",
};

const char *type_name(enum value_type type)
{
	assert(type < TYPE_COUNT);
	return type_names[type];
}

/* ---- tokens */

void parser_next(struct parser *parser)
{
	if (parser_at(parser, "{"))
		parser->braces++;
	else if (parser_at(parser, "}") && parser->braces > 0)
		parser->braces--;
	lex_next(&parser->lexer, &parser->token);
}

bool parser_at(const struct parser *parser, const char *sign_or_word)
{
	const struct token *token = &parser->token;

	return (token->kind == TOKEN_SIGN || token->kind == TOKEN_NAME) &&
	       bytes_equal(token->raw, bytes_of(sign_or_word, strlen(sign_or_word)));
}

bool parser_take(struct parser *parser, const char *sign_or_word)
{
	if (parser->lost || !parser_at(parser, sign_or_word))
		return false;
	parser_next(parser);
	return true;
}

bool parser_need(struct parser *parser, const char *sign_or_word)
{
	char what[24];

	if (parser_take(parser, sign_or_word))
		return true;
	snprintf(what, sizeof(what), "'%s'", sign_or_word);
	parser_expected(parser, what);
	return false;
}

bool parser_need_kind(struct parser *parser, enum token_kind kind, const char *what,
		      struct token *out)
{
	*out = parser->token;
	if (parser->lost || parser->token.kind != kind) {
		parser_expected(parser, what);
		return false;
	}
	parser_next(parser);
	return true;
}

/* A word that begins something new where a line begins: whatever was open before is
 * taken for closed. */
bool parser_at_top(const struct parser *parser)
{
	return parser->token.column == 1 &&
	       (parser_at(parser, "rule") || parser_at(parser, "typology") ||
		parser_at(parser, "list") || parser_at(parser, "let"));
}

void parser_recover(struct parser *parser, uint32_t braces)
{
	if (!parser->lost)
		return;
	parser->lost = false;
	while (parser->token.kind != TOKEN_END && !parser_at_top(parser)) {
		bool inside = parser->braces > braces;

		if (!inside && parser_at(parser, "}"))
			return;
		if (!inside && parser_at(parser, ";")) {
			parser_next(parser);
			return;
		}
		parser_next(parser);
	}
}

/* ---- errors */

__attribute__((format(printf, 4, 0))) static void add_error(struct rules_errors *errors,
							    uint32_t line, uint32_t column,
							    const char *form, va_list arguments)
{
	char  *out;
	size_t n;

	if (errors->count == RULES_ERRORS_MAX) {
		errors->unsaid++;
		return;
	}
	out = errors->lines[errors->count++];
	n   = (size_t)snprintf(out, RULES_ERROR_BYTES, "%u:%u: ", line, column);
	vsnprintf(out + n, RULES_ERROR_BYTES - n, form, arguments);
	out[lex_utf8(bytes_of(out, strlen(out)))] = '\0'; /* a character may have been cut */
}

void parser_fail(struct parser *parser, const struct token *at, const char *form, ...)
{
	va_list arguments;

	va_start(arguments, form);
	if (!parser->lost)
		add_error(parser->errors, at->line, at->column, form, arguments);
	va_end(arguments);
}

void parser_fail_at(struct parser *parser, uint32_t line, uint32_t column, const char *form, ...)
{
	va_list arguments;

	va_start(arguments, form);
	if (!parser->lost)
		add_error(parser->errors, line, column, form, arguments);
	va_end(arguments);
}

void parser_expected(struct parser *parser, const char *what)
{
	char found[PARSER_WORDS_BYTES];

	parser_describe(&parser->token, found);
	parser_fail(parser, &parser->token, "expected %s, found %s", what, found);
	parser->lost = true;
}

void parser_describe(const struct token *token, char out[PARSER_WORDS_BYTES])
{
	static const char *const befores[] = { [TOKEN_NAME]   = "the name ",
					       [TOKEN_NUMBER] = "the number ",
					       [TOKEN_TEXT]   = "the text \"",
					       [TOKEN_TIME]   = "the time ",
					       [TOKEN_SIGN]   = "'" };
	size_t                   shown     = lex_cut(token->raw, 48);
	const char              *dots      = shown < token->raw.size_bytes ? "..." : "";
	const char *after = token->kind == TOKEN_TEXT ? "\"" : token->kind == TOKEN_SIGN ? "'" : "";

	if (token->kind == TOKEN_END)
		snprintf(out, PARSER_WORDS_BYTES, "the end");
	else if (token->kind == TOKEN_BAD)
		snprintf(out, PARSER_WORDS_BYTES, "%s", token->fault);
	else
		snprintf(out, PARSER_WORDS_BYTES, "%s%.*s%s%s", befores[token->kind], (int)shown,
			 (const char *)token->raw.data, dots, after);
}

void parser_describe_operand(const struct operand *operand, char out[PARSER_WORDS_BYTES])
{
	size_t shown = lex_cut(operand->raw, 48);

	if (operand->bare)
		snprintf(out, PARSER_WORDS_BYTES, "the %s %.*s%s", type_name(operand->type) + 2,
			 (int)shown, (const char *)operand->raw.data,
			 shown < operand->raw.size_bytes ? "..." : "");
	else
		snprintf(out, PARSER_WORDS_BYTES, "%s", type_name(operand->type));
}

bool parser_want(struct parser *parser, const struct operand *operand, enum value_type type,
		 const char *why)
{
	char found[PARSER_WORDS_BYTES];

	if (operand->type == TYPE_NONE || operand->type == type)
		return true;
	parser_describe_operand(operand, found);
	parser_fail_at(parser, operand->line, operand->column, "expected %s%s, found %s",
		       type_name(type), why, found);
	return false;
}

/* ---- emitting */

bool parser_full(struct parser *parser, uint32_t added)
{
	if (added != PLAN_FULL)
		return false;
	parser_fail(parser, &parser->token, "the rules are larger than the appliance takes");
	parser->lost = true;
	return true;
}

/* Nothing is emitted after the first error: the program is thrown away, and what stands
 * for a wrong operand would not fit the rest. */
uint32_t parser_emit(struct parser *parser, struct instruction instruction, int change)
{
	uint32_t at;

	if (parser->errors->count > 0)
		return 0;
	at = plan_add_code(parser->plan, &instruction);
	if (parser_full(parser, at))
		return 0;
	parser->depth += (uint32_t)change;
	if (parser->depth > RULES_STACK_MAX && change > 0) {
		parser_fail(parser, &parser->token,
			    "an expression needs more than %d values at a time", RULES_STACK_MAX);
		parser->lost = true;
	}
	return at;
}

void parser_land(struct parser *parser, uint32_t jump)
{
	if (parser->errors->count == 0)
		parser->plan->program.code[jump].c = parser_here(parser);
}

uint32_t parser_here(const struct parser *parser)
{
	return parser->plan->program.code_count;
}

uint32_t parser_constant(struct parser *parser, double number)
{
	uint32_t at = plan_add_numbers(parser->plan, &number);

	return parser_full(parser, at) ? 0 : at;
}

struct text_place parser_text(struct parser *parser, const struct token *at)
{
	struct bytes      raw = at->raw;
	uint8_t           plain[RULES_VALUE_BYTES_MAX];
	size_t            n   = 0;
	struct text_place out = { 0 };

	for (size_t i = 0; i < raw.size_bytes && n < sizeof(plain); i++) {
		if (raw.data[i] == '\\' && i + 1 < raw.size_bytes)
			i++;
		plain[n++] = raw.data[i];
	}
	if (raw.size_bytes > RULES_VALUE_BYTES_MAX) {
		parser_fail(parser, at, "a text is at most %d bytes", RULES_VALUE_BYTES_MAX);
		return out;
	}
	if (!plan_add_text(parser->plan, bytes_of(plain, n), &out))
		parser_full(parser, PLAN_FULL);
	return out;
}
