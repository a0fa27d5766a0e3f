/* Where a decoder stands in the body, as a JSON pointer (RFC 6901), and how it
 * fails there. */
#ifndef ASSAY_RUNTIME_DECODE_PLACE_H
#define ASSAY_RUNTIME_DECODE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/reason.h"

#define PLACE_PARTS_MAX 8 /* one a level of nesting, DECODE_DEPTH_MAX, and the field itself */

/* One reference token: a name, or an index when name is NULL. */
struct place_part {
	const char *name;
	size_t      size_bytes;
	size_t      index;
};

struct place {
	struct failure   *failure;
	size_t            depth;
	struct place_part parts[PLACE_PARTS_MAX];
};

/* Step into a field or an element, and out of it. */
void place_enter_name(struct place *place, const char *name, size_t size_bytes);
void place_enter_index(struct place *place, size_t index);
void place_leave(struct place *place);

/* Fill in *place->failure for where the decoder stands.  `detail` is a format of
 * words and numbers; texts of the body never go through it.  Always returns
 * false, so that a reader can end with it. */
__attribute__((format(printf, 3, 4))) bool place_fail(struct place *place, enum reason reason,
						      const char *detail, ...);

#endif
