/* From a document to a plan: the learner's parameters, each checked against what
 * this appliance can do, then the trees (xgboost_tree.c). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/model/fmath.h"
#include "runtime/model/forest/forest.h"
#include "runtime/model/read/doc.h"
#include "runtime/model/read/read.h"
#include "runtime/model/read/xgboost_tree.h"

struct parse {
	struct doc         doc;
	struct model_plan *plan;
	struct failure    *failure;
	uint32_t           learner;
	uint32_t           booster; /* learner/gradient_booster/model */
};

struct objective {
	const char *name; /* as XGBoost has it */
	uint8_t     link; /* enum model_link */
};

static const struct objective objectives[] = {
	{ "binary:logistic", MODEL_LOGISTIC },
	{ "reg:squarederror", MODEL_IDENTITY },
};

static int parse_objective(struct parse *p)
{
	const struct doc_value *name;
	uint32_t                objective, text;
	char                    found[40];

	if (doc_need(&p->doc, p->learner, "objective", DOC_OBJECT, &objective, p->failure) ||
	    doc_need(&p->doc, objective, "name", DOC_TEXT, &text, p->failure))
		return -1;
	for (uint32_t i = 0; i < sizeof(objectives) / sizeof(*objectives); i++) {
		if (!doc_text_is(&p->doc, text, objectives[i].name))
			continue;
		p->plan->facts.link       = objectives[i].link;
		p->plan->facts.link_scale = 1.0f;
		snprintf(p->plan->facts.objective, sizeof(p->plan->facts.objective), "%s",
			 objectives[i].name);
		return 0;
	}
	name = &p->doc.values[text];
	doc_printable(bytes_of(name->data, name->count), found, sizeof(found));
	return doc_refuse(&p->doc, text, "", p->failure,
			  "objective \"%s\" is not supported; allowed: binary:logistic, "
			  "reg:squarederror",
			  found);
}

static int parse_booster(struct parse *p)
{
	const struct doc_value *name;
	uint32_t                booster, text;
	char                    found[40];

	if (doc_need(&p->doc, p->learner, "gradient_booster", DOC_OBJECT, &booster, p->failure) ||
	    doc_need(&p->doc, booster, "name", DOC_TEXT, &text, p->failure))
		return -1;
	if (!doc_text_is(&p->doc, text, "gbtree")) {
		name = &p->doc.values[text];
		doc_printable(bytes_of(name->data, name->count), found, sizeof(found));
		return doc_refuse(&p->doc, text, "", p->failure,
				  "booster \"%s\" is not supported; allowed: gbtree", found);
	}
	return doc_need(&p->doc, booster, "model", DOC_OBJECT, &p->booster, p->failure);
}

/* A parameter that must hold an integer in a range; absent is fine. */
static int parse_param(struct parse *p, uint32_t object, const char *name, int64_t min, int64_t max,
		       const char *why)
{
	uint32_t text;
	int64_t  value;

	if (doc_find(&p->doc, object, name, &text, p->failure))
		return -1;
	if (text == DOC_NONE)
		return 0;
	if (doc_need(&p->doc, object, name, DOC_TEXT, &text, p->failure) ||
	    doc_text_int(&p->doc, text, &value, p->failure))
		return -1;
	if (value < min || value > max)
		return doc_refuse(&p->doc, text, "", p->failure,
				  "%s: found %lld, allowed %lld to %lld", why, (long long)value,
				  (long long)min, (long long)max);
	return 0;
}

/* The margin every row starts from.  XGBoost keeps the prior probability and
 * takes its log-odds when it loads, in float32; so do we. */
static int parse_base_score(struct parse *p, uint32_t params)
{
	bool     logistic = p->plan->facts.link == MODEL_LOGISTIC;
	uint32_t text;
	float    score, margin;

	if (doc_need(&p->doc, params, "base_score", DOC_TEXT, &text, p->failure) ||
	    doc_text_float(&p->doc, text, &score, p->failure))
		return -1;
	if (logistic && !(score > 0.0f && score < 1.0f))
		return doc_refuse(&p->doc, text, "", p->failure,
				  "must be a probability between 0 and 1, both excluded");
	margin = logistic ? -fmath_logf(1.0f / score - 1.0f) : score;
	if (!isfinite(margin))
		return doc_refuse(&p->doc, text, "", p->failure,
				  "gives a margin that is not finite");
	p->plan->forest->base[0] = (double)margin;
	return 0;
}

static int parse_params(struct parse *p)
{
	uint32_t params, text;
	int64_t  features;

	if (doc_need(&p->doc, p->learner, "learner_model_param", DOC_OBJECT, &params, p->failure) ||
	    parse_param(p, params, "num_class", 0, 1, "several classes are not supported") ||
	    parse_param(p, params, "num_target", 0, 1, "several targets are not supported") ||
	    parse_param(p, params, "num_feature", 1, MODEL_FEATURES_MAX, "number of features") ||
	    doc_need(&p->doc, params, "num_feature", DOC_TEXT, &text, p->failure) ||
	    doc_text_int(&p->doc, text, &features, p->failure))
		return -1;
	p->plan->facts.feature_count   = (uint16_t)features;
	p->plan->facts.output_count    = 1;
	p->plan->forest->feature_count = (uint16_t)features;
	p->plan->forest->output_count  = 1;
	return parse_base_score(p, params);
}

static bool name_is_known(const struct model_facts *facts, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(facts->names[i], name) == 0)
			return true;
	return false;
}

