/* Who is at the other end, as far as TLS knows, and whether it may still call.
 *
 * A caller is what is left of a client certificate once it is verified: enough to
 * check it again, at any later time, against today's issuers, revocation list,
 * clock and table.  It is kept in the open session and sealed into tickets.
 *
 * Issuers are pinned: only a certificate signed directly by one of the configured
 * issuers is accepted, so no certificate of a client can act as an issuer whatever
 * its extensions say.  An issuer is recognised by name and key, so that a renewed
 * certificate of the same authority changes nothing. */
#ifndef ASSAY_DRIVERS_TLS_CALLER_H
#define ASSAY_DRIVERS_TLS_CALLER_H

#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#include "drivers/tls/tls.h"
#include "runtime/base/digest.h"

#define SERIAL_BYTES_MAX 20 /* RFC 5280 section 4.1.2.2 */

struct tls_serial {
	uint8_t size_bytes; /* no leading zero bytes */
	uint8_t data[SERIAL_BYTES_MAX];
};

struct tls_caller {
	uint8_t           issuer[DIGEST_BYTES]; /* of the issuer's name and key */
	struct tls_serial serial;
	int64_t           expires_s;           /* Unix seconds; the certificate's notAfter */
	uint8_t           identity_size_bytes; /* 0: none */
	uint8_t           identity[TLS_IDENTITY_BYTES_MAX];
};

/* One pinned issuer and, when a revocation list is configured, its list. */
struct tls_issuer {
	uint8_t                 digest[DIGEST_BYTES];
	const mbedtls_x509_crt *certificate;
	bool                    listed;
	int64_t                 next_update_s;
	int64_t                 good_until_s; /* next_update_s, or the end of the allowed age */
	struct tls_serial      *revoked;      /* [revoked_count], sorted */
	size_t                  revoked_count;
};

struct tls_issuers {
	mbedtls_x509_crt  certificates; /* a chain; owns what `certificate` points to */
	struct tls_issuer issuers[TLS_ISSUERS_MAX];
	size_t            count;
	bool              lists_required;
	uint32_t          list_max_age_s; /* 0: any */
};

struct tls_issuers_options {
	struct bytes certificates, lists;
	uint32_t     list_max_age_s;
};

/* Parses and checks issuers and lists; `error` as tls_server_make. */
bool tls_issuers_make(struct tls_issuers *issuers, const struct tls_issuers_options *options,
		      int64_t now_s, char *error, size_t error_size_bytes);
void tls_issuers_free(struct tls_issuers *issuers);

/* NULL: not pinned. */
const struct tls_issuer *tls_issuer_of(const struct tls_issuers *issuers,
				       const uint8_t             digest[DIGEST_BYTES]);
const struct tls_issuer *tls_issuer_of_certificate(const struct tls_issuers *issuers,
						   const mbedtls_x509_crt   *certificate);

/* What is wrong with a caller, the gravest first.  Each has an alert, a row of the
 * failure table and words: tls_fault_row. */
enum tls_fault {
	FAULT_NONE,
	FAULT_UNREADABLE,
	FAULT_WEAK,
	/* Before the issuer, because the library sends its alert before the issuer's
	 * (mbedtls_ssl_verify_certificate). */
	FAULT_VERSION,
	FAULT_IS_ISSUER,
	FAULT_PATH_LENGTH,
	FAULT_KEY_USAGE,
	FAULT_EXTENDED_USAGE,
	FAULT_ISSUER,
	FAULT_REVOKED,
	FAULT_LIST_OLD,
	FAULT_LIST_MISSING,
	FAULT_EXPIRED,
	FAULT_NOT_YET_VALID,
	FAULT_TWO_IDENTITIES,
	FAULT_BAD_IDENTITY,
	FAULT_NO_IDENTITY,
	FAULT_UNKNOWN_IDENTITY,
	FAULT_OTHER,
	FAULT_COUNT,
};

struct tls_fault_row {
	enum reason reason;
	uint8_t     alert; /* enum tls_alert */
	const char *words;
};
const struct tls_fault_row *tls_fault_row(enum tls_fault fault);

/* Everything that can change after a certificate was first accepted. */
enum tls_fault tls_caller_check(const struct tls_caller *caller, const struct tls_issuers *issuers,
				const struct tls_policy *policy, int64_t now_s);

/* Fills `serial`, stripped; false: too long or empty. */
bool tls_serial_of(const mbedtls_x509_buf *raw, struct tls_serial *serial);

/* In qsort form. */
int tls_serial_compare(const void *left, const void *right);

/* Unix seconds of an X.509 time (RFC 5280 section 4.1.2.5, always UTC). */
int64_t tls_seconds_of(const mbedtls_x509_time *time);

/* The identity of a certificate, see tls.h. */
enum tls_fault tls_identity_of(const mbedtls_x509_crt *certificate, struct tls_caller *caller);

/* verify.c: what a client's certificate has to be.  Called by the library for each
 * certificate of the chain it built, the leaf (depth 0) last. */
struct tls_verdict {
	const struct tls_issuers *issuers;
	const struct tls_policy  *policy;
	enum tls_fault            fault;
	bool                      accepted; /* leaf seen, no fault, caller filled */
	struct tls_caller         caller;
	enum tls_fault            above;  /* the gravest above the leaf */
	const struct tls_issuer  *issuer; /* of the leaf */
};
int tls_verify(void *verdict, mbedtls_x509_crt *certificate, int depth, uint32_t *flags);

/* Only clientAuth in so many words: neither absence nor anyExtendedKeyUsage. */
bool tls_names_client_auth(const mbedtls_x509_crt *certificate);

extern const mbedtls_x509_crt_profile tls_profile; /* algorithms and key sizes we accept */

#endif
