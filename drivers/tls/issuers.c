/* The pinned issuers and their revocation lists (RFC 5280 section 5).
 *
 * A list is verified once, here, and kept as sorted serials: a handshake does not
 * pay for its signature again, and the check after a reload is a binary search.  A
 * list with a critical extension we do not know (a delta, an indirect list, a list
 * for some reasons only) does not parse, and so is refused. */
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/tls/caller.h"
#include "drivers/tls/material.h"
#include "drivers/tls/port.h"

static void issuer_digest(const mbedtls_x509_crt *certificate, uint8_t out[DIGEST_BYTES])
{
	struct digest digest;
	digest_init(&digest);
	digest_add(&digest, certificate->subject_raw.p, certificate->subject_raw.len);
	digest_add(&digest, certificate->pk_raw.p, certificate->pk_raw.len);
	digest_end(&digest, out);
}

const struct tls_issuer *tls_issuer_of_certificate(const struct tls_issuers *issuers,
						   const mbedtls_x509_crt   *certificate)
{
	uint8_t digest[DIGEST_BYTES];
	issuer_digest(certificate, digest);
	return tls_issuer_of(issuers, digest);
}

/* RFC 5280 section 4.2.1: an issuer says so in basicConstraints and keyUsage. */
static const char *issuer_fault(mbedtls_x509_crt *certificate, int64_t now_s)
{
	if (certificate->version != 3)
		return "is not X.509 version 3";
	if (!mbedtls_x509_crt_has_ext_type(certificate, MBEDTLS_X509_EXT_BASIC_CONSTRAINTS) ||
	    !certificate->MBEDTLS_PRIVATE(ca_istrue))
		return "is not an authority (basicConstraints CA:TRUE)";
	if (!mbedtls_x509_crt_has_ext_type(certificate, MBEDTLS_X509_EXT_KEY_USAGE) ||
	    mbedtls_x509_crt_check_key_usage(certificate, MBEDTLS_X509_KU_KEY_CERT_SIGN) != 0)
		return "may not sign certificates (keyUsage keyCertSign)";
	if (!tls_key_is_strong(&certificate->pk))
		return "has a key that is too weak (P-256, P-384 or RSA of 2048 bits at least)";
	if (now_s > tls_seconds_of(&certificate->valid_to))
		return "has expired";
	if (now_s < tls_seconds_of(&certificate->valid_from))
		return "is not valid yet";
	return NULL;
}

static bool issuers_take(struct tls_issuers *issuers, int64_t now_s, char *error,
			 size_t error_size_bytes)
{
	for (mbedtls_x509_crt *at = &issuers->certificates; at; at = at->next) {
		const char *fault = issuer_fault(at, now_s);
		if (issuers->count == TLS_ISSUERS_MAX)
			fault = "is one too many: 64 are allowed";
		if (fault) {
			char name[128];
			tls_subject_text(at, name, sizeof(name));
			snprintf(error, error_size_bytes, "issuer %s %s", name, fault);
			return false;
		}
		if (tls_issuer_of_certificate(issuers, at))
			continue;
		struct tls_issuer *issuer = &issuers->issuers[issuers->count++];
		issuer->certificate       = at;
		issuer_digest(at, issuer->digest);
	}
	return true;
}

static bool list_is_signed_by(const mbedtls_x509_crl *list, const mbedtls_x509_crt *certificate)
{
	uint8_t                  hash[MBEDTLS_MD_MAX_SIZE];
	mbedtls_md_type_t        type = list->MBEDTLS_PRIVATE(sig_md);
	const mbedtls_md_info_t *info = mbedtls_md_info_from_type(type);

	if (list->issuer_raw.len != certificate->subject_raw.len ||
	    memcmp(list->issuer_raw.p, certificate->subject_raw.p, list->issuer_raw.len) != 0)
		return false;
	if (!info || mbedtls_md(info, list->tbs.p, list->tbs.len, hash) != 0)
		return false;
	if (mbedtls_x509_crt_check_key_usage(certificate, MBEDTLS_X509_KU_CRL_SIGN) != 0)
		return false;
	return mbedtls_pk_verify_ext(list->MBEDTLS_PRIVATE(sig_pk), list->MBEDTLS_PRIVATE(sig_opts),
				     (mbedtls_pk_context *)&certificate->pk, type, hash,
				     mbedtls_md_get_size(info), list->MBEDTLS_PRIVATE(sig).p,
				     list->MBEDTLS_PRIVATE(sig).len) == 0;
}

