#include "runtime/decode/scan.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/base/utf8.h"

enum reason scan_body(const uint8_t *body, size_t n, unsigned depth_max, size_t *offset)
{
	bool     in_string = false;
	unsigned depth     = 0;
	size_t   i         = 0;

	*offset = 0;
	if (n >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0)
		return REASON_json_encoding;
	while (i < n) {
		uint8_t c = body[i];

		*offset = i;
		if (c >= 0x80) {
			size_t size = utf8_character(body + i, n - i);

			if (size == 0)
				return REASON_json_encoding;
			i += size;
			continue;
		}
		if (in_string && c == '\\' && i + 1 < n && body[i + 1] < 0x80)
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '[') && ++depth > depth_max)
			return REASON_json_depth;
		else if (!in_string && (c == '}' || c == ']') && depth > 0)
			depth--;
		i++;
	}
	return REASON_NONE;
}
