/* Expressions, from the loosest operator to the tightest:
 *
 *   or    and    not    == != < <= > >= in, not in    + -    * / %    -x
 *
 * `and` and `or` do not look at their right side when the left one decides. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/rules/parser.h"

enum precedence {
	PRECEDENCE_OR,
	PRECEDENCE_AND,
	PRECEDENCE_COMPARE,
	PRECEDENCE_ADD,
	PRECEDENCE_MULTIPLY
};

struct operator_row {
	const char *sign;
	uint8_t     precedence;
	uint8_t     op;
};

static const struct operator_row operators[] = {
	{ "or", PRECEDENCE_OR, OP_OR },
	{ "and", PRECEDENCE_AND, OP_AND },
	{ "==", PRECEDENCE_COMPARE, OP_EQUAL },
	{ "!=", PRECEDENCE_COMPARE, OP_UNEQUAL },
	{ "<", PRECEDENCE_COMPARE, OP_LESS },
	{ "<=", PRECEDENCE_COMPARE, OP_LESS_EQUAL },
	{ ">", PRECEDENCE_COMPARE, OP_GREATER },
	{ ">=", PRECEDENCE_COMPARE, OP_GREATER_EQUAL },
	{ "in", PRECEDENCE_COMPARE, OP_IN_SET },
	{ "not", PRECEDENCE_COMPARE, OP_IN_SET },
	{ "+", PRECEDENCE_ADD, OP_ADD },
	{ "-", PRECEDENCE_ADD, OP_SUBTRACT },
	{ "*", PRECEDENCE_MULTIPLY, OP_MULTIPLY },
	{ "/", PRECEDENCE_MULTIPLY, OP_DIVIDE },
	{ "%", PRECEDENCE_MULTIPLY, OP_REMAINDER },
};

static struct operand binary(struct parser *parser, uint8_t precedence);
static struct operand unary(struct parser *parser);

static struct operand untyped(const struct parser *parser)
{
	return (struct operand){ .line = parser->token.line, .column = parser->token.column };
}

/* What comes out of an operator: it begins where its left side does. */
static struct operand made(const struct operand *left, enum value_type type)
{
	return (struct operand){ .type = type, .line = left->line, .column = left->column };
}

/* ---- numbers that are floats */

double operand_literal(double number, bool single)
{
	return single ? (double)(float)number : number;
}

static void round_literal(struct parser *parser, const struct operand *operand)
{
	struct program *program = &parser->plan->program;
	uint32_t        at      = operand->literal - 1;

	if (operand->literal == 0 || parser->errors->count > 0)
		return;
	program->code[at].c = parser_constant(
		parser, operand_literal(program->numbers[program->code[at].c], true));
}

bool operand_meet(struct parser *parser, const struct operand *a, const struct operand *b)
{
	if (a->single)
		round_literal(parser, b);
	if (b->single)
		round_literal(parser, a);
	return (a->single || b->single) && (a->single || a->literal) && (b->single || b->literal);
}

/* ---- literals */

static struct operand literal(struct parser *parser)
{
	struct token       token = parser->token;
	struct operand     out   = untyped(parser);
	struct instruction load  = { 0 };
	struct text_place  place;

	parser_next(parser);
	out.bare = true;
	out.raw  = token.raw;
	if (token.kind == TOKEN_NUMBER) {
		load     = (struct instruction){ .op = OP_NUMBER,
						 .c  = parser_constant(parser, token.number) };
		out.type = TYPE_NUMBER;
	} else if (token.kind == TOKEN_TIME) {
		load     = (struct instruction){ .op = OP_TIME,
						 .c  = plan_add_times(parser->plan, &token.time_ns) };
		out.type = TYPE_TIME;
	} else if (token.kind == TOKEN_TEXT) {
		place    = parser_text(parser, &token);
		load     = (struct instruction){ .op = OP_TEXT,
						 .c  = plan_add_texts(parser->plan, &place) };
		out.raw  = bytes_of(token.raw.data - 1, token.raw.size_bytes + 2);
		out.type = TYPE_TEXT;
	} else {
		load     = (struct instruction){ .op = OP_BOOLEAN, .c = token.raw.size_bytes == 4 };
		out.type = TYPE_BOOLEAN;
	}
	if (parser_full(parser, load.c))
		return untyped(parser);
	out.literal = parser_emit(parser, load, 1) + 1;
	if (token.kind != TOKEN_NUMBER)
		out.literal = 0;
	return out;
}

