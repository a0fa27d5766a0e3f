#include "runtime/decode/scan.h"

#include <stdbool.h>
#include <string.h>

/* Bytes of the UTF-8 character at `p`, 2 to 4; 0 when it is not well-formed.
 * RFC 3629 section 4: the first continuation byte has a narrower range after E0
 * (no overlong), ED (no surrogates), F0 (no overlong) and F4 (up to U+10FFFF). */
static size_t character_bytes(const uint8_t *p, size_t left)
{
	uint8_t lead = p[0];
	size_t  n    = lead >= 0xc2 && lead <= 0xdf   ? 2
		       : lead >= 0xe0 && lead <= 0xef ? 3
		       : lead >= 0xf0 && lead <= 0xf4 ? 4
						      : 0;
	uint8_t low  = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	if (n == 0 || n > left || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

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
			size_t size = character_bytes(body + i, n - i);

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
