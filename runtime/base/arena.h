/* An arena is one named piece of memory, carved from the front and never given
 * back.  Arenas are filled at boot from the memory plan and then sealed; a take
 * after the seal is a bug and stops the machine.
 *
 * Owner:   the thread that calls.  No locks.
 * Bounds:  the size is fixed by arena_init; nothing grows.
 * Failure: arena_take never returns NULL: the plan has already proved that
 *          everything fits, so running out means the plan lied.  arena_fits asks. */
#ifndef ASSAY_RUNTIME_BASE_ARENA_H
#define ASSAY_RUNTIME_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena {
	const char *name; /* shown in the boot table */
	uint8_t    *base;
	size_t      size_bytes;
	size_t      used_bytes;
	bool        sealed;
};

/* `name` and `memory` outlive the arena. */
void arena_init(struct arena *arena, const char *name, void *memory, size_t size_bytes);
/* Zeroed.  `align_bytes` is a power of two; a size of 0 is a bug. */
void *arena_take(struct arena *arena, size_t size_bytes, size_t align_bytes);
bool  arena_fits(const struct arena *arena, size_t size_bytes, size_t align_bytes);
void  arena_seal(struct arena *arena);

#endif
