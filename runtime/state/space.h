/* The blocks of a shard: buddies of 2^order units.  A take gives the lowest block of the
 * smallest order that is free, so what is free follows from what is taken, and a loaded
 * shard goes on as the saved one would have.  At most LAYOUT_ORDERS steps of BITS_LEVELS
 * each. */
#ifndef ASSAY_RUNTIME_STATE_SPACE_H
#define ASSAY_RUNTIME_STATE_SPACE_H

#include "runtime/state/shard.h"

void     space_init(const struct place *place); /* everything free; bits are zero before */
uint32_t space_take(const struct place *place, uint8_t order); /* unit, or BITS_NONE */
bool     space_take_at(const struct place *place, uint32_t unit, uint8_t order);
void     space_give(const struct place *place, uint32_t unit, uint8_t order);

#endif
