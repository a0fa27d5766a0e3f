/* One row through 500 trees of depth 6 over 64 features: ours beside XGBoost's C interface and
 * ONNX Runtime's, each with one thread, on one core.
 *
 *     build/tests/bench/forest [ALTERNATIONS]     default 15, at least 10
 *
 * tests/bench/forest_model.py trains the model (half a minute, once; kept in the build
 * directory).  First the three must agree: ours and XGBoost's margins bit for bit, ONNX Runtime
 * within 1e-4 (it adds the trees in another order).  Then bursts of each by turns; what counts is
 * the median of the ratios within one turn, with the smallest and largest beside it. */
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <onnxruntime/onnxruntime_c_api.h>
#include <xgboost/c_api.h>

#include "runtime/model/model.h"

#define FEATURES         64
#define ROWS             4096
#define ALTERNATIONS_MAX 1000

#define MUST(condition)                                              \
	do {                                                         \
		if (!(condition)) {                                  \
			fprintf(stderr, "failed: %s\n", #condition); \
			exit(1);                                     \
		}                                                    \
	} while (0)

static float rows[ROWS][FEATURES];
static char  folder[512];

static struct bytes read_whole(const char *name)
{
	char   path[600];
	FILE  *file;
	long   size_bytes;
	char  *data;
	size_t got;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	MUST(file);
	MUST(fseek(file, 0, SEEK_END) == 0);
	size_bytes = ftell(file);
	rewind(file);
	data = malloc((size_t)size_bytes);
	MUST(data);
	got = fread(data, 1, (size_t)size_bytes, file);
	MUST(got == (size_t)size_bytes);
	fclose(file);
	return bytes_of(data, got);
}

static void make_files(void)
{
	const char *build = getenv("B");
	struct stat st;
	char        command[1200];

	snprintf(folder, sizeof(folder), "%s/bench/forest", build ? build : "build");
	snprintf(command, sizeof(command), "%s/rows.f32", folder);
	if (stat(command, &st) == 0)
		return;
	snprintf(command, sizeof(command), "mkdir -p %s && python3 tests/bench/forest_model.py %s",
		 folder, folder);
	MUST(system(command) == 0);
}

/* ---- ours */

static struct model *model;
static void         *scratch;

static void ours_open(void)
{
	static struct feature_schema schema = { .count = FEATURES };
	struct bytes                 file   = read_whole("model.json");
	struct model_plan           *plan;
	struct failure               failure;
	size_t                       size_bytes;

	MUST(model_parse(file, &plan, &failure) == 0);
	size_bytes = model_size(plan);
	model      = model_build(plan, aligned_alloc(MODEL_ALIGN_BYTES, size_bytes), size_bytes);
	model_free_plan(plan);
	MUST(model_bind(model, &schema, &failure) == 0);
	if (model_scratch_bytes(model) > 0)
		scratch = aligned_alloc(MODEL_ALIGN_BYTES, model_scratch_bytes(model));
	printf("ours: %u trees, %u nodes, %zu KiB\n", model_tree_count(model),
	       model_node_count(model), size_bytes / 1024);
}

static float ours_run(uint32_t row)
{
	float margin;

	model_run(model, rows[row], scratch, &margin);
	return margin;
}

/* ---- XGBoost */

static BoosterHandle booster;
static DMatrixHandle proxy;
static char          arrays[ROWS][160]; /* where each row is, as XGBoost wants to be told */

static void xgboost_open(void)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/model.json", folder);
	MUST(XGBoosterCreate(NULL, 0, &booster) == 0);
	MUST(XGBoosterLoadModel(booster, path) == 0);
	MUST(XGBoosterSetParam(booster, "nthread", "1") == 0);
	MUST(XGProxyDMatrixCreate(&proxy) == 0);
	for (uint32_t i = 0; i < ROWS; i++)
		snprintf(arrays[i], sizeof(arrays[i]),
			 "{\"data\":[%zu,true],\"shape\":[1,%d],\"typestr\":\"<f4\",\"version\":3}",
			 (size_t)rows[i], FEATURES);
}

