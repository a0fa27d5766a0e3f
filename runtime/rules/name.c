/* What a name means, in this order: a `let`, what the language itself names, a field, a
 * computed feature, a supplied one. */
#include <stdio.h>

#include "runtime/rules/parser.h"

struct builtin {
	const char *name;
	uint8_t     op;
	uint8_t     type;
	bool        money;
	bool        single;
};

static const struct builtin builtins[] = {
	{ "amount", OP_AMOUNT, TYPE_NUMBER, true, false },
	{ "score", OP_SCORE, TYPE_NUMBER, false, true },
	{ "margin", OP_MARGIN, TYPE_NUMBER, false, true },
	{ "model_ran", OP_MODEL_RAN, TYPE_BOOLEAN, false, false },
	{ "time", OP_TIME_OF_TRANSACTION, TYPE_TIME, false, false },
	{ "now", OP_TIME_NOW, TYPE_TIME, false, false },
	{ "total", OP_TOTAL, TYPE_NUMBER, false, false },
};
#define BUILTINS_COUNT (sizeof(builtins) / sizeof(builtins[0]))

/* Words that can't be names of one's own. */
static const char *const words[] = {
	"and",  "or",  "not",  "in",       "true", "false", "switch", "band", "else",
	"rule", "let", "list", "typology", "room", "until", "hit",    "of",   "feature",
};
#define WORDS_COUNT (sizeof(words) / sizeof(words[0]))

static bool is(struct bytes name, const char *text)
{
	return bytes_equal(name, bytes_of(text, strlen(text)));
}

static const struct builtin *find_builtin(const struct parser *parser, struct bytes name)
{
	for (size_t i = 0; i < BUILTINS_COUNT; i++)
		if (is(name, builtins[i].name))
			return builtins[i].op == OP_TOTAL && !parser->in_total ? NULL
									       : &builtins[i];
	return NULL;
}

static int find_let(const struct parser *parser, struct bytes name)
{
	const struct program *program = &parser->plan->program;

	for (uint32_t i = 0; i < program->lets_count; i++)
		if (is(name, program->lets[i].name))
			return (int)i;
	return -1;
}

static int find_computed(const struct parser *parser, struct bytes name)
{
	const struct feature_plan *plan = parser->scope->computed;

	for (uint32_t i = 0; plan && i < plan->features_count; i++)
		if (is(name, plan->features[i].name))
			return (int)i;
	return -1;
}

static int find_supplied(const struct parser *parser, struct bytes name)
{
	const struct feature_schema *schema = parser->scope->supplied;

	for (uint32_t i = 0; schema && i < schema->count; i++)
		if (is(name, schema->names[i]))
			return (int)i;
	return -1;
}

int name_find_list(const struct parser *parser, struct bytes name)
{
	const struct program *program = &parser->plan->program;

	for (uint32_t i = 0; i < program->lists_count; i++)
		if (is(name, program->lists[i].name))
			return (int)i;
	return -1;
}

int name_find_item(const struct parser *parser, struct bytes name)
{
	const struct program *program = &parser->plan->program;

	for (uint32_t i = 0; i < program->items_count; i++)
		if (is(name, program->items[i].id))
			return (int)i;
	return -1;
}

bool name_is_taken(const struct parser *parser, struct bytes name)
{
	for (size_t i = 0; i < WORDS_COUNT; i++)
		if (is(name, words[i]))
			return true;
	for (size_t i = 0; i < BUILTINS_COUNT; i++)
		if (is(name, builtins[i].name))
			return true;
	for (uint32_t i = 0; i < functions_count; i++)
		if (is(name, functions[i].name))
			return true;
	return find_let(parser, name) >= 0 || field_of_name(name) != FIELD_NONE ||
	       find_computed(parser, name) >= 0 || find_supplied(parser, name) >= 0;
}

/* ---- loading */

static struct operand bare(const struct token *token, enum value_type type, bool money)
{
	return (struct operand){ .type   = type,
				 .line   = token->line,
				 .column = token->column,
				 .money  = money,
				 .bare   = true,
				 .raw    = token->raw };
}

/* A let of one instruction is repeated instead: it costs no more than fetching it. */
static struct operand load_let(struct parser *parser, const struct token *token, uint32_t at)
{
	const struct let  *let  = &parser->plan->program.lets[at];
	struct instruction load = { .op = OP_LET, .c = at };
	struct operand     out  = bare(token, let->type, let->money);

	if (let->code.count == 1)
		load = parser->plan->program.code[let->code.first];
	out.single = let->single;
	if (let->type != TYPE_NONE)
		out.literal = parser_emit(parser, load, 1) + 1;
	if (load.op != OP_NUMBER)
		out.literal = 0;
	return out;
}

static bool is_money(enum feature_kind kind)
{
	return kind == FEATURE_SUM || kind == FEATURE_MEAN || kind == FEATURE_MIN ||
	       kind == FEATURE_MAX || kind == FEATURE_STDDEV || kind == FEATURE_AMOUNT;
}