static int parse_names(struct parse *p)
{
	struct model_facts *facts = &p->plan->facts;
	uint32_t            names, count = 0;

	if (doc_find(&p->doc, p->learner, "feature_names", &names, p->failure))
		return -1;
	if (names == DOC_NONE || p->doc.values[names].count == 0)
		return 0;
	if (doc_need(&p->doc, p->learner, "feature_names", DOC_ARRAY, &names, p->failure))
		return -1;
	if (p->doc.values[names].count != facts->feature_count)
		return doc_refuse(&p->doc, names, "", p->failure, "must have %u names, not %u",
				  facts->feature_count, p->doc.values[names].count);
	for (uint32_t m = doc_first(&p->doc, names); m != DOC_NONE; m = doc_next(&p->doc, m)) {
		const struct doc_value *name = &p->doc.values[m];

		if (name->kind != DOC_TEXT || name->count == 0 ||
		    name->count > MODEL_NAME_BYTES_MAX || memchr(name->data, 0, name->count))
			return doc_refuse(&p->doc, m, "", p->failure,
					  "a feature's name is a string of 1 to %u bytes",
					  MODEL_NAME_BYTES_MAX);
		memcpy(facts->names[count], name->data, name->count);
		if (name_is_known(facts, count, facts->names[count]))
			return doc_refuse(&p->doc, m, "", p->failure,
					  "two features have this name");
		count++;
	}
	/* An array of numbers has no members to walk. */
	if (count != facts->feature_count)
		return doc_refuse(&p->doc, names, "", p->failure, "must hold strings");
	facts->named = true;
	return 0;
}

/* "float", "int", "i" (indicator) and "q" are all numbers; "c" is a category. */
static int parse_types(struct parse *p)
{
	uint32_t types;

	if (doc_find(&p->doc, p->learner, "feature_types", &types, p->failure))
		return -1;
	if (types == DOC_NONE || p->doc.values[types].count == 0)
		return 0;
	for (uint32_t m = doc_first(&p->doc, types); m != DOC_NONE; m = doc_next(&p->doc, m))
		if (doc_text_is(&p->doc, m, "c") || doc_text_is(&p->doc, m, "categorical"))
			return doc_refuse(&p->doc, m, "", p->failure,
					  "categorical features are not supported");
	return 0;
}

/* Each tree's output group: all must add to the one output there is. */
static int parse_tree_info(struct parse *p, uint32_t tree_count)
{
	uint32_t info;
	int32_t *groups;
	int      result;

	if (doc_need(&p->doc, p->booster, "tree_info", DOC_NUMBERS, &info, p->failure))
		return -1;
	groups = calloc(tree_count + 1, sizeof(*groups));
	if (!groups)
		return doc_refuse(&p->doc, info, "", p->failure, "no memory to load the model");
	result = doc_ints(&p->doc, info, groups, tree_count, p->failure);
	for (uint32_t i = 0; i < tree_count && result == 0; i++)
		if (groups[i] != 0)
			result = doc_refuse(&p->doc, info, "", p->failure,
					    "tree %u belongs to output group %d; only one output "
					    "is supported",
					    i, groups[i]);
	free(groups);
	return result;
}

static int parse_trees(struct parse *p)
{
	struct forest_plan *forest = p->plan->forest;
	uint32_t            params, trees, count;

	if (doc_need(&p->doc, p->booster, "gbtree_model_param", DOC_OBJECT, &params, p->failure) ||
	    doc_need(&p->doc, p->booster, "trees", DOC_ARRAY, &trees, p->failure))
		return -1;
	count = p->doc.values[trees].count;
	if (count > MODEL_TREES_MAX)
		return doc_refuse(&p->doc, trees, "", p->failure,
				  "%u trees are more than the %u allowed", count, MODEL_TREES_MAX);
	if (parse_param(p, params, "num_trees", count, count, "number of trees given") ||
	    parse_param(p, params, "size_leaf_vector", 0, 1,
			"leaves with vectors are not supported") ||
	    parse_tree_info(p, count))
		return -1;
	if (!forest_plan_reserve(forest, count, 0, 0))
		return doc_refuse(&p->doc, trees, "", p->failure, "no memory to load the model");
	for (uint32_t m = doc_first(&p->doc, trees); m != DOC_NONE; m = doc_next(&p->doc, m))
		if (tree_parse(&p->doc, m, forest, p->failure))
			return -1;
	if (forest->tree_count != count)
		return doc_refuse(&p->doc, trees, "", p->failure, "must hold objects");
	return 0;
}

int xgboost_read(struct bytes file, struct model_plan *plan, struct failure *failure)
{
	struct parse p      = { .plan = plan, .failure = failure };
	int          result = -1;

	plan->forest = forest_plan_new();
	if (!plan->forest)
		return doc_refuse_byte(0, failure, "no memory to load the model");
	if (!doc_open(&p.doc, file, failure) &&
	    !doc_need(&p.doc, DOC_ROOT, "learner", DOC_OBJECT, &p.learner, failure) &&
	    !parse_objective(&p) && !parse_booster(&p) && !parse_params(&p) && !parse_names(&p) &&
	    !parse_types(&p))
		result = parse_trees(&p);
	plan->facts.format = p.doc.json ? MODEL_XGBOOST_JSON : MODEL_XGBOOST_UBJSON;
	doc_close(&p.doc);
	return result;
}
