/* Session tickets (RFC 8446 section 4.6.1, RFC 5077 for their shape):
 *
 *   key name 16 | nonce 12 | AES-256-GCM( head | the library's session ) | tag 16
 *
 * with the key name as additional data.  The head is who calls and when the ticket
 * was made: a resumed session has no certificate, so without it a ticket would
 * outlive revocation, expiry and the table.  Two keys: the active one seals, the
 * one before still opens.  Both die with the process.
 *
 * A ticket of TLS 1.2 is neither made nor taken: without resumption a session
 * whose client lacks the extended master secret (RFC 7627) harms nobody. */
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <pthread.h>
#include <stdlib.h>

#include "drivers/tls/port.h"
#include "drivers/tls/session.h"

#define NAME_BYTES  16
#define NONCE_BYTES 12
#define TAG_BYTES   16
#define KEY_BYTES   32

struct ticket_head {
	uint64_t          epoch;
	int64_t           issued_s;
	struct tls_caller caller;
};

#define OVERHEAD_BYTES (NAME_BYTES + NONCE_BYTES + sizeof(struct ticket_head) + TAG_BYTES)

struct ticket_key {
	uint8_t             name[NAME_BYTES];
	int64_t             made_s;
	bool                ready;
	mbedtls_gcm_context gcm;
};

struct tls_tickets {
	pthread_mutex_t   mutex;
	atomic_uint       holds;
	uint32_t          lifetime_s, rotate_s;
	struct ticket_key keys[2];
	unsigned          active;
};

static int64_t now_s(void)
{
	return tls_port_now_ns() / NS_PER_SECOND;
}

static int key_make(struct ticket_key *key)
{
	uint8_t secret[KEY_BYTES];

	mbedtls_gcm_free(&key->gcm);
	mbedtls_gcm_init(&key->gcm);
	key->ready = false;
	int ret    = tls_port_random(NULL, key->name, sizeof(key->name));
	if (ret == 0)
		ret = tls_port_random(NULL, secret, sizeof(secret));
	if (ret == 0)
		ret = mbedtls_gcm_setkey(&key->gcm, MBEDTLS_CIPHER_ID_AES, secret, 8 * KEY_BYTES);
	mbedtls_platform_zeroize(secret, sizeof(secret));
	key->made_s = now_s();
	key->ready  = ret == 0;
	return ret;
}

/* A clock that went back counts as time to change the key. */
static int keys_turn(struct tls_tickets *tickets)
{
	struct ticket_key *active = &tickets->keys[tickets->active];
	int64_t            age_s  = now_s() - active->made_s;
	if (active->ready && age_s >= 0 && age_s < tickets->rotate_s)
		return 0;
	tickets->active = 1 - tickets->active;
	return key_make(&tickets->keys[tickets->active]);
}

struct tls_tickets *tls_tickets_make(uint32_t lifetime_seconds, uint32_t rotate_seconds,
				     int64_t now_ns)
{
	if (lifetime_seconds == 0 || lifetime_seconds > rotate_seconds ||
	    rotate_seconds > TLS_TICKET_SECONDS_MAX)
		return NULL;
	struct tls_tickets *tickets = calloc(1, sizeof(*tickets));
	if (!tickets)
		return NULL;
	tls_port_enter(now_ns);
	pthread_mutex_init(&tickets->mutex, NULL);
	atomic_init(&tickets->holds, 1);
	tickets->lifetime_s = lifetime_seconds;
	tickets->rotate_s   = rotate_seconds;
	if (keys_turn(tickets) != 0) {
		tls_tickets_release(tickets);
		return NULL;
	}
	return tickets;
}

struct tls_tickets *tls_tickets_hold(struct tls_tickets *tickets)
{
	if (tickets)
		atomic_fetch_add(&tickets->holds, 1);
	return tickets;
}

void tls_tickets_release(struct tls_tickets *tickets)
{
	if (!tickets || atomic_fetch_sub(&tickets->holds, 1) != 1)
		return;
	mbedtls_gcm_free(&tickets->keys[0].gcm);
	mbedtls_gcm_free(&tickets->keys[1].gcm);
	pthread_mutex_destroy(&tickets->mutex);
	free(tickets);
}

static int seal(struct tls_tickets *tickets, uint8_t *name, size_t plain_bytes)
{
	uint8_t *nonce = name + NAME_BYTES, *plain = nonce + NONCE_BYTES;

	pthread_mutex_lock(&tickets->mutex);
	int                ret = keys_turn(tickets);
	struct ticket_key *key = &tickets->keys[tickets->active];
	memcpy(name, key->name, NAME_BYTES);
	if (ret == 0)
		ret = tls_port_random(NULL, nonce, NONCE_BYTES);
	if (ret == 0)
		ret = mbedtls_gcm_crypt_and_tag(&key->gcm, MBEDTLS_GCM_ENCRYPT, plain_bytes, nonce,
						NONCE_BYTES, name, NAME_BYTES, plain, plain,
						TAG_BYTES, plain + plain_bytes);
	pthread_mutex_unlock(&tickets->mutex);
	return ret;
}

