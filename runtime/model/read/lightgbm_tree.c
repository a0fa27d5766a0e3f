#include "runtime/model/read/lightgbm_tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* decision_type: bit 0 categories, bit 1 missing goes left, bits 2 and 3 what is missing. */
#define DECISION_CATEGORIES 1
#define DECISION_LEFT       2
#define DECISION_MAX        15

enum missing { MISSING_NONE, MISSING_ZERO, MISSING_NAN };

/* The lines that count; the others (gains, inner values, weights, shrinkage) are passed over. */
enum key {
	NUM_LEAVES,
	NUM_CAT,
	SPLIT_FEATURE,
	THRESHOLD,
	DECISION_TYPE,
	LEFT_CHILD,
	RIGHT_CHILD,
	LEAF_VALUE,
	LEAF_COUNT,
	INTERNAL_COUNT,
	CAT_BOUNDARIES,
	CAT_THRESHOLD,
	IS_LINEAR,
	KEY_COUNT,
};

static const char *const keys[KEY_COUNT] = {
	[NUM_LEAVES] = "num_leaves",         [NUM_CAT] = "num_cat",
	[SPLIT_FEATURE] = "split_feature",   [THRESHOLD] = "threshold",
	[DECISION_TYPE] = "decision_type",   [LEFT_CHILD] = "left_child",
	[RIGHT_CHILD] = "right_child",       [LEAF_VALUE] = "leaf_value",
	[LEAF_COUNT] = "leaf_count",         [INTERNAL_COUNT] = "internal_count",
	[CAT_BOUNDARIES] = "cat_boundaries", [CAT_THRESHOLD] = "cat_threshold",
	[IS_LINEAR] = "is_linear",
};

struct visit {
	int64_t child; /* as the file has it: a node, or below 0 ~leaf */
	uint8_t level;
};

/* A tree as the file has it: `nodes` splits and one leaf more. */
struct tree {
	struct failure     *failure;
	struct forest_plan *plan;
	struct line         lines[KEY_COUNT]; /* number 0: not there */
	uint32_t            number;           /* of the line "Tree=" */
	uint32_t            leaves;
	uint32_t            nodes;
	uint32_t            sets;
	int64_t            *ints[KEY_COUNT]; /* what each line holds; NULL: other, or nothing */
	double             *doubles[KEY_COUNT];
	struct visit       *order; /* [nodes + leaves] breadth first */
	uint8_t            *seen;  /* [nodes], then [leaves]: it has a parent */
};

static int find_lines(struct tree *t, struct lines *lines)
{
	struct line line;

	while (lines_next(lines, &line) && line.key.size_bytes > 0) {
		for (uint32_t k = 0; k < KEY_COUNT; k++) {
			if (!line.valued || !text_is(line.key, keys[k]))
				continue;
			if (t->lines[k].number)
				return line_refuse(line.number, t->failure,
						   "%s is given twice for this tree", keys[k]);
			t->lines[k] = line;
		}
	}
	return 0;
}

static int need(const struct tree *t, enum key key)
{
	if (t->lines[key].number)
		return 0;
	return line_refuse(t->number, t->failure, "this tree has no %s", keys[key]);
}

static int read_count(const struct tree *t, enum key key, int64_t min, int64_t max, uint32_t *out)
{
	int64_t value = 0;

	if (t->lines[key].number && !text_int(t->lines[key].value, min, max, &value))
		return line_refuse(t->lines[key].number, t->failure,
				   "%s must be a whole number from %lld to %lld", keys[key],
				   (long long)min, (long long)max);
	*out = (uint32_t)value;
	return 0;
}

/* Counts that the lines themselves can hold: two bytes a number. */
static int read_counts(struct tree *t)
{
	uint32_t linear = 0;
	int64_t  room   = MODEL_NODES_MAX - t->plan->node_count;
	int64_t  fits;

	if (need(t, NUM_LEAVES) || need(t, LEAF_VALUE) || read_count(t, IS_LINEAR, 0, 1, &linear))
		return -1;
	if (linear)
		return line_refuse(t->lines[IS_LINEAR].number, t->failure,
				   "linear leaves (linear_tree) are not supported");
	fits = (int64_t)(t->lines[LEAF_VALUE].value.size_bytes + 1) / 2;
	fits = fits < room / 2 ? fits : room / 2;
	if (read_count(t, NUM_LEAVES, 1, fits, &t->leaves))
		return -1;
	t->nodes = t->leaves - 1;
	fits     = (int64_t)(t->lines[CAT_BOUNDARIES].value.size_bytes + 1) / 2;
	if (read_count(t, NUM_CAT, 0, fits > 0 ? fits - 1 : 0, &t->sets))
		return -1;
	if (t->sets == 0)
		return 0;
	return need(t, CAT_THRESHOLD);
}

/* ---- the numbers of the lines */

