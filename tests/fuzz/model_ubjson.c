/* Any bytes as a model in UBJSON; model_fuzz.h says what must hold. */
#include "tests/fuzz/model_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	uint8_t *file = malloc(size_bytes + 2);

	if (!file)
		abort();
	/* The opening brace and a length marker keep it with the UBJSON reader. */
	file[0] = '{';
	file[1] = 'L';
	if (size_bytes > 0)
		memcpy(file + 2, data, size_bytes);
	model_fuzz_one(file, size_bytes + 2);
	free(file);
	return 0;
}
