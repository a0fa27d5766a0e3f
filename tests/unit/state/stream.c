#include "tests/unit/state/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0_NS     (INT64_C(1522540800) * SECOND_NS) /* 2018-04-01 */
#define OPS_EVENT (2 * 5 + 5 + 5)                   /* calls of one event, at most */

static uint64_t below(uint64_t *seed, uint64_t n)
{
	return splitmix(seed) % n;
}

/* ---- the plan */

enum { CARD, PAIR, INBOUND, TERMINAL, VERDICTS };

static void add(struct feature_plan *plan, enum feature_kind kind, uint8_t entity,
		int64_t window_ns, int64_t delay_ns, enum field of)
{
	struct feature_spec *spec = &plan->features[plan->features_count++];

	*spec = (struct feature_spec){ .kind      = kind,
				       .entity    = entity,
				       .of        = of,
				       .window_ns = window_ns,
				       .delay_ns  = delay_ns };
	snprintf(spec->name, sizeof(spec->name), "f%u", plan->features_count);
}

static void add_entity(struct feature_plan *plan, const char *name, const uint8_t key[2],
		       const uint8_t read[2], uint32_t channels, bool decisions)
{
	struct entity_spec *spec = &plan->entities[plan->entities_count++];

	snprintf(spec->name, sizeof(spec->name), "%s", name);
	memcpy(spec->key, key, 2);
	memcpy(spec->read, read, 2);
	spec->channels    = channels;
	spec->history_max = PLAN_HISTORY_MAX;
	spec->decisions   = decisions;
}

void stream_plan(struct feature_plan *plan, uint32_t shards, uint64_t memory_bytes)
{
	static const uint8_t card[2]     = { FIELD_CARD };
	static const uint8_t pair[2]     = { FIELD_ACCOUNT, FIELD_CURRENCY };
	static const uint8_t payee[2]    = { FIELD_PAYEE };
	static const uint8_t account[2]  = { FIELD_ACCOUNT };
	static const uint8_t terminal[2] = { FIELD_TERMINAL };

	memset(plan, 0, sizeof(*plan));
	plan->shards       = shards;
	plan->memory_bytes = memory_bytes;
	plan->lateness_ns  = HOUR_NS;
	add_entity(plan, "card", card, card, 0, false);
	add_entity(plan, "pair", pair, pair, 0, false);
	add_entity(plan, "inbound", payee, account, 0, false);
	add_entity(plan, "terminal", terminal, terminal,
		   1u << CHANNEL_CARD_PRESENT | 1u << CHANNEL_ATM, false);
	add_entity(plan, "verdicts", account, account, 0, true);
	for (int kind = FEATURE_COUNT; kind <= FEATURE_LABELLED; kind++) {
		enum field of = kind == FEATURE_DISTINCT ? FIELD_TERMINAL : FIELD_NONE;

		add(plan, kind, CARD, DAY_NS, 0, of);
		add(plan, kind, CARD, 7 * DAY_NS, HOUR_NS, of);
	}
	add(plan, FEATURE_DISTINCT, CARD, DAY_NS, 0, FIELD_MERCHANT_COUNTRY);
	add(plan, FEATURE_COUNT, PAIR, MINUTE_NS, 0, FIELD_NONE);
	add(plan, FEATURE_MAX, PAIR, HOUR_NS, 0, FIELD_NONE);
	add(plan, FEATURE_SINCE_FIRST, PAIR, 0, 0, FIELD_NONE);
	add(plan, FEATURE_COUNT, INBOUND, 2 * DAY_NS, 0, FIELD_NONE);
	add(plan, FEATURE_SUM, INBOUND, 2 * DAY_NS, 0, FIELD_NONE);
	add(plan, FEATURE_SINCE_LAST, INBOUND, 0, 0, FIELD_NONE);
	add(plan, FEATURE_DISTINCT, INBOUND, DAY_NS, 0, FIELD_ACCOUNT);
	for (int days = 1; days <= 30; days = days == 1 ? 7 : days == 7 ? 30 : 31) {
		add(plan, FEATURE_COUNT, TERMINAL, days * DAY_NS, 7 * DAY_NS, FIELD_NONE);
		add(plan, FEATURE_FRAUD_RATE, TERMINAL, days * DAY_NS, 7 * DAY_NS, FIELD_NONE);
	}
	add(plan, FEATURE_DECLINES, VERDICTS, DAY_NS, 0, FIELD_NONE);
	add(plan, FEATURE_REVIEWS, VERDICTS, 3 * DAY_NS, HOUR_NS, FIELD_NONE);
	add(plan, FEATURE_HOUR, PLAN_NO_ENTITY, 0, 0, FIELD_NONE);
}

