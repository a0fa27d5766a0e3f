/* The stock client: openssl s_client against our server over loopback TCP.  What is
 * asserted is what a bank's engineer would see: "SSL alert number N", or an answer.
 * Certificates here are those our own client cannot read and so cannot present, and
 * one of each kind it can. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/tls/pair.h"

#define CALLER  "spiffe://bank.example/payments"
#define SERVED  -1
#define COMMAND 2048

static char                directory[] = "/tmp/assay-tls-XXXXXX";
static struct credentials  ca, ours;
static struct tls_server  *server;
static struct tls_tickets *tickets;
static int                 listener = -1;
static uint16_t            port;
static bool                have_openssl;

static bool is_listed(void *ctx, struct bytes identity)
{
	(void)ctx;
	return bytes_equal(identity, bytes_of(CALLER, strlen(CALLER)));
}

static int64_t now_ns(void)
{
	return (int64_t)time(NULL) * 1000000000;
}

static void put(const char *name, struct bytes text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.size_bytes, file), text.size_bytes);
	fclose(file);
}

static void run(const char *command)
{
	char line[COMMAND];
	snprintf(line, sizeof(line), "cd %s && { %s; } >log 2>&1 || { cat log >&2; false; }",
		 directory, command);
	if (system(line) != 0)
		fail_msg("failed: %s", command);
}

static void listen_on_loopback(void)
{
	struct sockaddr_in at   = { .sin_family = AF_INET };
	socklen_t          size = sizeof(at);
	at.sin_addr.s_addr      = htonl(INADDR_LOOPBACK);
	listener                = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	port = ntohs(at.sin_port);
}

static void server_start(void)
{
	uint64_t           revoked = 666;
	int64_t            now_s   = time(NULL);
	char               error[256];
	struct bytes       list;
	struct tls_options options = { .certificate     = ours.certificate,
				       .key             = ours.key,
				       .issuers         = ca.certificate,
				       .minimum_version = TLS_VERSION_1_2,
				       .policy          = { .known = is_listed } };
	if (!pki_make_list(ca.certificate, ca.key, &revoked, 1, now_s - 60, now_s + DAY_S, &list,
			   error, sizeof(error)))
		fail_msg("pki_make_list: %s", error);
	put("list.pem", list);
	tickets                 = tls_tickets_make(3600, 7200, now_ns());
	options.tickets         = tickets;
	options.revocation_list = list;
	if (!tls_server_make(&options, now_ns(), &server, error, sizeof(error)))
		fail_msg("tls_server_make: %s", error);
	tls_file_free(&list);
}

static int setup(void **state)
{
	(void)state;
	have_openssl = system("openssl version >/dev/null 2>&1") == 0;
	if (!have_openssl)
		return 0;
	static const char *const local[] = { "localhost", NULL };
	int64_t                  now_s   = time(NULL);
	struct pki_recipe        recipe  = { .name         = "Issuer",
					     .ca           = true,
					     .path_length  = 0,
					     .key_usage    = PKI_CERT_SIGN | PKI_CRL_SIGN,
					     .serial       = 1,
					     .not_before_s = now_s - DAY_S,
					     .not_after_s  = now_s + DAY_S };
	assert_non_null(mkdtemp(directory));
	ca                    = issue(&recipe, NULL);
	recipe.name           = "localhost";
	recipe.dns            = local;
	recipe.ca             = false;
	recipe.path_length    = -1;
	recipe.key_usage      = PKI_DIGITAL_SIGNATURE;
	recipe.extended_usage = PKI_SERVER_AUTH;
	ours                  = issue(&recipe, &ca);
	put("ca.pem", ca.certificate);
	put("ca.key", ca.key);
	server_start();
	listen_on_loopback();
	run("openssl verify -x509_strict -crl_check -CRLfile list.pem -CAfile ca.pem ca.pem");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (!have_openssl)
		return 0;
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s", directory);
	int ret = system(command);
	close(listener);
	tls_server_release(server);
	tls_tickets_release(tickets);
	credentials_free(&ca);
	credentials_free(&ours);
	return ret;
}

/* ---- one connection, served on this thread while s_client runs */