static int take_ints(struct tree *t, enum key key, int64_t min, int64_t max, uint32_t count)
{
	if (need(t, key))
		return -1;
	t->ints[key] = calloc((size_t)count + 1, sizeof(*t->ints[key]));
	if (!t->ints[key])
		return line_refuse(t->number, t->failure, "no memory to load the model");
	return line_ints(&t->lines[key], min, max, t->ints[key], count, t->failure);
}

static int take_doubles(struct tree *t, enum key key, uint32_t count)
{
	if (need(t, key))
		return -1;
	t->doubles[key] = calloc((size_t)count + 1, sizeof(*t->doubles[key]));
	if (!t->doubles[key])
		return line_refuse(t->number, t->failure, "no memory to load the model");
	return line_doubles(&t->lines[key], t->doubles[key], count, t->failure);
}

/* Where each set ends is where the next begins, and the last at the last word. */
static int take_sets(struct tree *t)
{
	const int64_t *boundary;
	int64_t        words;

	if (t->sets == 0)
		return 0;
	words = (int64_t)(t->lines[CAT_THRESHOLD].value.size_bytes + 1) / 2;
	if (take_ints(t, CAT_BOUNDARIES, 0, words, t->sets + 1))
		return -1;
	boundary = t->ints[CAT_BOUNDARIES];
	for (uint32_t i = 0; i <= t->sets; i++) {
		int64_t below = i ? boundary[i - 1] : 0;

		if ((i == 0 && boundary[0] != 0) || boundary[i] < below ||
		    boundary[i] - below > FOREST_SET_WORDS_MAX)
			return line_refuse(
				t->lines[CAT_BOUNDARIES].number, t->failure,
				"cat_boundaries: number %u: must rise from 0, by at most "
				"65535",
				i + 1);
	}
	return take_ints(t, CAT_THRESHOLD, 0, UINT32_MAX, (uint32_t)boundary[t->sets]);
}

/* Counts of training rows may be missing. */
static int take_numbers(struct tree *t)
{
	if (take_doubles(t, LEAF_VALUE, t->leaves) ||
	    (t->lines[LEAF_COUNT].number && t->lines[LEAF_COUNT].value.size_bytes > 0 &&
	     take_ints(t, LEAF_COUNT, INT32_MIN, INT32_MAX, t->leaves)))
		return -1;
	t->order = calloc((size_t)t->nodes + t->leaves, sizeof(*t->order));
	t->seen  = calloc((size_t)t->nodes + t->leaves, 1);
	if (!t->order || !t->seen ||
	    !forest_plan_reserve(t->plan, 1, t->nodes + t->leaves, t->leaves))
		return line_refuse(t->number, t->failure, "no memory to load the model");
	if (t->nodes == 0)
		return 0;
	if (take_ints(t, SPLIT_FEATURE, 0, t->plan->feature_count - 1, t->nodes) ||
	    take_doubles(t, THRESHOLD, t->nodes) ||
	    take_ints(t, DECISION_TYPE, 0, DECISION_MAX, t->nodes) ||
	    take_ints(t, LEFT_CHILD, -(int64_t)t->leaves, (int64_t)t->nodes - 1, t->nodes) ||
	    take_ints(t, RIGHT_CHILD, -(int64_t)t->leaves, (int64_t)t->nodes - 1, t->nodes) ||
	    (t->lines[INTERNAL_COUNT].number &&
	     take_ints(t, INTERNAL_COUNT, INT32_MIN, INT32_MAX, t->nodes)))
		return -1;
	return take_sets(t);
}

static void give_back(struct tree *t)
{
	for (uint32_t k = 0; k < KEY_COUNT; k++) {
		free(t->ints[k]);
		free(t->doubles[k]);
	}
	free(t->order);
	free(t->seen);
}

/* ---- from splits and leaves to nodes */

/* x <= t for a double t is x < the float above t, for every float x. */
static float above(double t)
{
	float nearest = (float)t;

	return (double)nearest <= t ? nextafterf(nearest, INFINITY) : nearest;
}

static float cover_of(const struct tree *t, enum key key, int64_t index)
{
	return t->ints[key] && t->ints[key][index] > 0 ? (float)t->ints[key][index] : 0.0f;
}

static int put_set(struct tree *t, struct forest_node *out, int64_t node)
{
	double   number = t->doubles[THRESHOLD][node];
	uint32_t set, words;

	if (!(number >= 0.0 && number < t->sets) || number != (double)(uint32_t)number)
		return line_refuse(
			t->lines[THRESHOLD].number, t->failure,
			"threshold: number %lld is of a split of categories: must be one "
			"of its %u sets",
			(long long)node + 1, t->sets);
	set   = (uint32_t)number;
	words = (uint32_t)(t->ints[CAT_BOUNDARIES][set + 1] - t->ints[CAT_BOUNDARIES][set]);
	if (words + 2 > FOREST_SETS_WORDS_MAX - t->plan->set_words)
		return line_refuse(t->number, t->failure,
				   "the sets of categories of all trees take more than 64 MiB");
	if (!forest_plan_add_set(t->plan, out, words))
		return line_refuse(t->number, t->failure, "no memory to load the model");
	for (uint32_t i = 0; i < words; i++)
		t->plan->sets[out->set + i] =
			(uint32_t)t->ints[CAT_THRESHOLD][t->ints[CAT_BOUNDARIES][set] + i];
	out->kind = FOREST_IN_SET;
	out->view = FOREST_C_INT;
	return 0;
}

