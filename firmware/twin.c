#include "firmware/twin.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/clock/clock.h"
#include "drivers/http/http.h"
#include "firmware/asked.h"
#include "firmware/ctl.h"
#include "firmware/twin_log.h"

/* ---- what comes out */

static void emit(void *ctx, struct slot *slot)
{
	struct twin      *twin = ctx;
	struct twin_line *line = slot->user;

	twin_log_record(twin, slot);
	if (slot->kind == AUDIT_DECISION || slot->kind == AUDIT_REPEAT) {
		twin->decisions += slot->kind == AUDIT_DECISION;
		twin->options.decided(twin, line, slot);
	}
	if (line)
		line->left--;
}

/* ---- what goes in */

/* When a label or an edit arrives: the time of the newest payment before it. */
static int64_t stream_now_ns(const struct twin *twin)
{
	return twin->newest_ns > 0 ? twin->newest_ns : clock_real_ns();
}

void twin_problem(struct twin *twin, const struct twin_line *line, const struct failure *failure)
{
	uint8_t        out[HTTP_PROBLEM_BYTES_MAX];
	size_t         size = http_write_problem(out, sizeof(out), failure, NULL, true);
	const uint8_t *body = memmem(out, size, "\r\n\r\n", 4);

	assert(body);
	body += 4;
	twin->refused++;
	if (twin->options.csv)
		fprintf(stderr, "line %lu: ", (unsigned long)line->number);
	fwrite(body, 1, size - (size_t)(body - out), twin->options.csv ? stderr : stdout);
}

/* A line that never went in. */
static void refuse(struct twin *twin, const struct twin_line *line)
{
	offline_drain(&twin->offline); /* it has its place in the order, too */
	twin_problem(twin, line, &line->request.failure);
}

static struct twin_line *free_line(struct twin *twin)
{
	struct twin_line *line = &twin->lines[twin->next_line++ % TWIN_LINES];

	while (line->left > 0)
		if (pipeline_emit(&twin->offline.pipeline, PIPELINE_SLOTS_MAX) == 0)
			sched_yield();
	line->request.failure = (struct failure){ 0 };
	line->number          = twin->line_number;
	return line;
}

/* Room for what a sequence model would see of the transaction in this slot. */
static float *window_of(const struct twin *twin, const struct slot *slot)
{
	const struct history_plan *plan = &twin->offline.config->history_plan;
	size_t                     at   = (size_t)(slot - twin->offline.pipeline.slots);

	return twin->windows ? twin->windows + at * plan->steps * plan->columns : NULL;
}

static void submit_decision(struct twin *twin, struct twin_line *line, size_t i,
			    const struct asked *asked)
{
	const struct transaction *t       = &line->request.transactions[i];
	struct live              *live    = twin->offline.live;
	struct slot              *slot    = pipeline_next(&twin->offline.pipeline);
	struct work              *work    = &slot->work;
	struct repeats           *repeats = twin->offline.engine.repeats;

	slot->user        = line;
	slot->index       = (uint32_t)i;
	work->transaction = t;
	work->brain       = &live->brain;
	work->shadow      = live->has_shadow ? &live->shadow : NULL;
	work->now_ns      = t->time_ns;
	twin->newest_ns   = t->time_ns > twin->newest_ns ? t->time_ns : twin->newest_ns;
	work->due_ns      = 0;
	work->follow      = false;
	work->ledger      = (struct ledger){ 0 };
	work->window      = window_of(twin, slot);
	if (repeats && repeats_find(repeats, asked->key, asked->body, t->time_ns,
				    &slot->first_sequence) == REPEATS_SAME) {
		slot->kind = AUDIT_REPEAT;
		pipeline_pass(&twin->offline.pipeline, slot);
		return;
	}
	if (repeats)
		repeats_add(repeats, asked->key, asked->body, slot->sequence, t->time_ns);
	pipeline_decide(&twin->offline.pipeline, slot, asked->key);
}

static void submit_label(struct twin *twin, struct twin_line *line, const struct label *label,
			 uint32_t i)
{
	struct slot *slot = pipeline_next(&twin->offline.pipeline);

	slot->user        = line;
	slot->index       = i;
	slot->label       = *label;
	slot->work.now_ns = stream_now_ns(twin);
	pipeline_label(&twin->offline.pipeline, slot,
		       asked_label_key(label, bytes_of(TWIN_IDENTITY, strlen(TWIN_IDENTITY))));
}

