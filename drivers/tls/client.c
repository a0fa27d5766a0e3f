#include <stdio.h>
#include <stdlib.h>

#include "drivers/tls/material.h"
#include "drivers/tls/port.h"
#include "drivers/tls/session.h"

static bool client_fill(struct tls_client *client, const struct tls_client_options *options,
			int64_t now_s, char *error, size_t error_size_bytes)
{
	const struct tls_setup_options setup = {
		.certificate     = options->certificate,
		.key             = options->key,
		.alpn            = options->alpn,
		.minimum_version = options->maximum_version,
		.maximum_version = options->maximum_version,
	};
	mbedtls_x509_crt_init(&client->issuers);
	mbedtls_ssl_session_init(&client->ticket);
	if (!tls_setup_make(&client->setup, &setup, now_s, error, error_size_bytes) ||
	    !tls_certificates_read(&client->issuers, options->issuers, "the issuers", error,
				   error_size_bytes))
		return false;
	mbedtls_ssl_config *conf = &client->setup.conf;
	mbedtls_ssl_conf_ca_chain(conf, &client->issuers, NULL);
	mbedtls_ssl_conf_session_tickets(conf, options->resume
						       ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
						       : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
		conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
	client->resume = options->resume;
	return true;
}

bool tls_client_make(const struct tls_client_options *options, int64_t now_ns,
		     struct tls_client **out, char *error, size_t error_size_bytes)
{
	*out                      = NULL;
	struct tls_client *client = calloc(1, sizeof(*client));
	if (!client) {
		snprintf(error, error_size_bytes, "there is no memory for a TLS client");
		return false;
	}
	tls_port_enter(now_ns);
	if (!client_fill(client, options, now_ns / NS_PER_SECOND, error, error_size_bytes)) {
		tls_client_free(client);
		return false;
	}
	*out = client;
	return true;
}

bool tls_is_client_certificate(struct bytes certificate)
{
	mbedtls_x509_crt chain;
	char             error[TLS_ERROR_BYTES_MAX];
	bool             is_client;

	mbedtls_x509_crt_init(&chain);
	is_client = tls_port_ready() &&
		    tls_certificates_read(&chain, certificate, "it", error, sizeof(error)) &&
		    tls_names_client_auth(&chain);
	mbedtls_x509_crt_free(&chain);
	return is_client;
}

void tls_client_free(struct tls_client *client)
{
	if (!client)
		return;
	tls_setup_free(&client->setup);
	mbedtls_x509_crt_free(&client->issuers);
	mbedtls_ssl_session_free(&client->ticket);
	free(client);
}

enum reason tls_client_open(struct tls_client *client, const char *server_name,
			    const struct tls_io *io, struct tls_session **out)
{
	enum reason reason = tls_session_make(&client->setup, io, out);
	if (reason != REASON_NONE)
		return reason;
	struct tls_session *session = *out;
	session->client             = client;
	int ret                     = mbedtls_ssl_set_hostname(&session->ssl, server_name);
	if (ret == 0 && client->have_ticket)
		ret = mbedtls_ssl_set_session(&session->ssl, &client->ticket);
	if (ret == 0)
		return REASON_NONE;
	tls_session_free(session);
	*out = NULL;
	return REASON_internal;
}