static float xgboost_run(uint32_t row)
{
	static const char config[] = "{\"type\":1,\"iteration_begin\":0,\"iteration_end\":0,"
				     "\"strict_shape\":false,\"missing\":NaN,\"cache_id\":0}";
	const bst_ulong  *shape;
	bst_ulong         dimensions;
	const float      *out;

	MUST(XGBoosterPredictFromDense(booster, arrays[row], config, proxy, &shape, &dimensions,
				       &out) == 0);
	return out[0];
}

/* ---- ONNX Runtime */

static const OrtApi *ort;
static OrtSession   *session;
static OrtValue     *input;
static OrtValue     *output;
static float         input_row[FEATURES];
static float         output_value;

static void ort_must(OrtStatus *status)
{
	if (status) {
		fprintf(stderr, "onnxruntime: %s\n", ort->GetErrorMessage(status));
		exit(1);
	}
}

/* Standard error is closed and opened again. */
static void hush(bool on)
{
	static int kept = -1;
	int        null;

	fflush(stderr);
	if (on) {
		kept = dup(STDERR_FILENO);
		null = open("/dev/null", O_WRONLY);
		MUST(kept >= 0 && null >= 0 && dup2(null, STDERR_FILENO) >= 0);
		close(null);
	} else {
		MUST(dup2(kept, STDERR_FILENO) >= 0);
		close(kept);
	}
}

