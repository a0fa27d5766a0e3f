/* GRU and LSTM against their judge, bit for bit; all steps at once against one at a time
 * from the state that was left. */
#include <setjmp.h>
#include <stdarg.h>

#include "tests/unit/model/kernels.h"

#include <cmocka.h>

#include "runtime/model/kernel/recurrent.h"

#define STEPS 5

struct sequence {
	struct recurrent_weights weights;
	float                   *w, *r, *bias, *x;
	float                    from[2 * 80]; /* the state before */
	void                    *memory;
	float                   *work;
	float                   *wanted, *got; /* o [STEPS][hidden], then the state after */
	uint32_t                 state_floats;
	size_t                   count;
};

static void sequence_make(struct sequence *s, uint64_t seed)
{
	struct recurrent_weights *weights = &s->weights;
	uint32_t gates = weights->hidden * (weights->kind == RECURRENT_GRU ? 3 : 4);

	s->w    = kernels_numbers(&seed, (size_t)gates * weights->features, 0.5f);
	s->r    = kernels_numbers(&seed, (size_t)gates * weights->hidden, 0.5f);
	s->bias = kernels_numbers(&seed, 2 * (size_t)gates, 0.5f);
	s->x    = kernels_numbers(&seed, (size_t)STEPS * weights->features, 2.0f);
	if (seed % 5 == 0)
		kernels_spoil(&seed, s->x, (size_t)STEPS * weights->features,
			      3 * weights->features);
	if (seed % 7 == 0 && !weights->whole)
		kernels_spoil(&seed, s->r, (size_t)gates * weights->hidden, 2 * gates);
	weights->w      = s->w;
	weights->r      = s->r;
	weights->bias   = seed % 3 ? s->bias : NULL;
	s->state_floats = recurrent_state_floats(weights->kind, weights->hidden);
	for (uint32_t i = 0; i < s->state_floats; i++)
		s->from[i] = seed % 2 ? kernels_number(&seed) : 0.0f;
	s->count  = (size_t)STEPS * weights->hidden + s->state_floats;
	s->wanted = malloc(s->count * sizeof(float));
	s->got    = malloc(s->count * sizeof(float));
	s->memory = kernels_new(recurrent_size(weights));
	s->work   = kernels_new(recurrent_work_bytes(weights, STEPS));
}

static void sequence_free(struct sequence *s)
{
	free(s->w);
	free(s->r);
	free(s->bias);
	free(s->x);
	free(s->wanted);
	free(s->got);
	free(s->memory);
	free(s->work);
}

/* `at_once` steps with each call. */
static void sequence_run(struct sequence *s, uint32_t at_once)
{
	struct recurrent *recurrent = recurrent_pack(s->memory, &s->weights);
	float            *state     = s->got + (size_t)STEPS * s->weights.hidden;

	memcpy(state, s->from, s->state_floats * sizeof(float));
	for (uint32_t step = 0; step < STEPS; step += at_once)
		recurrent_run(recurrent, s->x + (size_t)step * s->weights.features, at_once, state,
			      s->work, s->got + (size_t)step * s->weights.hidden);
}

static void compare(const struct sequence *s, const char *what)
{
	size_t at = kernels_differ(s->got, s->wanted, s->count);

	if (at < s->count)
		fail_msg("%s, kind %u, reset after %d, reverse %d, %u features, %u hidden: number "
			 "%zu is %a, the judge says %a",
			 what, s->weights.kind, s->weights.reset_after, s->weights.reverse,
			 s->weights.features, s->weights.hidden, at, (double)s->got[at],
			 (double)s->wanted[at]);
}

static void check(struct recurrent_weights weights, uint64_t seed)
{
	struct sequence s = { .weights = weights };

	sequence_make(&s, seed);
	memcpy(s.wanted + (size_t)STEPS * weights.hidden, s.from, s.state_floats * sizeof(float));
	recurrent_judge(&s.weights, s.x, STEPS, s.wanted + (size_t)STEPS * weights.hidden, s.work,
			s.wanted);
	for (uint32_t plain = 0; plain < 2; plain++) {
		kernel_use_avx2(!plain);
		sequence_run(&s, STEPS);
		compare(&s, plain ? "plain" : "AVX2");
		if (!weights.reverse) {
			sequence_run(&s, 1);
			compare(&s, plain ? "plain, step by step" : "AVX2, step by step");
		}
	}
	kernel_use_avx2(true);
	sequence_free(&s);
}

static void every_kind_equals_its_judge(void **state)
{
	static const uint32_t sides[] = { 1, 3, 7, 8, 9, 17, 64, 65 };
	uint64_t              seed    = 100;

	(void)state;
	for (uint32_t variant = 0; variant < 12; variant++)
		for (uint32_t f = 0; f < 8; f++)
			for (uint32_t h = 0; h < 8; h++)
				check((struct recurrent_weights){ .kind = variant / 2 % 3 == 2,
								  .reset_after = variant / 2 % 3 ==
										 1,
								  .whole       = variant / 6,
								  .input_scale = 2.0f / 8191.0f,
								  .reverse     = variant % 2,
								  .features    = sides[f],
								  .hidden      = sides[h] },
				      seed++);
}

/* One hidden number, by hand: z, r, c from x = 1, h = 0.5. */
static void a_gru_of_one_can_be_followed_by_hand(void **state)
{
	const float w[3] = { 0.5f, -0.25f, 1.0f }, r[3] = { 0.25f, 0.5f, -1.0f };
	const float bias[6] = { 0.1f, 0.2f, 0.3f, -0.1f, -0.2f, 0.4f }, x = 1.0f;

	(void)state;
	for (uint32_t after = 0; after < 2; after++) {
		struct recurrent_weights weights = { .kind        = RECURRENT_GRU,
						     .reset_after = after,
						     .features    = 1,
						     .hidden      = 1,
						     .w           = w,
						     .r           = r,
						     .bias        = bias };
		double                   z       = 1.0 / (1.0 + exp(-(0.5 + 0.1 + 0.125 - 0.1)));
		double                   reset   = 1.0 / (1.0 + exp(-(-0.25 + 0.2 + 0.25 - 0.2)));
		double inner  = after ? reset * (-0.5 + 0.4) : -(reset * 0.5) + 0.4;
		double wanted = (1.0 - z) * tanh(1.0 + 0.3 + inner) + z * 0.5;
		float  h = 0.5f, o, *work = kernels_new(recurrent_work_bytes(&weights, 1));
		void  *memory = kernels_new(recurrent_size(&weights));

		recurrent_run(recurrent_pack(memory, &weights), &x, 1, &h, work, &o);
		assert_true(fabs((double)o - wanted) < 2e-7 && h == o);
		free(work);
		free(memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_equals_its_judge),
		cmocka_unit_test(a_gru_of_one_can_be_followed_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
