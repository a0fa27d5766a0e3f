/* The kernels of neural layers: what a layer computes, to the bit, and how it is chosen.
 *
 * A layer is packed at load into memory of the caller and then only read.  Each has
 *
 *   LAYER_size(shape)              bytes, a multiple of KERNEL_ALIGN_BYTES
 *   LAYER_pack(memory, weights)    at load; the form that runs, whole in itself
 *   LAYER_run(layer, ...)          at run time; no allocation, no call outside this module
 *   LAYER_judge(weights, ...)      the plainest C over the weights as they came
 *
 * One order for each sum.  A dot product of x and y is made in eight lanes:
 *
 *   lane[i] = x[i] y[i] + x[i+8] y[i+8] + x[i+16] y[i+16] + ...   in this order, from +0
 *   sum     = ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7))           as AVX2 halves a register
 *
 * each product and each sum rounded to float32.  A lane that runs out early just stops,
 * which is the same as adding +0: a lane that starts from +0 never becomes -0.
 *
 * Products are not fused with sums.  On a core with two multipliers and two adders (Zen)
 * fusing gains nothing, and one row is bound by the second-level cache anyway; where it
 * would help (many rows on Intel), it would make the judge, and every machine without FMA,
 * call a fused multiply in software for each product.  tests/bench/layers.c measures both.
 *
 * Each layer picks its kernel when it is packed (kernel_has_avx2), so that nothing is asked
 * at run time.  Plain C and AVX2 give the same bits, for one row and for many.
 *
 * NaN: where one appears is the same on every machine and in every kernel; its sign and
 * payload are not, so whoever stores a score stores one NaN for all. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_KERNEL_H
#define ASSAY_RUNTIME_MODEL_KERNEL_KERNEL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_ALIGN_BYTES 64u
#define KERNEL_LANES       8u
#define KERNEL_AVX2        __attribute__((target("avx2")))
#define KERNEL_AVX2_INLINE static inline __attribute__((target("avx2"), always_inline))

/* X(name, parameters, what it is)
 * As ONNX defines each; the bits are those of kernel_activated(). */
#define KERNEL_ACTIVATIONS(X)                                  \
	X(NONE, "none", "x")                                   \
	X(RELU, "relu", "x < 0: 0")                            \
	X(LEAKY_RELU, "leaky relu", "x < 0: a x")              \
	X(ELU, "elu", "x < 0: a (e^x - 1)")                    \
	X(SELU, "selu", "b x; x < 0: b a (e^x - 1)")           \
	X(SIGMOID, "sigmoid", "1 / (1 + e^-x)")                \
	X(HARD_SIGMOID, "hard sigmoid", "a x + b within 0, 1") \
	X(TANH, "tanh", "")                                    \
	X(SOFTSIGN, "softsign", "x / (1 + |x|)")               \
	X(GELU, "gelu", "x (1 + erf(x / sqrt 2)) / 2")         \
	X(GELU_TANH, "gelu tanh", "the same with a tanh")      \
	X(CLIP, "clip", "x within a and b")                    \
	X(EXP, "exp", "e^x")

enum kernel_activation_kind {
#define X(name, words, formula) KERNEL_##name,
	KERNEL_ACTIVATIONS(X)
#undef X
		KERNEL_ACTIVATION_COUNT,
};

struct kernel_activation {
	uint8_t kind; /* enum kernel_activation_kind */
	float   a, b;
};

/* Whether this machine runs the AVX2 kernels.  kernel_use_avx2(false) takes the plain ones
 * for what is packed from then on: for tests, before any thread starts. */
bool kernel_has_avx2(void);
void kernel_use_avx2(bool allowed);

/* x [count] in place.  kernel_activated() is the judge: one number. */
typedef void        kernel_activate_fn(struct kernel_activation activation, float *x, size_t count);
kernel_activate_fn  kernel_activate_plain, kernel_activate_avx2;
kernel_activate_fn *kernel_activate_choose(void);
float               kernel_activated(struct kernel_activation activation, float x);

/* The judge's sums, in the order above. */
float kernel_dot(const float *x, const float *y, size_t count);
float kernel_lanes_sum(const float lane[KERNEL_LANES]);

static inline size_t kernel_aligned(size_t size_bytes)
{
	return (size_bytes + KERNEL_ALIGN_BYTES - 1) & ~(size_t)(KERNEL_ALIGN_BYTES - 1);
}

static inline uint32_t kernel_lanes_up(uint32_t count)
{
	return (count + KERNEL_LANES - 1) & ~(KERNEL_LANES - 1);
}

#endif
