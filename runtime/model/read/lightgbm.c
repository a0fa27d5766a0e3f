/* LightGBM's own text, versions 2 to 4: a head of key=value lines, a block of lines for each
 * tree (lightgbm_tree.c), "end of trees", and behind it importances and parameters, which are
 * passed over.  So are tree_sizes (which lets LightGBM read trees in parallel) and what else does
 * not change a prediction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/read/lightgbm_tree.h"
#include "runtime/model/read/names.h"
#include "runtime/model/read/read.h"

enum key {
	VERSION,
	NUM_CLASS,
	TREES_PER_ITERATION,
	MAX_FEATURE,
	OBJECTIVE,
	FEATURE_NAMES,
	AVERAGE_OUTPUT,
	KEY_COUNT,
};

static const char *const keys[KEY_COUNT] = {
	[VERSION]             = "version",
	[NUM_CLASS]           = "num_class",
	[TREES_PER_ITERATION] = "num_tree_per_iteration",
	[MAX_FEATURE]         = "max_feature_idx",
	[OBJECTIVE]           = "objective",
	[FEATURE_NAMES]       = "feature_names",
	[AVERAGE_OUTPUT]      = "average_output",
};

struct head {
	struct model_plan *plan;
	struct failure    *failure;
	struct lines       lines;
	struct line        found[KEY_COUNT]; /* number 0: not there */
	struct line        next;             /* the line that ended the head */
};

struct objective {
	const char *name;
	uint8_t     link; /* enum model_link */
	bool        may_sqrt;
	bool        many; /* has as many outputs as num_class */
};

static const struct objective objectives[] = {
	{ "binary", MODEL_LOGISTIC, false, false },
	{ "regression", MODEL_IDENTITY, true, false },
	{ "regression_l1", MODEL_IDENTITY, true, false },
	{ "huber", MODEL_IDENTITY, true, false },
	{ "fair", MODEL_IDENTITY, true, false },
	{ "quantile", MODEL_IDENTITY, true, false },
	{ "mape", MODEL_IDENTITY, true, false },
	{ "poisson", MODEL_EXPONENTIAL, false, false },
	{ "gamma", MODEL_EXPONENTIAL, false, false },
	{ "tweedie", MODEL_EXPONENTIAL, false, false },
	{ "cross_entropy", MODEL_LOGISTIC, false, false },
	{ "multiclass", MODEL_SOFTMAX, false, true },
	{ "multiclassova", MODEL_LOGISTIC, false, true },
	{ "lambdarank", MODEL_IDENTITY, false, false },
	{ "rank_xendcg", MODEL_IDENTITY, false, false },
};

/* The lines up to the first tree, or to what stands in place of trees. */
static int read_head(struct head *head)
{
	struct line line;

	while (lines_next(&head->lines, &line)) {
		if ((line.valued && text_is(line.key, "Tree")) ||
		    text_is(line.key, "end of trees")) {
			head->next = line;
			return 0;
		}
		for (uint32_t k = 0; k < KEY_COUNT; k++) {
			if (!text_is(line.key, keys[k]))
				continue;
			if (head->found[k].number)
				return line_refuse(line.number, head->failure, "%s is given twice",
						   keys[k]);
			head->found[k] = line;
		}
	}
	return line_refuse(head->lines.number, head->failure,
			   "the file ends before its first tree");
}

static int read_number(const struct head *head, enum key key, int64_t min, int64_t max,
		       int64_t *out)
{
	const struct line *line = &head->found[key];

	if (!line->number)
		return line_refuse(head->next.number, head->failure, "%s is missing", keys[key]);
	if (!text_int(line->value, min, max, out))
		return line_refuse(line->number, head->failure,
				   "%s must be a whole number from %lld to %lld", keys[key],
				   (long long)min, (long long)max);
	return 0;
}

static int read_sizes(struct head *head)
{
	struct model_facts *facts   = &head->plan->facts;
	struct forest_plan *forest  = head->plan->forest;
	const struct line  *version = &head->found[VERSION];
	int64_t             classes, outputs, last_feature;

	if (!version->number || (!text_is(version->value, "v2") && !text_is(version->value, "v3") &&
				 !text_is(version->value, "v4")))
		return line_refuse(version->number ? version->number : 1, head->failure,
				   "version must be v2, v3 or v4");
	if (read_number(head, NUM_CLASS, 1, MODEL_OUTPUTS_MAX, &classes) ||
	    read_number(head, TREES_PER_ITERATION, 1, MODEL_OUTPUTS_MAX, &outputs) ||
	    read_number(head, MAX_FEATURE, 0, MODEL_FEATURES_MAX - 1, &last_feature))
		return -1;
	if (classes != outputs)
		return line_refuse(head->found[TREES_PER_ITERATION].number, head->failure,
				   "%lld trees an iteration for %lld classes: must be the same",
				   (long long)outputs, (long long)classes);
	facts->feature_count  = (uint16_t)(last_feature + 1);
	facts->output_count   = (uint16_t)outputs;
	forest->feature_count = facts->feature_count;
	forest->output_count  = facts->output_count;
	forest->double_sums   = true;
	return 0;
}

