/* How much each feature gave to a margin: Shapley values of the game in which a feature that
 * does not play is followed down both sides of its tests, by the shares of training rows that
 * went there (the nodes' covers).  Exact, in time depth^2 for each leaf: algorithm 2 of
 * S. Lundberg et al., "Consistent individualized feature attribution for tree ensembles",
 * arXiv:1802.03888, without its recursion.
 *
 * A *path* are the different features met on the way to a node.  Each has the share of rows
 * that comes here when it does not play (`zero`), whether this row comes here when it does
 * (`one`), and the weights of all subsets of the path by their size.  A node extends its
 * parent's path; siblings share it, so each level keeps its own:
 *
 *     level 0   .
 *     level 1   . a            levels below a node are free for its first child, then
 *     level 2   . a b          for its second
 *
 * What every row gets, the bias, is the mean over all leaves by the same shares, so that bias
 * and attributions sum to the margin. */
#include <string.h>

#include "runtime/model/forest/flat.h"

#define NO_FEATURE UINT32_MAX

struct element {
	double   zero;
	double   one;
	double   weight;
	uint32_t feature;
};

/* A node that waits for its turn. */
struct visit {
	uint32_t node;
	uint32_t level;
	uint32_t length; /* of the parent's path */
	uint32_t feature;
	double   zero, one;
	double   share; /* of training rows that come here */
};

struct explainer {
	const struct forest *forest;
	const uint16_t      *slot_of;
	const float         *x;
	double              *out;
	uint32_t             output; /* of this tree */
	struct element      *levels; /* level L's begin at L (L + 1) / 2 */
	struct visit         waiting[MODEL_DEPTH_MAX + 2];
};

static struct element *path_of(const struct explainer *e, uint32_t level)
{
	return e->levels + (size_t)level * (level + 1) / 2;
}

static void extend(struct element *path, uint32_t length, const struct visit *visit)
{
	path[length] = (struct element){ .zero    = visit->zero,
					 .one     = visit->one,
					 .weight  = length == 0 ? 1.0 : 0.0,
					 .feature = visit->feature };
	for (uint32_t i = length; i-- > 0;) {
		double n = length + 1;

		path[i + 1].weight += visit->one * path[i].weight * (i + 1) / n;
		path[i].weight = visit->zero * path[i].weight * (length - i) / n;
	}
}

/* Take element `at` off a path whose last index is `last`, as if it had never been. */
static void unwind(struct element *path, uint32_t last, uint32_t at)
{
	double one = path[at].one, zero = path[at].zero, n = last + 1;
	double next = path[last].weight;

	for (uint32_t i = last; i-- > 0;) {
		double weight = path[i].weight;

		if (one != 0.0) {
			path[i].weight = next * n / ((i + 1) * one);
			next           = weight - path[i].weight * zero * (last - i) / n;
		} else if (zero != 0.0) {
			path[i].weight = weight * n / (zero * (last - i));
		}
	}
	for (uint32_t i = at; i < last; i++) {
		path[i].feature = path[i + 1].feature;
		path[i].zero    = path[i + 1].zero;
		path[i].one     = path[i + 1].one;
	}
}

/* The sum of the weights that unwind would leave. */
static double unwound_sum(const struct element *path, uint32_t last, uint32_t at)
{
	double one = path[at].one, zero = path[at].zero, n = last + 1;
	double next = path[last].weight, sum = 0.0;

	for (uint32_t i = last; i-- > 0;) {
		if (one != 0.0) {
			double weight = next * n / ((i + 1) * one);

			sum += weight;
			next = path[i].weight - weight * zero * (last - i) / n;
		} else if (zero != 0.0) {
			sum += path[i].weight * n / (zero * (last - i));
		}
	}
	return sum;
}

