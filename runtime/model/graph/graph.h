/* A network: the checked plan that readers fill in, and the form in which it runs.
 * Private to runtime/model.
 *
 *   ONNX file --read/onnx--> nodes appended one by one (graph/build.h): shapes are known
 *             and checked as each is appended, and a node of constants alone is computed
 *             then and there
 *             --graph_finish--> what no output needs is dropped, activations are fused
 *             into the node before them, every tensor gets its place in memory
 *             --graph_build--> struct graph in the caller's pages, kernels chosen
 *             --graph_run--> one row
 *
 * Numbers: every tensor is float32 when it runs.  Whole numbers and truth values are
 *          floats too (0 and 1), exact up to 2^24; whole numbers of 2^31 - 1 and more,
 *          which ONNX files use for "to the end", are infinities.  A constant between the
 *          two is refused.
 * Shapes:  fixed at load, row-major, the batch is 1.
 * Sums:    each has one order, given beside its judge in judge_*.c, which every other
 *          kernel reproduces bit for bit or is a kind of its own (kernel digest).
 * Owner:   a plan belongs to the thread that loads; a graph is read-only.  A core that
 *          runs it brings scratch memory; nothing is allocated.
 * Bounds:  below.  Nodes run in a list; no recursion; every loop is bounded by a shape.
 * Failure: none at run time.  What a row makes impossible (a category that is not known,
 *          an index out of range) gives NaN, which fails closed downstream. */
#ifndef ASSAY_RUNTIME_MODEL_GRAPH_GRAPH_H
#define ASSAY_RUNTIME_MODEL_GRAPH_GRAPH_H

#include <assert.h>

#include "runtime/model/model.h"

#define GRAPH_RANK_MAX     6u           /* PyTorch's packed attention passes through rank 5 */
#define GRAPH_NODES_MAX    65536u       /* skl2onnx writes 25 for a tree of an isolation forest */
#define GRAPH_INPUTS_MAX   1024u        /* of one node: a column each, or a tree each */
#define GRAPH_FLOATS_MAX   (1u << 24)   /* of one tensor that is computed */
#define GRAPH_WEIGHTS_MAX  (1u << 28)   /* floats of all constants: 1 GiB */
#define GRAPH_SCRATCH_MAX  (1u << 24)   /* floats: 64 MiB for each core */
#define GRAPH_PRODUCTS_MAX (1ull << 32) /* multiply-adds for one row: about a second */
#define GRAPH_NONE         UINT32_MAX

enum graph_type { GRAPH_FLOAT, GRAPH_WHOLE, GRAPH_BOOL };

/* Where a tensor's numbers are. */
enum graph_home { GRAPH_CONSTANT, GRAPH_ROW, GRAPH_SCRATCH, GRAPH_HOMES };

struct graph_tensor {
	uint32_t dims[GRAPH_RANK_MAX]; /* [rank], each at least 1 */
	uint32_t count;                /* of numbers: the product of dims; 1 when rank is 0 */
	uint32_t root;   /* the tensor whose numbers these are; itself, unless a view */
	uint32_t offset; /* of a view, in its root's numbers */
	uint32_t at;     /* of a root: its first number in its home */
	uint8_t  rank;
	uint8_t  type; /* enum graph_type */
	uint8_t  home; /* enum graph_home, of a root */
};

/* X(name, as `assayctl model explain` says it)
 * x is the first input, y the second, z the third; o the output. */
