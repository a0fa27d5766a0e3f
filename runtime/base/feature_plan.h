/* What the engine keeps and computes, as the config declares it: entity kinds and
 * the features made from their histories.
 *
 *   entity   what a key stands for: a card, an account, a terminal and currency.
 *            Each has a history of the transactions that had this key.
 *   feature  one number about a transaction: of its entity's history inside a window
 *            of event time, or of the transaction alone.
 *
 * A window (t-delay-w, t-delay] is half-open at its old end; t is the transaction's own
 * time.  It covers what had arrived by then: transactions of no later sequence number
 * whose time lies inside, this one included when delay is 0.  The kinds marked
 * "before" leave this transaction out.
 *
 * Money: amounts are kept as whole ten-thousandths of the currency's unit (every ISO
 * 4217 exponent fits), at most FEATURE_AMOUNT_MAX, and come out as units: 57.16.  There
 * are no rates of exchange here, so amounts of two currencies are never added, averaged
 * or compared: a kind that is made of amounts (plan_is_money) is read from an entity that
 * has `currency` in its key, which has a history for each currency.  The value is of the
 * payment's own currency.  Why so and not otherwise: one history with a running total
 * for each currency in each cell would take room for currencies that are hardly there,
 * and could not be merged; an entity that leaves other currencies out would not count
 * them either, and velocity across currencies must be seen.  config refuses the rest.
 *
 * Owner:  config fills it, everyone reads it.  Fixed size, no pointers. */
#ifndef ASSAY_RUNTIME_BASE_FEATURE_PLAN_H
#define ASSAY_RUNTIME_BASE_FEATURE_PLAN_H

#include <stdint.h>

#include "runtime/base/field.h"

#define PLAN_ENTITIES_MAX       16
#define PLAN_FEATURES_MAX       128
#define PLAN_KEY_FIELDS_MAX     3 /* a pair, and currency beside it */
#define PLAN_DISTINCT_MAX       4 /* different `of` fields of one entity kind */
#define PLAN_NAME_BYTES         64
#define PLAN_HISTORY_MAX        4096 /* cells of one entity, at most */
#define PLAN_WINDOW_NS_MIN      (60 * INT64_C(1000000000))
#define PLAN_WINDOW_NS_MAX      (90 * 86400 * INT64_C(1000000000))
#define FEATURE_AMOUNT_MAX      INT64_C(100000000000000000) /* ten-thousandths: 10^13 units */
#define FEATURE_AMOUNT_PER_UNIT 10000

enum feature_kind {
	FEATURE_COUNT,       /* transactions */
	FEATURE_SUM,         /* of amounts, units */
	FEATURE_MEAN,        /* units */
	FEATURE_MIN,         /* units */
	FEATURE_MAX,         /* units */
	FEATURE_STDDEV,      /* sample standard deviation, n - 1; missing below 2 */
	FEATURE_DISTINCT,    /* different values of `of`; absent values are not counted */
	FEATURE_ZSCORE,      /* (amount - mean) / stddev of the window before; missing when 0 */
	FEATURE_RATIO,       /* amount / mean of the window before; missing when mean is 0 */
	FEATURE_SINCE_LAST,  /* seconds since the transaction before; no window; before */
	FEATURE_SINCE_FIRST, /* seconds since the entity's first; no window; before */
	FEATURE_FRAUDS,      /* transactions labelled fraud */
	FEATURE_FRAUD_RATE,  /* frauds / count */
	FEATURE_LABELLED,    /* transactions labelled fraud or genuine */
	FEATURE_DECLINES,    /* decided decline, before; entity.decisions only */
	FEATURE_REVIEWS,     /* decided review, before; entity.decisions only */
	/* of the transaction alone; entity is PLAN_NO_ENTITY */
	FEATURE_AMOUNT,  /* units */
	FEATURE_HOUR,    /* 0 to 23, UTC */
	FEATURE_WEEKDAY, /* 0 Monday to 6 Sunday, UTC */
	FEATURE_WEEKEND, /* 1 on Saturday and Sunday, UTC, else 0 */
	FEATURE_HOURS,   /* 1 when hour_from <= hour < hour_to, UTC, else 0 */
	FEATURE_KIND_COUNT,
};

const char *feature_kind_name(enum feature_kind kind); /* "count", "since_last", ... */

#define PLAN_NO_ENTITY 0xff

struct entity_spec {
	char     name[PLAN_NAME_BYTES];
	uint8_t  key[PLAN_KEY_FIELDS_MAX];  /* enum field; what a transaction is filed under */
	uint8_t  read[PLAN_KEY_FIELDS_MAX]; /* whose history it reads; mostly the same */
	uint32_t channels;    /* bit set of enum transaction_channel filed here; 0: all */
	uint32_t history_max; /* cells; beyond it the oldest are merged two by two */
	bool     decisions;   /* keeps verdicts; filed under state_keys.decider, whatever `key` */
};

struct feature_spec {
	char    name[PLAN_NAME_BYTES]; /* for models and rules; unique, also among supplied */
	uint8_t kind;                  /* enum feature_kind */
	uint8_t entity;                /* place in entities[], or PLAN_NO_ENTITY */
	uint8_t of;                    /* enum field; FEATURE_DISTINCT only */
	uint8_t hour_from, hour_to;    /* FEATURE_HOURS only */
	int64_t window_ns, delay_ns;
	double  empty; /* the value where the kind has none (no transaction); NaN: missing */
};

struct feature_plan {
	uint32_t            entities_count, features_count;
	struct entity_spec  entities[PLAN_ENTITIES_MAX];
	struct feature_spec features[PLAN_FEATURES_MAX]; /* grouped by entity is not required */
	uint32_t            shards; /* power of two, 1 to 256; part of the truth, see state.h */
	uint64_t            memory_bytes; /* of state, all shards together */
	int64_t             lateness_ns;  /* an event this much older than its entity's newest
	                                   * is still filed where it belongs */
};

/* Computed values of one transaction, in the order of plan->features. */
struct feature_values {
	uint16_t count;
	double   value[PLAN_FEATURES_MAX]; /* NaN (0x7ff8000000000000 exactly): missing */
};

/* The amount of a transaction in ten-thousandths of its unit, at most FEATURE_AMOUNT_MAX. */
int64_t plan_amount(const struct transaction *transaction);

/* True for the kinds that are made of the amounts of several payments. */
bool plan_is_money(enum feature_kind kind);

/* Does every history of this entity have payments of one currency only, that of the
 * payments that read it?  `read` may still be empty (the same as key). */
bool plan_has_one_currency(const struct entity_spec *entity);

/* True for the kinds that leave the transaction itself out ("before"). */
bool plan_is_before(enum feature_kind kind);

#endif