static void add_leaf(const struct explainer *e, const struct forest_node *node,
		     const struct element *path, uint32_t last, double share)
{
	const struct forest *forest = e->forest;
	const double        *leaves = forest_at(forest, forest->leaves_offset_bytes);
	const double        *values = leaves + (size_t)node->leaf * forest->leaf_width;
	size_t               row    = (size_t)forest->feature_count + 1;
	double              *first  = e->out + e->output * row;

	for (uint32_t o = 0; o < forest->leaf_width; o++)
		first[o * row + forest->feature_count] += share * values[o];
	for (uint32_t i = 1; i <= last; i++) {
		double weight = unwound_sum(path, last, i) * (path[i].one - path[i].zero);

		for (uint32_t o = 0; o < forest->leaf_width; o++)
			first[o * row + path[i].feature] += weight * values[o];
	}
}

/* The node's two children wait, the one that the row goes to on top. */
static void add_children(struct explainer *e, const struct forest_node *nodes,
			 const struct visit *visit, uint32_t *last, uint32_t *count)
{
	const struct forest      *forest = e->forest;
	const struct forest_node *node   = &nodes[visit->node];
	struct element           *path   = path_of(e, visit->level);
	float                     x      = e->x[e->slot_of[node->feature]];
	bool   left = forest_goes_left(node, forest_at(forest, forest->sets_offset_bytes), x);
	double zero = 1.0, one = 1.0;

	for (uint32_t i = 1; i <= *last; i++) {
		if (path[i].feature != node->feature)
			continue;
		zero = path[i].zero;
		one  = path[i].one;
		unwind(path, (*last)--, i);
		break;
	}
	for (uint32_t turn = 0; turn < 2; turn++) {
		bool     hot   = turn == 1;
		uint32_t child = hot == left ? node->left : node->right;
		double   ratio = (double)nodes[child].cover / (double)node->cover;

		e->waiting[(*count)++] = (struct visit){ .node    = child,
							 .level   = visit->level + 1,
							 .length  = *last + 1,
							 .feature = node->feature,
							 .zero    = zero * ratio,
							 .one     = hot ? one : 0.0,
							 .share   = visit->share * ratio };
	}
}

static void explain_tree(struct explainer *e, const struct forest_node *nodes)
{
	uint32_t count = 1;

	e->waiting[0] =
		(struct visit){ .feature = NO_FEATURE, .zero = 1.0, .one = 1.0, .share = 1.0 };
	while (count > 0) { /* each node once */
		struct visit    visit = e->waiting[--count];
		struct element *path  = path_of(e, visit.level);
		uint32_t        last  = visit.length;

		if (visit.level > 0)
			memcpy(path, path_of(e, visit.level - 1), visit.length * sizeof(*path));
		extend(path, last, &visit);
		if (nodes[visit.node].kind == FOREST_LEAF)
			add_leaf(e, &nodes[visit.node], path, last, visit.share);
		else
			add_children(e, nodes, &visit, &last, &count);
	}
}

static size_t elements_of(const struct forest *forest)
{
	return (size_t)(forest->depth + 1) * (forest->depth + 2) / 2;
}

size_t forest_explain_bytes(const struct forest *forest)
{
	size_t size_bytes = elements_of(forest) * sizeof(struct element);

	return (size_bytes + MODEL_ALIGN_BYTES - 1) & ~(size_t)(MODEL_ALIGN_BYTES - 1);
}

void forest_explain(const struct forest *forest, const uint16_t *slot_of, const float *x,
		    void *scratch, double *out)
{
	const struct forest_tree *trees = forest_at(forest, forest->trees_offset_bytes);
	const struct forest_node *nodes = forest_at(forest, forest->nodes_offset_bytes);
	size_t                    row   = (size_t)forest->feature_count + 1;
	struct explainer          e     = {
			     .forest = forest, .slot_of = slot_of, .x = x, .out = out, .levels = scratch
	};

	assert(forest->covered);
	memset(out, 0, forest->output_count * row * sizeof(*out));
	for (uint32_t t = 0; t < forest->tree_count; t++) {
		e.output = trees[t].output;
		explain_tree(&e, nodes + trees[t].first);
	}
	for (uint32_t o = 0; o < forest->output_count; o++) {
		for (uint32_t i = 0; i < row && forest->divisor != 1.0; i++)
			out[o * row + i] /= forest->divisor;
		out[o * row + forest->feature_count] += forest->base[o];
	}
}