#define GRAPH_OPS(X)                                                                 \
	/* one number from one: o = f(x); scalar.a and .b where said */              \
	X(NEG, "neg")                                                                \
	X(ABS, "abs")                                                                \
	X(SQRT, "sqrt")                                                              \
	X(RECIPROCAL, "reciprocal")                                                  \
	X(EXP, "exp")                                                                \
	X(LOG, "log")                                                                \
	X(ERF, "erf")                                                                \
	X(FLOOR, "floor")                                                            \
	X(CEIL, "ceil")                                                              \
	X(SIGN, "sign")                                                              \
	X(NOT, "not")                                                                \
	X(IS_NAN, "is nan")                                                          \
	X(TRUNCATE, "truncate") /* cast to a whole number */                         \
	X(TRUTH, "truth")       /* cast to a truth value: x != 0 */                  \
	X(BINARIZE, "binarize") /* x > a */                                          \
	X(RELU, "relu")                                                              \
	X(LEAKY_RELU, "leaky relu") /* x < 0: a x */                                 \
	X(ELU, "elu")               /* x < 0: a (e^x - 1) */                         \
	X(SELU, "selu")             /* b x; x < 0: b (a e^x - a) */                  \
	X(SIGMOID, "sigmoid")                                                        \
	X(HARD_SIGMOID, "hard sigmoid") /* a x + b within 0 and 1 */                 \
	X(TANH, "tanh")                                                              \
	X(SOFTPLUS, "softplus")                                                      \
	X(SOFTSIGN, "softsign")                                                      \
	X(GELU, "gelu") /* x (1 + erf(x / sqrt 2)) / 2 */                            \
	X(GELU_TANH, "gelu tanh")                                                    \
	X(CLIP, "clip") /* within a and b */                                         \
	/* one number from two or three, broadcast: walk.step[input][axis of o] */   \
	X(ADD, "add")                                                                \
	X(SUB, "sub")                                                                \
	X(MUL, "mul")                                                                \
	X(DIV, "div")                                                                \
	X(MOD_WHOLE, "mod whole")                                                    \
	X(DIV_WHOLE, "div whole")                                                    \
	X(POW, "pow")                                                                \
	X(MIN, "min")                                                                \
	X(MAX, "max")                                                                \
	X(EQUAL, "equal")                                                            \
	X(LESS, "less")                                                              \
	X(LESS_EQUAL, "less or equal")                                               \
	X(AND, "and")                                                                \
	X(OR, "or")                                                                  \
	X(XOR, "xor")                                                                \
	X(WHERE, "where") /* x ? y : z */                                            \
	/* moved numbers */                                                          \
	X(COPY, "copy")     /* transpose, slice, expand: x by steps */               \
	X(CONCAT, "concat") /* any number of inputs; line.outer */                   \
	X(GATHER, "gather") /* y: which of line.length */                            \
	/* lines of numbers: x is [line.outer][line.length][line.inner] */           \
	X(REDUCE_SUM, "sum")                                                         \
	X(REDUCE_MEAN, "mean")                                                       \
	X(REDUCE_MAX, "reduce max")                                                  \
	X(REDUCE_MIN, "reduce min")                                                  \
	X(ARG_MAX, "arg max") /* the first of the largest */                         \
	X(SOFTMAX, "softmax")                                                        \
	X(LOG_SOFTMAX, "log softmax")                                                \
	X(NORM_L1, "normalize l1") /* a line of zeros stays */                       \
	X(NORM_L2, "normalize l2")                                                   \
	X(NORM_MAX, "normalize max")                                                 \
	X(LAYER_NORM, "layer norm") /* inner 1; y scale, z bias, [length] */         \
	/* tables */                                                                 \
	X(LOOK_UP, "look up") /* y keys ascending, z values */                       \
	X(ONE_HOT, "one hot") /* y categories; o is [x][count of y] */               \
	X(IMPUTE, "impute")   /* y [columns]: instead of what is missing */          \
	/* products and sums */                                                      \
	X(DENSE, "dense")   /* x [rows][inner], y [columns][inner], z [columns] */   \
	X(MATMUL, "matmul") /* batches of x [rows][inner] by y [inner][columns] */   \
	X(CONV, "conv")     /* x [in][length], y [out][in/groups][width], z [out] */ \
	X(MAX_POOL, "max pool")                                                      \
	X(MEAN_POOL, "mean pool")                                                    \
	X(GRU, "gru")                                                                \
	X(LSTM, "lstm")                                                              \
	/* trees: x [rows][features], o [rows][outputs] */                           \
	X(FOREST, "forest")

