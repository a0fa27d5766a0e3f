/* drivers/tcp against the kernel's TCP over a TAP device: what a bank's callers
 * will do to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/tcp/tap_link.h"

static struct tap_link link_;
static bool            is_open;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Every test has a namespace, a device and a stack of its own. */
static void open_or_skip(void)
{
	const char *seed    = getenv("SEED");
	const char *missing = tap_link_open(&link_, seed ? strtoull(seed, NULL, 0) : 7);

	if (missing) {
		printf("# %s\n", missing);
		skip();
	}
	is_open = true;
}

static int set_up(void **state)
{
	(void)state;
	memset(&link_, 0, sizeof(link_));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (is_open)
		tap_close();
	is_open = false;
	return 0;
}

static int dial_from(int family, uint16_t local_port)
{
	struct sockaddr_in  to4      = { .sin_family = AF_INET, .sin_port = htons(TAP_PORT) };
	struct sockaddr_in6 to6      = { .sin6_family = AF_INET6, .sin6_port = htons(TAP_PORT) };
	struct sockaddr_in  from     = { .sin_family = AF_INET, .sin_port = htons(local_port) };
	struct timeval      patience = { .tv_sec = 20 };
	int                 fd       = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (local_port)
		assert_int_equal(bind(fd, (void *)&from, sizeof(from)), 0);
	inet_pton(AF_INET, TAP_OUR_IP4, &to4.sin_addr);
	inet_pton(AF_INET6, TAP_OUR_IP6, &to6.sin6_addr);
	if (connect(fd, family == AF_INET ? (void *)&to4 : (void *)&to6,
		    family == AF_INET ? sizeof(to4) : sizeof(to6)) == 0)
		return fd;
	close(fd);
	return -errno;
}

static int dial(int family)
{
	int fd = dial_from(family, 0);

	assert_true(fd >= 0);
	return fd;
}

static void pattern(uint8_t *data, size_t n, size_t at)
{
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)((at + i) * 2654435761u >> 13);
}

/* Sends n bytes through the echo and checks what comes back, byte for byte. */
static void echo_check(int fd, size_t n)
{
	static uint8_t out[16384], in[16384], want[16384];
	size_t         sent = 0, received = 0;

	while (received < n) {
		struct pollfd wait = { .fd = fd, .events = POLLIN | (sent < n ? POLLOUT : 0) };

		assert_true(poll(&wait, 1, 20000) > 0);
		if (wait.revents & POLLOUT && sent < n) {
			size_t  piece = n - sent < sizeof(out) ? n - sent : sizeof(out);
			ssize_t did;

			pattern(out, piece, sent);
			did = send(fd, out, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
			sent += did > 0 ? (size_t)did : 0;
		}
		if (wait.revents & POLLIN) {
			ssize_t did = recv(fd, in, sizeof(in), MSG_DONTWAIT);

			assert_true(did > 0);
			pattern(want, (size_t)did, received);
			assert_memory_equal(in, want, (size_t)did);
			received += (size_t)did;
		}
	}
}

static void test_ping(void **state)
{
	(void)state;
	open_or_skip();
	assert_int_equal(system("ping -c 3 -i 0.2 -W 2 " TAP_OUR_IP4 " >/dev/null"), 0);
	assert_int_equal(system("ping -c 1 -W 2 -s 1400 " TAP_OUR_IP4 " >/dev/null"), 0);
	/* duplicate address detection holds IPv6 back for its first two seconds */
	assert_int_equal(system("ping -c 1 -w 6 " TAP_OUR_IP6 " >/dev/null"), 0);
}

static void test_echo_both_families(void **state)
{
	int fd;

	(void)state;
	open_or_skip();
	fd = dial(AF_INET);
	echo_check(fd, 4 << 20);
	close(fd);
	fd = dial(AF_INET6);
	echo_check(fd, 1 << 20);
	close(fd);
}

static void test_echo_through_loss(void **state)
{
	double start;
	int    fd;

	(void)state;
	open_or_skip();
	link_.loss_per_mille = link_.duplicate_per_mille = link_.reorder_per_mille = 20;
	fd                                                                         = dial(AF_INET);
	start                                                                      = seconds();
	echo_check(fd, 1 << 20);
	printf("# 1 MiB echoed at 2 %% loss in %.2f s; lost %lu, duplicated %lu, reordered %lu,"
	       " sent again %lu\n",
	       seconds() - start, link_.lost, link_.duplicated, link_.reordered,
	       tcp_stats()->retransmits);
	assert_true(tcp_stats()->retransmits > 5);
	assert_true(link_.lost > 10 && link_.duplicated > 10 && link_.reordered > 10);
	close(fd);
}

/* A lone answer that is lost comes again within the retransmission time, which is
 * milliseconds, not lwIP's default of 1.5 s. */
static void test_lost_answer_costs_milliseconds(void **state)
{
	double worst = 0;
	int    fd;

	(void)state;
	open_or_skip();
	fd = dial(AF_INET);
	for (int i = 0; i < 30; i++)
		echo_check(fd, 300);
	for (int i = 0; i < 10; i++) {
		double start = seconds();

		link_.lose_next_out_longer_than = 300;
		echo_check(fd, 300);
		assert_int_equal(link_.lose_next_out_longer_than, 0);
		worst = seconds() - start > worst ? seconds() - start : worst;
	}
	printf("# a lost answer cost at most %.0f ms\n", worst * 1e3);
	assert_true(worst < 0.25);
	close(fd);
}

static size_t send_until_stuck(int fd)
{
	static uint8_t out[16384];
	size_t         sent = 0;

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLOUT };
		ssize_t       did;

		if (poll(&wait, 1, 500) == 0)
			return sent;
		pattern(out, sizeof(out), sent);
		did = send(fd, out, sizeof(out), MSG_DONTWAIT);
		sent += did > 0 ? (size_t)did : 0;
		assert_true(sent < 64u << 20); /* never stuck: no back-pressure */
	}
}

