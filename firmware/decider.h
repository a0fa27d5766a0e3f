/* A decider: the role that owns shards of the histories, and decides for the accounts in
 * them.  One runs on each core of cores.decide; with none, the net core is the only one.
 *
 *   lane in: everything that has a place in the order, in that order
 *     transaction   every decider does the entities it owns; the account's decider puts
 *                   it in `pending` as well
 *     label         the owner of each entity corrects its history; waits like an edit
 *                   where an entity keeps verdicts
 *     edit, brain   lists change; waits until what is pending before it is decided
 *
 *   pending: transactions of my accounts, oldest first.  The oldest is decided once all
 *   deciders have done their parts of it.  Nobody waits: while it is not, the lane goes
 *   on, and the parts of later transactions are done.
 *
 * Owner:   the thread that calls decider_turn.  Others only put into the lane.
 * Memory:  decider_bytes at boot.
 * Bounds:  DECIDER_OPS_MAX operations and as many decisions a turn. */
#ifndef ASSAY_FIRMWARE_DECIDER_H
#define ASSAY_FIRMWARE_DECIDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine.h"
#include "firmware/work.h"
#include "runtime/base/label.h"
#include "runtime/base/lane.h"

#define DECIDER_OPS_MAX       32
#define DECIDER_PUBLISH_TURNS (1u << 16) /* turns between two looks at the counters */

enum decider_op_kind { DECIDER_WORK, DECIDER_LABEL, DECIDER_EDIT, DECIDER_BRAIN };

/* `next` takes over the edited lists of `before`; either may be NULL.  `before` may be
 * freed once `left` is 0: every decider counts it down when it has taken over. */
struct decider_change {
	struct {
		const struct brain *before, *next;
	} brain[2];               /* live, shadow */
	int64_t           now_ns; /* as recorded */
	_Atomic uint32_t *left;
};

struct decider_edit {
	const struct brain *brain, *shadow; /* whose lists; shadow: NULL, none */
	int64_t             now_ns;
	struct list_edit    edit;
};

struct decider_op {
	uint8_t kind; /* enum decider_op_kind */
	union {
		struct work          *work;
		struct sighting       label;
		struct decider_edit   edit;
		struct decider_change change;
	};
};

/* What the histories of a decider's shards hold and have lost (state_counters,
 * history_counters), for metrics: brought up to date now and then, read by control. */
struct decider_gauges {
	_Atomic uint64_t entities, cells, filed, merged, evicted, late, label_lost, coarse;
	_Atomic uint64_t row_accounts, rows, row_evicted;
};

struct decider {
	const struct engine  *engine;
	uint32_t              index, count; /* this one of how many */
	uint32_t              lists;        /* which copy of the lists is mine */
	struct lane           in;
	struct work         **pending; /* [pending_mask + 1] ring */
	uint32_t              pending_mask;
	uint64_t              pending_head, pending_tail;
	bool                  shares_core; /* with another role: naps when idle */
	uint64_t              turns;
	struct decider_gauges published;
	_Atomic bool          stop;
};

/* `in_flight` transactions may be between submit and decision; a power of two. */
size_t decider_bytes(uint32_t in_flight);
void   decider_init(struct decider *decider, const struct engine *engine, uint32_t index,
		    uint32_t count, uint32_t lists, void *memory, uint32_t in_flight);

/* True when there was something to do. */
bool decider_turn(struct decider *decider);

/* Brings `published` up to date; decider_turn does it by itself. */
void decider_publish(struct decider *decider);

/* For the thread that does without a lane: the same, at once. */
void decider_do(struct decider *decider, const struct decider_op *op);

#endif
