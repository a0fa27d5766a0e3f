/* A throw-away certificate authority for the demo and the tests.  Nothing made
 * here should guard anything: keys lie beside the certificates.
 *
 * Memory: malloc; results are PEM text, freed by tls_file_free. */
#ifndef ASSAY_DRIVERS_TLS_PKI_H
#define ASSAY_DRIVERS_TLS_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"

/* What assayctl pki demo writes into a directory (made when missing, 0700):
 * ca.pem ca.key server.pem server.key client.pem client.key client2.pem
 * client2.key revoked.pem revoked.key crl.pem; keys are mode 0600.  Existing files
 * are not overwritten: the call fails and names the first. */
struct pki_demo {
	const char *const *server_dns;       /* NULL-terminated; NULL: {"localhost"} */
	const char *const *server_addresses; /* IPv4 or IPv6 text, NULL-terminated; may be NULL */
	const char        *client_uri;       /* NULL: "urn:assay:demo:client" */
	const char        *client2_uri;      /* NULL: "urn:assay:demo:client2" */
	const char        *revoked_uri;      /* NULL: "urn:assay:demo:revoked" */
	uint32_t           valid_days;       /* 0: 30 */
};
bool tls_pki_demo(const char *directory, const struct pki_demo *demo, int64_t now_ns, char *error,
		  size_t error_size_bytes);

/* One certificate, as good or as bad as a test wants it. */
enum pki_key_usage { PKI_DIGITAL_SIGNATURE = 1, PKI_CERT_SIGN = 2, PKI_CRL_SIGN = 4 };
enum pki_extended_usage { PKI_SERVER_AUTH = 1, PKI_CLIENT_AUTH = 2 };

struct pki_recipe {
	const char        *name; /* subject common name */
	const char *const *uris; /* each NULL-terminated, or NULL */
	const char *const *dns;
	const char *const *addresses;
	bool               ca;                        /* basicConstraints CA:TRUE */
	int                path_length;               /* -1: none; of an authority only */
	bool               no_constraints;            /* leave basicConstraints out */
	unsigned           key_usage, extended_usage; /* 0: leave the extension out */
	uint64_t           serial;                    /* 1 and more */
	int64_t            not_before_s, not_after_s; /* Unix seconds */
};

/* Makes a P-256 key and a certificate signed, SHA-256, by issuer_* (both empty:
 * by itself). */
bool pki_make(const struct pki_recipe *recipe, struct bytes issuer_certificate,
	      struct bytes issuer_key, struct bytes *certificate, struct bytes *key, char *error,
	      size_t error_size_bytes);

/* A revocation list (RFC 5280 section 5) of these serials. */
bool pki_make_list(struct bytes issuer_certificate, struct bytes issuer_key,
		   const uint64_t *serials, size_t serials_count, int64_t this_update_s,
		   int64_t next_update_s, struct bytes *list, char *error, size_t error_size_bytes);

#endif
