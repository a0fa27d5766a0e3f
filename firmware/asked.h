/* Who asks what: the keys by which a request's transactions are known, and whether one of
 * its ids was used before for another transaction (409).
 *
 * Asked before anything is touched, for the whole request. */
#ifndef ASSAY_FIRMWARE_ASKED_H
#define ASSAY_FIRMWARE_ASKED_H

#include "firmware/walk.h"
#include "runtime/base/label.h"
#include "runtime/state/repeats.h"

struct asked {
	struct hash128 key, body;
};

/* Fills asked[request->count].  `now_ns` NULL: each transaction's own time.  REASON_NONE,
 * or repeat_conflict with its place in request->failure. */
enum reason asked_check(const struct repeats *repeats, struct bytes identity, const int64_t *now_ns,
			struct walk_request *request, struct asked *asked);

/* Whose transaction a label means: of the caller it names, or of who sent it. */
struct hash128 asked_label_key(const struct label *label, struct bytes identity);

/* Writes the JSON pointer of a field ("/time") of transaction i into request->failure. */
void asked_place(struct walk_request *request, size_t i, const char *field);

/* Decides nothing: it has no model, and decision.on_model_missing is "refuse". */
static inline bool asked_of_nobody(const struct brain *brain)
{
	return !brain->model && brain->policy.on_model_missing == DECIDE_ON_FAILURE_REFUSE;
}

#endif
