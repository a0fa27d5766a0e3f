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

void config_errors_write(const struct config_error *errors, const char *path, char *out,
			 size_t capacity)
{
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < errors->count && used < capacity; i++)
		used += (size_t)snprintf(out + used, capacity - used, "%s%s", i ? "\n" : "",
					 errors->lines[i]);
	if (errors->unsaid > 0 && used < capacity)
		snprintf(out + used, capacity - used, "\n%.300s: and %u more", path,
			 errors->unsaid);
}

void config_errors_print(const struct config_error *errors, const char *path)
{
	static char text[CONFIG_ERRORS_MAX * (CONFIG_ERROR_BYTES + 1) + 512];

	config_errors_write(errors, path, text, sizeof(text));
	fprintf(stderr, "%s\n", text);
}
