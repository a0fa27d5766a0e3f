/* Sessions at work: data both ways through narrow pipes, the ends of a session, its
 * memory, the record limit, failing randomness, and options that are refused. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/tls/session.h"
#include "tests/unit/tls/pair.h"

#define CALLER "urn:bank:payments"

static const char *const uris[]      = { CALLER, NULL };
static const char *const local[]     = { "localhost", NULL };
static const char *const http[]      = { "http/1.1", NULL };
static const char *const http_both[] = { "h2", "http/1.1", NULL };
static const char *const http_two[]  = { "h2", NULL };

static struct credentials ca, who, ours;
static char               error[256];

static bool is_listed(void *ctx, struct bytes identity)
{
	(void)ctx;
	return bytes_equal(identity, bytes_of(CALLER, strlen(CALLER)));
}

static struct tls_options options_good(void)
{
	return (struct tls_options){ .certificate = ours.certificate,
				     .key         = ours.key,
				     .issuers     = ca.certificate,
				     .alpn        = http,
				     .policy      = { .known = is_listed } };
}

static struct tls_server *server_make(enum tls_version version)
{
	struct tls_options options = options_good();
	struct tls_server *server;
	options.minimum_version = version;
	if (!tls_server_make(&options, NOW_NS, &server, error, sizeof(error)))
		fail_msg("tls_server_make: %s", error);
	return server;
}

static struct tls_client *client_make(enum tls_version version, const char *const *alpn)
{
	struct tls_client_options options = { .issuers         = ca.certificate,
					      .certificate     = who.certificate,
					      .key             = who.key,
					      .alpn            = alpn,
					      .maximum_version = version };
	struct tls_client        *client;
	if (!tls_client_make(&options, NOW_NS, &client, error, sizeof(error)))
		fail_msg("tls_client_make: %s", error);
	return client;
}

static int setup(void **state)
{
	(void)state;
	struct pki_recipe recipe = client_recipe(uris);
	ca                       = authority("Issuer");
	who                      = issue(&recipe, &ca);
	recipe                   = client_recipe(NULL);
	recipe.dns               = local;
	recipe.extended_usage    = PKI_SERVER_AUTH;
	ours                     = issue(&recipe, &ca);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	credentials_free(&ca);
	credentials_free(&who);
	credentials_free(&ours);
	return 0;
}

/* Sends size_bytes from one end to the other, as the pipes let it. */
static void carry(struct tls_session *from, struct tls_session *to, size_t size_bytes)
{
	uint8_t *data = malloc(size_bytes), *got = malloc(size_bytes + 1);
	size_t   sent = 0, have = 0;
	for (size_t i = 0; i < size_bytes; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (int turn = 0; have < size_bytes; turn++) {
		assert_true(turn < 1000000);
		if (sent < size_bytes) {
			ssize_t n = tls_write(from, data + sent, size_bytes - sent);
			assert_true(n >= 0);
			sent += (size_t)n;
		}
		tls_session_step(from, NOW_NS);
		ssize_t n = tls_read(to, NOW_NS, got + have, size_bytes + 1 - have);
		assert_true(n >= 0);
		have += (size_t)n;
	}
	assert_int_equal(have, size_bytes);
	assert_memory_equal(data, got, size_bytes);
	assert_false(tls_unsent(from));
	assert_int_equal(tls_read(to, NOW_NS, got, 1), 0);
	free(data);
	free(got);
}

static void data_both_ways(void **state)
{
	(void)state;
	static const size_t chunks[] = { 0, 1, 7, 1460 };
	for (int version = 0; version < 2; version++) {
		struct tls_server *server = server_make((enum tls_version)version);
		struct tls_client *client = client_make((enum tls_version)version, http_both);
		for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
			struct pair *pair = malloc(sizeof(*pair));
			pair_open(pair, server, client);
			pair->up.chunk_bytes = pair->down.chunk_bytes = chunks[i];
			pair_shake(pair, NOW_NS);
			assert_int_equal(tls_session_state(pair->server), TLS_OPEN);
			assert_string_equal(tls_alpn_name(pair->server), "http/1.1");
			assert_string_equal(tls_version_name(pair->server),
					    version == 0 ? "TLSv1.3" : "TLSv1.2");
			assert_non_null(strstr(tls_ciphersuite_name(pair->server), "AES-128-GCM"));
			assert_true(bytes_equal(tls_identity(pair->server),
						bytes_of(CALLER, strlen(CALLER))));
			size_t size_bytes = chunks[i] == 0 || chunks[i] > 100 ? 100000 : 3000;
			carry(pair->client, pair->server, size_bytes);
			carry(pair->server, pair->client, size_bytes);
			pair_close(pair);
			free(pair);
		}
		tls_client_free(client);
		tls_server_release(server);
	}
}

