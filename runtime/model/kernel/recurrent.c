/* The steps of a recurrence over packed dense layers. */
#include "runtime/model/kernel/recurrent.h"

#include <string.h>

#define HEAD_BYTES 128u
static_assert(sizeof(struct recurrent) <= HEAD_BYTES, "its head");

static uint32_t gates_of(uint8_t kind)
{
	return kind == RECURRENT_GRU ? 3 : 4;
}

/* Columns of the product with h that can be made before any gate is known. */
static uint32_t state_columns(const struct recurrent_weights *weights)
{
	if (weights->kind == RECURRENT_GRU && !weights->reset_after)
		return 2 * weights->hidden;
	return gates_of(weights->kind) * weights->hidden;
}

size_t recurrent_size(const struct recurrent_weights *weights)
{
	uint32_t all = gates_of(weights->kind) * weights->hidden, first = state_columns(weights);

	return HEAD_BYTES + dense_size(weights->features, all) +
	       dense_size(weights->hidden, first) +
	       (first < all ? dense_size(weights->hidden, all - first) : 0);
}

/* Columns `first` to first + columns - 1 of w or r. */
static size_t pack_part(const struct recurrent_weights *weights, bool of_state, uint32_t first,
			uint32_t columns, void *memory)
{
	uint32_t             all   = gates_of(weights->kind) * weights->hidden;
	uint32_t             inner = of_state ? weights->hidden : weights->features;
	struct dense_weights part  = {
		 .inner   = inner,
		 .columns = columns,
		 .w       = (of_state ? weights->r : weights->w) + (size_t)first * inner,
		 .bias    = weights->bias ? weights->bias + (of_state ? all : 0) + first : NULL,
	};

	return dense_pack(memory, &part)->size_bytes;
}

struct recurrent *recurrent_pack(void *memory, const struct recurrent_weights *weights)
{
	struct recurrent *recurrent = memory;
	uint8_t          *at        = memory;
	uint32_t          all       = gates_of(weights->kind) * weights->hidden;
	uint32_t          first     = state_columns(weights);

	assert((uintptr_t)memory % KERNEL_ALIGN_BYTES == 0);
	memset(memory, 0, HEAD_BYTES);
	recurrent->kind        = weights->kind;
	recurrent->reset_after = weights->reset_after;
	recurrent->reverse     = weights->reverse;
	recurrent->features    = weights->features;
	recurrent->hidden      = weights->hidden;
	recurrent->gates       = gates_of(weights->kind);
	recurrent->activate    = kernel_activate_choose();
	recurrent->lines       = kernel_has_avx2() ? &recurrent_lines_avx2 : &recurrent_lines_plain;
	recurrent->size_bytes  = recurrent_size(weights);
	recurrent->input_at    = HEAD_BYTES;
	recurrent->state_at    = recurrent->input_at +
			      pack_part(weights, false, 0, all, at + recurrent->input_at);
	recurrent->candidate_at = recurrent->state_at +
				  pack_part(weights, true, 0, first, at + recurrent->state_at);
	if (first < all)
		pack_part(weights, true, first, all - first, at + recurrent->candidate_at);
	return recurrent;
}

size_t recurrent_work_floats(uint8_t kind, uint32_t hidden, uint32_t steps_max)
{
	size_t gates = (size_t)gates_of(kind) * hidden;

	return (size_t)kernel_lanes_up((uint32_t)gates) * ((size_t)steps_max + 1) +
	       2 * (size_t)kernel_lanes_up(hidden);
}

uint32_t recurrent_state_floats(uint8_t kind, uint32_t hidden)
{
	return kind == RECURRENT_GRU ? hidden : 2 * hidden;
}

static const struct dense *layer_at(const struct recurrent *recurrent, size_t at)
{
	return (const struct dense *)((const uint8_t *)recurrent + at);
}

static const struct kernel_activation sigmoid = { .kind = KERNEL_SIGMOID };
static const struct kernel_activation tanh_of = { .kind = KERNEL_TANH };