bool expression_constant(struct parser *parser, double *out)
{
	bool         negative = parser_take(parser, "-");
	struct token token;

	if (!parser_need_kind(parser, TOKEN_NUMBER, "a number", &token))
		return false;
	*out = negative ? -token.number : token.number;
	return true;
}

/* ---- sets of literals, kept sorted */

static int order_numbers(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static int order_texts(const void *a, const void *b, void *program)
{
	return value_order(value_text(program_text(program, *(const struct text_place *)a)),
			   value_text(program_text(program, *(const struct text_place *)b)));
}

static bool add_to_set(struct parser *parser, enum value_type type, bool single)
{
	struct token      token;
	struct text_place place;
	double            number;

	if (type == TYPE_NUMBER) {
		if (!expression_constant(parser, &number))
			return false;
		number = operand_literal(number, single);
		return !parser_full(parser, plan_add_numbers(parser->plan, &number));
	}
	if (!parser_need_kind(parser, TOKEN_TEXT, "a text", &token))
		return false;
	place = parser_text(parser, &token);
	return !parser_full(parser, plan_add_texts(parser->plan, &place));
}

uint32_t expression_set(struct parser *parser, enum value_type type, bool single, const char *until)
{
	struct program *program = &parser->plan->program;
	uint32_t  *count = type == TYPE_NUMBER ? &program->numbers_count : &program->texts_count;
	struct set set   = { .type = type, .values = { .first = *count } };
	uint32_t   at;

	do {
		if (*count - set.values.first == RULES_SET_MAX) {
			parser_fail(parser, &parser->token,
				    "a list in the text has at most %d values", RULES_SET_MAX);
			parser->lost = true;
		}
		if (!add_to_set(parser, type, single))
			return 0;
	} while (parser_take(parser, ","));
	if (!parser_need(parser, until))
		return 0;
	set.values.count = *count - set.values.first;
	if (type == TYPE_NUMBER)
		qsort(program->numbers + set.values.first, set.values.count, sizeof(double),
		      order_numbers);
	else
		qsort_r(program->texts + set.values.first, set.values.count,
			sizeof(struct text_place), order_texts, program);
	at = plan_add_sets(parser->plan, &set);
	return parser_full(parser, at) ? 0 : at;
}

/* ---- calls */

static const struct function *find_function(struct bytes name)
{
	for (uint32_t i = 0; i < functions_count; i++)
		if (bytes_equal(name, bytes_of(functions[i].name, strlen(functions[i].name))))
			return &functions[i];
	return NULL;
}

static struct operand argument(struct parser *parser, const struct function *function, uint8_t at,
			       enum value_type first)
{
	uint8_t        wanted = function->arguments[at];
	struct operand out;
	char           why[64];

	if (wanted == TYPE_PATTERN && parser->token.kind != TOKEN_TEXT) {
		parser_expected(parser, "a pattern in quotes, as \"AB*\"");
		return untyped(parser);
	}
	out = binary(parser, PRECEDENCE_OR);
	snprintf(why, sizeof(why), " for %s", function->name);
	if (wanted == TYPE_PATTERN)
		wanted = TYPE_TEXT;
	if (wanted == TYPE_ANY && at == 0) {
		if (out.type != TYPE_TEXT && !parser_want(parser, &out, TYPE_NUMBER, " or a text"))
			out.type = TYPE_NONE;
	} else if (!parser_want(parser, &out, wanted == TYPE_ANY ? first : wanted, why)) {
		out.type = TYPE_NONE;
	}
	return out;
}

static struct operand call(struct parser *parser, const struct token *name)
{
	const struct function *function = find_function(name->raw);
	struct operand         first = { 0 }, one = { 0 };
	struct operand         out = { .line = name->line, .column = name->column };

	if (!function) {
		name_unknown(parser, name, "function");
		parser->lost = true;
		return out;
	}
	for (uint8_t i = 0; i < function->arguments_count; i++) {
		if (i > 0 && !parser_need(parser, ","))
			return out;
		one = argument(parser, function, i, i ? first.type : TYPE_NONE);
		if (i == 0)
			first = one;
	}
	if (!parser_need(parser, ")"))
		return out;
	if (function->keeps)
		out.single = function->arguments_count == 1 ? first.single
							    : operand_meet(parser, &first, &one);
	parser_emit(parser,
		    (struct instruction){ .op = OP_CALL,
					  .a  = function->arguments_count,
					  .b  = (uint16_t)first.type,
					  .c  = (uint32_t)(function - functions) },
		    1 - function->arguments_count);
	out.type  = function->result == TYPE_ANY ? first.type : function->result;
	out.money = function->result == TYPE_ANY && first.money;
	return out;
}

/* hit(velocity): did the rule or typology, which stands above, hit? */
static struct operand call_hit(struct parser *parser)
{
	struct operand out = untyped(parser);
	struct token   name;
	int            at;

	if (!parser_need_kind(parser, TOKEN_NAME, "the id of a rule", &name) ||
	    !parser_need(parser, ")"))
		return out;
	at = name_find_item(parser, name.raw);
	if (parser->in_let)
		parser_fail(parser, &name,
			    "hit can't be asked in a let: those come before all rules");
	else if (at < 0)
		name_unknown(parser, &name, "rule");
	if (at < 0 || parser->in_let)
		return out;
	parser_emit(parser, (struct instruction){ .op = OP_HIT, .c = (uint32_t)at }, 1);
	out.type = TYPE_BOOLEAN;
	return out;
}

/* feature("any name"): one whose name is no word of the language, or a field's. */
static struct operand call_feature(struct parser *parser)
{
	struct operand out = untyped(parser);
	struct token   name;

	if (!parser_need_kind(parser, TOKEN_TEXT, "the name of a feature in quotes", &name) ||
	    !parser_need(parser, ")"))
		return out;
	return name_load_feature(parser, &name);
}

static struct operand named(struct parser *parser)
{
	struct token token = parser->token;

	if (parser_at(parser, "true") || parser_at(parser, "false"))
		return literal(parser);
	if (parser_take(parser, "switch"))
		return switch_expression(parser);
	if (parser_take(parser, "band"))
		return band_expression(parser);
	parser_next(parser);
	if (!parser_take(parser, "("))
		return name_load(parser, &token);
	if (bytes_equal(token.raw, bytes_of("hit", 3)))
		return call_hit(parser);
	if (bytes_equal(token.raw, bytes_of("feature", 7)))
		return call_feature(parser);
	return call(parser, &token);
}

/* ---- operators */

static struct operand primary(struct parser *parser)
{
	struct operand out = untyped(parser);

	switch (parser->token.kind) {
	case TOKEN_NUMBER:
	case TOKEN_TEXT:
	case TOKEN_TIME: return literal(parser);
	case TOKEN_NAME: return named(parser);
	default: break;
	}
	if (!parser_take(parser, "(")) {
		parser_expected(parser, "a value");
		return out;
	}
	out      = binary(parser, PRECEDENCE_OR);
	out.bare = false;
	parser_need(parser, ")");
	return out;
}

/* A literal is still one with its sign. */
static void negate(struct parser *parser, const struct operand *inner)
{
	struct program *program = &parser->plan->program;
	uint32_t        at      = inner->literal - 1;

	if (inner->literal == 0)
		parser_emit(parser, (struct instruction){ .op = OP_NEGATE }, 0);
	else if (parser->errors->count == 0)
		program->code[at].c = parser_constant(parser,
						      -program->numbers[program->code[at].c]);
}

/* The operand of a wrong operator is TYPE_NONE, so that one mistake is told once. */
static struct operand prefixed(struct parser *parser)
{
	struct operand out = untyped(parser), inner;

	if (parser_take(parser, "not")) {
		inner = binary(parser, PRECEDENCE_COMPARE);
		if (parser_want(parser, &inner, TYPE_BOOLEAN, " after not"))
			out.type = TYPE_BOOLEAN;
		parser_emit(parser, (struct instruction){ .op = OP_NOT }, 0);
		return out;
	}
	if (parser_take(parser, "-")) {
		inner = unary(parser);
		if (parser_want(parser, &inner, TYPE_NUMBER, " after -"))
			out.type = TYPE_NUMBER;
		out.money   = inner.money;
		out.single  = inner.single;
		out.literal = inner.literal;
		negate(parser, &inner);
		return out;
	}
	return primary(parser);
}

static struct operand unary(struct parser *parser)
{
	struct operand out = untyped(parser);

	if (parser->nesting == RULES_NESTING_MAX) {
		parser_fail(parser, &parser->token, "an expression is nested deeper than %d",
			    RULES_NESTING_MAX);
		parser->lost = true;
	}
	if (parser->lost)
		return out;
	parser->nesting++;
	out = prefixed(parser);
	parser->nesting--;
	return out;
}

static struct operand in_list(struct parser *parser, const struct operand *left, bool negated)
{
	struct token name;
	int          at;

	parser_need_kind(parser, TOKEN_NAME, "a list: [...] or the name of one", &name);
	if (parser->lost)
		return made(left, TYPE_NONE);
	at = name_find_list(parser, name.raw);
	if (at < 0)
		name_unknown(parser, &name, "list");
	parser_want(parser, left, TYPE_TEXT, " before the name of a list");
	parser_emit(parser,
		    (struct instruction){ .op = OP_IN_LIST, .b = negated, .c = (uint32_t)at }, 0);
	return made(left, TYPE_BOOLEAN);
}

static struct operand in_set(struct parser *parser, const struct operand *left, bool negated)
{
	enum value_type type = left->type;
	uint32_t        at;

	if (!parser_take(parser, "["))
		return in_list(parser, left, negated);
	if (type != TYPE_TEXT && type != TYPE_NUMBER) {
		parser_want(parser, left, TYPE_TEXT, " or a number before in");
		type = parser->token.kind == TOKEN_TEXT ? TYPE_TEXT : TYPE_NUMBER;
	}
	at = expression_set(parser, type, left->single, "]");
	parser_emit(parser,
		    (struct instruction){ .op = OP_IN_SET, .a = type, .b = negated, .c = at }, 0);
	return made(left, TYPE_BOOLEAN);
}

static struct operand compared(struct parser *parser, const struct operand *left, uint8_t op,
			       const struct token *sign)
{
	struct operand  right   = binary(parser, PRECEDENCE_ADD);
	enum value_type type    = left->type ? left->type : right.type;
	bool            ordered = op > OP_UNEQUAL;
	char            why[40];

	if (ordered && type != TYPE_NUMBER && type != TYPE_TIME && type != TYPE_NONE) {
		snprintf(why, sizeof(why), " or a time before %.*s", (int)sign->raw.size_bytes,
			 (const char *)sign->raw.data);
		parser_want(parser, left->type ? left : &right, TYPE_NUMBER, why);
		return made(left, TYPE_NONE);
	}
	if (type != TYPE_NONE && !parser_want(parser, &right, type, " as on the left"))
		return made(left, TYPE_NONE);
	operand_meet(parser, left, &right);
	parser_emit(parser, (struct instruction){ .op = op, .a = type }, -1);
	return made(left, TYPE_BOOLEAN);
}

static struct operand combined(struct parser *parser, const struct operand *left,
			       const struct operator_row *row, const char *why)
{
	bool            logic = row->precedence <= PRECEDENCE_AND;
	enum value_type type  = logic ? TYPE_BOOLEAN : TYPE_NUMBER;
	bool            good  = parser_want(parser, left, type, why);
	uint32_t        jump  = 0;
	struct operand  right;

	if (logic)
		jump = parser_emit(parser, (struct instruction){ .op = row->op }, -1);
	right = binary(parser, row->precedence + 1);
	good  = parser_want(parser, &right, type, why) && good;
	if (logic)
		parser_land(parser, jump);
	else
		parser_emit(parser, (struct instruction){ .op = row->op }, -1);
	return made(left, good ? type : TYPE_NONE);
}

static const struct operator_row *operator_next(const struct parser *parser)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (!parser->lost && parser_at(parser, operators[i].sign))
			return &operators[i];
	return NULL;
}

