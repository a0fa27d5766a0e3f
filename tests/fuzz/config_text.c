/* A hostile configuration file, all the way to a checked struct.
 *
 * Covered: prescan, libconfig itself on whatever the prescan lets through, the
 * flattening, the checks and rules, and reading the values back.  libconfig runs
 * in this process, which is what the firmware never does: a call of exit() or a
 * memory error in the library on passed text ends the fuzzer and is a finding, for
 * then the sandbox was the only wall.
 * Not covered: the sandbox and the pipe (tests/unit/config/child_test.c), and the
 * resolving of file names, which load.c does only when all else is good. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/flatten.h"
#include "config/prescan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static uint8_t             memory[STREAM_BYTES_MAX];
	static struct config       config;
	static struct config_error error;
	struct errors              errors;
	struct stream              stream = { .data = memory, .capacity_bytes = sizeof(memory) };
	struct check               check  = { .config = &config,
					      .errors = &errors,
					      .text   = bytes_of(data, size_bytes) };
	struct prescan_fault       fault;
	uint8_t                    digest[DIGEST_BYTES];
	char                      *text;

	if (!prescan(check.text, &fault))
		return 0;
	text = malloc(size_bytes + 1);
	if (size_bytes > 0)
		memcpy(text, data, size_bytes);
	text[size_bytes] = '\0';
	flatten(text, &stream);
	free(text);

	errors_init(&errors, "fuzz", &error);
	config_defaults(&config);
	check_stream(&check, bytes_of(stream.data, stream.size_bytes));
	/* What flatten() makes is always taken for what it is, to its END. */
	if (!check.ended)
		abort();
	if (error.count == 0)
		check_rules(&check);
	if (error.count == 0) {
		plan_fill(&config);
		config_digest(&config, digest);
	}
	return 0;
}
