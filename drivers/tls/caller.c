#include "drivers/tls/caller.h"

/* clang-format off */
static const struct tls_fault_row rows[FAULT_COUNT] = {
	[FAULT_NONE]             = { REASON_NONE, TLS_ALERT_NONE, "accepted" },
	[FAULT_UNREADABLE]       = { REASON_tls_client_refused, TLS_ALERT_BAD_CERTIFICATE,
				     "the certificate has no serial number, or one that is too long" },
	[FAULT_WEAK]             = { REASON_tls_client_refused, TLS_ALERT_BAD_CERTIFICATE,
				     "the certificate's key or signature is too weak" },
	[FAULT_ISSUER]           = { REASON_tls_client_refused, TLS_ALERT_UNKNOWN_CA,
				     "the certificate is not signed by a configured issuer" },
	[FAULT_REVOKED]          = { REASON_tls_client_refused, TLS_ALERT_CERTIFICATE_REVOKED,
				     "the certificate is revoked" },
	[FAULT_LIST_OLD]         = { REASON_tls_client_refused, TLS_ALERT_CERTIFICATE_UNKNOWN,
				     "the issuer's revocation list is past its next update or its allowed age: install a new one" },
	[FAULT_LIST_MISSING]     = { REASON_tls_client_refused, TLS_ALERT_CERTIFICATE_UNKNOWN,
				     "the issuer has no revocation list: add it to the configured lists" },
	[FAULT_EXPIRED]          = { REASON_tls_client_refused, TLS_ALERT_CERTIFICATE_EXPIRED,
				     "the certificate has expired" },
	/* RFC 8446 section 6.2: "has expired or is not currently valid". */
	[FAULT_NOT_YET_VALID]    = { REASON_tls_client_refused, TLS_ALERT_CERTIFICATE_EXPIRED,
				     "the certificate is not valid yet" },
	[FAULT_VERSION]          = { REASON_tls_client_refused, TLS_ALERT_UNSUPPORTED_CERTIFICATE,
				     "the certificate is not X.509 version 3" },
	[FAULT_IS_ISSUER]        = { REASON_tls_client_refused, TLS_ALERT_UNSUPPORTED_CERTIFICATE,
				     "the certificate is an issuer's (CA:TRUE), not a client's" },
	[FAULT_PATH_LENGTH]      = { REASON_tls_client_refused, TLS_ALERT_UNSUPPORTED_CERTIFICATE,
				     "the certificate has a path length but is not an issuer's" },
	[FAULT_KEY_USAGE]        = { REASON_tls_client_refused, TLS_ALERT_UNSUPPORTED_CERTIFICATE,
				     "the certificate's keyUsage lacks digitalSignature" },
	[FAULT_EXTENDED_USAGE]   = { REASON_tls_client_refused, TLS_ALERT_UNSUPPORTED_CERTIFICATE,
				     "the certificate's extendedKeyUsage lacks clientAuth" },
	[FAULT_NO_IDENTITY]      = { REASON_tls_client_refused, TLS_ALERT_BAD_CERTIFICATE,
				     "the certificate has no URI or DNS name in subjectAltName" },
	[FAULT_TWO_IDENTITIES]   = { REASON_tls_client_refused, TLS_ALERT_BAD_CERTIFICATE,
				     "the certificate names more than one URI, or more than one DNS name and no URI" },
	[FAULT_BAD_IDENTITY]     = { REASON_tls_client_refused, TLS_ALERT_BAD_CERTIFICATE,
				     "the certificate's URI or DNS name is too long or has bytes it may not have" },
	[FAULT_UNKNOWN_IDENTITY] = { REASON_tls_identity_unknown, TLS_ALERT_ACCESS_DENIED,
				     "the identity is not in the callers table" },
	[FAULT_OTHER]            = { REASON_tls_client_refused, TLS_ALERT_BAD_CERTIFICATE,
				     "the certificate is not acceptable" },
};
/* clang-format on */

const struct tls_fault_row *tls_fault_row(enum tls_fault fault)
{
	return &rows[fault < FAULT_COUNT ? fault : FAULT_OTHER];
}

int tls_serial_compare(const void *left, const void *right)
{
	const struct tls_serial *a = left, *b = right;
	if (a->size_bytes != b->size_bytes)
		return a->size_bytes < b->size_bytes ? -1 : 1;
	return memcmp(a->data, b->data, a->size_bytes);
}