static struct operand binary(struct parser *parser, uint8_t precedence)
{
	struct operand             left = unary(parser);
	const struct operator_row *row;

	while ((row = operator_next(parser)) && row->precedence >= precedence) {
		struct token sign    = parser->token;
		bool         negated = parser_at(parser, "not");
		char         why[24];

		parser_next(parser);
		if (negated)
			parser_need(parser, "in");
		snprintf(why, sizeof(why), " for %s", row->sign);
		if (row->op == OP_IN_SET)
			left = in_set(parser, &left, negated);
		else if (row->precedence == PRECEDENCE_COMPARE)
			left = compared(parser, &left, row->op, &sign);
		else
			left = combined(parser, &left, row, why);
	}
	if (!parser->lost && parser_at(parser, "=")) {
		parser_fail(parser, &parser->token, "expected ==, which compares, found '='");
		parser->lost = true;
	}
	return left;
}

struct operand expression(struct parser *parser)
{
	struct operand out = binary(parser, PRECEDENCE_OR);

	return parser->lost ? untyped(parser) : out;
}

struct operand expression_span(struct parser *parser, struct span *out)
{
	struct operand operand;

	parser->depth   = 0;
	parser->nesting = 0;
	out->first      = parser_here(parser);
	operand         = expression(parser);
	out->count      = parser_here(parser) - out->first;
	return operand;
}

struct operand expression_of(struct parser *parser, enum value_type type, const char *why,
			     struct span *out)
{
	struct operand operand = expression_span(parser, out);

	if (!parser_want(parser, &operand, type, why))
		operand.type = TYPE_NONE;
	return operand;
}
