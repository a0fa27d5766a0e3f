/* From a key to its entity: open addressing, linear probing, deletion by moving back.
 * At most half of the slots are taken, so a walk ends soon. */
#ifndef ASSAY_RUNTIME_STATE_TABLE_H
#define ASSAY_RUNTIME_STATE_TABLE_H

#include "runtime/state/shard.h"

/* NULL: not there. */
struct entity *table_find(const struct place *place, uint8_t kind, struct hash128 key);
void           table_add(const struct place *place, struct hash128 key, uint32_t name);
void           table_remove(const struct place *place, struct hash128 key, uint32_t name);
void table_rename(const struct place *place, struct hash128 key, uint32_t from, uint32_t to);

#endif
