/* assayctl status and reload: a client of the management listener.
 *
 * It authenticates with --certificate and --key, which are an operator's.  Without
 * them it takes the management certificate and key of the config, which works only
 * when that certificate is for clients as well as servers (extendedKeyUsage), and
 * says so otherwise.  The server is verified against --issuers, or tls.issuers of
 * the config. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "drivers/clock/clock.h"
#include "drivers/tls/tls.h"
#include "firmware/ctl.h"

#define ANSWER_BYTES_MAX (1u << 20)
#define WAIT_MS          15000
#define FILE_BYTES_MAX   (1u << 20)

struct call {
	const char *config_path, *certificate, *key, *issuers;
	bool        json;
	const char *request;
};

static ssize_t fd_send(void *ctx, const void *data, size_t size_bytes)
{
	ssize_t n = send(*(int *)ctx, data, size_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n < 0 ? (errno == EAGAIN ? 0 : -1) : n;
}

static ssize_t fd_recv(void *ctx, void *data, size_t size_bytes)
{
	ssize_t n = recv(*(int *)ctx, data, size_bytes, MSG_DONTWAIT);

	return n < 0 ? (errno == EAGAIN ? 0 : -1) : (n == 0 ? -1 : n);
}

static int connect_to(const char *address, uint32_t port)
{
	struct sockaddr_in  v4  = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 v6  = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	bool                is4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	int                 fd  = socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET6, address, &v6.sin6_addr);
	if (fd >= 0 && connect(fd, is4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
			       is4 ? sizeof(v4) : sizeof(v6)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, WAIT_MS) > 0;
}

/* Send the request, read until the server closes.  The answer is NUL-terminated. */
static bool exchange(struct tls_session *session, int fd, const char *request, char *answer)
{
	size_t         sent = 0, got = 0, size = strlen(request);
	enum tls_state state;
	ssize_t        n;

	while ((state = tls_session_step(session, clock_real_ns())) != TLS_OPEN) {
		if (state == TLS_FAILED || state == TLS_CLOSED || !wait_for(fd, POLLIN))
			return false;
	}
	while (sent < size) {
		n = tls_write(session, request + sent, size - sent);
		if (n < 0 || (n == 0 && !wait_for(fd, POLLOUT)))
			return false;
		sent += (size_t)n;
	}
	while (got < ANSWER_BYTES_MAX) {
		n = tls_read(session, clock_real_ns(), answer + got, ANSWER_BYTES_MAX - got);
		if (n < 0)
			break;
		if (n == 0 && !wait_for(fd, POLLIN))
			return false;
		got += (size_t)n;
	}
	answer[got] = '\0';
	return got > 0;
}

static bool read_material(const struct config *config, const struct call *call,
			  struct tls_client_options *options, char *error, size_t size)
{
	const char *certificate = call->certificate ? call->certificate
						    : config->management.certificate;
	const char *key         = call->key ? call->key : config->management.key;
	const char *issuers     = call->issuers ? call->issuers : config->tls.issuers;

	if (!tls_file_read(certificate, FILE_BYTES_MAX, &options->certificate, error, size) ||
	    !tls_file_read(key, FILE_BYTES_MAX, &options->key, error, size) ||
	    !tls_file_read(issuers, FILE_BYTES_MAX, &options->issuers, error, size))
		return false;
	if (tls_is_client_certificate(options->certificate))
		return true;
	snprintf(error, size,
		 "%.300s is not a client's certificate (its extendedKeyUsage lacks clientAuth); "
		 "give "
		 "an operator's with --certificate FILE --key FILE",
		 certificate);
	return false;
}

