/* A ticket brings its caller back, and nothing that has changed since: revocation,
 * expiry, the table, the policy's epoch, the issuers, the key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/tls/pair.h"

#define LIFETIME_S 3600
#define ROTATE_S   7200
#define CALLER     "spiffe://bank.example/payments"

static const char *const uris[]  = { CALLER, NULL };
static const char *const local[] = { "localhost", NULL };

static struct credentials  ca, other_ca, who, server_credentials;
static struct tls_tickets *tickets;
static bool                on_table;

static bool is_listed(void *ctx, struct bytes identity)
{
	(void)ctx;
	return on_table && bytes_equal(identity, bytes_of(CALLER, strlen(CALLER)));
}

static struct tls_server *server_with(struct bytes list, struct tls_tickets *sealed_by,
				      uint64_t epoch, struct bytes issuers)
{
	struct tls_options options = { .certificate     = server_credentials.certificate,
				       .key             = server_credentials.key,
				       .issuers         = issuers,
				       .revocation_list = list,
				       .policy          = { .known = is_listed, .epoch = epoch },
				       .tickets         = sealed_by };
	struct tls_server *server;
	char               error[256];
	if (!tls_server_make(&options, NOW_NS, &server, error, sizeof(error)))
		fail_msg("tls_server_make: %s", error);
	return server;
}

static int setup(void **state)
{
	(void)state;
	struct pki_recipe recipe = client_recipe(uris);
	ca                       = authority("Issuer");
	other_ca                 = authority("Other issuer");
	recipe.not_after_s       = NOW_S + LIFETIME_S / 2;
	who                      = issue(&recipe, &ca);
	recipe                   = client_recipe(NULL);
	recipe.dns               = local;
	recipe.extended_usage    = PKI_SERVER_AUTH;
	recipe.not_after_s       = NOW_S + 50 * DAY_S;
	server_credentials       = issue(&recipe, &ca);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	credentials_free(&ca);
	credentials_free(&other_ca);
	credentials_free(&who);
	credentials_free(&server_credentials);
	return 0;
}

static struct tls_client *client_make(void)
{
	struct tls_client_options options = { .issuers     = ca.certificate,
					      .certificate = who.certificate,
					      .key         = who.key,
					      .resume      = true };
	struct tls_client        *client;
	char                      error[256];
	if (!tls_client_make(&options, NOW_NS, &client, error, sizeof(error)))
		fail_msg("tls_client_make: %s", error);
	return client;
}

struct outcome {
	bool        open, resumed;
	enum reason reason;
	uint8_t     alert;
};

static struct outcome visit(struct tls_server *server, struct tls_client *client, int64_t now_ns)
{
	struct pair   *pair = malloc(sizeof(*pair));
	struct outcome outcome;
	char           answer[8];

	pair_open(pair, server, client);
	pair_shake(pair, now_ns);
	outcome = (struct outcome){ .open    = tls_session_state(pair->server) == TLS_OPEN,
				    .resumed = tls_resumed(pair->server),
				    .reason  = tls_failure_of(pair->server)->reason,
				    .alert   = tls_failure_of(pair->client)->alert };
	if (outcome.open) {
		assert_true(
			bytes_equal(tls_identity(pair->server), bytes_of(CALLER, strlen(CALLER))));
		assert_int_equal(tls_write(pair->client, "ping", 4), 4);
		assert_int_equal(tls_read(pair->server, now_ns, answer, sizeof(answer)), 4);
		assert_memory_equal(answer, "ping", 4);
		assert_int_equal(tls_write(pair->server, "pong", 4), 4);
		assert_int_equal(tls_read(pair->client, now_ns, answer, sizeof(answer)), 4);
		assert_memory_equal(answer, "pong", 4);
	}
	pair_close(pair);
	free(pair);
	return outcome;
}

/* What becomes of a ticket of `before` at `after`. */
static struct outcome come_back(struct tls_server *before, struct tls_server *after, int64_t now_ns)
{
	struct tls_client *client = client_make();
	struct outcome     first  = visit(before, client, NOW_NS);
	assert_true(first.open);
	assert_false(first.resumed);
	struct outcome second = visit(after, client, now_ns);
	tls_client_free(client);
	return second;
}

static int each_setup(void **state)
{
	(void)state;
	on_table = true;
	tickets  = tls_tickets_make(LIFETIME_S, ROTATE_S, NOW_NS);
	assert_non_null(tickets);
	return 0;
}

static int each_teardown(void **state)
{
	(void)state;
	tls_tickets_release(tickets);
	return 0;
}

static void resumes(void **state)
{
	(void)state;
	struct tls_server *server = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	struct outcome     second = come_back(server, server, NOW_NS + 1000000000);
	assert_true(second.open);
	assert_true(second.resumed);
	/* And again and again, each time with a new ticket. */
	struct tls_client *client = client_make();
	for (int i = 0; i < 4; i++) {
		struct outcome visited = visit(server, client, NOW_NS + i * INT64_C(1000000000));
		assert_true(visited.open);
		assert_int_equal(visited.resumed, i > 0);
	}
	tls_client_free(client);
	tls_server_release(server);
}

