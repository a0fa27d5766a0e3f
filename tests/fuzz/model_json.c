/* Any bytes as a model in JSON; model_fuzz.h says what must hold. */
#include "tests/fuzz/model_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	/* A leading blank keeps the input with the JSON reader. */
	uint8_t *file = malloc(size_bytes + 1);

	if (!file)
		abort();
	file[0] = ' ';
	if (size_bytes > 0)
		memcpy(file + 1, data, size_bytes);
	model_fuzz_one(file, size_bytes + 1);
	free(file);
	return 0;
}
