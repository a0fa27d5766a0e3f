/* SHA-256 (FIPS 180-4) by nettle: caller-owned state, no allocation, and the
 * SHA extensions of the CPU where it has them. */
#ifndef ASSAY_RUNTIME_BASE_DIGEST_H
#define ASSAY_RUNTIME_BASE_DIGEST_H

#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/decision.h"

struct digest {
	struct sha256_ctx state;
};

void digest_init(struct digest *digest);
void digest_add(struct digest *digest, const void *data, size_t size_bytes);
void digest_end(struct digest *digest, uint8_t out[DIGEST_BYTES]);

/* Lower-case hexadecimal, NUL-terminated. */
void digest_hex(const uint8_t in[DIGEST_BYTES], char out[2 * DIGEST_BYTES + 1]);

#endif
