/* TLS 1.3 (RFC 8446), and 1.2 (RFC 5246) when the options say so, with mutual
 * authentication.  This header is all the rest of the tree knows of TLS: no type
 * of the library behind it appears here, so that the library can be replaced.
 *
 *   tls_tickets   keys that seal session tickets; made once, outlives reloads
 *   tls_server    certificate, issuers, revocation list, policy: read-only after
 *                 it is made.  A reload makes another; sessions hold the one
 *                 they began with until they are freed.
 *   tls_session   one connection, ours or as a client (tools and tests)
 *
 * Identity: the caller is who its certificate's subjectAltName says, nothing
 * else: its only URI, or, without a URI, its only DNS name.  Two URIs, or two DNS
 * names without a URI, are ambiguous and refused.  It is compared byte by byte.
 *
 * Owner:   a session belongs to one thread at a time and may be handed over
 *          between calls (handshake core -> net core).  Servers and tickets may be
 *          shared by threads.  Sessions never wait: they use tls_io only.
 * Memory:  malloc at make, open, and during a handshake.  An open session's
 *          tls_read and tls_write allocate nothing (a client's tls_read may, when a
 *          ticket arrives).  tests/unit/tls/session_test.c prints the bytes an
 *          open session holds; TLS_SESSION_BYTES_MAX is the promise.
 * Clock:   none is read.  now_ns, Unix time in nanoseconds, is an argument.
 * Locks:   key agreement goes through PSA, which takes a process-wide mutex per
 *          use of a key, and a ticket takes the tickets' mutex: both only during a
 *          handshake.  Records take no lock.
 * Failure: every failure has a row of the failure table, an alert and a sentence.
 *
 * Left out: 0-RTT (RFC 8446 section 8), renegotiation, compression, PSK without
 * a fresh key exchange, and KeyUpdate, for which the record limit stands in. */
#ifndef ASSAY_DRIVERS_TLS_TLS_H
#define ASSAY_DRIVERS_TLS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/bytes.h"
#include "runtime/base/reason.h"

struct tls_tickets;
struct tls_server;
struct tls_session;
struct tls_client;

#define TLS_IDENTITY_BYTES_MAX 255
#define TLS_ALPN_MAX           4
#define TLS_ISSUERS_MAX        64
#define TLS_TEXT_BYTES_MAX     200
#define TLS_ERROR_BYTES_MAX    512 /* enough for any sentence of tls_server_make */
/* RFC 8446 section 5.5 allows 2^24.5 full records under one AES-GCM key. */
#define TLS_RECORDS_MAX        (UINT64_C(1) << 24)
#define TLS_SESSION_BYTES_MAX  (40u << 10)
/* RFC 8446 section 4.6.1: no ticket is used for longer than seven days. */
#define TLS_TICKET_SECONDS_MAX (7u * 24 * 3600)

enum tls_version { TLS_VERSION_1_3 = 0, TLS_VERSION_1_2 };

/* Alerts (RFC 8446 section 6) a refusal of a client can carry. */
enum tls_alert {
	TLS_ALERT_NONE                    = 255,
	TLS_ALERT_CLOSE_NOTIFY            = 0,
	TLS_ALERT_HANDSHAKE_FAILURE       = 40,
	TLS_ALERT_BAD_CERTIFICATE         = 42,
	TLS_ALERT_UNSUPPORTED_CERTIFICATE = 43,
	TLS_ALERT_CERTIFICATE_REVOKED     = 44,
	TLS_ALERT_CERTIFICATE_EXPIRED     = 45, /* also: not yet valid */
	TLS_ALERT_CERTIFICATE_UNKNOWN     = 46, /* also: the revocation list is out of date */
	TLS_ALERT_UNKNOWN_CA              = 48,
	TLS_ALERT_ACCESS_DENIED           = 49, /* a valid identity the table does not list */
	TLS_ALERT_PROTOCOL_VERSION        = 70,
	TLS_ALERT_INTERNAL_ERROR          = 80,
	TLS_ALERT_CERTIFICATE_REQUIRED    = 116,
	TLS_ALERT_NO_APPLICATION_PROTOCOL = 120,
};

/* Who may call at all.  What each may call is the caller's own business.
 * `known` is called from whichever thread runs a handshake. */
