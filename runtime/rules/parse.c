/* The whole file: let, list, rule and typology, in any order; what is used stands above
 * where it is used. */
#include <stdlib.h>

#include "runtime/base/digest.h"
#include "runtime/rules/parser.h"

/* A name of one's own for a value or a list. */
static bool take_own_name(struct parser *parser, struct token *out, char *name)
{
	if (!parser_need_kind(parser, TOKEN_NAME, "a name", out))
		return false;
	if (out->raw.size_bytes > RULES_ID_BYTES_MAX) {
		parser_fail(parser, out, "a name has at most %d bytes", RULES_ID_BYTES_MAX);
		return true;
	}
	memcpy(name, out->raw.data, out->raw.size_bytes);
	return true;
}

/* let large = 5000; */
static void parse_let(struct parser *parser)
{
	struct let     let = { 0 };
	struct token   name;
	struct operand value;

	if (!take_own_name(parser, &name, let.name) || !parser_need(parser, "="))
		return;
	if (name_is_taken(parser, name.raw))
		parser_fail(parser, &name, "the name %.*s is taken", (int)lex_cut(name.raw, 64),
			    name.raw.data);
	parser->in_let = true;
	value          = expression_span(parser, &let.code);
	parser->in_let = false;
	let.type       = value.type;
	let.money      = value.money;
	let.single     = value.single;
	if (parser->plan->program.lets_count == RULES_LETS_MAX)
		parser_fail(parser, &name, "there are more than %d lets", RULES_LETS_MAX);
	else
		parser_full(parser, plan_add_lets(parser->plan, &let));
	parser_need(parser, ";");
}

/* "m-17" until 2026-12-31T00:00:00Z; */
static void parse_entry(struct parser *parser, struct list *list)
{
	struct list_initial entry = { .expires_ns = RULES_NO_EXPIRY };
	struct token        value, until;

	if (!parser_need_kind(parser, TOKEN_TEXT, "a text or '}'", &value))
		return;
	entry.value = parser_text(parser, &value);
	if (entry.value.size_bytes == 0 ||
	    entry.value.size_bytes > sizeof(((struct list_edit *)0)->value.data))
		parser_fail(parser, &value, "an entry of a list has 1 to %zu bytes",
			    sizeof(((struct list_edit *)0)->value.data));
	if (parser_take(parser, "until") &&
	    parser_need_kind(parser, TOKEN_TIME, "a time, as 2026-12-31T00:00:00Z", &until))
		entry.expires_ns = until.time_ns;
	if (list->entries.count == RULES_LIST_ENTRIES_MAX)
		parser_fail(parser, &value, "a list has at most %d entries",
			    RULES_LIST_ENTRIES_MAX);
	else if (!parser_full(parser, plan_add_entries(parser->plan, &entry)))
		list->entries.count++;
	parser_need(parser, ";");
}

static void parse_room(struct parser *parser, struct list *list)
{
	struct token room;

	if (!parser_need_kind(parser, TOKEN_NUMBER, "how many entries there is room for", &room))
		return;
	if (room.number < 1 || room.number > RULES_LIST_ENTRIES_MAX ||
	    room.number != (double)(uint32_t)room.number)
		parser_fail(parser, &room, "expected a whole number from 1 to %d, found %.*s",
			    RULES_LIST_ENTRIES_MAX, (int)lex_cut(room.raw, 20), room.raw.data);
	else
		list->room = (uint32_t)room.number;
}

static void parse_entries(struct parser *parser, struct list *list, const struct token *name)
{
	uint32_t braces = parser->braces;

	while (parser->token.kind != TOKEN_END && !parser_at(parser, "}") &&
	       !parser_at_top(parser)) {
		parse_entry(parser, list);
		parser_recover(parser, braces);
	}
	parser_need(parser, "}");
	if (list->entries.count > list->room)
		parser_fail(parser, name, "the list has %u entries and room for %u: %s",
			    list->entries.count, list->room, "write room and a number");
}