enum graph_op {
	GRAPH_NO_OP, /* "no activation"; never a node of its own */
#define X(name, words) GRAPH_##name,
	GRAPH_OPS(X)
#undef X
		GRAPH_OP_COUNT,
};

struct graph_scalar {
	float a, b;
};

/* Where input i of output axis d goes on: step[i][d] numbers further on, 0 where it is
 * broadcast.  COPY starts at `start` and may go backwards. */
struct graph_walk {
	uint32_t start;
	int32_t  step[3][GRAPH_RANK_MAX];
};

struct graph_line {
	uint32_t outer, length, inner;
	float    epsilon; /* LAYER_NORM */
};

struct graph_table {
	uint32_t columns; /* IMPUTE: x is [...][columns] */
	float    missing; /* IMPUTE: what is replaced, NaN or a number; LOOK_UP, ONE_HOT: what an
			   * unknown x gives (each of the line) */
};

struct graph_product {
	uint32_t rows, inner, columns;
	uint32_t batches, x_step, y_step; /* MATMUL: numbers from batch to batch; 0: the same */
};

/* One dimension, left to right; the groups' channels are consecutive. */
struct graph_window {
	uint32_t channels_in, length_in, channels_out, length_out;
	uint32_t width, stride, dilation, pad, groups;
	bool     pad_counts; /* MEAN_POOL: padding is counted in the divisor */
};

/* Gates in ONNX's order: z r h (GRU), i o f c (LSTM).
 * inputs: x [steps][features]
 *         W [gates * hidden][features], R [gates * hidden][hidden]
 *         bias [2][gates * hidden], W's and R's; always there
 *         h0 [hidden]; for LSTM c0 [hidden]; always there
 * o [steps][hidden]: h after each step; the last one is a view of it. */
struct graph_recurrent {
	uint32_t steps, features, hidden;
	bool     reset_after; /* GRU's linear_before_reset */
	bool     reverse;     /* the last step first; o is in the input's order */
};

struct graph_node {
	uint8_t  op;         /* enum graph_op */
	uint8_t  activation; /* of `scalar` kind, applied to each number of o; or GRAPH_NO_OP */
	uint16_t input_count;
	uint32_t first_input; /* in the plan's inputs */
	uint32_t output;
	uint32_t work;             /* numbers of scratch it needs while it runs */
	uint32_t work_at;          /* set by graph_finish */
	uint32_t origin;           /* which node of the file it comes from */
	uint32_t fused;            /* the file's node of the activation, or GRAPH_NONE */
	struct graph_scalar after; /* parameters of the activation */
	union {
		struct graph_scalar    scalar;
		struct graph_walk      walk;
		struct graph_line      line;
		struct graph_table     table;
		struct graph_product   product;
		struct graph_window    window;
		struct graph_recurrent recurrent;
		uint32_t               forest; /* number in the plan's forests */
	};
};

struct forest_plan;
struct forest;

/* What the file calls its nodes, for people: "MatMul_3", "MatMul". */
struct graph_origin {
	char name[48];
	char op[24];
};

struct graph_plan {
	uint32_t tensor_count, node_count, input_count, constant_count, forest_count, origin_count;
	uint32_t steps, features; /* the row is [steps][features]; steps is 1 unless a sequence */
	uint32_t output;          /* tensor: [output_count] numbers, before the link */
	uint32_t scratch_count;   /* numbers, after graph_finish */
	uint64_t products;        /* multiply-adds of one row */
	struct graph_tensor *tensors;
	struct graph_node   *nodes; /* in the order they run */
	uint32_t            *inputs;
	float               *constants;
	struct forest_plan **forests; /* owned */
	struct graph_origin *origins;
	uint32_t tensor_room, node_room, input_room, constant_room, forest_room, origin_room;
	uint64_t constant_max; /* of constant_count, by the size of the file */
	uint64_t folded;       /* numbers touched to compute constants, at most folded_max */
	uint64_t folded_max;
};

