/* The offline twin: lines from standard input through the engine, in order.
 *
 * A line is a request body (a payment, a batch, {"labels": ...}, {"edits": ...}), or a row
 * of a CSV file whose first line is a header.  As many lines are in flight as the
 * pipeline has room for; what comes out is in the order of what went in.
 *
 * `now` of a decision is the transaction's own time: a twin that decides last year's
 * payments is to use last year's schedules and expiries.  Labels and edits have the time of
 * the newest payment before them.
 *
 * Owner: one thread. */
#ifndef ASSAY_FIRMWARE_TWIN_H
#define ASSAY_FIRMWARE_TWIN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "drivers/disk/disk.h"
#include "firmware/audit_log.h"
#include "firmware/csv.h"
#include "firmware/offline.h"
#include "firmware/walk.h"

#define TWIN_IDENTITY     "offline"  /* the caller of every line */
#define TWIN_LINES        64         /* in flight */
#define TWIN_BUFFER_BYTES (8u << 20) /* of audit records, before the log is written */

/* One line in flight. */
struct twin_line {
	struct walk_request request;
	uint64_t            number;
	uint32_t            left;
};

struct twin;

struct twin_options {
	const char            *name; /* of the command, for messages */
	struct offline_options offline;
	const char            *audit;   /* a directory to write the log to; NULL: none */
	bool                   csv;     /* standard input is a CSV file */
	bool                   windows; /* keep each decision's window in slot->work.window */
	bool                   verbose; /* say on standard error what the histories hold and lost */
	/* Prints a decision to stdout; called in their order. */
	void (*decided)(struct twin *twin, struct twin_line *line, const struct slot *slot);
};

struct twin {
	struct twin_options options;
	struct offline      offline;
	struct walk         walk;
	struct csv          csv;
	struct twin_line    lines[TWIN_LINES];
	uint32_t            next_line;
	uint64_t            line_number, decisions, refused;
	int64_t             newest_ns; /* time of a payment so far */
	struct disk_real    disk;
	struct audit_log    log;
	struct audit_chain  chain;
	uint8_t            *buffer;
	size_t              buffered_bytes;
	float              *windows; /* [PIPELINE_SLOTS_MAX] of them; NULL: not kept */
	bool                failed;  /* the log could not be written */
};

/* Takes the options: those of every twin (--config FILE, --cores N, --csv, --verbose), and
 * with `own` the command's, which takes argv[*at] and its value or returns false.  -1: go
 * on; else the exit status, after `usage` was printed. */
int twin_options_take(struct twin_options *options, int argc, char **argv, const char *usage,
		      bool (*own)(struct twin_options *options, int argc, char **argv, int *at));

/* The body of the problem that the appliance would answer, in place of a line's answer; of
 * a CSV file on standard error. */
void twin_problem(struct twin *twin, const struct twin_line *line, const struct failure *failure);

/* 0: done; 1: some lines were refused; 2: it could not be done. */
int twin_run(const struct twin_options *options, FILE *in);

#endif
