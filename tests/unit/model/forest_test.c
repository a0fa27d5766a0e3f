/* Forests of every kind, made at random as plans: the fast kernel against the judge bit for bit,
 * attributions against the margin and against the definition of Shapley values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/model/forest/forest.h"
#include "tests/unit/model/sample.h"

#define ROWS 120

struct shape {
	uint32_t trees, depth, bushy, features;
	uint16_t outputs, leaf_width;
	bool     double_sums, views, sets;
	double   divisor;
};

static float number(uint64_t *state)
{
	static const float odd[] = { 0.0f,   1e-35f,   -1e-35f, 1.1e-35f,
				     1e-42f, INFINITY, 3e38f,   -3e38f };
	uint64_t           draw  = sample_random(state) >> 33;

	if (draw % 9 == 0)
		return odd[draw / 9 % (sizeof(odd) / sizeof(*odd))];
	return (float)(draw % 97) / 16.0f - 3.0f;
}

static float cell(uint64_t *state)
{
	static const float odd[] = { -1.0f, -0.5f, 0.5f,   63.9f,     64.0f,    1e6f,
				     3e9f,  -0.0f, 1e-36f, -INFINITY, INFINITY, 16777216.0f };
	uint64_t           draw  = sample_random(state) >> 33;

	if (draw % 6 == 0)
		return NAN;
	if (draw % 7 == 0)
		return odd[draw / 7 % (sizeof(odd) / sizeof(*odd))];
	return draw % 2 ? number(state) : (float)(draw % 70);
}

static void put_test(struct forest_plan *plan, struct forest_node *node, struct shape shape,
		     uint64_t *state)
{
	static const uint8_t of_sets[] = { FOREST_NAN_RIGHT, FOREST_NAN_LEFT, FOREST_C_INT };
	uint32_t             words;

	node->feature = (uint16_t)((sample_random(state) >> 33) % shape.features);
	if (!shape.sets || sample_random(state) >> 62 != 0) {
		node->kind      = FOREST_LESS;
		node->threshold = number(state);
		node->view =
			(uint8_t)((sample_random(state) >> 33) % (shape.views ? FOREST_C_INT : 2));
		return;
	}
	words      = (uint32_t)(sample_random(state) >> 33) % 4;
	node->kind = FOREST_IN_SET;
	node->view = of_sets[(sample_random(state) >> 33) % 3];
	assert_true(forest_plan_add_set(plan, node, words));
	for (uint32_t i = 0; i < words; i++)
		plan->sets[node->set + i] = (uint32_t)(sample_random(state) >> 32);
}

static void put_leaf(struct forest_plan *plan, struct forest_node *node, uint64_t *state)
{
	node->leaf = plan->leaf_count++;
	for (uint32_t i = 0; i < plan->leaf_width; i++) {
		double value = (double)(sample_random(state) >> 11) * 0x1p-53 - 0.5;

		plan->leaves[node->leaf * plan->leaf_width + i] = plan->double_sums
									  ? value
									  : (double)(float)value;
	}
}

/* The first node of each level splits, so that the depth is reached.  Covers halve unevenly. */
static void grow(struct forest_plan *plan, struct shape shape, uint64_t *state)
{
	enum { NODES_MAX = 1024 };
	struct forest_tree *tree;
	uint32_t            level[NODES_MAX] = { 0 }, count = 1, deepest = 0;

	assert_true(forest_plan_reserve(plan, 1, NODES_MAX, NODES_MAX));
	tree                     = &plan->trees[plan->tree_count++];
	*tree                    = (struct forest_tree){ .first  = plan->node_count,
							 .output = shape.leaf_width > 1
									   ? 0
									   : (uint16_t)((sample_random(state) >> 33) %
                                                                     shape.outputs) };
	plan->nodes[tree->first] = (struct forest_node){ .cover = 1000.0f };
	for (uint32_t i = 0; i < count; i++) {
		struct forest_node *node  = &plan->nodes[tree->first + i];
		float               share = (float)(1 + (sample_random(state) >> 61)) / 9.0f;

		tree->depth = level[i];
		if (level[i] == shape.depth || count + 2 > NODES_MAX ||
		    (level[i] != deepest && (sample_random(state) >> 33) % 100 >= shape.bushy)) {
			put_leaf(plan, node, state);
			continue;
		}
		put_test(plan, node, shape, state);
		node->left  = count;
		node->right = count + 1;
		plan->nodes[tree->first + count] =
			(struct forest_node){ .cover = node->cover * share };
		plan->nodes[tree->first + count + 1] =
			(struct forest_node){ .cover = node->cover * (1.0f - share) };
		level[count] = level[count + 1] = deepest = level[i] + 1;
		count += 2;
	}
	tree->nodes = count;
	plan->node_count += count;
}

static struct forest_plan *make_plan(struct shape shape, uint64_t *state)
{
	struct forest_plan *plan = forest_plan_new();

