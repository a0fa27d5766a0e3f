/* Any bytes as a model in LightGBM's text; model_fuzz.h says what must hold. */
#include "tests/fuzz/model_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static const char first[] = "tree\n"; /* keeps the input with this reader */
	uint8_t          *file    = malloc(sizeof(first) - 1 + size_bytes);

	if (!file)
		abort();
	memcpy(file, first, sizeof(first) - 1);
	if (size_bytes > 0)
		memcpy(file + sizeof(first) - 1, data, size_bytes);
	model_fuzz_one(file, sizeof(first) - 1 + size_bytes);
	free(file);
	return 0;
}