struct tls_policy {
	bool (*known)(void *ctx, struct bytes identity);
	void *ctx;
	/* A ticket made under another epoch leads to a full handshake. */
	uint64_t epoch;
};

/* PEM text (DER is understood too), copied by tls_server_make.  tls_file_read
 * fetches it from a path; tls_file_free wipes it, for keys. */
struct tls_options {
	struct bytes certificate;     /* ours, then its issuers up to, not including, the root */
	struct bytes key;             /* not encrypted; P-256, P-384 or RSA of 2048 bits or more */
	struct bytes issuers;         /* those that may sign a client's certificate, directly */
	struct bytes revocation_list; /* empty: no check.  Else one current list for each issuer */
	uint32_t     revocation_max_age_s; /* a list's thisUpdate; 0: its nextUpdate alone counts */
	enum tls_version    minimum_version;
	const char *const  *alpn; /* NULL-terminated, at most TLS_ALPN_MAX; NULL: none */
	struct tls_policy   policy;
	struct tls_tickets *tickets; /* NULL: every connection is a full handshake */
};

bool tls_file_read(const char *path, size_t size_max, struct bytes *out, char *error, size_t size);
void tls_file_free(struct bytes *file);

/* Tickets: RFC 8446 section 4.6.1, sealed by AES-256-GCM under a key that is
 * replaced every `rotate_seconds`; the one before still opens its tickets until
 * `lifetime_seconds` after it was retired.  Both at most TLS_TICKET_SECONDS_MAX,
 * lifetime_seconds <= rotate_seconds.  A ticket carries identity, issuer, serial,
 * certificate expiry and policy epoch, since a resumed session has no certificate;
 * all are checked again on resumption, and when one fails a full handshake
 * follows.  NULL: bad numbers or no randomness. */
struct tls_tickets *tls_tickets_make(uint32_t lifetime_seconds, uint32_t rotate_seconds,
				     int64_t now_ns);
struct tls_tickets *tls_tickets_hold(struct tls_tickets *tickets);
void                tls_tickets_release(struct tls_tickets *tickets); /* NULL is fine */

/* Makes a server or says in `error`, in a sentence that begins with "our certificate",
 * "our key", "issuer ", "the issuers" or "the revocation list" where it is about one
 * of them, why not: something does not
 * parse, the key is not the certificate's, a certificate or the revocation list
 * is not valid at now_ns, an issuer is not a CA, a list is not signed by one of
 * the issuers.  Starts with one hold. */
bool tls_server_make(const struct tls_options *options, int64_t now_ns, struct tls_server **out,
		     char *error, size_t error_size_bytes);
struct tls_server *tls_server_hold(struct tls_server *server);
void               tls_server_release(struct tls_server *server); /* NULL is fine */

/* What an operator should see coming; 0 where there is none. */
struct tls_server_facts {
	int64_t certificate_expires_ns;    /* the earliest of our chain */
	int64_t issuer_expires_ns;         /* the earliest of the issuers */
	int64_t revocation_next_update_ns; /* the earliest of the lists */
	int64_t revocation_good_until_ns; /* the same, or earlier when the allowed age ends first */
	size_t  revoked_count;
};
void tls_server_facts(const struct tls_server *server, struct tls_server_facts *facts);

/* The bytes' way.  send: how many were accepted, 0 when none can be now, -1 when
 * the connection is gone.  recv: how many arrived, 0 when none yet, -1 at the end. */
struct tls_io {
	ssize_t (*send)(void *ctx, const void *data, size_t size_bytes);
	ssize_t (*recv)(void *ctx, void *data, size_t size_bytes);
	void *ctx;
};

enum tls_state {
	TLS_WANT_READ,  /* step again when bytes have arrived */
	TLS_WANT_WRITE, /* step again when there is room to send */
	TLS_OPEN,       /* handshake done, the peer is accepted: read and write */
	TLS_CLOSED,     /* the peer said close_notify */
	TLS_FAILED,     /* see tls_failure_of; the alert is handed to `send`, or tls_unsent */
};

