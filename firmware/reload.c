#include "firmware/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/artefacts.h"
#include "firmware/log.h"
#include "firmware/nap.h"

#define ADOPT_WAIT_MS  2000
#define RETIRE_WAIT_MS 2000

static size_t put_error(char *out, size_t capacity, const char *text)
{
	size_t used = (size_t)snprintf(out, capacity, "{\"applied\":false,\"errors\":[\"");

	for (; *text && used + 8 < capacity; text++) {
		if (*text == '\n')
			used += (size_t)snprintf(out + used, capacity - used, "\",\"");
		else if (*text == '"' || *text == '\\')
			used += (size_t)snprintf(out + used, capacity - used, "\\%c", *text);
		else
			out[used++] = *text >= ' ' && *text < 0x7f ? *text : '?';
	}
	return used + (size_t)snprintf(out + used, capacity - used, "\"]}\n");
}

static bool load_config(struct appliance *appliance, struct config *config, char *out,
			size_t capacity)
{
	struct config_error *errors = calloc(1, sizeof(*errors));
	size_t               room   = CONFIG_ERRORS_MAX * CONFIG_ERROR_BYTES;
	char                *text   = calloc(1, room);
	bool ok = errors && text && config_load(appliance->config_path, config, errors);

	if (!ok && errors && text) {
		config_errors_write(errors, appliance->config_path, text, room);
		put_error(out, capacity, text);
	}
	free(text);
	free(errors);
	return ok;
}

void reload_free_retired(struct appliance *appliance)
{
	for (int i = 0; i < RETIRED_MAX; i++) {
		struct live *live = appliance->retired[i];

		if (live && atomic_load_explicit(&live->sessions, memory_order_acquire) == 0) {
			live_free(live);
			appliance->retired[i] = NULL;
		}
	}
}

static int retired_after(const struct appliance *appliance, uint64_t epoch)
{
	int count = 0;

	for (int i = 0; i < RETIRED_MAX; i++)
		count += appliance->retired[i] && appliance->retired[i]->epoch > epoch;
	return count;
}

/* All but the RETIRED_KEPT newest are to be let go of. */
static void evict_oldest(struct appliance *appliance)
{
	for (int i = 0; i < RETIRED_MAX; i++) {
		struct live *live = appliance->retired[i];

		if (live && retired_after(appliance, live->epoch) >= RETIRED_KEPT)
			atomic_store_explicit(&live->evict, true, memory_order_relaxed);
	}
}

/* Waits for one to go when all are there: requests under way end within the limits
 * of http, so this is for a moment only. */
static struct live **retired_room(struct appliance *appliance)
{
	for (int ms = 0; ms < RETIRE_WAIT_MS; ms++) {
		reload_free_retired(appliance);
		for (int i = 0; i < RETIRED_MAX; i++)
			if (!appliance->retired[i])
				return &appliance->retired[i];
		nap_ms(1);
	}
	return NULL;
}

enum answer { ANSWER_NONE, ANSWER_ADOPTED, ANSWER_REFUSED };

static enum answer answer_of(const struct core *core, const struct live *next)
{
	if (atomic_load_explicit(&core->adopted_epoch, memory_order_acquire) == next->epoch)
		return ANSWER_ADOPTED;
	if (atomic_load_explicit(&core->refused_epoch, memory_order_acquire) == next->epoch)
		return ANSWER_REFUSED;
	return ANSWER_NONE;
}

/* The net core's answer; ANSWER_NONE: it did not take `next` up in time, and can't any
 * more. */
static enum answer wait_for(struct core *core, const struct live *next)
{
	enum answer answer;

	for (int ms = 0; ms < ADOPT_WAIT_MS; ms++) {
		answer = answer_of(core, next);
		if (answer != ANSWER_NONE)
			return answer;
		nap_ms(1);
	}
	/* Take it back, unless the core took it at this very moment. */
	if (atomic_exchange(&core->next_live, NULL) == next)
		return ANSWER_NONE;
	while ((answer = answer_of(core, next)) == ANSWER_NONE)
		nap_ms(1);
	return answer;
}

/* A reload is a record of the audit log and has its place in the order of decisions. */
static const char *not_taken_up(const struct core *core)
{
	return core_audit_refuses(core)
		       ? "the old configuration stays: a reload is itself a record, and the audit "
			 "log cannot be written; mend the disk of audit.directory, then reload "
			 "again"
		       : "the old configuration stays: a reload is itself a record, and for 2 s "
			 "there was no room for one, so much is under way; reload again, and if "
			 "that "
			 "happens often raise audit.ring_kib";
}