static bool is_revoked(const struct tls_issuer *issuer, const struct tls_serial *serial)
{
	size_t low = 0, high = issuer->revoked_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int    order  = tls_serial_compare(serial, &issuer->revoked[middle]);
		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

const struct tls_issuer *tls_issuer_of(const struct tls_issuers *issuers,
				       const uint8_t             digest[DIGEST_BYTES])
{
	for (size_t i = 0; i < issuers->count; i++)
		if (memcmp(issuers->issuers[i].digest, digest, DIGEST_BYTES) == 0)
			return &issuers->issuers[i];
	return NULL;
}

enum tls_fault tls_caller_check(const struct tls_caller *caller, const struct tls_issuers *issuers,
				const struct tls_policy *policy, int64_t now_s)
{
	const struct tls_issuer *issuer = tls_issuer_of(issuers, caller->issuer);
	if (!issuer)
		return FAULT_ISSUER;
	if (is_revoked(issuer, &caller->serial))
		return FAULT_REVOKED;
	if (issuers->lists_required && !issuer->listed)
		return FAULT_LIST_MISSING;
	if (issuer->listed && now_s > issuer->good_until_s)
		return FAULT_LIST_OLD;
	if (now_s > caller->expires_s || now_s > tls_seconds_of(&issuer->certificate->valid_to))
		return FAULT_EXPIRED;
	if (caller->identity_size_bytes == 0)
		return FAULT_NO_IDENTITY;
	if (!policy->known(policy->ctx, bytes_of(caller->identity, caller->identity_size_bytes)))
		return FAULT_UNKNOWN_IDENTITY;
	return FAULT_NONE;
}

bool tls_serial_of(const mbedtls_x509_buf *raw, struct tls_serial *serial)
{
	const uint8_t *data       = raw->p;
	size_t         size_bytes = raw->len;
	while (size_bytes > 1 && *data == 0) {
		data++;
		size_bytes--;
	}
	if (size_bytes == 0 || size_bytes > SERIAL_BYTES_MAX)
		return false;
	*serial = (struct tls_serial){ .size_bytes = (uint8_t)size_bytes };
	memcpy(serial->data, data, size_bytes);
	return true;
}

int64_t tls_seconds_of(const mbedtls_x509_time *time)
{
	struct tm utc = { .tm_year = time->year - 1900,
			  .tm_mon  = time->mon - 1,
			  .tm_mday = time->day,
			  .tm_hour = time->hour,
			  .tm_min  = time->min,
			  .tm_sec  = time->sec };
	return timegm(&utc);
}

#define SAN_DNS (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME)
#define SAN_URI (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER)

/* RFC 3986: printable ASCII without space, and a scheme, which a DNS name cannot
 * have.  So a URI and a DNS name never spell the same identity. */
static bool is_uri(const mbedtls_x509_buf *name)
{
	for (size_t i = 0; i < name->len; i++)
		if (name->p[i] <= 0x20 || name->p[i] >= 0x7f)
			return false;
	return memchr(name->p, ':', name->len) != NULL;
}

/* No wildcard: a caller is one machine or service, not a family. */
static bool is_dns(const mbedtls_x509_buf *name)
{
	for (size_t i = 0; i < name->len; i++) {
		uint8_t c = name->p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '.' || c == '_'))
			return false;
	}
	return name->p[0] != '.';
}

enum tls_fault tls_identity_of(const mbedtls_x509_crt *certificate, struct tls_caller *caller)
{
	const mbedtls_x509_buf *uri = NULL, *dns = NULL;
	unsigned                uris = 0, dnses = 0;

	for (const mbedtls_x509_sequence *at = &certificate->subject_alt_names; at; at = at->next) {
		if (at->buf.tag == SAN_URI) {
			uri = &at->buf;
			uris++;
		} else if (at->buf.tag == SAN_DNS) {
			dns = &at->buf;
			dnses++;
		}
	}
	if (uris == 0 && dnses == 0)
		return FAULT_NO_IDENTITY;
	if (uris > 1 || (uris == 0 && dnses > 1))
		return FAULT_TWO_IDENTITIES;
	const mbedtls_x509_buf *name = uri ? uri : dns;
	if (name->len == 0 || name->len > TLS_IDENTITY_BYTES_MAX ||
	    !(uri ? is_uri(name) : is_dns(name)))
		return FAULT_BAD_IDENTITY;
	caller->identity_size_bytes = (uint8_t)name->len;
	memcpy(caller->identity, name->p, name->len);
	return FAULT_NONE;
}
