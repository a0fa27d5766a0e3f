#include "firmware/brain.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/artefacts.h"

/* `key` is the config's, for the sentence. */
static bool map_file(const char *key, const char *path, struct bytes *out,
		     char error[BRAIN_ERROR_BYTES])
{
	struct stat st;
	void       *map;
	int         fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0) {
		snprintf(error, BRAIN_ERROR_BYTES, "%s: cannot read %s: %s", key, path,
			 fd < 0 ? strerror(errno) : "it is empty");
		if (fd >= 0)
			close(fd);
		return false;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED) {
		snprintf(error, BRAIN_ERROR_BYTES, "%s: cannot map %s: %s", key, path,
			 strerror(errno));
		return false;
	}
	*out = bytes_of(map, (size_t)st.st_size);
	return true;
}

static bool parse_model(const struct config *config, struct model_plan **plan,
			char error[BRAIN_ERROR_BYTES])
{
	struct failure failure = { 0 };
	struct bytes   file;
	int            rc;

	if (!map_file("model.file", config->model.file, &file, error))
		return false;
	rc = model_parse(file, plan, &failure);
	munmap((void *)(uintptr_t)file.data, file.size_bytes);
	if (rc != 0)
		snprintf(error, BRAIN_ERROR_BYTES, "model.file: %s: %s: %s", config->model.file,
			 failure.place, failure.detail);
	return rc == 0;
}

bool brain_model_size(const struct config *config, size_t *size_bytes,
		      char error[BRAIN_ERROR_BYTES])
{
	struct model_plan *plan;

	*size_bytes = 0;
	if (config->model.file[0] == '\0')
		return true;
	if (!parse_model(config, &plan, error))
		return false;
	*size_bytes = model_size(plan);
	model_free_plan(plan);
	return true;
}

static bool digest_agrees(const struct brain *brain, const struct config *config,
			  char error[BRAIN_ERROR_BYTES])
{
	const char *wanted = config->model.digest;
	char        found[2 * DIGEST_BYTES + 1];

	digest_hex(brain->digests.model, found);
	if (wanted[0] == '\0' || strcmp(wanted, found) == 0)
		return true;
	snprintf(error, BRAIN_ERROR_BYTES,
		 "model.digest: %s has digest %s, the config allows only %s", config->model.file,
		 found, wanted);
	return false;
}

static bool choose_output(struct brain *brain, const struct config *config,
			  char error[BRAIN_ERROR_BYTES])
{
	uint32_t wanted = config->model.output, count = model_output_count(brain->model);

	static_assert(CONFIG_OUTPUT_LAST == MODEL_OUTPUTS_MAX, "it is none of a model's outputs");
	brain->output = wanted == CONFIG_OUTPUT_LAST ? count - 1 : wanted;
	if (brain->output < count)
		return true;
	snprintf(error, BRAIN_ERROR_BYTES,
		 "model.output: is %u, but %s has %u outputs; allowed: 0 to %u, or 64 for the last",
		 wanted, config->model.file, count, count - 1);
	return false;
}

/* To the rows of the history, if it is a sequence model, else to all features. */
static int bind_model(struct model *model, const struct config *config,
		      const struct feature_schema *names, struct failure *failure)
{
	const struct history_plan *plan   = &config->history_plan;
	struct model_window        window = { .steps = plan->steps, .columns = plan->columns };

	window.names = plan->names;
	if (model_steps(model) > 0)
		return model_bind_window(model, &window, failure);
	return model_bind(model, names, failure);
}

/* What each thread's runs of the model work in. */
static void make_scratch(struct brain *brain, uint32_t threads)
{
	size_t bytes = model_scratch_bytes(brain->model);

	bytes = (bytes + MODEL_ALIGN_BYTES - 1) & ~(size_t)(MODEL_ALIGN_BYTES - 1);
	for (uint32_t i = 0; bytes > 0 && i < threads; i++) {
		brain->scratch[i] = aligned_alloc(MODEL_ALIGN_BYTES, bytes);
		assert(brain->scratch[i]);
		memset(brain->scratch[i], 0, bytes); /* faulted in now */
	}
}

static bool make_model(struct brain *brain, const struct config *config,
		       const struct feature_schema *names, const struct brain_slot *slot,
		       char error[BRAIN_ERROR_BYTES])
{
	struct failure     failure = { 0 };
	struct model_plan *plan;
	void              *memory = slot->memory;
	size_t             size_bytes;

	if (config->model.file[0] == '\0')
		return true;
	if (!parse_model(config, &plan, error))
		return false;
	size_bytes = model_size(plan);
	if (!memory) {
		memory              = aligned_alloc(MODEL_ALIGN_BYTES, size_bytes);
		brain->model_memory = memory;
	} else if (size_bytes > slot->size_bytes) {
		snprintf(error, BRAIN_ERROR_BYTES,
			 "model.file: %s takes %zu bytes of memory; %zu were reserved at boot, so "
			 "this model needs a restart",
			 config->model.file, size_bytes, slot->size_bytes);
		model_free_plan(plan);
		return false;
	}
	assert(memory);
	brain->model = model_build(plan, memory, size_bytes);
	model_free_plan(plan);
	memcpy(brain->digests.model, model_digest(brain->model), DIGEST_BYTES);
	if (!digest_agrees(brain, config, error) || !choose_output(brain, config, error))
		return false;
	if (bind_model(brain->model, config, names, &failure) != 0) {
		snprintf(error, BRAIN_ERROR_BYTES, "model.file: %s: %s: %s", config->model.file,
			 failure.place, failure.detail);
		return false;
	}
	return true;
}

