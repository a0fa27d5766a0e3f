/* GRU and LSTM over the steps of a sequence, as the ONNX operators define them.
 *
 * Gates in ONNX's order, W [gates][hidden][features], R [gates][hidden][hidden]:
 *
 *   GRU, gates z r h   z = s(x Wz + bWz + (h Rz + bRz)),  r the same
 *                      reset after:   c = t(x Wh + bWh + r (h Rh + bRh))
 *                      reset before:  c = t(x Wh + bWh + ((r h) Rh + bRh))
 *                      h' = (1 - z) c + z h
 *   LSTM, gates i o f c   i, o, f = s(x W + bW + (h R + bR)),  g = t(the same)
 *                      c' = f c + i g,  h' = o t(c')
 *
 * The products with x of all steps are one dense layer of many rows, those with h one dense
 * layer a step; the same sums as if done step by step.
 *
 * State: h, then for LSTM c, [hidden] each; read before the first step and left as the last
 * step made it.  So a causal model may go on from where it stopped: one step at a time gives
 * the same bits as all steps at once.
 *
 * In whole numbers (`whole`) the products are dense16.h's: the input with a scale from
 * calibration rows, the state with a fixed one, as h stays within -1 and 1 when it starts there.
 *
 * Bounds: steps at most the `steps_max` that the work memory was made for. */
#ifndef ASSAY_RUNTIME_MODEL_KERNEL_RECURRENT_H
#define ASSAY_RUNTIME_MODEL_KERNEL_RECURRENT_H

#include "runtime/model/kernel/dense16.h"

enum recurrent_kind { RECURRENT_GRU, RECURRENT_LSTM };

/* How a state is rounded, when whole. */
extern const float recurrent_state_scale;

struct recurrent_weights {
	uint8_t      kind;        /* enum recurrent_kind */
	bool         reset_after; /* GRU: linear_before_reset */
	bool         reverse;     /* the last step first; o stays in the input's order */
	bool         whole;       /* products in whole numbers */
	float        input_scale; /* of x, when whole */
	uint32_t     features, hidden;
	const float *w;    /* [gates * hidden][features] */
	const float *r;    /* [gates * hidden][hidden] */
	const float *bias; /* [2][gates * hidden], of w and of r; NULL: zeros */
};

/* What is done number by number; plain or AVX2. */
struct recurrent_lines {
	/* a += b */
	void (*add)(float *a, const float *b, uint32_t count);
	/* a += r b */
	void (*add_product)(float *a, const float *r, const float *b, uint32_t count);
	/* a = r b */
	void (*product)(float *a, const float *r, const float *b, uint32_t count);
	/* o = (1 - z) c + z h; o may be h */
	void (*mix)(float *o, const float *z, const float *c, const float *h, uint32_t count);
	/* c = f c + i g */
	void (*keep)(float *c, const float *f, const float *i, const float *g, uint32_t count);
};

extern const struct recurrent_lines recurrent_lines_plain, recurrent_lines_avx2;

struct recurrent {
	uint8_t                       kind;
	bool                          reset_after, reverse;
	bool                          finite; /* every weight of R is */
	bool                          whole;
	uint32_t                      features, hidden, gates;
	kernel_activate_fn           *activate;
	const struct recurrent_lines *lines;
	size_t                        size_bytes;
	size_t input_at, state_at, candidate_at; /* dense layers; candidate: reset before, else 0 */
};

size_t            recurrent_size(const struct recurrent_weights *weights);
struct recurrent *recurrent_pack(void *memory, const struct recurrent_weights *weights);

/* Bytes of work memory, KERNEL_ALIGN_BYTES aligned. */
size_t recurrent_work_bytes(const struct recurrent_weights *weights, uint32_t steps_max);
/* Floats of state: hidden, or twice that. */
uint32_t recurrent_state_floats(uint8_t kind, uint32_t hidden);

/* x [steps][features], o [steps][hidden]; nothing overlaps. */
void recurrent_run(const struct recurrent *recurrent, const float *x, uint32_t steps, float *state,
		   void *work, float *o);
/* `work` is [hidden] */
void recurrent_judge(const struct recurrent_weights *weights, const float *x, uint32_t steps,
		     float *state, float *work, float *o);

#endif