static void onnx_open(void)
{
	const int64_t      in_shape[]  = { 1, FEATURES };
	const int64_t      out_shape[] = { 1, 1 };
	OrtEnv            *env;
	OrtSessionOptions *options;
	OrtMemoryInfo     *memory;
	char               path[600];

	snprintf(path, sizeof(path), "%s/model.onnx", folder);
	ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
	MUST(ort);
	hush(true); /* Debian's build says "Schema error" 500 times, and works */
	ort_must(ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bench", &env));
	hush(false);
	ort_must(ort->CreateSessionOptions(&options));
	ort_must(ort->SetIntraOpNumThreads(options, 1));
	ort_must(ort->SetInterOpNumThreads(options, 1));
	ort_must(ort->CreateSession(env, path, options, &session));
	ort_must(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
	ort_must(ort->CreateTensorWithDataAsOrtValue(memory, input_row, sizeof(input_row), in_shape,
						     2, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
						     &input));
	ort_must(ort->CreateTensorWithDataAsOrtValue(memory, &output_value, sizeof(output_value),
						     out_shape, 2,
						     ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &output));
}

static float onnx_run(uint32_t row)
{
	static const char *const in_names[]  = { "x" };
	static const char *const out_names[] = { "y" };

	memcpy(input_row, rows[row], sizeof(input_row));
	ort_must(ort->Run(session, NULL, in_names, (const OrtValue *const *)&input, 1, out_names, 1,
			  &output));
	return output_value;
}

/* ---- attributions: of a row in a DMatrix of its own, as a service would */

#define EXPLAINED 8

static void ours_explain(uint32_t row, double *out)
{
	static void *memory;

	if (!memory)
		memory = aligned_alloc(MODEL_ALIGN_BYTES, model_explain_scratch_bytes(model));
	model_explain(model, rows[row], memory, out);
}

static void xgboost_explain(uint32_t row, double *out)
{
	static const char config[] = "{\"type\":2,\"training\":false,\"iteration_begin\":0,"
				     "\"iteration_end\":0,\"strict_shape\":false}";
	const bst_ulong  *shape;
	bst_ulong         dimensions;
	const float      *given;
	DMatrixHandle     matrix;

	MUST(XGDMatrixCreateFromMat(rows[row], 1, FEATURES, NAN, &matrix) == 0);
	MUST(XGBoosterPredictFromDMatrix(booster, matrix, config, &shape, &dimensions, &given) ==
	     0);
	for (uint32_t i = 0; i <= FEATURES; i++)
		out[i] = (double)given[i];
	XGDMatrixFree(matrix);
}

static double explain_ns(void (*explain)(uint32_t, double *), uint32_t first)
{
	struct timespec from, to;
	double          out[FEATURES + 1];

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint32_t i = 0; i < EXPLAINED; i++)
		explain((first + i) % ROWS, out);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       EXPLAINED;
}

static void check_explained(void)
{
	double worst = 0.0;

	for (uint32_t i = 0; i < EXPLAINED; i++) {
		double mine[FEATURES + 1], theirs[FEATURES + 1];

		ours_explain(i, mine);
		xgboost_explain(i, theirs);
		for (uint32_t f = 0; f <= FEATURES; f++)
			if (fabs(mine[f] - theirs[f]) > worst)
				worst = fabs(mine[f] - theirs[f]);
	}
	printf("%d rows: attributions within %.2g of XGBoost's\n", EXPLAINED, worst);
	MUST(worst <= 1e-5);
}

/* ---- measuring */

static const struct peer {
	const char *name;
	uint32_t    burst; /* rows: all bursts last about as long, so that none is cut more often */
	float (*run)(uint32_t row);
} peers[] = { { "ours", 160, ours_run },
	      { "XGBoost C API", 10, xgboost_run },
	      { "ONNX Runtime", 16, onnx_run } };

#define PEERS (sizeof(peers) / sizeof(*peers))

static void check_equal(void)
{
	double worst = 0.0;

	for (uint32_t i = 0; i < ROWS; i++) {
		float  mine = ours_run(i), theirs = xgboost_run(i);
		double error = fabs((double)mine - (double)onnx_run(i));

		if (memcmp(&mine, &theirs, sizeof(mine)) != 0) {
			fprintf(stderr, "row %u: ours %a, XGBoost %a\n", i, (double)mine,
				(double)theirs);
			exit(1);
		}
		if (error > worst)
			worst = error;
	}
	printf("%u rows: bit-equal to XGBoost, ONNX Runtime within %.2g\n", ROWS, worst);
	MUST(worst <= 1e-4);
}

static double burst_ns(const struct peer *peer, uint32_t first)
{
	struct timespec from, to;
	volatile float  sum = 0.0f;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint32_t i = 0; i < peer->burst; i++)
		sum += peer->run((first + i) % ROWS);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       peer->burst;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure_explained(uint32_t turns)
{
	static double ns[2][ALTERNATIONS_MAX], ratio[ALTERNATIONS_MAX];

	check_explained();
	for (uint32_t t = 0; t < turns; t++) {
		ns[0][t] = explain_ns(ours_explain, t * EXPLAINED);
		ns[1][t] = explain_ns(xgboost_explain, t * EXPLAINED);
		ratio[t] = ns[1][t] / ns[0][t];
	}
	qsort(ns[0], turns, sizeof(*ns[0]), by_value);
	qsort(ns[1], turns, sizeof(*ns[1]), by_value);
	qsort(ratio, turns, sizeof(*ratio), by_value);
	printf("attributions: ours %.0f us a row, XGBoost %.0f us, %.2f times ours (%.2f to "
	       "%.2f)\n",
	       ns[0][turns / 2] / 1e3, ns[1][turns / 2] / 1e3, ratio[turns / 2], ratio[0],
	       ratio[turns - 1]);
}

int main(int argc, char **argv)
{
	static double ns[PEERS][ALTERNATIONS_MAX], ratio[ALTERNATIONS_MAX];
	uint32_t      turns = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 15;
	struct bytes  file;
	cpu_set_t     one;

	if (turns < 10 || turns > ALTERNATIONS_MAX)
		turns = 15;
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_files();
	MUST(sched_setaffinity(0, sizeof(one), &one) == 0);
	file = read_whole("rows.f32");
	MUST(file.size_bytes == sizeof(rows));
	memcpy(rows, file.data, sizeof(rows));
	ours_open();
	xgboost_open();
	onnx_open();
	check_equal();
	for (uint32_t t = 0; t < turns; t++)
		for (uint32_t p = 0; p < PEERS; p++)
			ns[p][t] = burst_ns(&peers[p], t * 160);
	for (uint32_t p = PEERS; p-- > 0;) { /* ours last: its times are sorted then */
		for (uint32_t t = 0; t < turns; t++)
			ratio[t] = ns[p][t] / ns[0][t];
		qsort(ratio, turns, sizeof(*ratio), by_value);
		qsort(ns[p], turns, sizeof(*ns[p]), by_value);
		printf("%-15s %8.2f us a row   %6.2f times ours (%.2f to %.2f)\n", peers[p].name,
		       ns[p][turns / 2] / 1e3, ratio[turns / 2], ratio[0], ratio[turns - 1]);
	}
	measure_explained(10);
	return 0;
}
