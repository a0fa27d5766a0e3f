/* What a client's certificate has to be.  The library builds the chain and checks
 * signatures and dates; everything it found and everything we demand is gathered
 * here into one fault, the gravest, and the flag is chosen by which the library
 * sends that fault's alert (mbedtls_ssl_verify_certificate). */
#include <mbedtls/oid.h>

#include "drivers/tls/caller.h"
#include "drivers/tls/material.h"
#include "drivers/tls/port.h"

const mbedtls_x509_crt_profile tls_profile = {
	.allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) |
		       MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
		       MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
	.allowed_pks =
		MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSA) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSASSA_PSS) |
		MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA),
	.allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |
			  MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1),
	.rsa_min_bitlen = 2048,
};

/* The gravest first, as enum tls_fault is. */
static const struct {
	uint32_t       flags;
	enum tls_fault fault;
} library_faults[] = {
	{ MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY,
	  FAULT_WEAK },
	{ MBEDTLS_X509_BADCERT_NOT_TRUSTED, FAULT_ISSUER },
	{ MBEDTLS_X509_BADCERT_REVOKED, FAULT_REVOKED },
	{ MBEDTLS_X509_BADCERT_EXPIRED, FAULT_EXPIRED },
	{ MBEDTLS_X509_BADCERT_FUTURE, FAULT_NOT_YET_VALID },
	{ UINT32_MAX, FAULT_OTHER },
};

static enum tls_fault fault_of_flags(uint32_t flags)
{
	for (size_t i = 0; i < sizeof(library_faults) / sizeof(library_faults[0]); i++)
		if (flags & library_faults[i].flags)
			return library_faults[i].fault;
	return FAULT_NONE;
}

static uint32_t flag_of_alert(uint8_t alert)
{
	switch (alert) {
	case TLS_ALERT_ACCESS_DENIED: return MBEDTLS_X509_BADCERT_OTHER;
	case TLS_ALERT_BAD_CERTIFICATE: return MBEDTLS_X509_BADCERT_CN_MISMATCH;
	case TLS_ALERT_UNSUPPORTED_CERTIFICATE: return MBEDTLS_X509_BADCERT_KEY_USAGE;
	case TLS_ALERT_CERTIFICATE_EXPIRED: return MBEDTLS_X509_BADCERT_EXPIRED;
	case TLS_ALERT_CERTIFICATE_REVOKED: return MBEDTLS_X509_BADCERT_REVOKED;
	case TLS_ALERT_UNKNOWN_CA: return MBEDTLS_X509_BADCERT_NOT_TRUSTED;
	default: return MBEDTLS_X509_BADCRL_EXPIRED; /* sent as certificate_unknown */
	}
}

static enum tls_fault graver(enum tls_fault a, enum tls_fault b)
{
	if (a == FAULT_NONE || b == FAULT_NONE)
		return a == FAULT_NONE ? b : a;
	return a < b ? a : b;
}

static bool has(const mbedtls_x509_crt *certificate, int extension)
{
	return mbedtls_x509_crt_has_ext_type(certificate, extension) != 0;
}

bool tls_names_client_auth(const mbedtls_x509_crt *certificate)
{
	const char *client_auth = MBEDTLS_OID_CLIENT_AUTH;

	for (const mbedtls_x509_sequence *at = &certificate->ext_key_usage; at; at = at->next)
		if (at->buf.len == strlen(client_auth) &&
		    memcmp(at->buf.p, client_auth, at->buf.len) == 0)
			return true;
	return false;
}

static enum tls_fault unfit(const mbedtls_x509_crt *leaf)
{
	if (leaf->version != 3)
		return FAULT_VERSION;
	if (leaf->MBEDTLS_PRIVATE(ca_istrue))
		return FAULT_IS_ISSUER;
	/* RFC 5280 section 4.2.1.9: pathLenConstraint only with CA:TRUE. */
	if (leaf->MBEDTLS_PRIVATE(max_pathlen) != 0)
		return FAULT_PATH_LENGTH;
	if (!has(leaf, MBEDTLS_X509_EXT_KEY_USAGE) ||
	    mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
		return FAULT_KEY_USAGE;
	return tls_names_client_auth(leaf) ? FAULT_NONE : FAULT_EXTENDED_USAGE;
}

static enum tls_fault leaf_fault(struct tls_verdict *verdict, const mbedtls_x509_crt *leaf,
				 uint32_t flags)
{
	int64_t            now_s  = tls_port_now_ns() / NS_PER_SECOND;
	struct tls_caller *caller = &verdict->caller;

	if (!tls_serial_of(&leaf->serial, &caller->serial))
		return FAULT_UNREADABLE;
	enum tls_fault fault = graver(fault_of_flags(flags), verdict->above);
	fault                = graver(fault, unfit(leaf));
	if (!verdict->issuer)
		return graver(fault, FAULT_ISSUER);
	if (!tls_key_is_strong(&leaf->pk))
		fault = graver(fault, FAULT_WEAK);
	memcpy(caller->issuer, verdict->issuer->digest, DIGEST_BYTES);
	caller->expires_s = tls_seconds_of(&leaf->valid_to);
	fault             = graver(fault, tls_identity_of(leaf, caller));
	return graver(fault, tls_caller_check(caller, verdict->issuers, verdict->policy, now_s));
}

int tls_verify(void *ctx, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
	struct tls_verdict *verdict = ctx;

	if (depth > 0) {
		/* The certificate above the leaf is the top of the chain and pinned,
		 * or the client brought an issuer of its own. */
		verdict->above = graver(verdict->above, fault_of_flags(*flags));
		if (depth == 1)
			verdict->issuer = tls_issuer_of_certificate(verdict->issuers, certificate);
		*flags = 0;
		return 0;
	}
	verdict->fault    = leaf_fault(verdict, certificate, *flags);
	verdict->accepted = verdict->fault == FAULT_NONE;
	*flags = verdict->accepted ? 0 : flag_of_alert(tls_fault_row(verdict->fault)->alert);
	return 0;
}
