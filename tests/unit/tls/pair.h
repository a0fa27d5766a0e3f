/* Two sessions and the two pipes between them, in memory, for tests of TLS. */
#ifndef ASSAY_TESTS_UNIT_TLS_PAIR_H
#define ASSAY_TESTS_UNIT_TLS_PAIR_H

#include "drivers/tls/pki.h"
#include "drivers/tls/tls.h"

#define PIPE_BYTES 65536
#define NOW_S      INT64_C(1800000000) /* 2027-01-15 */
#define NOW_NS     (NOW_S * 1000000000)
#define DAY_S      INT64_C(86400)

struct pipe {
	uint8_t data[PIPE_BYTES];
	size_t  from, to;
	size_t  chunk_bytes; /* 0: any; else at most so many bytes at a time */
	bool    shut;
};

struct end {
	struct pipe *in, *out;
};

struct pair {
	struct pipe         up, down; /* up: to the server */
	struct end          client_end, server_end;
	struct tls_session *client, *server;
};

struct credentials {
	struct bytes certificate, key;
};

struct tls_io pair_io(struct end *end);
void          pair_open(struct pair *pair, struct tls_server *server, struct tls_client *client);
void          pair_close(struct pair *pair);

/* Steps both until neither goes on.  Reads the client once at the end, so that an
 * alert or a ticket sent after its handshake is seen. */
void pair_shake(struct pair *pair, int64_t now_ns);

/* An authority, P-256. */
struct credentials authority(const char *name);
/* A good client's recipe, to be spoiled. */
struct pki_recipe  client_recipe(const char *const *uris);
struct credentials issue(const struct pki_recipe *recipe, const struct credentials *issuer);
struct bytes revocation(const struct credentials *issuer, const uint64_t *serials, size_t count,
			int64_t next_update_s);
struct bytes joined(struct bytes first, struct bytes second);
void         credentials_free(struct credentials *credentials);

#endif
