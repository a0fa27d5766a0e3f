#include "runtime/feature/spread.h"

#include <stdbool.h>
#include <string.h>

/* high * 2^128 + low */
struct u256 {
	u128 high, low;
};

static struct u256 add(struct u256 a, struct u256 b)
{
	struct u256 sum = { .high = a.high + b.high, .low = a.low + b.low };

	sum.high += sum.low < a.low;
	return sum;
}

static struct u256 subtract(struct u256 a, struct u256 b)
{
	return (struct u256){ .high = a.high - b.high - (a.low < b.low), .low = a.low - b.low };
}

static bool is_less(struct u256 a, struct u256 b)
{
	return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/* Schoolbook, in halves of 64 bits. */
static struct u256 multiply(u128 a, u128 b)
{
	u128        a_high = a >> 64, a_low = (uint64_t)a;
	u128        b_high = b >> 64, b_low = (uint64_t)b;
	u128        cross[2] = { a_high * b_low, a_low * b_high };
	struct u256 product  = { .high = a_high * b_high, .low = a_low * b_low };

	for (int i = 0; i < 2; i++)
		product = add(product,
			      (struct u256){ .high = cross[i] >> 64, .low = cross[i] << 64 });
	return product;
}

/* 2^exponent, 0 to 255 */
static double power_of_two(int exponent)
{
	uint64_t bits = (uint64_t)(exponent + 1023) << 52;
	double   value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* The nearest double.  A u128 converts correctly; above it, the lowest bit of what is
 * kept says whether anything was cut off, far below where rounding looks. */
static double nearest(struct u256 x)
{
	int  cut;
	u128 kept;

	if (x.high == 0)
		return (double)x.low;
	cut = x.high >> 64 != 0 ? 128 - __builtin_clzll((uint64_t)(x.high >> 64))
				: 64 - __builtin_clzll((uint64_t)x.high);
	if (cut == 128) {
		kept = x.high | (x.low != 0);
	} else {
		kept = x.high << (128 - cut) | x.low >> cut;
		kept |= x.low << (128 - cut) != 0;
	}
	return (double)kept * power_of_two(cut);
}

double spread(const struct aggregate *aggregate)
{
	u128        n       = aggregate->count;
	u128        sum     = aggregate->sum < 0 ? -(u128)aggregate->sum : (u128)aggregate->sum;
	struct u256 squares = multiply(n, aggregate->squares);
	struct u256 squared = multiply(sum, sum);

	if (!is_less(squared, squares))
		return 0.0;
	return __builtin_sqrt(nearest(subtract(squares, squared)) / (double)(n * (n - 1)));
}
