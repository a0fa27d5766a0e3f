/* The judges of GRU and LSTM, after the equations of the ONNX operators.  All products are
 * graph_dot; sums are in the order in which they are written here. */
#include <string.h>

#include "runtime/model/graph/judge.h"

struct recurrent {
	const struct graph_recurrent *shape;
	const float                  *x;      /* of this step */
	const float                  *w;      /* [gates * hidden][features] */
	const float                  *r;      /* [gates * hidden][hidden] */
	const float                  *wb;     /* [gates * hidden] */
	const float                  *rb;     /* [gates * hidden] */
	const float                  *h;      /* [hidden], of the step before */
	float                        *from_x; /* [gates * hidden] */
	float                        *from_h; /* [gates * hidden] */
};

static float sigmoid(float x)
{
	return graph_scalar_of(GRAPH_SIGMOID, (struct graph_scalar){ 0 }, x);
}

static float hyperbolic(float x)
{
	return graph_scalar_of(GRAPH_TANH, (struct graph_scalar){ 0 }, x);
}

static struct recurrent recurrent_of(const struct graph_call *call, uint32_t gates)
{
	const struct graph_recurrent *shape = &call->node->recurrent;
	struct recurrent              run   = {
			       .shape  = shape,
			       .w      = graph_input(call, 1),
			       .r      = graph_input(call, 2),
			       .wb     = graph_input(call, 3),
			       .rb     = graph_input(call, 3) + (size_t)gates * shape->hidden,
			       .h      = graph_input(call, 4),
			       .from_x = graph_work(call),
			       .from_h = graph_work(call) + (size_t)gates * shape->hidden,
	};

	return run;
}

/* Which step is next, for either direction. */
static uint32_t step_of(const struct graph_recurrent *shape, uint32_t turn)
{
	return shape->reverse ? shape->steps - 1 - turn : turn;
}

/* Rows first to first + count - 1 of W x + wb and of R h + rb. */
static void gates_of(const struct recurrent *run, uint32_t first, uint32_t count)
{
	const struct graph_recurrent *shape = run->shape;

	for (uint32_t g = first; g < first + count; g++) {
		run->from_x[g] = graph_dot(run->x, run->w + (size_t)g * shape->features,
					   shape->features) +
				 run->wb[g];
		run->from_h[g] = graph_dot(run->h, run->r + (size_t)g * shape->hidden,
					   shape->hidden) +
				 run->rb[g];
	}
}

/* z = s(Wz x + Rz h), r = s(Wr x + Rr h), and the candidate
 *   reset after:  t(Wh x + r * (Rh h + rb))
 *   before:       t(Wh x + Rh (r * h) + rb)
 * h' = (1 - z) * candidate + z * h */
static void gru_step(const struct recurrent *run, float *reset, float *o)
{
	const struct graph_recurrent *shape  = run->shape;
	uint32_t                      hidden = shape->hidden;

	gates_of(run, 0, shape->reset_after ? 3 * hidden : 2 * hidden);
	for (uint32_t i = 0; i < hidden; i++)
		reset[i] = sigmoid(run->from_x[hidden + i] + run->from_h[hidden + i]) *
			   (shape->reset_after ? 1.0f : run->h[i]);
	if (!shape->reset_after) {
		struct recurrent after = *run;

		after.h = reset;
		gates_of(&after, 2 * hidden, hidden);
	}
	for (uint32_t i = 0; i < hidden; i++) {
		float update    = sigmoid(run->from_x[i] + run->from_h[i]);
		float candidate = run->from_h[2 * hidden + i];

		if (shape->reset_after)
			candidate = reset[i] * candidate;
		candidate = hyperbolic(run->from_x[2 * hidden + i] + candidate);
		o[i]      = (1.0f - update) * candidate + update * run->h[i];
	}
}

void graph_judge_gru(const struct graph_call *call)
{
	struct recurrent run    = recurrent_of(call, 3);
	uint32_t         hidden = run.shape->hidden;
	float           *reset  = graph_work(call) + 6 * (size_t)hidden;
	float           *o      = graph_output(call);

	for (uint32_t turn = 0; turn < run.shape->steps; turn++) {
		uint32_t step = step_of(run.shape, turn);

		run.x = graph_input(call, 0) + (size_t)step * run.shape->features;
		gru_step(&run, reset, o + (size_t)step * hidden);
		run.h = o + (size_t)step * hidden;
	}
}

/* i, o, f = s(W x + R h), c~ = t(Wc x + Rc h), c' = f * c + i * c~, h' = o * t(c') */
void graph_judge_lstm(const struct graph_call *call)
{
	struct recurrent run    = recurrent_of(call, 4);
	uint32_t         hidden = run.shape->hidden;
	float           *cell   = graph_work(call) + 8 * (size_t)hidden;
	float           *o      = graph_output(call);

	memcpy(cell, graph_input(call, 5), hidden * sizeof(*cell));
	for (uint32_t turn = 0; turn < run.shape->steps; turn++) {
		uint32_t step = step_of(run.shape, turn);
		float   *h    = o + (size_t)step * hidden;

		run.x = graph_input(call, 0) + (size_t)step * run.shape->features;
		gates_of(&run, 0, 4 * hidden);
		for (uint32_t i = 0; i < hidden; i++) {
			float gate[4];

			for (uint32_t g = 0; g < 4; g++)
				gate[g] = run.from_x[g * hidden + i] + run.from_h[g * hidden + i];
			cell[i] = sigmoid(gate[2]) * cell[i] +
				  sigmoid(gate[0]) * hyperbolic(gate[3]);
			h[i] = sigmoid(gate[1]) * hyperbolic(cell[i]);
		}
		run.h = h;
	}
}
