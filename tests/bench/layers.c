/* Neural layers against ONNX Runtime, one core, one row, side by side in one run:
 *
 *   [PAIRS=400] build/tests/bench/layers
 *
 * MLP 256-128-64-1 in float32 and in whole numbers, and the GRU of the shared models when it
 * is there.  First the results are compared; then bursts of ours, of the peer and of a bare
 * read of as many bytes as the MLP's weights have (the bound: they come from the second-level
 * cache) take turns.  A pair counts when a fixed chain of additions around it took the same
 * time within a quarter.  Ratios are medians of the pairs', with their first and last decile. */
#include <immintrin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "runtime/model/kernel/dense8.h"
#include "runtime/model/kernel/recurrent.h"
#include "tests/bench/peer/onnxruntime.h"

#define LAYERS    3
#define ROWS      256
#define STEPS     7
#define FEATURES  220
#define HIDDEN    200
#define PAIRS_MAX 5000

static const uint32_t sides[LAYERS + 1] = { 256, 128, 64, 1 };

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *new_memory(size_t size_bytes)
{
	void *memory = aligned_alloc(4096, (size_bytes + 4095) & ~(size_t)4095);

	if (!memory)
		abort();
	memset(memory, 0, size_bytes);
	return memory;
}

/* NULL: no such file. */
static float *read_floats(const char *path)
{
	struct stat info;
	FILE       *file = fopen(path, "rb");
	float      *x;

	if (!file || fstat(fileno(file), &info) != 0)
		return NULL;
	x = new_memory((size_t)info.st_size);
	if (fread(x, 1, (size_t)info.st_size, file) != (size_t)info.st_size)
		abort();
	fclose(file);
	return x;
}

/* ---- what takes turns */

struct mlp {
	struct dense_weights weights[LAYERS];
	struct dense        *layers[LAYERS];
	struct dense8       *whole[LAYERS];
	const float         *rows; /* [ROWS][256] */
	float                x[256], a[128], b[64], o[1];
	uint8_t             *work;
	const float         *bytes; /* as many as the layers take */
	size_t               size_bytes;
};

struct gru {
	struct recurrent_weights weights[2];
	struct recurrent        *layers[2], *whole[2];
	struct dense_weights     head_weights;
	struct dense            *head;
	float                    x[STEPS * FEATURES], first[STEPS * HIDDEN], second[STEPS * HIDDEN];
	float                    state[HIDDEN], o[STEPS];
	void                    *work;
};

static struct mlp   mlp;
static struct gru   gru;
static struct peer *peer_mlp, *peer_int8, *peer_gru;

static void run_mlp(void)
{
	dense_run(mlp.layers[0], mlp.x, 1, mlp.a);
	dense_run(mlp.layers[1], mlp.a, 1, mlp.b);
	dense_run(mlp.layers[2], mlp.b, 1, mlp.o);
}

static void run_mlp_whole(void)
{
	dense8_run(mlp.whole[0], mlp.x, 1, mlp.work, mlp.a);
	dense8_run(mlp.whole[1], mlp.a, 1, mlp.work, mlp.b);
	dense8_run(mlp.whole[2], mlp.b, 1, mlp.work, mlp.o);
}

static void run_gru_layers(struct recurrent *const layers[2])
{
	memset(gru.state, 0, sizeof(gru.state));
	recurrent_run(layers[0], gru.x, STEPS, gru.state, gru.work, gru.first);
	memset(gru.state, 0, sizeof(gru.state));
	recurrent_run(layers[1], gru.first, STEPS, gru.state, gru.work, gru.second);
	dense_run(gru.head, gru.second, STEPS, gru.o);
}

static void run_gru(void)
{
	run_gru_layers(gru.layers);
}

static void run_gru_whole(void)
{
	run_gru_layers(gru.whole);
}

static void run_peer_mlp(void)
{
	peer_run(peer_mlp);
}

static void run_peer_int8(void)
{
	peer_run(peer_int8);
}

static void run_peer_gru(void)
{
	peer_run(peer_gru);
}

KERNEL_AVX2 static void read_bytes(void)
{
	const __m256i *at = (const __m256i *)mlp.bytes, *end = at + mlp.size_bytes / 32;
	__m256i        sum[8] = { 0 };

	for (; end - at >= 8; at += 8) {
#pragma GCC unroll 8
		for (uint32_t i = 0; i < 8; i++)
			sum[i] = _mm256_xor_si256(sum[i], _mm256_load_si256(at + i));
	}
	for (uint32_t i = 1; i < 8; i++)
		sum[0] = _mm256_xor_si256(sum[0], sum[i]);
	__asm__ volatile("" : : "x"(sum[0]));
}

