/* ai.onnx.ml: linear models, and what turns scores into probabilities. */
#include <math.h>
#include <stdlib.h>

#include "runtime/model/read/onnx_node.h"

uint32_t onnx_classes(struct onnx *o)
{
	static const char *const names[] = { "classlabels_strings", "classlabels_ints",
					     "classlabels_int64s" };
	size_t                   most    = 0;

	for (uint32_t i = 0; i < 3; i++) {
		const Onnx__AttributeProto *labels = onnx_attribute(o, names[i]);

		if (labels && labels->n_strings > most)
			most = labels->n_strings;
		if (labels && labels->n_ints > most)
			most = labels->n_ints;
	}
	if (most >= 1 && most <= MODEL_OUTPUTS_MAX)
		return (uint32_t)most;
	graph_refuse(&o->build, "%zu classes; allowed are 1 to %u", most, MODEL_OUTPUTS_MAX);
	return 0;
}

int onnx_post_transform(struct onnx *o)
{
	static const char *const allowed[] = { "NONE", "SOFTMAX", "LOGISTIC", NULL };

	return onnx_choice(o, "post_transform", "NONE", allowed);
}

static uint32_t logistic(struct onnx *o, uint32_t x)
{
	return graph_add_scalar(&o->build, GRAPH_SIGMOID, x, 0.0f, 0.0f);
}

uint32_t onnx_post_of(struct onnx *o, enum onnx_post post, uint32_t scores)
{
	if (scores == GRAPH_NONE || post == ONNX_NONE)
		return scores;
	if (post == ONNX_LOGISTIC)
		return logistic(o, scores);
	return graph_add_line(&o->build, GRAPH_SOFTMAX, scores, 1, 2);
}

bool onnx_probabilities(struct onnx *o, uint32_t probabilities, uint32_t second)
{
	struct onnx_value *value;

	onnx_output_why_not(o, 0, "is a class' label, which is not computed");
	if (!onnx_output(o, 1, probabilities))
		return false;
	value = onnx_has_output(o, 1) ? onnx_value(o, o->node->output[1]) : NULL;
	if (value)
		value->second = second;
	return true;
}

bool onnx_two_classes(struct onnx *o, enum onnx_post post, uint32_t score, bool positive)
{
	struct graph_builder *b = &o->build;
	uint32_t              pair[2];
	struct onnx_value    *value;

	if (positive) { /* the score is the probability */
		pair[0] = graph_add_walk(b, GRAPH_SUB, graph_add_number(b, 1.0f), score);
		pair[1] = score;
	} else {
		pair[0] = graph_add_scalar(b, GRAPH_NEG, score, 0.0f, 0.0f);
		pair[1] = score;
		if (post == ONNX_LOGISTIC) {
			pair[0] = logistic(o, pair[0]);
			pair[1] = logistic(o, pair[1]);
		}
	}
	if (!onnx_probabilities(o, graph_add_concat(b, pair, 2, 1), pair[1]))
		return false;
	value = onnx_has_output(o, 1) ? onnx_value(o, o->node->output[1]) : NULL;
	if (value)
		value->sums_to_one = positive || post == ONNX_LOGISTIC;
	return true;
}

/* x C^T + intercepts, C [rows][columns of x], starting at row `first`. */
static uint32_t scores_of(struct onnx *o, uint32_t x, uint32_t first, uint32_t rows,
			  const float *coefficients, const float *intercepts)
{
	struct graph_shape shape = { .rank = 2, .dims = { rows, 0 } };
	uint32_t           weights, bias = GRAPH_NONE;

	shape.dims[1] = graph_tensor(&o->build, x)->count;
	weights       = graph_add_constant(&o->build, GRAPH_FLOAT, shape,
					   coefficients + (size_t)first * shape.dims[1]);
	if (intercepts)
		bias = graph_add_numbers(&o->build, intercepts + first, rows);
	return graph_add_dense(&o->build, x, weights, bias);
}

