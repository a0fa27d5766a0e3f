#include "runtime/base/arena.h"

#include <assert.h>
#include <string.h>

void arena_init(struct arena *arena, const char *name, void *memory, size_t size_bytes)
{
	assert(name && (memory || size_bytes == 0));
	*arena = (struct arena){ .name = name, .base = memory, .size_bytes = size_bytes };
}

/* Where the next take would begin, as bytes from the base. */
static size_t start_of(const struct arena *arena, size_t align_bytes)
{
	const uintptr_t next    = (uintptr_t)arena->base + arena->used_bytes;
	const uintptr_t aligned = (next + align_bytes - 1) & ~(uintptr_t)(align_bytes - 1);

	return aligned - (uintptr_t)arena->base;
}

bool arena_fits(const struct arena *arena, size_t size_bytes, size_t align_bytes)
{
	assert(align_bytes != 0 && (align_bytes & (align_bytes - 1)) == 0);
	const size_t start = start_of(arena, align_bytes);

	return start <= arena->size_bytes && size_bytes <= arena->size_bytes - start;
}

void *arena_take(struct arena *arena, size_t size_bytes, size_t align_bytes)
{
	assert(!arena->sealed && size_bytes > 0);
	assert(arena_fits(arena, size_bytes, align_bytes));
	const size_t start = start_of(arena, align_bytes);

	arena->used_bytes = start + size_bytes;
	return memset(arena->base + start, 0, size_bytes);
}

void arena_seal(struct arena *arena)
{
	arena->sealed = true;
}
