/* What the files that read ONNX operators share.  Private to runtime/model/read.
 *
 * An operator's reader gets the file's node, asks for its inputs and attributes, checks
 * them, and appends to the network plan.  Refusals go through graph_refuse, so that they
 * carry the node's name and operator. */
#ifndef ASSAY_RUNTIME_MODEL_READ_ONNX_NODE_H
#define ASSAY_RUNTIME_MODEL_READ_ONNX_NODE_H

#include <onnx.pb-c.h>

#include "runtime/model/graph/build.h"
#include "runtime/model/plan.h"

/* A named value of the file's graph. */
struct onnx_value {
	const char *name;
	uint32_t    tensor;      /* GRAPH_NONE: see why_not */
	uint32_t    second;      /* the second class' probability alone, when that is known */
	bool        sums_to_one; /* the probabilities of two classes do, but for rounding */
	const char *why_not;     /* "holds text": why a node cannot read it; NULL: it can */
	bool        made;        /* it has been read */
	bool        needed;      /* the answer depends on it */
	bool        empty;       /* a constant with no numbers, which only shapes may be */
};

struct onnx {
	struct graph_builder    build;
	const Onnx__ModelProto *file;
	const Onnx__NodeProto  *node;
	struct model_facts     *facts;
	struct onnx_value      *values; /* open addressing by name */
	uint32_t                value_mask;
	int64_t                 opset, opset_ml;
	uint32_t                batch; /* the fixed batch the file was made for; 1 when free */
	uint64_t                attributes_read; /* by place */
	const char             *objective;       /* the operator the answer comes from */
};

/* A refusal that belongs to no node.  Always false. */
__attribute__((format(printf, 3, 4))) bool onnx_refuse_at(struct onnx *o, const char *place,
							  const char *words, ...);
/* A name of the file as safe printable ASCII, cut to fit. */
void onnx_printable(char *out, size_t out_bytes, const char *text);

/* ---- inputs of the graph: the row (onnx_input.c) */
bool onnx_inputs(struct onnx *o);
bool onnx_feature_names(struct onnx *o); /* from the file's metadata */

/* ---- names: NULL when there is none of that name (onnx_values.c) */
bool               onnx_values_make(struct onnx *o);
struct onnx_value *onnx_value(const struct onnx *o, const char *name);
/* The same, made when it is not there; NULL and a refusal when there is no room. */
struct onnx_value *onnx_name(struct onnx *o, const char *name);

/* ---- inputs and outputs of o->node */
bool     onnx_has_input(const struct onnx *o, uint32_t input);
uint32_t onnx_input(struct onnx *o, uint32_t input); /* GRAPH_NONE and a refusal */
/* The numbers of an input that must be a constant of at most `max` whole numbers; *count is
 * 0 for an empty one. */
bool onnx_input_ints(struct onnx *o, uint32_t input, int64_t *out, uint32_t max, uint32_t *count);
bool onnx_has_output(const struct onnx *o, uint32_t output);
/* Give an output its tensor; false when the tensor is GRAPH_NONE (a refusal was made). */
bool onnx_output(struct onnx *o, uint32_t output, uint32_t tensor);
/* An output that cannot be read, and why. */
void onnx_output_why_not(struct onnx *o, uint32_t output, const char *why_not);

/* Output 0 is an empty constant, of which only a shape may be made. */
bool onnx_nothing(struct onnx *o, const char *why_not);

/* ---- attributes of o->node.  Those that no reader asked for are refused afterwards. */
const Onnx__AttributeProto *onnx_attribute(struct onnx *o, const char *name);
int64_t                     onnx_int(struct onnx *o, const char *name, int64_t otherwise);
float                       onnx_float(struct onnx *o, const char *name, float otherwise);
/* Text must be one of `allowed` (NULL at the end); its place there, or -1 and a refusal. */
int  onnx_choice(struct onnx *o, const char *name, const char *otherwise,
		 const char *const *allowed);
bool onnx_ints(struct onnx *o, const char *name, int64_t *out, uint32_t max, uint32_t *count,
	       bool *given);
