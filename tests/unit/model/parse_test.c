/* Model files that must be refused, each with its place and words; and how a
 * model finds its features.  A case is a small good file with one piece
 * replaced, so that nothing else can be the reason. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/model/sample.h"

static const char good[] =
	"{\"learner\":{\"feature_names\":[\"a\",\"b\"],\"feature_types\":[\"float\",\"int\"],"
	"\"gradient_booster\":{\"model\":{\"gbtree_model_param\":{\"num_parallel_tree\":\"1\","
	"\"num_trees\":\"1\"},\"tree_info\":[0],\"trees\":[{\"categories\":[],"
	"\"default_left\":[1,0,0],\"id\":0,\"left_children\":[1,-1,-1],"
	"\"right_children\":[2,-1,-1],\"split_conditions\":[5E-1,-1E0,2E0],"
	"\"split_indices\":[1,0,0],\"split_type\":[0,0,0],\"tree_param\":{\"num_deleted\":\"0\","
	"\"num_feature\":\"2\",\"num_nodes\":\"3\",\"size_leaf_vector\":\"1\"}}]},"
	"\"name\":\"gbtree\"},\"learner_model_param\":{\"base_score\":\"5E-1\","
	"\"num_class\":\"0\",\"num_feature\":\"2\",\"num_target\":\"1\"},"
	"\"objective\":{\"name\":\"binary:logistic\"}},\"version\":[3,0,0]}";

#define TREE "/learner/gradient_booster/model/trees/0"

/* Lists of categories; the tree has three nodes. */
#define SETS(values, segments, sizes, nodes)                          \
	"\"categories\":" values ",\"categories_segments\":" segments \
	",\"categories_sizes\":" sizes ",\"categories_nodes\":" nodes

struct refusal {
	const char *was; /* in `good`; "" for the whole file */
	const char *now;
	const char *place;
	const char *words; /* somewhere in the detail */
};

