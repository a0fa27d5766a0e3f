/* LightGBM files that must be refused, each with its line and words.  A case is a small good file
 * with one piece replaced, so that nothing else can be the reason. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/model/sample.h"

static const char good[] = "tree\n"                       /* line 1 */
			   "version=v4\n"                 /* 2 */
			   "num_class=1\n"                /* 3 */
			   "num_tree_per_iteration=1\n"   /* 4 */
			   "max_feature_idx=1\n"          /* 5 */
			   "objective=binary sigmoid:1\n" /* 6 */
			   "feature_names=a b\n"          /* 7 */
			   "tree_sizes=100\n"             /* 8 */
			   "\n"                           /* 9 */
			   "Tree=0\n"                     /* 10 */
			   "num_leaves=3\n"               /* 11 */
			   "num_cat=1\n"                  /* 12 */
			   "split_feature=0 1\n"          /* 13 */
			   "threshold=0.5 0\n"            /* 14 */
			   "decision_type=2 1\n"          /* 15 */
			   "left_child=1 -1\n"            /* 16 */
			   "right_child=-2 -3\n"          /* 17 */
			   "leaf_value=0.1 -0.2 0.3\n"    /* 18 */
			   "leaf_count=5 6 7\n"           /* 19 */
			   "internal_count=18 12\n"       /* 20 */
			   "cat_boundaries=0 1\n"         /* 21 */
			   "cat_threshold=6\n"            /* 22 */
			   "is_linear=0\n"                /* 23 */
			   "\n\n"                         /* 24, 25 */
			   "end of trees\n"               /* 26 */
			   "\nparameters:\nend of parameters\n";

struct refusal {
	const char *was; /* in `good` */
	const char *now;
	const char *place;
	const char *words; /* somewhere in the detail */
};

