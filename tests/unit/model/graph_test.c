/* Networks: shapes, folding, fusing, and that the memory plan never gives one place to two
 * numbers that are both needed. */
#include "runtime/model/graph/build.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/model/sample.h"

struct sample {
	struct graph_builder build;
	struct failure       failure;
	uint32_t             x;
};

static struct sample *begin(uint32_t features)
{
	struct sample     *sample = calloc(1, sizeof(*sample));
	struct graph_shape shape  = { .rank = 2, .dims = { 1, features } };

	assert_non_null(sample);
	sample->build.failure        = &sample->failure;
	sample->build.plan           = graph_plan_new(1 << 20);
	sample->build.plan->steps    = 1;
	sample->build.plan->features = features;
	assert_true(graph_begin(&sample->build, "test", "Test"));
	sample->x = graph_add_input(&sample->build, GRAPH_FLOAT, shape, 0);
	return sample;
}

static void end(struct sample *sample)
{
	graph_plan_free(sample->build.plan);
	free(sample);
}

/* The answer for one row, by a plan whose scratch is filled with NaN before. */
static void answer(struct sample *sample, uint32_t output, const float *row, float *margins)
{
	enum model_link link;
	struct graph   *graph;
	float          *scratch;
	size_t          size_bytes;

	assert_int_equal(graph_finish(&sample->build, output, &link), 0);
	size_bytes = graph_size(sample->build.plan);
	graph      = aligned_alloc(MODEL_ALIGN_BYTES, size_bytes);
	assert_non_null(graph);
	graph_build(sample->build.plan, graph, size_bytes);
	scratch = aligned_alloc(MODEL_ALIGN_BYTES, graph_scratch_bytes(graph) + MODEL_ALIGN_BYTES);
	assert_non_null(scratch);
	memset(scratch, 0xff, graph_scratch_bytes(graph));
	graph_run(graph, row, scratch, margins);
	free(scratch);
	free(graph);
}

static void constants_are_computed_at_load(void **state)
{
	struct sample *s = begin(2);
	uint32_t       a = graph_add_number(&s->build, 3.0f), b = graph_add_number(&s->build, 4.0f);
	uint32_t       sum = graph_add_walk(&s->build, GRAPH_ADD, a, b);

	(void)state;
	assert_true(graph_constant_values(&s->build, sum)[0] == 7.0f);
	assert_int_equal(s->build.plan->node_count, 0);
	end(s);
}

static void bias_and_activation_join_the_layer(void **state)
{
	static const float weights[6] = { 1, 2, 3, 4, 5, 6 }, bias[3] = { 10, 20, -100 };
	struct graph_shape shape = { .rank = 2, .dims = { 2, 3 } };
	struct sample     *s     = begin(2);
	float              margins[3], row[2] = { 1, 2 };
	uint32_t           y;

	(void)state;
	y = graph_add_matmul(&s->build, s->x,
			     graph_add_constant(&s->build, GRAPH_FLOAT, shape, weights));
	y = graph_add_walk(&s->build, GRAPH_ADD, y, graph_add_numbers(&s->build, bias, 3));
	y = graph_add_scalar(&s->build, GRAPH_RELU, y, 0, 0);
	answer(s, y, row, margins);
	assert_int_equal(s->build.plan->node_count, 1);
	assert_int_equal(s->build.plan->nodes[0].op, GRAPH_DENSE);
	assert_int_equal(s->build.plan->nodes[0].activation, GRAPH_RELU);
	assert_int_equal(s->build.plan->nodes[0].input_count, 3);
	assert_true(margins[0] == 19.0f && margins[1] == 32.0f && margins[2] == 0.0f);
	end(s);
}

static void a_last_sigmoid_is_the_link(void **state)
{
	struct sample  *s = begin(1);
	enum model_link link;

	(void)state;
	assert_int_equal(graph_finish(&s->build,
				      graph_add_scalar(&s->build, GRAPH_SIGMOID, s->x, 0, 0),
				      &link),
			 0);
	assert_int_equal(link, MODEL_LOGISTIC);
	assert_int_equal(s->build.plan->node_count, 0);
	end(s);
}

/* Random graphs of sums and slices, computed beside in plain arrays that are never reused. */
#define RANDOM_NODES 60
#define WIDTH        4u

static void place_of_numbers_is_never_shared(void **state)
{
	uint64_t random = 20261125;

	(void)state;
	for (uint32_t turn = 0; turn < 300; turn++) {
		struct sample *s                               = begin(WIDTH);
		uint32_t       tensors[RANDOM_NODES + 1]       = { s->x };
		float          values[RANDOM_NODES + 1][WIDTH] = { { 1, 2, 3, 4 } }, margins[WIDTH];
		float          row[WIDTH]                      = { 1, 2, 3, 4 };

		for (uint32_t n = 1; n <= RANDOM_NODES; n++) {
			uint32_t a      = (uint32_t)(sample_random(&random) % n);
			uint32_t b      = (uint32_t)(sample_random(&random) % n);
			bool     turned = sample_random(&random) % 4 == 0;

			for (uint32_t i = 0; i < WIDTH; i++)
				values[n][i] = turned ? values[a][WIDTH - 1 - i] * 0.5f
						      : (values[a][i] + values[b][i]) * 0.5f;
			if (turned) {
				uint32_t           first[GRAPH_RANK_MAX] = { 0, WIDTH - 1 };
				int32_t            step[GRAPH_RANK_MAX]  = { 1, -1 };
				struct graph_shape shape = { .rank = 2, .dims = { 1, WIDTH } };

				tensors[n] = graph_add_slice(&s->build, tensors[a], first, step,
							     shape);
			} else {
				tensors[n] = graph_add_walk(&s->build, GRAPH_ADD, tensors[a],
							    tensors[b]);
			}
			tensors[n] = graph_add_walk(&s->build, GRAPH_MUL, tensors[n],
						    graph_add_number(&s->build, 0.5f));
		}
		answer(s, tensors[RANDOM_NODES], row, margins);
		for (uint32_t i = 0; i < WIDTH; i++)
			assert_true(margins[i] == values[RANDOM_NODES][i]);
		end(s);
	}
}

static void refusals_name_the_node(void **state)
{
	struct sample     *s      = begin(3);
	static const float two[2] = { 1, 2 };

	(void)state;
	assert_int_equal(graph_add_walk(&s->build, GRAPH_ADD, s->x,
					graph_add_numbers(&s->build, two, 2)),
			 GRAPH_NONE);
	assert_string_equal(s->failure.place, "node 'test' (Test)");
	assert_string_equal(s->failure.detail, "shapes [1, 3] and [2] do not go together");
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants_are_computed_at_load),
		cmocka_unit_test(bias_and_activation_join_the_layer),
		cmocka_unit_test(a_last_sigmoid_is_the_link),
		cmocka_unit_test(place_of_numbers_is_never_shared),
		cmocka_unit_test(refusals_name_the_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