int tls_ticket_seal(void *ctx, const mbedtls_ssl_session *session, unsigned char *start,
		    const unsigned char *end, size_t *size_bytes, uint32_t *lifetime_s)
{
	struct tls_server  *server = ctx;
	struct tls_session *here   = tls_session_here();
	size_t              saved_bytes;

	*size_bytes = 0;
	*lifetime_s = 0;
	if (mbedtls_ssl_get_version_number(&here->ssl) != MBEDTLS_SSL_VERSION_TLS1_3)
		return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
	if ((size_t)(end - start) < OVERHEAD_BYTES || here->verdict.caller.identity_size_bytes == 0)
		return MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL;

	uint8_t           *plain = start + NAME_BYTES + NONCE_BYTES;
	struct ticket_head head;
	memset(&head, 0, sizeof(head));
	head.epoch    = server->policy.epoch;
	head.issued_s = now_s();
	head.caller   = here->verdict.caller;
	memcpy(plain, &head, sizeof(head));
	int ret = mbedtls_ssl_session_save(session, plain + sizeof(head),
					   (size_t)(end - start) - OVERHEAD_BYTES, &saved_bytes);
	if (ret == 0)
		ret = seal(server->tickets, start, sizeof(head) + saved_bytes);
	if (ret != 0)
		return ret;
	int64_t left_s = head.caller.expires_s - head.issued_s;
	*lifetime_s    = left_s < server->tickets->lifetime_s ? (uint32_t)left_s
							      : server->tickets->lifetime_s;
	*size_bytes    = OVERHEAD_BYTES + saved_bytes;
	return 0;
}

/* Opens in place.  A key whose tickets have all run out opens none. */
static int unseal(struct tls_tickets *tickets, uint8_t *name, size_t plain_bytes)
{
	uint8_t *nonce = name + NAME_BYTES, *plain = nonce + NONCE_BYTES;

	pthread_mutex_lock(&tickets->mutex);
	int ret = keys_turn(tickets);
	for (unsigned i = 0; ret == 0 && i < 2; i++) {
		struct ticket_key *key = &tickets->keys[i];
		if (!key->ready || memcmp(key->name, name, NAME_BYTES) != 0)
			continue;
		ret = mbedtls_gcm_auth_decrypt(&key->gcm, plain_bytes, nonce, NONCE_BYTES, name,
					       NAME_BYTES, plain + plain_bytes, TAG_BYTES, plain,
					       plain);
		pthread_mutex_unlock(&tickets->mutex);
		return ret;
	}
	pthread_mutex_unlock(&tickets->mutex);
	return ret != 0 ? ret : MBEDTLS_ERR_SSL_INVALID_MAC;
}

/* Whatever is returned but 0 leads to a full handshake. */
int tls_ticket_open(void *ctx, mbedtls_ssl_session *session, unsigned char *data, size_t size_bytes)
{
	struct tls_server  *server = ctx;
	struct tls_session *here   = tls_session_here();
	struct ticket_head  head;

	if (size_bytes < OVERHEAD_BYTES)
		return MBEDTLS_ERR_SSL_INVALID_MAC;
	size_t plain_bytes = size_bytes - NAME_BYTES - NONCE_BYTES - TAG_BYTES;
	if (unseal(server->tickets, data, plain_bytes) != 0)
		return MBEDTLS_ERR_SSL_INVALID_MAC;

	const uint8_t *plain = data + NAME_BYTES + NONCE_BYTES;
	memcpy(&head, plain, sizeof(head));
	int64_t age_s = now_s() - head.issued_s;
	if (head.epoch != server->policy.epoch || age_s < 0 || age_s > server->tickets->lifetime_s)
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	if (tls_caller_check(&head.caller, &server->issuers, &server->policy, now_s()) !=
	    FAULT_NONE)
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	int ret = mbedtls_ssl_session_load(session, plain + sizeof(head),
					   plain_bytes - sizeof(head));
	if (ret != 0)
		return ret;
	if (mbedtls_ssl_session_get_ciphersuite_id(session) == 0 ||
	    session->MBEDTLS_PRIVATE(tls_version) != MBEDTLS_SSL_VERSION_TLS1_3)
		return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
	here->verdict.caller = head.caller;
	here->resumed        = true; /* until a certificate is verified after all */
	return 0;
}
