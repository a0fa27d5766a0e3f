/* Activations: AVX2 against one at a time, bit for bit, over floats from end to end
 * (KERNEL_STRIDE=1 tries each of them); and against libm in double. */
#include <setjmp.h>
#include <stdarg.h>

#include "tests/unit/model/kernels.h"

#include <cmocka.h>

#include "runtime/model/kernel/kernel.h"

#define BLOCK 1021

static const char *const names[] = {
#define X(name, words, formula) words,
	KERNEL_ACTIVATIONS(X)
#undef X
};

static void avx2_gives_the_bits_of_one_at_a_time(void **state)
{
	const char *given  = getenv("KERNEL_STRIDE");
	uint32_t    stride = given ? (uint32_t)strtoul(given, NULL, 10) : 4099;
	float       x[BLOCK], fast[BLOCK];
	uint64_t    next = 0;

	(void)state;
	assert_true(stride > 0);
	if (!kernel_has_avx2()) {
		print_message("# no AVX2\n");
		skip();
	}
	while (next <= UINT32_MAX) {
		for (uint32_t i = 0; i < BLOCK; i++, next += stride) {
			uint32_t bits = (uint32_t)(next <= UINT32_MAX ? next : UINT32_MAX);

			memcpy(&x[i], &bits, sizeof(bits));
		}
		for (uint8_t kind = 0; kind < KERNEL_ACTIVATION_COUNT; kind++) {
			struct kernel_activation with = { .kind = kind, .a = 0.3f, .b = 0.9f };

			memcpy(fast, x, sizeof(x));
			kernel_activate_avx2(with, fast, BLOCK);
			for (uint32_t i = 0; i < BLOCK; i++) {
				float one = kernel_activated(with, x[i]);

				if (kernels_differ(&one, &fast[i], 1) == 0)
					fail_msg("%s(%a): %a one at a time, %a AVX2", names[kind],
						 (double)x[i], (double)one, (double)fast[i]);
			}
		}
	}
}

/* What is exact to double's precision, of parameters 0.3 and 0.9. */
static double exact_of(uint8_t kind, double x)
{
	double a = (double)0.3f, b = (double)0.9f;

	switch (kind) {
	case KERNEL_RELU: return x < 0.0 ? 0.0 : x;
	case KERNEL_LEAKY_RELU: return x < 0.0 ? a * x : x;
	case KERNEL_ELU: return x < 0.0 ? a * expm1(x) : x;
	case KERNEL_SELU: return b * (x < 0.0 ? a * expm1(x) : x);
	case KERNEL_SIGMOID: return 1.0 / (1.0 + exp(-x));
	case KERNEL_HARD_SIGMOID: return fmax(0.0, fmin(1.0, a * x + b));
	case KERNEL_TANH: return tanh(x);
	case KERNEL_SOFTSIGN: return x / (1.0 + fabs(x));
	case KERNEL_GELU: return 0.5 * x * (1.0 + erf(x * sqrt(0.5)));
	case KERNEL_GELU_TANH:
		return 0.5 * x * (1.0 + tanh(sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
	case KERNEL_CLIP: return fmax(a, fmin(b, x));
	case KERNEL_EXP: return exp(x);
	default: return x;
	}
}

/* A unit in the last place of the result where the last bit is kept; where a sum cancels
 * (gelu left of zero, hard sigmoid) units of what is added. */
static double bound_of(uint8_t kind, double x, double exact)
{
	double unit = fmax(fabs(exact), 0x1p-126) * 0x1p-23;

	switch (kind) {
	case KERNEL_GELU:
	case KERNEL_GELU_TANH: return unit + fabs(x) * 0x1p-24;
	case KERNEL_HARD_SIGMOID: return fmax(unit, 0x1p-22 * (1.0 + fabs(x)));
	case KERNEL_SELU:
	case KERNEL_SOFTSIGN: return 2.0 * unit;
	default: return unit;
	}
}

static void each_is_within_its_bound_of_libm(void **state)
{
	(void)state;
	for (uint8_t kind = 0; kind < KERNEL_ACTIVATION_COUNT; kind++) {
		struct kernel_activation with = { .kind = kind, .a = 0.3f, .b = 0.9f };
		uint64_t                 seed = 11;

		for (uint32_t i = 0; i < 200000; i++) {
			float  x     = kernels_number(&seed) * (i % 3 == 0   ? 0.01f
								: i % 3 == 1 ? 3
									     : 30);
			double exact = exact_of(kind, (double)x);
			double miss  = fabs((double)kernel_activated(with, x) - exact);

			if (!(miss <= bound_of(kind, (double)x, exact)))
				fail_msg("%s(%a) is off by %g, allowed %g", names[kind], (double)x,
					 miss, bound_of(kind, (double)x, exact));
		}
	}
}

static void nan_stays_and_limits_are_reached(void **state)
{
	(void)state;
	for (uint8_t kind = 0; kind < KERNEL_ACTIVATION_COUNT; kind++)
		assert_true(
			isnan(kernel_activated((struct kernel_activation){ .kind = kind }, NAN)));
	assert_true(kernel_activated((struct kernel_activation){ .kind = KERNEL_SIGMOID },
				     INFINITY) == 1.0f);
	assert_true(kernel_activated((struct kernel_activation){ .kind = KERNEL_SIGMOID },
				     -INFINITY) == 0.0f);
	assert_true(kernel_activated((struct kernel_activation){ .kind = KERNEL_TANH },
				     -INFINITY) == -1.0f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(avx2_gives_the_bits_of_one_at_a_time),
		cmocka_unit_test(each_is_within_its_bound_of_libm),
		cmocka_unit_test(nan_stays_and_limits_are_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
