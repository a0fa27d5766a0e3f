/* Every client certificate that must not be served, and the alert it gets; each
 * under TLS 1.3 and 1.2.  Certificates of weak algorithms come from the openssl
 * command, the rest is made by drivers/tls/pki.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/tls/pair.h"

#define LISTED "spiffe://bank.example/payments"

static const char *const listed[]    = { LISTED, NULL };
static const char *const unlisted[]  = { "spiffe://bank.example/unknown", NULL };
static const char *const two[]       = { LISTED, "spiffe://bank.example/other", NULL };
static const char *const dns_name[]  = { "payments.bank.example", NULL };
static const char *const two_dns[]   = { "payments.bank.example", "b.bank.example", NULL };
static const char *const wildcard[]  = { "*.bank.example", NULL };
static const char *const spaced[]    = { "spiffe://bank.example/pay ments", NULL };
static const char *const no_scheme[] = { "payments.bank.example", NULL };
static const char *const upper[]     = { "SPIFFE://bank.example/payments", NULL };
static const char *const local[]     = { "localhost", NULL };

static struct credentials ca, foreign, server_credentials;
static struct bytes       list;
static struct tls_server *servers[2]; /* by enum tls_version, the lowest taken */

static bool is_listed(void *ctx, struct bytes identity)
{
	(void)ctx;
	return bytes_equal(identity, bytes_of(LISTED, strlen(LISTED))) ||
	       bytes_equal(identity, bytes_of(dns_name[0], strlen(dns_name[0])));
}

static struct tls_server *server_of(struct bytes revoked, enum tls_version version)
{
	struct tls_options options = { .certificate     = server_credentials.certificate,
				       .key             = server_credentials.key,
				       .issuers         = ca.certificate,
				       .revocation_list = revoked,
				       .minimum_version = version,
				       .policy          = { .known = is_listed } };
	struct tls_server *server;
	char               error[256];
	if (!tls_server_make(&options, NOW_NS, &server, error, sizeof(error)))
		fail_msg("tls_server_make: %s", error);
	return server;
}

static int setup(void **state)
{
	(void)state;
	uint64_t          revoked = 666;
	struct pki_recipe recipe  = client_recipe(NULL);
	recipe.name               = "server";
	recipe.dns                = local;
	recipe.extended_usage     = PKI_SERVER_AUTH;
	ca                        = authority("Issuer");
	foreign                   = authority("Issuer"); /* the same name, another key */
	server_credentials        = issue(&recipe, &ca);
	list                      = revocation(&ca, &revoked, 1, NOW_S + DAY_S);
	for (int version = 0; version < 2; version++)
		servers[version] = server_of(list, (enum tls_version)version);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tls_server_release(servers[0]);
	tls_server_release(servers[1]);
	credentials_free(&ca);
	credentials_free(&foreign);
	credentials_free(&server_credentials);
	tls_file_free(&list);
	return 0;
}

struct outcome {
	bool        served;
	uint8_t     alert; /* as the client received it */
	enum reason reason;
	char        text[TLS_TEXT_BYTES_MAX];
};

static struct outcome try_at(const struct credentials *who, enum tls_version version,
			     int64_t now_ns)
{
	struct tls_client_options options = { .issuers         = ca.certificate,
					      .maximum_version = version };
	struct tls_client        *client;
	struct pair              *pair    = malloc(sizeof(*pair));
	struct outcome            outcome = { 0 };
	char                      error[256];

	if (who) {
		options.certificate = who->certificate;
		options.key         = who->key;
	}
	if (!tls_client_make(&options, NOW_NS, &client, error, sizeof(error)))
		fail_msg("tls_client_make: %s", error);
	pair_open(pair, servers[version], client);
	pair_shake(pair, now_ns);
	outcome.served = tls_session_state(pair->server) == TLS_OPEN;
	outcome.reason = tls_failure_of(pair->server)->reason;
	outcome.alert  = tls_failure_of(pair->client)->alert;
	memcpy(outcome.text, tls_failure_of(pair->server)->text, sizeof(outcome.text));
	if (outcome.served) {
		assert_int_equal(tls_session_state(pair->client), TLS_OPEN);
		assert_false(tls_resumed(pair->server));
	} else {
		assert_int_equal(tls_session_state(pair->server), TLS_FAILED);
		assert_int_equal(tls_session_state(pair->client), TLS_FAILED);
		if (tls_failure_of(pair->client)->alert_is_ours)
			fail_msg("client: %s; server: %s", tls_failure_of(pair->client)->text,
				 outcome.text);
		assert_int_equal(tls_failure_of(pair->server)->alert, outcome.alert);
		assert_int_equal(tls_read(pair->server, now_ns, error, 1), -1);
		assert_int_equal(tls_write(pair->server, "x", 1), -1);
		assert_true(strlen(outcome.text) > 0);
	}
	pair_close(pair);
	free(pair);
	tls_client_free(client);
	return outcome;
}