/* The keys of its transactions; false when an id was used for another transaction. */
static bool ask(struct twin *twin, struct twin_line *line, struct asked asked[DECODE_BATCH_MAX])
{
	struct bytes who = bytes_of(TWIN_IDENTITY, strlen(TWIN_IDENTITY));

	if (twin->offline.engine.repeats)
		return asked_check(twin->offline.engine.repeats, who, NULL, &line->request,
				   asked) == REASON_NONE;
	for (size_t i = 0; i < line->request.count; i++) {
		const struct transaction *t = &line->request.transactions[i];

		asked[i].key = repeats_key(who, bytes_of(t->id.data, t->id.size_bytes));
	}
	return true;
}

/* As the appliance: what was decided before is answered all the same. */
static bool is_welcome(const struct twin *twin, struct walk_request *request,
		       const struct asked *asked)
{
	struct repeats *repeats = twin->offline.engine.repeats;
	uint64_t        first;

	if (!repeats || !asked_of_nobody(&twin->offline.live->brain))
		return true;
	for (size_t i = 0; i < request->count; i++) {
		if (repeats_find(repeats, asked[i].key, asked[i].body,
				 request->transactions[i].time_ns, &first) == REPEATS_SAME)
			continue;
		request->failure = (struct failure){ .reason = REASON_not_ready };
		return false;
	}
	return true;
}

static bool take_decisions(struct twin *twin, struct twin_line *line)
{
	struct asked asked[DECODE_BATCH_MAX];

	if (walk_decode(&twin->walk, &line->request) != REASON_NONE)
		return false;
	offline_make_room(&twin->offline, (uint32_t)line->request.count);
	if (!ask(twin, line, asked) || !is_welcome(twin, &line->request, asked))
		return false;
	line->left = (uint32_t)line->request.count;
	for (size_t i = 0; i < line->request.count; i++)
		submit_decision(twin, line, i, &asked[i]);
	return true;
}

static bool take_labels(struct twin *twin, struct twin_line *line)
{
	struct walk_request *request = &line->request;
	struct label        *labels  = (struct label *)request->transactions;

	if (walk_decode_labels(&twin->walk, request) != REASON_NONE)
		return false;
	offline_make_room(&twin->offline, (uint32_t)request->count);
	line->left = (uint32_t)request->count;
	for (size_t i = 0; i < request->count; i++)
		submit_label(twin, line, &labels[i], (uint32_t)i);
	return true;
}

static bool take_edits(struct twin *twin, struct twin_line *line)
{
	struct walk_request *request = &line->request;
	struct list_edit    *edits   = (struct list_edit *)request->transactions;

	if (walk_decode_edits(&twin->walk, request) != REASON_NONE)
		return false;
	offline_make_room(&twin->offline, (uint32_t)request->count);
	line->left = (uint32_t)request->count;
	for (size_t i = 0; i < request->count; i++) {
		struct slot *slot = pipeline_next(&twin->offline.pipeline);

		slot->user        = line;
		slot->index       = (uint32_t)i;
		slot->edit        = edits[i];
		slot->work.now_ns = stream_now_ns(twin);
		pipeline_edit(&twin->offline.pipeline, slot, twin->offline.live, slot->work.now_ns);
	}
	return true;
}

/* By its first key; everything else is a payment or a batch. */
static const struct {
	const char *key;
	bool (*take)(struct twin *twin, struct twin_line *line);
} kinds[] = {
	{ "\"labels\"", take_labels },
	{ "\"edits\"", take_edits },
	{ "", take_decisions },
};

static bool take(struct twin *twin, struct twin_line *line)
{
	const char *key = memchr(line->request.body, '"', line->request.body_bytes);
	size_t left = key ? line->request.body_bytes - (size_t)((uint8_t *)key - line->request.body)
			  : 0;
	size_t i    = 0;

	while (strlen(kinds[i].key) > left ||
	       strncmp(key ? key : "", kinds[i].key, strlen(kinds[i].key)) != 0)
		i++;
	return kinds[i].take(twin, line);
}

