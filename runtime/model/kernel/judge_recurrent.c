/* The judge of GRU and LSTM: recurrent.h's equations, step by step, number by number. */
#include <string.h>

#include "runtime/model/kernel/recurrent.h"

static float sigmoid(float x)
{
	return kernel_activated((struct kernel_activation){ .kind = KERNEL_SIGMOID }, x);
}

static float hyperbolic(float x)
{
	return kernel_activated((struct kernel_activation){ .kind = KERNEL_TANH }, x);
}

/* Gate row `g` of x W + b. */
static float from_x(const struct recurrent_weights *weights, uint32_t g, const float *x)
{
	struct dense_weights row = {
		.inner   = weights->features,
		.columns = 1,
		.w       = weights->w + (size_t)g * weights->features,
		.bias    = weights->bias ? weights->bias + g : NULL,
	};
	float o;

	if (weights->whole)
		dense16_judge(&row, weights->input_scale, x, 1, &o);
	else
		dense_judge(&row, x, 1, &o);
	return o;
}

/* Gate row `g` of h R + b. */
static float from_h(const struct recurrent_weights *weights, uint32_t g, const float *h)
{
	uint32_t             gates = weights->hidden * (weights->kind == RECURRENT_GRU ? 3 : 4);
	struct dense_weights row   = {
		  .inner   = weights->hidden,
		  .columns = 1,
		  .w       = weights->r + (size_t)g * weights->hidden,
		  .bias    = weights->bias ? weights->bias + gates + g : NULL,
	};
	float o;

	if (weights->whole)
		dense16_judge(&row, recurrent_state_scale, h, 1, &o);
	else
		dense_judge(&row, h, 1, &o);
	return o;
}

static void gru(const struct recurrent_weights *weights, const float *x, const float *h,
		float *work, float *o)
{
	uint32_t hidden = weights->hidden;

	for (uint32_t i = 0; i < hidden; i++) {
		float reset =
			sigmoid(from_x(weights, hidden + i, x) + from_h(weights, hidden + i, h));

		work[i] = weights->reset_after ? reset : reset * h[i];
	}
	for (uint32_t i = 0; i < hidden; i++) {
		float update = sigmoid(from_x(weights, i, x) + from_h(weights, i, h)), candidate;

		if (weights->reset_after)
			candidate = work[i] * from_h(weights, 2 * hidden + i, h);
		else
			candidate = from_h(weights, 2 * hidden + i, work);
		candidate = hyperbolic(from_x(weights, 2 * hidden + i, x) + candidate);
		o[i]      = (1.0f - update) * candidate + update * h[i];
	}
}

static void lstm(const struct recurrent_weights *weights, const float *x, const float *h,
		 float *cell, float *o)
{
	uint32_t hidden = weights->hidden;

	for (uint32_t i = 0; i < hidden; i++) {
		float gate[4];

		for (uint32_t g = 0; g < 4; g++)
			gate[g] = from_x(weights, g * hidden + i, x) +
				  from_h(weights, g * hidden + i, h);
		cell[i] = sigmoid(gate[2]) * cell[i] + sigmoid(gate[0]) * hyperbolic(gate[3]);
		o[i]    = sigmoid(gate[1]) * hyperbolic(cell[i]);
	}
}

void recurrent_judge(const struct recurrent_weights *weights, const float *x, uint32_t steps,
		     float *state, float *work, float *o)
{
	uint32_t     hidden = weights->hidden;
	const float *h      = state;

	for (uint32_t turn = 0; turn < steps; turn++) {
		uint32_t     step = weights->reverse ? steps - 1 - turn : turn;
		const float *from = x + (size_t)step * weights->features;
		float       *to   = o + (size_t)step * hidden;

		if (weights->kind == RECURRENT_GRU)
			gru(weights, from, h, work, to);
		else
			lstm(weights, from, h, state + hidden, to);
		h = to;
	}
	if (steps > 0)
		memcpy(state, h, hidden * sizeof(*state));
}