/* list blocked of merchant room 5000 { "m-17"; } */
static void parse_list(struct parser *parser)
{
	struct list  list = { .room          = RULES_ROOM_DEFAULT,
			      .entries.first = parser->plan->program.entries_count };
	struct token name, field;

	if (!take_own_name(parser, &name, list.name) || !parser_need(parser, "of") ||
	    !parser_need_kind(parser, TOKEN_NAME, "the field it holds", &field))
		return;
	list.field = (uint8_t)name_field(parser, &field);
	if (name_find_list(parser, name.raw) >= 0)
		parser_fail(parser, &name, "the list %.*s is there already",
			    (int)lex_cut(name.raw, 64), name.raw.data);
	if (parser_take(parser, "room"))
		parse_room(parser, &list);
	if (parser_take(parser, "{"))
		parse_entries(parser, &list, &name);
	else
		parser_need(parser, ";");
	if (parser->plan->program.lists_count == RULES_LISTS_MAX + 1)
		parser_fail(parser, &name, "there are more than %d lists", RULES_LISTS_MAX);
	else
		parser_full(parser, plan_add_lists(parser->plan, &list));
}

static void parse_one(struct parser *parser)
{
	if (parser_take(parser, "rule"))
		block_parse(parser, ITEM_RULE);
	else if (parser_take(parser, "typology"))
		block_parse(parser, ITEM_TYPOLOGY);
	else if (parser_take(parser, "list"))
		parse_list(parser);
	else if (parser_take(parser, "let"))
		parse_let(parser);
	else
		parser_expected(parser, "rule, typology, list or let");
}

/* To the next thing at the top: behind all braces, or where a line begins with it. */
static void recover_top(struct parser *parser)
{
	if (!parser->lost)
		return;
	parser->lost = false;
	while (parser->token.kind != TOKEN_END && !parser_at_top(parser) &&
	       (parser->braces > 0 || !(parser_at(parser, "rule") || parser_at(parser, "list") ||
					parser_at(parser, "typology") || parser_at(parser, "let"))))
		parser_next(parser);
}

static void parse_all(struct parser *parser, struct bytes text)
{
	static const struct list snooze = { .name = "snooze", .room = RULES_ITEMS_MAX };
	size_t                   valid  = lex_utf8(text);

	lex_open(&parser->lexer, text);
	if (text.size_bytes > RULES_TEXT_BYTES_MAX) {
		parser_fail_at(parser, 1, 1, "the rules are larger than %d bytes",
			       RULES_TEXT_BYTES_MAX);
		return;
	}
	if (valid < text.size_bytes) {
		lex_skip(&parser->lexer, valid);
		parser_fail_at(parser, parser->lexer.line, parser->lexer.column,
			       "expected UTF-8, found the byte 0x%02x", text.data[valid]);
		return;
	}
	parser_full(parser, plan_add_lists(parser->plan, &snooze));
	parser_next(parser);
	while (parser->token.kind != TOKEN_END) {
		parser->braces = 0;
		parse_one(parser);
		recover_top(parser);
	}
}

bool rules_parse(struct bytes text, const struct rules_scope *scope, struct rules_plan **out,
		 struct rules_errors *errors)
{
	struct rules_plan *plan   = calloc(1, sizeof(*plan));
	struct parser      parser = { .plan = plan, .scope = scope, .errors = errors };
	struct digest      digest;

	*out           = NULL;
	errors->count  = 0;
	errors->unsaid = 0;
	if (!plan) {
		parser_fail_at(&parser, 1, 1, "there is no memory to read the rules");
		return false;
	}
	parse_all(&parser, text);
	if (errors->count > 0) {
		rules_free_plan(plan);
		return false;
	}
	digest_init(&digest);
	digest_add(&digest, text.data, text.size_bytes);
	digest_end(&digest, plan->program.digest);
	*out = plan;
	return true;
}