/* ---- measuring */

static double burst(void (*run)(void), uint32_t turns)
{
	double began = now_ns();

	for (uint32_t i = 0; i < turns; i++)
		run();
	return (now_ns() - began) / turns;
}

static double canary(void)
{
	double   began = now_ns();
	uint64_t x     = 1;

	for (uint32_t i = 0; i < 20000; i++)
		__asm__ volatile("add $3, %0" : "+r"(x));
	return now_ns() - began;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double at(double *x, uint32_t count, double part)
{
	qsort(x, count, sizeof(*x), by_value);
	return count ? x[(uint32_t)(part * (count - 1))] : NAN;
}

/* How many times `other` takes what `ours` takes. */
static void compare(const char *what, void (*ours)(void), void (*other)(void), uint32_t turns,
		    uint32_t pairs)
{
	static double a[PAIRS_MAX], b[PAIRS_MAX], ratio[PAIRS_MAX];
	uint32_t      count = 0, void_pairs = 0;

	burst(ours, turns);
	burst(other, turns);
	for (uint32_t i = 0; i < pairs; i++) {
		double before = canary(), one = burst(ours, turns), two = burst(other, turns);
		double after = canary();

		if (after > 1.25 * before || before > 1.25 * after) {
			void_pairs++;
			continue;
		}
		a[count]       = one;
		b[count]       = two;
		ratio[count++] = two / one;
	}
	printf("%-34s ours %8.0f ns, other %8.0f ns, other / ours %5.2f [%.2f to %.2f], %u pairs, "
	       "%u void\n",
	       what, at(a, count, 0.5), at(b, count, 0.5), at(ratio, count, 0.5),
	       at(ratio, count, 0.1), at(ratio, count, 0.9), count, void_pairs);
	fflush(stdout);
}

/* ---- setting up */

static void pack_mlp(const float *flat)
{
	uint8_t *memory;

	for (uint32_t i = 0; i < LAYERS; i++) {
		mlp.weights[i] = (struct dense_weights){
			.inner           = sides[i],
			.columns         = sides[i + 1],
			.w               = flat,
			.bias            = flat + (size_t)sides[i] * sides[i + 1],
			.activation.kind = i + 1 < LAYERS ? KERNEL_RELU : KERNEL_NONE,
		};
		flat = mlp.weights[i].bias + sides[i + 1];
		mlp.size_bytes += dense_size(sides[i], sides[i + 1]);
	}
	memory    = new_memory(mlp.size_bytes);
	mlp.bytes = (const float *)memory;
	for (uint32_t i = 0; i < LAYERS; i++) {
		mlp.layers[i] = dense_pack(memory, &mlp.weights[i]);
		memory += mlp.layers[i]->size_bytes;
	}
}

/* Each layer's scale from what the layer before makes of the rows. */
static void calibrate_mlp(void)
{
	const float *x = mlp.rows;

	mlp.work = new_memory(dense8_work_bytes(sides[0]));
	for (uint32_t i = 0; i < LAYERS; i++) {
		float *o = new_memory((size_t)ROWS * sides[i + 1] * sizeof(float));

		mlp.whole[i] = dense8_pack(new_memory(dense8_size(sides[i], sides[i + 1])),
					   &mlp.weights[i],
					   dense8_calibrate(x, (size_t)ROWS * sides[i]));
		dense_run(mlp.layers[i], x, ROWS, o);
		x = o;
	}
}

static void pack_gru(const float *flat)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t features = i == 0 ? FEATURES : HIDDEN;

		gru.weights[i] = (struct recurrent_weights){
			.kind        = RECURRENT_GRU,
			.reset_after = true,
			.features    = features,
			.hidden      = HIDDEN,
			.w           = flat,
			.r           = flat + (size_t)3 * HIDDEN * features,
		};
		gru.weights[i].bias = gru.weights[i].r + 3 * HIDDEN * HIDDEN;
		flat                = gru.weights[i].bias + 6 * HIDDEN;
		gru.layers[i]       = recurrent_pack(new_memory(recurrent_size(&gru.weights[i])),
						     &gru.weights[i]);
	}
	gru.head_weights = (struct dense_weights){ .inner           = HIDDEN,
						   .columns         = 1,
						   .w               = flat,
						   .bias            = flat + HIDDEN,
						   .activation.kind = KERNEL_SIGMOID };
	gru.head         = dense_pack(new_memory(dense_size(HIDDEN, 1)), &gru.head_weights);
	gru.work         = new_memory(recurrent_work_bytes(&gru.weights[0], STEPS));
}

