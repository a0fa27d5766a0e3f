/* The steps of a recurrence over packed dense layers. */
#include "runtime/model/kernel/recurrent.h"

#include <math.h>
#include <string.h>

#define HEAD_BYTES 128u
static_assert(sizeof(struct recurrent) <= HEAD_BYTES, "its head");

/* -1 to 1 */
const float recurrent_state_scale = 1.0f / DENSE16_ROW;

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

static size_t part_size(const struct recurrent_weights *weights, uint32_t inner, uint32_t columns)
{
	if (columns == 0)
		return 0;
	return weights->whole ? dense16_size(inner, columns) : dense_size(inner, columns);
}

size_t recurrent_size(const struct recurrent_weights *weights)
{
	uint32_t all = gates_of(weights->kind) * weights->hidden, first = state_columns(weights);

	return HEAD_BYTES + part_size(weights, weights->features, all) +
	       part_size(weights, weights->hidden, first) +
	       part_size(weights, weights->hidden, all - first);
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

	if (weights->whole)
		return dense16_pack(memory, &part,
				    of_state ? recurrent_state_scale : weights->input_scale)
			->size_bytes;
	return dense_pack(memory, &part)->size_bytes;
}

static bool all_finite(const float *x, size_t count)
{
	bool finite = true;

	for (size_t i = 0; i < count; i++)
		finite &= isfinite(x[i]) != 0;
	return finite;
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
	recurrent->whole       = weights->whole;
	recurrent->finite      = all_finite(weights->r, (size_t)all * weights->hidden);
	recurrent->input_at    = HEAD_BYTES;
	recurrent->state_at    = recurrent->input_at +
			      pack_part(weights, false, 0, all, at + recurrent->input_at);
	recurrent->candidate_at = recurrent->state_at +
				  pack_part(weights, true, 0, first, at + recurrent->state_at);
	if (first < all)
		pack_part(weights, true, first, all - first, at + recurrent->candidate_at);
	else
		recurrent->candidate_at = 0;
	return recurrent;
}

/* [steps_max + 1][gates * hidden], [hidden], and what dense16 rounds a row to. */
size_t recurrent_work_bytes(const struct recurrent_weights *weights, uint32_t steps_max)
{
	size_t   gates = (size_t)gates_of(weights->kind) * weights->hidden;
	uint32_t row   = weights->features > weights->hidden ? weights->features : weights->hidden;

	return kernel_aligned((gates * ((size_t)steps_max + 1) + weights->hidden) * sizeof(float)) +
	       dense16_work_bytes(row, steps_max);
}

uint32_t recurrent_state_floats(uint8_t kind, uint32_t hidden)
{
	return kind == RECURRENT_GRU ? hidden : 2 * hidden;
}

/* Memory of one run, by part. */
struct parts {
	float   *gates;  /* [steps][gates * hidden]: the products with x, then the gates */
	float   *from_h; /* [gates * hidden] */
	float   *extra;  /* [hidden] */
	int16_t *row;    /* for dense16 */
};

static struct parts parts_of(const struct recurrent *recurrent, void *work, uint32_t steps)
{
	size_t       gates = (size_t)recurrent->gates * recurrent->hidden;
	size_t       all   = gates * ((size_t)steps + 1) + recurrent->hidden;
	struct parts parts = { .gates = work };

	parts.from_h = parts.gates + steps * gates;
	parts.extra  = parts.from_h + gates;
	parts.row    = (int16_t *)((uint8_t *)work + kernel_aligned(all * sizeof(float)));
	return parts;
}

static void multiply(const struct recurrent *recurrent, size_t at, const float *x, uint32_t rows,
		     int16_t *row, float *o)
{
	const void *layer = (const uint8_t *)recurrent + at;

	if (recurrent->whole)
		dense16_run(layer, x, rows, row, o);
	else
		dense_run(layer, x, rows, o);
}

static const struct kernel_activation sigmoid = { .kind = KERNEL_SIGMOID };
static const struct kernel_activation tanh_of = { .kind = KERNEL_TANH };