static int read_names(struct head *head)
{
	const struct line *line  = &head->found[FEATURE_NAMES];
	struct bytes       rest  = line->value, name;
	uint32_t           count = head->plan->facts.feature_count, found = 0;
	const char        *wrong;

	if (!line->number)
		return 0;
	for (; found < count && text_word(&rest, &name); found++) {
		wrong = names_put(&head->plan->facts, found, name);
		if (wrong)
			return line_refuse(line->number, head->failure,
					   "feature_names: name %u: %s", found + 1, wrong);
	}
	if (found != count || text_word(&rest, &name))
		return line_refuse(line->number, head->failure,
				   "feature_names must have %u names, as max_feature_idx says",
				   count);
	head->plan->facts.named = true;
	return 0;
}

/* "sigmoid:0.7", "num_class:3", "sqrt"; others ("alpha:0.9") do not change a prediction. */
static int read_parameter(struct head *head, const struct objective *objective, struct bytes word)
{
	struct model_facts *facts = &head->plan->facts;
	uint32_t            line  = head->found[OBJECTIVE].number;
	double              scale;
	int64_t             classes;

	if (text_is(word, "sqrt") && objective->may_sqrt)
		facts->link = MODEL_SQUARE;
	if (text_begins(word, "sigmoid:")) {
		if (!text_double(bytes_of(word.data + 8, word.size_bytes - 8), &scale) ||
		    !((float)scale > 0.0f))
			return line_refuse(line, head->failure,
					   "objective: sigmoid must be a number above 0");
		facts->link_scale = (float)scale;
	}
	if (text_begins(word, "num_class:") &&
	    (!text_int(bytes_of(word.data + 10, word.size_bytes - 10), facts->output_count,
		       facts->output_count, &classes)))
		return line_refuse(line, head->failure,
				   "objective: num_class must be %u, as num_class says",
				   facts->output_count);
	return 0;
}

/* A model of an objective of one's own has no such line: its scores are its margins. */
static int read_objective(struct head *head)
{
	struct model_facts     *facts = &head->plan->facts;
	const struct line      *line  = &head->found[OBJECTIVE];
	struct bytes            rest  = line->value, word;
	const struct objective *found = NULL;

	facts->link       = MODEL_IDENTITY;
	facts->link_scale = 1.0f;
	snprintf(facts->objective, sizeof(facts->objective), "custom");
	if (!line->number)
		return 0;
	if (!text_word(&rest, &word))
		return line_refuse(line->number, head->failure, "objective is empty");
	for (uint32_t i = 0; i < sizeof(objectives) / sizeof(*objectives); i++)
		if (text_is(word, objectives[i].name))
			found = &objectives[i];
	if (!found)
		return line_refuse(
			line->number, head->failure,
			"objective \"%.*s\" is not supported; allowed: binary, regression*, "
			"cross_entropy, multiclass*, poisson, ...",
			(int)(word.size_bytes < 40 ? word.size_bytes : 40),
			(const char *)word.data);
	if (!found->many && facts->output_count != 1)
		return line_refuse(line->number, head->failure,
				   "objective %s has one class, not %u", found->name,
				   facts->output_count);
	facts->link = found->link;
	while (text_word(&rest, &word))
		if (read_parameter(head, found, word))
			return -1;
	snprintf(facts->objective, sizeof(facts->objective), "%.*s", (int)line->value.size_bytes,
		 (const char *)line->value.data);
	for (char *c = facts->objective; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return 0;
}

static int read_trees(struct head *head)
{
	struct forest_plan *forest = head->plan->forest;
	struct line         line   = head->next;
	int64_t             number;

	do {
		if (text_is(line.key, "end of trees"))
			return 0;
		if (line.key.size_bytes == 0)
			continue;
		/* Version 2 ends with the importances. */
		if (text_is(line.key, "feature importances:"))
			return 0;
		if (!line.valued || !text_is(line.key, "Tree"))
			return line_refuse(line.number, head->failure,
					   "must be the next tree, or \"end of trees\"");
		if (forest->tree_count == MODEL_TREES_MAX)
			return line_refuse(line.number, head->failure,
					   "more trees than the %u allowed", MODEL_TREES_MAX);
		if (!text_int(line.value, forest->tree_count, forest->tree_count, &number))
			return line_refuse(line.number, head->failure, "must be tree %u",
					   forest->tree_count);
		if (lightgbm_tree(&head->lines, line.number, forest,
				  (uint16_t)(forest->tree_count % forest->output_count),
				  head->failure))
			return -1;
	} while (lines_next(&head->lines, &line));
	return line_refuse(head->lines.number, head->failure,
			   "the file ends without \"end of trees\"");
}

/* As many trees for each output; a random forest's sum is divided by them. */
static int check_iterations(struct head *head)
{
	struct forest_plan *forest = head->plan->forest;

	if (forest->tree_count % forest->output_count != 0)
		return line_refuse(head->lines.number, head->failure,
				   "%u trees are no whole iterations of %u", forest->tree_count,
				   forest->output_count);
	if (head->found[AVERAGE_OUTPUT].number && forest->tree_count > 0)
		forest->divisor = forest->tree_count / forest->output_count;
	return 0;
}

bool lightgbm_is(struct bytes file)
{
	return text_begins(file, "tree\n") || text_begins(file, "tree\r\n");
}

int lightgbm_read(struct bytes file, struct model_plan *plan, struct failure *failure)
{
	struct head head = { .plan = plan, .failure = failure, .lines = { .rest = file } };

	plan->facts.format = MODEL_LIGHTGBM_TEXT;
	plan->forest       = forest_plan_new();
	if (!plan->forest)
		return line_refuse(1, failure, "no memory to load the model");
	if (read_head(&head) || read_sizes(&head) || read_names(&head) || read_objective(&head) ||
	    read_trees(&head))
		return -1;
	return check_iterations(&head);
}
