/* The library's configuration: what a server and a client have in common. */
#include <mbedtls/oid.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/tls/material.h"
#include "drivers/tls/port.h"
#include "drivers/tls/session.h"

/* AES-128-GCM first: the fastest with AES instructions.  The last rows are TLS 1.2's
 * (RFC 9325 section 4.2). */
static const int ciphersuites[] = {
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	0,
};

/* P-256 is the faster of the library's curves and every TLS 1.3 peer has it (RFC
 * 8446 section 9.1). */
static const uint16_t groups[] = {
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
	MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

/* The PKCS 1 rows are for signatures in certificates only (RFC 8446 4.2.3). */
static const uint16_t signatures[] = {
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
	MBEDTLS_TLS1_3_SIG_NONE,
};

/* RFC 8446 section 4.4.2: what surrounds the certificates in their message. */
#define CHAIN_BYTES_MAX (MBEDTLS_SSL_OUT_CONTENT_LEN - 64)

static bool chain_check(struct tls_setup *setup, int64_t now_s, char *error,
			size_t error_size_bytes)
{
	mbedtls_x509_crt *leaf  = &setup->chain;
	const char       *fault = NULL;
	size_t            total = 0;

	for (const mbedtls_x509_crt *at = leaf; at; at = at->next) {
		total += at->raw.len + 5;
		if (now_s > tls_seconds_of(&at->valid_to))
			fault = "has expired";
		else if (now_s < tls_seconds_of(&at->valid_from))
			fault = "is not valid yet";
	}
	if (total > CHAIN_BYTES_MAX)
		fault = "and its issuers are too long: 8128 bytes are allowed";
	if (!tls_key_is_strong(&leaf->pk))
		fault = "has a key that is not P-256, P-384 or RSA of 2048 bits at least";
	if (mbedtls_x509_crt_check_extended_key_usage(
		    leaf, MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0)
		fault = "is not for a server (extendedKeyUsage serverAuth)";
	if (mbedtls_pk_check_pair(&leaf->pk, &setup->key, tls_port_random, NULL) != 0)
		fault = "does not belong to the key";
	if (fault)
		snprintf(error, error_size_bytes, "our certificate %s", fault);
	return !fault;
}

static bool alpn_copy(struct tls_setup *setup, const char *const *alpn)
{
	for (size_t i = 0; alpn && alpn[i]; i++) {
		if (i == TLS_ALPN_MAX)
			return false;
		setup->alpn[i] = strdup(alpn[i]);
		if (!setup->alpn[i])
			return false;
	}
	return !setup->alpn[0] || mbedtls_ssl_conf_alpn_protocols(&setup->conf, setup->alpn) == 0;
}

static mbedtls_ssl_protocol_version version_of(enum tls_version version)
{
	return version == TLS_VERSION_1_2 ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3;
}

static int conf_make(mbedtls_ssl_config *conf, const struct tls_setup_options *options)
{
	int ret = mbedtls_ssl_config_defaults(
		conf, options->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
		MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	if (ret != 0)
		return ret;
	mbedtls_ssl_conf_min_tls_version(conf, version_of(options->minimum_version));
	mbedtls_ssl_conf_max_tls_version(conf, version_of(options->maximum_version));
	mbedtls_ssl_conf_ciphersuites(conf, ciphersuites);
	mbedtls_ssl_conf_groups(conf, groups);
	mbedtls_ssl_conf_sig_algs(conf, signatures);
	mbedtls_ssl_conf_cert_profile(conf, &tls_profile);
	mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_rng(conf, tls_port_random, NULL);
	mbedtls_ssl_conf_tls13_key_exchange_modes(
		conf, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
			      MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
	return 0;
}

bool tls_setup_make(struct tls_setup *setup, const struct tls_setup_options *options, int64_t now_s,
		    char *error, size_t error_size_bytes)
{
	mbedtls_ssl_config_init(&setup->conf);
	mbedtls_x509_crt_init(&setup->chain);
	mbedtls_pk_init(&setup->key);
	if (!tls_port_ready()) {
		snprintf(error, error_size_bytes, "the cryptographic library cannot start");
		return false;
	}
	int ret = conf_make(&setup->conf, options);
	if (ret != 0) {
		tls_port_words(error, error_size_bytes, "TLS cannot be set up", ret);
		return false;
	}
	if (!alpn_copy(setup, options->alpn)) {
		snprintf(error, error_size_bytes, "ALPN: at most %d names of 1 to 255 bytes",
			 TLS_ALPN_MAX);
		return false;
	}
	if (!options->server && options->certificate.size_bytes == 0)
		return true;
	if (!tls_certificates_read(&setup->chain, options->certificate, "our certificate", error,
				   error_size_bytes) ||
	    !tls_key_read(&setup->key, options->key, "our key", error, error_size_bytes))
		return false;
	/* A client may present whatever a test wants a server to refuse. */
	if (options->server && !chain_check(setup, now_s, error, error_size_bytes))
		return false;
	ret = mbedtls_ssl_conf_own_cert(&setup->conf, &setup->chain, &setup->key);
	if (ret != 0)
		tls_port_words(error, error_size_bytes, "our certificate", ret);
	return ret == 0;
}

void tls_setup_free(struct tls_setup *setup)
{
	mbedtls_ssl_config_free(&setup->conf);
	mbedtls_x509_crt_free(&setup->chain);
	mbedtls_pk_free(&setup->key);
	for (size_t i = 0; i < TLS_ALPN_MAX; i++)
		free((void *)setup->alpn[i]);
}
