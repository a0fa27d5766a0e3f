/* A decision and why: what runtime/decide makes and what reply and audit carry. */
#ifndef ASSAY_RUNTIME_BASE_DECISION_H
#define ASSAY_RUNTIME_BASE_DECISION_H

#include <stdint.h>

#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"

#define DECISION_REASONS_MAX 8
#define DECISION_RULES_MAX   8  /* hits that are told; the rest is counted */
#define DIGEST_BYTES         32 /* SHA-256 */

#define DECISION_SEVERITY_MAX 3

enum verdict { VERDICT_APPROVE, VERDICT_REVIEW, VERDICT_DECLINE, VERDICT_COUNT };

/* One sentence of the answer: a code for machines and numbers to fill in. */
enum decision_reason_code {
	DECIDED_SCORE_BELOW_REVIEW, /* a = score, b = review threshold */
	DECIDED_SCORE_REVIEW,       /* a = score, b = review threshold */
	DECIDED_SCORE_DECLINE,      /* a = score, b = decline threshold */
	DECIDED_FAILURE,            /* failure = row of the failure table */
	DECIDED_FEATURES_MISSING,   /* a = how many of the model's features were not supplied */
	DECIDED_ALLOWED,            /* an allow rule let it through; it is among rules[] */
	DECIDED_RULES,              /* rules ask for more than the score; a = all that hit */
	DECIDED_CODE_COUNT,
};

struct decision_reason {
	uint16_t code;    /* enum decision_reason_code */
	uint16_t failure; /* enum reason */
	float    a, b;
};

/* A rule that hit, in words: what the person who has to explain it years later reads.
 * Rendered once, when it hit, and carried as text from then on. */
struct decision_rule {
	uint8_t severity;  /* 0 information to DECISION_SEVERITY_MAX critical */
	uint8_t verdict;   /* enum verdict this rule asks for by itself */
	TEXT_OF(46) id;    /* the rule's id */
	TEXT_OF(206) text; /* its reason with the values filled in */
};

struct artefact_digests {
	uint8_t config[DIGEST_BYTES];
	uint8_t model[DIGEST_BYTES]; /* zero: none loaded */
	uint8_t rules[DIGEST_BYTES]; /* of the rules file; zero: none */
};

struct decision {
	uint8_t                verdict; /* enum verdict */
	uint8_t                reasons_count;
	uint16_t               stages_run; /* bit set of enum stage (ledger.h) */
	float                  margin;     /* the model's raw output; 0 when none ran */
	float                  score;      /* probability in [0,1]; 0 when none ran */
	struct decision_reason reasons[DECISION_REASONS_MAX];
	uint8_t                rules_count; /* in rules[], gravest first */
	uint16_t               rules_hit;   /* all that hit */
	struct decision_rule   rules[DECISION_RULES_MAX];
};

/* What the shadow configuration, which never answers, would have decided. */
struct decision_shadow {
	uint8_t  ran;     /* 0: no shadow is loaded; the rest is then zero */
	uint8_t  verdict; /* enum verdict */
	uint16_t rules_hit;
	float    score, margin;
	uint8_t  digest[DIGEST_BYTES]; /* SHA-256 over its config, model and rules digests */
};

const char *verdict_name(enum verdict verdict); /* "approve", "review", "decline" */

#endif
