/* What must hold for any model file: it is refused with a row, a place and
 * words, or it becomes a model whose fast kernel gives the judge's bits. */
#ifndef ASSAY_TESTS_FUZZ_MODEL_FUZZ_H
#define ASSAY_TESTS_FUZZ_MODEL_FUZZ_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/model.h"

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static inline void model_fuzz_rows(const struct model *model)
{
	static const float    values[] = { NAN, -INFINITY, INFINITY, 0.0f, -1.5f, 0.5f, 100.0f };
	static const uint32_t count    = sizeof(values) / sizeof(*values);
	float                 row[MODEL_FEATURES_MAX];

	for (uint32_t r = 0; r < count; r++) {
		float fast, judged, score;

		for (uint32_t i = 0; i < MODEL_FEATURES_MAX; i++)
			row[i] = values[(r + i * (r + 1)) % count];
		model_run(model, row, NULL, &fast);
		model_run_judge(model, row, NULL, &judged);
		MUST(memcmp(&fast, &judged, sizeof(fast)) == 0);
		model_scores(model, &fast, &score);
		MUST(model_link(model) != MODEL_LOGISTIC || isnan(fast) ||
		     (score >= 0.0f && score <= 1.0f));
	}
}

static inline void model_fuzz_one(const uint8_t *data, size_t size_bytes)
{
	static struct feature_schema schema;
	struct model_plan           *plan;
	struct model                *model;
	struct failure               failure;
	void                        *memory;

	memset(&failure, 0xa5, sizeof(failure));
	if (model_parse(bytes_of(data, size_bytes), &plan, &failure)) {
		MUST(plan == NULL && failure.reason == REASON_model_missing);
		MUST(memchr(failure.place, 0, sizeof(failure.place)) && failure.place[0]);
		MUST(memchr(failure.detail, 0, sizeof(failure.detail)) && failure.detail[0]);
		return;
	}
	memory = aligned_alloc(MODEL_ALIGN_BYTES, model_size(plan));
	MUST(memory);
	model = model_build(plan, memory, model_size(plan));
	model_free_plan(plan);
	schema.count = model_feature_count(model);
	for (uint16_t i = 0; i < schema.count; i++) {
		const char *name = model_feature_name(model, i);

		memset(schema.names[i], 0, sizeof(schema.names[i]));
		if (name)
			memcpy(schema.names[i], name, strlen(name));
	}
	MUST(model_bind(model, &schema, &failure) == 0);
	model_fuzz_rows(model);
	free(memory);
}

#endif
