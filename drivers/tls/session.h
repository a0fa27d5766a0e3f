/* What lies behind the names of tls.h; for the files of drivers/tls only. */
#ifndef ASSAY_DRIVERS_TLS_SESSION_H
#define ASSAY_DRIVERS_TLS_SESSION_H

#include <mbedtls/ssl.h>
#include <stdatomic.h>

#include "drivers/tls/caller.h"
#include "drivers/tls/tls.h"

/* What a server and a client have in common: one configuration of the library and
 * all it points to. */
struct tls_setup {
	mbedtls_ssl_config conf;
	mbedtls_x509_crt   chain; /* our certificate */
	mbedtls_pk_context key;
	const char        *alpn[TLS_ALPN_MAX + 1];
};

struct tls_setup_options {
	bool               server;
	struct bytes       certificate, key;
	const char *const *alpn;
	enum tls_version   minimum_version, maximum_version;
};
bool tls_setup_make(struct tls_setup *setup, const struct tls_setup_options *options, int64_t now_s,
		    char *error, size_t error_size_bytes);
void tls_setup_free(struct tls_setup *setup);

struct tls_server {
	struct tls_setup    setup;
	struct tls_issuers  issuers;
	struct tls_policy   policy;
	struct tls_tickets *tickets;
	atomic_uint         holds;
};

struct tls_client {
	struct tls_setup    setup;
	mbedtls_x509_crt    issuers;
	bool                resume;
	bool                have_ticket;
	mbedtls_ssl_session ticket; /* the last one, when have_ticket */
};

struct tls_session {
	mbedtls_ssl_context ssl;
	struct tls_io       io;
	struct tls_server  *server; /* NULL: we are the client */
	struct tls_client  *client;
	enum tls_state      state;
	bool                resumed;
	bool                at_end; /* recv said so */
	bool                close_said;
	struct tls_verdict  verdict;
	struct tls_failure  failure;
};

/* The session this thread is inside the library for; the ticket callbacks, which
 * are given the configuration only, need it. */
struct tls_session *tls_session_here(void);

/* The library's ticket callbacks; their context is the struct tls_server. */
mbedtls_ssl_ticket_write_t tls_ticket_seal;
mbedtls_ssl_ticket_parse_t tls_ticket_open;

enum reason tls_session_make(const struct tls_setup *setup, const struct tls_io *io,
			     struct tls_session **out);

#endif
