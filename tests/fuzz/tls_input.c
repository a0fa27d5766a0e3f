/* What a stranger sends to the TLS port before anything is known of him: the first
 * byte chooses how the rest is cut into pieces.  No input may open a session, since
 * none can sign; randomness is fixed, so that a finding repeats. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "drivers/tls/pki.h"
#include "drivers/tls/tls.h"

#define NOW_S  INT64_C(1800000000)
#define NOW_NS (NOW_S * 1000000000)

static uint64_t random_state;

static bool random_fixed(void *data, size_t size_bytes)
{
	uint8_t *at = data;
	for (size_t i = 0; i < size_bytes; i++) {
		random_state = random_state * 6364136223846793005u + 1442695040888963407u;
		at[i]        = (uint8_t)(random_state >> 56);
	}
	return true;
}

struct input {
	const uint8_t *data;
	size_t         size_bytes, piece_bytes;
	bool           pause;
};

static ssize_t input_recv(void *ctx, void *data, size_t size_bytes)
{
	struct input *input = ctx;
	input->pause        = !input->pause;
	if (input->pause)
		return 0;
	if (input->size_bytes == 0)
		return -1;
	size_t n = size_bytes < input->size_bytes ? size_bytes : input->size_bytes;
	n        = n < input->piece_bytes ? n : input->piece_bytes;
	memcpy(data, input->data, n);
	input->data += n;
	input->size_bytes -= n;
	return (ssize_t)n;
}

static ssize_t input_send(void *ctx, const void *data, size_t size_bytes)
{
	(void)ctx;
	(void)data;
	return (ssize_t)size_bytes;
}

static bool known(void *ctx, struct bytes identity)
{
	(void)ctx;
	(void)identity;
	return true;
}

static struct tls_server *server_make(void)
{
	static const char *const local[] = { "localhost", NULL }, *const http[] = { "http/1.1",
										    NULL };
	struct pki_recipe  authority = { .name         = "CA",
					 .ca           = true,
					 .path_length  = 0,
					 .key_usage    = PKI_CERT_SIGN | PKI_CRL_SIGN,
					 .serial       = 1,
					 .not_before_s = NOW_S - 9,
					 .not_after_s  = NOW_S + 999999 };
	struct pki_recipe  leaf      = { .name           = "server",
					 .dns            = local,
					 .path_length    = -1,
					 .key_usage      = PKI_DIGITAL_SIGNATURE,
					 .extended_usage = PKI_SERVER_AUTH,
					 .serial         = 2,
					 .not_before_s   = NOW_S - 9,
					 .not_after_s    = NOW_S + 999999 };
	struct bytes       none      = { NULL, 0 }, ca, ca_key, certificate, key;
	char               error[256];
	struct tls_server *server;

	tls_random_source(random_fixed);
	bool made = pki_make(&authority, none, none, &ca, &ca_key, error, sizeof(error)) &&
		    pki_make(&leaf, ca, ca_key, &certificate, &key, error, sizeof(error));
	assert(made);
	struct tls_options options = { .certificate     = certificate,
				       .key             = key,
				       .issuers         = ca,
				       .minimum_version = TLS_VERSION_1_2,
				       .alpn            = http,
				       .policy          = { .known = known },
				       .tickets         = tls_tickets_make(3600, 7200, NOW_NS) };
	made = tls_server_make(&options, NOW_NS, &server, error, sizeof(error));
	assert(made);
	tls_tickets_release(options.tickets);
	tls_file_free(&ca);
	tls_file_free(&ca_key);
	tls_file_free(&certificate);
	tls_file_free(&key);
	return server;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static struct tls_server *server;
	if (!server)
		server = server_make();
	if (size_bytes == 0)
		return 0;
	random_state              = 1;
	struct input        input = { .data        = data + 1,
				      .size_bytes  = size_bytes - 1,
				      .piece_bytes = data[0] ? data[0] : 65536 };
	struct tls_io       io    = { .send = input_send, .recv = input_recv, .ctx = &input };
	struct tls_session *session;
	enum reason         reason = tls_session_open(server, &io, &session);
	assert(reason == REASON_NONE);
	enum tls_state state = TLS_WANT_READ;
	for (size_t i = 0; i < 4 * size_bytes + 16 && state != TLS_FAILED; i++) {
		state = tls_session_step(session, NOW_NS);
		assert(state == TLS_WANT_READ || state == TLS_FAILED);
	}
	assert(state == TLS_FAILED);
	assert(tls_failure_of(session)->reason != REASON_NONE);
	assert(tls_read(session, NOW_NS, &io, 1) == -1);
	tls_session_free(session);
	return 0;
}