/* An attribute that changes nothing we compute. */
void onnx_ignore(struct onnx *o, const char *name);
bool onnx_attributes_done(struct onnx *o);

/* ---- numbers (onnx_tensor.c) */
/* The file's tensor as a constant; GRAPH_NONE and a refusal, or *empty. */
uint32_t onnx_constant(struct onnx *o, const Onnx__TensorProto *tensor, bool *empty);
/* A whole number as graph.h holds it: exact, or an infinity. */
bool onnx_whole(struct onnx *o, int64_t value, float *out);
/* What a constant that holds `value` stands for, infinities as the largest numbers. */
int64_t onnx_whole_back(float value);

/* ---- axes */
/* An axis of a shape of `rank`, counted from the end when negative; a refusal otherwise. */
bool onnx_axis(struct onnx *o, int64_t given, uint32_t rank, uint32_t *axis);

static inline int64_t onnx_limited(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* ---- operators: each reads o->node; false after a refusal */
struct onnx_operator {
	const char *domain; /* "" or "ai.onnx.ml" */
	const char *name;
	int         since; /* of the operator sets that this reader knows */
	int         until;
	uint32_t    inputs_min, inputs_max;
	bool (*read)(struct onnx *o, const struct onnx_operator *row);
	int param; /* of the reader */
};
const struct onnx_operator *onnx_operator(const char *domain, const char *name);

typedef bool onnx_reader(struct onnx *o, const struct onnx_operator *row);
/* onnx_math.c */
onnx_reader onnx_scalar, onnx_scalar_alpha, onnx_binary, onnx_swapped, onnx_variadic, onnx_clip,
	onnx_where, onnx_cast, onnx_identity, onnx_gelu, onnx_div, onnx_mod, onnx_dropout;
/* onnx_layer.c */
onnx_reader onnx_gemm, onnx_matmul, onnx_softmax, onnx_reduce, onnx_arg_max, onnx_batch_norm,
	onnx_layer_norm;
/* onnx_shape.c, onnx_slice.c, onnx_constant.c */
onnx_reader onnx_reshape, onnx_flatten, onnx_squeeze, onnx_unsqueeze, onnx_transpose, onnx_concat,
	onnx_slice, onnx_split, onnx_gather, onnx_constant_node, onnx_constant_of_shape,
	onnx_shape_node, onnx_expand;
/* onnx_window.c, onnx_recurrent.c */
onnx_reader onnx_conv, onnx_pool, onnx_global_pool, onnx_recurrent;
/* onnx_ml.c, onnx_linear.c, onnx_tree_operator.c */
onnx_reader onnx_scaler, onnx_normalizer, onnx_one_hot, onnx_label_encoder, onnx_imputer,
	onnx_zip_map, onnx_array_feature, onnx_binarizer, onnx_vectorizer, onnx_linear_classifier,
	onnx_linear_regressor, onnx_tree_classifier, onnx_tree_regressor;

/* Numbers of an attribute; NULL and *count 0 when absent. */
const float   *onnx_floats(struct onnx *o, const char *name, uint32_t *count);
const int64_t *onnx_int_list(struct onnx *o, const char *name, uint32_t *count);
/* The classes of classlabels_strings, _ints, _int64s. */
uint32_t onnx_classes(struct onnx *o);

/* What ai.onnx.ml's models make of their scores; `scores` is [1, n].  `scores_alone` are the
 * last class' scores as a tensor of their own, or GRAPH_NONE. */
enum onnx_post { ONNX_NONE, ONNX_SOFTMAX, ONNX_LOGISTIC };
int      onnx_post_transform(struct onnx *o); /* enum onnx_post, or -1 and a refusal */
uint32_t onnx_post_of(struct onnx *o, enum onnx_post post, uint32_t scores);
/* The probabilities of two classes from one score, as onnxruntime has it. */
bool onnx_two_classes(struct onnx *o, enum onnx_post post, uint32_t score, bool positive);
bool onnx_probabilities(struct onnx *o, uint32_t probabilities, uint32_t second);

#endif