/* Hands `next` to the net core and waits until it has taken it up. */
static bool publish(struct appliance *appliance, struct live *next, struct live **room,
		    char error[LIVE_ERROR_BYTES])
{
	struct core *core = &appliance->core;
	char         why[RULES_MISFIT_BYTES];

	atomic_store_explicit(&core->refused_epoch, 0, memory_order_relaxed);
	atomic_store_explicit(&core->next_live, next, memory_order_release);
	switch (wait_for(core, next)) {
	case ANSWER_ADOPTED:
		*room           = appliance->live;
		appliance->live = next;
		return true;
	case ANSWER_REFUSED:
		rules_misfit_text(&core->misfit.misfit, why, sizeof(why));
		snprintf(error, LIVE_ERROR_BYTES, "%s: %s",
			 core->misfit.shadow ? "the shadow's rules" : "rules.file", why);
		return false;
	default: snprintf(error, LIVE_ERROR_BYTES, "%s", not_taken_up(core)); return false;
	}
}

static void put_applied(const char *const *keys, size_t n, char *out, size_t capacity)
{
	size_t used = (size_t)snprintf(out, capacity, "{\"applied\":true,\"needs_restart\":[");

	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(out + used, capacity - used, "%s\"%s\"", i ? "," : "",
					 keys[i]);
	snprintf(out + used, capacity - used, "]}\n");
}

bool reload_is_allowed(const struct config *config)
{
	for (uint32_t i = 0; i < config->callers_count; i++)
		if (config->callers[i].may & CONFIG_MAY_RELOAD)
			return true;
	return false;
}

/* A config in which nobody may reload would be the last one until a restart. */
static bool locks_out(struct appliance *appliance, const struct config *config, char *out,
		      size_t capacity)
{
	char text[CONFIG_PATH_BYTES + 128];

	if (reload_is_allowed(config) || !reload_is_allowed(&appliance->live->config))
		return false;
	snprintf(text, sizeof(text),
		 "%.500s: callers: nobody may reload, must name one who may, or this reload were "
		 "the last",
		 appliance->config_path);
	put_error(out, capacity, text);
	return true;
}

/* Keys that need a restart keep their booted values.  Those that decisions depend on
 * cannot: the file would not be the config that decides, and the log could not be
 * replayed from what is kept of it. */
static bool keep_boot(struct appliance *appliance, struct config *config, const char *const *keys,
		      size_t count, char *out, size_t capacity)
{
	uint8_t before[DIGEST_BYTES], after[DIGEST_BYTES];
	char    text[4096];
	size_t  used;

	config_digest(config, before);
	config_keep_boot(&appliance->config, config);
	config_digest(config, after);
	if (memcmp(before, after, DIGEST_BYTES) == 0)
		return true;
	used = (size_t)snprintf(text, sizeof(text),
				"decisions depend on keys that need a restart; "
				"restart, or take these back:");
	for (size_t i = 0; i < count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s", keys[i]);
	put_error(out, capacity, text);
	return false;
}

static bool try_reload(struct appliance *appliance, struct config *config, char *out,
		       size_t capacity)
{
	char                error[LIVE_ERROR_BYTES] = "";
	struct live       **room                    = retired_room(appliance);
	struct live_options options                 = {
				.config  = config,
				.slot    = appliance->slots[1 - appliance->slot_in_use],
				.lists   = 1 + appliance->config.cores.decide_count,
				.tickets = appliance->tickets,
				.epoch   = appliance->live->epoch + 1,
				.wall_ns = clock_wall_ns(&appliance->clock),
	};
	const char  *needs_restart[CONFIG_KEYS_MAX];
	size_t       needs_restart_count;
	struct live *next;

	if (!room) {
		put_error(
			out, capacity,
			"too many earlier configurations still have requests under way; try again");
		return false;
	}
	if (!load_config(appliance, config, out, capacity) ||
	    locks_out(appliance, config, out, capacity))
		return false;
	needs_restart_count = config_live_difference(&appliance->config, config, needs_restart);
	if (!keep_boot(appliance, config, needs_restart, needs_restart_count, out, capacity))
		return false;
	if (!live_make(&options, &next, error)) {
		put_error(out, capacity, error);
		return false;
	}
	if (!artefacts_put_live(&appliance->artefacts.disk, next, appliance->config_path, error)) {
		live_free(next);
		put_error(out, capacity, error);
		return false;
	}
	if (!publish(appliance, next, room, error)) {
		live_free(next);
		put_error(out, capacity, error);
		return false;
	}
	evict_oldest(appliance);
	appliance->slot_in_use = 1 - appliance->slot_in_use;
	log_set_level((enum log_level)config->log.level);
	put_applied(needs_restart, needs_restart_count, out, capacity);
	return true;
}

bool appliance_reload(struct appliance *appliance, char *out, size_t capacity)
{
	struct config *config = calloc(1, sizeof(*config));
	bool           applied;

	out[0]  = '\0';
	applied = config && try_reload(appliance, config, out, capacity);
	free(config);
	if (!applied)
		appliance->reloads_refused++;
	log_write(applied ? LOG_INFO : LOG_ERROR, "reload: %.1500s", out);
	return applied;
}
