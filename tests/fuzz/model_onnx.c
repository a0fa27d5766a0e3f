/* Any bytes as an ONNX model; model_fuzz.h says what must hold. */
#include "tests/fuzz/model_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	uint8_t *file = malloc(size_bytes + 1);

	if (!file)
		abort();
	if (size_bytes > 0)
		memcpy(file, data, size_bytes);
	file[0] = 0x08; /* keeps the input with this reader */
	model_fuzz_one(file, size_bytes ? size_bytes : 1);
	free(file);
	return 0;
}
