/* The supplied features of a recorded transaction, in today's order: a row of a sequence
 * (runtime/state/history.h) is kept by name, and a record keeps them by place.
 *
 * The names then are those of the config that the record was decided with, out of the
 * log's artefact store.  A feature that it did not have is missing; if the config itself
 * can't be had, that is told once, and all are.
 *
 * Owner:  one thread that may block. */
#ifndef ASSAY_FIRMWARE_PAST_FEATURES_H
#define ASSAY_FIRMWARE_PAST_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "runtime/base/decision.h"
#include "runtime/base/transaction.h"

struct past_features {
	const struct config *config;    /* today's */
	const char          *directory; /* of the audit log */
	void (*tell)(void *ctx, const char *sentence);
	void    *ctx;
	bool     known;                          /* `digest` is one that was looked up */
	uint8_t  digest[DIGEST_BYTES];           /* of the config that `from` is about */
	uint16_t from[TRANSACTION_FEATURES_MAX]; /* [today's], place then, or UINT16_MAX */
};

/* Puts them in order, in place.  `config` is the digest in the record. */
void past_features_put(struct past_features *past, const uint8_t config[DIGEST_BYTES],
		       struct transaction *transaction);

#endif