/* Every error of the file, one a line: "rules.file: FILE:12:7: expected ...". */
static void tell_errors(const char *path, const struct rules_errors *errors,
			char error[BRAIN_ERROR_BYTES])
{
	size_t used = 0;

	error[0] = '\0';
	for (uint32_t i = 0; i < errors->count && used < BRAIN_ERROR_BYTES; i++)
		used += (size_t)snprintf(error + used, BRAIN_ERROR_BYTES - used,
					 "%srules.file: %s:%s", i ? "\n" : "", path,
					 errors->lines[i]);
	if (errors->unsaid > 0 && used < BRAIN_ERROR_BYTES)
		snprintf(error + used, BRAIN_ERROR_BYTES - used, "\nand %u more", errors->unsaid);
}

static bool parse_rules(const struct config *config, struct rules_plan **plan,
			char error[BRAIN_ERROR_BYTES])
{
	struct rules_scope   scope  = { .supplied = &config->features, .computed = &config->plan };
	struct rules_errors *errors = calloc(1, sizeof(*errors));
	struct bytes         text;
	bool                 ok;

	assert(errors);
	ok = map_file("rules.file", config->rules.file, &text, error);
	if (ok) {
		ok = rules_parse(text, &scope, plan, errors);
		munmap((void *)(uintptr_t)text.data, text.size_bytes);
		if (!ok)
			tell_errors(config->rules.file, errors, error);
	}
	free(errors);
	return ok;
}

static void *take(size_t size_bytes)
{
	size_t whole  = (size_bytes + RULES_ALIGN_BYTES - 1) & ~(size_t)(RULES_ALIGN_BYTES - 1);
	void  *memory = aligned_alloc(RULES_ALIGN_BYTES, whole);

	assert(memory);
	return memset(memory, 0, whole);
}

static bool make_rules(struct brain *brain, const struct config *config, uint32_t lists,
		       char error[BRAIN_ERROR_BYTES])
{
	struct rules_plan *plan;
	size_t             size_bytes;

	if (config->rules.file[0] == '\0')
		return true;
	if (!parse_rules(config, &plan, error))
		return false;
	size_bytes   = rules_size(plan);
	brain->rules = rules_build(plan, take(size_bytes), size_bytes);
	rules_free_plan(plan);
	memcpy(brain->digests.rules, rules_digest(brain->rules), DIGEST_BYTES);
	for (uint32_t i = 0; i < lists; i++)
		brain->lists[i] = rules_lists_init(take(rules_lists_size(brain->rules)),
						   brain->rules);
	return true;
}

static const uint8_t on_failure[] = {
	[CONFIG_ON_FAILURE_REVIEW]  = DECIDE_ON_FAILURE_REVIEW,
	[CONFIG_ON_FAILURE_DECLINE] = DECIDE_ON_FAILURE_DECLINE,
	[CONFIG_ON_FAILURE_REFUSE]  = DECIDE_ON_FAILURE_REFUSE,
	[CONFIG_ON_FAILURE_APPROVE] = DECIDE_ON_FAILURE_APPROVE,
};

static void make_policy(struct brain *brain, const struct config *config)
{
	const struct config_decision *decision = &config->decision;

	brain->policy = (struct decide_policy){
		.review_threshold  = decision->review_threshold,
		.decline_threshold = decision->decline_threshold,
		.on_model_missing  = on_failure[decision->on_model_missing],
		.on_model_invalid  = on_failure[decision->on_model_invalid],
		.on_missed_model   = on_failure[config->deadline.on_missed_model],
		.on_missed_rules   = on_failure[config->deadline.on_missed_rules],
	};
}

/* What the config leaves out of the order runs last. */
static void make_order(struct brain *brain, const struct config_deadline *deadline)
{
	bool     seen[CONFIG_STAGE_COUNT] = { false };
	uint32_t n                        = 0;

	for (uint32_t i = 0; i < deadline->order_count; i++) {
		brain->order[n++]        = deadline->order[i];
		seen[deadline->order[i]] = true;
	}
	for (uint8_t stage = 0; stage < CONFIG_STAGE_COUNT; stage++)
		if (!seen[stage])
			brain->order[n++] = stage;
	assert(n == CONFIG_STAGE_COUNT);
}

bool brain_make(struct brain *brain, const struct config *config,
		const struct feature_schema *names, const struct brain_options *options,
		char error[BRAIN_ERROR_BYTES])
{
	assert(options->lists >= 1 && options->lists <= BRAIN_LISTS_MAX);
	memset(brain, 0, sizeof(*brain));
	config_digest(config, brain->digests.config);
	make_policy(brain, config);
	make_order(brain, &config->deadline);
	if (!make_model(brain, config, names, &options->slot, error) ||
	    !make_rules(brain, config, options->lists, error))
		return false;
	if (brain->model)
		make_scratch(brain, options->lists);
	artefacts_shadow_digest(&brain->digests, brain->digest);
	return true;
}

void brain_renew_lists(struct brain *brain)
{
	for (int i = 0; i < BRAIN_LISTS_MAX; i++)
		if (brain->lists[i])
			rules_lists_init(brain->lists[i], brain->rules);
}

void brain_free(struct brain *brain)
{
	free(brain->model_memory);
	free(brain->rules);
	for (int i = 0; i < BRAIN_LISTS_MAX; i++) {
		free(brain->lists[i]);
		free(brain->scratch[i]);
	}
	memset(brain, 0, sizeof(*brain));
}
