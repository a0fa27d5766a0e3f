/* drivers/nic over real DPDK devices: net_af_packet on a veth pair in a network
 * namespace of its own, with a raw kernel socket at the far end; the other virtual
 * devices open and close.  DPDK starts once in a process, so each test runs in a
 * child.  Ordinary pages instead of huge ones; root is needed for the namespace. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "drivers/mem/mem.h"
#include "drivers/nic/nic.h"

static void give_back(struct nic *nic, struct frame *frames, uint32_t count)
{
	struct frame_sink sink = nic_sink(nic);

	for (uint32_t i = 0; i < count; i++)
		sink.drop(sink.ctx, &frames[i]);
}

#define NEED(condition)                                                            \
	do {                                                                       \
		if (!(condition)) {                                                \
			printf("# line %d: not true: %s\n", __LINE__, #condition); \
			fflush(stdout);                                            \
			_exit(1);                                                  \
		}                                                                  \
	} while (0)
#define CHILD_SKIPS 77

static const uint8_t far_mac[6] = { 0x02, 0, 0, 0, 0, 0xfe };
static char          error[2048];

static void in_child(void (*body)(void))
{
	int         status;
	const pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		body();
		_exit(0);
	}
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIPS)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void need_namespace(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
		printf("# a network namespace needs root\n");
		fflush(stdout);
		_exit(CHILD_SKIPS);
	}
}

static void start_mem(const char *a, const char *b)
{
	const struct mem_options options = {
		.hugepages_mib = 128,
		.no_hugepages  = true,
		.devices       = { a, b },
	};

	if (!mem_start(&options, error, sizeof(error)))
		printf("# %s\n", error);
	NEED(error[0] == '\0');
}

static struct nic_options usual(const char *device)
{
	return (struct nic_options){
		.device           = device,
		.rx_descriptors   = 256,
		.tx_descriptors   = 256,
		.mbufs            = 4096,
		.mtu              = 1500,
		.queues           = 1,
		.checksum_offload = true,
	};
}

static struct nic *open_nic(const char *device)
{
	const struct nic_options options = usual(device);
	struct nic              *nic     = NULL;

	if (!nic_open(&options, &nic, error, sizeof(error)))
		printf("# %s\n", error);
	NEED(nic);
	return nic;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

/* One frame within two seconds. */
static bool next_frame(struct nic *nic, struct frame *out)
{
	for (int i = 0; i < 10000; i++) {
		if (nic_rx(nic, out, 1))
			return true;
		nap();
	}
	return false;
}

static void make_veth(void)
{
	need_namespace();
	NEED(system("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 && "
		    "ip link add near type veth peer name far && ip link set near up && "
		    "ip link set far address 02:00:00:00:00:fe up") == 0);
}

static int far_socket(void)
{
	const int          fd      = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
	struct sockaddr_ll address = {
		.sll_family   = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex  = (int)if_nametoindex("far"),
	};

	NEED(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

static ssize_t far_read(int fd, uint8_t *into, size_t size_bytes)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 2000) == 1 ? recv(fd, into, size_bytes, 0) : -1;
}

/* A frame whose bytes follow from `number`; type 0x88b5 is for experiments (IEEE 802). */
static void fill(uint8_t *data, size_t size_bytes, const uint8_t *to, uint32_t number, bool tagged)
{
	size_t at = 12;

	memcpy(data, to, 6);
	memcpy(data + 6, far_mac, 6);
	if (tagged) {
		memcpy(data + at, "\x81\x00\x00\x64", 4);
		at += 4;
	}
	memcpy(data + at, "\x88\xb5", 2);
	for (size_t i = at + 2; i < size_bytes; i++)
		data[i] = (uint8_t)(number * 7 + i);
}

static void receive_some(struct nic *nic, int fd, bool tagged)
{
	uint8_t sent[1518];

	for (uint32_t i = 0; i < 300; i++) {
		const size_t size_bytes = 60 + i * 4;
		struct frame frame;
		fill(sent, size_bytes, nic_mac(nic), i, tagged);
		NEED(send(fd, sent, size_bytes, 0) == (ssize_t)size_bytes);
		NEED(next_frame(nic, &frame));
		NEED(frame.size_bytes == size_bytes);
		NEED(memcmp(frame.data, sent, size_bytes) == 0);
		/* af_packet verifies nothing, so it must not claim to. */
		NEED(!(frame.flags & FRAME_CHECKSUM_GOOD));
		give_back(nic, &frame, 1);
	}
}

