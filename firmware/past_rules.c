#include "firmware/past_rules.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/artefacts.h"

/* Only for its lists: no model, no shadow.  NULL: it can't be made. */
static struct live *make(const struct past_rules *past, const char *rules_file)
{
	struct config      *config  = malloc(sizeof(*config));
	struct live_options options = { .config = config, .lists = 1, .offline = true };
	char                error[LIVE_ERROR_BYTES];
	struct live        *live = NULL;

	assert(config);
	*config                = *past->config;
	config->model.file[0]  = '\0';
	config->shadow.enabled = false;
	snprintf(config->rules.file, sizeof(config->rules.file), "%s", rules_file);
	if (!live_make(&options, &live, error)) {
		past->tell(past->ctx, error);
		live = NULL;
	}
	free(config);
	return live;
}

static struct live *find(const struct past_rules *past)
{
	static const uint8_t none[DIGEST_BYTES];
	char                 name[DISK_NAME_BYTES_MAX], file[CONFIG_PATH_BYTES];
	struct live         *live;

	if (memcmp(past->digest, none, DIGEST_BYTES) == 0)
		return NULL;
	artefacts_name(name, ARTEFACT_RULES, past->digest);
	snprintf(file, sizeof(file), "%s/artefacts/%s", past->directory, name);
	live = make(past, file);
	if (live || past->config->rules.file[0] == '\0')
		return live;
	past->tell(past->ctx, "rules of the past can't be used; today's stand in for their lists");
	return make(past, past->config->rules.file);
}

/* Only rules that stand in for others can lose edits: what the log holds was accepted. */
static void carry_over(const struct past_rules *past, const struct live *before, int64_t now_ns)
{
	struct rules_lists *lists = past->live->brain.lists[0], *old = before->brain.lists[0];
	struct rules_misfit misfit;
	char                sentence[RULES_MISFIT_BYTES + 64];
	size_t              used;

	if (!rules_lists_fit(lists, old, now_ns, &misfit)) {
		used = (size_t)snprintf(sentence, sizeof(sentence), "rules of the past: ");
		rules_misfit_text(&misfit, sentence + used, sizeof(sentence) - used);
		past->tell(past->ctx, sentence);
	}
	(void)rules_lists_adopt(lists, old, now_ns);
}

void past_rules_use(struct past_rules *past, const uint8_t digest[DIGEST_BYTES], int64_t now_ns)
{
	struct live *before = past->live;

	if (memcmp(past->digest, digest, DIGEST_BYTES) == 0)
		return;
	memcpy(past->digest, digest, DIGEST_BYTES);
	past->live = find(past);
	if (before && past->live)
		carry_over(past, before, now_ns);
	live_free(before);
}

struct rules_lists *past_rules_lists(const struct past_rules *past)
{
	return past->live ? past->live->brain.lists[0] : NULL;
}

/* A shadow answers nobody, so that one whose lists are too small keeps nobody from
 * starting. */
static bool fits(const struct past_rules *past, const struct live *live, int64_t now_ns,
		 char *error, size_t error_bytes)
{
	const struct rules_lists *lists = past_rules_lists(past);
	struct rules_misfit       misfit;
	char                      why[RULES_MISFIT_BYTES];

	if (live->has_shadow && live->shadow.rules &&
	    !rules_lists_fit(live->shadow.lists[0], lists, now_ns, &misfit)) {
		rules_misfit_text(&misfit, why, sizeof(why));
		snprintf(error, error_bytes, "the shadow's rules: %s; some do not count there",
			 why);
		past->tell(past->ctx, error);
	}
	if (!live->brain.rules || rules_lists_fit(live->brain.lists[0], lists, now_ns, &misfit))
		return true;
	rules_misfit_text(&misfit, why, sizeof(why));
	snprintf(error, error_bytes, "rules.file: %s: %s", live->config.rules.file, why);
	return false;
}

bool past_rules_hand_over(const struct past_rules *past, struct live *live, uint32_t copies,
			  int64_t now_ns, char *error, size_t error_bytes)
{
	const struct rules_lists *lists = past_rules_lists(past);

	if (!fits(past, live, now_ns, error, error_bytes))
		return false;
	for (uint32_t i = 0; i < copies; i++) {
		if (live->brain.rules)
			(void)rules_lists_adopt(live->brain.lists[i], lists, now_ns);
		if (live->has_shadow && live->shadow.rules)
			(void)rules_lists_adopt(live->shadow.lists[i], lists, now_ns);
	}
	return true;
}

void past_rules_end(struct past_rules *past)
{
	live_free(past->live);
	past->live = NULL;
	memset(past->digest, 0, DIGEST_BYTES);
}