static void calibrate_gru(void)
{
	run_gru();
	for (uint32_t i = 0; i < 2; i++) {
		struct recurrent_weights weights = gru.weights[i];

		weights.whole       = true;
		weights.input_scale = i == 0 ? dense16_calibrate(gru.x, STEPS * FEATURES)
					     : dense16_calibrate(gru.first, STEPS * HIDDEN);
		gru.whole[i] = recurrent_pack(new_memory(recurrent_size(&weights)), &weights);
	}
}

/* ---- equality first */

static double sigmoid(double x)
{
	return 1.0 / (1.0 + exp(-x));
}

static double gate_row(const struct recurrent_weights *w, uint32_t g, const double *x,
		       const double *h, double factor)
{
	double from_x = (double)w->bias[g], from_h = (double)w->bias[3 * HIDDEN + g];

	for (uint32_t k = 0; k < w->features; k++)
		from_x += (double)w->w[(size_t)g * w->features + k] * x[k];
	for (uint32_t k = 0; k < HIDDEN; k++)
		from_h += (double)w->r[(size_t)g * HIDDEN + k] * h[k];
	return from_x + factor * from_h;
}

/* One layer in double: x becomes its output. */
static void exact_layer(const struct recurrent_weights *w, double x[STEPS][FEATURES])
{
	double h[HIDDEN] = { 0 }, next[HIDDEN];

	for (uint32_t step = 0; step < STEPS; step++) {
		for (uint32_t i = 0; i < HIDDEN; i++) {
			double z = sigmoid(gate_row(w, i, x[step], h, 1.0));
			double r = sigmoid(gate_row(w, HIDDEN + i, x[step], h, 1.0));

			next[i] = (1.0 - z) * tanh(gate_row(w, 2 * HIDDEN + i, x[step], h, r)) +
				  z * h[i];
		}
		memcpy(h, next, sizeof(h));
		memcpy(x[step], h, sizeof(h));
	}
}

static void exact_gru(double o[STEPS])
{
	static double x[STEPS][FEATURES];

	for (uint32_t i = 0; i < STEPS * FEATURES; i++)
		x[i / FEATURES][i % FEATURES] = (double)gru.x[i];
	exact_layer(&gru.weights[0], x);
	exact_layer(&gru.weights[1], x);
	for (uint32_t step = 0; step < STEPS; step++) {
		double sum = (double)gru.head_weights.bias[0];

		for (uint32_t i = 0; i < HIDDEN; i++)
			sum += (double)gru.head_weights.w[i] * x[step][i];
		o[step] = sigmoid(sum);
	}
}

static void mlp_is_right(void)
{
	float               fast[ROWS], whole[ROWS], judged[ROWS], a[128], b[64];
	double              worst = 0.0, worst8 = 0.0;
	struct dense8_error error;

	for (uint32_t row = 0; row < ROWS; row++) {
		memcpy(mlp.x, mlp.rows + (size_t)row * 256, sizeof(mlp.x));
		run_mlp();
		fast[row] = mlp.o[0];
		dense_judge(&mlp.weights[0], mlp.x, 1, a);
		dense_judge(&mlp.weights[1], a, 1, b);
		dense_judge(&mlp.weights[2], b, 1, &judged[row]);
		run_mlp_whole();
		whole[row] = mlp.o[0];
		peer_run(peer_mlp);
		worst = fmax(worst, fabs((double)fast[row] - (double)peer_output(peer_mlp)[0]));
		peer_run(peer_int8);
		worst8 = fmax(worst8, fabs((double)fast[row] - (double)peer_output(peer_int8)[0]));
	}
	error = dense8_error_of(whole, fast, ROWS);
	printf("MLP, %u rows: %s the judge's bits; furthest from the peer %.1e\n", ROWS,
	       memcmp(fast, judged, sizeof(fast)) == 0 ? "has" : "HAS NOT", worst);
	printf("MLP int8 against float32: largest %.3f, mean %.3f; the peer's int8: largest %.3f\n",
	       (double)error.largest, (double)error.mean, worst8);
	if (memcmp(fast, judged, sizeof(fast)) != 0 || worst > 1e-5)
		exit(1);
}

