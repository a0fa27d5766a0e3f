#include "runtime/model/read/names.h"

#include <assert.h>
#include <string.h>

const char *names_put(struct model_facts *facts, uint32_t index, struct bytes name)
{
	static_assert(MODEL_NAME_BYTES_MAX == 63, "the sentence says so");

	assert(index < MODEL_FEATURES_MAX);
	if (name.size_bytes == 0 || name.size_bytes > MODEL_NAME_BYTES_MAX ||
	    memchr(name.data, 0, name.size_bytes))
		return "a feature's name is a string of 1 to 63 bytes";
	memset(facts->names[index], 0, sizeof(facts->names[index]));
	memcpy(facts->names[index], name.data, name.size_bytes);
	for (uint32_t i = 0; i < index; i++)
		if (strcmp(facts->names[i], facts->names[index]) == 0)
			return "two features have this name";
	return NULL;
}
