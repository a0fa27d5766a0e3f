#include "tests/unit/model/sample.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLE_NODES_MAX 4096

struct tree {
	uint32_t count;
	uint32_t level[SAMPLE_NODES_MAX];
	int32_t  left[SAMPLE_NODES_MAX];
	int32_t  right[SAMPLE_NODES_MAX];
	int32_t  feature[SAMPLE_NODES_MAX];
	int32_t  default_left[SAMPLE_NODES_MAX];
	float    value[SAMPLE_NODES_MAX];
};

uint64_t sample_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static float small_number(uint64_t *state)
{
	return (float)((int32_t)(sample_random(state) >> 40) % 33) / 8.0f - 2.0f;
}

void sample_row(uint64_t *state, float *row, uint32_t count)
{
	static const float odd[] = { INFINITY, -INFINITY, 0.0f, -0.0f, 1e-42f, 3e38f };

	for (uint32_t i = 0; i < count; i++) {
		uint32_t draw = (uint32_t)(sample_random(state) >> 33);

		row[i] = small_number(state);
		if (draw % 6 == 0)
			row[i] = NAN;
		else if (draw % 17 == 0)
			row[i] = odd[draw / 17 % (sizeof(odd) / sizeof(*odd))];
	}
}

/* The first node of each level always splits, so that the depth is reached. */
static void grow(struct tree *tree, struct sample_shape shape, uint64_t *state)
{
	uint32_t deepest = 0;

	*tree = (struct tree){ .count = 1 };
	for (uint32_t i = 0; i < tree->count; i++) {
		bool splits = tree->level[i] < shape.depth && tree->count + 2 <= SAMPLE_NODES_MAX &&
			      (tree->level[i] == deepest ||
			       sample_random(state) >> 32 <
				       (uint64_t)shape.bushy * UINT32_MAX / 100);

		tree->value[i] = splits ? small_number(state)
					: (float)(sample_random(state) >> 40) / (float)(1 << 24) -
						  0.5f;
		tree->left[i] = tree->right[i] = -1;
		if (!splits)
			continue;
		tree->feature[i] = (int32_t)(sample_random(state) >> 33) % (int32_t)shape.features;
		tree->default_left[i] = sample_random(state) >> 63;
		tree->left[i]  = (int32_t)tree->count + 1; /* not in order: parsing must renumber */
		tree->right[i] = (int32_t)tree->count;
		tree->level[tree->count] = tree->level[tree->count + 1] = tree->level[i] + 1;
		tree->count += 2;
		deepest = tree->level[i] + 1;
	}
}

static void text(FILE *out, bool ubjson, const char *value)
{
	uint64_t length = htobe64(strlen(value));

	if (!ubjson) {
		fprintf(out, "\"%s\"", value);
		return;
	}
	fputs("SL", out);
	fwrite(&length, sizeof(length), 1, out);
	fputs(value, out);
}

/* `first`: nothing stands before it in the object. */
static void key(FILE *out, bool ubjson, bool first, const char *name)
{
	uint64_t length = htobe64(strlen(name));

	if (!ubjson) {
		fprintf(out, "%s\"%s\":", first ? "" : ",", name);
		return;
	}
	fputc('L', out);
	fwrite(&length, sizeof(length), 1, out);
	fputs(name, out);
}

static void param(FILE *out, bool ubjson, bool first, const char *name, uint32_t value)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", value);
	key(out, ubjson, first, name);
	text(out, ubjson, digits);
}

static void array_head(FILE *out, char type, uint64_t count)
{
	uint64_t length = htobe64(count);

	fputc('[', out);
	if (type)
		fprintf(out, "$%c", type);
	fputs("#L", out);
	fwrite(&length, sizeof(length), 1, out);
}

static void ints(FILE *out, bool ubjson, const char *name, const int32_t *values, uint32_t count)
{
	key(out, ubjson, false, name);
	if (ubjson)
		array_head(out, 'l', count);
	else
		fputc('[', out);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t wire = htobe32((uint32_t)values[i]);

		if (ubjson)
			fwrite(&wire, sizeof(wire), 1, out);
		else
			fprintf(out, "%s%d", i ? "," : "", values[i]);
	}
	if (!ubjson)
		fputc(']', out);
}

static void floats(FILE *out, bool ubjson, const char *name, const float *values, uint32_t count)
{
	key(out, ubjson, false, name);
	if (ubjson)
		array_head(out, 'd', count);
	else
		fputc('[', out);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t wire;

		memcpy(&wire, &values[i], sizeof(wire));
		wire = htobe32(wire);
		if (ubjson)
			fwrite(&wire, sizeof(wire), 1, out);
		else
			fprintf(out, "%s%.9g", i ? "," : "", (double)values[i]);
	}
	if (!ubjson)
		fputc(']', out);
}

