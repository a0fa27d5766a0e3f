#include "runtime/state/space.h"

static void set_free(const struct place *place, uint32_t unit, uint8_t order)
{
	bits_set(place->bits, &place->state->free[order], unit >> order);
}

static void clear_free(const struct place *place, uint32_t unit, uint8_t order)
{
	bits_clear(place->bits, &place->state->free[order], unit >> order);
}

static bool is_free(const struct place *place, uint32_t unit, uint8_t order)
{
	return bits_test(place->bits, &place->state->free[order], unit >> order);
}

/* The largest blocks first; what is left at the end is covered by ever smaller ones. */
void space_init(const struct place *place)
{
	uint32_t unit = 0;

	for (uint8_t order = place->state->order_max;; order--) {
		for (; place->state->units - unit >= UINT32_C(1) << order;
		     unit += UINT32_C(1) << order)
			set_free(place, unit, order);
		if (order == 0)
			return;
	}
}

static void count_bytes(const struct place *place, uint8_t order, bool taken)
{
	uint64_t bytes = (uint64_t)LAYOUT_UNIT_BYTES << order;

	place->shard->counters.bytes += taken ? bytes : -bytes;
}

/* Cut the block at `unit` down from `from` to `order`, keeping the half that `keep` is in. */
static void split(const struct place *place, uint32_t keep, uint8_t from, uint8_t order)
{
	while (from > order) {
		from--;
		set_free(place, keep ^ (UINT32_C(1) << from), from);
	}
}

uint32_t space_take(const struct place *place, uint8_t order)
{
	for (uint8_t from = order; from <= place->state->order_max; from++) {
		uint32_t block = bits_first(place->bits, &place->state->free[from]);

		if (block == BITS_NONE)
			continue;
		clear_free(place, block << from, from);
		split(place, block << from, from, order);
		count_bytes(place, order, true);
		return block << from;
	}
	return BITS_NONE;
}

bool space_take_at(const struct place *place, uint32_t unit, uint8_t order)
{
	for (uint8_t from = order; from <= place->state->order_max; from++) {
		if (!is_free(place, unit, from))
			continue;
		clear_free(place, unit, from);
		split(place, unit, from, order);
		count_bytes(place, order, true);
		return true;
	}
	return false;
}

void space_give(const struct place *place, uint32_t unit, uint8_t order)
{
	count_bytes(place, order, false);
	while (order < place->state->order_max &&
	       is_free(place, unit ^ (UINT32_C(1) << order), order)) {
		clear_free(place, unit ^ (UINT32_C(1) << order), order);
		unit &= ~(UINT32_C(1) << order);
		order++;
	}
	set_free(place, unit, order);
}
