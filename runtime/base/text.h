/* Text into bounded memory, for cores that poll: no libc formatting, nothing but copies.
 *
 * Bounds:  what does not fit is cut off; there is always a NUL at the end. */
#ifndef ASSAY_RUNTIME_BASE_TEXT_H
#define ASSAY_RUNTIME_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	char  *out; /* [capacity_bytes], at least 1 */
	size_t capacity_bytes, size_bytes;
};

static inline struct text text_begin(char *out, size_t capacity_bytes)
{
	out[0] = '\0';
	return (struct text){ .out = out, .capacity_bytes = capacity_bytes };
}

static inline void text_add_bytes(struct text *text, const void *data, size_t size_bytes)
{
	size_t room = text->capacity_bytes - 1 - text->size_bytes;

	if (size_bytes > room)
		size_bytes = room;
	memcpy(text->out + text->size_bytes, data, size_bytes);
	text->size_bytes += size_bytes;
	text->out[text->size_bytes] = '\0';
}

static inline void text_add(struct text *text, const char *words)
{
	text_add_bytes(text, words, strlen(words));
}

static inline void text_add_number(struct text *text, uint64_t number)
{
	char   digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	text_add_bytes(text, digits + at, sizeof(digits) - at);
}

/* All of `words`, or as much as there is room for. */
static inline void text_copy(char *out, size_t capacity_bytes, const char *words)
{
	struct text text = text_begin(out, capacity_bytes);

	text_add(&text, words);
}

#endif