	assert_non_null(plan);
	plan->feature_count = (uint16_t)shape.features;
	plan->output_count  = shape.outputs;
	plan->leaf_width    = shape.leaf_width;
	plan->double_sums   = shape.double_sums;
	plan->divisor       = shape.divisor;
	for (uint32_t o = 0; o < shape.outputs; o++)
		plan->base[o] = (double)number(state) > 1e9 ? 0.5 : 0.25 * o;
	for (uint32_t t = 0; t < shape.trees; t++)
		grow(plan, shape, state);
	assert_true(forest_plan_close(plan));
	return plan;
}

static struct forest *build(const struct forest_plan *plan)
{
	size_t size_bytes = forest_size(plan);

	return forest_build(plan, aligned_alloc(MODEL_ALIGN_BYTES, size_bytes), size_bytes);
}

static void compare(struct shape shape, uint64_t seed)
{
	uint64_t            state  = seed;
	struct forest_plan *plan   = make_plan(shape, &state);
	struct forest      *forest = build(plan);
	uint16_t            slot_of[MODEL_FEATURES_MAX];
	float               row[MODEL_FEATURES_MAX];

	for (uint16_t i = 0; i < shape.features; i++)
		slot_of[i] = (uint16_t)(shape.features - 1 - i);
	for (uint32_t r = 0; r < ROWS; r++) {
		float fast[MODEL_OUTPUTS_MAX], judged[MODEL_OUTPUTS_MAX];

		for (uint32_t i = 0; i < shape.features; i++)
			row[i] = cell(&state);
		forest_run(forest, slot_of, row, fast);
		forest_judge(forest, slot_of, row, judged);
		if (memcmp(fast, judged, shape.outputs * sizeof(*fast)) != 0)
			fail_msg("seed %llu, row %u: the kernel and the judge differ",
				 (unsigned long long)seed, r);
	}
	forest_plan_free(plan);
	free(forest);
}

static void every_kind_equals_the_judge(void **unused)
{
	static const uint32_t depths[] = { 0, 1, 4, 6, 8, 9, 20, 64 };
	uint64_t              seed     = 1;

	(void)unused;
	for (uint32_t d = 0; d < sizeof(depths) / sizeof(*depths); d++)
		for (uint32_t kind = 0; kind < 64; kind++) {
			uint16_t outputs = kind & 4 ? 3 : 1;

			compare((struct shape){ .trees       = 1 + kind % 19,
						.depth       = depths[d],
						.bushy       = depths[d] > 10 ? 30 : 75,
						.features    = 1 + kind,
						.outputs     = outputs,
						.leaf_width  = kind & 8 ? outputs : 1,
						.double_sums = kind & 1,
						.views       = kind & 2,
						.sets        = kind & 16,
						.divisor     = kind & 32 ? 7.0 : 1.0 },
				seed++);
		}
}

/* More cuts than a rank can tell apart: the groups walk by number. */
static void too_many_cuts_are_walked_by_number(void **unused)
{
	struct shape shape = {
		.trees = 0, .features = 2, .outputs = 1, .leaf_width = 1, .divisor = 1.0
	};
	uint64_t            state = 5;
	struct forest_plan *plan  = make_plan(shape, &state);
	struct forest      *forest;
	const uint16_t      slot_of[2] = { 0, 1 };

	(void)unused;
	free(plan->cuts);
	plan->cuts = NULL;
	assert_true(forest_plan_reserve(plan, 22000, 22000 * 7, 22000 * 4));
	for (uint32_t t = 0; t < 22000; t++) {
		struct forest_node *nodes = plan->nodes + plan->node_count;

		plan->trees[plan->tree_count++] =
			(struct forest_tree){ .first = plan->node_count, .nodes = 7, .depth = 2 };
		for (uint32_t i = 0; i < 3; i++)
			nodes[i] = (struct forest_node){ .kind      = FOREST_LESS,
							 .threshold = (float)(3 * t + i),
							 .left      = 2 * i + 1,
							 .right     = 2 * i + 2 };
		for (uint32_t i = 3; i < 7; i++)
			put_leaf(plan, &nodes[i], &state);
		plan->node_count += 7;
	}
	assert_true(forest_plan_close(plan));
	forest = build(plan);
	for (uint32_t r = 0; r < 8; r++) {
		const float row[2] = { (float)(r * 9000), 0.0f };
		float       fast, judged;

		forest_run(forest, slot_of, row, &fast);
		forest_judge(forest, slot_of, row, &judged);
		assert_memory_equal(&fast, &judged, sizeof(fast));
	}
	forest_plan_free(plan);
	free(forest);
}

/* ---- attributions */

/* What a tree gives when only the features of `playing` do: both sides, by their shares,
 * otherwise.  A recursion is plain here, and fit for a judge. */