static ssize_t socket_send(void *ctx, const void *data, size_t size_bytes)
{
	return send(*(int *)ctx, data, size_bytes, MSG_NOSIGNAL);
}

static ssize_t socket_recv(void *ctx, void *data, size_t size_bytes)
{
	ssize_t got = recv(*(int *)ctx, data, size_bytes, 0);
	return got > 0 ? got : -1;
}

struct outcome {
	bool               open, resumed;
	struct tls_failure failure;
	char               identity[64];
	char               said[16384]; /* by s_client */
};

static void serve_one(struct outcome *outcome)
{
	struct timeval      patience = { .tv_sec = 20 };
	struct tls_session *session;
	char                bytes[256];
	int                 fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	struct tls_io io = { .send = socket_send, .recv = socket_recv, .ctx = &fd };
	assert_int_equal(tls_session_open(server, &io, &session), REASON_NONE);
	enum tls_state state;
	do
		state = tls_session_step(session, now_ns());
	while (state == TLS_WANT_READ || state == TLS_WANT_WRITE);
	outcome->open    = state == TLS_OPEN;
	outcome->resumed = tls_resumed(session);
	outcome->failure = *tls_failure_of(session);
	if (outcome->open) {
		struct bytes who = tls_identity(session);
		snprintf(outcome->identity, sizeof(outcome->identity), "%.*s", (int)who.size_bytes,
			 (const char *)who.data);
		assert_true(tls_read(session, now_ns(), bytes, sizeof(bytes)) > 0);
		assert_int_equal(tls_write(session, "answered\n", 9), 9);
		tls_close_notify(session);
	}
	assert_false(tls_unsent(session));
	/* Unread bytes at a close would make it a reset, and that destroys an alert. */
	shutdown(fd, SHUT_WR);
	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
	close(fd);
	tls_session_free(session);
}

static void visit(const char *options, struct outcome *outcome)
{
	char command[COMMAND];
	memset(outcome, 0, sizeof(*outcome));
	snprintf(command, sizeof(command),
		 "cd %s && { echo hello; sleep 0.2; } | timeout 20 openssl s_client -connect "
		 "127.0.0.1:%u -servername localhost -CAfile ca.pem -verify_return_error "
		 "-verify_hostname localhost -ign_eof %s 2>&1",
		 directory, port, options);
	FILE *client = popen(command, "r");
	assert_non_null(client);
	serve_one(outcome);
	size_t have         = fread(outcome->said, 1, sizeof(outcome->said) - 1, client);
	outcome->said[have] = '\0';
	pclose(client);
}

static void expect(const char *options, int alert)
{
	static struct outcome outcome;
	char                  number[32];
	visit(options, &outcome);
	if (alert == SERVED) {
		if (!outcome.open || !strstr(outcome.said, "answered"))
			fail_msg("not served: %s\n%s", outcome.failure.text, outcome.said);
		assert_string_equal(outcome.identity, CALLER);
		return;
	}
	print_message("# %s: %d, %s\n", options, alert, outcome.failure.text);
	assert_false(outcome.open);
	assert_null(strstr(outcome.said, "answered"));
	snprintf(number, sizeof(number), "SSL alert number %d\n", alert);
	if (!strstr(outcome.said, number))
		fail_msg("expected '%s' in: %s", number, outcome.said);
	/* An alert the library sends by itself leaves no number behind. */
	if (outcome.failure.alert != TLS_ALERT_NONE)
		assert_int_equal(outcome.failure.alert, alert);
	assert_int_not_equal(outcome.failure.reason, REASON_NONE);
}

/* ---- certificates */

struct kind {
	const char *name;
	const char *key; /* as openssl req -newkey takes it */
	const char *extensions;
	const char *issuer;  /* file name, without .pem and .key */
	const char *options; /* of openssl x509 -req */
	int         alert;
};

#define EC      "ec -pkeyopt ec_paramgen_curve:P-256"
#define DAYS    "-days 1"
#define USAGE   "keyUsage=digitalSignature\\n"
#define CLIENT  "extendedKeyUsage=clientAuth\\n"
#define SAN     "subjectAltName=URI:" CALLER "\\n"
#define GOOD    USAGE CLIENT SAN
/* URI "urn:a" NUL "b", by hand, since no tool writes it. */
#define NUL_SAN "subjectAltName=DER:30:09:86:07:75:72:6e:3a:61:00:62\\n"

