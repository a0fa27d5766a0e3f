/* Margins while leaves are added to them. */
#include "runtime/model/forest/flat.h"

void forest_sums_begin(const struct forest *forest, struct forest_sums *sums)
{
	bool averaged = forest->divisor != 1.0;

	sums->wide = forest->double_sums;
	for (uint32_t o = 0; o < forest->output_count; o++) {
		sums->doubles[o] = averaged ? 0.0 : forest->base[o];
		sums->floats[o]  = (float)sums->doubles[o];
	}
}

void forest_add(struct forest_sums *sums, uint32_t output, const double *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		sums->doubles[output + i] += values[i];
		sums->floats[output + i] += (float)values[i];
	}
}

void forest_sums_end(const struct forest *forest, const struct forest_sums *sums, float *margins)
{
	bool averaged = forest->divisor != 1.0;

	for (uint32_t o = 0; o < forest->output_count; o++) {
		double wide   = sums->doubles[o];
		float  narrow = sums->floats[o];

		if (averaged) {
			wide   = wide / forest->divisor + forest->base[o];
			narrow = narrow / (float)forest->divisor + (float)forest->base[o];
		}
		margins[o] = sums->wide ? (float)wide : narrow;
	}
}
