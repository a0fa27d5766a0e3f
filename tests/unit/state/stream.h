/* Random streams of transactions, labels and verdicts for the tests of runtime/state; a
 * plan that has every kind of feature; and an oracle that keeps every transaction in a
 * list and reads each window by looking at all of them. */
#ifndef ASSAY_TESTS_UNIT_STATE_STREAM_H
#define ASSAY_TESTS_UNIT_STATE_STREAM_H

#include "runtime/state/state.h"
#include "tests/lib/splitmix.h"

#define STREAM_EVENTS_MAX 6000
#define SECOND_NS         INT64_C(1000000000)
#define MINUTE_NS         (60 * SECOND_NS)
#define HOUR_NS           (60 * MINUTE_NS)
#define DAY_NS            (24 * HOUR_NS)

/* Five kinds of entity: by one field, by a pair, by another field than is read, only of
 * some channels, with verdicts. */
void stream_plan(struct feature_plan *plan, uint32_t shards, uint64_t memory_bytes);

enum op_kind { OP_TOUCH, OP_READ, OP_FILE, OP_DECIDED, OP_LABEL };

/* One call on one shard. */
struct op {
	uint8_t            kind, entity;
	uint32_t           shard, event;
	struct hash128     key;
	enum verdict       verdict;
	struct state_label label;
};

struct event {
	struct transaction transaction;
	struct state_keys  keys;
	uint64_t           sequence;
	enum verdict       verdict;
	int8_t             frauds, labelled; /* as of now */
	bool               decided;          /* its verdict has been told */
	uint16_t           filed;            /* bit set of entities; by stream_do */
};

struct stream {
	const struct feature_plan *plan;
	uint64_t                   seed;
	uint32_t                   events_count, ops_count;
	struct event              *events; /* [STREAM_EVENTS_MAX] */
	struct op                 *ops;    /* [ops_max] */
	uint32_t                   ops_max;
};

struct stream_options {
	uint32_t events;
	uint32_t entities; /* how many different of each kind */
	int64_t  span_ns;  /* from the first transaction to the last, about */
	uint32_t late_of;  /* one in so many is late; 0: none */
	uint32_t label_of; /* one label in so many transactions; 0: none */
};

/* Make all events and calls from the seed. */
void stream_make(struct stream *stream, const struct feature_plan *plan, uint64_t seed,
		 const struct stream_options *options);
void stream_free(struct stream *stream);

/* Carry out one call; `out` is written by OP_TOUCH and OP_READ.  What was filed is noted
 * in the event, for its labels and its verdict. */
void stream_do(struct state *state, const struct stream *stream, const struct op *op,
	       struct aggregate out[PLAN_FEATURES_MAX]);

/* A state in memory of exactly state_size; stream_close frees it. */
struct state *stream_open(const struct feature_plan *plan);
void          stream_close(struct state *state);

/* The oracle: what it has filed, and its answer to one call. */
struct oracle {
	bool     closed_old_end;    /* the control: [t-w, t] instead of (t-w, t] */
	uint8_t *filed;             /* [entities][events] */
	int8_t  *frauds, *labelled; /* [events] */
	uint8_t *verdicts;          /* [events] */
};
void oracle_open(struct oracle *oracle);
void oracle_close(struct oracle *oracle);
void oracle_do(struct oracle *oracle, const struct stream *stream, const struct op *op,
	       struct aggregate out[PLAN_FEATURES_MAX]);

/* Is this call about a transaction that is later than lateness allows?  Its windows may
 * reach to what has been dropped. */
bool oracle_is_late(const struct oracle *oracle, const struct stream *stream, const struct op *op);

/* The first feature of the kind whose aggregates differ in what the feature uses, or -1.
 * What `a` says is coarse is not compared when `late`. */
int stream_differs(const struct feature_plan *plan, uint8_t entity, const struct aggregate *a,
		   const struct aggregate *b, bool late);

#endif
