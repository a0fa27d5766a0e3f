#include <stdio.h>
#include <stdlib.h>

#include "drivers/tls/port.h"
#include "drivers/tls/session.h"

static bool server_fill(struct tls_server *server, const struct tls_options *options, int64_t now_s,
			char *error, size_t error_size_bytes)
{
	const struct tls_setup_options setup = {
		.server          = true,
		.certificate     = options->certificate,
		.key             = options->key,
		.alpn            = options->alpn,
		.minimum_version = options->minimum_version,
		.maximum_version = TLS_VERSION_1_3,
	};
	const struct tls_issuers_options issuers = {
		.certificates   = options->issuers,
		.lists          = options->revocation_list,
		.list_max_age_s = options->revocation_max_age_s,
	};
	/* Both are made even if the first fails, so that both can be freed. */
	bool made = tls_setup_make(&server->setup, &setup, now_s, error, error_size_bytes);
	if (!made)
		mbedtls_x509_crt_init(&server->issuers.certificates);
	else
		made = tls_issuers_make(&server->issuers, &issuers, now_s, error, error_size_bytes);
	if (!made)
		return false;

	mbedtls_ssl_config *conf = &server->setup.conf;
	mbedtls_ssl_conf_ca_chain(conf, &server->issuers.certificates, NULL);
	if (options->tickets) {
		server->tickets = tls_tickets_hold(options->tickets);
		mbedtls_ssl_conf_session_tickets_cb(conf, tls_ticket_seal, tls_ticket_open, server);
		mbedtls_ssl_conf_new_session_tickets(conf, 1);
	}
	return true;
}

bool tls_server_make(const struct tls_options *options, int64_t now_ns, struct tls_server **out,
		     char *error, size_t error_size_bytes)
{
	*out = NULL;
	if (!options->policy.known) {
		snprintf(error, error_size_bytes, "there is no table of callers");
		return false;
	}
	struct tls_server *server = calloc(1, sizeof(*server));
	if (!server) {
		snprintf(error, error_size_bytes, "there is no memory for a TLS server");
		return false;
	}
	tls_port_enter(now_ns);
	atomic_init(&server->holds, 1);
	server->policy = options->policy;
	if (!server_fill(server, options, now_ns / NS_PER_SECOND, error, error_size_bytes)) {
		tls_server_release(server);
		return false;
	}
	*out = server;
	return true;
}

struct tls_server *tls_server_hold(struct tls_server *server)
{
	atomic_fetch_add(&server->holds, 1);
	return server;
}

void tls_server_release(struct tls_server *server)
{
	if (!server || atomic_fetch_sub(&server->holds, 1) != 1)
		return;
	tls_setup_free(&server->setup);
	tls_issuers_free(&server->issuers);
	tls_tickets_release(server->tickets);
	free(server);
}

static void earliest(int64_t *at_ns, int64_t seconds)
{
	if (*at_ns == 0 || seconds * NS_PER_SECOND < *at_ns)
		*at_ns = seconds * NS_PER_SECOND;
}

void tls_server_facts(const struct tls_server *server, struct tls_server_facts *facts)
{
	*facts = (struct tls_server_facts){ 0 };
	for (const mbedtls_x509_crt *at = &server->setup.chain; at; at = at->next)
		earliest(&facts->certificate_expires_ns, tls_seconds_of(&at->valid_to));
	for (size_t i = 0; i < server->issuers.count; i++) {
		const struct tls_issuer *issuer = &server->issuers.issuers[i];
		earliest(&facts->issuer_expires_ns, tls_seconds_of(&issuer->certificate->valid_to));
		facts->revoked_count += issuer->revoked_count;
		if (!issuer->listed)
			continue;
		earliest(&facts->revocation_next_update_ns, issuer->next_update_s);
		earliest(&facts->revocation_good_until_ns, issuer->good_until_s);
	}
}

enum reason tls_session_open(struct tls_server *server, const struct tls_io *io,
			     struct tls_session **out)
{
	enum reason reason = tls_session_make(&server->setup, io, out);
	if (reason != REASON_NONE)
		return reason;
	struct tls_session *session = *out;
	session->server             = tls_server_hold(server);
	session->verdict.issuers    = &server->issuers;
	session->verdict.policy     = &server->policy;
	mbedtls_ssl_set_verify(&session->ssl, tls_verify, &session->verdict);
	return REASON_NONE;
}

enum reason tls_session_still_valid(const struct tls_session *session,
				    const struct tls_server *server, int64_t now_ns)
{
	return tls_fault_row(tls_caller_check(&session->verdict.caller, &server->issuers,
					      &server->policy, now_ns / NS_PER_SECOND))
		->reason;
}
