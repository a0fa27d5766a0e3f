/* The operators that are read: one row each, with the operator sets for which what this
 * reader does is what the specification says. */
#include <string.h>

#include "runtime/model/read/onnx_node.h"

#define ML "ai.onnx.ml"

static const struct onnx_operator operators[] = {
	/* domain, name, since, until, inputs at least, at most, reader, its parameter */
	{ "", "Abs", 6, 21, 1, 1, onnx_scalar, GRAPH_ABS },
	{ "", "Add", 7, 21, 2, 2, onnx_binary, GRAPH_ADD },
	{ "", "And", 7, 21, 2, 2, onnx_binary, GRAPH_AND },
	{ "", "ArgMax", 1, 21, 1, 1, onnx_arg_max, 0 },
	{ "", "AveragePool", 7, 21, 1, 1, onnx_pool, GRAPH_MEAN_POOL },
	{ "", "BatchNormalization", 7, 21, 5, 5, onnx_batch_norm, 0 },
	{ "", "Cast", 9, 21, 1, 1, onnx_cast, 0 },
	{ "", "Ceil", 6, 21, 1, 1, onnx_scalar, GRAPH_CEIL },
	{ "", "Clip", 6, 21, 1, 3, onnx_clip, 0 },
	{ "", "Concat", 4, 21, 1, GRAPH_INPUTS_MAX, onnx_concat, 0 },
	{ "", "Constant", 1, 21, 0, 0, onnx_constant_node, 0 },
	{ "", "ConstantOfShape", 9, 21, 1, 1, onnx_constant_of_shape, 0 },
	{ "", "Conv", 1, 21, 2, 3, onnx_conv, 0 },
	{ "", "Div", 7, 21, 2, 2, onnx_div, 0 },
	{ "", "Dropout", 7, 21, 1, 3, onnx_dropout, 0 },
	{ "", "Elu", 6, 21, 1, 1, onnx_scalar_alpha, GRAPH_ELU },
	{ "", "Equal", 7, 21, 2, 2, onnx_binary, GRAPH_EQUAL },
	{ "", "Erf", 9, 21, 1, 1, onnx_scalar, GRAPH_ERF },
	{ "", "Exp", 6, 21, 1, 1, onnx_scalar, GRAPH_EXP },
	{ "", "Expand", 8, 21, 2, 2, onnx_expand, 0 },
	{ "", "Flatten", 1, 21, 1, 1, onnx_flatten, 0 },
	{ "", "Floor", 6, 21, 1, 1, onnx_scalar, GRAPH_FLOOR },
	{ "", "GRU", 7, 21, 3, 6, onnx_recurrent, GRAPH_GRU },
	{ "", "Gather", 1, 21, 2, 2, onnx_gather, 0 },
	{ "", "Gelu", 20, 21, 1, 1, onnx_gelu, 0 },
	{ "", "Gemm", 7, 21, 2, 3, onnx_gemm, 0 },
	{ "", "GlobalAveragePool", 1, 21, 1, 1, onnx_global_pool, GRAPH_REDUCE_MEAN },
	{ "", "GlobalMaxPool", 1, 21, 1, 1, onnx_global_pool, GRAPH_REDUCE_MAX },
	{ "", "Greater", 7, 21, 2, 2, onnx_swapped, GRAPH_LESS },
	{ "", "GreaterOrEqual", 12, 21, 2, 2, onnx_swapped, GRAPH_LESS_EQUAL },
	{ "", "HardSigmoid", 6, 21, 1, 1, onnx_scalar_alpha, GRAPH_HARD_SIGMOID },
	{ "", "Identity", 1, 21, 1, 1, onnx_identity, 0 },
	{ "", "IsNaN", 9, 21, 1, 1, onnx_scalar, GRAPH_IS_NAN },
	{ "", "LSTM", 7, 21, 3, 8, onnx_recurrent, GRAPH_LSTM },
	{ "", "LayerNormalization", 17, 21, 2, 3, onnx_layer_norm, 0 },
	{ "", "LeakyRelu", 6, 21, 1, 1, onnx_scalar_alpha, GRAPH_LEAKY_RELU },
	{ "", "Less", 7, 21, 2, 2, onnx_binary, GRAPH_LESS },
	{ "", "LessOrEqual", 12, 21, 2, 2, onnx_binary, GRAPH_LESS_EQUAL },
	{ "", "Log", 6, 21, 1, 1, onnx_scalar, GRAPH_LOG },
	{ "", "LogSoftmax", 1, 21, 1, 1, onnx_softmax, GRAPH_LOG_SOFTMAX },
	{ "", "MatMul", 1, 21, 2, 2, onnx_matmul, 0 },
	{ "", "Max", 8, 21, 1, GRAPH_INPUTS_MAX, onnx_variadic, GRAPH_MAX },
	{ "", "MaxPool", 1, 21, 1, 1, onnx_pool, GRAPH_MAX_POOL },
	{ "", "Min", 8, 21, 1, GRAPH_INPUTS_MAX, onnx_variadic, GRAPH_MIN },
	{ "", "Mod", 10, 21, 2, 2, onnx_mod, 0 },
	{ "", "Mul", 7, 21, 2, 2, onnx_binary, GRAPH_MUL },
	{ "", "Neg", 6, 21, 1, 1, onnx_scalar, GRAPH_NEG },
	{ "", "Not", 1, 21, 1, 1, onnx_scalar, GRAPH_NOT },
	{ "", "Or", 7, 21, 2, 2, onnx_binary, GRAPH_OR },
	{ "", "Pow", 7, 21, 2, 2, onnx_binary, GRAPH_POW },
	{ "", "Reciprocal", 6, 21, 1, 1, onnx_scalar, GRAPH_RECIPROCAL },
	{ "", "ReduceMax", 1, 21, 1, 2, onnx_reduce, GRAPH_REDUCE_MAX },
	{ "", "ReduceMean", 1, 21, 1, 2, onnx_reduce, GRAPH_REDUCE_MEAN },
	{ "", "ReduceMin", 1, 21, 1, 2, onnx_reduce, GRAPH_REDUCE_MIN },
	{ "", "ReduceSum", 1, 21, 1, 2, onnx_reduce, GRAPH_REDUCE_SUM },
	{ "", "Relu", 6, 21, 1, 1, onnx_scalar, GRAPH_RELU },
	{ "", "Reshape", 5, 21, 2, 2, onnx_reshape, 0 },
	{ "", "Selu", 6, 21, 1, 1, onnx_scalar_alpha, GRAPH_SELU },
	{ "", "Shape", 1, 21, 1, 1, onnx_shape_node, 0 },
	{ "", "Sigmoid", 6, 21, 1, 1, onnx_scalar, GRAPH_SIGMOID },
	{ "", "Sign", 9, 21, 1, 1, onnx_scalar, GRAPH_SIGN },
	{ "", "Slice", 1, 21, 1, 5, onnx_slice, 0 },
	{ "", "Softmax", 1, 21, 1, 1, onnx_softmax, GRAPH_SOFTMAX },
	{ "", "Softplus", 1, 21, 1, 1, onnx_scalar, GRAPH_SOFTPLUS },
	{ "", "Softsign", 1, 21, 1, 1, onnx_scalar, GRAPH_SOFTSIGN },
	{ "", "Split", 2, 21, 1, 2, onnx_split, 0 },
	{ "", "Sqrt", 6, 21, 1, 1, onnx_scalar, GRAPH_SQRT },
	{ "", "Squeeze", 1, 21, 1, 2, onnx_squeeze, 0 },
	{ "", "Sub", 7, 21, 2, 2, onnx_binary, GRAPH_SUB },
	{ "", "Sum", 8, 21, 1, GRAPH_INPUTS_MAX, onnx_variadic, GRAPH_ADD },
	{ "", "Tanh", 6, 21, 1, 1, onnx_scalar, GRAPH_TANH },
	{ "", "Transpose", 1, 21, 1, 1, onnx_transpose, 0 },
	{ "", "Unsqueeze", 1, 21, 1, 2, onnx_unsqueeze, 0 },
	{ "", "Where", 9, 21, 3, 3, onnx_where, 0 },
	{ "", "Xor", 7, 21, 2, 2, onnx_binary, GRAPH_XOR },

	{ ML, "ArrayFeatureExtractor", 1, 5, 2, 2, onnx_array_feature, 0 },
	{ ML, "Binarizer", 1, 5, 1, 1, onnx_binarizer, 0 },
	{ ML, "FeatureVectorizer", 1, 5, 1, GRAPH_INPUTS_MAX, onnx_vectorizer, 0 },
	{ ML, "Imputer", 1, 5, 1, 1, onnx_imputer, 0 },
	{ ML, "LabelEncoder", 2, 5, 1, 1, onnx_label_encoder, 0 },
	{ ML, "LinearClassifier", 1, 5, 1, 1, onnx_linear_classifier, 0 },
	{ ML, "LinearRegressor", 1, 5, 1, 1, onnx_linear_regressor, 0 },
	{ ML, "Normalizer", 1, 5, 1, 1, onnx_normalizer, 0 },
	{ ML, "OneHotEncoder", 1, 5, 1, 1, onnx_one_hot, 0 },
	{ ML, "Scaler", 1, 5, 1, 1, onnx_scaler, 0 },
	{ ML, "TreeEnsembleClassifier", 1, 5, 1, 1, onnx_tree_classifier, 0 },
	{ ML, "TreeEnsembleRegressor", 1, 5, 1, 1, onnx_tree_regressor, 0 },
	{ ML, "ZipMap", 1, 5, 1, 1, onnx_zip_map, 0 },
};

const struct onnx_operator *onnx_operator(const char *domain, const char *name)
{
	if (strcmp(domain, "ai.onnx") == 0)
		domain = "";
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
		if (strcmp(operators[i].name, name) == 0 &&
		    strcmp(operators[i].domain, domain) == 0)
			return &operators[i];
	return NULL;
}
