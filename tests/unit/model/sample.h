/* Models for the tests: random forests in either file format, and loading. */
#ifndef ASSAY_TESTS_UNIT_MODEL_SAMPLE_H
#define ASSAY_TESTS_UNIT_MODEL_SAMPLE_H

#include "runtime/model/model.h"

struct sample_shape {
	uint32_t trees;
	uint32_t depth; /* no leaf is deeper; some leaf is this deep */
	uint32_t bushy; /* chance of 100 that a node above `depth` splits */
	uint32_t features;
};

/* Bytes somebody must free. */
struct sample_file {
	uint8_t *data;
	size_t   size_bytes;
};

/* xorshift64*; the state must not be 0. */
uint64_t sample_random(uint64_t *state);

/* The same forest for the same seed, as JSON or as UBJSON.  No feature names. */
struct sample_file sample_forest(struct sample_shape shape, uint64_t seed, bool ubjson);

/* Parse, build and bind to a schema of as many features; fails the test when
 * that fails.  The model is to be freed with free(). */
struct model *sample_load(struct bytes file);

/* Of a model with one output. */
float sample_margin(const struct model *model, const float *row);
float sample_judge(const struct model *model, const float *row);
float sample_score(const struct model *model, float margin);

/* A row of `count` features: small numbers that often equal a threshold, one in
 * six missing, now and then an infinity or a zero with a sign. */
void sample_row(uint64_t *state, float *row, uint32_t count);

#endif
