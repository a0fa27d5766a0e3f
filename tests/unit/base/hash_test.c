/* runtime/base/hash.h: the known answers of SipHash-2-4-128, and what keeps keys apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/base/hash.h"

/* vectors_sip128 of the reference code (github.com/veorq/SipHash): key 00 01 .. 0f,
 * message 00 01 .. of that length; checked with `openssl mac -macopt size:16 SIPHASH`. */
static const struct {
	size_t  size_bytes;
	uint8_t hash[16];
} answers[] = {
	{ 0,
	  { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55,
	    0x02, 0x93 } },
	{ 1,
	  { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22,
	    0xfc, 0x45 } },
	{ 7,
	  { 0xa1, 0xf1, 0xeb, 0xbe, 0xd8, 0xdb, 0xc1, 0x53, 0xc0, 0xb8, 0x4a, 0xa6, 0x1f, 0xf0,
	    0x82, 0x39 } },
	{ 8,
	  { 0x3b, 0x62, 0xa9, 0xba, 0x62, 0x58, 0xf5, 0x61, 0x0f, 0x83, 0xe2, 0x64, 0xf3, 0x14,
	    0x97, 0xb4 } },
	{ 15,
	  { 0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11, 0x7e, 0x08, 0xec, 0x0f, 0x97, 0xcf,
	    0xc3, 0xd9 } },
	{ 16,
	  { 0x6e, 0xe2, 0xa4, 0xca, 0x67, 0xb0, 0x54, 0xbb, 0xfd, 0x33, 0x15, 0xbf, 0x85, 0x23,
	    0x05, 0x77 } },
	{ 63,
	  { 0x51, 0x50, 0xd1, 0x77, 0x2f, 0x50, 0x83, 0x4a, 0x50, 0x3e, 0x06, 0x9a, 0x97, 0x3f,
	    0xbd, 0x7c } },
};

static struct bytes text(const char *chars)
{
	return bytes_of(chars, strlen(chars));
}

static void known_answers(void **state)
{
	const uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
	uint8_t        message[64];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct hash128 hash = hash_siphash(key, bytes_of(message, answers[i].size_bytes));

		assert_memory_equal(&hash, answers[i].hash, 16);
	}
}

static void the_same_key_has_the_same_hash(void **state)
{
	assert_true(hash_same(hash_bytes(3, text("card-1")), hash_bytes(3, text("card-1"))));
	assert_true(hash_same(hash_pair(3, text("a"), text("EUR")),
			      hash_pair(3, text("a"), text("EUR"))));
	assert_true(hash_is(hash_bytes(0, bytes_of(NULL, 0))));
	assert_true(hash_is(hash_pair(0, bytes_of(NULL, 0), bytes_of(NULL, 0))));
}

/* Every way to make a key of these nine letters and fewer: no two are the same. */
static void no_two_keys_have_the_same_hash(void **state)
{
	static struct hash128 seen[400];
	const char           *letters = "abcabcabc";
	size_t                n       = 0;

	for (uint64_t domain = 0; domain < 3; domain++) {
		for (size_t size = 0; size <= 9; size++) {
			seen[n++] = hash_bytes(domain, bytes_of(letters, size));
			for (size_t split = 0; split <= size; split++)
				seen[n++] = hash_pair(domain, bytes_of(letters, split),
						      bytes_of(letters + split, size - split));
		}
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++)
			assert_false(hash_same(seen[i], seen[j]));
	}
}

/* A first text with zeros at its end is not the same as one filled up with zeros. */
static void filling_up_is_not_content(void **state)
{
	assert_false(hash_same(hash_pair(1, bytes_of("ab\0", 3), text("x")),
			       hash_pair(1, bytes_of("ab", 2), text("x"))));
	assert_false(hash_same(hash_bytes(1, bytes_of("ab\0", 3)), hash_bytes(1, text("ab"))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(the_same_key_has_the_same_hash),
		cmocka_unit_test(no_two_keys_have_the_same_hash),
		cmocka_unit_test(filling_up_is_not_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
