/* The two operators: how sums of trees become probabilities, or a regression. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/read/onnx_tree.h"

static void trees_close(struct trees *t)
{
	free(t->rows);
	free(t->weights);
	free(t->queue);
	free(t->set_of);
}

/* The input as one line, and everything the file says of the trees. */
static uint32_t trees_open(struct trees *t, bool classes)
{
	struct graph_shape line = { .rank = 2, .dims = { 1, 0 } };
	uint32_t           x    = onnx_input(t->o, 0);

	if (x == GRAPH_NONE)
		return x;
	t->features = line.dims[1] = graph_tensor(&t->o->build, x)->count;
	if (t->features > MODEL_FEATURES_MAX)
		return graph_refuse(&t->o->build, "the input has %u features; allowed are %u",
				    t->features, MODEL_FEATURES_MAX);
	if (!onnx_trees_read(t, classes))
		return GRAPH_NONE;
	t->queue  = malloc(t->row_count * sizeof(*t->queue));
	t->set_of = malloc(SET_CATEGORIES_MAX * sizeof(*t->set_of));
	if (!t->queue || !t->set_of)
		return graph_refuse(&t->o->build, "no memory to load the model");
	return graph_add_retyped(&t->o->build, graph_add_view(&t->o->build, x, line), GRAPH_FLOAT);
}

static bool base_values(struct onnx *o, uint32_t targets, float *out, uint32_t *count)
{
	static const char *const names[] = { "base_values", "base_values_as_tensor" };
	uint32_t                 given   = 0;
	double                  *values;
	const float             *floats = onnx_floats(o, names[0], &given);

	if (!floats) {
		const Onnx__AttributeProto *attribute = onnx_attribute(o, names[1]);

		if (attribute && attribute->t && attribute->t->n_dims == 1)
			given = (uint32_t)attribute->t->dims[0];
	}
	*count = given;
	memset(out, 0, MODEL_OUTPUTS_MAX * sizeof(*out));
	if (given == 0)
		return true;
	if (given > targets) {
		graph_refuse(&o->build, "%u base values for %u targets", given, targets);
		return false;
	}
	values = onnx_tree_numbers(o, names[0], names[1], given, true);
	for (uint32_t i = 0; values && i < given; i++)
		out[i] = (float)values[i];
	free(values);
	for (uint32_t i = 0; i < given; i++)
		if (!isfinite(out[i]))
			graph_refuse(&o->build, "a base value is not a finite number");
	return !o->build.failed;
}

/* One score for both classes, when every weight is of class 0: onnxruntime calls that the
 * binary case, and takes a score of weights none of which is negative for a probability. */
static bool one_score(const struct trees *t, bool *positive)
{
	*positive = true;
	for (uint32_t i = 0; i < t->weight_count; i++) {
		if (t->weights[i].target != 0)
			return false;
		*positive &= t->weights[i].value >= 0.0;
	}
	return true;
}

static bool two_classes(struct trees *t, uint32_t x, enum onnx_post post, const float *base,
			uint32_t bases)
{
	struct onnx *o = t->o;
	uint32_t     part[2];
	bool         positive;

	if (bases == 2) {
		graph_refuse(&o->build, "two base values for two classes: programs differ on what "
					"they mean; save the model with one, or none");
		return false;
	}
	if (one_score(t, &positive))
		return onnx_two_classes(o, post, onnx_trees_add(t, x, 0, 1, base, false), positive);
	/* A forest for each, so that the one that is not asked for can be dropped. */
	for (uint32_t i = 0; i < 2; i++) {
		part[i] = onnx_trees_add(t, x, i, 1, base, false);
		if (post == ONNX_LOGISTIC)
			part[i] = onnx_post_of(o, post, part[i]);
	}
	if (part[0] == GRAPH_NONE || part[1] == GRAPH_NONE)
		return false;
	x = graph_add_concat(&o->build, part, 2, 1);
	if (post == ONNX_SOFTMAX)
		return onnx_probabilities(o, onnx_post_of(o, post, x), GRAPH_NONE);
	return onnx_probabilities(o, x, part[1]);
}

bool onnx_tree_classifier(struct onnx *o, const struct onnx_operator *row)
{
	struct trees t    = { .o = o };
	int          post = onnx_post_transform(o);
	float        base[MODEL_OUTPUTS_MAX];
	uint32_t     x, bases;
	bool         fine = false;

	(void)row;
	t.targets = onnx_classes(o);
	if (t.targets > 0 && post >= 0 && base_values(o, t.targets, base, &bases)) {
		x = trees_open(&t, true);
		if (x != GRAPH_NONE && t.targets == 2)
			fine = two_classes(&t, x, (enum onnx_post)post, base, bases);
		else if (x != GRAPH_NONE)
			fine = onnx_probabilities(
				o,
				onnx_post_of(o, (enum onnx_post)post,
					     onnx_trees_add(&t, x, 0, t.targets, base, false)),
				GRAPH_NONE);
	}
	trees_close(&t);
	return fine;
}

bool onnx_tree_regressor(struct onnx *o, const struct onnx_operator *row)
{
	static const char *const aggregates[] = { "SUM", "AVERAGE", NULL };
	struct trees             t            = { .o = o };
	int                      post         = onnx_post_transform(o);
	int      aggregate = onnx_choice(o, "aggregate_function", "SUM", aggregates);
	int64_t  targets   = onnx_int(o, "n_targets", 1);
	float    base[MODEL_OUTPUTS_MAX];
	uint32_t x, bases;
	bool     fine = false;

	(void)row;
	if (targets < 1 || targets > MODEL_OUTPUTS_MAX) {
		graph_refuse(&o->build, "%lld targets; allowed are 1 to %u", (long long)targets,
			     MODEL_OUTPUTS_MAX);
		return false;
	}
	t.targets = (uint32_t)targets;
	if (post >= 0 && aggregate >= 0 && base_values(o, t.targets, base, &bases)) {
		x = trees_open(&t, false);
		if (x != GRAPH_NONE)
			fine = onnx_output(o, 0,
					   onnx_post_of(o, (enum onnx_post)post,
							onnx_trees_add(&t, x, 0, t.targets, base,
								       aggregate == 1)));
	}
	trees_close(&t);
	return fine;
}
