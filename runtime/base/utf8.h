/* UTF-8, well-formed by RFC 3629 section 4: nothing overlong, no surrogates, up to U+10FFFF. */
#ifndef ASSAY_RUNTIME_BASE_UTF8_H
#define ASSAY_RUNTIME_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that begins at `p`, of which `left` (at least 1) are there: 1 to 4;
 * 0: it is none. */
static inline size_t utf8_character(const uint8_t *p, size_t left)
{
	uint8_t lead = p[0];
	size_t  n    = lead < 0x80                    ? 1
		       : lead >= 0xc2 && lead <= 0xdf ? 2
		       : lead >= 0xe0 && lead <= 0xef ? 3
		       : lead >= 0xf0 && lead <= 0xf4 ? 4
						      : 0;
	/* The second byte has a narrower range behind E0 and F0 (overlong), ED (surrogates) and
	 * F4 (beyond the last). */
	uint8_t low  = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

	if (n <= 1)
		return n;
	if (n > left || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

#endif
