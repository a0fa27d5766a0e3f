#include "runtime/decode/place.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A name of the caller's that is longer, or holds as many digits as a card number
 * has, is not repeated; the pointer then stops above it. */
#define NAME_BYTES_MAX  64
#define NAME_DIGITS_END 12

void place_enter_name(struct place *place, const char *name, size_t size_bytes)
{
	assert(place->depth < PLACE_PARTS_MAX);
	place->parts[place->depth++] = (struct place_part){ .name       = name,
							    .size_bytes = size_bytes };
}

void place_enter_index(struct place *place, size_t index)
{
	assert(place->depth < PLACE_PARTS_MAX);
	place->parts[place->depth++] = (struct place_part){ .index = index };
}

void place_leave(struct place *place)
{
	assert(place->depth > 0);
	place->depth--;
}

static bool may_repeat(const char *name, size_t n)
{
	size_t digits = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c < 0x20 || c == 0x7f)
			return false;
		digits += c >= '0' && c <= '9';
	}
	return n <= NAME_BYTES_MAX && digits < NAME_DIGITS_END;
}

/* RFC 6901 section 3: "~" is "~0" and "/" is "~1".  Returns false, with nothing
 * appended, when there is no room. */
static bool append_name(char *out, size_t capacity, size_t *at, const char *name, size_t n)
{
	char   token[1 + 2 * NAME_BYTES_MAX];
	size_t size = 0;

	if (!may_repeat(name, n))
		return false;
	token[size++] = '/';
	for (size_t i = 0; i < n; i++) {
		bool escape = name[i] == '~' || name[i] == '/';

		if (escape)
			token[size++] = '~';
		token[size++] = escape ? (name[i] == '~' ? '0' : '1') : name[i];
	}
	if (*at + size >= capacity)
		return false;
	memcpy(out + *at, token, size);
	*at += size;
	return true;
}

static void print_pointer(const struct place *place, char *out, size_t capacity)
{
	size_t at = 0;

	for (size_t i = 0; i < place->depth; i++) {
		const struct place_part *part = &place->parts[i];
		char                     index[24];

		if (part->name == NULL) {
			int n = snprintf(index, sizeof(index), "/%zu", part->index);

			if (at + (size_t)n >= capacity)
				break;
			memcpy(out + at, index, (size_t)n);
			at += (size_t)n;
		} else if (!append_name(out, capacity, &at, part->name, part->size_bytes)) {
			break;
		}
	}
	out[at] = '\0';
}

bool place_fail(struct place *place, enum reason reason, const char *detail, ...)
{
	struct failure *failure = place->failure;
	va_list         arguments;

	failure->reason       = reason;
	failure->offset_bytes = 0;
	print_pointer(place, failure->place, sizeof(failure->place));
	va_start(arguments, detail);
	vsnprintf(failure->detail, sizeof(failure->detail), detail, arguments);
	va_end(arguments);
	return false;
}
