#include "runtime/state/bits.h"

#include <assert.h>

void bits_plan(struct bits_shape *shape, uint32_t size, uint64_t *words)
{
	uint64_t members = size;

	shape->size   = size;
	shape->levels = 0;
	do {
		assert(shape->levels < BITS_LEVELS);
		members                          = (members + 63) / 64;
		shape->level_at[shape->levels++] = *words;
		*words += members;
	} while (members > 1);
}

/* A bit above says that the word below is not 0, so a change stops where it already
 * says so. */
void bits_set(uint64_t *words, const struct bits_shape *shape, uint32_t member)
{
	assert(member < shape->size);
	for (uint32_t level = 0; level < shape->levels; level++, member /= 64) {
		uint64_t *word = &words[shape->level_at[level] + member / 64];
		uint64_t  old  = *word;

		*word |= UINT64_C(1) << (member % 64);
		if (old != 0)
			return;
	}
}

void bits_clear(uint64_t *words, const struct bits_shape *shape, uint32_t member)
{
	assert(member < shape->size);
	for (uint32_t level = 0; level < shape->levels; level++, member /= 64) {
		uint64_t *word = &words[shape->level_at[level] + member / 64];

		*word &= ~(UINT64_C(1) << (member % 64));
		if (*word != 0)
			return;
	}
}

bool bits_test(const uint64_t *words, const struct bits_shape *shape, uint32_t member)
{
	return member < shape->size &&
	       (words[shape->level_at[0] + member / 64] >> (member % 64) & 1) != 0;
}

uint32_t bits_first(const uint64_t *words, const struct bits_shape *shape)
{
	uint64_t member = 0;

	if (shape->size == 0 || words[shape->level_at[shape->levels - 1]] == 0)
		return BITS_NONE;
	for (uint32_t level = shape->levels; level-- > 0;)
		member = member * 64 +
			 (uint64_t)__builtin_ctzll(words[shape->level_at[level] + member]);
	return (uint32_t)member;
}
