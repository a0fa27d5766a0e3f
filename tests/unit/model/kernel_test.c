/* The fast kernel against the judge, bit for bit, and JSON against UBJSON. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/model/sample.h"

#define ROWS 400

static uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static void compare(struct sample_shape shape, uint64_t seed)
{
	struct sample_file json   = sample_forest(shape, seed, false);
	struct sample_file ubjson = sample_forest(shape, seed, true);
	struct model      *a      = sample_load(bytes_of(json.data, json.size_bytes));
	struct model      *b      = sample_load(bytes_of(ubjson.data, ubjson.size_bytes));
	uint64_t           state  = seed;
	float              row[MODEL_FEATURES_MAX];

	assert_int_equal(model_tree_count(a), shape.trees);
	assert_int_equal(model_depth(a), shape.trees ? shape.depth : 0);
	for (uint32_t i = 0; i < ROWS; i++) {
		uint32_t judged, fast, other;

		sample_row(&state, row, shape.features);
		judged = bits_of(sample_judge(a, row));
		fast   = bits_of(sample_margin(a, row));
		other  = bits_of(sample_margin(b, row));
		if (judged != fast || judged != other)
			fail_msg("seed %llu, %u trees of depth %u, row %u: judge %08x, fast %08x, "
				 "UBJSON %08x",
				 (unsigned long long)seed, shape.trees, shape.depth, i, judged,
				 fast, other);
	}
	free(a);
	free(b);
	free(json.data);
	free(ubjson.data);
}

/* Every padded depth, both sides of the limit, and the deepest allowed. */
static void the_fast_kernel_equals_the_judge(void **state)
{
	static const uint32_t depths[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 64 };
	static const uint32_t trees[]  = { 0, 1, 7, 8, 9, 40 };

	(void)state;
	for (uint32_t d = 0; d < sizeof(depths) / sizeof(*depths); d++)
		for (uint32_t t = 0; t < sizeof(trees) / sizeof(*trees); t++)
			compare((struct sample_shape){ .trees    = trees[t],
						       .depth    = depths[d],
						       .bushy    = depths[d] > 10 ? 30 : 75,
						       .features = 1 + 13 * t },
				1000 * d + t + 1);
}

static void as_many_features_as_there_can_be(void **state)
{
	(void)state;
	compare((struct sample_shape){ .trees = 30, .depth = 6, .bushy = 90, .features = 256 }, 77);
}

/* A row of NaN and infinities follows the default sides and the comparison. */
static void missing_is_counted(void **state)
{
	struct sample_shape shape  = { .trees = 3, .depth = 3, .bushy = 90, .features = 4 };
	struct sample_file  file   = sample_forest(shape, 5, true);
	struct model       *model  = sample_load(bytes_of(file.data, file.size_bytes));
	const float         row[4] = { NAN, 1.0f, NAN, -INFINITY };

	(void)state;
	assert_int_equal(model_features_missing(model, row), 2);
	free(model);
	free(file.data);
}

static void the_score_is_the_sigmoid_of_the_margin(void **state)
{
	struct sample_shape shape = { .trees = 1, .depth = 1, .bushy = 90, .features = 1 };
	struct sample_file  file  = sample_forest(shape, 5, false);
	struct model       *model = sample_load(bytes_of(file.data, file.size_bytes));

	(void)state;
	for (float margin = -100.0f; margin < 100.0f; margin += 0.0625f) {
		double exact = 1.0 / (1.0 + exp(-(double)margin));
		double score = (double)sample_score(model, margin);

		assert_true(fabs(score - exact) <= 2e-7 * exact + 4e-39);
	}
	assert_true(sample_score(model, 0.0f) == 0.5f);
	assert_true(sample_score(model, INFINITY) == 1.0f);
	assert_true(isnan(sample_score(model, NAN)));
	free(model);
	free(file.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fast_kernel_equals_the_judge),
		cmocka_unit_test(as_many_features_as_there_can_be),
		cmocka_unit_test(missing_is_counted),
		cmocka_unit_test(the_score_is_the_sigmoid_of_the_margin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