static void send_some(struct nic *nic, int fd, bool tagged)
{
	struct frame_sink sink = nic_sink(nic);
	uint8_t           got[2048], expected[1518];

	for (uint32_t i = 0; i < 300; i++) {
		const uint16_t size_bytes = (uint16_t)(60 + i * 4);
		struct frame   frame;
		NEED(sink.take(sink.ctx, &frame));
		NEED(frame.size_bytes == 1518);
		fill(frame.data, size_bytes, far_mac, i, tagged);
		memcpy(expected, frame.data, size_bytes);
		frame.size_bytes = size_bytes;
		sink.send(sink.ctx, &frame);
		nic_flush(nic);
		/* The kernel takes the tag out of the bytes it hands to a raw socket. */
		NEED(far_read(fd, got, sizeof(got)) == size_bytes - (tagged ? 4 : 0));
		NEED(memcmp(got, expected, 12) == 0);
		NEED(memcmp(got + (tagged ? 12 : 16), expected + 16, size_bytes - 16u) == 0);
	}
}

static void carry(const char *device, const char *driver)
{
	struct nic_stats stats;
	struct nic_link  link;

	start_mem(device, NULL);
	struct nic *nic = open_nic(device);
	const int   fd  = far_socket();

	NEED(strcmp(nic_facts(nic)->driver, driver) == 0);
	NEED(nic_sink(nic).offloads == 0 && !nic_facts(nic)->rx_checksum);
	nic_link(nic, &link);
	NEED(link.up);
	receive_some(nic, fd, false);
	receive_some(nic, fd, true);
	close(fd);
	/* A fresh one: a raw socket also hears what it sent itself. */
	const int other = far_socket();
	send_some(nic, other, false);
	send_some(nic, other, true);
	nic_stats(nic, &stats);
	NEED(stats.rx_frames == 600 && stats.tx_frames == 600);
	NEED(stats.rx_chained == 0 && stats.tx_full == 0 && stats.tx_errors == 0);
	nic_close(nic);
	mem_stop();
}

static void run_af_packet(void)
{
	make_veth();
	carry("net_af_packet0,iface=near", "net_af_packet");
}

static void frames_cross_af_packet_both_ways(void **state)
{
	in_child(run_af_packet);
}

static void run_af_xdp(void)
{
	const int fd = socket(AF_XDP, SOCK_RAW, 0);

	make_veth();
	if (fd < 0) {
		printf("# this kernel has no AF_XDP sockets\n");
		fflush(stdout);
		_exit(CHILD_SKIPS);
	}
	close(fd);
	carry("net_af_xdp0,iface=near", "net_af_xdp");
}

static void frames_cross_af_xdp_both_ways(void **state)
{
	in_child(run_af_xdp);
}

/* Every buffer can be taken, one more is refused and counted, and all come back. */
static void run_exhaustion(void)
{
	static struct frame frames[4096];
	struct nic_stats    stats;
	uint32_t            first = 0;

	start_mem("net_null0", NULL);
	struct nic       *nic  = open_nic("net_null0");
	struct frame_sink sink = nic_sink(nic);

	for (int round = 0; round < 3; round++) {
		uint32_t count = 0;
		while (sink.take(sink.ctx, &frames[count]))
			count++;
		first = round ? first : count;
		NEED(count == first && count >= 4096 - 256);
		for (uint32_t i = 0; i < count; i++) {
			frames[i].size_bytes = 60;
			(round == 1 ? sink.drop : sink.send)(sink.ctx, &frames[i]);
		}
		nic_flush(nic);
	}
	nic_stats(nic, &stats);
	NEED(stats.tx_no_buffer == 3 && stats.tx_frames + stats.tx_full == 2 * first);
	nic_close(nic);
	mem_stop();
}

static void an_empty_pool_refuses_and_recovers(void **state)
{
	in_child(run_exhaustion);
}

static void run_tap(void)
{
	need_namespace();
	if (access("/dev/net/tun", R_OK | W_OK) != 0) {
		printf("# there is no /dev/net/tun\n");
		fflush(stdout);
		_exit(CHILD_SKIPS);
	}
	start_mem("net_tap0,iface=assaytap", NULL);
	struct nic *nic = open_nic("net_tap0,iface=assaytap");

	NEED(strcmp(nic_facts(nic)->driver, "net_tap") == 0);
	printf("# net_tap: tx offloads %#x, rx checksum %d, rss %d\n", nic_sink(nic).offloads,
	       nic_facts(nic)->rx_checksum, nic_facts(nic)->rss);
	fflush(stdout);
	NEED(if_nametoindex("assaytap") != 0);
	nic_close(nic);
	mem_stop();
}

static void tap_opens(void **state)
{
	in_child(run_tap);
}

