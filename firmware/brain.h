/* Everything that turns a transaction and its features into a verdict: the model, the
 * rules and their lists, the thresholds.  The live configuration has one, a shadow has
 * another, and a replay makes one for each stretch of the log.
 *
 * Owner:   control makes and frees; who decides reads.  `lists` are the exception: each
 *          copy belongs to one thread, see decider.h.
 * Memory:  malloc, but for a model that is given a slot of huge pages.
 * Failure: brain_make says what is wrong in sentences, one a line. */
#ifndef ASSAY_FIRMWARE_BRAIN_H
#define ASSAY_FIRMWARE_BRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "runtime/base/decision.h"
#include "runtime/base/digest.h"
#include "runtime/decide/decide.h"
#include "runtime/model/model.h"
#include "runtime/rules/rules.h"

#define BRAIN_ERROR_BYTES 4096
/* Copies of the lists that rules use: the net core's, and one for each decider. */
#define BRAIN_LISTS_MAX   (1 + CONFIG_DECIDE_MAX)

struct brain {
	struct artefact_digests digests;
	struct decide_policy    policy;
	struct model           *model;        /* NULL: none configured */
	void                   *model_memory; /* freed with it; NULL: lies in a slot */
	uint32_t                output;       /* of the model's, the one that is the score */
	struct rules           *rules;        /* NULL: none configured */
	struct rules_lists     *lists[BRAIN_LISTS_MAX];
	void   *scratch[BRAIN_LISTS_MAX];  /* of the same threads; NULL: the model needs none */
	uint8_t order[CONFIG_STAGE_COUNT]; /* enum config_stage: which stage runs first */
	uint8_t digest[DIGEST_BYTES];      /* SHA-256 over digests; names a shadow */
};

/* Where a model's flat form may be put. */
struct brain_slot {
	void  *memory; /* NULL: by aligned_alloc, for offline use */
	size_t size_bytes;
};

struct brain_options {
	struct brain_slot slot;
	uint32_t          lists; /* copies of the lists, at least 1 */
};

/* `names` are those of all features, supplied then computed (config_feature_names). */
bool brain_make(struct brain *brain, const struct config *config,
		const struct feature_schema *names, const struct brain_options *options,
		char error[BRAIN_ERROR_BYTES]);
void brain_free(struct brain *brain);

/* All copies of the lists as the rules file has them; nobody uses them just then. */
void brain_renew_lists(struct brain *brain);

/* The model's flat size, to plan slots before memory is sealed.  0: no model. */
bool brain_model_size(const struct config *config, size_t *size_bytes,
		      char error[BRAIN_ERROR_BYTES]);

#endif
