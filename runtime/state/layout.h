/* What the cells of one entity kind hold, and which windows are read from them: worked
 * out once from the plan, so that a kind pays only for the columns its features use.
 *
 * A cell is a time and a body; a body is its columns back to back, without gaps, little-
 * endian.  COUNT to SQUARES are cumulated: their value includes every cell before. */
#ifndef ASSAY_RUNTIME_STATE_LAYOUT_H
#define ASSAY_RUNTIME_STATE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/aggregate.h"
#include "runtime/base/feature_plan.h"

enum column {
	COLUMN_SEQUENCE, /* u64; of kinds that are labelled or keep verdicts */
	COLUMN_COUNT,    /* u32; always there */
	COLUMN_FRAUDS,   /* u32 */
	COLUMN_LABELLED, /* u32 */
	COLUMN_DECLINES, /* u32 */
	COLUMN_REVIEWS,  /* u32 */
	COLUMN_SUM,      /* u128 */
	COLUMN_SQUARES,  /* u128 */
	COLUMN_MIN,      /* i64 */
	COLUMN_MAX,      /* i64 */
	COLUMN_DISTINCT, /* u64 a field: hash of its text, 0 when absent */
	COLUMN_COUNT_ALL = COLUMN_DISTINCT + PLAN_DISTINCT_MAX,
};

#define LAYOUT_BODY_BYTES_MAX (8 + 5 * 4 + 2 * 16 + 2 * 8 + PLAN_DISTINCT_MAX * 8)
#define LAYOUT_ORDERS         15 /* block sizes: 64 bytes to 1 MiB */
#define LAYOUT_UNIT_BYTES     64
#define LAYOUT_NO_DISTINCT    0xff
#define LAYOUT_CELLS_MIN      2 /* of one entity */
#define LAYOUT_ENTITY_BYTES   48

/* One stretch of time before a transaction, and the features that are read from it. */
struct window {
	int64_t  from_ns, to_ns; /* (t - from, t - to] */
	bool     before;         /* read before the transaction is filed */
	bool     extremes;       /* min and max are wanted */
	uint16_t first, count;   /* in windows->readings */
};

struct reading {
	uint8_t feature;  /* place in plan->features */
	uint8_t distinct; /* which column, or LAYOUT_NO_DISTINCT */
};

/* Of all kinds together: each feature is read from one window. */
struct windows {
	uint16_t       windows_count, readings_count;
	struct window  windows[PLAN_FEATURES_MAX];
	struct reading readings[PLAN_FEATURES_MAX];
};

struct layout {
	uint32_t columns; /* bit set of enum column */
	uint8_t  at[COLUMN_COUNT_ALL];
	uint8_t  body_bytes;
	uint8_t  base_bytes; /* a body, rounded up so that times are aligned */
	uint8_t  distinct_count, order_max;
	uint8_t  distinct[PLAN_DISTINCT_MAX]; /* enum field */
	uint16_t capacity[LAYOUT_ORDERS];     /* cells of a block; 0: none fits */
	uint16_t windows_first, windows_count;
	int64_t  horizon_ns; /* how far back the longest window reaches */
};

/* The windows of this kind go behind those that are in `windows` already.
 * False: more than PLAN_DISTINCT_MAX different fields are counted. */
bool layout_plan(struct layout *layout, struct windows *windows, const struct feature_plan *plan,
		 uint8_t entity);

static inline bool layout_has(const struct layout *layout, enum column column)
{
	return (layout->columns >> column & 1) != 0;
}

static inline uint32_t layout_u32(const struct layout *layout, const uint8_t *body,
				  enum column column)
{
	uint32_t value;

	memcpy(&value, body + layout->at[column], sizeof(value));
	return value;
}

static inline uint64_t layout_u64(const struct layout *layout, const uint8_t *body,
				  enum column column)
{
	uint64_t value;

	memcpy(&value, body + layout->at[column], sizeof(value));
	return value;
}

static inline u128 layout_u128(const struct layout *layout, const uint8_t *body, enum column column)
{
	u128 value;

	memcpy(&value, body + layout->at[column], sizeof(value));
	return value;
}

static inline void layout_put(const struct layout *layout, uint8_t *body, enum column column,
			      const void *value, size_t size_bytes)
{
	memcpy(body + layout->at[column], value, size_bytes);
}

#endif
