/* The order of things: what changes what Assay remembers goes in here one by one, is
 * worked on by the deciders, and comes out in the same order to be recorded.
 *
 *    pipeline_next ─► fill in ─► pipeline_submit ─► deciders ─► pipeline_emit ─► record
 *
 * The ring of slots is what is in flight.  A slot that needs no decider (a repeat, an
 * event) is done when it is submitted, and still comes out in its turn.
 *
 * With no decider threads the submitting thread is the only decider and every slot is
 * done before pipeline_submit returns: the net core of a small box, and every offline
 * tool with --cores 1.
 *
 * Owner:   the submitting thread; deciders touch only slot->work.
 * Memory:  pipeline_bytes at boot.
 * Failure: pipeline_room says how many may be submitted now; more is a bug. */
#ifndef ASSAY_FIRMWARE_PIPELINE_H
#define ASSAY_FIRMWARE_PIPELINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/decider.h"
#include "firmware/engine.h"
#include "firmware/live.h"
#include "runtime/audit/format.h"

#define PIPELINE_SLOTS_MAX 2048

struct slot {
	uint8_t     kind; /* enum audit_kind: what it will be in the log */
	uint64_t    sequence;
	void       *user; /* the submitter's */
	uint32_t    index;
	struct work work; /* AUDIT_DECISION */
	/* AUDIT_LABEL */
	struct label       label;
	enum label_outcome label_outcome;
	uint64_t           labelled_order;
	/* AUDIT_LIST */
	struct list_edit edit;
	enum reason      edit_outcome;
	/* AUDIT_REPEAT */
	uint64_t first_sequence;
	/* AUDIT_CONFIG: what is in force from here on */
	struct live     *live;
	_Atomic uint32_t left; /* deciders that have not taken over yet */
};

struct pipeline {
	struct engine *engine;
	uint32_t       threads; /* 0: the submitting thread decides */
	struct decider deciders[CONFIG_DECIDE_MAX];
	struct slot   *slots; /* [PIPELINE_SLOTS_MAX] */
	uint64_t       head, tail;
	uint64_t       next_sequence, order;
	void (*emit)(void *ctx, struct slot *slot);
	void *ctx;
};

size_t pipeline_bytes(uint32_t threads);
void pipeline_init(struct pipeline *pipeline, struct engine *engine, uint32_t threads, void *memory,
		   uint64_t next_sequence, uint64_t order);

/* How many slots may be submitted now. */
uint32_t pipeline_room(const struct pipeline *pipeline);

/* The next slot, its sequence set; nothing else of it is.  Then one of: */
struct slot *pipeline_next(struct pipeline *pipeline);
/* slot->work's given part but order is filled in; `key` is the request's (repeats_key). */
void pipeline_decide(struct pipeline *pipeline, struct slot *slot, struct hash128 key);
/* slot->label is filled in; sets the outcome. */
void pipeline_label(struct pipeline *pipeline, struct slot *slot, struct hash128 key);
/* slot->edit is filled in; sets the outcome. */
void pipeline_edit(struct pipeline *pipeline, struct slot *slot, const struct live *live,
		   int64_t now_ns);
/* A new live takes over from the old one; slot->live is the new. */
void pipeline_adopt(struct pipeline *pipeline, struct slot *slot, const struct live *before,
		    int64_t now_ns);

/* Whether all live edits fit into the lists of `next`; asked where slots are submitted, whose
 * own copy of the lists has all that was submitted. */
struct pipeline_misfit {
	bool                shadow; /* it is the shadow's rules */
	struct rules_misfit misfit; /* points into `next` */
};
bool pipeline_can_adopt(const struct live *next, const struct live *before, int64_t now_ns,
			struct pipeline_misfit *out);
/* It only has its place in the log: a repeat, a start, a stop. */
void pipeline_pass(struct pipeline *pipeline, struct slot *slot);

/* Calls emit for those at the head that are done, at most `max`.  Returns how many. */
uint32_t           pipeline_emit(struct pipeline *pipeline, uint32_t max);
static inline bool pipeline_empty(const struct pipeline *pipeline)
{
	return pipeline->head == pipeline->tail;
}

/* Decider threads for offline tools: unpinned, and they yield when there is nothing to
 * do.  The appliance pins its own (control.c). */
void pipeline_start(struct pipeline *pipeline, pthread_t threads[CONFIG_DECIDE_MAX]);
void pipeline_stop(struct pipeline *pipeline, pthread_t threads[CONFIG_DECIDE_MAX]);

#endif
