#include "runtime/base/digest.h"

void digest_init(struct digest *digest)
{
	sha256_init(&digest->state);
}

void digest_add(struct digest *digest, const void *data, size_t size_bytes)
{
	sha256_update(&digest->state, size_bytes, data);
}

void digest_end(struct digest *digest, uint8_t out[DIGEST_BYTES])
{
	sha256_digest(&digest->state, DIGEST_BYTES, out);
}

void digest_hex(const uint8_t in[DIGEST_BYTES], char out[2 * DIGEST_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		out[2 * i]     = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * DIGEST_BYTES] = '\0';
}
