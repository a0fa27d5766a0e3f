#include "tests/unit/tls/pair.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static ssize_t pipe_send(void *ctx, const void *data, size_t size_bytes)
{
	struct pipe *pipe = ((struct end *)ctx)->out;
	size_t       room = PIPE_BYTES - pipe->to;
	size_t       n    = size_bytes < room ? size_bytes : room;
	if (pipe->chunk_bytes && n > pipe->chunk_bytes)
		n = pipe->chunk_bytes;
	memcpy(pipe->data + pipe->to, data, n);
	pipe->to += n;
	return (ssize_t)n;
}

static ssize_t pipe_recv(void *ctx, void *data, size_t size_bytes)
{
	struct pipe *pipe = ((struct end *)ctx)->in;
	size_t       have = pipe->to - pipe->from;
	size_t       n    = size_bytes < have ? size_bytes : have;
	if (n == 0)
		return pipe->shut ? -1 : 0;
	if (pipe->chunk_bytes && n > pipe->chunk_bytes)
		n = pipe->chunk_bytes;
	memcpy(data, pipe->data + pipe->from, n);
	pipe->from += n;
	if (pipe->from == pipe->to)
		pipe->from = pipe->to = 0;
	return (ssize_t)n;
}

struct tls_io pair_io(struct end *end)
{
	return (struct tls_io){ .send = pipe_send, .recv = pipe_recv, .ctx = end };
}

void pair_open(struct pair *pair, struct tls_server *server, struct tls_client *client)
{
	memset(pair, 0, sizeof(*pair));
	pair->client_end = (struct end){ .in = &pair->down, .out = &pair->up };
	pair->server_end = (struct end){ .in = &pair->up, .out = &pair->down };
	struct tls_io c = pair_io(&pair->client_end), s = pair_io(&pair->server_end);
	enum reason   server_reason = tls_session_open(server, &s, &pair->server);
	enum reason   client_reason = tls_client_open(client, "localhost", &c, &pair->client);
	assert(server_reason == REASON_NONE && client_reason == REASON_NONE);
}

void pair_close(struct pair *pair)
{
	tls_session_free(pair->client);
	tls_session_free(pair->server);
}

void pair_shake(struct pair *pair, int64_t now_ns)
{
	for (int i = 0; i < 20000; i++) {
		size_t before = pair->up.to + pair->up.from + pair->down.to + pair->down.from;
		enum tls_state was_client = tls_session_state(pair->client);
		enum tls_state was_server = tls_session_state(pair->server);
		tls_session_step(pair->client, now_ns);
		tls_session_step(pair->server, now_ns);
		size_t after = pair->up.to + pair->up.from + pair->down.to + pair->down.from;
		if (before == after && was_client == tls_session_state(pair->client) &&
		    was_server == tls_session_state(pair->server) && i > 2)
			break;
	}
	char byte;
	if (tls_session_state(pair->client) == TLS_OPEN)
		(void)tls_read(pair->client, now_ns, &byte, 0);
}

struct credentials issue(const struct pki_recipe *recipe, const struct credentials *issuer)
{
	struct credentials made;
	char               error[256];
	struct bytes       none = bytes_of(NULL, 0);
	if (!pki_make(recipe, issuer ? issuer->certificate : none, issuer ? issuer->key : none,
		      &made.certificate, &made.key, error, sizeof(error))) {
		fprintf(stderr, "pki_make: %s\n", error);
		abort();
	}
	return made;
}

struct credentials authority(const char *name)
{
	struct pki_recipe recipe = { .name         = name,
				     .ca           = true,
				     .path_length  = 0,
				     .key_usage    = PKI_CERT_SIGN | PKI_CRL_SIGN,
				     .serial       = 1,
				     .not_before_s = NOW_S - 100 * DAY_S,
				     .not_after_s  = NOW_S + 100 * DAY_S };
	return issue(&recipe, NULL);
}

struct pki_recipe client_recipe(const char *const *uris)
{
	return (struct pki_recipe){ .name           = "client",
				    .uris           = uris,
				    .path_length    = -1,
				    .key_usage      = PKI_DIGITAL_SIGNATURE,
				    .extended_usage = PKI_CLIENT_AUTH,
				    .serial         = 77,
				    .not_before_s   = NOW_S - DAY_S,
				    .not_after_s    = NOW_S + DAY_S };
}

struct bytes revocation(const struct credentials *issuer, const uint64_t *serials, size_t count,
			int64_t next_update_s)
{
	struct bytes list;
	char         error[256];
	if (!pki_make_list(issuer->certificate, issuer->key, serials, count, NOW_S - 2 * DAY_S,
			   next_update_s, &list, error, sizeof(error))) {
		fprintf(stderr, "pki_make_list: %s\n", error);
		abort();
	}
	return list;
}

struct bytes joined(struct bytes first, struct bytes second)
{
	uint8_t *both = malloc(first.size_bytes + second.size_bytes);
	memcpy(both, first.data, first.size_bytes);
	memcpy(both + first.size_bytes, second.data, second.size_bytes);
	return bytes_of(both, first.size_bytes + second.size_bytes);
}

void credentials_free(struct credentials *credentials)
{
	tls_file_free(&credentials->certificate);
	tls_file_free(&credentials->key);
}
