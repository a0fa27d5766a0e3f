#include "runtime/reply/writer.h"

#include <assert.h>
#include <string.h>

#include "runtime/base/digest.h"
#include "runtime/base/number.h"

struct writer writer_of(void *out, size_t capacity)
{
	return (struct writer){ .out = out, .capacity = capacity };
}

void write_raw(struct writer *writer, const char *text, size_t size_bytes)
{
	assert(size_bytes <= writer->capacity - writer->size);
	memcpy(writer->out + writer->size, text, size_bytes);
	writer->size += size_bytes;
}

void write_words(struct writer *writer, const char *text)
{
	write_raw(writer, text, strlen(text));
}

void write_separator(struct writer *writer)
{
	char last = writer->size == 0 ? '{' : writer->out[writer->size - 1];

	if (last != '{' && last != '[')
		write_raw(writer, ",", 1);
}

void write_name(struct writer *writer, const char *name)
{
	write_separator(writer);
	write_word(writer, name);
	write_raw(writer, ":", 1);
}

void write_word(struct writer *writer, const char *word)
{
	write_raw(writer, "\"", 1);
	write_words(writer, word);
	write_raw(writer, "\"", 1);
}

/* RFC 8259 section 7: quotation mark, reverse solidus and the control characters
 * must be escaped. */
void write_text(struct writer *writer, const char *text, size_t size_bytes)
{
	static const char digits[] = "0123456789abcdef";
	size_t            plain    = 0;

	write_raw(writer, "\"", 1);
	for (size_t i = 0; i < size_bytes; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		char   escape[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
		size_t n         = c < 0x20 ? 6 : 2;

		if (n == 2)
			escape[1] = (char)c;
		write_raw(writer, text + plain, i - plain);
		write_raw(writer, escape, n);
		plain = i + 1;
	}
	write_raw(writer, text + plain, size_bytes - plain);
	write_raw(writer, "\"", 1);
}

void write_plain_text(struct writer *writer, const char *text, size_t size_bytes)
{
	write_raw(writer, "\"", 1);
	for (size_t i = 0; i < size_bytes; i++) {
		char c = (unsigned char)text[i] < 0x20 ? ' ' : text[i];

		if (c == '"' || c == '\\')
			write_raw(writer, "\\", 1);
		write_raw(writer, &c, 1);
	}
	write_raw(writer, "\"", 1);
}

void write_u64(struct writer *writer, uint64_t value)
{
	char text[NUMBER_U64_BYTES_MAX];

	write_raw(writer, text, number_print_u64(value, text));
}

void write_float(struct writer *writer, float value)
{
	char text[NUMBER_FLOAT_BYTES_MAX];

	write_raw(writer, text, number_print_float(value, text));
}

void write_digest(struct writer *writer, const uint8_t *digest)
{
	char text[2 * DIGEST_BYTES + 1];

	digest_hex(digest, text);
	write_word(writer, text);
}
