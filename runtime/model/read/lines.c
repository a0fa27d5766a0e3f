#include "runtime/model/read/lines.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES_MAX 64u /* LightGBM writes at most 24 characters */

bool lines_next(struct lines *lines, struct line *line)
{
	const uint8_t *end;
	struct bytes   all;

	if (lines->rest.size_bytes == 0)
		return false;
	end         = memchr(lines->rest.data, '\n', lines->rest.size_bytes);
	all         = bytes_of(lines->rest.data,
                       end ? (size_t)(end - lines->rest.data) : lines->rest.size_bytes);
	lines->rest = bytes_of(lines->rest.data + all.size_bytes + (end != NULL),
			       lines->rest.size_bytes - all.size_bytes - (end != NULL));
	if (all.size_bytes > 0 && all.data[all.size_bytes - 1] == '\r')
		all.size_bytes--;
	*line = (struct line){ .key    = all,
			       .value  = bytes_of(all.data + all.size_bytes, 0),
			       .number = ++lines->number };
	end   = all.size_bytes ? memchr(all.data, '=', all.size_bytes) : NULL;
	if (!end)
		return true;
	line->valued = true;
	line->key    = bytes_of(all.data, (size_t)(end - all.data));
	line->value  = bytes_of(end + 1, all.size_bytes - line->key.size_bytes - 1);
	return true;
}

bool text_is(struct bytes text, const char *wanted)
{
	return bytes_equal(text, bytes_of(wanted, strlen(wanted)));
}

bool text_begins(struct bytes text, const char *wanted)
{
	size_t size_bytes = strlen(wanted);

	return text.size_bytes >= size_bytes && memcmp(text.data, wanted, size_bytes) == 0;
}

bool text_word(struct bytes *rest, struct bytes *word)
{
	size_t from = 0, end;

	while (from < rest->size_bytes && (rest->data[from] == ' ' || rest->data[from] == '\t'))
		from++;
	end = from;
	while (end < rest->size_bytes && rest->data[end] != ' ' && rest->data[end] != '\t')
		end++;
	*word = bytes_of(rest->data + from, end - from);
	*rest = bytes_of(rest->data + end, rest->size_bytes - end);
	return word->size_bytes > 0;
}

bool text_int(struct bytes text, int64_t min, int64_t max, int64_t *out)
{
	bool    negative = text.size_bytes > 0 && text.data[0] == '-';
	int64_t value    = 0;

	if (text.size_bytes == negative || text.size_bytes > 18)
		return false;
	for (size_t i = negative; i < text.size_bytes; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = 10 * value + (text.data[i] - '0');
	}
	*out = negative ? -value : value;
	return *out >= min && *out <= max;
}

/* Only decimal digits, as strtod would take "inf", "nan" and "0x1" too. */
bool text_double(struct bytes text, double *out)
{
	char  copy[NUMBER_BYTES_MAX];
	char *end;

	if (text.size_bytes == 0 || text.size_bytes >= sizeof(copy))
		return false;
	for (size_t i = 0; i < text.size_bytes; i++) {
		copy[i] = (char)text.data[i];
		if (!copy[i] || !strchr("0123456789+-.eE", copy[i]))
			return false;
	}
	copy[text.size_bytes] = '\0';
	*out                  = strtod(copy, &end);
	return *end == '\0' && isfinite(*out);
}

static int refuse_word(const struct line *line, uint32_t index, const char *words,
		       struct failure *failure)
{
	return line_refuse(line->number, failure, "%.*s: number %u %s",
			   (int)(line->key.size_bytes < 32 ? line->key.size_bytes : 32),
			   (const char *)line->key.data, index + 1, words);
}

/* How many there are, which must be `count`. */
static int check_count(const struct line *line, uint32_t count, struct failure *failure)
{
	struct bytes rest  = line->value, word;
	uint32_t     found = 0;

	while (text_word(&rest, &word))
		found++;
	if (found == count)
		return 0;
	return line_refuse(line->number, failure, "%.*s must have %u numbers, not %u",
			   (int)(line->key.size_bytes < 32 ? line->key.size_bytes : 32),
			   (const char *)line->key.data, count, found);
}

int line_ints(const struct line *line, int64_t min, int64_t max, int64_t *out, uint32_t count,
	      struct failure *failure)
{
	struct bytes rest = line->value, word;

	if (check_count(line, count, failure))
		return -1;
	for (uint32_t i = 0; i < count; i++)
		if (!text_word(&rest, &word) || !text_int(word, min, max, &out[i]))
			return refuse_word(line, i, "is not a whole number in range", failure);
	return 0;
}

int line_doubles(const struct line *line, double *out, uint32_t count, struct failure *failure)
{
	struct bytes rest = line->value, word;

	if (check_count(line, count, failure))
		return -1;
	for (uint32_t i = 0; i < count; i++)
		if (!text_word(&rest, &word) || !text_double(word, &out[i]))
			return refuse_word(line, i, "is not a finite number", failure);
	return 0;
}

int line_refuse(uint32_t number, struct failure *failure, const char *words, ...)
{
	va_list args;

	*failure = (struct failure){ .reason = REASON_model_missing };
	snprintf(failure->place, sizeof(failure->place), "line %u", number);
	va_start(args, words);
	vsnprintf(failure->detail, sizeof(failure->detail), words, args);
	va_end(args);
	for (char *c = failure->detail; *c; c++) /* what was found may hold any byte */
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return -1;
}
