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

void past_rules_use(struct past_rules *past, const uint8_t digest[DIGEST_BYTES])
{
	struct live *before = past->live;

	if (memcmp(past->digest, digest, DIGEST_BYTES) == 0)
		return;
	memcpy(past->digest, digest, DIGEST_BYTES);
	past->live = find(past);
	if (before && past->live)
		(void)rules_lists_adopt(past->live->brain.lists[0], before->brain.lists[0]);
	live_free(before);
}

struct rules_lists *past_rules_lists(const struct past_rules *past)
{
	return past->live ? past->live->brain.lists[0] : NULL;
}

void past_rules_hand_over(const struct past_rules *past, struct live *live, uint32_t copies)
{
	const struct rules_lists *lists = past_rules_lists(past);

	for (uint32_t i = 0; i < copies; i++) {
		if (live->brain.rules)
			(void)rules_lists_adopt(live->brain.lists[i], lists);
		if (live->has_shadow && live->shadow.rules)
			(void)rules_lists_adopt(live->shadow.lists[i], lists);
	}
}

void past_rules_end(struct past_rules *past)
{
	live_free(past->live);
	past->live = NULL;
	memset(past->digest, 0, DIGEST_BYTES);
}