static void do_line(struct twin *twin, const char *text, size_t size)
{
	struct twin_line *line = free_line(twin);
	size_t            max  = twin->offline.live->config.http.body_bytes_max;

	line->request.body_bytes = size;
	line->request.failure    = (struct failure){ .reason = REASON_http_too_long };
	if (size > max) {
		refuse(twin, line);
		return;
	}
	memcpy(line->request.body, text, size);
	if (!take(twin, line))
		refuse(twin, line);
}

static void do_row(struct twin *twin, const char *text)
{
	static char       body[CSV_BODY_BYTES_MAX];
	char              error[CSV_ERROR_BYTES];
	enum label_kind   kind;
	struct twin_line *line = free_line(twin);
	size_t            size = csv_row(&twin->csv, text, body, &kind, error);

	if (size == 0 || size > twin->offline.live->config.http.body_bytes_max) {
		fprintf(stderr, "line %lu: %s\n", (unsigned long)twin->line_number,
			size ? "is longer than http.body_bytes_max allows" : error);
		twin->refused++;
		return;
	}
	line->request.body_bytes = size;
	memcpy(line->request.body, body, size);
	if (!take_decisions(twin, line)) {
		refuse(twin, line);
		return;
	}
	if (kind != LABEL_NONE) {
		struct label label = { .kind = (uint8_t)kind };

		memcpy(&label.id, &line->request.transactions[0].id, sizeof(label.id));
		offline_make_room(&twin->offline, 1);
		submit_label(twin, NULL, &label, 0);
	}
}

/* ---- all of it */

static void make_lines(struct twin *twin)
{
	const struct config *config = twin->offline.config;
	struct decode_limits limits = { .body_bytes_max = config->http.body_bytes_max,
					.batch_max      = config->decode.batch_max };

	twin->walk.decoder = decode_init(aligned_alloc(64, decode_size(&limits)), &limits);
	walk_use(&twin->walk, twin->offline.live);
	for (int i = 0; i < TWIN_LINES; i++) {
		struct twin_line *line = &twin->lines[i];

		line->request.batch_max    = limits.batch_max;
		line->request.body         = malloc(limits.body_bytes_max + DECODE_PADDING_BYTES);
		line->request.transactions = calloc(limits.batch_max, sizeof(struct transaction));
		assert(line->request.body && line->request.transactions);
	}
}

static void free_lines(struct twin *twin)
{
	free(twin->walk.decoder);
	for (int i = 0; i < TWIN_LINES; i++) {
		free(twin->lines[i].request.body);
		free(twin->lines[i].request.transactions);
	}
}

static void show_progress(struct twin *twin, int64_t *told_ns)
{
	int64_t now_ns = clock_real_ns();

	if (now_ns - *told_ns < INT64_C(2000000000))
		return;
	*told_ns = now_ns;
	fprintf(stderr, "\r%lu lines, %lu decisions", (unsigned long)twin->line_number,
		(unsigned long)twin->decisions);
}

static void read_lines(struct twin *twin, FILE *in)
{
	char   *text = NULL;
	size_t  room = 0;
	ssize_t n;
	int64_t told_ns = clock_real_ns(), began_ns = told_ns;

	while ((n = getline(&text, &room, in)) > 0 && !twin->failed) {
		twin->line_number++;
		while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
			text[--n] = '\0';
		if (twin->options.csv)
			do_row(twin, text);
		else
			do_line(twin, text, (size_t)n);
		if ((twin->line_number & 1023) == 0)
			show_progress(twin, &told_ns);
	}
	offline_drain(&twin->offline);
	if (told_ns != began_ns)
		fprintf(stderr, "\r%lu lines, %lu decisions\n", (unsigned long)twin->line_number,
			(unsigned long)twin->decisions);
	free(text);
}

/* What the bounds of the histories cost, all shards together. */
static void tell_state(const struct twin *twin)
{
	struct state_counters   all;
	struct history_counters rows;

	engine_history_counters(&twin->offline.engine, 0, 1, &rows);
	if (twin->offline.engine.history)
		fprintf(stderr, "history: %lu accounts, %lu rows; %lu evicted\n",
			(unsigned long)rows.entries, (unsigned long)rows.rows,
			(unsigned long)rows.evicted);
	engine_counters(&twin->offline.engine, 0, 1, &all);
	fprintf(stderr,
		"state: %lu entities, %lu cells, %lu MiB; %lu filed, %lu merged, %lu evicted, "
		"%lu late, %lu labels lost\n",
		(unsigned long)all.entities, (unsigned long)all.cells,
		(unsigned long)(all.bytes >> 20), (unsigned long)all.filed,
		(unsigned long)all.merged, (unsigned long)all.evicted, (unsigned long)all.late,
		(unsigned long)all.label_lost);
}