static void across_a_reload(void **state)
{
	(void)state;
	struct tls_server *before = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	struct tls_server *after  = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	assert_true(come_back(before, after, NOW_NS + 1000000000).resumed);
	tls_server_release(before);
	tls_server_release(after);
}

static void epoch_changed(void **state)
{
	(void)state;
	struct tls_server *before = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	struct tls_server *after  = server_with(bytes_of(NULL, 0), tickets, 2, ca.certificate);
	struct outcome     second = come_back(before, after, NOW_NS + 1000000000);
	assert_true(second.open);
	assert_false(second.resumed);
	tls_server_release(before);
	tls_server_release(after);
}

static void revoked_since(void **state)
{
	(void)state;
	uint64_t           serial = 77;
	struct bytes       list   = revocation(&ca, &serial, 1, NOW_S + DAY_S);
	struct tls_server *before = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	struct tls_server *after  = server_with(list, tickets, 1, ca.certificate);
	struct outcome     second = come_back(before, after, NOW_NS + 1000000000);
	assert_false(second.open);
	assert_false(second.resumed);
	assert_int_equal(second.reason, REASON_tls_client_refused);
	assert_int_equal(second.alert, TLS_ALERT_CERTIFICATE_REVOKED);
	tls_server_release(before);
	tls_server_release(after);
	tls_file_free(&list);
}

static void expired_since(void **state)
{
	(void)state;
	struct tls_server *server = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	/* The ticket's own lifetime ends with the certificate, so that a client that
	 * obeys does not even offer it: the refusal is the certificate's. */
	struct outcome second = come_back(server, server,
					  NOW_NS + (LIFETIME_S / 2 + 1) * INT64_C(1000000000));
	assert_false(second.open);
	assert_int_equal(second.alert, TLS_ALERT_CERTIFICATE_EXPIRED);
	tls_server_release(server);
}

static void off_the_table_since(void **state)
{
	(void)state;
	struct tls_server *server = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	struct tls_client *client = client_make();
	assert_true(visit(server, client, NOW_NS).open);
	on_table              = false;
	struct outcome second = visit(server, client, NOW_NS + 1000000000);
	assert_false(second.open);
	assert_int_equal(second.reason, REASON_tls_identity_unknown);
	assert_int_equal(second.alert, TLS_ALERT_ACCESS_DENIED);
	tls_client_free(client);
	tls_server_release(server);
}

static void issuer_gone_since(void **state)
{
	(void)state;
	struct tls_server *before = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	struct tls_server *after = server_with(bytes_of(NULL, 0), tickets, 1, other_ca.certificate);
	struct outcome     second = come_back(before, after, NOW_NS + 1000000000);
	assert_false(second.open);
	assert_int_equal(second.alert, TLS_ALERT_UNKNOWN_CA);
	tls_server_release(before);
	tls_server_release(after);
}

static void foreign_ticket(void **state)
{
	(void)state;
	struct tls_tickets *others = tls_tickets_make(LIFETIME_S, ROTATE_S, NOW_NS);
	struct tls_server  *before = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	struct tls_server  *after  = server_with(bytes_of(NULL, 0), others, 1, ca.certificate);
	struct outcome      second = come_back(before, after, NOW_NS + 1000000000);
	assert_true(second.open);
	assert_false(second.resumed);
	tls_server_release(before);
	tls_server_release(after);
	tls_tickets_release(others);
}

/* Keys turn at ROTATE_S; the key before still opens, the one before that is gone. */
static void rotation(void **state)
{
	(void)state;
	struct pki_recipe  recipe    = client_recipe(uris);
	struct credentials saved     = who;
	recipe.not_after_s           = NOW_S + 50 * DAY_S;
	who                          = issue(&recipe, &ca);
	struct tls_server *server    = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	struct tls_client *client    = client_make();
	int64_t            second_ns = 1000000000;

	assert_false(visit(server, client, NOW_NS + (ROTATE_S - 10) * second_ns).resumed);
	assert_true(visit(server, client, NOW_NS + (ROTATE_S + 10) * second_ns).resumed);
	assert_true(visit(server, client, NOW_NS + (ROTATE_S + 20) * second_ns).resumed);
	struct outcome late = visit(server, client,
				    NOW_NS + (ROTATE_S + 21 + LIFETIME_S) * second_ns);
	assert_true(late.open);
	assert_false(late.resumed);
	tls_client_free(client);
	tls_server_release(server);
	credentials_free(&who);
	who = saved;
}

