/* rule ID { ... } and typology ID { ... }: statements in any order, each but `weight` at
 * most once. */
#include <math.h>

#include "runtime/rules/parser.h"

struct block {
	struct item  item;
	struct token id;
	uint32_t     given; /* bit set of rows of statements[] */
};

static void word_of(struct parser *parser, const char *const *words, uint32_t count,
		    const char *what, uint8_t *out)
{
	for (uint32_t i = 0; i < count; i++)
		if (parser_take(parser, words[i])) {
			*out = (uint8_t)i;
			return;
		}
	parser_expected(parser, what);
}

static void take_when(struct parser *parser, struct block *block)
{
	expression_of(parser, TYPE_BOOLEAN, " after when", &block->item.when);
}

static void take_then(struct parser *parser, struct block *block)
{
	static const char *const words[ACTION_COUNT] = { "note", "review", "decline", "allow" };

	word_of(parser, words, ACTION_COUNT, "note, review, decline or allow", &block->item.action);
}

static void take_severity(struct parser *parser, struct block *block)
{
	static const char *const words[SEVERITY_COUNT] = { "info", "low", "high", "critical" };

	word_of(parser, words, SEVERITY_COUNT, "info, low, high or critical",
		&block->item.severity);
}

static void take_reason(struct parser *parser, struct block *block)
{
	parser->in_total = block->item.kind == ITEM_TYPOLOGY;
	reason_parse(parser, &block->item.parts);
	parser->in_total = false;
}

static void take_schedule(struct parser *parser, struct block *block)
{
	schedule_parse(parser, &block->item.windows);
}

static void take_snooze(struct parser *parser, struct block *block)
{
	struct token until;

	if (parser_need(parser, "until") &&
	    parser_need_kind(parser, TOKEN_TIME, "a time, as 2026-12-31T00:00:00Z", &until))
		block->item.snoozed_until_ns = until.time_ns;
}

static void take_always(struct parser *parser, struct block *block)
{
	(void)parser;
	block->item.always = true;
}

static void take_weight(struct parser *parser, struct block *block)
{
	struct weight weight = { 0 };

	if (block->item.weights.count == 0)
		block->item.weights.first = parser->plan->program.weights_count;
	if (block->item.weights.count == RULES_WEIGHTS_MAX) {
		parser_fail(parser, &parser->token, "a typology has at most %d weights",
			    RULES_WEIGHTS_MAX);
		parser->lost = true;
		return;
	}
	expression_of(parser, TYPE_NUMBER, " after weight", &weight.value);
	if (parser_take(parser, "when"))
		expression_of(parser, TYPE_BOOLEAN, " after when", &weight.when);
	if (!parser_full(parser, plan_add_weights(parser->plan, &weight)))
		block->item.weights.count++;
}

static void take_threshold(struct parser *parser, int64_t *out)
{
	struct token at;
	double       threshold;

	if (!parser_need(parser, "at"))
		return;
	at = parser->token;
	if (!expression_constant(parser, &threshold))
		return;
	if (threshold <= 0 || threshold > RULES_WEIGHT_MAX)
		parser_fail(parser, &at, "a threshold is above 0 and at most %d", RULES_WEIGHT_MAX);
	else
		*out = (int64_t)round(threshold * RULES_WEIGHT_ONE);
}

static void take_review(struct parser *parser, struct block *block)
{
	take_threshold(parser, &block->item.review_at);
}

static void take_decline(struct parser *parser, struct block *block)
{
	take_threshold(parser, &block->item.decline_at);
}

#define IN_RULE     (1 << ITEM_RULE)
#define IN_TYPOLOGY (1 << ITEM_TYPOLOGY)
#define IN_BOTH     (IN_RULE | IN_TYPOLOGY)

/* `example` is what a block without a needed statement is told to add. */
static const struct statement {
	const char *word;
	uint8_t     allowed, needed; /* in which kinds of blocks */
	bool        repeats;
	void (*take)(struct parser *parser, struct block *block);
	const char *example;
} statements[] = {
	{ "when", IN_RULE, IN_RULE, false, take_when, "when amount > 1000;" },
	{ "then", IN_RULE, IN_RULE, false, take_then, "then review;" },
	{ "weight", IN_TYPOLOGY, IN_TYPOLOGY, true, take_weight, "weight 0.5 when amount > 1000;" },
	{ "review", IN_TYPOLOGY, 0, false, take_review, "review at 0.5;" },
	{ "decline", IN_TYPOLOGY, 0, false, take_decline, "decline at 0.8;" },
	{ "reason", IN_BOTH, IN_BOTH, false, take_reason, "reason \"large: {amount}\";" },
	{ "severity", IN_BOTH, 0, false, take_severity, "severity high;" },
	{ "schedule", IN_BOTH, 0, false, take_schedule, "schedule mon-fri 08:00-18:00;" },
	{ "snooze", IN_BOTH, 0, false, take_snooze, "snooze until 2026-12-31T00:00:00Z;" },
	{ "always", IN_BOTH, 0, false, take_always, "always;" },
};
#define STATEMENTS_COUNT (sizeof(statements) / sizeof(statements[0]))

