#include "firmware/past_features.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/artefacts.h"

static uint16_t place_of(const struct feature_schema *schema, const char *name)
{
	for (uint16_t i = 0; i < schema->count; i++)
		if (strcmp(schema->names[i], name) == 0)
			return i;
	return UINT16_MAX;
}

static void map(struct past_features *past, const struct feature_schema *then)
{
	const struct feature_schema *now = &past->config->features;

	for (uint16_t i = 0; i < now->count; i++)
		past->from[i] = place_of(then, now->names[i]);
}

static bool load(const struct past_features *past, struct config *config)
{
	struct config_error *errors = calloc(1, sizeof(*errors));
	char name[DISK_NAME_BYTES_MAX], file[CONFIG_PATH_BYTES + DISK_NAME_BYTES_MAX];
	bool ok;

	assert(errors);
	artefacts_name(name, ARTEFACT_CONFIG, past->digest);
	snprintf(file, sizeof(file), "%s/artefacts/%s", past->directory, name);
	ok = config_load(file, config, errors);
	if (!ok)
		past->tell(past->ctx, errors->count > 0 ? errors->lines[0] : file);
	free(errors);
	return ok;
}

static void use(struct past_features *past, const uint8_t digest[DIGEST_BYTES])
{
	struct feature_schema none = { 0 };
	struct config        *then;
	uint8_t               today[DIGEST_BYTES];

	if (past->known && memcmp(past->digest, digest, DIGEST_BYTES) == 0)
		return;
	past->known = true;
	memcpy(past->digest, digest, DIGEST_BYTES);
	config_digest(past->config, today);
	if (memcmp(today, digest, DIGEST_BYTES) == 0) {
		map(past, &past->config->features);
		return;
	}
	then = malloc(sizeof(*then));
	assert(then);
	if (load(past, then)) {
		map(past, &then->features);
	} else {
		past->tell(past->ctx, "a config of the past can't be used; the supplied features "
				      "of its payments are missing from the rows of the history");
		map(past, &none);
	}
	free(then);
}

void past_features_put(struct past_features *past, const uint8_t config[DIGEST_BYTES],
		       struct transaction *transaction)
{
	float    was[TRANSACTION_FEATURES_MAX];
	uint16_t count = past->config->features.count;

	use(past, config);
	memcpy(was, transaction->features, sizeof(was));
	for (uint16_t i = 0; i < count; i++)
		transaction->features[i] = past->from[i] < transaction->features_count
						   ? was[past->from[i]]
						   : NAN;
	transaction->features_count = count;
}