static void write_tree(FILE *out, bool ubjson, const struct tree *tree)
{
	fputc('{', out);
	key(out, ubjson, true, "tree_param");
	fputc('{', out);
	param(out, ubjson, true, "num_nodes", tree->count);
	fputc('}', out);
	ints(out, ubjson, "left_children", tree->left, tree->count);
	ints(out, ubjson, "right_children", tree->right, tree->count);
	ints(out, ubjson, "split_indices", tree->feature, tree->count);
	ints(out, ubjson, "default_left", tree->default_left, tree->count);
	floats(out, ubjson, "split_conditions", tree->value, tree->count);
	fputc('}', out);
}

static void write_trees(FILE *out, bool ubjson, struct sample_shape shape, uint64_t seed)
{
	struct tree *tree = malloc(sizeof(*tree));
	int32_t     *info = calloc(shape.trees + 1, sizeof(*info));

	assert(tree && info);
	key(out, ubjson, true, "gbtree_model_param");
	fputc('{', out);
	param(out, ubjson, true, "num_trees", shape.trees);
	fputc('}', out);
	ints(out, ubjson, "tree_info", info, shape.trees);
	key(out, ubjson, false, "trees");
	if (ubjson)
		array_head(out, 0, shape.trees);
	else
		fputc('[', out);
	for (uint32_t i = 0; i < shape.trees; i++) {
		grow(tree, shape, &seed);
		if (!ubjson && i)
			fputc(',', out);
		write_tree(out, ubjson, tree);
	}
	if (!ubjson)
		fputc(']', out);
	free(info);
	free(tree);
}

struct sample_file sample_forest(struct sample_shape shape, uint64_t seed, bool ubjson)
{
	char  *data       = NULL;
	size_t size_bytes = 0;
	FILE  *out        = open_memstream(&data, &size_bytes);

	assert(out);
	fputc('{', out);
	key(out, ubjson, true, "learner");
	fputc('{', out);
	key(out, ubjson, true, "gradient_booster");
	fputc('{', out);
	key(out, ubjson, true, "model");
	fputc('{', out);
	write_trees(out, ubjson, shape, seed);
	fputc('}', out);
	key(out, ubjson, false, "name");
	text(out, ubjson, "gbtree");
	fputc('}', out);
	key(out, ubjson, false, "learner_model_param");
	fputc('{', out);
	key(out, ubjson, true, "base_score");
	text(out, ubjson, "3.2E-1");
	param(out, ubjson, false, "num_feature", shape.features);
	fputc('}', out);
	key(out, ubjson, false, "objective");
	fputc('{', out);
	key(out, ubjson, true, "name");
	text(out, ubjson, "binary:logistic");
	fputs("}}}", out);
	fclose(out);
	return (struct sample_file){ .data = (uint8_t *)data, .size_bytes = size_bytes };
}

struct model *sample_load(struct bytes file)
{
	struct feature_schema *schema = calloc(1, sizeof(*schema));
	struct model_plan     *plan;
	struct failure         failure;
	struct model          *model;
	void                  *memory;

	if (model_parse(file, &plan, &failure)) {
		fprintf(stderr, "%s: %s\n", failure.place, failure.detail);
		abort();
	}
	memory = aligned_alloc(MODEL_ALIGN_BYTES, model_size(plan));
	assert(schema && memory);
	model = model_build(plan, memory, model_size(plan));
	model_free_plan(plan);
	schema->count = model_feature_count(model);
	for (uint16_t i = 0; i < schema->count; i++) {
		const char *name = model_feature_name(model, i);

		snprintf(schema->names[i], sizeof(schema->names[i]), "%s", name ? name : "");
	}
	if (model_bind(model, schema, &failure))
		abort();
	free(schema);
	return model;
}

float sample_margin(const struct model *model, const float *row)
{
	float margin;

	assert(model_output_count(model) == 1);
	model_run(model, row, NULL, &margin);
	return margin;
}

float sample_judge(const struct model *model, const float *row)
{
	float margin;

	assert(model_output_count(model) == 1);
	model_run_judge(model, row, NULL, &margin);
	return margin;
}

float sample_score(const struct model *model, float margin)
{
	float score;

	assert(model_output_count(model) == 1);
	model_scores(model, &margin, &score);
	return score;
}
