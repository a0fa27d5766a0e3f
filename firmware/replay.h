/* An audit directory, decided again.
 *
 * Every record that had a place in the order goes through the same pipeline as it did
 * then, with the artefacts (config, model, rules) that the log names, found in the log's
 * own artefact store, with the recorded `now` and the recorded stages.
 *
 *   replay    compares the decision part of every decision, label, list edit and repeat,
 *             byte for byte
 *   backtest  decides with other rules, thresholds or model, and compares verdicts
 *
 * Owner: one thread, and the decider threads it starts. */
#ifndef ASSAY_FIRMWARE_REPLAY_H
#define ASSAY_FIRMWARE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/audit_log.h"
#include "firmware/offline.h"
#include "runtime/audit/audit.h"

#define REPLAY_ERROR_BYTES 1024

struct replay;

/* One record, then and now.  `same`: the decision parts are the same bytes. */
struct replay_pair {
	uint64_t        sequence;
	uint64_t        order; /* now; a repeat has none */
	enum audit_kind kind;  /* AUDIT_DECISION, AUDIT_LABEL, AUDIT_LIST, AUDIT_REPEAT */
	const struct audit_decoded *then;
	const struct slot          *now;            /* NULL: a repeat */
	uint64_t                    first_sequence; /* of a repeat, now; 0: nobody asked before */
	bool                        same;
};

struct replay_options {
	const char *directory;
	const char *config_path; /* backtest: decide with this one; NULL: the log's own */
	uint32_t    cores;
	uint64_t    to_sequence; /* 0: to the end */
	/* Called for each, decisions and what is between them in order (a repeat as soon as it
	 * is read); false ends the replay. */
	bool (*each)(void *ctx, const struct replay_pair *pair);
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t all_bytes);
	void *ctx;
};

struct replay_result {
	uint64_t decisions, labels, edits, repeats;
	uint64_t different;            /* records whose decision parts are not the same */
	uint8_t  digest[DIGEST_BYTES]; /* the decision digest of what was decided now */
};

/* False: it could not be done to the end; error says why. */
bool replay_run(const struct replay_options *options, struct replay_result *result,
		char error[REPLAY_ERROR_BYTES]);

#endif
