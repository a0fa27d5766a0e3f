/* The judges of tables, and of trees inside a network. */
#include <math.h>

#include "runtime/model/forest/forest.h"
#include "runtime/model/graph/judge.h"

/* Keys ascend, NaN last when there is one; a NaN finds that. */
static uint32_t find_key(const float *keys, uint32_t count, float x)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (isnan(x) ? !isnan(keys[middle]) : keys[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < count && (keys[low] == x || (isnan(x) && isnan(keys[low]))))
		return low;
	return count;
}

void graph_judge_look_up(const struct graph_call *call)
{
	const float *x = graph_input(call, 0), *keys = graph_input(call, 1);
	const float *value = graph_input(call, 2);
	uint32_t     count = graph_input_tensor(call, 1)->count;
	float       *o     = graph_output(call);

	for (uint32_t i = 0; i < call->tensors[call->node->output].count; i++) {
		uint32_t at = find_key(keys, count, x[i]);

		o[i] = at < count ? value[at] : call->node->table.missing;
	}
}

/* A category that is not known gives a line of `missing`. */
void graph_judge_one_hot(const struct graph_call *call)
{
	const float *x = graph_input(call, 0), *categories = graph_input(call, 1);
	uint32_t     count = graph_input_tensor(call, 1)->count;
	float       *o     = graph_output(call);

	for (uint32_t i = 0; i < graph_input_tensor(call, 0)->count; i++) {
		bool known = false;

		for (uint32_t c = 0; c < count; c++)
			known |= x[i] == categories[c];
		for (uint32_t c = 0; c < count; c++)
			*o++ = !known                  ? call->node->table.missing
			       : x[i] == categories[c] ? 1.0f
						       : 0.0f;
	}
}

void graph_judge_impute(const struct graph_call *call)
{
	const struct graph_table *table  = &call->node->table;
	const float              *x      = graph_input(call, 0);
	const float              *values = graph_input(call, 1);
	float                    *o      = graph_output(call);

	for (uint32_t i = 0; i < call->tensors[call->node->output].count; i++) {
		bool missing = isnan(table->missing) ? isnan(x[i]) : x[i] == table->missing;

		o[i] = missing ? values[i % table->columns] : x[i];
	}
}

static const uint16_t *identity_slots(void)
{
	static const uint16_t slots[MODEL_FEATURES_MAX] = {
#define ROW8(n) (n), (n) + 1, (n) + 2, (n) + 3, (n) + 4, (n) + 5, (n) + 6, (n) + 7
#define ROW64(n)                                                                                \
	ROW8(n), ROW8((n) + 8), ROW8((n) + 16), ROW8((n) + 24), ROW8((n) + 32), ROW8((n) + 40), \
		ROW8((n) + 48), ROW8((n) + 56)
		ROW64(0),
		ROW64(64),
		ROW64(128),
		ROW64(192),
	};
	static_assert(MODEL_FEATURES_MAX == 256, "as many slots as features");
	return slots;
}

void graph_judge_forest(const struct graph_call *call)
{
	const struct graph_tensor *in   = graph_input_tensor(call, 0);
	const struct graph_tensor *out  = &call->tensors[call->node->output];
	const float               *x    = graph_input(call, 0);
	float                     *o    = graph_output(call);
	uint32_t                   rows = out->dims[0];

	for (uint32_t row = 0; row < rows; row++)
		forest_judge(call->forest, identity_slots(), x + (size_t)row * (in->count / rows),
			     o + (size_t)row * (out->count / rows));
}

void graph_fast_forest(const struct graph_call *call)
{
	const struct graph_tensor *in   = graph_input_tensor(call, 0);
	const struct graph_tensor *out  = &call->tensors[call->node->output];
	const float               *x    = graph_input(call, 0);
	float                     *o    = graph_output(call);
	uint32_t                   rows = out->dims[0];

	for (uint32_t row = 0; row < rows; row++)
		forest_run(call->forest, identity_slots(), x + (size_t)row * (in->count / rows),
			   o + (size_t)row * (out->count / rows));
}