static struct tls_issuer *signer_of(struct tls_issuers *issuers, const mbedtls_x509_crl *list)
{
	for (size_t i = 0; i < issuers->count; i++)
		if (list_is_signed_by(list, issuers->issuers[i].certificate))
			return &issuers->issuers[i];
	return NULL;
}

static const char *serials_take(struct tls_issuer *issuer, const mbedtls_x509_crl *list)
{
	size_t count = 0;
	for (const mbedtls_x509_crl_entry *at = &list->entry; at && at->raw.len; at = at->next)
		count++;
	issuer->revoked = calloc(count ? count : 1, sizeof(*issuer->revoked));
	if (!issuer->revoked)
		return "does not fit into memory";
	for (const mbedtls_x509_crl_entry *at = &list->entry; at && at->raw.len; at = at->next)
		if (!tls_serial_of(&at->serial, &issuer->revoked[issuer->revoked_count++]))
			return "has a serial number longer than 20 bytes";
	qsort(issuer->revoked, count, sizeof(*issuer->revoked), tls_serial_compare);
	return NULL;
}

static int64_t good_until_s(const struct tls_issuers *issuers, const mbedtls_x509_crl *list)
{
	int64_t next_s   = tls_seconds_of(&list->next_update);
	int64_t oldest_s = tls_seconds_of(&list->this_update) + issuers->list_max_age_s;

	return issuers->list_max_age_s == 0 || next_s < oldest_s ? next_s : oldest_s;
}

static const char *list_take(struct tls_issuers *issuers, const mbedtls_x509_crl *list,
			     int64_t now_s)
{
	struct tls_issuer *issuer = signer_of(issuers, list);
	if (!issuer)
		return "is not signed by a configured issuer";
	if (issuer->listed)
		return "is the second one of its issuer";
	/* RFC 5280 section 5.1.2.5: nextUpdate is required. */
	if (list->next_update.year == 0)
		return "does not say when the next one comes (nextUpdate)";
	if (now_s < tls_seconds_of(&list->this_update))
		return "is not valid yet";
	issuer->next_update_s = tls_seconds_of(&list->next_update);
	issuer->good_until_s  = good_until_s(issuers, list);
	if (now_s > issuer->next_update_s)
		return "is past its next update: every client would be refused; install a new one";
	if (now_s > issuer->good_until_s)
		return "is older than its allowed age: every client would be refused; install a "
		       "new one";
	issuer->listed = true;
	return serials_take(issuer, list);
}

static bool lists_take(struct tls_issuers *issuers, struct bytes lists, int64_t now_s, char *error,
		       size_t error_size_bytes)
{
	mbedtls_x509_crl first;
	mbedtls_x509_crl_init(&first);

	struct bytes text  = tls_text_copy(lists);
	const char  *fault = text.data ? NULL : "does not fit into memory";
	int          ret   = fault ? 0 : mbedtls_x509_crl_parse(&first, text.data, text.size_bytes);
	if (ret != 0)
		tls_port_words(error, error_size_bytes, "the revocation list cannot be read", ret);
	for (const mbedtls_x509_crl *at = &first; ret == 0 && !fault && at; at = at->next)
		fault = list_take(issuers, at, now_s);
	if (fault)
		snprintf(error, error_size_bytes, "the revocation list %s", fault);
	for (size_t i = 0; ret == 0 && !fault && i < issuers->count; i++)
		if (!issuers->issuers[i].listed)
			fault = "of an issuer is missing";
	if (fault)
		snprintf(error, error_size_bytes, "the revocation list %s", fault);
	tls_file_free(&text);
	mbedtls_x509_crl_free(&first);
	return ret == 0 && !fault;
}

bool tls_issuers_make(struct tls_issuers *issuers, const struct tls_issuers_options *options,
		      int64_t now_s, char *error, size_t error_size_bytes)
{
	*issuers = (struct tls_issuers){ .lists_required = options->lists.size_bytes > 0,
					 .list_max_age_s = options->list_max_age_s };
	mbedtls_x509_crt_init(&issuers->certificates);
	if (!tls_certificates_read(&issuers->certificates, options->certificates, "the issuers",
				   error, error_size_bytes))
		return false;
	return issuers_take(issuers, now_s, error, error_size_bytes) &&
	       (!issuers->lists_required ||
		lists_take(issuers, options->lists, now_s, error, error_size_bytes));
}

void tls_issuers_free(struct tls_issuers *issuers)
{
	for (size_t i = 0; i < issuers->count; i++)
		free(issuers->issuers[i].revoked);
	mbedtls_x509_crt_free(&issuers->certificates);
}