static void numbers(void **state)
{
	(void)state;
	assert_null(tls_tickets_make(0, 10, NOW_NS));
	assert_null(tls_tickets_make(20, 10, NOW_NS));
	assert_null(tls_tickets_make(20, TLS_TICKET_SECONDS_MAX + 1, NOW_NS));
}

static void open_session_after_reload(void **state)
{
	(void)state;
	uint64_t           serial = 77, another = 78;
	struct bytes       bad       = revocation(&ca, &serial, 1, NOW_S + DAY_S);
	struct bytes       fine      = revocation(&ca, &another, 1, NOW_S + 600);
	struct tls_server *today     = server_with(bytes_of(NULL, 0), tickets, 1, ca.certificate);
	struct tls_server *list      = server_with(fine, tickets, 1, ca.certificate);
	struct tls_server *revokes   = server_with(bad, tickets, 1, ca.certificate);
	struct tls_server *others    = server_with(bytes_of(NULL, 0), tickets, 1,
						   other_ca.certificate);
	struct tls_client *client    = client_make();
	struct pair       *pair      = malloc(sizeof(*pair));
	int64_t            second_ns = 1000000000;

	for (int visits = 0; visits < 2; visits++) {
		pair_open(pair, today, client);
		pair_shake(pair, NOW_NS);
		assert_int_equal(tls_session_state(pair->server), TLS_OPEN);
		assert_int_equal(tls_resumed(pair->server), visits);
		const struct tls_session *open = pair->server;
		assert_int_equal(tls_session_still_valid(open, today, NOW_NS), REASON_NONE);
		assert_int_equal(tls_session_still_valid(open, list, NOW_NS), REASON_NONE);
		assert_int_equal(tls_session_still_valid(open, list, NOW_NS + 601 * second_ns),
				 REASON_tls_client_refused);
		assert_int_equal(tls_session_still_valid(open, revokes, NOW_NS),
				 REASON_tls_client_refused);
		assert_int_equal(tls_session_still_valid(open, others, NOW_NS),
				 REASON_tls_client_refused);
		assert_int_equal(tls_session_still_valid(open, today,
							 NOW_NS + LIFETIME_S * second_ns),
				 REASON_tls_client_refused);
		on_table = false;
		assert_int_equal(tls_session_still_valid(open, today, NOW_NS),
				 REASON_tls_identity_unknown);
		on_table = true;
		pair_close(pair);
	}
	free(pair);
	tls_client_free(client);
	tls_server_release(today);
	tls_server_release(list);
	tls_server_release(revokes);
	tls_server_release(others);
	tls_file_free(&bad);
	tls_file_free(&fine);
}

/* thisUpdate is two days ago (pair.c), nextUpdate far off: the allowed age decides. */
static void list_of_a_limited_age(void **state)
{
	(void)state;
	uint64_t                another = 78;
	struct bytes            list    = revocation(&ca, &another, 1, NOW_S + 50 * DAY_S);
	struct tls_options      options = { .certificate          = server_credentials.certificate,
					    .key                  = server_credentials.key,
					    .issuers              = ca.certificate,
					    .revocation_list      = list,
					    .revocation_max_age_s = 2 * DAY_S + 60,
					    .policy               = { .known = is_listed } };
	struct tls_server      *server, *old;
	struct tls_server_facts facts;
	struct tls_client      *client = client_make();
	struct pair            *pair   = malloc(sizeof(*pair));
	char                    error[256];

	assert_true(tls_server_make(&options, NOW_NS, &server, error, sizeof(error)));
	tls_server_facts(server, &facts);
	assert_int_equal(facts.revocation_next_update_ns, (NOW_S + 50 * DAY_S) * 1000000000);
	assert_int_equal(facts.revocation_good_until_ns, (NOW_S + 60) * 1000000000);
	pair_open(pair, server, client);
	pair_shake(pair, NOW_NS);
	assert_int_equal(tls_session_state(pair->server), TLS_OPEN);
	assert_int_equal(tls_session_still_valid(pair->server, server, NOW_NS), REASON_NONE);
	assert_int_equal(tls_session_still_valid(pair->server, server,
						 NOW_NS + INT64_C(61) * 1000000000),
			 REASON_tls_client_refused);
	pair_close(pair);
	assert_false(tls_server_make(&options, NOW_NS + INT64_C(61) * 1000000000, &old, error,
				     sizeof(error)));
	assert_non_null(strstr(error, "older than its allowed age"));
	free(pair);
	tls_client_free(client);
	tls_server_release(server);
	tls_file_free(&list);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, each_setup, each_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(resumes),
		EACH(across_a_reload),
		EACH(epoch_changed),
		EACH(revoked_since),
		EACH(expired_since),
		EACH(off_the_table_since),
		EACH(issuer_gone_since),
		EACH(foreign_ticket),
		EACH(rotation),
		EACH(numbers),
		EACH(open_session_after_reload),
		EACH(list_of_a_limited_age),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
