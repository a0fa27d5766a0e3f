#include <assert.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <stdlib.h>

#include "drivers/tls/port.h"
#include "drivers/tls/session.h"
#include "runtime/base/text.h"

/* Records one tls_read looks at: a peer that sends empty records or tickets only
 * must not hold a polling core. */
#define READ_RECORDS_MAX 64

static _Thread_local struct tls_session *here;

struct tls_session *tls_session_here(void)
{
	assert(here);
	return here;
}

static void enter(struct tls_session *session, int64_t now_ns)
{
	here = session;
	tls_port_enter(now_ns);
}

static int way_out(void *ctx, const unsigned char *data, size_t size_bytes)
{
	struct tls_session *session = ctx;
	ssize_t             sent    = session->io.send(session->io.ctx, data, size_bytes);
	if (sent < 0)
		return MBEDTLS_ERR_NET_CONN_RESET;
	return sent == 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : (int)sent;
}

static int way_in(void *ctx, unsigned char *data, size_t size_bytes)
{
	struct tls_session *session = ctx;
	ssize_t             got     = session->io.recv(session->io.ctx, data, size_bytes);
	if (got < 0) {
		session->at_end = true;
		return MBEDTLS_ERR_SSL_CONN_EOF;
	}
	return got == 0 ? MBEDTLS_ERR_SSL_WANT_READ : (int)got;
}

enum reason tls_session_make(const struct tls_setup *setup, const struct tls_io *io,
			     struct tls_session **out)
{
	*out = NULL;
	if (tls_random_failed())
		return REASON_tls_rng_failed;
	struct tls_session *session = calloc(1, sizeof(*session));
	if (!session)
		return REASON_internal;
	mbedtls_ssl_init(&session->ssl);
	session->io            = *io;
	session->state         = TLS_WANT_READ;
	session->failure.alert = TLS_ALERT_NONE;
	if (mbedtls_ssl_setup(&session->ssl, &setup->conf) != 0) {
		tls_session_free(session);
		return tls_random_failed() ? REASON_tls_rng_failed : REASON_internal;
	}
	mbedtls_ssl_set_bio(&session->ssl, session, way_out, way_in, NULL);
	*out = session;
	return REASON_NONE;
}

void tls_session_free(struct tls_session *session)
{
	if (!session)
		return;
	if (here == session)
		here = NULL;
	mbedtls_ssl_free(&session->ssl);
	tls_server_release(session->server);
	mbedtls_platform_zeroize(session, sizeof(*session));
	free(session);
}

/* ---- failures */

static void fail(struct tls_session *session, enum reason reason, uint8_t alert, bool ours,
		 const char *words)
{
	struct tls_failure *failure = &session->failure;

	session->state                  = TLS_FAILED;
	failure->reason                 = reason;
	failure->alert                  = alert;
	failure->alert_is_ours          = ours;
	const struct tls_caller *caller = &session->verdict.caller;
	struct text              text   = text_begin(failure->text, sizeof(failure->text));
	text_add(&text, words);
	if (caller->identity_size_bytes > 0) {
		text_add(&text, ": ");
		text_add_bytes(&text, caller->identity, caller->identity_size_bytes);
	}
}

/* The alert the library had pending, if any; those it sends at once are lost to
 * us, except for certificates, where the verdict knows. */
static uint8_t alert_of_library(const struct tls_session *session)
{
	int type = session->ssl.MBEDTLS_PRIVATE(alert_type);
	return type == 0 ? TLS_ALERT_NONE : (uint8_t)type;
}

/* RFC 8446 section 4.1.1: no group in common is handshake_failure, and the library
 * says nothing when it finds out while it writes a HelloRetryRequest. */
static void no_group(struct tls_session *session)
{
	(void)mbedtls_ssl_send_alert_message(&session->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
					     TLS_ALERT_HANDSHAKE_FAILURE);
	fail(session, REASON_tls_handshake_failed, TLS_ALERT_HANDSHAKE_FAILURE, true,
	     "the client and this machine have no key exchange group in common");
}

/* RFC 8446 section 4.4.2.4.  Of TLS 1.2 the library sends nothing, and RFC 5246
 * section 7.4.6 has handshake_failure. */
static void no_certificate(struct tls_session *session)
{
	uint8_t alert = TLS_ALERT_CERTIFICATE_REQUIRED;
	if (mbedtls_ssl_get_version_number(&session->ssl) != MBEDTLS_SSL_VERSION_TLS1_3) {
		alert = TLS_ALERT_HANDSHAKE_FAILURE;
		(void)mbedtls_ssl_send_alert_message(&session->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
						     alert);
	}
	fail(session, REASON_tls_client_refused, alert, true, "the client sent no certificate");
}

