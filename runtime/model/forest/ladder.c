/* The rank of a number among its feature's cuts, in steps of sixteen that a processor compares
 * at once.
 *
 * The lowest rung has the cuts, rising, in blocks of FOREST_RUNG; each rung above has the last
 * cut of each block below, until one block is left.  What is left over is NaN, to which no
 * number is equal or above; the last block of every rung ends with one.  So on each rung the
 * count of entries <= x is the number of blocks below that are passed whole.
 *
 *     rung 1    8    NaN ...                          x = 9: 1 entry <= 9, so block 1
 *     rung 0    1 2 .. 8 | 9 12 15 NaN ...            and 1 in it: rank 16 + 1 */
#include <math.h>

#include "runtime/model/forest/flat.h"

static uint32_t whole_blocks(uint32_t count)
{
	return (count + FOREST_RUNG - 1) / FOREST_RUNG * FOREST_RUNG;
}

uint32_t ladder_shape(uint32_t cuts, uint32_t first, struct ladder *ladder)
{
	uint32_t size = whole_blocks(cuts + 1);

	*ladder = (struct ladder){ 0 };
	if (cuts == 0)
		return first;
	for (;;) {
		assert(ladder->rungs < FOREST_RUNGS_MAX);
		ladder->first[ladder->rungs++] = first;
		first += size;
		if (size == FOREST_RUNG)
			return first;
		size = whole_blocks(size / FOREST_RUNG);
	}
}

void ladder_fill(const struct ladder *ladder, const float *cuts, uint32_t count, float *out)
{
	uint32_t size = whole_blocks(count + 1);

	for (uint32_t r = 0; r < ladder->rungs; r++) {
		float       *rung  = out + ladder->first[r];
		const float *below = r ? out + ladder->first[r - 1] : NULL;

		for (uint32_t i = 0; i < size; i++) {
			if (r == 0)
				rung[i] = i < count ? cuts[i] : NAN;
			else
				rung[i] = i < count ? below[i * FOREST_RUNG + FOREST_RUNG - 1]
						    : NAN;
		}
		count = size / FOREST_RUNG;
		size  = whole_blocks(count);
	}
}
