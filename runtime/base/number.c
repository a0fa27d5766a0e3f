/* Floats are printed by Raffaele Giulietti's Schubfach ("The Schubfach way to
 * render doubles", 2021) in its 32-bit form: three multiplications instead of a
 * search, no loop that depends on the value, and always the shortest text.
 *
 * For a float c * 2^q the interval of reals that round to it is scaled by a power
 * of ten 10^-k so that it is 1 to 10 units wide; a decimal with that many digits
 * is certain to lie inside, and at most one with one digit less does. */
#include "runtime/base/number.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define POWER_MIN (-31) /* of the largest float */
#define POWER_MAX 45    /* of the smallest subnormal */

/* powers[k - POWER_MIN] = 10^k as a 64-bit fraction, rounded up: the integer
 * ceil(10^k * 2^(63 - floor(log2(10^k)))).  A wrong digit shows in
 * tests/unit/base/number_test.c, which reads back floats of every exponent. */
/* clang-format off */
static const uint64_t powers[POWER_MAX - POWER_MIN + 1] = {
	0x81ceb32c4b43fcf5U, 0xa2425ff75e14fc32U, 0xcad2f7f5359a3b3fU, 0xfd87b5f28300ca0eU,
	0x9e74d1b791e07e49U, 0xc612062576589ddbU, 0xf79687aed3eec552U, 0x9abe14cd44753b53U,
	0xc16d9a0095928a28U, 0xf1c90080baf72cb2U, 0x971da05074da7befU, 0xbce5086492111aebU,
	0xec1e4a7db69561a6U, 0x9392ee8e921d5d08U, 0xb877aa3236a4b44aU, 0xe69594bec44de15cU,
	0x901d7cf73ab0acdaU, 0xb424dc35095cd810U, 0xe12e13424bb40e14U, 0x8cbccc096f5088ccU,
	0xafebff0bcb24aaffU, 0xdbe6fecebdedd5bfU, 0x89705f4136b4a598U, 0xabcc77118461cefdU,
	0xd6bf94d5e57a42bdU, 0x8637bd05af6c69b6U, 0xa7c5ac471b478424U, 0xd1b71758e219652cU,
	0x83126e978d4fdf3cU, 0xa3d70a3d70a3d70bU, 0xcccccccccccccccdU, 0x8000000000000000U,
	0xa000000000000000U, 0xc800000000000000U, 0xfa00000000000000U, 0x9c40000000000000U,
	0xc350000000000000U, 0xf424000000000000U, 0x9896800000000000U, 0xbebc200000000000U,
	0xee6b280000000000U, 0x9502f90000000000U, 0xba43b74000000000U, 0xe8d4a51000000000U,
	0x9184e72a00000000U, 0xb5e620f480000000U, 0xe35fa931a0000000U, 0x8e1bc9bf04000000U,
	0xb1a2bc2ec5000000U, 0xde0b6b3a76400000U, 0x8ac7230489e80000U, 0xad78ebc5ac620000U,
	0xd8d726b7177a8000U, 0x878678326eac9000U, 0xa968163f0a57b400U, 0xd3c21bcecceda100U,
	0x84595161401484a0U, 0xa56fa5b99019a5c8U, 0xcecb8f27f4200f3aU, 0x813f3978f8940985U,
	0xa18f07d736b90be6U, 0xc9f2c9cd04674edfU, 0xfc6f7c4045812297U, 0x9dc5ada82b70b59eU,
	0xc5371912364ce306U, 0xf684df56c3e01bc7U, 0x9a130b963a6c115dU, 0xc097ce7bc90715b4U,
	0xf0bdc21abb48db21U, 0x96769950b50d88f5U, 0xbc143fa4e250eb32U, 0xeb194f8e1ae525feU,
	0x92efd1b8d0cf37bfU, 0xb7abc627050305aeU, 0xe596b7b0c643c71aU, 0x8f7e32ce7bea5c70U,
	0xb35dbf821ae4f38cU,
};
/* clang-format on */

struct decimal {
	uint32_t digits;
	int      exponent; /* value = digits * 10^exponent */
};

/* floor(log2(10^k)) and floor(log10(2^q)), floor(log10(3/4 * 2^q)), exact in the
 * ranges a float needs; an arithmetic shift rounds down. */
static int floor_log2_power10(int k)
{
	return (k * 1741647) >> 19;
}

static int floor_log10_power2(int q, bool closer)
{
	return (q * 1262611 - (closer ? 524031 : 0)) >> 22;
}