static const struct kind kinds[] = {
	{ "valid", EC, GOOD, "ca", DAYS, SERVED },
	{ "valid-rsa", "rsa:2048", GOOD, "ca", DAYS, SERVED },
	{ "valid-p384", "ec -pkeyopt ec_paramgen_curve:P-384", GOOD, "ca", DAYS, SERVED },
	{ "expired", EC, GOOD, "ca", "-not_before 20200101000000Z -not_after 20210101000000Z", 45 },
	{ "future", EC, GOOD, "ca", "-not_before 20980101000000Z -not_after 20990101000000Z", 45 },
	{ "revoked", EC, GOOD, "ca", DAYS " -set_serial 666", 44 },
	{ "foreign", EC, GOOD, "other", DAYS, 48 },
	{ "server-only", EC, USAGE SAN "extendedKeyUsage=serverAuth\\n", "ca", DAYS, 43 },
	{ "any-usage", EC, USAGE SAN "extendedKeyUsage=anyExtendedKeyUsage\\n", "ca", DAYS, 43 },
	{ "no-usage", EC, USAGE SAN, "ca", DAYS, 43 },
	{ "unlisted", EC, USAGE CLIENT "subjectAltName=URI:urn:nobody\\n", "ca", DAYS, 49 },
	{ "no-name", EC, USAGE CLIENT, "ca", DAYS, 42 },
	{ "mail-only", EC, USAGE CLIENT "subjectAltName=email:a@bank.example\\n", "ca", DAYS, 42 },
	{ "nul", EC, USAGE CLIENT NUL_SAN, "ca", DAYS, 42 },
	{ "critical", EC, GOOD "1.2.3.4.5=critical,DER:05:00\\n", "ca", DAYS, 42 },
	{ "sha1", EC, GOOD, "ca", DAYS " -sha1", 42 },
	{ "rsa1024", "rsa:1024", GOOD, "ca", DAYS, 42 },
	/* Ordinary leaves, and what they sign.  One that claims a path length is not
	 * well-formed (RFC 5280 section 4.2.1.9): bad_certificate. */
	{ "leaf0", EC, GOOD "basicConstraints=CA:FALSE,pathlen:0\\n", "ca", DAYS, 42 },
	{ "leaf3", EC, GOOD "basicConstraints=critical,CA:FALSE,pathlen:3\\n", "ca", DAYS, 42 },
	{ "below-valid", EC, GOOD, "valid", DAYS, 48 },
	{ "below-leaf0", EC, GOOD, "leaf0", DAYS, 42 },
	{ "below-leaf3", EC, GOOD, "leaf3", DAYS, 42 },
};

static void certificate_make(const struct kind *kind)
{
	char command[COMMAND];
	snprintf(command, sizeof(command),
		 "openssl req -new -newkey %s -nodes -keyout %s.key -subj /CN=%s -out csr &&"
		 "printf '%s' >ext && openssl x509 -req -in csr -CA %s.pem -CAkey %s.key "
		 "-extfile ext %s -out leaf && cat leaf %s.pem >%s.pem",
		 kind->key, kind->name, kind->name, kind->extensions, kind->issuer, kind->issuer,
		 kind->options, kind->issuer, kind->name);
	run(command);
}

static void each_certificate(void **state)
{
	(void)state;
	if (!have_openssl) {
		print_message("# no openssl command\n");
		skip();
	}
	run("openssl req -x509 -newkey " EC " -nodes -keyout other.key -out other.pem -days 1 "
	    "-subj '/O=Assay demo/CN=Issuer'");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *kind = &kinds[i];
		char               options[256];
		certificate_make(kind);
		for (int version = 2; version <= 3; version++) {
			snprintf(options, sizeof(options),
				 "-tls1_%d -cipher DEFAULT:@SECLEVEL=0 -cert %s.pem -key %s.key "
				 "-cert_chain %s.pem",
				 version, kind->name, kind->name, kind->name);
			expect(options, kind->alert);
		}
	}
}