struct operand name_load_feature(struct parser *parser, const struct token *token)
{
	int            at = find_computed(parser, token->raw);
	struct operand out;

	if (at >= 0) {
		parser_emit(parser, (struct instruction){ .op = OP_COMPUTED, .c = (uint32_t)at },
			    1);
		return bare(token, TYPE_NUMBER,
			    is_money(parser->scope->computed->features[at].kind));
	}
	at = find_supplied(parser, token->raw);
	if (at >= 0) {
		parser_emit(parser, (struct instruction){ .op = OP_SUPPLIED, .c = (uint32_t)at },
			    1);
		out        = bare(token, TYPE_NUMBER, false);
		out.single = true;
		return out;
	}
	name_unknown(parser, token, "name");
	return bare(token, TYPE_NONE, false);
}

struct operand name_load(struct parser *parser, const struct token *token)
{
	int                   let     = find_let(parser, token->raw);
	const struct builtin *builtin = find_builtin(parser, token->raw);
	enum field            field   = field_of_name(token->raw);
	struct operand        out;

	if (let >= 0)
		return load_let(parser, token, (uint32_t)let);
	if (builtin) {
		parser_emit(parser, (struct instruction){ .op = builtin->op }, 1);
		out        = bare(token, builtin->type, builtin->money);
		out.single = builtin->single;
		return out;
	}
	if (field != FIELD_NONE) {
		parser_emit(parser, (struct instruction){ .op = OP_FIELD, .c = field }, 1);
		return bare(token, TYPE_TEXT, false);
	}
	return name_load_feature(parser, token);
}

/* ---- the nearest name */

#define NEAR_BYTES_MAX 64

/* Levenshtein's distance: changes, insertions and removals of one byte. */
static size_t distance(struct bytes a, const char *b)
{
	size_t row[NEAR_BYTES_MAX + 1];
	size_t n = strlen(b);

	if (a.size_bytes > NEAR_BYTES_MAX || n > NEAR_BYTES_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.size_bytes; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t change = diagonal + (a.data[i - 1] != (uint8_t)b[j - 1]);
			size_t best   = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j]   = change < best ? change : best;
		}
	}
	return row[n];
}

struct nearest {
	struct bytes wanted;
	const char  *name;
	size_t       distance;
};

static void consider(struct nearest *nearest, const char *name)
{
	size_t d = name[0] ? distance(nearest->wanted, name) : SIZE_MAX;

	if (d < nearest->distance) {
		nearest->name     = name;
		nearest->distance = d;
	}
}

static void consider_values(struct nearest *nearest, const struct parser *parser)
{
	const struct program *program = &parser->plan->program;

	for (uint32_t i = 0; i < program->lets_count; i++)
		consider(nearest, program->lets[i].name);
	for (size_t i = 0; i < BUILTINS_COUNT; i++)
		if (builtins[i].op != OP_TOTAL || parser->in_total)
			consider(nearest, builtins[i].name);
	for (enum field field = FIELD_NONE + 1; field < FIELD_COUNT; field++)
		consider(nearest, field_name(field));
	for (uint32_t i = 0; parser->scope->computed && i < parser->scope->computed->features_count;
	     i++)
		consider(nearest, parser->scope->computed->features[i].name);
	for (uint32_t i = 0; parser->scope->supplied && i < parser->scope->supplied->count; i++)
		consider(nearest, parser->scope->supplied->names[i]);
}

static void consider_all(struct nearest *nearest, const struct parser *parser, const char *what)
{
	const struct program *program = &parser->plan->program;

	if (strcmp(what, "name") == 0)
		consider_values(nearest, parser);
	for (uint32_t i = 0; strcmp(what, "function") == 0 && i < functions_count; i++)
		consider(nearest, functions[i].name);
	for (uint32_t i = 0; strcmp(what, "list") == 0 && i < program->lists_count; i++)
		consider(nearest, program->lists[i].name);
	for (uint32_t i = 0; strcmp(what, "rule") == 0 && i < program->items_count; i++)
		consider(nearest, program->items[i].id);
	for (enum field f = FIELD_NONE + 1; strcmp(what, "field") == 0 && f < FIELD_COUNT; f++)
		consider(nearest, field_name(f));
}

/* A third of the letters may be wrong, and one always. */
void name_unknown(struct parser *parser, const struct token *token, const char *what)
{
	struct nearest nearest = { .wanted = token->raw, .distance = SIZE_MAX };
	size_t         shown   = lex_cut(token->raw, 64);

	consider_all(&nearest, parser, what);
	if (nearest.name && nearest.distance <= 1 + token->raw.size_bytes / 3)
		parser_fail(parser, token, "unknown %s %.*s; did you mean %s?", what, (int)shown,
			    token->raw.data, nearest.name);
	else
		parser_fail(parser, token, "unknown %s %.*s", what, (int)shown, token->raw.data);
}

enum field name_field(struct parser *parser, const struct token *token)
{
	enum field field = field_of_name(token->raw);

	if (field == FIELD_NONE)
		name_unknown(parser, token, "field");
	return field;
}