static void fail_by_code(struct tls_session *session, int code)
{
	const struct tls_fault_row *fault = tls_fault_row(session->verdict.fault);

	if (tls_random_failed()) {
		fail(session, REASON_tls_rng_failed, TLS_ALERT_INTERNAL_ERROR, true,
		     reason_row_of(REASON_tls_rng_failed)->meaning);
	} else if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
		uint8_t alert = session->ssl.MBEDTLS_PRIVATE(in_msg)[1];
		fail(session, REASON_tls_handshake_failed, alert, false, "the peer sent an alert");
	} else if (session->verdict.fault != FAULT_NONE) {
		fail(session, fault->reason, fault->alert, true, fault->words);
	} else if (code == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) {
		no_certificate(session);
	} else if (code == MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE &&
		   session->ssl.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HELLO_RETRY_REQUEST &&
		   alert_of_library(session) == TLS_ALERT_NONE) {
		no_group(session);
	} else if (session->at_end || code == MBEDTLS_ERR_NET_CONN_RESET) {
		fail(session, REASON_peer_reset, TLS_ALERT_NONE, true,
		     "the peer left without close_notify");
	} else {
		/* Codes of X.509 lie in this range (mbedtls/x509.h). */
		bool x509 = -code >= 0x2000 && -code < 0x3000;
		fail(session, x509 ? REASON_tls_client_refused : REASON_tls_handshake_failed,
		     alert_of_library(session), true, x509 ? "the certificate" : "the handshake");
		session->failure.code = code;
	}
}

/* ---- going on */

bool tls_unsent(const struct tls_session *session)
{
	return session->ssl.MBEDTLS_PRIVATE(out_left) != 0;
}

