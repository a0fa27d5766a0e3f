/* The management listener and a client that reads slowly: every answer arrives whole, also
 * when its last record is with TLS and the socket is full. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/clock/clock.h"
#include "drivers/tls/pki.h"
#include "firmware/live.h"
#include "firmware/log.h"
#include "firmware/manage.h"

#define PORT_FIRST  23100 /* the first that is free from here on */
#define ROUNDS      24
#define BYTES_FIRST 200000
#define BYTES_STEP  997 /* so that the last record ends anywhere in the socket's room */
#define TURNS_MAX   20000
#define STILL_MAX   200

static char         directory[] = "/tmp/manage-XXXXXX";
static struct live *live;
static size_t       body_bytes;

static struct live *live_of(void *ctx)
{
	(void)ctx;
	return live;
}

static void answer(void *ctx, enum http_route route, struct manage_answer *out)
{
	(void)ctx;
	(void)route;
	memset(out->body, 'x', body_bytes);
	out->body_bytes = body_bytes;
}

static ssize_t plain_send(void *ctx, const void *data, size_t size_bytes)
{
	ssize_t n = send(*(int *)ctx, data, size_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 && errno == EAGAIN ? 0 : n;
}

static ssize_t plain_recv(void *ctx, void *data, size_t size_bytes)
{
	ssize_t n = recv(*(int *)ctx, data, size_bytes, MSG_DONTWAIT);

	return n < 0 && errno == EAGAIN ? 0 : n == 0 ? -1 : n;
}

static void name(char *out, size_t capacity, const char *file)
{
	snprintf(out, capacity, "%s/%s", directory, file);
}

static struct config *make_config(void)
{
	struct config *config = calloc(1, sizeof(*config));

	assert_non_null(config);
	name(config->tls.certificate, sizeof(config->tls.certificate), "server.pem");
	name(config->tls.key, sizeof(config->tls.key), "server.key");
	name(config->tls.issuers, sizeof(config->tls.issuers), "ca.pem");
	name(config->management.certificate, sizeof(config->tls.certificate), "server.pem");
	name(config->management.key, sizeof(config->tls.key), "server.key");
	name(config->management.issuers, sizeof(config->tls.issuers), "ca.pem");
	config->callers_count  = 1;
	config->callers[0].may = ~0u;
	snprintf(config->callers[0].identity, sizeof(config->callers[0].identity),
		 "urn:assay:demo:client");
	return config;
}

static struct bytes read_file(const char *file)
{
	char         path[256], error[TLS_ERROR_BYTES_MAX];
	struct bytes out;

	name(path, sizeof(path), file);
	if (!tls_file_read(path, 1 << 20, &out, error, sizeof(error)))
		fail_msg("%s", error);
	return out;
}

static struct tls_client *make_client(void)
{
	struct bytes certificate = read_file("client.pem"), key = read_file("client.key");
	struct bytes issuers              = read_file("ca.pem");
	struct tls_client_options options = { .certificate = certificate,
					      .key         = key,
					      .issuers     = issuers };
	struct tls_client        *client;
	char                      error[TLS_ERROR_BYTES_MAX];

	if (!tls_client_make(&options, clock_real_ns(), &client, error, sizeof(error)))
		fail_msg("%s", error);
	tls_file_free(&certificate);
	tls_file_free(&key);
	tls_file_free(&issuers);
	return client;
}

static struct manage *listen_somewhere(uint16_t *port)
{
	struct manage_ops ops = { .live = live_of, .answer = answer };
	struct manage    *manage;
	char              error[MANAGE_ERROR_BYTES];

	for (*port = PORT_FIRST; *port < PORT_FIRST + 100; ++*port)
		if (manage_open("127.0.0.1", *port, &ops, &manage, error))
			return manage;
	fail_msg("%s", error);
	return NULL;
}

static int dial(uint16_t port)
{
	struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), room = 4096, segment = 536;

	inet_pton(AF_INET, "127.0.0.1", &where.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	/* Small segments, or loopback's kernel would take a whole answer at once. */
	setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
	assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	return fd;
}

/* Bytes of the answer that arrive before nothing moves any more. */
static size_t fetch(struct manage *manage, struct tls_session *session)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static uint8_t    in[65536];
	size_t            got = 0, sent = 0, want = SIZE_MAX;
	int               still = 0;

	for (int turn = 0; turn < TURNS_MAX && still < STILL_MAX && got < want; turn++) {
		ssize_t n = 0;

		manage_step(manage, still > 0);
		if (tls_session_state(session) != TLS_OPEN) {
			tls_session_step(session, clock_real_ns());
			continue;
		}
		if (sent < sizeof(request) - 1)
			sent += (size_t)tls_write(session, request + sent,
						  sizeof(request) - 1 - sent);
		else if (turn % 8 == 0 || still > 0) /* slowly, so that the socket fills */
			n = tls_read(session, clock_real_ns(), in, sizeof(in) - 1);
		else
			continue;
		still = n > 0 ? 0 : still + 1;
		if (n > 0 && got == 0) {
			in[n] = '\0';
			want  = (size_t)(strstr((char *)in, "\r\n\r\n") + 4 - (char *)in) +
			       body_bytes;
		}
		got += n > 0 ? (size_t)n : 0;
	}
	return want - got;
}

static void test_a_slow_reader_gets_all(void **state)
{
	struct tls_client *client = make_client();
	uint16_t           port;
	struct manage     *manage = listen_somewhere(&port);

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int                 fd = dial(port);
		struct tls_io       io = { .send = plain_send, .recv = plain_recv, .ctx = &fd };
		struct tls_session *session;
		size_t              missing;

		body_bytes = BYTES_FIRST + (size_t)round * BYTES_STEP;
		assert_int_equal(tls_client_open(client, "localhost", &io, &session), REASON_NONE);
		missing = fetch(manage, session);
		if (missing != 0)
			fail_msg("%zu of %zu bytes never came", missing, body_bytes);
		tls_session_free(session);
		close(fd);
	}
	manage_close(manage);
	tls_client_free(client);
}

static int make_live(void **state)
{
	struct config      *config  = NULL;
	struct pki_demo     demo    = { 0 };
	struct live_options options = { .lists = 1, .epoch = 1, .wall_ns = clock_real_ns() };
	char                error[LIVE_ERROR_BYTES] = "";

	(void)state;
	if (!mkdtemp(directory) ||
	    !tls_pki_demo(directory, &demo, clock_real_ns(), error, sizeof(error)))
		return -1;
	config         = make_config();
	options.config = config;
	if (!live_make(&options, &live, error)) {
		print_message("# %s\n", error);
		return -1;
	}
	free(config);
	return 0;
}

static int drop_live(void **state)
{
	char command[64];

	(void)state;
	live_free(live);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_slow_reader_gets_all) };

	log_open("/dev/null", LOG_ERROR);
	return cmocka_run_group_tests(tests, make_live, drop_live);
}
