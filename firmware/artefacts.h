/* The artefact store: everything a decision was made with, by digest, beside the audit
 * log, so that the log can be replayed from its directory alone, years later.
 *
 *     AUDIT_DIRECTORY/artefacts/
 *         config-<config digest>.cfg    the config's text, as it was checked
 *         model-<SHA-256 of it>.bin     the model file's bytes
 *         rules-<SHA-256 of it>.rules   the rules' text
 *         shadow-<SHA-256 of it>.bin    the 3 digests (config, model, rules) of a shadow
 *
 * Control puts an artefact here before a live that uses it is published; from then on
 * its digest is in the records.  A file is never changed and never removed here.
 *
 * What the digest is of: except for the config, of the bytes, and both put and get check
 * it.  A config's digest (config_digest) is over its keys that can change a decision, so
 * two texts can have it; the first stays, and who loads it compares config_digest.
 *
 * Owner:   one thread that may block; readers have a struct disk of their own.
 * Failure: false, and a sentence in `error`; the store is what it was. */
#ifndef ASSAY_FIRMWARE_ARTEFACTS_H
#define ASSAY_FIRMWARE_ARTEFACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/disk/disk.h"
#include "runtime/base/bytes.h"
#include "runtime/base/decision.h"

#define ARTEFACTS_ERROR_BYTES 1024
#define ARTEFACT_BYTES_MAX    (UINT64_C(1) << 32) /* far above any model that answers in time */

enum artefact_kind {
	ARTEFACT_CONFIG,
	ARTEFACT_MODEL,
	ARTEFACT_RULES,
	ARTEFACT_SHADOW,
	ARTEFACT_KIND_COUNT,
};

/* The store of an audit directory.  `writable`: it is made when missing, kept from other
 * writers, and cleared of what a power cut left half-written. */
bool artefacts_open(struct disk_real *store, const char *audit_directory, bool writable,
		    char error[ARTEFACTS_ERROR_BYTES]);

void artefacts_name(char out[DISK_NAME_BYTES_MAX], enum artefact_kind kind,
		    const uint8_t digest[DIGEST_BYTES]);

/* Put it there, unless it is already.  Durable on return. */
bool artefacts_put(struct disk *store, enum artefact_kind kind, const uint8_t digest[DIGEST_BYTES],
		   struct bytes content, char error[ARTEFACTS_ERROR_BYTES]);

/* The same with the bytes of a file. */
bool artefacts_put_file(struct disk *store, enum artefact_kind kind,
			const uint8_t digest[DIGEST_BYTES], const char *path,
			char error[ARTEFACTS_ERROR_BYTES]);

/* Look one up.  The caller frees content->data; it is never NULL on success. */
bool artefacts_get(struct disk *store, enum artefact_kind kind, const uint8_t digest[DIGEST_BYTES],
		   struct bytes *content, char error[ARTEFACTS_ERROR_BYTES]);

/* A shadow's digest, as struct decision_shadow has it, and its place in the store. */
void artefacts_shadow_digest(const struct artefact_digests *shadow, uint8_t out[DIGEST_BYTES]);
bool artefacts_put_shadow(struct disk *store, const struct artefact_digests *shadow,
			  char error[ARTEFACTS_ERROR_BYTES]);

/* Everything a live was made of: its config's text, read again from config_path and
 * proved to be the same config, its model's file and its rules', and its shadow's. */
struct live;
bool artefacts_put_live(struct disk *store, const struct live *live, const char *config_path,
			char error[ARTEFACTS_ERROR_BYTES]);

#endif
