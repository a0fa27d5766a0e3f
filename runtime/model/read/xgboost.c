/* From a document to a plan: the learner's parameters, each checked against what
 * this appliance can do, then the trees (xgboost_tree.c). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/model/fmath.h"
#include "runtime/model/forest/forest.h"
#include "runtime/model/read/doc.h"
#include "runtime/model/read/names.h"
#include "runtime/model/read/read.h"
#include "runtime/model/read/xgboost_tree.h"

struct parse {
	struct doc         doc;
	struct model_plan *plan;
	struct failure    *failure;
	uint32_t           learner;
	uint32_t           booster; /* learner/gradient_booster[/gbtree]/model */
	uint32_t           dropped; /* learner/gradient_booster/weight_drop; DOC_NONE: no DART */
	uint8_t            base;    /* enum base */
};

/* How a file's base_score becomes the margin that rows start from. */
enum base { BASE_AS_IS, BASE_LOGIT, BASE_LOG };

struct objective {
	const char *name; /* as XGBoost has it */
	uint8_t     link; /* enum model_link */
	uint8_t     base; /* enum base */
};

static const struct objective objectives[] = {
	{ "binary:logistic", MODEL_LOGISTIC, BASE_LOGIT },
	{ "binary:logitraw", MODEL_IDENTITY, BASE_AS_IS },
	{ "binary:hinge", MODEL_STEP, BASE_AS_IS },
	{ "reg:squarederror", MODEL_IDENTITY, BASE_AS_IS },
	{ "reg:linear", MODEL_IDENTITY, BASE_AS_IS },
	{ "reg:squaredlogerror", MODEL_IDENTITY, BASE_AS_IS },
	{ "reg:logistic", MODEL_LOGISTIC, BASE_LOGIT },
	{ "reg:pseudohubererror", MODEL_IDENTITY, BASE_AS_IS },
	{ "reg:absoluteerror", MODEL_IDENTITY, BASE_AS_IS },
	{ "reg:quantileerror", MODEL_IDENTITY, BASE_AS_IS },
	{ "reg:gamma", MODEL_EXPONENTIAL, BASE_LOG },
	{ "reg:tweedie", MODEL_EXPONENTIAL, BASE_LOG },
	{ "count:poisson", MODEL_EXPONENTIAL, BASE_LOG },
	{ "multi:softprob", MODEL_SOFTMAX, BASE_AS_IS },
	{ "multi:softmax", MODEL_SOFTMAX, BASE_AS_IS },
	{ "rank:pairwise", MODEL_IDENTITY, BASE_AS_IS },
	{ "rank:ndcg", MODEL_IDENTITY, BASE_AS_IS },
	{ "rank:map", MODEL_IDENTITY, BASE_AS_IS },
};

static int parse_objective(struct parse *p)
{
	struct model_facts     *facts = &p->plan->facts;
	const struct doc_value *name;
	uint32_t                objective, text;
	char                    found[40];

	if (doc_need(&p->doc, p->learner, "objective", DOC_OBJECT, &objective, p->failure) ||
	    doc_need(&p->doc, objective, "name", DOC_TEXT, &text, p->failure))
		return -1;
	for (uint32_t i = 0; i < sizeof(objectives) / sizeof(*objectives); i++) {
		if (!doc_text_is(&p->doc, text, objectives[i].name))
			continue;
		facts->link       = objectives[i].link;
		facts->link_scale = 1.0f;
		p->base           = objectives[i].base;
		snprintf(facts->objective, sizeof(facts->objective), "%s", objectives[i].name);
		return 0;
	}
	name = &p->doc.values[text];
	doc_printable(bytes_of(name->data, name->count), found, sizeof(found));
	return doc_refuse(&p->doc, text, "", p->failure,
			  "objective \"%s\" is not supported; allowed: binary:*, multi:*, reg:*, "
			  "rank:* and count:poisson",
			  found);
}

/* "dart" keeps a whole gbtree inside, and a weight for each tree beside it. */
static int parse_booster(struct parse *p)
{
	const struct doc_value *name;
	uint32_t                booster, text;
	char                    found[40];

	p->dropped = DOC_NONE;
	if (doc_need(&p->doc, p->learner, "gradient_booster", DOC_OBJECT, &booster, p->failure) ||
	    doc_need(&p->doc, booster, "name", DOC_TEXT, &text, p->failure))
		return -1;
	if (doc_text_is(&p->doc, text, "dart")) {
		if (doc_need(&p->doc, booster, "weight_drop", DOC_NUMBERS, &p->dropped,
			     p->failure) ||
		    doc_need(&p->doc, booster, "gbtree", DOC_OBJECT, &booster, p->failure))
			return -1;
	} else if (!doc_text_is(&p->doc, text, "gbtree")) {
		name = &p->doc.values[text];
		doc_printable(bytes_of(name->data, name->count), found, sizeof(found));
		return doc_refuse(&p->doc, text, "", p->failure,
				  "booster \"%s\" is not supported; allowed: gbtree, dart", found);
	}
	return doc_need(&p->doc, booster, "model", DOC_OBJECT, &p->booster, p->failure);
}