/* Rows that came too late are in no history, and their own features lack what was before
 * them: that is not to be found out by reading the table. */
static void warn_of_late(const struct twin *twin)
{
	struct state_counters all;

	engine_counters(&twin->offline.engine, 0, 1, &all);
	if (all.late > 0)
		fprintf(stderr,
			"assayctl %s: payments came too late for %lu of their histories and were "
			"left out of them: sort the input by time, or raise "
			"state.lateness_seconds\n",
			twin->options.name, (unsigned long)all.late);
}

static bool begin_csv(struct twin *twin, FILE *in)
{
	char    error[CSV_ERROR_BYTES];
	char   *header = NULL;
	size_t  room   = 0;
	ssize_t n      = getline(&header, &room, in);
	bool    ok;

	while (n > 0 && (header[n - 1] == '\n' || header[n - 1] == '\r'))
		header[--n] = '\0';
	snprintf(error, sizeof(error), "is missing: standard input is empty");
	ok = n > 0 && csv_begin(&twin->csv, twin->offline.config, header, error);
	if (!ok)
		fprintf(stderr, "assayctl %s: the header %s\n", twin->options.name, error);
	free(header);
	twin->line_number = 1;
	return ok;
}

static bool take_option(struct twin_options *options, int argc, char **argv, int *at)
{
	const char *name  = argv[*at];
	const char *value = *at + 1 < argc ? argv[*at + 1] : NULL;

	if (strcmp(name, "--csv") == 0) {
		options->csv = true;
	} else if (strcmp(name, "--verbose") == 0) {
		options->verbose = true;
	} else if (strcmp(name, "--config") == 0 && value) {
		options->offline.config_path = value;
		++*at;
	} else if (strcmp(name, "--cores") == 0 && value) {
		options->offline.cores = ctl_cores(value);
		++*at;
	} else {
		return false;
	}
	return true;
}

int twin_options_take(struct twin_options *options, int argc, char **argv, const char *usage,
		      bool (*own)(struct twin_options *options, int argc, char **argv, int *at))
{
	bool valid = true;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	for (int i = 1; i < argc && valid; i++)
		valid = take_option(options, argc, argv, &i) || own(options, argc, argv, &i);
	if (valid && options->offline.config_path && options->offline.cores > 0)
		return -1;
	fputs(usage, stderr);
	return 2;
}

/* False, and said: the config keeps no rows. */
static bool make_windows(struct twin *twin)
{
	const struct history_plan *plan = &twin->offline.config->history_plan;

	if (!twin->options.windows)
		return true;
	if (plan->steps == 0) {
		fprintf(stderr, "%s: history.steps is 0, so there are no windows\n",
			twin->options.offline.config_path);
		return false;
	}
	twin->windows = calloc(PIPELINE_SLOTS_MAX, sizeof(float) * plan->steps * plan->columns);
	assert(twin->windows);
	return true;
}

int twin_run(const struct twin_options *options, FILE *in)
{
	struct twin *twin = offline_new(sizeof(*twin));
	int          status;

	twin->options = *options;
	if (!offline_open(&twin->offline, &options->offline, emit, twin)) {
		free(twin);
		return 2;
	}
	make_lines(twin);
	status = !make_windows(twin) || (options->audit && !twin_log_open(twin)) ||
				 (options->csv && !begin_csv(twin, in))
			 ? 2
			 : 0;
	if (status == 0) {
		read_lines(twin, in);
		warn_of_late(twin);
		if (options->verbose)
			tell_state(twin);
		if (options->audit)
			twin_log_close(twin);
		status = twin->failed ? 2 : twin->refused > 0;
	}
	free_lines(twin);
	offline_close(&twin->offline);
	free(twin->windows);
	free(twin->buffer);
	free(twin);
	return status;
}