static bool ask(const struct config *config, const struct call *call, char *answer, char *error,
		size_t error_size)
{
	struct tls_client_options options = { 0 };
	struct tls_client        *client  = NULL;
	struct tls_session       *session = NULL;
	int           fd = connect_to(config->management.address, config->management.port);
	struct tls_io io = { .send = fd_send, .recv = fd_recv, .ctx = &fd };
	bool          ok = fd >= 0;

	if (!ok)
		snprintf(error, error_size, "cannot connect to %s port %u: %s; is assayd running?",
			 config->management.address, config->management.port, strerror(errno));
	ok = ok && read_material(config, call, &options, error, error_size) &&
	     tls_client_make(&options, clock_real_ns(), &client, error, error_size);
	if (ok &&
	    tls_client_open(client, config->management.address, &io, &session) != REASON_NONE) {
		snprintf(error, error_size, "cannot open a TLS session");
		ok = false;
	}
	if (ok && !exchange(session, fd, call->request, answer)) {
		snprintf(error, error_size, "no answer from %s port %u: %s",
			 config->management.address, config->management.port,
			 tls_failure_of(session)->text);
		ok = false;
	}
	tls_session_free(session);
	tls_client_free(client);
	tls_file_free(&options.certificate);
	tls_file_free(&options.key);
	tls_file_free(&options.issuers);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* A flat JSON object as an aligned table: "key   value" a line. */
static void print_table(const char *body)
{
	int  depth   = 0;
	bool in_text = false;
	int  column  = 0;

	for (; *body; body++) {
		if (*body == '"') {
			in_text = !in_text;
			continue;
		}
		if (!in_text && (*body == '{' || *body == '}')) {
			depth += *body == '{' ? 1 : -1;
			if (*body == '{' && depth > 1)
				column = printf("\n  ") - 1;
			continue;
		}
		if (!in_text && *body == ',') {
			column = depth > 1 ? printf("\n  ") - 1 : (putchar('\n'), 0);
			continue;
		}
		if (!in_text && *body == ':') {
			printf("%*s", column < 22 ? 22 - column : 1, "");
			continue;
		}
		if (!in_text && (*body == '\n' || *body == ' '))
			continue;
		putchar(*body);
		column++;
	}
	putchar('\n');
}

static bool parse(int argc, char **argv, struct call *call)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			call->json = true;
		else if (i + 1 < argc && strcmp(argv[i], "--config") == 0)
			call->config_path = argv[++i];
		else if (i + 1 < argc && strcmp(argv[i], "--certificate") == 0)
			call->certificate = argv[++i];
		else if (i + 1 < argc && strcmp(argv[i], "--key") == 0)
			call->key = argv[++i];
		else if (i + 1 < argc && strcmp(argv[i], "--issuers") == 0)
			call->issuers = argv[++i];
		else
			return false;
	}
	/* A certificate and its key come together. */
	return call->config_path != NULL && !call->certificate == !call->key;
}

static int run(struct call *call, const char *name)
{
	static struct config       config;
	static struct config_error errors;
	static char                answer[ANSWER_BYTES_MAX + 1];
	char                       error[512] = "";
	const char                *body;

	if (!config_load(call->config_path, &config, &errors)) {
		config_errors_print(&errors, call->config_path);
		return 2;
	}
	if (!ask(&config, call, answer, error, sizeof(error))) {
		fprintf(stderr, "assayctl %s: %s\n", name, error);
		return 2;
	}
	body = strstr(answer, "\r\n\r\n");
	body = body ? body + 4 : answer;
	if (call->json)
		fputs(body, stdout);
	else
		print_table(body);
	return strncmp(answer, "HTTP/1.1 200", 12) == 0 ? 0 : 1;
}

static int command(int argc, char **argv, const char *usage, const char *request)
{
	struct call call = { .request = request };

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (!parse(argc, argv, &call)) {
		fputs(usage, stderr);
		return 2;
	}
	return run(&call, argv[0]);
}

#define OPTIONS                                                                                 \
	"  --certificate FILE --key FILE  the operator's; without them the management\n"        \
	"                                 certificate of the config, if it is a client's too\n" \
	"  --issuers FILE                 who issued the appliance's certificate; without it\n" \
	"                                 tls.issuers of the config\n"                          \
	"  --json                         the answer as it came\n\n"
#define EXAMPLE(name)                                                       \
	"Example: assayctl " name " --config /etc/assay/appliance.cfg \\\n" \
	"             --certificate operator.pem --key operator.key\n"

int ctl_status(int argc, char **argv)
{
	return command(
		argc, argv,
		"assayctl status --config FILE [--certificate FILE --key FILE]\n"
		"                [--issuers FILE] [--json]\n\n"
		"Shows what the appliance of this config is doing.\n\n" OPTIONS EXAMPLE("status"),
		"GET /v1/status HTTP/1.1\r\nHost: assay\r\nConnection: close\r\n\r\n");
}

int ctl_reload(int argc, char **argv)
{
	return command(
		argc, argv,
		"assayctl reload --config FILE [--certificate FILE --key FILE]\n"
		"                [--issuers FILE] [--json]\n\n"
		"Asks the appliance to read its config, certificates, revocation list,\n"
		"model and rules again.  Says which changed keys need a restart.  A wrong config\n"
		"changes nothing.\n\n" OPTIONS EXAMPLE("reload"),
		"POST /v1/reload HTTP/1.1\r\nHost: assay\r\nContent-Length: 0\r\n"
		"Content-Type: application/json\r\nConnection: close\r\n\r\n");
}