/* A parameter that must hold an integer in a range; *value stays as it is when there is
 * none. */
static int parse_param(struct parse *p, uint32_t object, const char *name, int64_t min, int64_t max,
		       const char *why, int64_t *value)
{
	uint32_t text;

	if (doc_find(&p->doc, object, name, &text, p->failure))
		return -1;
	if (text == DOC_NONE)
		return 0;
	if (doc_need(&p->doc, object, name, DOC_TEXT, &text, p->failure) ||
	    doc_text_int(&p->doc, text, value, p->failure))
		return -1;
	if (*value < min || *value > max)
		return doc_refuse(&p->doc, text, "", p->failure,
				  "%s: found %lld, allowed %lld to %lld", why, (long long)*value,
				  (long long)min, (long long)max);
	return 0;
}

/* XGBoost keeps a probability or a mean and takes its log-odds or logarithm when it loads,
 * in float32; so do we. */
static int base_margin(struct parse *p, uint32_t text, float score, double *margin)
{
	float out = score;

	if (p->base == BASE_LOGIT && !(score > 0.0f && score < 1.0f))
		return doc_refuse(&p->doc, text, "", p->failure,
				  "must be a probability between 0 and 1, both excluded");
	if (p->base == BASE_LOG && !(score > 0.0f))
		return doc_refuse(&p->doc, text, "", p->failure, "must be above 0");
	if (p->base == BASE_LOGIT)
		out = -fmath_logf(1.0f / score - 1.0f);
	else if (p->base == BASE_LOG)
		out = fmath_logf(score);
	if (!isfinite(out))
		return doc_refuse(&p->doc, text, "", p->failure,
				  "gives a margin that is not finite");
	*margin = (double)out;
	return 0;
}

/* One number for all outputs, or one for each. */
static int parse_base_score(struct parse *p, uint32_t params)
{
	struct forest_plan *forest = p->plan->forest;
	uint32_t            text, count = forest->output_count;
	float               scores[MODEL_OUTPUTS_MAX];

	if (doc_need(&p->doc, params, "base_score", DOC_TEXT, &text, p->failure) ||
	    doc_text_floats(&p->doc, text, scores, &count, p->failure))
		return -1;
	if (count != 1 && count != forest->output_count)
		return doc_refuse(&p->doc, text, "", p->failure,
				  "has %u numbers; allowed: one, or one for each of %u outputs",
				  count, forest->output_count);
	for (uint32_t o = 0; o < forest->output_count; o++)
		if (base_margin(p, text, scores[count == 1 ? 0 : o], &forest->base[o]))
			return -1;
	return 0;
}

static int parse_params(struct parse *p)
{
	uint32_t params, text;
	int64_t  features = 0, classes = 0, targets = 0, outputs;

	if (doc_need(&p->doc, p->learner, "learner_model_param", DOC_OBJECT, &params, p->failure) ||
	    parse_param(p, params, "num_class", 0, MODEL_OUTPUTS_MAX, "number of classes",
			&classes) ||
	    parse_param(p, params, "num_target", 0, MODEL_OUTPUTS_MAX, "number of targets",
			&targets) ||
	    doc_need(&p->doc, params, "num_feature", DOC_TEXT, &text, p->failure) ||
	    parse_param(p, params, "num_feature", 1, MODEL_FEATURES_MAX, "number of features",
			&features))
		return -1;
	if (classes > 1 && targets > 1)
		return doc_refuse(&p->doc, params, "", p->failure,
				  "several classes of several targets are not supported");
	if (p->plan->facts.link == MODEL_SOFTMAX && classes < 1)
		return doc_refuse(&p->doc, params, "/num_class", p->failure,
				  "must be 1 at least for this objective");
	outputs                        = classes > targets ? classes : targets;
	outputs                        = outputs > 0 ? outputs : 1;
	p->plan->facts.feature_count   = (uint16_t)features;
	p->plan->facts.output_count    = (uint16_t)outputs;
	p->plan->forest->feature_count = (uint16_t)features;
	p->plan->forest->output_count  = (uint16_t)outputs;
	return parse_base_score(p, params);
}

