/* The rules that were in force at a place in the audit log, and their lists as edits had
 * made them by then.  Lists depend on it: a reload carries over the edits of those lists
 * that its rules have, and drops the others.
 *
 * The rules come from the log's artefact store.  Rules that can't be compiled under
 * today's entities and features are told, and those of today's config stand in.
 *
 * Owner:  one thread that may block. */
#ifndef ASSAY_FIRMWARE_PAST_RULES_H
#define ASSAY_FIRMWARE_PAST_RULES_H

#include <stdint.h>

#include "firmware/live.h"
#include "runtime/base/digest.h"

struct past_rules {
	const struct config *config;    /* today's */
	const char          *directory; /* of the audit log */
	void (*tell)(void *ctx, const char *sentence);
	void        *ctx;
	uint8_t      digest[DIGEST_BYTES]; /* all zero: no rules */
	struct live *live;                 /* NULL: no rules */
};

/* A start or a reload at that recorded time: these are in force from here on. */
void past_rules_use(struct past_rules *past, const uint8_t digest[DIGEST_BYTES], int64_t now_ns);

/* NULL: there are none. */
struct rules_lists *past_rules_lists(const struct past_rules *past);

/* What `live` starts from: the edits of its lists, in each of its `copies`, whose lists are
 * fresh.  now_ns is what the start record says.  False: they do not fit into a list of its
 * rules file; `error` says which. */
bool past_rules_hand_over(const struct past_rules *past, struct live *live, uint32_t copies,
			  int64_t now_ns, char *error, size_t error_bytes);

void past_rules_end(struct past_rules *past);

#endif
