/* Audit records as JSON lines on standard output, for people and for other tools.
 *
 *   every kind   sequence, kind, order, now, build, hash
 *   decision     identity, transaction, values (computed), decision, score, margin,
 *                stages_run, reasons, rules_hit, rules, shadow (when one ran),
 *                circumstance, config, model, rules_digest
 *   repeat       identity, id, first_sequence
 *   label        identity, label { kind, caller, id }, outcome, labelled_order
 *   list         identity, edit { remove, list, value, expires }, outcome
 *   others       note, config, model, rules_digest
 *
 * Control side only: it formats and may block.  Errors stay in stdout (ferror). */
#ifndef ASSAY_FIRMWARE_AUDIT_PRINT_H
#define ASSAY_FIRMWARE_AUDIT_PRINT_H

#include "runtime/audit/audit.h"

/* What a config calls the features of the records it decided; records of another
 * config, and a NULL here, are printed as arrays in slot order. */
struct audit_names {
	uint8_t                      config[DIGEST_BYTES];
	const struct feature_schema *supplied;
	const struct feature_plan   *computed;
};

void audit_print_record(const struct audit_record *record, const struct audit_decoded *decoded,
			const struct audit_names *names);

void audit_print_text(
	struct bytes text); /* "...", as RFC 8259 section 7 asks; bad UTF-8 is U+FFFD */
void audit_print_digest(const char *name, const uint8_t digest[DIGEST_BYTES]); /* ,"name":"hex" */

#endif