/* The products of a state that is all zero are +0, so that the bias is left; a sequence's
 * first step is mostly such.  Not with infinite weights: 0 * inf is NaN. */
static bool is_zero(const struct recurrent *recurrent, const float *h)
{
	bool zero = recurrent->finite;

	for (uint32_t i = 0; zero && i < recurrent->hidden; i++)
		zero = h[i] == 0.0f;
	return zero;
}

static void multiply_state(const struct recurrent *recurrent, const float *h,
			   const struct parts *parts)
{
	const void  *layer   = (const uint8_t *)recurrent + recurrent->state_at;
	const float *bias    = recurrent->whole ? dense16_bias(layer) : dense_bias(layer);
	uint32_t     columns = recurrent->candidate_at ? 2 : recurrent->gates;

	if (!is_zero(recurrent, h)) {
		multiply(recurrent, recurrent->state_at, h, 1, parts->row, parts->from_h);
		return;
	}
	for (uint32_t c = 0; c < columns * recurrent->hidden; c++)
		parts->from_h[c] = 0.0f + bias[c];
}

static void gru_step(const struct recurrent *recurrent, const struct parts *parts, float *gates,
		     const float *h, float *o)
{
	const struct recurrent_lines *lines  = recurrent->lines;
	uint32_t                      hidden = recurrent->hidden;
	float *reset = gates + hidden, *candidate = gates + 2 * (size_t)hidden;

	multiply_state(recurrent, h, parts);
	lines->add(gates, parts->from_h, 2 * hidden);
	recurrent->activate(sigmoid, gates, 2 * (size_t)hidden);
	if (recurrent->reset_after) {
		lines->add_product(candidate, reset, parts->from_h + 2 * (size_t)hidden, hidden);
	} else {
		lines->product(parts->extra, reset, h, hidden);
		multiply(recurrent, recurrent->candidate_at, parts->extra, 1, parts->row,
			 parts->from_h);
		lines->add(candidate, parts->from_h, hidden);
	}
	recurrent->activate(tanh_of, candidate, hidden);
	lines->mix(o, gates, candidate, h, hidden);
}

static void lstm_step(const struct recurrent *recurrent, const struct parts *parts, float *gates,
		      const float *h, float *cell, float *o)
{
	const struct recurrent_lines *lines  = recurrent->lines;
	uint32_t                      hidden = recurrent->hidden;
	float *out = gates + hidden, *forget = out + hidden, *fresh = forget + hidden;

	multiply_state(recurrent, h, parts);
	lines->add(gates, parts->from_h, 4 * hidden);
	recurrent->activate(sigmoid, gates, 3 * (size_t)hidden);
	recurrent->activate(tanh_of, fresh, hidden);
	lines->keep(cell, forget, gates, fresh, hidden);
	memcpy(parts->extra, cell, hidden * sizeof(*cell));
	recurrent->activate(tanh_of, parts->extra, hidden);
	lines->product(o, out, parts->extra, hidden);
}

void recurrent_run(const struct recurrent *recurrent, const float *x, uint32_t steps, float *state,
		   void *work, float *o)
{
	struct parts parts  = parts_of(recurrent, work, steps);
	uint32_t     hidden = recurrent->hidden;
	const float *h      = state;

	multiply(recurrent, recurrent->input_at, x, steps, parts.row, parts.gates);
	for (uint32_t turn = 0; turn < steps; turn++) {
		uint32_t step  = recurrent->reverse ? steps - 1 - turn : turn;
		float   *to    = o + (size_t)step * hidden;
		float   *gates = parts.gates + (size_t)step * recurrent->gates * hidden;

		if (recurrent->kind == RECURRENT_GRU)
			gru_step(recurrent, &parts, gates, h, to);
		else
			lstm_step(recurrent, &parts, gates, h, state + hidden, to);
		h = to;
	}
	if (steps > 0)
		memcpy(state, h, hidden * sizeof(*state));
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