static void test_back_pressure_from_us(void **state)
{
	static uint8_t in[16384], want[16384];
	size_t         sent, received = 0;
	int            fd;

	(void)state;
	link_.serve = TAP_STALL;
	open_or_skip();
	fd = dial(AF_INET);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ 65536 }, sizeof(int));
	sent = send_until_stuck(fd);
	printf("# a reader that does not read stops its peer after %zu bytes, %lu frames held\n",
	       sent, tcp_stats()->frames_held);
	assert_true(tcp_stats()->frames_held <= 4096);
	link_.serve = TAP_ECHO;
	while (received < sent) {
		ssize_t did = recv(fd, in, sizeof(in), 0);

		assert_true(did > 0);
		pattern(want, (size_t)did, received % sizeof(in));
		for (ssize_t i = 0; i < did; i++) {
			uint8_t one;

			pattern(&one, 1, received + (size_t)i);
			assert_int_equal(in[i], one);
		}
		received += (size_t)did;
	}
	close(fd);
}

static void test_back_pressure_from_peer(void **state)
{
	static uint8_t in[65536];
	uint64_t       stuck_at, received = 0;
	int            fd;

	(void)state;
	link_.serve = TAP_FLOOD;
	open_or_skip();
	fd = dial(AF_INET);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	usleep(700000);
	stuck_at = link_.flooded;
	usleep(300000);
	assert_int_equal(link_.flooded, stuck_at);
	while (received < stuck_at + (4u << 20)) {
		ssize_t did = recv(fd, in, sizeof(in), 0);

		assert_true(did > 0);
		received += (uint64_t)did;
	}
	printf("# a peer that does not read stops the writer after %lu bytes\n", stuck_at);
	close(fd);
}

/* RFC 2525 2.17: what was sent before the close arrives, although bytes of the
 * peer were never read. */
static void test_close_never_destroys_an_alert(void **state)
{
	static uint8_t out[60000];

	(void)state;
	link_.serve = TAP_ALERT;
	open_or_skip();
	for (int i = 0; i < 50; i++) {
		char in[16];
		int  fd = dial(AF_INET);

		assert_int_equal(send(fd, out, sizeof(out), MSG_NOSIGNAL), sizeof(out));
		usleep(2000);
		/* still sending when the alert is on its way */
		(void)!send(fd, out, sizeof(out), MSG_NOSIGNAL | MSG_DONTWAIT);
		assert_int_equal(recv(fd, in, sizeof(in), MSG_WAITALL), 5);
		assert_memory_equal(in, "ALERT", 5);
		close(fd);
	}
	assert_int_equal(tcp_stats()->linger_aborted, 0);
}

static void test_time_wait_port_reuse(void **state)
{
	(void)state;
	link_.serve = TAP_ALERT;
	open_or_skip();
	for (int i = 0; i < 20; i++) {
		char   in[16];
		double start = seconds();
		int    fd    = dial_from(AF_INET, 23456);

		assert_true(fd >= 0);
		assert_true(seconds() - start < 0.5);
		assert_int_equal(send(fd, "x", 1, 0), 1);
		assert_int_equal(recv(fd, in, sizeof(in), MSG_WAITALL), 5);
		close(fd); /* we closed first: the server's end is in TIME_WAIT */
		usleep(20000);
	}
	assert_true(tcp_stats()->time_wait_reused >= 15);
}

static void test_sequence_numbers(void **state)
{
	uint32_t seen[16];

	(void)state;
	open_or_skip();
	for (int i = 0; i < 16; i++) {
		close(dial(AF_INET));
		seen[i] = link_.syn_ack_sequence;
		/* RFC 6528: neighbouring ports tell nothing about each other */
		for (int j = 0; j < i; j++)
			assert_true((uint32_t)(seen[i] - seen[j] + 65536) > 131072);
	}
}