/* Both ends of a shared-memory link in one process, one frame each way. */
static void run_memif(void)
{
	char         server[160], client[160];
	struct frame frame;
	uint32_t     tries = 0;

	snprintf(server, sizeof(server),
		 "net_memif0,role=server,socket-abstract=yes,socket=assay-%d", getpid());
	snprintf(client, sizeof(client),
		 "net_memif1,role=client,socket-abstract=yes,socket=assay-%d", getpid());
	start_mem(server, client);
	struct nic     *a = open_nic(server), *b = open_nic(client);
	struct nic_link link_a = { 0 }, link_b = { 0 };

	/* Each end comes up by itself, in a thread of DPDK's. */
	for (; !(link_a.up && link_b.up) && tries < 20000; tries++) {
		nap();
		nic_link(a, &link_a);
		nic_link(b, &link_b);
	}
	NEED(link_a.up && link_b.up);
	/* The client lends the server its buffers while it polls. */
	NEED(nic_rx(b, &frame, 1) == 0);
	struct frame_sink sink = nic_sink(a);
	NEED(sink.take(sink.ctx, &frame));
	fill(frame.data, 64, far_mac, 3, false);
	frame.size_bytes = 64;
	sink.send(sink.ctx, &frame);
	nic_flush(a);
	NEED(next_frame(b, &frame) && frame.size_bytes == 64);
	give_back(b, &frame, 1);
	nic_close(b);
	nic_close(a);
	mem_stop();
}

static void memif_carries_a_frame(void **state)
{
	in_child(run_memif);
}

static void run_affinity(void)
{
	cpu_set_t before, after;

	sched_getaffinity(0, sizeof(before), &before);
	start_mem("net_null0", NULL);
	sched_getaffinity(0, sizeof(after), &after);
	NEED(CPU_EQUAL(&before, &after));
	uint64_t *a = mem_take("one", 100, 64), *b = mem_take("two", 1 << 20, 4096);
	NEED((uintptr_t)a % 64 == 0 && (uintptr_t)b % 4096 == 0 && a[0] == 0 && b[1000] == 0);
	const struct mem_row *rows;
	NEED(mem_rows(&rows) == 2 && strcmp(rows[1].name, "two") == 0);
	mem_seal();
	const pid_t child = fork();
	if (child == 0) {
		NEED(freopen("/dev/null", "w", stderr));
		signal(SIGABRT, SIG_DFL);
		mem_take("late", 1, 1);
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	NEED(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	mem_stop();
}

static void memory_is_taken_sealed_and_the_affinity_kept(void **state)
{
	in_child(run_affinity);
}

/* Starting with `options` fails, and the error has `words` in it. */
static void expect_error(struct mem_options options, const char *words)
{
	NEED(!mem_start(&options, error, sizeof(error)));
	if (!strstr(error, words))
		printf("# %s\n", error);
	NEED(strstr(error, words));
}

static void run_errors(void)
{
	const struct mem_options base    = { .hugepages_mib = 128, .no_hugepages = true };
	struct mem_options       options = base;

	options.no_hugepages  = false;
	options.hugepages_mib = 1u << 20;
	expect_error(options, geteuid() == 0 ? "/proc/sys/vm/nr_hugepages" : "root");
	options            = base;
	options.devices[0] = "0000:ff:1f.7";
	expect_error(options, "there is no PCI device 0000:ff:1f.7");
	options.devices[0] = "net_af_packet0,iface=nowhere";
	expect_error(options, "nowhere");
	_exit(0);
}

static void errors_name_the_cause(void **state)
{
	in_child(run_errors);
}

static void run_option_errors(void)
{
	struct nic_options options = usual("net_null0");
	struct nic        *nic;

	start_mem("net_null0", NULL);
	options.mbufs = 300;
	NEED(!nic_open(&options, &nic, error, sizeof(error)) && strstr(error, "nic.mbufs"));
	options     = usual("net_null0");
	options.mtu = 20000;
	NEED(!nic_open(&options, &nic, error, sizeof(error)) && strstr(error, "nic.mtu"));
	options = usual("net_null7");
	NEED(!nic_open(&options, &nic, error, sizeof(error)) && strstr(error, "net_null7"));
	options       = usual("net_null0");
	options.mbufs = 4000000;
	NEED(!nic_open(&options, &nic, error, sizeof(error)) && strstr(error, "hugepages_mib"));
	mem_stop();
}

static void bad_options_are_refused_by_name(void **state)
{
	in_child(run_option_errors);
}

static void pci_addresses_are_told_from_vdevs(void **state)
{
	assert_true(mem_device_is_pci("0000:03:00.0"));
	assert_true(mem_device_is_pci("03:00.0"));
	assert_false(mem_device_is_pci("net_tap0,iface=x"));
	assert_false(mem_device_is_pci("0000:03:00.0,x=1"));
	assert_false(mem_device_is_pci("sim"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pci_addresses_are_told_from_vdevs),
		cmocka_unit_test(frames_cross_af_packet_both_ways),
		cmocka_unit_test(frames_cross_af_xdp_both_ways),
		cmocka_unit_test(an_empty_pool_refuses_and_recovers),
		cmocka_unit_test(tap_opens),
		cmocka_unit_test(memif_carries_a_frame),
		cmocka_unit_test(memory_is_taken_sealed_and_the_affinity_kept),
		cmocka_unit_test(errors_name_the_cause),
		cmocka_unit_test(bad_options_are_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
