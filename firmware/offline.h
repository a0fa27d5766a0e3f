/* The engine without a network: what assayctl decide, features, replay and backtest run.
 * The same pipeline, deciders and walk as the appliance's.
 *
 * Owner: one thread, and the decider threads it starts. */
#ifndef ASSAY_FIRMWARE_OFFLINE_H
#define ASSAY_FIRMWARE_OFFLINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "firmware/engine.h"
#include "firmware/live.h"
#include "firmware/pipeline.h"

struct offline {
	struct config  *config; /* malloc */
	struct live    *live;
	struct engine   engine;
	struct pipeline pipeline;
	uint32_t        threads; /* deciders beside the calling thread; 0: none */
	pthread_t       thread[CONFIG_DECIDE_MAX];
};

/* Zeroed memory for a struct that holds an offline: lanes want whole cache lines. */
void *offline_new(size_t size_bytes);

struct offline_options {
	const char *config_path;
	const char *model_file, *rules_file; /* NULL: the config's */
	uint32_t    cores;                   /* that decide; 1: the calling thread itself */
	bool        answers;                 /* idempotency */
	bool        no_shadow;               /* even if the config has one */
};

/* Loads the config.  False: said on standard error, one sentence a line. */
bool offline_load(const struct offline_options *options, struct config **config,
		  struct live **live);

/* Everything: config, live, engine, pipeline, threads.  `emit` as in pipeline.h. */
bool offline_open(struct offline *offline, const struct offline_options *options,
		  void (*emit)(void *ctx, struct slot *slot), void      *ctx);
void offline_close(struct offline *offline);

/* The last part of it: the pipeline and its threads, over an engine that is there. */
void offline_start(struct offline *offline, uint64_t next_sequence, uint64_t order,
		   void (*emit)(void *ctx, struct slot *slot), void *ctx);

/* Until everything that was submitted has been emitted. */
void offline_drain(struct offline *offline);
/* Until `count` slots may be submitted. */
void offline_make_room(struct offline *offline, uint32_t count);

#endif
