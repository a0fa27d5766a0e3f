/* schedule mon-fri 08:00-18:00, sat 09:00-12:00, sun;
 *
 * UTC.  Hours are half-open and may go on over midnight: fri 22:00-06:00 ends on
 * Saturday.  Without hours it is the whole day.  `daily` is mon-sun. */
#include "runtime/rules/parser.h"

#define DAYS          7
#define MINUTES_A_DAY 1440

static const char *const days[DAYS] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

/* 0 to 6, or -1. */
static int take_day(struct parser *parser)
{
	for (int day = 0; day < DAYS; day++)
		if (parser_take(parser, days[day]))
			return day;
	parser_expected(parser, "a day: mon, tue, wed, thu, fri, sat, sun or daily");
	return -1;
}

static uint8_t take_days(struct parser *parser)
{
	uint8_t out = 0;
	int     from, to;

	if (parser_take(parser, "daily"))
		return (1 << DAYS) - 1;
	from = to = take_day(parser);
	if (parser_take(parser, "-"))
		to = take_day(parser);
	if (from < 0 || to < 0)
		return 0;
	for (int day = from; day != to; day = (day + 1) % DAYS)
		out |= (uint8_t)(1 << day);
	return out | (uint8_t)(1 << to);
}

/* 08:30 as minutes; 24:00 is the end of the day. */
static uint16_t take_clock(struct parser *parser)
{
	struct token hour, minute;

	if (!parser_need_kind(parser, TOKEN_NUMBER, "an hour, as 08:30", &hour) ||
	    !parser_need(parser, ":") ||
	    !parser_need_kind(parser, TOKEN_NUMBER, "a minute, as 08:30", &minute))
		return 0;
	if (hour.raw.size_bytes != 2 || minute.raw.size_bytes != 2 || minute.number > 59 ||
	    hour.number * 60 + minute.number > MINUTES_A_DAY) {
		parser_fail(parser, &hour, "expected an hour from 00:00 to 24:00, found %.*s:%.*s",
			    (int)lex_cut(hour.raw, 20), hour.raw.data, (int)lex_cut(minute.raw, 20),
			    minute.raw.data);
		return 0;
	}
	return (uint16_t)(hour.number * 60 + minute.number);
}

static struct window take_window(struct parser *parser)
{
	struct window window = { .days = take_days(parser), .to_minute = MINUTES_A_DAY };
	struct token  at     = parser->token;

	if (parser->lost || parser->token.kind != TOKEN_NUMBER)
		return window;
	window.from_minute = take_clock(parser);
	parser_need(parser, "-");
	window.to_minute = take_clock(parser);
	if (window.from_minute == window.to_minute && parser->errors->count == 0)
		parser_fail(parser, &at, "the hours are empty; leave them out for the whole day");
	return window;
}

void schedule_parse(struct parser *parser, struct span *out)
{
	out->first = parser->plan->program.windows_count;
	do {
		struct window window = take_window(parser);

		if (parser->lost)
			return;
		if (out->count == RULES_WINDOWS_MAX) {
			parser_fail(parser, &parser->token, "a schedule has at most %d windows",
				    RULES_WINDOWS_MAX);
			return;
		}
		if (parser_full(parser, plan_add_windows(parser->plan, &window)))
			return;
		out->count++;
	} while (parser_take(parser, ","));
}