static void test_abort_and_refuse(void **state)
{
	char in[1];
	int  fd;

	(void)state;
	link_.serve = TAP_ABORT;
	open_or_skip();
	fd = dial(AF_INET);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	assert_int_equal(recv(fd, in, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	link_.serve = TAP_REFUSE;
	fd          = dial_from(AF_INET, 0);
	if (fd >= 0) {
		assert_true(recv(fd, in, 1, 0) <= 0);
		close(fd);
	}
	assert_int_equal(tcp_stats()->refused_by_application, 1);
	assert_int_equal(tcp_stats()->connections_open, 0);
}

static void test_connections_max(void **state)
{
	int  fds[10], alive = 0;
	char in[1];

	(void)state;
	link_.connections_max = 8;
	open_or_skip();
	for (int i = 0; i < 10; i++)
		fds[i] = dial_from(AF_INET, 0);
	for (int i = 0; i < 10; i++) {
		if (fds[i] < 0)
			continue;
		(void)!send(fds[i], "x", 1, MSG_NOSIGNAL);
		alive += recv(fds[i], in, 1, 0) == 1;
	}
	assert_int_equal(alive, 8);
	assert_int_equal(tcp_stats()->refused_full, 2);
	for (int i = 0; i < 10; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void test_thousands(void **state)
{
	enum { COUNT = 4000 };
	static int       fds[COUNT];
	struct rlimit    limit   = { COUNT + 100, COUNT + 100 };
	static const int steps[] = { 10, 100, 1000, COUNT };
	int              opened  = 0;

	(void)state;
	open_or_skip();
	setrlimit(RLIMIT_NOFILE, &limit);
	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		uint64_t ns, inputs, timers_ns;

		for (; opened < steps[s]; opened++)
			fds[opened] = dial(AF_INET);
		ns     = link_.input_ns;
		inputs = link_.inputs;
		for (int i = 0; i < opened; i++)
			echo_check(fds[i], 100);
		ns        = (link_.input_ns - ns) / (link_.inputs - inputs);
		timers_ns = link_.timers_ns;
		usleep(1000000);
		printf("# %d connections: %lu ns a frame with echo, timers %lu us a second\n",
		       opened, ns, (link_.timers_ns - timers_ns) / 1000);
	}
	assert_int_equal(tcp_stats()->connections_open, COUNT);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	for (int i = 0; i < 100 && tcp_stats()->connections_open; i++)
		usleep(50000);
	assert_int_equal(tcp_stats()->connections_open, 0);
	assert_int_equal(tcp_stats()->frames_held, 0);
}

/* One byte a frame must not pin a frame of the NIC's memory for each byte. */
static void test_tiny_segments(void **state)
{
	uint8_t byte, want;
	int     fd;

	(void)state;
	link_.serve = TAP_STALL;
	open_or_skip();
	fd = dial(AF_INET);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){ 8 << 20 }, sizeof(int));
	for (size_t i = 0; i < 600; i++) {
		pattern(&byte, 1, i);
		assert_int_equal(send(fd, &byte, 1, 0), 1);
		usleep(300);
	}
	printf("# 600 frames of one byte: %lu held\n", tcp_stats()->frames_held);
	assert_in_range(tcp_stats()->frames_held, 1, 65536 / 512 + 40);
	link_.serve = TAP_ECHO;
	for (size_t i = 0; i < 600; i++) {
		assert_int_equal(recv(fd, &byte, 1, 0), 1);
		pattern(&want, 1, i);
		assert_int_equal(byte, want);
	}
	close(fd);
}

static void test_client(void **state)
{
	struct sockaddr_in at       = { .sin_family = AF_INET, .sin_port = htons(9000) };
	struct timeval     patience = { .tv_sec = 10 };
	int                listener, fd;
	char               in[5];

	(void)state;
	link_.serve = TAP_GREET;
	open_or_skip();
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (void *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 5), 0);
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	link_.dial_port = 9000;
	fd              = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(recv(fd, in, 5, MSG_WAITALL), 5);
	assert_memory_equal(in, "HELLO", 5);
	echo_check(fd, 100000);
	close(fd);
	close(listener);
}

static void test_vlan(void **state)
{
	int fd;

	(void)state;
	link_.vlan = link_.vlan_sent = 42;
	open_or_skip();
	fd = dial(AF_INET);
	echo_check(fd, 200000);
	close(fd);
	fd = dial(AF_INET6);
	echo_check(fd, 20000);
	close(fd);
}

static void test_foreign_vlan(void **state)
{
	(void)state;
	link_.vlan      = 42;
	link_.vlan_sent = 43;
	open_or_skip();
	assert_int_not_equal(system("ping -c 1 -W 1 " TAP_OUR_IP4 " >/dev/null"), 0);
	assert_true(tcp_stats()->dropped_vlan > 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_ping),
		TEST(test_echo_both_families),
		TEST(test_echo_through_loss),
		TEST(test_lost_answer_costs_milliseconds),
		TEST(test_back_pressure_from_us),
		TEST(test_back_pressure_from_peer),
		TEST(test_close_never_destroys_an_alert),
		TEST(test_time_wait_port_reuse),
		TEST(test_sequence_numbers),
		TEST(test_abort_and_refuse),
		TEST(test_connections_max),
		TEST(test_thousands),
		TEST(test_tiny_segments),
		TEST(test_client),
		TEST(test_vlan),
		TEST(test_foreign_vlan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
