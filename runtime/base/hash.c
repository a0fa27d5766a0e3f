#include "runtime/base/hash.h"

#include <string.h>

/* "Assay" says nothing; the digits are those of e, so that there is nothing up a sleeve. */
static const uint64_t fixed_key[2] = { UINT64_C(0x2718281828459045), UINT64_C(0x2353602874713526) };

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline uint64_t word_at(const uint8_t *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word)); /* little-endian, as all our machines are */
	return word;
}

static inline void sip_rounds(struct sip *s, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static void sip_begin(struct sip *s, const uint64_t key[2])
{
	s->v0 = key[0] ^ UINT64_C(0x736f6d6570736575);
	s->v1 = key[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
	s->v2 = key[0] ^ UINT64_C(0x6c7967656e657261);
	s->v3 = key[1] ^ UINT64_C(0x7465646279746573);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_rounds(s, 2);
	s->v0 ^= word;
}

/* The whole words of `in`; returns how many bytes they are. */
static size_t sip_words(struct sip *s, struct bytes in)
{
	size_t at = 0;

	for (; at + 8 <= in.size_bytes; at += 8)
		sip_word(s, word_at(in.data + at));
	return at;
}

/* What is left of `in` behind `at`, as a word filled up with zeros. */
static uint64_t rest_of(struct bytes in, size_t at)
{
	uint64_t word = 0;

	if (at < in.size_bytes)
		memcpy(&word, in.data + at, in.size_bytes - at);
	return word;
}

/* The end of a message whose last piece is `in` behind `before_bytes` others. */
static struct hash128 sip_end(struct sip *s, struct bytes in, size_t before_bytes)
{
	struct hash128 out;
	size_t         at = sip_words(s, in);

	sip_word(s, rest_of(in, at) | (uint64_t)(before_bytes + in.size_bytes) << 56);
	s->v2 ^= 0xee;
	sip_rounds(s, 4);
	out.low = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
	s->v1 ^= 0xdd;
	sip_rounds(s, 4);
	out.high = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
	return out;
}

struct hash128 hash_siphash(const uint64_t key[2], struct bytes message)
{
	struct sip s;

	sip_begin(&s, key);
	return sip_end(&s, message, 0);
}

/* Both zero means "no key" and is given to nobody. */
static struct hash128 never_zero(struct hash128 hash)
{
	hash.low |= !hash_is(hash);
	return hash;
}

/* domain, all ones, text */
struct hash128 hash_bytes(uint64_t domain, struct bytes one)
{
	struct sip s;

	sip_begin(&s, fixed_key);
	sip_word(&s, domain);
	sip_word(&s, UINT64_MAX);
	return never_zero(sip_end(&s, one, 16));
}

/* domain, size of the first text, the first filled up to whole words, the second: no
 * size is all ones, and the size tells where the first ends. */
struct hash128 hash_pair(uint64_t domain, struct bytes one, struct bytes two)
{
	struct sip s;
	size_t     at;

	sip_begin(&s, fixed_key);
	sip_word(&s, domain);
	sip_word(&s, one.size_bytes);
	at = sip_words(&s, one);
	if (at < one.size_bytes) {
		sip_word(&s, rest_of(one, at));
		at += 8;
	}
	return never_zero(sip_end(&s, two, 16 + at));
}