static void ends(void **state)
{
	(void)state;
	struct tls_server *server = server_make(TLS_VERSION_1_3);
	struct tls_client *client = client_make(TLS_VERSION_1_3, http);
	struct pair       *pair   = malloc(sizeof(*pair));
	char               byte;

	/* In good order. */
	pair_open(pair, server, client);
	pair_shake(pair, NOW_NS);
	tls_close_notify(pair->client);
	assert_int_equal(tls_write(pair->client, "x", 1), -1);
	assert_int_equal(tls_read(pair->server, NOW_NS, &byte, 1), -1);
	assert_int_equal(tls_session_state(pair->server), TLS_CLOSED);
	assert_int_equal(tls_failure_of(pair->server)->reason, REASON_NONE);
	tls_close_notify(pair->server);
	assert_int_equal(tls_read(pair->client, NOW_NS, &byte, 1), -1);
	assert_int_equal(tls_session_state(pair->client), TLS_CLOSED);
	pair_close(pair);

	/* Cut off: not mistaken for the former. */
	pair_open(pair, server, client);
	pair_shake(pair, NOW_NS);
	pair->up.shut = true;
	assert_int_equal(tls_read(pair->server, NOW_NS, &byte, 1), -1);
	assert_int_equal(tls_session_state(pair->server), TLS_FAILED);
	assert_int_equal(tls_failure_of(pair->server)->reason, REASON_peer_reset);
	pair_close(pair);

	/* Damaged: an alert comes back. */
	pair_open(pair, server, client);
	pair_shake(pair, NOW_NS);
	assert_int_equal(tls_write(pair->client, "x", 1), 1);
	pair->up.data[pair->up.to - 1] ^= 1;
	assert_int_equal(tls_read(pair->server, NOW_NS, &byte, 1), -1);
	assert_int_equal(tls_failure_of(pair->server)->reason, REASON_tls_handshake_failed);
	assert_int_equal(tls_read(pair->client, NOW_NS, &byte, 1), -1);
	assert_int_equal(tls_failure_of(pair->client)->alert, 20); /* bad_record_mac */
	pair_close(pair);
	free(pair);
	tls_client_free(client);
	tls_server_release(server);
}

static void no_common_protocol(void **state)
{
	(void)state;
	struct tls_server *server = server_make(TLS_VERSION_1_3);
	struct tls_client *client = client_make(TLS_VERSION_1_3, http_two);
	struct pair       *pair   = malloc(sizeof(*pair));
	pair_open(pair, server, client);
	pair_shake(pair, NOW_NS);
	assert_int_equal(tls_failure_of(pair->client)->alert, TLS_ALERT_NO_APPLICATION_PROTOCOL);
	pair_close(pair);
	tls_client_free(client);

	/* TLS 1.2 where the options do not say so. */
	client = client_make(TLS_VERSION_1_2, http);
	pair_open(pair, server, client);
	pair_shake(pair, NOW_NS);
	assert_int_equal(tls_session_state(pair->server), TLS_FAILED);
	assert_int_equal(tls_failure_of(pair->client)->alert, TLS_ALERT_PROTOCOL_VERSION);
	pair_close(pair);
	free(pair);
	tls_client_free(client);
	tls_server_release(server);
}

/* The counter is set near its end: sending 2^24 records takes a minute. */
static void record_limit(void **state)
{
	(void)state;
	struct tls_server *server = server_make(TLS_VERSION_1_3);
	struct tls_client *client = client_make(TLS_VERSION_1_3, http);
	struct pair       *pair   = malloc(sizeof(*pair));
	char               byte;

	pair_open(pair, server, client);
	pair_shake(pair, NOW_NS);
	uint64_t before = tls_records(pair->server);
	carry(pair->client, pair->server, 10);
	assert_int_equal(tls_records(pair->server), before + 1);
	pair->server->ssl.MBEDTLS_PRIVATE(cur_out_ctr)[4] = 1; /* 2^24 */
	pair->client->ssl.MBEDTLS_PRIVATE(in_ctr)[4]      = 1;
	assert_int_equal(tls_write(pair->server, "x", 1), -1);
	assert_int_equal(tls_failure_of(pair->server)->reason, REASON_tls_record_limit);
	assert_true(tls_records(pair->client) >= TLS_RECORDS_MAX);
	pair->client->ssl.MBEDTLS_PRIVATE(cur_out_ctr)[4] = 0;
	assert_int_equal(tls_read(pair->client, NOW_NS, &byte, 1), -1);
	pair_close(pair);
	free(pair);
	tls_client_free(client);
	tls_server_release(server);
}

static bool no_randomness(void *data, size_t size_bytes)
{
	(void)data;
	(void)size_bytes;
	return false;
}

static void randomness_fails(void **state)
{
	(void)state;
	struct tls_server  *server = server_make(TLS_VERSION_1_3);
	struct tls_client  *client = client_make(TLS_VERSION_1_3, http);
	struct pair        *pair   = malloc(sizeof(*pair));
	struct tls_session *session;

	pair_open(pair, server, client);
	tls_session_step(pair->client, NOW_NS);
	tls_random_source(no_randomness);
	tls_session_step(pair->server, NOW_NS);
	assert_int_equal(tls_session_state(pair->server), TLS_FAILED);
	assert_int_equal(tls_failure_of(pair->server)->reason, REASON_tls_rng_failed);
	assert_true(tls_random_failed());
	struct tls_io io = pair_io(&pair->server_end);
	assert_int_equal(tls_session_open(server, &io, &session), REASON_tls_rng_failed);
	assert_null(session);
	tls_random_source(NULL);
	assert_int_equal(tls_session_open(server, &io, &session), REASON_NONE);
	tls_session_free(session);
	pair_close(pair);
	free(pair);
	tls_client_free(client);
	tls_server_release(server);
}

