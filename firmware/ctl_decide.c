/* assayctl decide: the offline twin.  The same walk as the net core's, without a
 * network, an audit chain or a time ledger. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/http/http.h"
#include "firmware/ctl.h"
#include "firmware/live.h"
#include "firmware/walk.h"

static const char usage[] =
	"assayctl decide --config FILE < requests.jsonl > answers.jsonl\n\n"
	"Decides each line, one request body (a payment or a batch), with the appliance's\n"
	"own code and prints one answer a line: what POST /v1/decisions answers, without\n"
	"the time ledger and the place in the audit chain.  A refused line gives its\n"
	"problem object.  Exit status 1 when a line was refused.\n\n"
	"Example: assayctl decide --config config/appliance.cfg < day.jsonl > decided.jsonl\n";

static bool load(const char *path, struct live **live)
{
	static struct config       config;
	static struct config_error errors;
	char                       error[LIVE_ERROR_BYTES];
	struct timespec            ts;
	struct live_options        options = { .config = &config, .epoch = 1, .offline = true };

	clock_gettime(CLOCK_REALTIME, &ts);
	options.wall_ns = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
	if (!config_load(path, &config, &errors)) {
		for (uint32_t i = 0; i < errors.count; i++)
			fprintf(stderr, "%s\n", errors.lines[i]);
		return false;
	}
	if (!live_make(&options, live, error)) {
		fprintf(stderr, "assayctl decide: %s\n", error);
		return false;
	}
	return true;
}

/* The body of the problem the appliance would answer, which ends its own line. */
static void print_problem(const struct failure *failure)
{
	uint8_t        out[HTTP_PROBLEM_BYTES_MAX];
	size_t         size = http_write_problem(out, sizeof(out), failure, NULL, true);
	const uint8_t *body = memmem(out, size, "\r\n\r\n", 4);

	assert(body);
	body += 4;
	fwrite(body, 1, size - (size_t)(body - out), stdout);
}

struct twin {
	struct walk         walk;
	struct walk_request request;
	size_t              body_max;
	char               *out;
	size_t              out_bytes;
	bool                refused;
};

static void twin_init(struct twin *twin, struct live *live)
{
	struct decode_limits limits = {
		.body_bytes_max = live->config.http.body_bytes_max,
		.batch_max      = live->config.decode.batch_max,
	};

	memset(twin, 0, sizeof(*twin));
	twin->body_max     = limits.body_bytes_max;
	twin->out_bytes    = REPLY_BATCH_BYTES_MAX(limits.batch_max);
	twin->out          = malloc(twin->out_bytes);
	twin->walk.decoder = decode_init(aligned_alloc(64, decode_size(&limits)), &limits);
	walk_request_init(&twin->request, calloc(1, walk_request_bytes(limits.batch_max)),
			  limits.batch_max);
	twin->request.body = malloc(twin->body_max + DECODE_PADDING_BYTES);
	walk_use(&twin->walk, live);
}

static void decide_line(struct twin *twin, const char *line, size_t size)
{
	struct walk_request *request = &twin->request;
	size_t               n;

	request->failure    = (struct failure){ .reason = REASON_http_too_long };
	request->body_bytes = size;
	if (size <= twin->body_max) {
		memcpy(request->body, line, size);
		if (walk_decode(&twin->walk, request) == REASON_NONE &&
		    walk_decide(&twin->walk, request) == REASON_NONE) {
			n = walk_reply(request, twin->out, twin->out_bytes, false);
			fwrite(twin->out, 1, n, stdout);
			putchar('\n');
			return;
		}
	}
	twin->refused = true;
	print_problem(&request->failure);
}

static void twin_free(struct twin *twin)
{
	free(twin->out);
	free(twin->request.body);
	free(twin->request.transactions);
	free(twin->walk.decoder);
}

int ctl_decide(int argc, char **argv)
{
	struct live *live;
	struct twin  twin;
	char        *line = NULL;
	size_t       room = 0;
	ssize_t      n;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc != 3 || strcmp(argv[1], "--config") != 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (!load(argv[2], &live))
		return 2;
	twin_init(&twin, live);
	while ((n = getline(&line, &room, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		decide_line(&twin, line, (size_t)n);
	}
	free(line);
	twin_free(&twin);
	live_free(live);
	return twin.refused ? 1 : 0;
}