/* With something left to send, this call of the library does nothing but send it. */
static int flush(struct tls_session *session)
{
	if (!tls_unsent(session))
		return 0;
	return mbedtls_ssl_send_alert_message(&session->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
					      MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
}

/* Fails closed: the library calls a handshake done, and we ask again who it is. */
static void opened(struct tls_session *session)
{
	session->state = TLS_OPEN;
	if (session->client)
		return;
	if (session->verdict.accepted)
		session->resumed = false;
	if ((session->verdict.accepted || session->resumed) &&
	    session->verdict.caller.identity_size_bytes > 0)
		return;
	fail(session, REASON_tls_client_refused, TLS_ALERT_INTERNAL_ERROR, true,
	     "the handshake ended without a caller");
	mbedtls_ssl_send_alert_message(&session->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
				       MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
}

/* RFC 8446 section 4.4.4: what follows a side's Finished is protected by its
 * application keys, and "this includes any alerts sent by the server in response to
 * client Certificate and CertificateVerify messages".  The library goes on with the
 * handshake keys until the client's Finished is in, and the client, which has moved
 * on, cannot read why it was refused.  So we move on here; between this and the end
 * of the handshake the library sends nothing but a fatal alert, and it begins at
 * record 0 of the same keys again only when none was sent. */
static void keys_move_on(struct tls_session *session)
{
	mbedtls_ssl_context *ssl = &session->ssl;

	if (session->client || mbedtls_ssl_get_version_number(ssl) != MBEDTLS_SSL_VERSION_TLS1_3 ||
	    !ssl->MBEDTLS_PRIVATE(transform_application) ||
	    ssl->MBEDTLS_PRIVATE(transform_out) == ssl->MBEDTLS_PRIVATE(transform_application))
		return;
	switch (ssl->MBEDTLS_PRIVATE(state)) {
	case MBEDTLS_SSL_CLIENT_CERTIFICATE:
	case MBEDTLS_SSL_CLIENT_CERTIFICATE_VERIFY:
	case MBEDTLS_SSL_CLIENT_FINISHED:
		ssl->MBEDTLS_PRIVATE(transform_out) = ssl->MBEDTLS_PRIVATE(transform_application);
		memset(ssl->MBEDTLS_PRIVATE(cur_out_ctr), 0,
		       sizeof(ssl->MBEDTLS_PRIVATE(cur_out_ctr)));
		break;
	default: break;
	}
}

/* Tickets come after the handshake, to the library as to RFC 8446, but are states
 * of its own; mbedtls_ssl_is_handshake_over does not count them. */
static bool is_idle(const struct tls_session *session)
{
	return session->ssl.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HANDSHAKE_OVER;
}

static int shake(struct tls_session *session)
{
	while (!is_idle(session)) {
		keys_move_on(session);
		int ret = mbedtls_ssl_handshake_step(&session->ssl);
		if (ret != 0)
			return ret;
	}
	return 0;
}

enum tls_state tls_session_step(struct tls_session *session, int64_t now_ns)
{
	enter(session, now_ns);
	switch (session->state) {
	case TLS_OPEN:
	case TLS_CLOSED:
	case TLS_FAILED: (void)flush(session); return session->state;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE: break;
	}
	int ret = shake(session);
	if (ret == 0)
		opened(session);
	else if (ret == MBEDTLS_ERR_SSL_WANT_READ)
		session->state = TLS_WANT_READ;
	else if (ret == MBEDTLS_ERR_SSL_WANT_WRITE)
		session->state = TLS_WANT_WRITE;
	else
		fail_by_code(session, ret);
	return session->state;
}

static uint64_t counter_of(const uint8_t *counter)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | counter[i];
	return value;
}

uint64_t tls_records(const struct tls_session *session)
{
	uint64_t out = counter_of(session->ssl.MBEDTLS_PRIVATE(cur_out_ctr));
	uint64_t in  = counter_of(session->ssl.MBEDTLS_PRIVATE(in_ctr));
	return out > in ? out : in;
}

/* RFC 8446 section 5.5: keys are changed or the connection is closed in time. */
static bool within_limit(struct tls_session *session)
{
	if (tls_records(session) < TLS_RECORDS_MAX)
		return true;
	tls_close_notify(session);
	fail(session, REASON_tls_record_limit, TLS_ALERT_CLOSE_NOTIFY, true,
	     reason_row_of(REASON_tls_record_limit)->meaning);
	return false;
}

static void ticket_keep(struct tls_session *session)
{
	struct tls_client *client = session->client;
	if (!client || !client->resume)
		return;
	mbedtls_ssl_session_free(&client->ticket);
	mbedtls_ssl_session_init(&client->ticket);
	client->have_ticket = mbedtls_ssl_get_session(&session->ssl, &client->ticket) == 0;
}

ssize_t tls_read(struct tls_session *session, int64_t now_ns, void *data, size_t size_bytes)
{
	if (session->state != TLS_OPEN || !within_limit(session))
		return -1;
	enter(session, now_ns);
	for (int i = 0; i < READ_RECORDS_MAX; i++) {
		int ret = mbedtls_ssl_read(&session->ssl, data, size_bytes);
		switch (ret) {
		case MBEDTLS_ERR_SSL_WANT_READ:
			/* A client that met a ticket: the library wants to be called
			 * again, not bytes. */
			if (!is_idle(session))
				break;
			return 0;
		case MBEDTLS_ERR_SSL_WANT_WRITE: return 0;
		case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET: ticket_keep(session); break;
		case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: session->state = TLS_CLOSED; return -1;
		case 0:
			/* An end without close_notify, or an empty record. */
			if (!session->at_end)
				break;
			fail_by_code(session, MBEDTLS_ERR_SSL_CONN_EOF);
			return -1;
		default:
			if (ret > 0)
				return ret;
			fail_by_code(session, ret);
			return -1;
		}
	}
	return 0;
}

ssize_t tls_write(struct tls_session *session, const void *data, size_t size_bytes)
{
	if (session->state != TLS_OPEN || session->close_said || !within_limit(session))
		return -1;
	enter(session, tls_port_now_ns());
	int ret = flush(session);
	if (ret == MBEDTLS_ERR_SSL_WANT_WRITE || (ret == 0 && size_bytes == 0))
		return 0;
	if (ret == 0)
		ret = mbedtls_ssl_write(&session->ssl, data, size_bytes);
	if (ret >= 0)
		return ret;
	if (ret != MBEDTLS_ERR_SSL_WANT_WRITE) {
		fail_by_code(session, ret);
		return -1;
	}
	/* The record is made and what did not go out is kept: the bytes are taken. */
	size_t record_bytes = (size_t)mbedtls_ssl_get_max_out_record_payload(&session->ssl);
	return (ssize_t)(size_bytes < record_bytes ? size_bytes : record_bytes);
}

void tls_close_notify(struct tls_session *session)
{
	if (session->close_said || (session->state != TLS_OPEN && session->state != TLS_CLOSED))
		return;
	enter(session, tls_port_now_ns());
	if (flush(session) != 0)
		return;
	session->close_said = true;
	(void)mbedtls_ssl_close_notify(&session->ssl);
}

/* ---- questions */

enum tls_state tls_session_state(const struct tls_session *session)
{
	return session->state;
}

const struct tls_failure *tls_failure_of(const struct tls_session *session)
{
	return &session->failure;
}

struct bytes tls_identity(const struct tls_session *session)
{
	const struct tls_caller *caller = &session->verdict.caller;
	return bytes_of(caller->identity, caller->identity_size_bytes);
}

bool tls_resumed(const struct tls_session *session)
{
	return session->resumed;
}

const char *tls_version_name(const struct tls_session *session)
{
	return mbedtls_ssl_get_version(&session->ssl);
}

const char *tls_ciphersuite_name(const struct tls_session *session)
{
	const char *name = mbedtls_ssl_get_ciphersuite(&session->ssl);
	return name ? name : "";
}

const char *tls_alpn_name(const struct tls_session *session)
{
	const char *name = mbedtls_ssl_get_alpn_protocol(&session->ssl);
	return name ? name : "";
}
