/* assayctl decide: the offline twin.  What the appliance would answer, line for line. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/ctl.h"
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

/* The answer of a decision, now or the first time. */
static struct bytes answer_of(struct twin *twin, const struct slot *slot, char *room)
{
	struct repeats   *repeats = twin->offline.engine.repeats;
	struct reply_item item    = { .transaction = slot->work.transaction,
				      .decision    = &slot->work.decision,
				      .digests     = &slot->work.brain->digests };
	struct bytes      answer;

	if (slot->kind == AUDIT_REPEAT)
		return repeats_answer_of(repeats, slot->first_sequence);
	answer = bytes_of(room, reply_decision(room, REPLY_DECISION_BYTES_MAX, &item));
	repeats_answer(repeats, slot->sequence, answer);
	return answer;
}

static void decided(struct twin *twin, struct twin_line *line, const struct slot *slot)
{
	static char  room[REPLY_DECISION_BYTES_MAX];
	struct bytes answer = answer_of(twin, slot, room);

	if (slot->index == 0 && line->request.batch)
		fputs("{\"decisions\":[", stdout);
	fwrite(answer.data, 1, answer.size_bytes, stdout);
	if (slot->index + 1 < line->request.count)
		putchar(',');
	else
		fputs(line->request.batch ? "]}\n" : "\n", stdout);
}

int ctl_decide(int argc, char **argv)
{
	struct twin_options options = { .name    = "decide",
					.offline = { .cores = 1, .answers = true },
					.decided = decided };

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		if (twin_option(&options, argc, argv, &i))
			continue;
		if (strcmp(argv[i], "--audit") == 0 && i + 1 < argc)
			options.audit = argv[++i];
		else
			options.offline.cores = 0;
	}
	if (!options.offline.config_path || options.offline.cores == 0) {
		fputs(usage, stderr);
		return 2;
	}
	return twin_run(&options, stdin);
}