/* ---- the stream */

#define PUT_TEXT(text, ...) \
	((text).size_bytes = (uint16_t)snprintf((text).data, sizeof((text).data), __VA_ARGS__))

static void make_transaction(struct stream *stream, struct transaction *t, int64_t time_ns,
			     const struct stream_options *o)
{
	static const char *const currencies[] = { "EUR", "JPY", "TND" };
	static const uint8_t     exponents[]  = { 2, 0, 3 };
	static const char *const countries[]  = { "DE", "FR", "GB", "PL", "US" };
	uint64_t                *seed         = &stream->seed;
	uint64_t                 money        = below(seed, 3);

	memset(t, 0, sizeof(*t));
	PUT_TEXT(t->id, "t%u", stream->events_count);
	t->time_ns = time_ns;
	memcpy(t->currency, currencies[money], 3);
	t->currency_exponent = exponents[money];
	t->amount_minor      = (int64_t)below(seed, UINT64_C(1) << below(seed, 49));
	t->channel           = (uint8_t)(1 + below(seed, CHANNEL_COUNT - 1));
	PUT_TEXT(t->card, "c%u", (unsigned)below(seed, o->entities));
	if (below(seed, 4) != 0)
		PUT_TEXT(t->account, "a%u", (unsigned)below(seed, o->entities));
	if (below(seed, 3) != 0)
		PUT_TEXT(t->payee, "a%u", (unsigned)below(seed, o->entities));
	if (below(seed, 5) != 0)
		PUT_TEXT(t->terminal, "t%u", (unsigned)below(seed, o->entities));
	if (below(seed, 2) != 0)
		memcpy(t->merchant_country, countries[below(seed, 5)], 2);
}

static struct op *new_op(struct stream *stream, enum op_kind kind, uint8_t entity,
			 struct hash128 key, uint32_t event)
{
	struct op *op = &stream->ops[stream->ops_count++];

	assert(stream->ops_count <= stream->ops_max);
	*op = (struct op){ .kind   = kind,
			   .entity = entity,
			   .shard  = state_shard_of(stream->plan, key),
			   .event  = event,
			   .key    = key };
	return op;
}

static void walk(struct stream *stream, uint32_t event)
{
	const struct event *e = &stream->events[event];

	for (uint8_t i = 0; i < stream->plan->entities_count; i++) {
		if (hash_same(e->keys.file[i], e->keys.read[i])) {
			new_op(stream, OP_TOUCH, i, e->keys.file[i], event);
		} else {
			new_op(stream, OP_READ, i, e->keys.read[i], event);
			new_op(stream, OP_FILE, i, e->keys.file[i], event);
		}
	}
	for (uint8_t i = 0; i < stream->plan->entities_count; i++) {
		if (stream->plan->entities[i].decisions && hash_is(e->keys.file[i]))
			new_op(stream, OP_DECIDED, i, e->keys.file[i], event)->verdict = e->verdict;
	}
}