struct tls_failure {
	enum reason reason;
	uint8_t     alert;         /* enum tls_alert; TLS_ALERT_NONE when none */
	bool        alert_is_ours; /* else the peer sent it */
	int         code;          /* the library's, for tls_code_words; 0: text says it all */
	char        text[TLS_TEXT_BYTES_MAX]; /* for the log; names the identity where known */
};

/* The library's words for its code, as "SSL - ... (-0x7780)".  Formats: not for a core that
 * polls. */
#define TLS_WORDS_BYTES_MAX 160
void tls_code_words(int code, char out[TLS_WORDS_BYTES_MAX]);

/* REASON_NONE, or REASON_internal (no memory) or REASON_tls_rng_failed. */
enum reason tls_session_open(struct tls_server *server, const struct tls_io *io,
			     struct tls_session **out);
void        tls_session_free(struct tls_session *session); /* NULL is fine; sends nothing */

/* Goes on with the handshake as far as it can; also sends what is left of an
 * alert or a record.  On an open session it only does the latter. */
enum tls_state tls_session_step(struct tls_session *session, int64_t now_ns);

/* Up to size_bytes of plain text: how many, 0 when there is none yet, -1 when the
 * session is TLS_CLOSED or TLS_FAILED, which tls_session_state tells apart.
 * Looks at no more than 64 records, whatever they hold. */
ssize_t tls_read(struct tls_session *session, int64_t now_ns, void *data, size_t size_bytes);

/* Protects and hands to `send` up to one record: how many bytes of `data` are
 * taken, 0 when the way out is full, -1 as tls_read.  Bytes taken are not to be
 * given again; when `send` took only part of a record, the rest goes with the next
 * tls_write or tls_session_step, and tls_unsent says so. */
ssize_t tls_write(struct tls_session *session, const void *data, size_t size_bytes);

bool tls_unsent(const struct tls_session *session); /* protected bytes waiting for `send` */

/* Says close_notify; once.  tls_unsent tells whether it is out. */
void tls_close_notify(struct tls_session *session);

enum tls_state            tls_session_state(const struct tls_session *session);
const struct tls_failure *tls_failure_of(const struct tls_session *session); /* never NULL */

/* Of an open session.  The identity's bytes live as long as the session. */
struct bytes tls_identity(const struct tls_session *session);
bool         tls_resumed(const struct tls_session *session);
const char  *tls_version_name(const struct tls_session *session); /* "TLSv1.3" */
const char  *tls_ciphersuite_name(const struct tls_session *session);
const char  *tls_alpn_name(const struct tls_session *session); /* "" when none */
uint64_t     tls_records(const struct tls_session *session); /* the busier direction's, this key */

/* Would `server`, today's, still let this open session's caller in?  Identity
 * listed, issuer still pinned, certificate not expired nor revoked, revocation
 * list current.  REASON_NONE when so.  Bounded: a walk of at most TLS_ISSUERS_MAX
 * digests, one binary search of serials, and `known`; fit for every request. */
enum reason tls_session_still_valid(const struct tls_session *session,
				    const struct tls_server *server, int64_t now_ns);

/* ---- as a client, for assayctl, the demo and the tests */
struct tls_client_options {
	struct bytes       certificate, key; /* both empty: none */
	struct bytes       issuers;          /* of the server's certificate */
	enum tls_version   maximum_version;  /* TLS_VERSION_1_2 to try it */
	const char *const *alpn;
	bool               resume; /* keep the last ticket and offer it */
};
bool tls_client_make(const struct tls_client_options *options, int64_t now_ns,
		     struct tls_client **out, char *error, size_t error_size_bytes);
void tls_client_free(struct tls_client *client); /* after its sessions */
/* Does the first certificate of a PEM text name clientAuth, as our servers demand? */
bool tls_is_client_certificate(struct bytes certificate);
/* server_name: what its SAN must hold, a DNS name or an address; required. */
enum reason tls_client_open(struct tls_client *client, const char *server_name,
			    const struct tls_io *io, struct tls_session **out);

/* Where randomness comes from: getrandom(2) unless replaced, before any thread
 * uses TLS, by tests and fuzzers.  NULL restores it.  A failure is remembered:
 * from then on tls_session_open says REASON_tls_rng_failed. */
void tls_random_source(bool (*fill)(void *data, size_t size_bytes));
bool tls_random_failed(void);

#endif