/* clang-format off */
static const struct refusal refusals[] = {
	/* the head */
	{ "version=v4", "version=v9", "line 2", "v2, v3 or v4" },
	{ "version=v4\n", "", "line 1", "v2, v3 or v4" },
	{ "num_class=1", "num_class=0", "line 3", "whole number from 1 to 64" },
	{ "num_class=1", "num_class=65", "line 3", "whole number from 1 to 64" },
	{ "num_class=1", "num_class=1\nnum_class=1", "line 4", "given twice" },
	{ "num_class=1\n", "", "line 9", "num_class is missing" },
	{ "num_class=1", "num_class=2", "line 4", "1 trees an iteration for 2 classes" },
	{ "max_feature_idx=1", "max_feature_idx=256", "line 5", "whole number from 0 to 255" },
	{ "max_feature_idx=1", "max_feature_idx=-1", "line 5", "whole number from 0 to 255" },
	{ "max_feature_idx=1", "max_feature_idx=99999999999999999999", "line 5", "whole number from 0 to 255" },
	{ "objective=binary sigmoid:1", "objective=cross_entropy_lambda", "line 6", "\"cross_entropy_lambda\" is not supported" },
	{ "objective=binary sigmoid:1", "objective=", "line 6", "empty" },
	{ "objective=binary sigmoid:1", "objective=multiclass num_class:3", "line 6", "num_class must be 1" },
	{ "sigmoid:1", "sigmoid:0", "line 6", "above 0" },
	{ "sigmoid:1", "sigmoid:-1", "line 6", "above 0" },
	{ "sigmoid:1", "sigmoid:nan", "line 6", "above 0" },
	{ "feature_names=a b", "feature_names=a", "line 7", "must have 2 names" },
	{ "feature_names=a b", "feature_names=a b c", "line 7", "must have 2 names" },
	{ "feature_names=a b", "feature_names=a a", "line 7", "name 2: two features have this name" },
	/* trees */
	{ "Tree=0", "Tree=1", "line 10", "must be tree 0" },
	{ "Tree=0", "Tree=", "line 10", "must be tree 0" },
	{ "num_leaves=3\n", "", "line 10", "no num_leaves" },
	{ "num_leaves=3", "num_leaves=0", "line 11", "whole number from 1" },
	{ "num_leaves=3", "num_leaves=2000000000", "line 11", "whole number from 1" },
	{ "num_leaves=3", "num_leaves=2", "line 18", "leaf_value must have 2 numbers, not 3" },
	{ "num_leaves=3", "num_leaves=3\nnum_leaves=3", "line 12", "num_leaves is given twice" },
	{ "num_cat=1", "num_cat=9", "line 12", "whole number from 0 to 1" },
	{ "num_cat=1", "num_cat=-1", "line 12", "whole number" },
	{ "num_cat=1", "num_cat=0", "line 14", "number 2 is of a split of categories: must be one of its 0 sets" },
	{ "split_feature=0 1", "split_feature=0 2", "line 13", "number 2 is not a whole number in range" },
	{ "split_feature=0 1", "split_feature=-1 1", "line 13", "number 1 is not a whole number in range" },
	{ "split_feature=0 1", "split_feature=0", "line 13", "must have 2 numbers, not 1" },
	{ "split_feature=0 1\n", "", "line 10", "no split_feature" },
	{ "threshold=0.5 0", "threshold=nan 0", "line 14", "number 1 is not a finite number" },
	{ "threshold=0.5 0", "threshold=inf 0", "line 14", "number 1 is not a finite number" },
	{ "threshold=0.5 0", "threshold=1e999 0", "line 14", "number 1 is not a finite number" },
	{ "threshold=0.5 0", "threshold=0x1p3 0", "line 14", "number 1 is not a finite number" },
	{ "threshold=0.5 0", "threshold=0.5 1", "line 14", "must be one of its 1 sets" },
	{ "threshold=0.5 0", "threshold=0.5 0.5", "line 14", "must be one of its 1 sets" },
	{ "threshold=0.5 0", "threshold=0.5 -1", "line 14", "must be one of its 1 sets" },
	{ "decision_type=2 1", "decision_type=16 1", "line 15", "number 1 is not a whole number in range" },
	{ "decision_type=2 1", "decision_type=12 1", "line 15", "type of missing values" },
	{ "left_child=1 -1", "left_child=0 -1", "line 16", "number 1 points at what has a parent already" },
	{ "left_child=1 -1", "left_child=1 1", "line 16", "number 2 points at what has a parent already" },
	{ "left_child=1 -1", "left_child=2 -1", "line 16", "number 1 is not a whole number in range" },
	{ "left_child=1 -1", "left_child=1 -4", "line 16", "number 2 is not a whole number in range" },
	{ "right_child=-2 -3", "right_child=-1 -3", "line 16", "number 2 points at what has a parent already" },
	{ "leaf_value=0.1", "leaf_value=nan", "line 18", "number 1 is not a finite number" },
	{ "leaf_value=0.1", "leaf_value=1e400", "line 18", "number 1 is not a finite number" },
	{ "leaf_value=0.1 -0.2 0.3\n", "", "line 10", "no leaf_value" },
	{ "leaf_count=5 6 7", "leaf_count=5 6", "line 19", "must have 3 numbers, not 2" },
	{ "internal_count=18 12", "internal_count=18", "line 20", "must have 2 numbers, not 1" },
	{ "cat_boundaries=0 1", "cat_boundaries=1 1", "line 21", "must rise from 0" },
	{ "cat_boundaries=0 1", "cat_boundaries=0 2", "line 21", "number 2 is not a whole number in range" },
	{ "cat_threshold=6\n", "", "line 10", "no cat_threshold" },
	{ "cat_threshold=6", "cat_threshold=4294967296", "line 22", "number 1 is not a whole number in range" },
	{ "cat_threshold=6", "cat_threshold=6 6", "line 22", "must have 1 numbers, not 2" },
	{ "is_linear=0", "is_linear=1", "line 23", "linear leaves (linear_tree) are not supported" },
	/* ends */
	{ "end of trees\n", "", "line 27", "must be the next tree" },
	{ "end of trees", "Tree=1", "line 26", "no num_leaves" },
	{ "Tree=0", "Trees=0", "line 10", "" },
};
/* clang-format on */

static char *replaced(const char *was, const char *now)
{
	const char *at         = strstr(good, was);
	size_t      size_bytes = sizeof(good) + strlen(now) + 1;
	char       *out        = malloc(size_bytes);

	assert_non_null(at);
	assert_non_null(out);
	snprintf(out, size_bytes, "%.*s%s%s", (int)(at - good), good, now, at + strlen(was));
	return out;
}

/* A copy of exactly the file's size, so that a read beyond it is found. */
static int parse(const char *data, size_t size_bytes, struct failure *failure)
{
	struct model_plan *plan;
	uint8_t           *copy = malloc(size_bytes + (size_bytes == 0));
	int                result;

	memcpy(copy, data, size_bytes);
	result = model_parse(bytes_of(copy, size_bytes), &plan, failure);
	assert_true((result == 0) == (plan != NULL));
	model_free_plan(plan);
	free(copy);
	return result;
}

static void hostile_files_are_refused_with_their_line(void **state)
{
	struct failure failure;
	uint32_t       wrong = 0;

	(void)state;
	assert_int_equal(parse(good, strlen(good), &failure), 0);
	for (uint32_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const struct refusal *row    = &refusals[i];
		char                 *text   = replaced(row->was, row->now);
		int                   result = parse(text, strlen(text), &failure);
		bool                  last   = strcmp(row->now, "Trees=0") == 0;

		if (result == 0)
			snprintf(failure.detail, sizeof(failure.detail), "accepted");
		/* Without a first tree the head goes on to "end of trees": a forest of none. */
		if (last ? result != 0
			 : result != -1 || failure.reason != REASON_model_missing ||
				    strcmp(failure.place, row->place) ||
				    !strstr(failure.detail, row->words)) {
			fprintf(stderr, "%s -> %s: got %s: %s\n", row->was, row->now, failure.place,
				failure.detail);
			wrong++;
		}
		free(text);
	}
	assert_int_equal(wrong, 0);
}