/* A label of an earlier transaction: as sightings would tell it. */
static void label(struct stream *stream)
{
	uint32_t      event    = (uint32_t)below(&stream->seed, stream->events_count);
	struct event *e        = &stream->events[event];
	int8_t        frauds   = (int8_t)below(&stream->seed, 2);
	int8_t        labelled = (int8_t)(frauds || below(&stream->seed, 2));

	for (uint8_t i = 0; i < stream->plan->entities_count; i++) {
		if (!hash_is(e->keys.file[i]))
			continue;
		new_op(stream, OP_LABEL, i, e->keys.file[i], event)->label = (struct state_label){
			.sequence = e->sequence,
			.time_ns  = e->transaction.time_ns,
			.frauds   = (int8_t)(frauds - e->frauds),
			.labelled = (int8_t)(labelled - e->labelled),
		};
	}
	e->frauds   = frauds;
	e->labelled = labelled;
}

/* Whole minutes now and then, so that there are ties. */
static int64_t event_time(struct stream *stream, int64_t now_ns, const struct stream_options *o)
{
	int64_t time_ns = now_ns;

	if (o->late_of != 0 && below(&stream->seed, o->late_of) == 0)
		time_ns -= (int64_t)below(&stream->seed, 90 * MINUTE_NS);
	if (below(&stream->seed, 3) != 0)
		time_ns -= time_ns % MINUTE_NS;
	return time_ns;
}

void stream_make(struct stream *stream, const struct feature_plan *plan, uint64_t seed,
		 const struct stream_options *options)
{
	int64_t  now_ns  = T0_NS;
	uint64_t step_ns = (uint64_t)(2 * options->span_ns / options->events);

	*stream         = (struct stream){ .plan = plan, .seed = seed };
	stream->ops_max = options->events * OPS_EVENT;
	stream->events  = calloc(options->events, sizeof(*stream->events));
	stream->ops     = calloc(stream->ops_max, sizeof(*stream->ops));
	while (stream->events_count < options->events) {
		struct event *e = &stream->events[stream->events_count];

		now_ns += (int64_t)below(&stream->seed, step_ns);
		make_transaction(stream, &e->transaction, event_time(stream, now_ns, options),
				 options);
		e->sequence = 10 + 3 * stream->events_count;
		e->verdict  = below(&stream->seed, VERDICT_COUNT);
		state_keys(plan, &e->transaction, &e->keys);
		walk(stream, stream->events_count++);
		if (options->label_of != 0 && below(&stream->seed, options->label_of) == 0)
			label(stream);
	}
}

void stream_free(struct stream *stream)
{
	free(stream->events);
	free(stream->ops);
}

static void note(struct event *event, uint8_t entity, bool filed)
{
	event->filed &= (uint16_t)~(1u << entity);
	event->filed |= (uint16_t)(filed << entity);
}

void stream_do(struct state *state, const struct stream *stream, const struct op *op,
	       struct aggregate out[PLAN_FEATURES_MAX])
{
	struct event      *e     = &stream->events[op->event];
	struct state_event event = { .sequence = e->sequence, .transaction = &e->transaction };
	struct state_label label = op->label;

	label.filed = (e->filed >> op->entity & 1) != 0;
	switch (op->kind) {
	case OP_TOUCH:
		note(e, op->entity,
		     state_touch(state, op->shard, op->entity, op->key, &event, out));
		break;
	case OP_READ: state_read(state, op->shard, op->entity, op->key, &event, out); break;
	case OP_FILE:
		note(e, op->entity, state_file(state, op->shard, op->entity, op->key, &event));
		break;
	case OP_DECIDED:
		if (!label.filed)
			break;
		state_decided(state, op->shard, op->entity, op->key, e->sequence,
			      e->transaction.time_ns, op->verdict);
		break;
	default: state_label(state, op->shard, op->entity, op->key, &label);
	}
}

struct state *stream_open(const struct feature_plan *plan)
{
	char   error[200] = "";
	size_t size       = state_size(plan, error, sizeof(error));
	void  *memory;