static const char *const kind_names[] = { [ITEM_RULE] = "rule", [ITEM_TYPOLOGY] = "typology" };

static void take_statement(struct parser *parser, struct block *block)
{
	uint8_t kind = block->item.kind;

	for (size_t i = 0; i < STATEMENTS_COUNT; i++) {
		const struct statement *row = &statements[i];

		if (!(row->allowed & 1 << kind) || !parser_at(parser, row->word))
			continue;
		if (block->given & 1u << i && !row->repeats)
			parser_fail(parser, &parser->token, "%s stands twice in one %s", row->word,
				    kind_names[kind]);
		block->given |= 1u << i;
		parser_next(parser);
		row->take(parser, block);
		parser_need(parser, ";");
		return;
	}
	parser_expected(parser,
			kind == ITEM_RULE
				? "when, then, reason, severity, schedule, snooze, always or '}'"
				: "weight, review, decline, reason, severity, schedule, snooze, "
				  "always or '}'");
}

static bool is_given(const struct block *block, const char *word)
{
	for (size_t i = 0; i < STATEMENTS_COUNT; i++)
		if (strcmp(statements[i].word, word) == 0)
			return block->given & 1u << i;
	return false;
}

/* What only the whole block can tell. */
static void check_block(struct parser *parser, const struct block *block)
{
	const struct item *item = &block->item;

	for (size_t i = 0; i < STATEMENTS_COUNT; i++)
		if (statements[i].needed & 1 << item->kind && !(block->given & 1u << i))
			parser_fail(parser, &block->id, "%s %s has no %s; add, for instance: %s",
				    kind_names[item->kind], item->id, statements[i].word,
				    statements[i].example);
	if (item->kind == ITEM_TYPOLOGY && !is_given(block, "review") &&
	    !is_given(block, "decline"))
		parser_fail(parser, &block->id,
			    "typology %s has no threshold; add review at, decline at or both",
			    item->id);
	if (item->review_at != INT64_MAX && item->review_at >= item->decline_at)
		parser_fail(parser, &block->id, "typology %s must review below where it declines",
			    item->id);
	if (item->kind == ITEM_RULE && item->always && item->action != ACTION_REVIEW &&
	    item->action != ACTION_DECLINE)
		parser_fail(parser, &block->id, "rule %s: always goes with review or decline only",
			    item->id);
}

static void take_id(struct parser *parser, struct block *block)
{
	if (!parser_need_kind(parser, TOKEN_NAME, "an id", &block->id))
		return;
	if (block->id.raw.size_bytes > RULES_ID_BYTES_MAX) {
		parser_fail(parser, &block->id, "an id has at most %d bytes", RULES_ID_BYTES_MAX);
		return;
	}
	if (name_find_item(parser, block->id.raw) >= 0)
		parser_fail(parser, &block->id, "there is a rule or typology %.*s above",
			    (int)block->id.raw.size_bytes, block->id.raw.data);
	memcpy(block->item.id, block->id.raw.data, block->id.raw.size_bytes);
}

static bool has_room(struct parser *parser, const struct block *block)
{
	const struct program *program = &parser->plan->program;
	uint32_t max   = block->item.kind == ITEM_RULE ? RULES_MAX : RULES_TYPOLOGIES_MAX;
	uint32_t count = 0;

	for (uint32_t i = 0; i < program->items_count; i++)
		count += program->items[i].kind == block->item.kind;
	if (count < max)
		return true;
	parser_fail(parser, &block->id, "there are more than %u of this kind: %s", max,
		    kind_names[block->item.kind]);
	return false;
}

void block_parse(struct parser *parser, enum item_kind kind)
{
	struct block block = { .item = { .kind             = kind,
					 .severity         = SEVERITY_COUNT,
					 .snoozed_until_ns = INT64_MIN,
					 .review_at        = INT64_MAX,
					 .decline_at       = INT64_MAX } };

	take_id(parser, &block);
	uint32_t braces = parser->braces + 1;

	if (!parser_need(parser, "{"))
		return;
	while (parser->token.kind != TOKEN_END && !parser_at(parser, "}") &&
	       !parser_at_top(parser)) {
		take_statement(parser, &block);
		parser_recover(parser, braces);
	}
	parser_need(parser, "}");
	if (!parser->lost)
		check_block(parser, &block);
	if (has_room(parser, &block))
		parser_full(parser, plan_add_items(parser->plan, &block.item));
}
