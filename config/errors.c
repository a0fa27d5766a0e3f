#include "config/errors.h"

#include <stdio.h>
#include <string.h>

void errors_init(struct errors *errors, const char *path, struct config_error *out)
{
	memset(out, 0, sizeof(*out));
	memset(errors, 0, sizeof(*errors));
	errors->path = path;
	errors->out  = out;
}

void errors_add(struct errors *errors, uint32_t line, const char *key, const char *format, ...)
{
	struct config_error *out = errors->out;
	uint32_t             at  = out->count;
	char                *text;
	va_list              words;
	int                  used;

	if (out->count == CONFIG_ERRORS_MAX) {
		out->unsaid++;
		return;
	}
	for (; at > 0 && errors->line[at - 1] > line; at--) {
		memcpy(out->lines[at], out->lines[at - 1], CONFIG_ERROR_BYTES);
		errors->line[at] = errors->line[at - 1];
	}
	errors->line[at] = line;
	out->count++;
	text = out->lines[at];
	used = snprintf(text, CONFIG_ERROR_BYTES, "%.300s:%u: %.200s: ", errors->path, line, key);
	va_start(words, format);
	vsnprintf(text + used, CONFIG_ERROR_BYTES - (size_t)used, format, words);
	va_end(words);
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}
