/* reason "{card_count_1h} payments in an hour, {amount / card_mean_30d:1} times the mean"
 *
 * In braces stands an expression, then optionally : and how many decimals it is printed
 * with.  {{ and }} are braces. */
#include "runtime/rules/parser.h"

#define WORDS_BYTES_MAX 206 /* of struct decision_rule */

struct reader {
	struct lexer walk; /* in the source, inside the quotes */
	size_t       end;
	struct span *parts;
	uint8_t      words[WORDS_BYTES_MAX]; /* not yet a part */
	size_t       words_bytes;
	size_t       total_bytes;
};

static void add_part(struct parser *parser, struct reader *reader, const struct part *part)
{
	if (reader->parts->count == RULES_PARTS_MAX) {
		parser_fail_at(parser, reader->walk.line, reader->walk.column,
			       "a reason has at most %d parts", RULES_PARTS_MAX);
		parser->lost = true;
	} else if (!parser_full(parser, plan_add_parts(parser->plan, part))) {
		reader->parts->count++;
	}
}

static void end_words(struct parser *parser, struct reader *reader)
{
	struct part part = { 0 };

	if (reader->words_bytes == 0)
		return;
	if (!plan_add_text(parser->plan, bytes_of(reader->words, reader->words_bytes), &part.words))
		parser_full(parser, PLAN_FULL);
	add_part(parser, reader, &part);
	reader->words_bytes = 0;
}

static void add_word(struct parser *parser, struct reader *reader, uint8_t byte, size_t taken)
{
	if (reader->total_bytes == WORDS_BYTES_MAX) {
		parser_fail_at(parser, reader->walk.line, reader->walk.column,
			       "a reason has at most %d bytes", WORDS_BYTES_MAX);
		parser->lost = true;
		return;
	}
	reader->words[reader->words_bytes++] = byte;
	reader->total_bytes++;
	lex_skip(&reader->walk, taken);
}

static void decimals(struct parser *parser, const struct operand *value, struct part *part)
{
	struct token token;

	parser_want(parser, value, TYPE_NUMBER, " before : and decimals");
	if (!parser_need_kind(parser, TOKEN_NUMBER, "how many decimals, 0 to 6", &token))
		return;
	if (token.raw.size_bytes != 1 || token.number > RULES_DECIMALS_MAX)
		parser_fail(parser, &token, "expected how many decimals, 0 to %d, found %.*s",
			    RULES_DECIMALS_MAX, (int)lex_cut(token.raw, 20), token.raw.data);
	else
		part->decimals = (uint8_t)token.number;
}

/* The parser reads the braces as a source of its own, then comes back. */
static void add_value(struct parser *parser, struct reader *reader, size_t close)
{
	struct lexer   behind = parser->lexer;
	struct token   next   = parser->token;
	uint32_t       braces = parser->braces;
	struct part    part   = { .decimals = RULES_DECIMALS_AS_IS };
	struct operand value;

	lex_skip(&reader->walk, 1);
	parser->lexer                 = reader->walk;
	parser->lexer.text.size_bytes = close;
	lex_next(&parser->lexer, &parser->token);
	value      = expression_span(parser, &part.code);
	part.type  = value.type;
	part.money = value.money;
	if (parser_take(parser, ":"))
		decimals(parser, &value, &part);
	if (!parser->lost && parser->token.kind != TOKEN_END)
		parser_expected(parser, "'}'");
	lex_skip(&reader->walk, close + 1 - reader->walk.at);
	parser->lexer  = behind;
	parser->token  = next;
	parser->braces = braces;
	add_part(parser, reader, &part);
}

static void read_byte(struct parser *parser, struct reader *reader)
{
	const uint8_t *at   = reader->walk.text.data + reader->walk.at;
	size_t         left = reader->end - reader->walk.at;
	const uint8_t *close;

	if (at[0] == '\\' || ((at[0] == '{' || at[0] == '}') && left > 1 && at[1] == at[0])) {
		add_word(parser, reader, at[1], 2);
		return;
	}
	if (at[0] != '{' && at[0] != '}') {
		add_word(parser, reader, at[0], 1);
		return;
	}
	close = memchr(at, '}', left);
	if (at[0] == '}' || !close) {
		parser_fail_at(parser, reader->walk.line, reader->walk.column,
			       "a brace without its other; write {{ or }} for a brace itself");
		parser->lost = true;
		return;
	}
	end_words(parser, reader);
	add_value(parser, reader, (size_t)(close - reader->walk.text.data));
}

void reason_parse(struct parser *parser, struct span *out)
{
	struct token  token;
	struct reader reader = { .parts = out };

	if (!parser_need_kind(parser, TOKEN_TEXT, "a text", &token))
		return;
	if (token.raw.size_bytes == 0)
		parser_fail(parser, &token, "a reason must say something");
	out->first         = parser->plan->program.parts_count;
	reader.walk        = parser->lexer;
	reader.walk.at     = (size_t)(token.raw.data - parser->lexer.text.data);
	reader.walk.line   = token.line;
	reader.walk.column = token.column + 1;
	reader.end         = reader.walk.at + token.raw.size_bytes;
	while (!parser->lost && reader.walk.at < reader.end)
		read_byte(parser, &reader);
	end_words(parser, &reader);
}