/* x as one line, and that there are `rows` lines of coefficients for it. */
static uint32_t linear_input(struct onnx *o, uint32_t rows, uint32_t coefficients,
			     uint32_t intercepts)
{
	struct graph_shape line = { .rank = 2, .dims = { 1, 0 } };
	uint32_t           x    = onnx_input(o, 0);

	if (x == GRAPH_NONE)
		return x;
	line.dims[1] = graph_tensor(&o->build, x)->count;
	if (rows == 0 || rows > MODEL_OUTPUTS_MAX ||
	    coefficients != (uint64_t)rows * line.dims[1] || (intercepts && intercepts != rows))
		return graph_refuse(&o->build,
				    "%u coefficients and %u intercepts do not go with %u "
				    "features",
				    coefficients, intercepts, line.dims[1]);
	return graph_add_retyped(&o->build, graph_add_view(&o->build, x, line), GRAPH_FLOAT);
}

/* Are the scores of two classes each other's negatives? */
static bool opposite(const float *coefficients, uint32_t features, const float *intercepts)
{
	for (uint32_t i = 0; i < features; i++)
		if (coefficients[i] != -coefficients[features + i])
			return false;
	return !intercepts || intercepts[0] == -intercepts[1];
}

bool onnx_linear_classifier(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t     coefficients, intercepts, classes = onnx_classes(o), rows, features, x, second;
	const float *c    = onnx_floats(o, "coefficients", &coefficients);
	const float *b    = onnx_floats(o, "intercepts", &intercepts);
	int          post = onnx_post_transform(o);
	bool         pair;

	(void)row;
	onnx_ignore(o, "multi_class");
	if (classes == 0 || post < 0)
		return false;
	rows = intercepts ? intercepts : classes;
	x    = linear_input(o, rows, coefficients, intercepts);
	if (x == GRAPH_NONE)
		return false;
	features = graph_tensor(&o->build, x)->count;
	if (rows == 1 && classes == 2 && post != ONNX_NONE) {
		graph_refuse(&o->build,
			     "post_transform with one line of coefficients for two classes "
			     "is not applied by onnxruntime; save a line for each class");
		return false;
	}
	if (rows == 1 && classes == 2)
		return onnx_two_classes(o, ONNX_NONE, scores_of(o, x, 0, 1, c, b), true);
	if (rows != classes) {
		graph_refuse(&o->build, "%u lines of coefficients for %u classes", rows, classes);
		return false;
	}
	pair   = rows == 2 && post == ONNX_LOGISTIC;
	second = pair ? logistic(o, scores_of(o, x, 1, 1, c, b)) : GRAPH_NONE;
	if (!onnx_probabilities(
		    o, onnx_post_of(o, (enum onnx_post)post, scores_of(o, x, 0, rows, c, b)),
		    second))
		return false;
	if (pair && onnx_has_output(o, 1))
		onnx_value(o, o->node->output[1])->sums_to_one = opposite(c, features, b);
	return true;
}

bool onnx_linear_regressor(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t     coefficients, intercepts, x;
	const float *c       = onnx_floats(o, "coefficients", &coefficients);
	const float *b       = onnx_floats(o, "intercepts", &intercepts);
	int64_t      targets = onnx_int(o, "targets", 1);
	int          post    = onnx_post_transform(o);

	(void)row;
	if (post < 0)
		return false;
	if (targets < 1 || targets > MODEL_OUTPUTS_MAX) {
		graph_refuse(&o->build, "%lld targets; allowed are 1 to %u", (long long)targets,
			     MODEL_OUTPUTS_MAX);
		return false;
	}
	x = linear_input(o, (uint32_t)targets, coefficients, intercepts);
	if (x == GRAPH_NONE)
		return false;
	return onnx_output(o, 0,
			   onnx_post_of(o, (enum onnx_post)post,
					scores_of(o, x, 0, (uint32_t)targets, c, b)));
}
