#include "tests/bench/peer/onnxruntime.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <onnxruntime/onnxruntime_c_api.h>

struct peer {
	OrtSession *session;
	OrtValue   *input, *output;
	char       *input_name, *output_name;
	float      *o;
};

static const OrtApi *api;
static OrtEnv       *env;

static void check(OrtStatus *status)
{
	if (!status)
		return;
	fprintf(stderr, "ONNX Runtime: %s\n", api->GetErrorMessage(status));
	exit(2);
}

static void open_session(struct peer *peer, const char *path)
{
	OrtSessionOptions *options;

	check(api->CreateSessionOptions(&options));
	check(api->SetIntraOpNumThreads(options, 1));
	check(api->SetInterOpNumThreads(options, 1));
	check(api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL));
	check(api->CreateSession(env, path, options, &peer->session));
	api->ReleaseSessionOptions(options);
}

struct peer *peer_open(const char *path, float *x, const int64_t *dims, size_t rank)
{
	struct peer   *peer = calloc(1, sizeof(*peer));
	OrtMemoryInfo *memory;
	OrtAllocator  *allocator;
	size_t         count = 1;

	if (!peer || access(path, R_OK) != 0)
		return NULL;
	if (!api) {
		api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
		check(api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bench", &env));
	}
	open_session(peer, path);
	check(api->GetAllocatorWithDefaultOptions(&allocator));
	check(api->SessionGetInputName(peer->session, 0, allocator, &peer->input_name));
	check(api->SessionGetOutputName(peer->session, 0, allocator, &peer->output_name));
	check(api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory));
	for (size_t i = 0; i < rank; i++)
		count *= (size_t)dims[i];
	check(api->CreateTensorWithDataAsOrtValue(memory, x, count * sizeof(float), dims, rank,
						  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
						  &peer->input));
	peer_run(peer); /* the first run makes the output, which later ones reuse */
	check(api->GetTensorMutableData(peer->output, (void **)&peer->o));
	return peer;
}

void peer_run(struct peer *peer)
{
	const char *input_name = peer->input_name, *output_name = peer->output_name;

	check(api->Run(peer->session, NULL, &input_name, (const OrtValue *const *)&peer->input, 1,
		       &output_name, 1, &peer->output));
}

const float *peer_output(const struct peer *peer)
{
	return peer->o;
}