/* The upper 32 bits of the 96-bit product; the lowest says whether the rest was
 * more than the rounding of the table can explain. */
static uint32_t product_to_odd(uint64_t power, uint32_t factor)
{
	unsigned __int128 product = (unsigned __int128)power * factor;
	uint32_t          high    = (uint32_t)(product >> 64);
	uint32_t          low     = (uint32_t)(product >> 32);

	return high | (low > 1);
}

/* `bits` are those of a finite float other than 0, without its sign. */
static struct decimal shortest(uint32_t bits)
{
	uint32_t fraction = bits & 0x7fffff;
	int      biased   = (int)(bits >> 23);
	uint32_t c        = biased ? fraction | 0x800000 : fraction;
	int      q        = (biased ? biased : 1) - 150;
	bool     odd      = c & 1;                       /* the interval is open */
	bool     closer   = fraction == 0 && biased > 1; /* the float below is half as far */
	int      k        = floor_log10_power2(q, closer);
	int      h        = q + floor_log2_power10(-k) + 1;
	uint64_t power    = powers[-k - POWER_MIN];
	uint32_t value    = product_to_odd(power, (4 * c) << h);
	uint32_t lower    = product_to_odd(power, (4 * c - 2 + closer) << h) + odd;
	uint32_t upper    = product_to_odd(power, (4 * c + 2) << h) - odd;
	uint32_t s        = value / 4;

	if (s >= 10) {
		uint32_t tens    = s / 10;
		bool     down_in = lower <= 40 * tens;
		bool     up_in   = 40 * tens + 40 <= upper;

		if (down_in != up_in)
			return (struct decimal){ tens + up_in, k + 1 };
	}
	bool down_in = lower <= 4 * s;
	bool up_in   = 4 * s + 4 <= upper;

	if (down_in != up_in)
		return (struct decimal){ s + up_in, k };
	uint32_t middle = 4 * s + 2;
	bool     up     = value > middle || (value == middle && (s & 1));

	return (struct decimal){ s + up, k };
}

size_t number_print_u64(uint64_t value, char out[NUMBER_U64_BYTES_MAX])
{
	char   reversed[NUMBER_U64_BYTES_MAX];
	size_t n = 0;

	do {
		reversed[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	for (size_t i = 0; i < n; i++)
		out[i] = reversed[n - 1 - i];
	return n;
}

/* d.ddde-NN; `digits` has n of them and the first stands for 10^exponent. */
static size_t print_scientific(const char *digits, size_t n, int exponent, char *out)
{
	size_t at = 0;

	out[at++] = digits[0];
	if (n > 1) {
		out[at++] = '.';
		memcpy(out + at, digits + 1, n - 1);
		at += n - 1;
	}
	out[at++] = 'e';
	if (exponent < 0) {
		out[at++] = '-';
		exponent  = -exponent;
	}
	return at + number_print_u64((uint64_t)exponent, out + at);
}

/* Without an exponent; `exponent` is that of the first digit, -5 to 9. */
static size_t print_plain(const char *digits, size_t n, int exponent, char *out)
{
	size_t at = 0;

	if (exponent < 0) {
		memcpy(out, "0.0000", 6);
		at = (size_t)(1 - exponent);
		memcpy(out + at, digits, n);
		return at + n;
	}
	size_t whole = (size_t)exponent + 1;

	for (; at < whole; at++)
		out[at] = at < n ? digits[at] : '0';
	if (n > whole) {
		out[at++] = '.';
		memcpy(out + at, digits + whole, n - whole);
		at += n - whole;
	}
	return at;
}

size_t number_print_float(float value, char out[NUMBER_FLOAT_BYTES_MAX])
{
	char     digits[NUMBER_U64_BYTES_MAX];
	uint32_t bits;
	size_t   sign = 0;

	assert(isfinite(value));
	memcpy(&bits, &value, sizeof(bits));
	if (bits >> 31)
		out[sign++] = '-';
	bits &= 0x7fffffff;
	if (bits == 0) {
		out[sign] = '0';
		return sign + 1;
	}
	struct decimal decimal = shortest(bits);

	while (decimal.digits % 10 == 0) {
		decimal.digits /= 10;
		decimal.exponent++;
	}
	size_t n        = number_print_u64(decimal.digits, digits);
	int    exponent = decimal.exponent + (int)n - 1;
	bool   plain    = exponent >= -5 && exponent <= 9;

	return sign + (plain ? print_plain(digits, n, exponent, out + sign)
			     : print_scientific(digits, n, exponent, out + sign));
}
