/* assayctl decide: the offline twin.  What the appliance would answer, line for line. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/ctl.h"
#include "firmware/first_answer.h"
#include "firmware/twin.h"
#include "runtime/reply/reply.h"

static const char usage[] =
	"assayctl decide --config FILE [--cores N] [--audit DIR] [--csv] [--verbose]\n"
	"                < requests.jsonl > answers.jsonl\n\n"
	"Decides each line, one request body (a payment or a batch), with the appliance's own\n"
	"code, histories and rules, and prints one answer a line: what POST /v1/decisions\n"
	"answers, without the time ledger and the place in the audit chain.  A line that\n"
	"begins with {\"labels\": or {\"edits\": labels transactions or edits lists; it prints\n"
	"nothing.  A refused line gives its problem object.  `now` is each payment's own time.\n\n"
	"  --cores N     decide on N cores, 1 to 8; the answers are the same\n"
	"  --audit DIR   also write an audit log there, for assayctl replay; a log that is there\n"
	"                already is continued, with the histories it leads to\n"
	"  --csv         standard input is a CSV file, mapped by the config's columns\n"
	"  --verbose     say on standard error what the histories hold, and what their bounds "
	"cost\n\n"
	"Exit status 1 when a line was refused, 2 when nothing could be done.\n\n"
	"Example: assayctl decide --config config/appliance.cfg < day.jsonl > decided.jsonl\n";

/* What is printed of one line, once all of it is decided. */
struct answer {
	FILE       *out; /* a stream into text */
	char       *text;
	size_t      text_bytes;
	enum reason refusal; /* one of a batch that is refused is all of it */
};

/* The answer of a decision, now or the first time; empty when the first was forgotten. */
static struct bytes answer_of(struct twin *twin, const struct slot *slot, uint8_t *room)
{
	struct repeats           *repeats = twin->offline.engine.repeats;
	const struct first_answer first   = { .transaction = slot->work.transaction,
					      .decision    = &slot->work.decision,
					      .digests     = &slot->work.brain->digests };
	struct bytes              answer;

	if (slot->kind == AUDIT_REPEAT)
		return repeats_answer_of(repeats, slot->first_sequence);
	answer = bytes_of(room, first_answer_make(&first, room));
	repeats_answer(repeats, slot->sequence, answer);
	return answer;
}

static void end_line(struct twin *twin, const struct twin_line *line, struct answer *answer)
{
	struct failure failure = { .reason = answer->refusal };

	fclose(answer->out);
	if (answer->refusal != REASON_NONE)
		twin_problem(twin, line, &failure);
	else
		printf(line->request.batch ? "{\"decisions\":[%s]}\n" : "%s\n", answer->text);
	free(answer->text);
}

static void decided(struct twin *twin, struct twin_line *line, const struct slot *slot)
{
	static uint8_t       room[REPLY_DECISION_BYTES_MAX];
	static struct answer answer; /* of the line whose slots are coming */
	struct bytes         one     = answer_of(twin, slot, room);
	enum reason          refusal = one.size_bytes > 0 ? first_answer_refusal(one)
							  : REASON_engine_backlog;

	if (slot->index == 0) {
		answer     = (struct answer){ .refusal = REASON_NONE };
		answer.out = open_memstream(&answer.text, &answer.text_bytes);
		assert(answer.out);
	}
	if (answer.refusal == REASON_NONE)
		answer.refusal = refusal;
	if (slot->index > 0)
		putc(',', answer.out);
	fwrite(one.data, 1, one.size_bytes, answer.out);
	if (slot->index + 1 == line->request.count)
		end_line(twin, line, &answer);
}

static bool own_option(struct twin_options *options, int argc, char **argv, int *at)
{
	if (strcmp(argv[*at], "--audit") != 0 || *at + 1 >= argc)
		return false;
	options->audit = argv[++*at];
	return true;
}

int ctl_decide(int argc, char **argv)
{
	struct twin_options options = { .name    = "decide",
					.offline = { .cores = 1, .answers = true },
					.decided = decided };
	int                 status  = twin_options_take(&options, argc, argv, usage, own_option);

	return status >= 0 ? status : twin_run(&options, stdin);
}