/* clang-format off */
static const struct refusal refusals[] = {
	/* what this appliance does not do, by name */
	{ "binary:logistic", "survival:aft", "/learner/objective/name", "\"survival:aft\" is not supported" },
	{ "binary:logistic", "multi:softprob", "/learner/learner_model_param/num_class", "must be 1 at least" },
	{ "binary:logistic", "binary:logistic\\u0000", "/learner/objective/name", "is not supported" },
	{ "\"gbtree\"", "\"dart\"", "/learner/gradient_booster/weight_drop", "is missing" },
	{ "\"name\":\"gbtree\"", "\"weight_drop\":[1],\"name\":\"dart\"", "/learner/gradient_booster/gbtree", "is missing" },
	{ "\"gbtree\"", "\"gblinear\"", "/learner/gradient_booster/name", "\"gblinear\" is not supported" },
	{ "num_class\":\"0", "num_class\":\"65", "/learner/learner_model_param/num_class", "number of classes: found 65, allowed 0 to 64" },
	{ "num_target\":\"1", "num_target\":\"-2", "/learner/learner_model_param/num_target", "number of targets" },
	{ "\"tree_info\":[0]", "\"tree_info\":[1]", "/learner/gradient_booster/model/tree_info", "output group 1; there are 1" },
	{ "\"tree_info\":[0]", "\"tree_info\":[-1]", "/learner/gradient_booster/model/tree_info", "output group -1; there are 1" },
	{ "size_leaf_vector\":\"1", "size_leaf_vector\":\"3", TREE "/tree_param/size_leaf_vector", "leaves with vectors" },
	/* categories */
	{ "\"split_type\":[0,0,0]", "\"split_type\":[1,0,0]", TREE "/split_type/0", "categories_nodes knows none" },
	{ "\"split_type\":[0,0,0]", "\"split_type\":[2,0,0]", TREE "/split_type/0", "must be 0" },
	{ "\"categories\":[]", SETS("[1]", "[0]", "[2]", "[0]"), TREE "/categories_sizes/0", "more than the categories there are" },
	{ "\"categories\":[]", SETS("[1]", "[0]", "[-1]", "[0]"), TREE "/categories_sizes/0", "more than the categories there are" },
	{ "\"categories\":[]", SETS("[1]", "[2]", "[0]", "[0]"), TREE "/categories_segments/0", "outside the categories" },
	{ "\"categories\":[]", SETS("[1]", "[-1]", "[1]", "[0]"), TREE "/categories_segments/0", "outside the categories" },
	{ "\"categories\":[]", SETS("[1]", "[0]", "[1]", "[3]"), TREE "/categories_nodes/0", "outside the tree" },
	{ "\"categories\":[]", SETS("[1]", "[0]", "[1]", "[-1]"), TREE "/categories_nodes/0", "outside the tree" },
	{ "\"categories\":[]", SETS("[1]", "[0,0]", "[1,1]", "[0,0]"), TREE "/categories_nodes/1", "has its categories already" },
	{ "\"categories\":[]", SETS("[1]", "[0,0]", "[1]", "[0]"), TREE "/categories_segments", "must have 1 numbers, not 2" },
	{ "\"categories\":[]", SETS("[1]", "[0]", "[1,1]", "[0]"), TREE "/categories_sizes", "must have 1 numbers, not 2" },
	{ "\"categories\":[]", SETS("[]", "[0]", "[1]", "[0]"), TREE "/categories_sizes/0", "more than the categories there are" },
	{ "\"categories\":[]", SETS("[1.5]", "[0]", "[1]", "[0]"), TREE "/categories/0", "integer of 32 bits" },
	{ "\"categories\":[],\"default_left\":[1,0,0],\"id\":0", SETS("[-1]", "[0]", "[1]", "[0]") ",\"default_left\":[1,0,0],\"split_type\":[1,0,0]", TREE "/split_type", "named twice" },
	/* trees that are not trees */
	{ "\"left_children\":[1,", "\"left_children\":[0,", TREE "/left_children/0", "has a parent already" },
	{ "\"right_children\":[2,", "\"right_children\":[1,", TREE "/right_children/0", "has a parent already" },
	{ "\"left_children\":[1,-1,", "\"left_children\":[1,0,", TREE "/left_children/1", "has a parent already" },
	{ "\"left_children\":[1,", "\"left_children\":[3,", TREE "/left_children/0", "outside the tree" },
	{ "\"right_children\":[2,", "\"right_children\":[-2,", TREE "/right_children/0", "outside the tree" },
	{ "\"right_children\":[2,", "\"right_children\":[-1,", TREE "/right_children/0", "outside the tree" },
	{ "\"right_children\":[2,-1", "\"right_children\":[2,7", TREE "/right_children/1", "must be -1" },
	{ "\"left_children\":[1,", "\"left_children\":[4294967297,", TREE "/left_children/0", "integer of 32 bits" },
	{ "\"left_children\":[1,", "\"left_children\":[1.0,", TREE "/left_children/0", "integer of 32 bits" },
	{ "\"left_children\":[1,", "\"left_children\":[null,", TREE "/left_children/0", "integer of 32 bits" },
	{ "\"split_indices\":[1,", "\"split_indices\":[2,", TREE "/split_indices/0", "not one of the model's features" },
	{ "\"split_indices\":[1,", "\"split_indices\":[-1,", TREE "/split_indices/0", "not one of the model's features" },
	{ "\"default_left\":[1,", "\"default_left\":[2,", TREE "/default_left/0", "0 or 1" },
	{ "[5E-1,", "[NaN,", TREE "/split_conditions/0", "not a finite number" },
	{ "[5E-1,", "[Infinity,", TREE "/split_conditions/0", "not a finite number" },
	{ "[5E-1,", "[1E39,", TREE "/split_conditions/0", "not a finite number" },
	{ "-1E0,2E0]", "-1E0,-Infinity]", TREE "/split_conditions/2", "not a finite number" },
	{ "-1E0,2E0]", "-1E0,\"2\"]", TREE "/split_conditions/2", "not a number" },
	/* counts that do not agree */
	{ "5E-1,-1E0,2E0]", "5E-1,-1E0]", TREE "/split_conditions", "must have 3 numbers, not 2" },
	{ "\"split_indices\":[1,0,0]", "\"split_indices\":[1,0,0,0]", TREE "/split_indices", "must have 3 numbers, not 4" },
	{ "\"split_indices\":[1,0,0]", "\"split_indices\":[]", TREE "/split_indices", "must have 3 numbers, not 0" },
	{ "\"default_left\":[1,0,0]", "\"default_left\":{}", TREE "/default_left", "must be an array of numbers, not an object" },
	{ "num_nodes\":\"3", "num_nodes\":\"4", TREE "/tree_param/num_nodes", "says 4 nodes, the tree has 3" },
	{ "num_nodes\":\"3", "num_nodes\":\"99999999999", TREE "/tree_param/num_nodes", "the tree has 3" },
	{ "num_nodes\":\"3", "num_nodes\":\"0x3", TREE "/tree_param/num_nodes", "not an integer" },
	{ "num_nodes\":\"3", "num_nodes\":\"\"", "byte ", "" },
	{ "num_trees\":\"1", "num_trees\":\"2", "/learner/gradient_booster/model/gbtree_model_param/num_trees", "found 2, allowed 1 to 1" },
	{ "\"tree_info\":[0]", "\"tree_info\":[0,0]", "/learner/gradient_booster/model/tree_info", "must have 1 numbers, not 2" },
	{ "\"feature_names\":[\"a\",\"b\"]", "\"feature_names\":[\"a\"]", "/learner/feature_names", "must have 2 names, not 1" },
	{ "\"feature_names\":[\"a\",\"b\"]", "\"feature_names\":[1,2]", "/learner/feature_names", "must hold strings" },
	{ "[\"a\",\"b\"]", "[\"a\",\"a\"]", "/learner/feature_names/1", "two features have this name" },
	{ "[\"a\",\"b\"]", "[\"a\",\"\"]", "/learner/feature_names/1", "1 to 63 bytes" },
	{ "[\"a\",\"b\"]", "[\"a\",\"b\\u0000c\"]", "/learner/feature_names/1", "1 to 63 bytes" },
	{ "num_feature\":\"2\",\"num_target", "num_feature\":\"257\",\"num_target", "/learner/learner_model_param/num_feature", "allowed 1 to 256" },
	{ "num_feature\":\"2\",\"num_target", "num_feature\":\"0\",\"num_target", "/learner/learner_model_param/num_feature", "allowed 1 to 256" },
	/* values */
	{ "\"base_score\":\"5E-1\"", "\"base_score\":\"0\"", "/learner/learner_model_param/base_score", "between 0 and 1" },
	{ "\"base_score\":\"5E-1\"", "\"base_score\":\"1\"", "/learner/learner_model_param/base_score", "between 0 and 1" },
	{ "\"base_score\":\"5E-1\"", "\"base_score\":\"nan\"", "/learner/learner_model_param/base_score", "between 0 and 1" },
	{ "\"base_score\":\"5E-1\"", "\"base_score\":\"[5E-1,5E-1]\"", "/learner/learner_model_param/base_score", "more numbers than the 1 allowed" },
	{ "\"base_score\":\"5E-1\"", "\"base_score\":\"[]\"", "/learner/learner_model_param/base_score", "not one number" },
	{ "\"base_score\":\"5E-1\"", "\"base_score\":\"[5E-1,]\"", "/learner/learner_model_param/base_score", "more numbers" },
	{ "\"base_score\":\"5E-1\"", "\"base_score\":0.5", "/learner/learner_model_param/base_score", "must be a string" },
	{ "\"base_score\":\"5E-1\"", "\"base_score\":\"1e-45\"", "/learner/learner_model_param/base_score", "not finite" },
	/* structure */
	{ "\"learner\":", "\"teacher\":", "/learner", "is missing" },
	{ "\"objective\":", "\"goal\":", "/learner/objective", "is missing" },
	{ "\"split_conditions\":", "\"a/b~c\":", TREE "/split_conditions", "is missing" },
	{ "\"id\":0", "\"split_type\":[0,0,0]", TREE "/split_type", "named twice" },
	{ "\"objective\":{", "\"objective\":[{", "byte ", "" },
	{ "\"trees\":[{", "\"trees\":[3],\"x\":[{", "/learner/gradient_booster/model/trees", "must hold objects" },
	{ "\"id\":0", "\"id\":[[[[[[[[[[[[[[0]]]]]]]]]]]]]]", TREE "/id/0/0/0/0/0/0/0/0/0/0", "nested deeper" },
	{ "\"version\":[3,0,0]}", "\"version\":[3,0,0]", "byte ", "" },
	{ "\"version\":[3,0,0]}", "\"version\":[3,0,0]}}", "byte ", "" },
	{ "", "", "byte 0", "empty" },
	{ "", "binf\1\2\3", "byte 0", "old binary format" },
	{ "", "<xml/>", "byte 0", "neither" },
	{ "", "{}", "/learner", "is missing" },
	{ "", " [1]", "byte 0", "one object" },
	{ "", "{\"learner\":", "byte ", "" },
	/* UBJSON (strings end at their NUL here; ubjson_is_refused has the others) */
	{ "", "{i\1a", "byte 4", "too early" },
	{ "", "{i\377a", "byte 1", "negative" },
	{ "", "{Sa", "byte 1", "must be an integer" },
	{ "", "{i\1aQ", "byte 4", "not a UBJSON value" },
	{ "", "{i\1a[$Z#i\1", "byte 5", "numbers only" },
	{ "", "{i\1a[$i\1", "byte 5", "needs a count" },
	{ "", "{i\1a{#", "byte 5", "objects with a type or a count" },
	{ "", "{i\1a[#l\177\377\377\377", "byte 11", "too early" },
	{ "", "{i\1a[$d#l\177\377\377\377", "byte 13", "too early" },
	{ "", "{i\1aSl\177\377\377\377", "byte 10", "too early" },
	{ "", "{i\1aZ}x", "byte 6", "bytes follow" },
	{ "", "{i\1a[[[[[[[[[[[[[[[[[[[[", "/a/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0", "nested deeper" },
	{ "", "{i\7learneri\1}", "/learner", "must be an object, not a number" },
};
/* clang-format on */