static int parse_names(struct parse *p)
{
	struct model_facts *facts = &p->plan->facts;
	uint32_t            names, count = 0;
	const char         *wrong;

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

		if (name->kind != DOC_TEXT)
			return doc_refuse(&p->doc, m, "", p->failure,
					  "a feature's name is a string of 1 to %u bytes",
					  MODEL_NAME_BYTES_MAX);
		wrong = names_put(facts, count, bytes_of(name->data, name->count));
		if (wrong)
			return doc_refuse(&p->doc, m, "", p->failure, "%s", wrong);
		count++;
	}
	/* An array of numbers has no members to walk. */
	if (count != facts->feature_count)
		return doc_refuse(&p->doc, names, "", p->failure, "must hold strings");
	facts->named = true;
	return 0;
}

/* What belongs to each tree but does not stand in it: [count] each. */
struct sides {
	int32_t *outputs;
	float   *weights;
};

static int parse_sides(struct parse *p, struct sides *sides, uint32_t count)
{
	uint32_t info;

	if (doc_need(&p->doc, p->booster, "tree_info", DOC_NUMBERS, &info, p->failure) ||
	    doc_ints(&p->doc, info, sides->outputs, count, p->failure))
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		sides->weights[i] = 1.0f;
		if (sides->outputs[i] < 0 || sides->outputs[i] >= p->plan->forest->output_count)
			return doc_refuse(&p->doc, info, "", p->failure,
					  "tree %u belongs to output group %d; there are %u", i,
					  sides->outputs[i], p->plan->forest->output_count);
	}
	if (p->dropped == DOC_NONE)
		return 0;
	if (doc_floats(&p->doc, p->dropped, sides->weights, count, p->failure))
		return -1;
	for (uint32_t i = 0; i < count; i++)
		if (!isfinite(sides->weights[i]))
			return doc_refuse(&p->doc, p->dropped, "", p->failure,
					  "the weight of tree %u is not a finite number", i);
	return 0;
}

static int parse_each_tree(struct parse *p, uint32_t trees, const struct sides *sides)
{
	struct forest_plan *forest = p->plan->forest;
	uint32_t            i      = 0;

	for (uint32_t m = doc_first(&p->doc, trees); m != DOC_NONE; m = doc_next(&p->doc, m), i++)
		if (tree_parse(&p->doc, m, forest, (uint16_t)sides->outputs[i], sides->weights[i],
			       p->failure))
			return -1;
	if (forest->tree_count != p->doc.values[trees].count)
		return doc_refuse(&p->doc, trees, "", p->failure, "must hold objects");
	return 0;
}

static int parse_trees(struct parse *p)
{
	struct sides sides;
	uint32_t     params, trees, count;
	int64_t      ignored;
	int          result;

	if (doc_need(&p->doc, p->booster, "gbtree_model_param", DOC_OBJECT, &params, p->failure) ||
	    doc_need(&p->doc, p->booster, "trees", DOC_ARRAY, &trees, p->failure))
		return -1;
	count = p->doc.values[trees].count;
	if (count > MODEL_TREES_MAX)
		return doc_refuse(&p->doc, trees, "", p->failure,
				  "%u trees are more than the %u allowed", count, MODEL_TREES_MAX);
	if (parse_param(p, params, "num_trees", count, count, "number of trees given", &ignored) ||
	    parse_param(p, params, "size_leaf_vector", 0, 1,
			"leaves with vectors (multi_output_tree) are not supported", &ignored))
		return -1;
	sides.outputs = calloc(count + 1, sizeof(*sides.outputs));
	sides.weights = calloc(count + 1, sizeof(*sides.weights));
	if (!sides.outputs || !sides.weights || !forest_plan_reserve(p->plan->forest, count, 0, 0))
		result = doc_refuse(&p->doc, trees, "", p->failure, "no memory to load the model");
	else if (parse_sides(p, &sides, count))
		result = -1;
	else
		result = parse_each_tree(p, trees, &sides);
	free(sides.outputs);
	free(sides.weights);
	return result;
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
	    !parse_objective(&p) && !parse_booster(&p) && !parse_params(&p) && !parse_names(&p))
		result = parse_trees(&p);
	plan->facts.format = p.doc.json ? MODEL_XGBOOST_JSON : MODEL_XGBOOST_UBJSON;
	doc_close(&p.doc);
	return result;
}
