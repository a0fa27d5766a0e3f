/* Little-endian writing and reading of audit records, both bounded.  Inside
 * runtime/audit only. */
#ifndef ASSAY_RUNTIME_AUDIT_PUT_H
#define ASSAY_RUNTIME_AUDIT_PUT_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/bytes.h"

struct put {
	uint8_t *out;
	size_t   capacity_bytes;
	size_t   size_bytes;
};

/* A record that does not fit is a broken invariant: AUDIT_RECORD_BYTES_MAX is proved. */
static inline void put_raw(struct put *put, const void *data, size_t size_bytes)
{
	assert(size_bytes <= put->capacity_bytes - put->size_bytes);
	if (size_bytes > 0)
		memcpy(put->out + put->size_bytes, data, size_bytes);
	put->size_bytes += size_bytes;
}

static inline void put_unsigned(struct put *put, uint64_t value, size_t size_bytes)
{
	uint8_t little[8];

	for (size_t i = 0; i < size_bytes; i++)
		little[i] = (uint8_t)(value >> (8 * i));
	put_raw(put, little, size_bytes);
}

static inline void put_text(struct put *put, const void *data, size_t size_bytes)
{
	put_unsigned(put, size_bytes, 2);
	put_raw(put, data, size_bytes);
}

static inline void put_float(struct put *put, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put_unsigned(put, bits, 4);
}

static inline void put_double(struct put *put, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put_unsigned(put, bits, 8);
}

/* Reading: once something is missing, `short_of` stays set and zeros come out. */
struct get {
	struct bytes in;
	size_t       at;
	bool         short_of;
};

static inline struct bytes get_raw(struct get *get, size_t size_bytes)
{
	struct bytes raw = bytes_of(get->in.data + get->at, size_bytes);

	if (get->short_of || size_bytes > get->in.size_bytes - get->at) {
		get->short_of = true;
		return bytes_of(NULL, 0);
	}
	get->at += size_bytes;
	return raw;
}

static inline uint64_t get_unsigned(struct get *get, size_t size_bytes)
{
	struct bytes raw   = get_raw(get, size_bytes);
	uint64_t     value = 0;

	for (size_t i = 0; i < raw.size_bytes; i++)
		value |= (uint64_t)raw.data[i] << (8 * i);
	return value;
}

static inline void get_copy(struct get *get, void *out, size_t size_bytes)
{
	struct bytes raw = get_raw(get, size_bytes);

	if (raw.size_bytes > 0)
		memcpy(out, raw.data, raw.size_bytes);
}

static inline struct bytes get_text(struct get *get)
{
	return get_raw(get, (size_t)get_unsigned(get, 2));
}

static inline float get_float(struct get *get)
{
	uint32_t bits = (uint32_t)get_unsigned(get, 4);
	float    value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline double get_double(struct get *get)
{
	uint64_t bits = get_unsigned(get, 8);
	double   value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

#endif