	if (size == 0)
		printf("# %s\n", error);
	assert(size > 0 && size <= plan->memory_bytes);
	memory = aligned_alloc(STATE_ALIGN_BYTES, (size + 63) / 64 * 64);
	memset(memory, 0, size);
	return state_init(memory, plan);
}

void stream_close(struct state *state)
{
	free(state);
}

/* ---- the oracle */

void oracle_open(struct oracle *oracle)
{
	memset(oracle, 0, sizeof(*oracle));
	oracle->filed    = calloc(PLAN_ENTITIES_MAX, STREAM_EVENTS_MAX);
	oracle->frauds   = calloc(STREAM_EVENTS_MAX, 1);
	oracle->labelled = calloc(STREAM_EVENTS_MAX, 1);
	oracle->verdicts = calloc(STREAM_EVENTS_MAX, 1);
}

void oracle_close(struct oracle *oracle)
{
	free(oracle->filed);
	free(oracle->frauds);
	free(oracle->labelled);
	free(oracle->verdicts);
}

static bool is_filed(const struct oracle *oracle, const struct stream *stream, const struct op *op,
		     uint32_t event)
{
	return oracle->filed[op->entity * STREAM_EVENTS_MAX + event] != 0 &&
	       hash_same(stream->events[event].keys.file[op->entity], op->key);
}

static void oracle_file(struct oracle *oracle, const struct stream *stream, const struct op *op)
{
	int64_t time_ns = stream->events[op->event].transaction.time_ns, newest_ns = INT64_MIN;

	if (!hash_is(op->key))
		return;
	for (uint32_t i = 0; i < op->event; i++) {
		if (is_filed(oracle, stream, op, i) &&
		    stream->events[i].transaction.time_ns > newest_ns)
			newest_ns = stream->events[i].transaction.time_ns;
	}
	if (newest_ns == INT64_MIN || time_ns >= newest_ns - stream->plan->lateness_ns)
		oracle->filed[op->entity * STREAM_EVENTS_MAX + op->event] = 1;
}

bool oracle_is_late(const struct oracle *oracle, const struct stream *stream, const struct op *op)
{
	int64_t time_ns = stream->events[op->event].transaction.time_ns;

	for (uint32_t i = 0; i < op->event; i++) {
		if (is_filed(oracle, stream, op, i) &&
		    stream->events[i].transaction.time_ns > time_ns + stream->plan->lateness_ns)
			return true;
	}
	return false;
}

static int64_t amount_of(const struct transaction *t)
{
	int64_t amount = t->amount_minor;

	for (int i = t->currency_exponent; i < 4; i++)
		amount = amount >= FEATURE_AMOUNT_MAX / 10 ? FEATURE_AMOUNT_MAX : amount * 10;
	return amount;
}

static void count_one(const struct oracle *oracle, const struct stream *stream, uint32_t event,
		      struct aggregate *a)
{
	int64_t amount = amount_of(&stream->events[event].transaction);

	a->min = a->count == 0 || amount < a->min ? amount : a->min;
	a->max = a->count == 0 || amount > a->max ? amount : a->max;
	a->count++;
	a->sum += amount;
	a->squares += (u128)amount * (u128)amount;
	a->frauds += (uint32_t)oracle->frauds[event];
	a->labelled += (uint32_t)oracle->labelled[event];
	a->declines += oracle->verdicts[event] == VERDICT_DECLINE;
	a->reviews += oracle->verdicts[event] == VERDICT_REVIEW;
}

/* Is this the first of the window with its text? */
static bool is_new(const struct stream *stream, const uint32_t *inside, uint32_t n, enum field of,
		   struct bytes text)
{
	for (uint32_t i = 0; i < n; i++) {
		if (bytes_equal(field_text(&stream->events[inside[i]].transaction, of), text))
			return false;
	}
	return text.size_bytes > 0;
}