/* The form that runs.
 *
 *   struct graph | nodes | tensors | inputs | origins | constants | forests | packed weights
 *
 * Offsets, not pointers: the memory is whole in itself. */
struct graph {
	uint32_t node_count, tensor_count, input_count, forest_count, origin_count;
	uint32_t output, output_count, scratch_count;
	uint32_t steps, features;
	uint64_t products;
	uint64_t size_bytes;
	uint64_t nodes_at, tensors_at, inputs_at, origins_at, constants_at, forests_at;
};

/* What a kernel is given: one node, and where its homes are. */
struct graph_call {
	const struct graph_node   *node;
	const struct graph_tensor *tensors;
	const uint32_t            *inputs; /* [node->input_count] */
	float                     *homes[GRAPH_HOMES];
	const struct forest       *forest; /* FOREST */
};

/* A kernel: reads its inputs, writes its output before the activation.  The judges are the
 * table graph_judges[op]; what it computes is said beside each. */
typedef void               graph_kernel(const struct graph_call *call);
extern graph_kernel *const graph_judges[GRAPH_OP_COUNT];
/* The fastest there is for each, of the same bits. */
extern graph_kernel *const graph_kernels[GRAPH_OP_COUNT];

static inline float *graph_numbers(const struct graph_call *call, uint32_t tensor)
{
	const struct graph_tensor *view = &call->tensors[tensor];
	const struct graph_tensor *root = &call->tensors[view->root];

	return call->homes[root->home] + root->at + view->offset;
}

static inline const float *graph_input(const struct graph_call *call, uint32_t input)
{
	assert(input < call->node->input_count);
	return graph_numbers(call, call->inputs[input]);
}

static inline const struct graph_tensor *graph_input_tensor(const struct graph_call *call,
							    uint32_t                 input)
{
	return &call->tensors[call->inputs[input]];
}

static inline float *graph_output(const struct graph_call *call)
{
	return graph_numbers(call, call->node->output);
}

static inline float *graph_work(const struct graph_call *call)
{
	return call->homes[GRAPH_SCRATCH] + call->node->work_at;
}

/* f(x) of one of the SCALAR ops: the one place where they are defined. */
float graph_scalar_of(enum graph_op op, struct graph_scalar with, float x);

const char *graph_op_name(enum graph_op op);

size_t        graph_size(const struct graph_plan *plan); /* a multiple of MODEL_ALIGN_BYTES */
struct graph *graph_build(const struct graph_plan *plan, void *memory, size_t size_bytes);
size_t        graph_scratch_bytes(const struct graph *graph);

/* `row` is [steps][features], `margins` [output_count].  graph_run takes each node's
 * fastest kernel, graph_run_judge the judges. */
void graph_run(const struct graph *graph, const float *row, float *scratch, float *margins);
void graph_run_judge(const struct graph *graph, const float *row, float *scratch, float *margins);

/* One node as `assayctl model explain` shows it. */
void graph_layer(const struct graph *graph, uint32_t node, struct model_layer *out);

const struct graph_node   *graph_nodes(const struct graph *graph);
const struct graph_tensor *graph_tensors(const struct graph *graph);
const uint32_t            *graph_inputs(const struct graph *graph);
const struct graph_origin *graph_origins(const struct graph *graph);
const struct forest       *graph_forest(const struct graph *graph, uint32_t forest);

/* Bytes of a node's constants, and its multiply-adds: for people, and for the limits. */
uint64_t graph_node_weight_bytes(const struct graph_node *node, const struct graph_tensor *tensors,
				 const uint32_t *inputs);
uint64_t graph_node_products(const struct graph_node *node, const struct graph_tensor *tensors);

#endif