static int parse(const void *data, size_t size_bytes, struct failure *failure);

/* A root that tests categories: what can be wrong with one. */
static void categories_are_numbers_from_zero(void **state)
{
	static const char *const bad[] = { "[-1]", "[2097120]", "[4294967296]" };
	char                     text[sizeof(good) + 400];

	(void)state;
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char    *types = "\"split_type\":[0,0,0]", *sets = "\"categories\":[]";
		const char    *at = strstr(good, sets), *rest = at + strlen(sets);
		const char    *type = strstr(rest, types);
		struct failure failure;

		snprintf(text, sizeof(text),
			 "%.*s\"categories\":%s,\"categories_segments\":[0],\"categories_sizes\":"
			 "[1],\"categories_nodes\":[0]%.*s\"split_type\":[1,0,0]%s",
			 (int)(at - good), good, bad[i], (int)(type - rest), rest,
			 type + strlen(types));
		assert_int_equal(parse(text, strlen(text), &failure), -1);
		assert_string_equal(failure.place, TREE "/categories/0");
	}
}

static char *replaced(const char *was, const char *now)
{
	const char *at         = strstr(good, was);
	size_t      size_bytes = sizeof(good) + strlen(now) + 1;
	char       *out        = malloc(size_bytes);

	assert_non_null(at);
	assert_non_null(out);
	if (was[0])
		snprintf(out, size_bytes, "%.*s%s%s", (int)(at - good), good, now,
			 at + strlen(was));
	else
		snprintf(out, size_bytes, "%s", now);
	return out;
}