static void oracle_feature(const struct oracle *oracle, const struct stream *stream,
			   const struct op *op, const struct feature_spec *spec,
			   struct aggregate *a)
{
	static uint32_t inside[STREAM_EVENTS_MAX];
	const int64_t   t      = stream->events[op->event].transaction.time_ns;
	bool            before = plan_is_before(spec->kind);

	memset(a, 0, sizeof(*a));
	a->last_ns = a->first_ns = INT64_MIN;
	for (uint32_t i = 0; i <= op->event; i++) {
		const int64_t at = stream->events[i].transaction.time_ns;

		if (!is_filed(oracle, stream, op, i))
			continue;
		if (i < op->event && at <= t) {
			a->last_ns  = at > a->last_ns ? at : a->last_ns;
			a->first_ns = a->first_ns == INT64_MIN || at < a->first_ns ? at
										   : a->first_ns;
		}
		if ((before && i == op->event) || at > t - spec->delay_ns ||
		    at < t - spec->delay_ns - spec->window_ns ||
		    (at == t - spec->delay_ns - spec->window_ns && !oracle->closed_old_end))
			continue;
		a->distinct += spec->kind == FEATURE_DISTINCT &&
			       is_new(stream, inside, a->count, spec->of,
				      field_text(&stream->events[i].transaction, spec->of));
		inside[a->count] = i;
		count_one(oracle, stream, i, a);
	}
}

void oracle_do(struct oracle *oracle, const struct stream *stream, const struct op *op,
	       struct aggregate out[PLAN_FEATURES_MAX])
{
	const struct state_label *label = &op->label;

	if (op->kind == OP_TOUCH || op->kind == OP_FILE)
		oracle_file(oracle, stream, op);
	if (op->kind == OP_TOUCH || op->kind == OP_READ) {
		for (uint32_t i = 0; i < stream->plan->features_count; i++) {
			if (stream->plan->features[i].entity == op->entity)
				oracle_feature(oracle, stream, op, &stream->plan->features[i],
					       &out[i]);
		}
	}
	if (op->kind == OP_DECIDED)
		oracle->verdicts[op->event] = op->verdict;
	/* The same label is told of every entity; it counts once. */
	if (op->kind == OP_LABEL && op->entity == 0) {
		oracle->frauds[op->event] += label->frauds;
		oracle->labelled[op->event] += label->labelled;
	}
}

static bool same(enum feature_kind kind, const struct aggregate *a, const struct aggregate *b)
{
	bool extremes = kind == FEATURE_MIN || kind == FEATURE_MAX;
	bool spread   = kind == FEATURE_STDDEV || kind == FEATURE_ZSCORE;
	bool sums = spread || kind == FEATURE_SUM || kind == FEATURE_MEAN || kind == FEATURE_RATIO;

	if (kind == FEATURE_SINCE_LAST || kind == FEATURE_SINCE_FIRST)
		return a->last_ns == b->last_ns && a->first_ns == b->first_ns;
	return a->count == b->count && (!sums || a->sum == b->sum) &&
	       (!spread || a->squares == b->squares) &&
	       (!extremes || a->count == 0 || (a->min == b->min && a->max == b->max)) &&
	       (kind != FEATURE_DISTINCT || a->distinct == b->distinct) &&
	       ((kind != FEATURE_FRAUDS && kind != FEATURE_FRAUD_RATE) || a->frauds == b->frauds) &&
	       (kind != FEATURE_LABELLED || a->labelled == b->labelled) &&
	       (kind != FEATURE_DECLINES || a->declines == b->declines) &&
	       (kind != FEATURE_REVIEWS || a->reviews == b->reviews);
}

int stream_differs(const struct feature_plan *plan, uint8_t entity, const struct aggregate *a,
		   const struct aggregate *b, bool late)
{
	for (uint32_t i = 0; i < plan->features_count; i++) {
		if (plan->features[i].entity == entity && !(late && a[i].coarse) &&
		    (a[i].coarse || !same(plan->features[i].kind, &a[i], &b[i])))
			return (int)i;
	}
	return -1;
}
