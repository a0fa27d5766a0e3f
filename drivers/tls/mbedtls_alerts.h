/* Included before ssl_tls.c and ssl_tls13_generic.c of the library (see mbedtls.mk),
 * where a client would get another alert than the one its mistake has. */
#ifndef ASSAY_DRIVERS_TLS_MBEDTLS_ALERTS_H
#define ASSAY_DRIVERS_TLS_MBEDTLS_ALERTS_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

/* A client without a certificate is told no_certificate, an alert of SSL 3.0.  RFC
 * 8446 section 6.2 has certificate_required for it. */
#undef MBEDTLS_SSL_ALERT_MSG_NO_CERT
#define MBEDTLS_SSL_ALERT_MSG_NO_CERT 116

/* A certificate signed by an algorithm that is not compiled in (SHA-1, MD5) is passed
 * over, and when it is the first, the next one in the chain is taken for the peer's.
 * RFC 8446 section 4.4.2.4 has bad_certificate for it. */
static inline int tls_chain_add(mbedtls_x509_crt *chain, const unsigned char *der, size_t der_bytes)
{
	int ret = mbedtls_x509_crt_parse_der(chain, der, der_bytes);

	if (ret == MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG + MBEDTLS_ERR_OID_NOT_FOUND &&
	    chain->raw.len == 0)
		return MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG;
	return ret;
}
#define mbedtls_x509_crt_parse_der tls_chain_add

#endif