static double value_of(const struct forest_plan *plan, const struct forest_tree *tree, uint32_t at,
		       uint32_t playing, const float *row)
{
	const struct forest_node *nodes = plan->nodes + tree->first;
	const struct forest_node *node  = &nodes[at];

	if (node->kind == FOREST_LEAF)
		return plan->leaves[node->leaf];
	if (playing >> node->feature & 1)
		return value_of(plan, tree,
				forest_goes_left(node, plan->sets, row[node->feature])
					? node->left
					: node->right,
				playing, row);
	return ((double)nodes[node->left].cover * value_of(plan, tree, node->left, playing, row) +
		(double)nodes[node->right].cover *
			value_of(plan, tree, node->right, playing, row)) /
	       (double)node->cover;
}

static double factorial(uint32_t n)
{
	return n < 2 ? 1.0 : n * factorial(n - 1);
}

/* The definition: the mean over all orders of what feature f adds. */
static double shapley(const struct forest_plan *plan, uint32_t f, const float *row)
{
	uint32_t count = plan->feature_count;
	double   sum   = 0.0;

	for (uint32_t others = 0; others < 1u << count; others++) {
		uint32_t size = (uint32_t)__builtin_popcount(others);

		if (others >> f & 1)
			continue;
		for (uint32_t t = 0; t < plan->tree_count; t++)
			sum += factorial(size) * factorial(count - size - 1) / factorial(count) *
			       (value_of(plan, &plan->trees[t], 0, others | 1u << f, row) -
				value_of(plan, &plan->trees[t], 0, others, row));
	}
	return sum;
}

static void attributions_are_shapley_values(void **unused)
{
	uint64_t state = 77;

	(void)unused;
	for (uint32_t round = 0; round < 12; round++) {
		struct shape        shape  = { .trees       = 4,
					       .depth       = 2 + round % 6,
					       .bushy       = 80,
					       .features    = 5,
					       .outputs     = 1,
					       .leaf_width  = 1,
					       .double_sums = true,
					       .views       = true,
					       .sets        = round % 2,
					       .divisor     = 1.0 };
		struct forest_plan *plan   = make_plan(shape, &state);
		struct forest      *forest = build(plan);
		void *scratch = aligned_alloc(MODEL_ALIGN_BYTES, forest_explain_bytes(forest));
		const uint16_t slot_of[5] = { 0, 1, 2, 3, 4 };
		float          row[5], margin;
		double         given[6], sum = 0.0;

		assert_true(forest_covered(forest));
		for (uint32_t i = 0; i < 5; i++)
			row[i] = cell(&state);
		forest_explain(forest, slot_of, row, scratch, given);
		for (uint32_t f = 0; f < 5; f++) {
			double wanted = shapley(plan, f, row);

			if (!(fabs(given[f] - wanted) <= 1e-6))
				fail_msg("round %u: feature %u gave %.9g, by definition %.9g",
					 round, f, given[f], wanted);
		}
		for (uint32_t f = 0; f < 6; f++)
			sum += given[f];
		forest_run(forest, slot_of, row, &margin);
		assert_true(fabs(sum - (double)margin) <= 1e-6);
		forest_plan_free(plan);
		free(scratch);
		free(forest);
	}
}

static void attributions_of_every_kind_sum_to_the_margin(void **unused)
{
	uint64_t seed = 900;

	(void)unused;
	for (uint32_t kind = 0; kind < 32; kind++) {
		uint16_t            outputs = kind & 4 ? 3 : 1;
		struct shape        shape   = { .trees       = 9,
						.depth       = kind & 16 ? 40 : 7,
						.bushy       = 40,
						.features    = 12,
						.outputs     = outputs,
						.leaf_width  = kind & 8 ? outputs : 1,
						.double_sums = kind & 1,
						.views       = true,
						.sets        = kind & 2,
						.divisor     = kind & 8 ? 9.0 : 1.0 };
		uint64_t            state   = seed++;
		struct forest_plan *plan    = make_plan(shape, &state);
		struct forest      *forest  = build(plan);
		void    *scratch = aligned_alloc(MODEL_ALIGN_BYTES, forest_explain_bytes(forest));
		double   given[3][13];
		float    row[12], margins[3];
		uint16_t slot_of[12];

		for (uint16_t i = 0; i < 12; i++) {
			slot_of[i] = i;
			row[i]     = cell(&state);
		}
		forest_explain(forest, slot_of, row, scratch, given[0]);
		forest_run(forest, slot_of, row, margins);
		for (uint32_t o = 0; o < outputs; o++) {
			double sum = 0.0;

			for (uint32_t f = 0; f < 13; f++)
				sum += given[o][f];
			if (!(fabs(sum - (double)margins[o]) <= 1e-5))
				fail_msg("seed %llu, output %u: %.9g beside the margin %.9g",
					 (unsigned long long)seed - 1, o, sum, (double)margins[o]);
		}
		forest_plan_free(plan);
		free(scratch);
		free(forest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_equals_the_judge),
		cmocka_unit_test(too_many_cuts_are_walked_by_number),
		cmocka_unit_test(attributions_are_shapley_values),
		cmocka_unit_test(attributions_of_every_kind_sum_to_the_margin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
