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

static inline void model_fuzz_scores(const struct model *model, const float *margins)
{
	float scores[MODEL_OUTPUTS_MAX];

	model_scores(model, margins, scores);
	for (uint32_t o = 0; o < model_output_count(model); o++)
		MUST(model_link(model) != MODEL_LOGISTIC || isnan(margins[o]) ||
		     (scores[o] >= 0.0f && scores[o] <= 1.0f));
}

/* Attributions may be anything where covers are odd; they must come to an end, in bounds. */
static inline void model_fuzz_explain(const struct model *model, const float *row)
{
	double *given;
	void   *scratch;

	if (model_explain_refusal(model) || model_node_count(model) > 2000)
		return;
	given   = malloc(model_output_count(model) * (model_feature_count(model) + 1u) *
			 sizeof(*given));
	scratch = aligned_alloc(MODEL_ALIGN_BYTES, model_explain_scratch_bytes(model));
	MUST(given && scratch);
	model_explain(model, row, scratch, given);
	free(given);
	free(scratch);
}

static inline void model_fuzz_rows(const struct model *model)
{
	static const float    values[] = { NAN,    -INFINITY, INFINITY, 0.0f,  -1.5f, 0.5f,
					   100.0f, 1e-36f,    3.0f,     -0.5f, 3e9f };
	static const uint32_t count    = sizeof(values) / sizeof(*values);
	uint32_t numbers = (uint32_t)model_step_count(model) * model_feature_count(model);
	float   *row     = malloc(numbers * sizeof(*row));
	void    *scratch = aligned_alloc(MODEL_ALIGN_BYTES,
					 model_scratch_bytes(model) + MODEL_ALIGN_BYTES);

	MUST(row && scratch);
	for (uint32_t r = 0; r < count; r++) {
		float fast[MODEL_OUTPUTS_MAX], judged[MODEL_OUTPUTS_MAX];

		for (uint32_t i = 0; i < numbers; i++)
			row[i] = values[(r + i * (r + 1)) % count];
		model_run(model, row, scratch, fast);
		model_run_judge(model, row, scratch, judged);
		for (uint32_t o = 0; o < model_output_count(model); o++)
			MUST(memcmp(&fast[o], &judged[o], sizeof(fast[o])) == 0 ||
			     (isnan(fast[o]) && isnan(judged[o])));
		model_fuzz_scores(model, fast);
		if (r < 2)
			model_fuzz_explain(model, row);
	}
	free(row);
	free(scratch);
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