static void gru_is_right(void)
{
	double exact[STEPS], ours = 0.0, theirs = 0.0, whole = 0.0;

	exact_gru(exact);
	peer_run(peer_gru);
	run_gru();
	for (uint32_t i = 0; i < STEPS; i++) {
		ours   = fmax(ours, fabs((double)gru.o[i] - exact[i]));
		theirs = fmax(theirs, fabs((double)peer_output(peer_gru)[i] - exact[i]));
	}
	run_gru_whole();
	for (uint32_t i = 0; i < STEPS; i++)
		whole = fmax(whole, fabs((double)gru.o[i] - exact[i]));
	printf("GRU against double: ours %.1e, the peer %.1e, ours in int16 %.1e\n", ours, theirs,
	       whole);
	if (ours > 1e-5)
		exit(1);
}

/* Written by a script beside this one, into the build directory. */
static void write_models(const char *folder)
{
	const char *shared = getenv("ASSAY_SHARED");
	char        command[1024];

	snprintf(command, sizeof(command),
		 "python3 tests/bench/peer/layers_models.py '%s' '%s/data/models/ibm_ccf_gru.onnx' "
		 "2>/dev/null",
		 folder, shared ? shared : "/none");
	if (system(command) != 0) {
		fprintf(stderr, "the models cannot be written; run it from the tree\n");
		exit(2);
	}
}

static void bench_gru(const char *folder, uint32_t pairs)
{
	const int64_t dims[3] = { STEPS, 1, FEATURES };
	char          path[512];
	float        *flat;

	snprintf(path, sizeof(path), "%s/gru.f32", folder);
	flat = read_floats(path);
	if (!flat) {
		printf("# GRU skipped: no shared model\n");
		return;
	}
	srand(20261125);
	for (uint32_t i = 0; i < STEPS * FEATURES; i++) /* one-hot, mostly, as it was trained */
		gru.x[i] = rand() % 10 == 0 ? 1.0f : 0.0f;
	pack_gru(flat);
	calibrate_gru();
	snprintf(path, sizeof(path), "%s/gru.onnx", folder);
	peer_gru = peer_open(path, gru.x, dims, 3);
	gru_is_right();
	compare("GRU 2 x 200, 7 x 220, float32", run_gru, run_peer_gru, 2, pairs);
	compare("GRU 2 x 200, 7 x 220, int16", run_gru_whole, run_peer_gru, 2, pairs);
}

int main(int argc, char **argv)
{
	const char   *given   = getenv("PAIRS");
	uint32_t      pairs   = given ? (uint32_t)strtoul(given, NULL, 10) : 400;
	const int64_t dims[2] = { 1, 256 };
	char          folder[256], path[512];
	const char   *slash = strrchr(argv[0], '/');

	(void)argc;
	if (pairs == 0 || pairs > PAIRS_MAX)
		pairs = 400;
	snprintf(folder, sizeof(folder), "%.*s/layers_models", slash ? (int)(slash - argv[0]) : 1,
		 slash ? argv[0] : ".");
	write_models(folder);
	snprintf(path, sizeof(path), "%s/mlp.f32", folder);
	pack_mlp(read_floats(path));
	snprintf(path, sizeof(path), "%s/mlp_rows.f32", folder);
	mlp.rows = read_floats(path);
	calibrate_mlp();
	snprintf(path, sizeof(path), "%s/mlp.onnx", folder);
	peer_mlp = peer_open(path, mlp.x, dims, 2);
	snprintf(path, sizeof(path), "%s/mlp_int8.onnx", folder);
	peer_int8 = peer_open(path, mlp.x, dims, 2);
	mlp_is_right();
	compare("MLP float32", run_mlp, run_peer_mlp, 40, pairs);
	compare("MLP float32, a bare read (below 1)", run_mlp, read_bytes, 40, pairs);
	compare("MLP int8", run_mlp_whole, run_peer_mlp, 40, pairs);
	compare("MLP int8, the peer's int8", run_mlp_whole, run_peer_int8, 40, pairs);
	bench_gru(folder, pairs);
	return 0;
}
