/* One decision's rules:
 *
 *   lets, in the order of the file
 *   items, in the order of the file: schedule and snoozes, condition or weights -> a hit
 *   the gravest of what hit, in words */
#include <math.h>

#include "runtime/rules/machine.h"
#include "runtime/rules/render.h"

#define MINUTE_NS       (60 * INT64_C(1000000000))
#define MINUTES_A_DAY   1440
#define DAYS_A_WEEK     7
#define MONDAY_OF_EPOCH 3 /* 1970-01-01 was a Thursday */

/* What hit, in the order of the file. */
struct hits {
	uint32_t count;
	uint16_t items[RULES_ITEMS_MAX];
	uint8_t  severity[RULES_ITEMS_MAX];
	uint8_t  verdict[RULES_ITEMS_MAX];
	int64_t  total[RULES_ITEMS_MAX]; /* of typologies */
};

/* An `allow` or `note` asks for nothing by itself. */
static const uint8_t verdict_of[ACTION_COUNT] = {
	[ACTION_NOTE]    = VERDICT_APPROVE,
	[ACTION_ALLOW]   = VERDICT_APPROVE,
	[ACTION_REVIEW]  = VERDICT_REVIEW,
	[ACTION_DECLINE] = VERDICT_DECLINE,
};

static const uint8_t severity_of[VERDICT_COUNT] = {
	[VERDICT_APPROVE] = SEVERITY_INFO,
	[VERDICT_REVIEW]  = SEVERITY_LOW,
	[VERDICT_DECLINE] = SEVERITY_HIGH,
};

static bool in_window(const struct window *window, uint32_t day, uint32_t minute)
{
	uint32_t before    = (day + DAYS_A_WEEK - 1) % DAYS_A_WEEK;
	bool     today     = window->days >> day & 1;
	bool     yesterday = window->days >> before & 1;

	if (window->from_minute < window->to_minute)
		return today && minute >= window->from_minute && minute < window->to_minute;
	return (today && minute >= window->from_minute) ||
	       (yesterday && minute < window->to_minute);
}

static bool is_scheduled(const struct program *program, const struct item *item, int64_t now_ns)
{
	int64_t minutes = now_ns / MINUTE_NS - (now_ns % MINUTE_NS < 0);
	int64_t days    = minutes / MINUTES_A_DAY - (minutes % MINUTES_A_DAY < 0);
	int64_t weekday = (days + MONDAY_OF_EPOCH) % DAYS_A_WEEK;
	int64_t minute  = minutes - days * MINUTES_A_DAY;

	if (item->windows.count == 0)
		return true;
	weekday += weekday < 0 ? DAYS_A_WEEK : 0;
	for (uint32_t i = 0; i < item->windows.count; i++)
		if (in_window(&program->windows[item->windows.first + i], (uint32_t)weekday,
			      (uint32_t)minute))
			return true;
	return false;
}

/* In whole millionths; a missing weight adds nothing. */
static int64_t weight_of(struct value value)
{
	double weight = value.number;

	if (value_is_missing(value))
		return 0;
	if (weight > RULES_WEIGHT_MAX)
		weight = RULES_WEIGHT_MAX;
	if (weight < -RULES_WEIGHT_MAX)
		weight = -RULES_WEIGHT_MAX;
	return (int64_t)round(weight * RULES_WEIGHT_ONE);
}

static int64_t total_of(const struct machine *machine, const struct item *item)
{
	int64_t total = 0;

	for (uint32_t i = 0; i < item->weights.count; i++) {
		const struct weight *weight = &machine->program->weights[item->weights.first + i];

		if (weight->when.count == 0 || machine_run(machine, weight->when).boolean)
			total += weight_of(machine_run(machine, weight->value));
	}
	return total;
}

/* True when the item hits; its verdict and total are then told. */
static bool evaluate(const struct machine *machine, const struct item *item, uint8_t *verdict,
		     int64_t *total)
{
	int64_t now_ns = machine->input->now_ns;

	if (now_ns < item->snoozed_until_ns || !is_scheduled(machine->program, item, now_ns))
		return false;
	if (item->kind == ITEM_RULE) {
		*verdict = verdict_of[item->action];
		*total   = 0;
		return machine_run(machine, item->when).boolean;
	}
	*total   = total_of(machine, item);
	*verdict = *total >= item->decline_at ? VERDICT_DECLINE : VERDICT_REVIEW;
	return *total >= item->decline_at || *total >= item->review_at;
}

static bool is_snoozed(const struct machine *machine, const struct item *item)
{
	return lists_has(machine->input->lists, RULES_SNOOZE_LIST,
			 value_text(bytes_of(item->id, strlen(item->id))), machine->input->now_ns);
}

static void evaluate_all(struct machine *machine, struct hits *hits)
{
	const struct program *program = machine->program;

	hits->count = 0;
	memset(machine->hits, 0, sizeof(machine->hits));
	for (uint32_t i = 0; i < program->lets_count; i++)
		machine->lets[i] = machine_run(machine, program->lets[i].code);
	for (uint32_t i = 0; i < program->items_count; i++) {
		const struct item *item = &program->items[i];
		uint32_t           n    = hits->count;

		if (!evaluate(machine, item, &hits->verdict[n], &hits->total[n]) ||
		    is_snoozed(machine, item))
			continue;
		machine->hits[i / 64] |= UINT64_C(1) << (i % 64);
		hits->items[n]    = (uint16_t)i;
		hits->severity[n] = item->severity < SEVERITY_COUNT ? item->severity
								    : severity_of[hits->verdict[n]];
		hits->count++;
	}
}

static void sum_up(const struct program *program, const struct hits *hits,
		   struct rules_outcome *out)
{
	bool allowed = false, always = false;

	out->verdict = VERDICT_APPROVE;
	for (uint32_t i = 0; i < hits->count; i++) {
		const struct item *item = &program->items[hits->items[i]];

		if (hits->verdict[i] > out->verdict)
			out->verdict = hits->verdict[i];
		allowed |= item->kind == ITEM_RULE && item->action == ACTION_ALLOW;
		always |= item->always;
	}
	out->allowed = allowed && !always;
	out->hit     = (uint16_t)hits->count;
}

static void tell(struct machine *machine, const struct hits *hits, uint32_t hit,
		 struct decision_rule *out)
{
	const struct item *item = &machine->program->items[hits->items[hit]];
	size_t             n    = strlen(item->id);

	out->severity      = hits->severity[hit];
	out->verdict       = hits->verdict[hit];
	out->id.size_bytes = (uint16_t)n;
	memset(out->id.data, 0, sizeof(out->id.data));
	memcpy(out->id.data, item->id, n);
	machine->total = hits->total[hit];
	render_reason(machine, item, out);
}

void rules_run(const struct rules *rules, const struct rules_input *input,
	       struct rules_outcome *out)
{
	struct machine machine; /* its lets and hits are filled before they are read */
	struct hits    hits;

	machine.program = &rules->program;
	machine.input   = input;
	machine.total   = 0;
	memset(out, 0, sizeof(*out));
	evaluate_all(&machine, &hits);
	sum_up(&rules->program, &hits, out);
	for (int severity = SEVERITY_COUNT - 1; severity >= 0; severity--)
		for (uint32_t i = 0; i < hits.count && out->told < DECISION_RULES_MAX; i++)
			if (hits.severity[i] == severity)
				tell(&machine, &hits, i, &out->rules[out->told++]);
}
