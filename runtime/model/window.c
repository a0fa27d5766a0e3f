#include "runtime/model/window.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* "0", or "-" and 1 to WINDOW_BACK_MAX without leading zeros. */
static bool read_back(const char *text, uint32_t *back)
{
	uint32_t value = 0;

	*back = 0;
	if (strcmp(text, "0") == 0)
		return true;
	if (text[0] != '-' || text[1] < '1' || text[1] > '9')
		return false;
	for (text++; *text >= '0' && *text <= '9' && value <= WINDOW_BACK_MAX; text++)
		value = 10 * value + (uint32_t)(*text - '0');
	*back = value;
	return *text == '\0' && value <= WINDOW_BACK_MAX;
}

void window_name_of(const char *name, struct window_name *out)
{
	const char *at = strrchr(name, '@');

	*out        = (struct window_name){ 0 };
	out->placed = at && at > name && read_back(at + 1, &out->back);
	if (!out->placed)
		out->back = 0;
	snprintf(out->base, sizeof(out->base), "%.*s",
		 out->placed ? (int)(at - name) : (int)strlen(name), name);
}

uint16_t window_steps(const struct model_facts *facts)
{
	uint32_t steps = 0;

	for (uint32_t i = 0; facts->named && i < facts->feature_count; i++) {
		struct window_name name;

		window_name_of(facts->names[i], &name);
		if (name.placed && name.back + 1 > steps)
			steps = name.back + 1;
	}
	return (uint16_t)steps;
}

int window_bind(const struct model_facts *facts, const struct model_window *window,
		uint16_t slot_of[MODEL_FEATURES_MAX], struct failure *failure)
{
	for (uint32_t i = 0; i < facts->feature_count; i++) {
		struct window_name name;
		uint32_t           column = 0;

		window_name_of(facts->names[i], &name);
		while (column < window->columns && strcmp(window->names[column], name.base) != 0)
			column++;
		if (column == window->columns) {
			*failure = (struct failure){ .reason = REASON_model_missing };
			snprintf(failure->place, sizeof(failure->place), "feature %u", i);
			snprintf(failure->detail, sizeof(failure->detail),
				 "is \"%s\" of a sequence model; the history's rows have %u "
				 "numbers, and none is called \"%s\"",
				 facts->names[i], window->columns, name.base);
			return -1;
		}
		slot_of[i] = (uint16_t)column;
		if (facts->reach > 0)
			slot_of[i] += (uint16_t)((facts->reach - 1u - name.back) * window->columns);
	}
	return 0;
}