/* `gates` holds the products with x, and then the gates; `from_h` is [gates * hidden]. */
static void gru_step(const struct recurrent *recurrent, float *gates, float *from_h, const float *h,
		     float *reset_h, float *o)
{
	const struct recurrent_lines *lines  = recurrent->lines;
	uint32_t                      hidden = recurrent->hidden;
	float                        *reset = gates + hidden, *candidate = gates + 2 * hidden;

	dense_run(layer_at(recurrent, recurrent->state_at), h, 1, from_h);
	lines->add(gates, from_h, 2 * hidden);
	recurrent->activate(sigmoid, gates, 2 * hidden);
	if (recurrent->reset_after) {
		lines->add_product(candidate, reset, from_h + 2 * hidden, hidden);
	} else {
		lines->product(reset_h, reset, h, hidden);
		dense_run(layer_at(recurrent, recurrent->candidate_at), reset_h, 1, from_h);
		lines->add(candidate, from_h, hidden);
	}
	recurrent->activate(tanh_of, candidate, hidden);
	lines->mix(o, gates, candidate, h, hidden);
}

static void lstm_step(const struct recurrent *recurrent, float *gates, float *from_h,
		      const float *h, float *cell, float *o)
{
	const struct recurrent_lines *lines  = recurrent->lines;
	uint32_t                      hidden = recurrent->hidden;

	dense_run(layer_at(recurrent, recurrent->state_at), h, 1, from_h);
	lines->add(gates, from_h, 4 * hidden);
	recurrent->activate(sigmoid, gates, 3 * (size_t)hidden);
	recurrent->activate(tanh_of, gates + 3 * (size_t)hidden, hidden);
	lines->keep(cell, gates + 2 * (size_t)hidden, gates, gates + 3 * (size_t)hidden, hidden);
	memcpy(from_h, cell, hidden * sizeof(*cell));
	recurrent->activate(tanh_of, from_h, hidden);
	lines->product(o, gates + hidden, from_h, hidden);
}

void recurrent_go_on(const struct recurrent *recurrent, uint32_t steps, float *state, float *work,
		     float *o)
{
	uint32_t     hidden = recurrent->hidden;
	size_t       gates  = (size_t)recurrent->gates * hidden;
	float       *from_h = work + steps * gates, *extra = from_h + gates;
	const float *h = state;

	for (uint32_t turn = 0; turn < steps; turn++) {
		uint32_t step = recurrent->reverse ? steps - 1 - turn : turn;
		float   *to   = o + (size_t)step * hidden;

		if (recurrent->kind == RECURRENT_GRU)
			gru_step(recurrent, work + step * gates, from_h, h, extra, to);
		else
			lstm_step(recurrent, work + step * gates, from_h, h, state + hidden, to);
		h = to;
	}
	if (steps > 0)
		memcpy(state, h, hidden * sizeof(*state));
}

void recurrent_run(const struct recurrent *recurrent, const float *x, uint32_t steps, float *state,
		   float *work, float *o)
{
	dense_run(recurrent_input(recurrent), x, steps, work);
	recurrent_go_on(recurrent, steps, state, work, o);
}

static void add_plain(float *a, const float *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		a[i] += b[i];
}

static void add_product_plain(float *a, const float *r, const float *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		a[i] += r[i] * b[i];
}

static void product_plain(float *a, const float *r, const float *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		a[i] = r[i] * b[i];
}

static void mix_plain(float *o, const float *z, const float *c, const float *h, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		o[i] = (1.0f - z[i]) * c[i] + z[i] * h[i];
}

static void keep_plain(float *c, const float *f, const float *i, const float *g, uint32_t count)
{
	for (uint32_t n = 0; n < count; n++)
		c[n] = f[n] * c[n] + i[n] * g[n];
}

const struct recurrent_lines recurrent_lines_plain = {
	.add         = add_plain,
	.add_product = add_product_plain,
	.product     = product_plain,
	.mix         = mix_plain,
	.keep        = keep_plain,
};