static void expect_at(const struct credentials *who, uint8_t alert, enum reason reason,
		      int64_t now_ns)
{
	for (int version = 0; version < 2; version++) {
		struct outcome outcome = try_at(who, (enum tls_version)version, now_ns);
		print_message("# TLS 1.%d: alert %u, %s\n", 3 - version, outcome.alert,
			      outcome.text);
		assert_false(outcome.served);
		if (!who && version == TLS_VERSION_1_2)
			alert = TLS_ALERT_HANDSHAKE_FAILURE; /* RFC 5246 section 7.4.6 */
		assert_int_equal(outcome.alert, alert);
		assert_int_equal(outcome.reason, reason);
	}
}

static void refuse(const struct pki_recipe *recipe, const struct credentials *issuer, uint8_t alert,
		   enum reason reason)
{
	struct credentials who = issue(recipe, issuer);
	expect_at(&who, alert, reason, NOW_NS);
	credentials_free(&who);
}

static void serve(const struct pki_recipe *recipe)
{
	struct credentials who = issue(recipe, &ca);
	for (int version = 0; version < 2; version++) {
		struct outcome outcome = try_at(&who, (enum tls_version)version, NOW_NS);
		if (!outcome.served)
			fail_msg("refused: %s", outcome.text);
	}
	credentials_free(&who);
}

static void good(void **state)
{
	(void)state;
	struct pki_recipe recipe = client_recipe(listed);
	serve(&recipe);
	recipe.dns = two_dns; /* a URI decides, whatever stands beside it */
	serve(&recipe);
	recipe     = client_recipe(NULL);
	recipe.dns = dns_name;
	serve(&recipe);
	recipe                = client_recipe(listed);
	recipe.no_constraints = true;
	recipe.extended_usage = PKI_CLIENT_AUTH | PKI_SERVER_AUTH;
	serve(&recipe);
}

static void none(void **state)
{
	(void)state;
	expect_at(NULL, TLS_ALERT_CERTIFICATE_REQUIRED, REASON_tls_client_refused, NOW_NS);
}

static void dates(void **state)
{
	(void)state;
	struct pki_recipe recipe = client_recipe(listed);
	recipe.not_after_s       = NOW_S - 1;
	refuse(&recipe, &ca, TLS_ALERT_CERTIFICATE_EXPIRED, REASON_tls_client_refused);
	recipe              = client_recipe(listed);
	recipe.not_before_s = NOW_S + 60;
	refuse(&recipe, &ca, TLS_ALERT_CERTIFICATE_EXPIRED, REASON_tls_client_refused);
}

static void revoked(void **state)
{
	(void)state;
	struct pki_recipe recipe = client_recipe(listed);
	recipe.serial            = 666;
	refuse(&recipe, &ca, TLS_ALERT_CERTIFICATE_REVOKED, REASON_tls_client_refused);
}

static void old_list(void **state)
{
	(void)state;
	struct pki_recipe recipe = client_recipe(listed);
	recipe.not_after_s       = NOW_S + 50 * DAY_S;
	struct credentials who   = issue(&recipe, &ca);
	/* Today all is well; in two days the list is past its next update.  The
	 * server's own certificate must live on for the client to get that far. */
	struct credentials saved     = server_credentials;
	struct pki_recipe  longer    = client_recipe(NULL);
	longer.dns                   = local;
	longer.extended_usage        = PKI_SERVER_AUTH;
	longer.not_after_s           = NOW_S + 50 * DAY_S;
	server_credentials           = issue(&longer, &ca);
	struct tls_server *before[2] = { servers[0], servers[1] };
	for (int version = 0; version < 2; version++)
		servers[version] = server_of(list, (enum tls_version)version);
	assert_true(try_at(&who, TLS_VERSION_1_3, NOW_NS).served);
	expect_at(&who, TLS_ALERT_CERTIFICATE_UNKNOWN, REASON_tls_client_refused,
		  NOW_NS + 2 * DAY_S * 1000000000);
	for (int version = 0; version < 2; version++) {
		tls_server_release(servers[version]);
		servers[version] = before[version];
	}
	credentials_free(&server_credentials);
	server_credentials = saved;
	credentials_free(&who);
}

