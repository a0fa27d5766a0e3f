/* Little-endian integers of 1 to 8 bytes, as the files have them. */
#ifndef ASSAY_RUNTIME_BASE_LITTLE_H
#define ASSAY_RUNTIME_BASE_LITTLE_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t little_read(const uint8_t *at, size_t size_bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size_bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

#endif
