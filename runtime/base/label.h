/* What became of a transaction, told afterwards by the people or systems that know:
 * the body of POST /v1/labels is a list of these. */
#ifndef ASSAY_RUNTIME_BASE_LABEL_H
#define ASSAY_RUNTIME_BASE_LABEL_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/transaction.h"

enum label_kind {
	LABEL_NONE,     /* never labelled, or taken back */
	LABEL_FRAUD,    /* confirmed fraud */
	LABEL_GENUINE,  /* confirmed genuine */
	LABEL_RELEASED, /* a person released what was in review; says nothing of fraud */
	LABEL_REJECTED, /* a person rejected it; says nothing of fraud */
	LABEL_KIND_COUNT,
};

struct label {
	uint8_t kind;        /* enum label_kind */
	TEXT_OF(66) id;      /* the transaction's */
	TEXT_OF(258) caller; /* who sent the transaction; empty: the caller of the label */
};

/* What a label did.  The latest label counts; telling the same twice changes nothing. */
enum label_outcome {
	LABEL_APPLIED,   /* the first for this transaction */
	LABEL_CHANGED,   /* contradicts the one before, and replaces it */
	LABEL_UNCHANGED, /* the same as the one before */
	LABEL_UNKNOWN,   /* no such transaction, or it is past labels.transactions_max */
	LABEL_OUTCOME_COUNT,
};

const char *label_kind_name(enum label_kind kind);          /* "fraud"; LABEL_NONE: "none" */
const char *label_outcome_name(enum label_outcome outcome); /* "applied", ... */

/* An edit of a list that rules use (allow, block, override, snooze). */
struct list_edit {
	bool    remove;
	int64_t expires_ns; /* wall clock; INT64_MAX: never; ignored by remove */
	TEXT_OF(46) list;
	TEXT_OF(142) value;
};

#endif