/* A copy of exactly the file's size, so that a read beyond it is found. */
static int parse(const void *data, size_t size_bytes, struct failure *failure)
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

static void hostile_files_are_refused_with_their_place(void **state)
{
	struct failure failure;
	uint32_t       wrong = 0;

	(void)state;
	assert_int_equal(parse(good, strlen(good), &failure), 0);
	for (uint32_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const struct refusal *row    = &refusals[i];
		char                 *text   = replaced(row->was, row->now);
		bool                  byte   = strcmp(row->place, "byte ") == 0;
		int                   result = parse(text, strlen(text), &failure);

		if (result == 0)
			snprintf(failure.detail, sizeof(failure.detail), "accepted");
		if (result != -1 || failure.reason != REASON_model_missing ||
		    (byte ? strncmp(failure.place, "byte ", 5)
			  : strcmp(failure.place, row->place)) ||
		    !strstr(failure.detail, row->words)) {
			fprintf(stderr, "%s -> %s: got %s: %s\n", row->was, row->now, failure.place,
				failure.detail);
			wrong++;
		}
		free(text);
	}
	assert_int_equal(wrong, 0);
}

/* What other versions write, and what does not matter, is accepted. */
static void harmless_variants_are_accepted(void **state)
{
	static const char *const variants[][2] = {
		{ "\"base_score\":\"5E-1\"", "\"base_score\":\"[5E-1]\"" },
		{ "\"feature_names\":[\"a\",\"b\"]", "\"feature_names\":[]" },
		{ "\"feature_names\":[\"a\",\"b\"],", "" },
		{ "\"default_left\":[1,0,0]", "\"default_left\":[true,false,false]" },
		{ "\"split_type\":[0,0,0],", "" },
		{ "\"categories\":[],", "" },
		{ "\"num_target\":\"1\"", "\"more\":\"1\"" },
		{ "binary:logistic", "reg:squarederror" },
		{ "binary:logistic", "rank:ndcg" },
		{ "binary:logistic", "reg:linear" },
		{ "num_target\":\"1", "num_target\":\"3" },
		{ "\"float\",\"int\"", "\"float\",\"c\"" },
		{ "\"categories\":[]", SETS("[7,0]", "[0]", "[2]", "[1]") },
		{ "\"categories\":[]", SETS("[]", "[0]", "[0]", "[0]") },
		{ "\"id\":0", "\"loss_changes\":[1e400,NaN,-0]" },
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

/* Cut anywhere, a file of either format is refused, not read beyond its end. */
static void every_truncation_is_refused(void **state)
{
	struct sample_shape shape = { .trees = 2, .depth = 2, .bushy = 50, .features = 3 };

	(void)state;
	for (int ubjson = 0; ubjson < 2; ubjson++) {
		struct sample_file file = sample_forest(shape, 3, ubjson);
		struct failure     failure;

		assert_int_equal(parse(file.data, file.size_bytes, &failure), 0);
		for (size_t cut = 0; cut < file.size_bytes; cut++)
			assert_int_equal(parse(file.data, cut, &failure), -1);
		free(file.data);
	}
}

/* Any one byte changed gives a plan or a refusal, never a crash. */
static void any_changed_byte_is_survived(void **state)
{
	struct sample_shape shape  = { .trees = 2, .depth = 2, .bushy = 50, .features = 3 };
	uint64_t            random = 99;

	(void)state;
	for (int ubjson = 0; ubjson < 2; ubjson++) {
		struct sample_file file = sample_forest(shape, 3, ubjson);
		struct failure     failure;

		for (size_t at = 0; at < file.size_bytes; at++) {
			uint8_t was = file.data[at];

			file.data[at] = (uint8_t)sample_random(&random);
			(void)parse(file.data, file.size_bytes, &failure);
			file.data[at] = was;
		}
		free(file.data);
	}
}

static void one_leaf_too_deep_is_refused(void **state)
{
	struct sample_shape shape = { .trees = 1, .depth = 65, .bushy = 0, .features = 3 };
	struct sample_file  file  = sample_forest(shape, 3, true);
	struct failure      failure;

	(void)state;
	assert_int_equal(parse(file.data, file.size_bytes, &failure), -1);
	assert_string_equal(failure.detail, "is deeper than 64 splits");
	free(file.data);
}

static struct model *built(const char *text)
{
	struct model_plan *plan;
	struct model      *model;
	struct failure     failure;
	void              *memory;

	assert_int_equal(model_parse(bytes_of(text, strlen(text)), &plan, &failure), 0);
	memory = aligned_alloc(MODEL_ALIGN_BYTES, model_size(plan));
	model  = model_build(plan, memory, model_size(plan));
	model_free_plan(plan);
	return model;
}

static void features_are_found_by_name(void **state)
{
	struct feature_schema schema  = { .count = 3, .names = { "b", "other", "a" } };
	struct feature_schema lacking = { .count = 2, .names = { "a", "c" } };
	struct model         *model   = built(good);
	struct failure        failure;
	const float           left[3]    = { 0.25f, 9.0f, 9.0f };
	const float           right[3]   = { 0.5f, 0.0f, 0.0f };
	const float           missing[3] = { NAN, 9.0f, 9.0f };

	(void)state;
	assert_int_equal(model_bind(model, &lacking, &failure), -1);
	assert_string_equal(failure.place, "/learner/feature_names/1");
	assert_non_null(strstr(failure.detail, "\"b\""));
	assert_int_equal(model_bind(model, &schema, &failure), 0);
	assert_true(sample_margin(model, left) == -1.0f);
	assert_true(sample_margin(model, right) == 2.0f); /* 0.5 < 0.5 is false */
	assert_true(sample_margin(model, missing) == -1.0f);
	assert_int_equal(model_features_missing(model, missing), 1);
	assert_string_equal(model_feature_name(model, 1), "b");
	free(model);
}

static void a_model_without_names_needs_as_many_features(void **state)
{
	struct feature_schema two   = { .count = 2, .names = { "x", "y" } };
	struct feature_schema three = { .count = 3, .names = { "x", "y", "z" } };
	char                 *text  = replaced("\"feature_names\":[\"a\",\"b\"],", "");
	struct model         *model = built(text);
	struct failure        failure;

	(void)state;
	assert_int_equal(model_bind(model, &three, &failure), -1);
	assert_string_equal(failure.place, "/learner/feature_names");
	assert_int_equal(model_bind(model, &two, &failure), 0);
	assert_null(model_feature_name(model, 0));
	free(model);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_files_are_refused_with_their_place),
		cmocka_unit_test(categories_are_numbers_from_zero),
		cmocka_unit_test(harmless_variants_are_accepted),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(any_changed_byte_is_survived),
		cmocka_unit_test(one_leaf_too_deep_is_refused),
		cmocka_unit_test(features_are_found_by_name),
		cmocka_unit_test(a_model_without_names_needs_as_many_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
