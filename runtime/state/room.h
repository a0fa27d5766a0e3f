/* Room for entities and their histories: making, growing, evicting.
 *
 * The order of touching is a list through the entities; a shard without room gives up
 * its longest untouched entity, at most STATE_EVICTIONS_MAX in one call. */
#ifndef ASSAY_RUNTIME_STATE_ROOM_H
#define ASSAY_RUNTIME_STATE_ROOM_H

#include "runtime/state/ring.h"

/* The entity becomes the newest touched. */
void room_touch(const struct place *place, struct entity *entity);

/* A new entity without cells, the newest touched.  Never NULL: every block is large
 * enough for any kind, so one eviction is room enough. */
struct entity *room_enter(const struct place *place, uint8_t kind, struct hash128 key);

/* Room for one more cell, or less space for few cells: the entity may move. */
struct entity *room_for_cell(const struct place *place, struct entity *entity);

/* Put an entity that has been written into its block at the end of the list, behind
 * the oldest touched, and into the table (loading). */
void room_append(const struct place *place, struct entity *entity);

#endif