static void foreign_issuer(void **state)
{
	(void)state;
	struct pki_recipe recipe = client_recipe(listed);
	refuse(&recipe, &foreign, TLS_ALERT_UNKNOWN_CA, REASON_tls_client_refused);
	refuse(&recipe, NULL, TLS_ALERT_UNKNOWN_CA, REASON_tls_client_refused);
}

/* The chain a client sends: its leaf, then the certificate it says signed it. */
static void refuse_below(const struct pki_recipe *middle, uint8_t alert)
{
	struct pki_recipe  recipe = client_recipe(listed);
	struct credentials issuer = issue(middle, &ca);
	struct credentials leaf   = issue(&recipe, &issuer);
	struct credentials chain  = { .certificate = joined(leaf.certificate, issuer.certificate),
				      .key         = leaf.key };
	expect_at(&chain, alert, REASON_tls_client_refused, NOW_NS);
	tls_file_free(&chain.certificate);
	credentials_free(&issuer);
	credentials_free(&leaf);
}

static void issued_by_leaf(void **state)
{
	(void)state;
	struct pki_recipe middle = client_recipe(listed);
	middle.name              = "ordinary leaf";
	refuse_below(&middle, TLS_ALERT_UNKNOWN_CA);
	middle.key_usage = PKI_DIGITAL_SIGNATURE | PKI_CERT_SIGN;
	refuse_below(&middle, TLS_ALERT_UNKNOWN_CA);
	/* With a path length our own client cannot even read it; openssl_test.c. */
	/* A true intermediate authority that is not among the issuers. */
	middle             = client_recipe(NULL);
	middle.name        = "intermediate";
	middle.ca          = true;
	middle.path_length = -1;
	middle.key_usage   = PKI_CERT_SIGN;
	refuse_below(&middle, TLS_ALERT_UNKNOWN_CA);
}

static void unfit(void **state)
{
	(void)state;
	struct pki_recipe recipe = client_recipe(listed);
	recipe.extended_usage    = PKI_SERVER_AUTH;
	refuse(&recipe, &ca, TLS_ALERT_UNSUPPORTED_CERTIFICATE, REASON_tls_client_refused);
	recipe.extended_usage = 0;
	refuse(&recipe, &ca, TLS_ALERT_UNSUPPORTED_CERTIFICATE, REASON_tls_client_refused);
	recipe           = client_recipe(listed);
	recipe.key_usage = PKI_CRL_SIGN;
	refuse(&recipe, &ca, TLS_ALERT_UNSUPPORTED_CERTIFICATE, REASON_tls_client_refused);
	recipe.key_usage = 0;
	refuse(&recipe, &ca, TLS_ALERT_UNSUPPORTED_CERTIFICATE, REASON_tls_client_refused);
	recipe    = client_recipe(listed);
	recipe.ca = true;
	refuse(&recipe, &ca, TLS_ALERT_UNSUPPORTED_CERTIFICATE, REASON_tls_client_refused);
	/* The authority itself, with its own key. */
	expect_at(&ca, TLS_ALERT_UNSUPPORTED_CERTIFICATE, REASON_tls_client_refused, NOW_NS);
}

