/* The bank's rules: a small language, compiled at load to bounded bytecode.
 *
 *   text ─► rules_parse ─► plan (malloc, control side) ─► rules_build ─► rules (flat,
 *   in memory given at boot or reload) ─► rules_run, per decision, no allocation
 *
 * The language is described in config/rules/LANGUAGE.md; config/rules/default.rules is
 * the commented set that is shipped.
 *
 * Names a rule can use: the fields of a transaction (base/field.h) as texts; amount,
 * score, margin and every computed or supplied feature as numbers; lists it declares.
 * A number can be missing (NaN): a comparison with a missing number is false, its
 * arithmetic is missing, and missing(x) asks.
 *
 * Owner:   the core that runs it; `rules` is read only, `lists` is one per core.
 * Bounds:  RULES_* below; a program of n instructions takes n steps, there is no loop
 *          and no jump backwards.
 * Failure: rules_parse tells every error with line, column and what was expected. */
#ifndef ASSAY_RUNTIME_RULES_RULES_H
#define ASSAY_RUNTIME_RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/decision.h"
#include "runtime/base/digest.h"
#include "runtime/base/feature_plan.h"
#include "runtime/base/label.h"
#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"

#define RULES_TEXT_BYTES_MAX   (1 << 20)
#define RULES_MAX              512
#define RULES_TYPOLOGIES_MAX   64
#define RULES_LISTS_MAX        32
#define RULES_LIST_ENTRIES_MAX 65536 /* of one list */
#define RULES_INSTRUCTIONS_MAX 65536 /* of all rules */
#define RULES_STACK_MAX        32
#define RULES_ERRORS_MAX       20
#define RULES_ERROR_BYTES      256
#define RULES_ALIGN_BYTES      64

/* The names there are beside the fields. */
struct rules_scope {
	const struct feature_schema *supplied;
	const struct feature_plan   *computed;
};

/* Whole sentences: "12:7: expected a number, found the text merchant_country". */
struct rules_errors {
	uint32_t count, unsaid;
	char     lines[RULES_ERRORS_MAX][RULES_ERROR_BYTES];
};

struct rules_plan;
struct rules;
struct rules_lists;

bool   rules_parse(struct bytes text, const struct rules_scope *scope, struct rules_plan **out,
		   struct rules_errors *errors);
void   rules_free_plan(struct rules_plan *plan);
size_t rules_size(const struct rules_plan *plan);
struct rules *rules_build(const struct rules_plan *plan, void *memory, size_t size_bytes);

/* SHA-256 of the rules text. */
const uint8_t *rules_digest(const struct rules *rules);
uint32_t       rules_count(const struct rules *rules); /* rules and typologies together */

/* ---- lists, edited while running; entries with an expiry in wall time
 *
 * Beside those the file declares there is `snooze`, of rule and typology ids.  Edits lie
 * over what the file lists (lists.h); an entry that expired does not match, and goes when
 * an edit needs its place: the lists are a function of the file and the edits. */

/* What the list is declared to hold; FIELD_NONE: there is none of this name, or it is the
 * one of ids. */
enum field rules_list_field(const struct rules *rules, struct bytes name);

/* `rules` must outlive the lists.  Memory is RULES_ALIGN_BYTES aligned, as for build. */
size_t              rules_lists_size(const struct rules *rules);
struct rules_lists *rules_lists_init(void *memory, const struct rules *rules);

/* REASON_NONE; or it changed nothing: list_unknown, rule_unknown (to snooze), list_full, or
 * field_format: an entry has 1 to 142 bytes. */
enum reason rules_list_edit(struct rules_lists *lists, const struct list_edit *edit,
			    int64_t now_ns);

/* Carry edits over to the lists of a newly loaded rules file, by list name: what the file
 * itself lists is taken from the new file.  `lists` are as rules_lists_init left them;
 * `old` NULL: there were no rules, so there are no edits.  Edits that had expired by now_ns
 * give way where the new file's room is not enough with them.
 *
 * Where it is not enough without them, rules_lists_fit says false and about which list: such
 * a file is to be refused.  Adopting it all the same keeps as many as fit, those that
 * come first by hash and value, and returns how many were lost.
 *
 * Work: one look at every entry of both: for 65,536 of each some 5 ms. */
struct rules_misfit {
	const char *list;
	uint32_t    room, file, edits; /* entries of the file, and edits that need a place */
};
#define RULES_MISFIT_BYTES 256
void rules_misfit_text(const struct rules_misfit *misfit, char *out, size_t size_bytes);
bool rules_lists_fit(const struct rules_lists *lists, const struct rules_lists *old, int64_t now_ns,
		     struct rules_misfit *out);
uint32_t rules_lists_adopt(struct rules_lists *lists, const struct rules_lists *old,
			   int64_t now_ns);

/* Only the edits, in one order whatever theirs was.  Load first forgets all edits, checks
 * everything, and leaves none when it refuses; lists and rules that went are passed over. */
bool rules_lists_save(const struct rules_lists *lists, bool (*write)(void *ctx, struct bytes piece),
		      void                     *ctx);
bool rules_lists_load(struct rules_lists *lists, struct bytes in, struct failure *failure);

/* ---- run */

/* All pointers are set; a feature beyond the counts given is missing. */
struct rules_input {
	const struct transaction    *transaction;
	const struct feature_values *values;
	const struct rules_lists    *lists;
	int64_t                      now_ns; /* as recorded: schedules, snoozes, expiries */
	bool                         model_ran;
	float                        score, margin;
};

struct rules_outcome {
	uint8_t  verdict; /* enum verdict: the strictest that a rule or typology asks for */
	bool     allowed; /* an `allow` rule hit and no rule marked `always` did: score and
			    * rules do not count; only a failure can still be stricter */
	uint16_t hit;     /* rules and typologies that hit */
	uint8_t  told;    /* in rules[], gravest first, then in the order of the file */
	struct decision_rule rules[DECISION_RULES_MAX];
};
void rules_run(const struct rules *rules, const struct rules_input *input,
	       struct rules_outcome *out);

#endif
