/* switch channel { "atm": 0.3; "wire", "instant": 0.8; else 0.1 }
 * switch { amount > 500: "large"; missing(device): "blind"; else "plain" }
 * band amount { missing: 0; < 100: 0.1; <= 1000: 0.3; else 0.9 }
 *
 * Arms are asked in order and the first that fits gives the value; all are of one type.
 * The subject lies on the stack until an arm is taken:
 *
 *     subject; ARM; JUMP_FALSE next; DROP; value; JUMP end; next: ... DROP; value; end: */
#include "runtime/rules/parser.h"

#define ARMS_MAX 64

struct arms {
	struct operand out;
	bool           subject; /* one lies on the stack */
	bool           single;  /* and is a float */
	uint32_t       depth;   /* of the stack between arms */
	uint32_t       count;
	uint32_t       ends[ARMS_MAX]; /* jumps to what follows */
	double         bound;          /* the last one of a band */
	bool           bounded;
};

static void begin(struct parser *parser, struct arms *arms, bool subject)
{
	arms->subject = subject;
	arms->depth   = parser->depth;
	parser_need(parser, "{");
}

/* The value of an arm, of the type of the first. */
static void value(struct parser *parser, struct arms *arms)
{
	struct operand one;

	if (arms->subject)
		parser_emit(parser, (struct instruction){ .op = OP_DROP }, -1);
	one = expression(parser);
	if (arms->out.type == TYPE_NONE)
		arms->out.type = one.type;
	else
		parser_want(parser, &one, arms->out.type, ", as in the first arm");
}

static void arm(struct parser *parser, struct arms *arms)
{
	uint32_t skip = parser_emit(parser, (struct instruction){ .op = OP_JUMP_FALSE }, -1);

	value(parser, arms);
	if (arms->count == ARMS_MAX) {
		parser_fail(parser, &parser->token, "more than %d arms", ARMS_MAX);
		parser->lost = true;
		return;
	}
	arms->ends[arms->count++] = parser_emit(parser, (struct instruction){ .op = OP_JUMP }, 0);
	parser->depth             = arms->depth;
	parser_land(parser, skip);
	parser_need(parser, ";");
}

static struct operand finish(struct parser *parser, struct arms *arms)
{
	if (parser_need(parser, "else")) {
		value(parser, arms);
		parser_take(parser, ";");
		parser_need(parser, "}");
	}
	for (uint32_t i = 0; i < arms->count; i++)
		parser_land(parser, arms->ends[i]);
	return arms->out;
}

static void switch_arm(struct parser *parser, struct arms *arms, enum value_type type)
{
	struct operand when;

	if (arms->subject) {
		uint32_t set = expression_set(parser, type, arms->single, ":");

		parser_emit(parser, (struct instruction){ .op = OP_ARM_IN, .a = type, .c = set },
			    1);
	} else {
		when = expression(parser);
		parser_want(parser, &when, TYPE_BOOLEAN, " before :");
		parser_need(parser, ":");
	}
	arm(parser, arms);
}

struct operand switch_expression(struct parser *parser)
{
	struct arms     arms = { .out = { .line   = parser->token.line,
					  .column = parser->token.column } };
	struct operand  subject;
	enum value_type type = TYPE_NONE;

	if (!parser_at(parser, "{")) {
		subject     = expression(parser);
		type        = subject.type;
		arms.single = subject.single;
		if (type == TYPE_BOOLEAN || type == TYPE_TIME)
			parser_want(parser, &subject, TYPE_NUMBER, " or a text to switch on");
		if (type != TYPE_NUMBER)
			type = TYPE_TEXT;
		begin(parser, &arms, true);
	} else {
		begin(parser, &arms, false);
	}
	while (!parser->lost && !parser_at(parser, "else"))
		switch_arm(parser, &arms, type);
	return finish(parser, &arms);
}

static void band_arm(struct parser *parser, struct arms *arms)
{
	struct token at    = parser->token;
	bool         equal = parser_at(parser, "<=");
	double       bound;

	if (arms->count == 0 && parser_take(parser, "missing")) {
		parser_emit(parser, (struct instruction){ .op = OP_ARM_MISSING }, 1);
	} else {
		if (!parser_take(parser, "<") && !parser_take(parser, "<="))
			parser_expected(parser, "< or <= and a number, or else");
		if (!expression_constant(parser, &bound))
			return;
		bound = operand_literal(bound, arms->single);
		if (arms->bounded && bound <= arms->bound)
			parser_fail(parser, &at, "the bounds of a band must rise");
		arms->bound   = bound;
		arms->bounded = true;
		parser_emit(parser,
			    (struct instruction){ .op = OP_ARM_LESS,
						  .b  = equal,
						  .c  = parser_constant(parser, bound) },
			    1);
	}
	parser_need(parser, ":");
	arm(parser, arms);
}

struct operand band_expression(struct parser *parser)
{
	struct arms    arms    = { .out = { .line   = parser->token.line,
					    .column = parser->token.column } };
	struct operand subject = expression(parser);

	parser_want(parser, &subject, TYPE_NUMBER, " after band");
	arms.single = subject.single;
	begin(parser, &arms, true);
	while (!parser->lost && !parser_at(parser, "else"))
		band_arm(parser, &arms);
	return finish(parser, &arms);
}