static void harmless_variants_are_accepted(void **state)
{
	static const char *const variants[][2] = {
		{ "tree\n", "tree\r\n" },
		{ "objective=binary sigmoid:1\n", "" },
		{ "feature_names=a b\n", "" },
		{ "tree_sizes=100", "tree_sizes=7 what" },
		{ "is_linear=0\n", "" },
		{ "leaf_count=5 6 7\n", "" },
		{ "version=v4", "version=v2" },
		{ "end of trees", "feature importances:" },
		{ "cat_boundaries=0 1", "cat_boundaries=0  1 " },
		{ "num_leaves=3", "num_leaves=3\nsplit_gain=1e999 x" },
	};
	struct failure failure;

	(void)state;
	for (uint32_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
		char *text = replaced(variants[i][0], variants[i][1]);

		if (parse(text, strlen(text), &failure))
			fail_msg("%s: %s: %s", variants[i][1], failure.place, failure.detail);
		free(text);
	}
}

static void every_truncation_before_the_end_is_refused(void **state)
{
	size_t         end = (size_t)(strstr(good, "end of trees") - good) + strlen("end of trees");
	struct failure failure;

	(void)state;
	for (size_t cut = 0; cut < end; cut++)
		assert_int_equal(parse(good, cut, &failure), -1);
	assert_int_equal(parse(good, end, &failure), 0);
}

static void any_changed_byte_is_survived(void **state)
{
	char           text[sizeof(good)];
	uint64_t       random = 7;
	struct failure failure;

	(void)state;
	for (uint32_t round = 0; round < 20; round++)
		for (size_t at = 0; at < strlen(good); at++) {
			memcpy(text, good, sizeof(good));
			text[at] = (char)sample_random(&random);
			(void)parse(text, strlen(good), &failure);
		}
}

static void one_leaf_too_deep_is_refused(void **state)
{
	char           text[8192];
	size_t         used = 0;
	struct failure failure;

	(void)state;
	for (int depth = 64; depth <= 65; depth++) {
		static const char *const rows[] = { "split_feature", "threshold", "decision_type",
						    "left_child", "right_child" };

		used = (size_t)snprintf(text, sizeof(text),
					"tree\nversion=v3\nnum_class=1\nnum_tree_per_iteration=1\n"
					"max_feature_idx=0\n\nTree=0\nnum_leaves=%d\nleaf_value=",
					depth + 1);
		for (int i = 0; i <= depth; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%d ", i);
		for (int r = 0; r < 5; r++) {
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "\n%s=", rows[r]);
			for (int i = 0; i < depth; i++)
				used += (size_t)snprintf(text + used, sizeof(text) - used, "%d ",
							 r < 3           ? 0
							 : r == 4        ? -i - 2
							 : i + 1 < depth ? i + 1
									 : -1);
		}
		used += (size_t)snprintf(text + used, sizeof(text) - used, "\n\nend of trees\n");
		assert_int_equal(parse(text, used, &failure), depth == 64 ? 0 : -1);
	}
	assert_non_null(strstr(failure.detail, "deeper than 64 splits"));
}

/* "0.5 <= 0.5" goes left, the float above right; category 1 or 2 left, others and NaN right. */
static void tests_are_exact(void **state)
{
	struct model *model = sample_load(bytes_of(good, strlen(good)));
	const struct {
		float a, b, wanted;
	} rows[] = {
		{ 0.5f, 1.0f, 0.1f },  { nextafterf(0.5f, 1.0f), 1.0f, -0.2f },
		{ NAN, 2.9f, 0.1f },                          /* missing none: NaN is 0 */
		{ 0.0f, 3.0f, 0.3f },  { 0.0f, -0.5f, 0.3f }, /* category 0 */
		{ 0.0f, 33.0f, 0.3f }, { 0.0f, NAN, 0.3f },
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const float row[2] = { rows[i].a, rows[i].b };

		if (sample_margin(model, row) != rows[i].wanted)
			fail_msg("row %u: %.9g, expected %.9g", i,
				 (double)sample_margin(model, row), (double)rows[i].wanted);
	}
	assert_string_equal(model_objective(model), "binary sigmoid:1");
	free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_files_are_refused_with_their_line),
		cmocka_unit_test(harmless_variants_are_accepted),
		cmocka_unit_test(every_truncation_before_the_end_is_refused),
		cmocka_unit_test(any_changed_byte_is_survived),
		cmocka_unit_test(one_leaf_too_deep_is_refused),
		cmocka_unit_test(tests_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