static int put_split(struct tree *t, struct forest_node *out, int64_t node)
{
	int64_t decision = t->ints[DECISION_TYPE][node];
	bool    left     = decision & DECISION_LEFT;

	out->feature = (uint16_t)t->ints[SPLIT_FEATURE][node];
	if (decision & DECISION_CATEGORIES)
		return put_set(t, out, node);
	out->kind      = FOREST_LESS;
	out->threshold = above(t->doubles[THRESHOLD][node]);
	switch (decision >> 2) {
	case MISSING_NONE: out->view = FOREST_NAN_ZERO; return 0;
	case MISSING_ZERO: out->view = left ? FOREST_ZERO_LEFT : FOREST_ZERO_RIGHT; return 0;
	case MISSING_NAN: out->view = left ? FOREST_NAN_LEFT : FOREST_NAN_RIGHT; return 0;
	default:
		return line_refuse(t->lines[DECISION_TYPE].number, t->failure,
				   "decision_type: number %lld has a type of missing values that "
				   "does not exist",
				   (long long)node + 1);
	}
}

/* A child joins the end of the breadth-first order. */
static int visit(struct tree *t, enum key key, int64_t node, uint8_t level, uint32_t *found)
{
	int64_t  child = t->ints[key][node];
	uint8_t *seen  = child >= 0 ? &t->seen[child] : &t->seen[t->nodes + ~child];

	if (*seen)
		return line_refuse(t->lines[key].number, t->failure,
				   "%s: number %lld points at what has a parent already", keys[key],
				   (long long)node + 1);
	if (level > MODEL_DEPTH_MAX)
		return line_refuse(t->lines[key].number, t->failure,
				   "%s: number %lld is deeper than 64 splits", keys[key],
				   (long long)node + 1);
	*seen                = 1;
	t->order[(*found)++] = (struct visit){ .child = child, .level = level };
	return 0;
}

/* Walk from the root and append to the plan, which has the room.  Each is visited once at
 * most, whatever the file says. */
static int flatten(struct tree *t, struct forest_tree *tree)
{
	struct forest_plan *plan  = t->plan;
	struct forest_node *out   = plan->nodes + tree->first;
	uint32_t            found = 1;

	t->order[0] = (struct visit){ .child = t->nodes > 0 ? 0 : -1 };
	if (t->nodes > 0)
		t->seen[0] = 1;
	for (uint32_t i = 0; i < found; i++) {
		int64_t child = t->order[i].child;
		uint8_t level = t->order[i].level;

		out[i]      = (struct forest_node){ 0 };
		tree->depth = level;
		if (child < 0) {
			out[i].cover                     = cover_of(t, LEAF_COUNT, ~child);
			out[i].leaf                      = plan->leaf_count;
			plan->leaves[plan->leaf_count++] = t->doubles[LEAF_VALUE][~child];
			continue;
		}
		out[i].cover = cover_of(t, INTERNAL_COUNT, child);
		out[i].left  = found;
		out[i].right = found + 1;
		if (put_split(t, &out[i], child) ||
		    visit(t, LEFT_CHILD, child, level + 1, &found) ||
		    visit(t, RIGHT_CHILD, child, level + 1, &found))
			return -1;
	}
	tree->nodes = found;
	return 0;
}

/* A leaf alone is reached by every row, which need not be said. */
static void cover_lone_leaf(struct forest_plan *plan, const struct forest_tree *tree)
{
	if (tree->nodes == 1 && plan->nodes[tree->first].cover == 0.0f)
		plan->nodes[tree->first].cover = 1.0f;
}

int lightgbm_tree(struct lines *lines, uint32_t number, struct forest_plan *plan, uint16_t output,
		  struct failure *failure)
{
	struct tree         t = { .failure = failure, .plan = plan, .number = number };
	struct forest_tree *tree;
	int                 result = -1;

	if (!find_lines(&t, lines) && !read_counts(&t) && !take_numbers(&t)) {
		tree   = &plan->trees[plan->tree_count];
		*tree  = (struct forest_tree){ .first = plan->node_count, .output = output };
		result = flatten(&t, tree);
	}
	give_back(&t);
	if (result)
		return -1;
	cover_lone_leaf(plan, tree);
	plan->node_count += tree->nodes;
	plan->tree_count++;
	return 0;
}