static void no_certificate(void **state)
{
	(void)state;
	if (!have_openssl) {
		print_message("# no openssl command\n");
		skip();
	}
	expect("-tls1_3", 116);
	expect("-tls1_2", 40);
}

/* We ask for no signature by Ed25519, so a client that has nothing else sends nothing
 * (RFC 8446 section 4.4.2.3). */
static void unwanted_key(void **state)
{
	static const struct kind kind = { "ed25519", "ed25519", GOOD, "ca", DAYS, 116 };

	(void)state;
	if (!have_openssl) {
		print_message("# no openssl command\n");
		skip();
	}
	certificate_make(&kind);
	expect("-tls1_2 -cert ed25519.pem -key ed25519.key -cert_chain ed25519.pem", 40);
	expect("-tls1_3 -cert ed25519.pem -key ed25519.key -cert_chain ed25519.pem", 116);
}

static void groups(void **state)
{
	(void)state;
	if (!have_openssl) {
		print_message("# no openssl command\n");
		skip();
	}
	certificate_make(&kinds[0]);
	expect("-cert valid.pem -key valid.key", SERVED);
	expect("-cert valid.pem -key valid.key -groups P-256", SERVED);
	expect("-cert valid.pem -key valid.key -groups P-384", SERVED);
	expect("-cert valid.pem -key valid.key -groups X25519:P-256", SERVED);
	expect("-cert valid.pem -key valid.key -ciphersuites TLS_CHACHA20_POLY1305_SHA256", SERVED);
	expect("-cert valid.pem -key valid.key -tls1_3 -groups X448", 40);
}

static void resumption(void **state)
{
	(void)state;
	static struct outcome outcome;
	if (!have_openssl) {
		print_message("# no openssl command\n");
		skip();
	}
	certificate_make(&kinds[0]);
	visit("-tls1_3 -cert valid.pem -key valid.key -sess_out session", &outcome);
	assert_true(outcome.open);
	assert_false(outcome.resumed);
	visit("-tls1_3 -sess_in session", &outcome);
	if (!outcome.open)
		fail_msg("not served: %s\n%s", outcome.failure.text, outcome.said);
	assert_true(outcome.resumed);
	assert_string_equal(outcome.identity, CALLER);
	assert_non_null(strstr(outcome.said, "Reused, TLSv1.3"));
}

/* The demo's files please a strict stock verifier. */
static void demo_files(void **state)
{
	(void)state;
	if (!have_openssl) {
		print_message("# no openssl command\n");
		skip();
	}
	static const char *const addresses[] = { "192.0.2.1", "2001:db8::1", NULL };
	struct pki_demo          demo        = { .server_addresses = addresses };
	char                     path[64], error[256];
	snprintf(path, sizeof(path), "%s/demo", directory);
	if (!tls_pki_demo(path, &demo, now_ns(), error, sizeof(error)))
		fail_msg("tls_pki_demo: %s", error);
	run("cd demo && test \"$(stat -c %a ca.key server.key client.key client2.key revoked.key | "
	    "sort -u)\" = 600");
	run("cd demo && openssl verify -x509_strict -purpose sslclient -CAfile ca.pem client.pem "
	    "client2.pem");
	run("cd demo && openssl verify -x509_strict -purpose sslserver -verify_hostname localhost "
	    "-CAfile ca.pem server.pem");
	run("cd demo && openssl verify -purpose sslserver -verify_ip 192.0.2.1 -CAfile ca.pem "
	    "server.pem && openssl verify -verify_ip 2001:db8::1 -CAfile ca.pem server.pem");
	run("cd demo && openssl verify -crl_check -CRLfile crl.pem -CAfile ca.pem client.pem");
	run("cd demo && ! openssl verify -crl_check -CRLfile crl.pem -CAfile ca.pem revoked.pem");
	assert_false(tls_pki_demo(path, &demo, now_ns(), error, sizeof(error)));
	assert_non_null(strstr(error, "ca.key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_certificate), cmocka_unit_test(each_certificate),
		cmocka_unit_test(unwanted_key),   cmocka_unit_test(groups),
		cmocka_unit_test(resumption),     cmocka_unit_test(demo_files),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
