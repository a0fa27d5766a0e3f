/* JSON into a buffer that is known to be large enough.  Not for other directories.
 *
 * A comma is written before every member and element but the first of its
 * object or array: the writer remembers whether the last byte opened one. */
#ifndef ASSAY_RUNTIME_REPLY_WRITER_H
#define ASSAY_RUNTIME_REPLY_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct writer {
	char  *out;
	size_t capacity;
	size_t size;
};

struct writer writer_of(void *out, size_t capacity);

/* Bytes as they are. */
void write_raw(struct writer *writer, const char *text, size_t size_bytes);
void write_words(struct writer *writer, const char *text);

/* A string in quotes of a text of ours: nothing in it needs an escape. */
void write_word(struct writer *writer, const char *word);

/* `"name":` with a comma before it where one is needed; a name of ours, too. */
void write_name(struct writer *writer, const char *name);
void write_separator(struct writer *writer); /* the comma alone, for an array's elements */

/* A JSON string of UTF-8 (RFC 8259 section 7), with its quotes. */
void write_text(struct writer *writer, const char *text, size_t size_bytes);

/* The same with a blank for each control character, so that it is at most twice as long. */
void write_plain_text(struct writer *writer, const char *text, size_t size_bytes);

void write_u64(struct writer *writer, uint64_t value);
void write_float(struct writer *writer, float value);
void write_digest(struct writer *writer, const uint8_t *digest); /* in quotes, hexadecimal */

#endif
