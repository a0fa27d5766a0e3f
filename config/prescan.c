#include "config/prescan.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"

enum place { PLACE_CODE, PLACE_TEXT, PLACE_LINE_COMMENT, PLACE_BLOCK_COMMENT };

struct scan {
	struct bytes text;
	size_t       at;
	enum place   place;
	uint32_t     line;
	uint32_t     depth;
	uint32_t     settings;
};

static bool starts_with(const struct scan *scan, const char *word)
{
	size_t size_bytes = strlen(word);

	return scan->text.size_bytes - scan->at >= size_bytes &&
	       memcmp(scan->text.data + scan->at, word, size_bytes) == 0;
}

static bool is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_byte(uint8_t c)
{
	return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '*';
}

/* Past a word that starts with a digit; says what is wrong with it, or NULL. */
static const char *skip_number(struct scan *scan)
{
	uint32_t digits = 0;
	uint8_t  second = scan->at + 1 < scan->text.size_bytes ? scan->text.data[scan->at + 1] : 0;

	if (scan->text.data[scan->at] == '0' && is_letter(second) && (second | 0x20) != 'e' &&
	    (second | 0x20) != 'l')
		return "is hexadecimal, octal or binary, must be decimal";
	while (scan->at < scan->text.size_bytes && is_digit(scan->text.data[scan->at])) {
		scan->at++;
		if (++digits > PRESCAN_DIGITS_MAX)
			return "has too many digits, must have 18 at most";
	}
	return NULL;
}

static const char *scan_code(struct scan *scan)
{
	uint8_t c = scan->text.data[scan->at];

	if (is_digit(c))
		return skip_number(scan);
	if (is_letter(c) || c == '_' || c == '*') {
		while (scan->at < scan->text.size_bytes && is_name_byte(scan->text.data[scan->at]))
			scan->at++;
		return NULL;
	}
	if (c == '"')
		scan->place = PLACE_TEXT;
	else if (c == '#' || starts_with(scan, "//"))
		scan->place = PLACE_LINE_COMMENT;
	else if (starts_with(scan, "/*"))
		scan->place = PLACE_BLOCK_COMMENT;
	else if (strchr("{([", c) != NULL && ++scan->depth > PRESCAN_DEPTH_MAX)
		return "is nested too deep, must be at most 8 deep";
	else if (strchr("})]", c) != NULL && scan->depth > 0)
		scan->depth--;
	if (strchr("{([,=:", c) != NULL && ++scan->settings > PRESCAN_SETTINGS_MAX)
		return "has too many settings, must have 16384 at most";
	scan->at += scan->place == PLACE_BLOCK_COMMENT ? 2 : 1;
	return NULL;
}

static const char *scan_text(struct scan *scan)
{
	if (starts_with(scan, "\\x00") || starts_with(scan, "\\X00"))
		return "has the escape \\x00, texts must not hold NUL";
	if (scan->text.data[scan->at] == '"')
		scan->place = PLACE_CODE;
	scan->at += scan->text.data[scan->at] == '\\' ? 2 : 1;
	return NULL;
}

/* One step; each moves on by a byte at least. */
static const char *scan_step(struct scan *scan)
{
	switch (scan->place) {
	case PLACE_CODE: return scan_code(scan);
	case PLACE_TEXT: return scan_text(scan);
	case PLACE_LINE_COMMENT:
		if (scan->text.data[scan->at] == '\n')
			scan->place = PLACE_CODE;
		scan->at++;
		return NULL;
	case PLACE_BLOCK_COMMENT:
		if (starts_with(scan, "*/")) {
			scan->place = PLACE_CODE;
			scan->at++;
		}
		scan->at++;
		return NULL;
	}
	return NULL;
}

static bool is_control(uint8_t c)
{
	return (c < ' ' && c != '\n' && c != '\t' && c != '\r') || c == 0x7f;
}

/* The checks that hold in every place: in code, texts and comments alike. */
static const char *bytes_fault(const struct scan *scan)
{
	if (is_control(scan->text.data[scan->at]))
		return "has a control byte, must be plain text";
	if (starts_with(scan, "@include"))
		return "is refused, one file must hold the whole configuration";
	return NULL;
}

bool prescan(struct bytes text, struct prescan_fault *fault)
{
	struct scan scan = { .text = text, .line = 1 };

	*fault = (struct prescan_fault){ .line = 1, .key = "file" };
	if (text.size_bytes > CONFIG_FILE_BYTES_MAX) {
		fault->words = "is too large, must be at most 1 MiB";
		return false;
	}
	for (; scan.at < text.size_bytes; scan.at++) {
		fault->words = bytes_fault(&scan);
		if (fault->words != NULL) {
			fault->key = starts_with(&scan, "@") ? "@include" : "file";
			return false;
		}
		fault->line += text.data[scan.at] == '\n';
	}
	for (scan.at = 0, fault->key = "syntax"; scan.at < text.size_bytes;) {
		size_t before = scan.at;

		fault->line  = scan.line;
		fault->words = scan_step(&scan);
		if (fault->words != NULL)
			return false;
		for (; before < scan.at && before < text.size_bytes; before++)
			scan.line += text.data[before] == '\n';
	}
	return true;
}

void prescan_key_on_line(struct bytes text, uint32_t line, char *out, size_t out_bytes)
{
	size_t at = 0;

	for (uint32_t now = 1; now < line && at < text.size_bytes; at++)
		now += text.data[at] == '\n';
	while (at < text.size_bytes && text.data[at] != '\n') {
		size_t start = at, end;

		while (at < text.size_bytes && is_name_byte(text.data[at]))
			at++;
		end = at;
		while (at < text.size_bytes && text.data[at] == ' ')
			at++;
		if (end > start && end - start < out_bytes && at < text.size_bytes &&
		    (text.data[at] == '=' || text.data[at] == ':')) {
			memcpy(out, text.data + start, end - start);
			out[end - start] = '\0';
			return;
		}
		at += at == start;
	}
	snprintf(out, out_bytes, "syntax");
}