static void memory(void **state)
{
	(void)state;
	struct tls_server *server = server_make(TLS_VERSION_1_3);
	struct tls_client *client = client_make(TLS_VERSION_1_3, http);
	enum { COUNT = 16 };
	struct pair *pairs = calloc(COUNT, sizeof(*pairs));

	size_t start = mallinfo2().uordblks;
	for (int i = 0; i < COUNT; i++) {
		pair_open(&pairs[i], server, client);
		pair_shake(&pairs[i], NOW_NS);
		assert_int_equal(tls_session_state(pairs[i].server), TLS_OPEN);
	}
	for (int i = 0; i < COUNT; i++) {
		tls_session_free(pairs[i].client);
		pairs[i].client = NULL;
	}
	size_t held = (mallinfo2().uordblks - start) / COUNT;
	print_message("# an open session holds %zu bytes\n", held);
	assert_true(held < TLS_SESSION_BYTES_MAX); /* under a sanitizer, 0 */
	for (int i = 0; i < COUNT; i++)
		pair_close(&pairs[i]);
	free(pairs);
	tls_client_free(client);
	tls_server_release(server);
}

static void refused(struct tls_options options, const char *word)
{
	struct tls_server *server;
	error[0] = '\0';
	assert_false(tls_server_make(&options, NOW_NS, &server, error, sizeof(error)));
	assert_null(server);
	print_message("# %s\n", error);
	if (!strstr(error, word))
		fail_msg("'%s' lacks '%s'", error, word);
}

static void options_refused(void **state)
{
	(void)state;
	struct tls_options options = options_good();
	options.key                = who.key;
	refused(options, "does not belong to the key");
	options             = options_good();
	options.certificate = bytes_of("garbage", 7);
	refused(options, "our certificate");
	options         = options_good();
	options.issuers = bytes_of(NULL, 0);
	refused(options, "the issuers");
	options.issuers = who.certificate;
	refused(options, "is not an authority");
	options             = options_good();
	options.certificate = who.certificate;
	options.key         = who.key;
	refused(options, "is not for a server");
	options              = options_good();
	options.policy.known = NULL;
	refused(options, "callers");

	struct pki_recipe recipe = client_recipe(NULL);
	recipe.dns               = local;
	recipe.extended_usage    = PKI_SERVER_AUTH;
	recipe.not_after_s       = NOW_S - 1;
	struct credentials old   = issue(&recipe, &ca);
	options                  = options_good();
	options.certificate      = old.certificate;
	options.key              = old.key;
	refused(options, "has expired");
	credentials_free(&old);
}

static void lists_refused(void **state)
{
	(void)state;
	struct credentials other   = authority("Other");
	struct bytes       foreign = revocation(&other, NULL, 0, NOW_S + DAY_S);
	struct bytes       old     = revocation(&ca, NULL, 0, NOW_S - 1);
	struct bytes       good    = revocation(&ca, NULL, 0, NOW_S + DAY_S);
	struct tls_options options = options_good();

	options.revocation_list = foreign;
	refused(options, "not signed by");
	options.revocation_list = old;
	refused(options, "past its next update");
	options.revocation_list = bytes_of("garbage", 7);
	refused(options, "cannot be read");
	struct bytes twice      = joined(good, good);
	options.revocation_list = twice;
	refused(options, "second one");
	struct bytes both       = joined(ca.certificate, other.certificate);
	options.issuers         = both;
	options.revocation_list = good;
	refused(options, "missing");

	options                 = options_good();
	options.revocation_list = good;
	struct tls_server *server;
	assert_true(tls_server_make(&options, NOW_NS, &server, error, sizeof(error)));
	struct tls_server_facts facts;
	tls_server_facts(server, &facts);
	assert_int_equal(facts.revocation_next_update_ns, (NOW_S + DAY_S) * 1000000000);
	assert_int_equal(facts.certificate_expires_ns, (NOW_S + DAY_S) * 1000000000);
	assert_int_equal(facts.revoked_count, 0);
	tls_server_release(server);
	tls_file_free(&foreign);
	tls_file_free(&old);
	tls_file_free(&good);
	tls_file_free(&twice);
	tls_file_free(&both);
	credentials_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_both_ways),     cmocka_unit_test(ends),
		cmocka_unit_test(no_common_protocol), cmocka_unit_test(record_limit),
		cmocka_unit_test(randomness_fails),   cmocka_unit_test(memory),
		cmocka_unit_test(options_refused),    cmocka_unit_test(lists_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
