#include "firmware/offline.h"

#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *offline_new(size_t size_bytes)
{
	size_t whole  = (size_bytes + LANE_ALIGN_BYTES - 1) & ~(size_t)(LANE_ALIGN_BYTES - 1);
	void  *memory = aligned_alloc(LANE_ALIGN_BYTES, whole);

	assert(memory);
	return memset(memory, 0, whole);
}

static bool load_config(const char *path, struct config *config)
{
	struct config_error *errors = calloc(1, sizeof(*errors));
	bool                 ok;

	assert(errors);
	ok = config_load(path, config, errors);
	if (!ok)
		config_errors_print(errors, path);
	free(errors);
	return ok;
}

static void use_file(char *key, size_t key_bytes, const char *file)
{
	if (file)
		snprintf(key, key_bytes, "%s", file);
}

bool offline_load(const struct offline_options *options, struct config **config, struct live **live)
{
	struct live_options make = { .lists   = options->cores > 1 ? 1 + options->cores : 1,
				     .epoch   = 1,
				     .offline = true };
	char                error[LIVE_ERROR_BYTES];

	*config = calloc(1, sizeof(**config));
	assert(*config);
	if (!load_config(options->config_path, *config)) {
		free(*config);
		return false;
	}
	use_file((*config)->model.file, sizeof((*config)->model.file), options->model_file);
	use_file((*config)->rules.file, sizeof((*config)->rules.file), options->rules_file);
	if (options->no_shadow)
		(*config)->shadow.enabled = false;
	make.config = *config;
	if (live_make(&make, live, error))
		return true;
	fprintf(stderr, "%s\n", error);
	free(*config);
	return false;
}

void offline_start(struct offline *offline, uint64_t next_sequence, uint64_t order,
		   void (*emit)(void *ctx, struct slot *slot), void *ctx)
{
	void *memory = engine_take_pages(NULL, "pipeline", pipeline_bytes(offline->threads), 64);

	assert(memory);
	pipeline_init(&offline->pipeline, &offline->engine, offline->threads, memory, next_sequence,
		      order);
	offline->pipeline.emit = emit;
	offline->pipeline.ctx  = ctx;
	pipeline_start(&offline->pipeline, offline->thread);
}

bool offline_open(struct offline *offline, const struct offline_options *options,
		  void (*emit)(void *ctx, struct slot *slot), void      *ctx)
{
	char error[ENGINE_ERROR_BYTES];

	memset(offline, 0, sizeof(*offline));
	offline->threads = options->cores > 1 ? options->cores : 0;
	if (!offline_load(options, &offline->config, &offline->live))
		return false;
	if (!engine_init(&offline->engine, offline->config, options->answers, engine_take_pages,
			 NULL, error)) {
		fprintf(stderr, "%s: %s\n", options->config_path, error);
		live_free(offline->live);
		free(offline->config);
		return false;
	}
	offline_start(offline, 1, 0, emit, ctx);
	return true;
}

void offline_close(struct offline *offline)
{
	pipeline_stop(&offline->pipeline, offline->thread);
	live_free(offline->live);
	free(offline->config);
}

void offline_drain(struct offline *offline)
{
	while (!pipeline_empty(&offline->pipeline))
		if (pipeline_emit(&offline->pipeline, PIPELINE_SLOTS_MAX) == 0)
			sched_yield();
}

void offline_make_room(struct offline *offline, uint32_t count)
{
	assert(count < PIPELINE_SLOTS_MAX / 2);
	while (pipeline_room(&offline->pipeline) < count)
		if (pipeline_emit(&offline->pipeline, PIPELINE_SLOTS_MAX) == 0)
			sched_yield();
}