static void identities(void **state)
{
	(void)state;
	struct pki_recipe recipe = client_recipe(unlisted);
	refuse(&recipe, &ca, TLS_ALERT_ACCESS_DENIED, REASON_tls_identity_unknown);
	recipe = client_recipe(upper);
	refuse(&recipe, &ca, TLS_ALERT_ACCESS_DENIED, REASON_tls_identity_unknown);
	static const char *const *const wrong_uris[] = { NULL, two, spaced, no_scheme };
	for (size_t i = 0; i < sizeof(wrong_uris) / sizeof(wrong_uris[0]); i++) {
		recipe = client_recipe(wrong_uris[i]);
		refuse(&recipe, &ca, TLS_ALERT_BAD_CERTIFICATE, REASON_tls_client_refused);
	}
	static const char *const *const wrong_dns[] = { two_dns, wildcard };
	for (size_t i = 0; i < sizeof(wrong_dns) / sizeof(wrong_dns[0]); i++) {
		recipe     = client_recipe(NULL);
		recipe.dns = wrong_dns[i];
		refuse(&recipe, &ca, TLS_ALERT_BAD_CERTIFICATE, REASON_tls_client_refused);
	}
	char        long_uri[TLS_IDENTITY_BYTES_MAX + 2];
	const char *long_uris[] = { long_uri, NULL };
	memset(long_uri, 'x', sizeof(long_uri));
	memcpy(long_uri, "urn:", 4);
	long_uri[sizeof(long_uri) - 1] = '\0';
	recipe                         = client_recipe(long_uris);
	refuse(&recipe, &ca, TLS_ALERT_BAD_CERTIFICATE, REASON_tls_client_refused);
}

/* ---- what only openssl makes */

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void put(const char *directory, const char *name, struct bytes text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fwrite(text.data, 1, text.size_bytes, file);
	fclose(file);
}

static struct credentials by_openssl(const char *key_options, const char *sign_options,
				     const char *san)
{
	char directory[] = "/tmp/assay-tls-XXXXXX", command[1024], path[128], error[256];
	struct credentials made;

	assert_non_null(mkdtemp(directory));
	put(directory, "ca.pem", ca.certificate);
	put(directory, "ca.key", ca.key);
	snprintf(
		command, sizeof(command),
		"cd %s && openssl req -new -newkey %s -nodes -keyout k.key -subj /CN=x -out k.csr"
		" 2>log && printf 'keyUsage=digitalSignature\\nextendedKeyUsage=clientAuth\\n"
		"subjectAltName=%s\\n' >ext && openssl x509 -req -in k.csr -CA ca.pem -CAkey ca.key"
		" -set_serial 9 -not_before 20270101000000Z -not_after 20270201000000Z -extfile ext"
		" %s -out k.pem 2>>log",
		directory, key_options, san, sign_options);
	run(command);
	snprintf(path, sizeof(path), "%s/k.pem", directory);
	assert_true(tls_file_read(path, 65536, &made.certificate, error, sizeof(error)));
	snprintf(path, sizeof(path), "%s/k.key", directory);
	assert_true(tls_file_read(path, 65536, &made.key, error, sizeof(error)));
	snprintf(command, sizeof(command), "rm -r %s", directory);
	run(command);
	return made;
}

static void weak(void **state)
{
	(void)state;
	if (system("openssl version >/dev/null 2>&1") != 0) {
		print_message("# no openssl command\n");
		skip();
	}
	struct credentials fine = by_openssl("rsa:2048", "-sha256", "URI:" LISTED);
	for (int version = 0; version < 2; version++)
		assert_true(try_at(&fine, (enum tls_version)version, NOW_NS).served);
	credentials_free(&fine);
	struct credentials small = by_openssl("rsa:1024", "-sha256", "URI:" LISTED);
	expect_at(&small, TLS_ALERT_BAD_CERTIFICATE, REASON_tls_client_refused, NOW_NS);
	credentials_free(&small);
}

static void sha1(void **state)
{
	(void)state;
	if (system("openssl version >/dev/null 2>&1") != 0) {
		print_message("# no openssl command\n");
		skip();
	}
	struct credentials old = by_openssl("rsa:2048", "-sha1", "URI:" LISTED);
	/* Our own client cannot even read SHA-1, so it cannot send it. */
	struct tls_client_options options = { .certificate = old.certificate,
					      .key         = old.key,
					      .issuers     = ca.certificate };
	struct tls_client        *client;
	char                      error[256];
	assert_false(tls_client_make(&options, NOW_NS, &client, error, sizeof(error)));
	credentials_free(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),           cmocka_unit_test(none),
		cmocka_unit_test(dates),          cmocka_unit_test(revoked),
		cmocka_unit_test(old_list),       cmocka_unit_test(foreign_issuer),
		cmocka_unit_test(issued_by_leaf), cmocka_unit_test(unfit),
		cmocka_unit_test(identities),     cmocka_unit_test(weak),
		cmocka_unit_test(sha1),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
