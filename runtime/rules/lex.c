#include "runtime/rules/lex.h"

#include "runtime/base/time.h"
#include "runtime/base/utf8.h"

#define DIGITS_MAX 15

void lex_open(struct lexer *lexer, struct bytes text)
{
	*lexer = (struct lexer){ .text = text, .line = 1, .column = 1 };
}

void lex_skip(struct lexer *lexer, size_t n)
{
	for (; n > 0 && lexer->at < lexer->text.size_bytes; n--) {
		uint8_t byte = lexer->text.data[lexer->at++];

		if (byte == '\n') {
			lexer->line++;
			lexer->column = 1;
		} else if ((byte & 0xc0) != 0x80) {
			lexer->column++;
		}
	}
}

/* The byte `ahead` of the next one; 0 beyond the end. */
static uint8_t peek(const struct lexer *lexer, size_t ahead)
{
	size_t at = lexer->at + ahead;

	return at < lexer->text.size_bytes ? lexer->text.data[at] : 0;
}

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static void skip_blank(struct lexer *lexer)
{
	for (;;) {
		uint8_t byte = peek(lexer, 0);

		if (byte == '#') {
			while (lexer->at < lexer->text.size_bytes && peek(lexer, 0) != '\n')
				lex_skip(lexer, 1);
		} else if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
			lex_skip(lexer, 1);
		} else {
			return;
		}
	}
}

static void take(struct lexer *lexer, struct token *out, enum token_kind kind, size_t n)
{
	out->kind = kind;
	out->raw  = bytes_of(lexer->text.data + lexer->at, n);
	lex_skip(lexer, n);
}

static void refuse(struct lexer *lexer, struct token *out, size_t n, const char *fault)
{
	take(lexer, out, TOKEN_BAD, n);
	out->fault = fault;
}

static void lex_name(struct lexer *lexer, struct token *out)
{
	size_t n = 1;

	while (is_letter(peek(lexer, n)) || is_digit(peek(lexer, n)) ||
	       (peek(lexer, n) == '.' && is_letter(peek(lexer, n + 1))))
		n++;
	take(lexer, out, TOKEN_NAME, n);
}

static void lex_number(struct lexer *lexer, struct token *out)
{
	int64_t whole = 0, scale = 1;
	size_t  n = 0, digits = 0;
	bool    point = false;

	for (;; n++) {
		uint8_t byte = peek(lexer, n);

		if (byte == '.' && !point && is_digit(peek(lexer, n + 1))) {
			point = true;
		} else if (is_digit(byte)) {
			digits += whole != 0 || byte != '0' || point;
			if (digits > DIGITS_MAX)
				continue;
			whole = 10 * whole + (byte - '0');
			scale *= point ? 10 : 1;
		} else if (byte != '_' || !is_digit(peek(lexer, n + 1))) {
			break;
		}
	}
	if (is_letter(peek(lexer, n)))
		refuse(lexer, out, n + 1, "a number with a letter in it");
	else if (digits > DIGITS_MAX)
		refuse(lexer, out, n, "a number of more than 15 digits");
	else
		take(lexer, out, TOKEN_NUMBER, n);
	out->number = (double)whole / (double)scale;
}

/* "2026-12-01T": no difference of numbers looks so. */
static bool at_time(const struct lexer *lexer)
{
	static const char form[] = "0000-00-00T";

	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? !is_digit(peek(lexer, i)) : peek(lexer, i) != (uint8_t)form[i])
			return false;
	return true;
}

static void lex_time(struct lexer *lexer, struct token *out)
{
	size_t n = 11;

	while (peek(lexer, n) != 0 && strchr("0123456789+-:.Zz", peek(lexer, n)))
		n++;
	take(lexer, out, TOKEN_TIME, n);
	if (time_parse((const char *)out->raw.data, n, &out->time_ns) == TIME_OK)
		return;
	out->kind  = TOKEN_BAD;
	out->fault = "a time that does not exist (write 2026-12-31T08:00:00Z)";
}

static void lex_text(struct lexer *lexer, struct token *out)
{
	size_t n = 1;

	for (; peek(lexer, n) != '"'; n++) {
		uint8_t byte = peek(lexer, n);

		if (byte == '\\' && (peek(lexer, n + 1) == '"' || peek(lexer, n + 1) == '\\')) {
			n++;
		} else if (byte == '\\') {
			refuse(lexer, out, n + 1, "a text with a \\ before neither \" nor \\");
			return;
		} else if (byte < ' ' || byte == 0x7f) {
			refuse(lexer, out, n, "a text that does not end on its line");
			return;
		}
	}
	lex_skip(lexer, 1);
	take(lexer, out, TOKEN_TEXT, n - 1);
	lex_skip(lexer, 1);
}

static void lex_sign(struct lexer *lexer, struct token *out)
{
	uint8_t byte = peek(lexer, 0);

	if (peek(lexer, 1) == '=' && strchr("=!<>", byte))
		take(lexer, out, TOKEN_SIGN, 2);
	else if (strchr("()[]{},;:+-*/%=<>", byte))
		take(lexer, out, TOKEN_SIGN, 1);
	else
		refuse(lexer, out, 1, "a character that begins nothing");
}

void lex_next(struct lexer *lexer, struct token *out)
{
	skip_blank(lexer);
	*out         = (struct token){ .line = lexer->line, .column = lexer->column };
	uint8_t byte = peek(lexer, 0);

	if (lexer->at == lexer->text.size_bytes)
		out->kind = TOKEN_END;
	else if (byte == 0)
		refuse(lexer, out, 1, "a zero byte");
	else if (is_letter(byte))
		lex_name(lexer, out);
	else if (at_time(lexer))
		lex_time(lexer, out);
	else if (is_digit(byte))
		lex_number(lexer, out);
	else if (byte == '"')
		lex_text(lexer, out);
	else
		lex_sign(lexer, out);
}

size_t lex_utf8(struct bytes text)
{
	size_t at = 0, n;

	while (at < text.size_bytes &&
	       (n = utf8_character(text.data + at, text.size_bytes - at)) > 0)
		at += n;
	return at;
}

size_t lex_cut(struct bytes text, size_t max)
{
	if (text.size_bytes <= max)
		return text.size_bytes;
	while (max > 0 && (text.data[max] & 0xc0) == 0x80)
		max--;
	return max;
}
