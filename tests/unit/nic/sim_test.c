/* The simulated twin: one seed, one history; each kind of trouble happens, is
 * counted, and stays away when it is not asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "drivers/nic/sim.h"

static void give_back(struct nic *nic, struct frame *frames, uint32_t count)
{
	struct frame_sink sink = nic_sink(nic);

	for (uint32_t i = 0; i < count; i++)
		sink.drop(sink.ctx, &frames[i]);
}

#define FRAMES  20000u
#define STEP_NS 1000u

/* Which frame arrived when, as b saw it. */
struct history {
	uint32_t count;
	uint32_t number[2 * FRAMES];
	uint64_t at_ns[2 * FRAMES];
};

static struct history one, two;

static void send_number(struct nic *nic, uint32_t number)
{
	const struct frame_sink sink = nic_sink(nic);
	struct frame            frame;

	assert_true(sink.take(sink.ctx, &frame));
	assert_int_equal(frame.size_bytes, 1518);
	memset(frame.data, 0, 60);
	memcpy(frame.data + 14, &number, sizeof(number));
	frame.size_bytes = 60;
	sink.send(sink.ctx, &frame);
}

static void hear(struct nic *nic, uint64_t now_ns, struct history *history)
{
	struct frame   burst[NIC_BURST_MAX];
	const uint32_t count = nic_rx(nic, burst, NIC_BURST_MAX);

	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(burst[i].size_bytes, 60);
		memcpy(&history->number[history->count], burst[i].data + 14, 4);
		history->at_ns[history->count++] = now_ns;
	}
	give_back(nic, burst, count);
}

/* FRAMES frames from a to b, one a step, and `back` as many the other way. */
static struct sim_counters run(uint64_t seed, const struct sim_options *options, uint32_t back,
			       struct history *history)
{
	static struct history unused;
	struct sim_link      *link   = sim_link_make(seed, options);
	uint64_t              now_ns = 0;

	assert_non_null(link);
	history->count = unused.count = 0;
	for (uint32_t i = 0; i < FRAMES || sim_link_next_ns(link) != UINT64_MAX; i++) {
		sim_link_advance(link, now_ns += STEP_NS);
		if (i < FRAMES)
			send_number(sim_link_a(link), i);
		for (uint32_t k = 0; i < FRAMES && k < back && unused.count < FRAMES; k++)
			send_number(sim_link_b(link), i);
		nic_flush(sim_link_a(link));
		nic_flush(sim_link_b(link));
		hear(sim_link_b(link), now_ns, history);
		hear(sim_link_a(link), now_ns, &unused);
	}
	const struct sim_counters counters = sim_link_counters_ab(link);

	sim_link_free(link);
	return counters;
}

static bool same(const struct history *a, const struct history *b)
{
	return a->count == b->count && !memcmp(a->number, b->number, a->count * sizeof(uint32_t)) &&
	       !memcmp(a->at_ns, b->at_ns, a->count * sizeof(uint64_t));
}

static uint32_t overtakes(const struct history *history)
{
	uint32_t count = 0;

	for (uint32_t i = 1; i < history->count; i++)
		count += history->number[i] < history->number[i - 1];
	return count;
}

static const struct sim_options trouble = {
	.loss_ppm      = 10000,
	.duplicate_ppm = 10000,
	.reorder_ppm   = 10000,
	.delay_ns_min  = 2000,
	.delay_ns_max  = 50000,
	.reorder_ns    = 100000,
};

static void a_good_wire_changes_nothing(void **state)
{
	const struct sim_options  good     = { 0 };
	const struct sim_counters counters = run(1, &good, 0, &one);

	assert_int_equal(one.count, FRAMES);
	for (uint32_t i = 0; i < FRAMES; i++) {
		assert_int_equal(one.number[i], i);
		assert_int_equal(one.at_ns[i], (i + 1) * (uint64_t)STEP_NS);
	}
	assert_int_equal(counters.sent, FRAMES);
	assert_int_equal(counters.arrived, FRAMES);
	assert_int_equal(counters.lost + counters.duplicated + counters.reordered +
				 counters.delayed + counters.overflowed,
			 0);
}

static void trouble_happens_as_often_as_asked(void **state)
{
	const struct sim_counters counters = run(1, &trouble, 0, &one);

	/* 1 % of 20,000 is 200, with a standard deviation of 14; these are six. */
	assert_in_range(counters.lost, 116, 284);
	assert_in_range(counters.duplicated, 116, 284);
	assert_in_range(counters.reordered, 116, 284);
	assert_in_range(overtakes(&one), 50, 400);
	assert_int_equal(counters.overflowed, 0);
	assert_int_equal(counters.arrived, FRAMES - counters.lost + counters.duplicated);
	assert_int_equal(one.count, counters.arrived);
	assert_int_equal(counters.delayed, counters.arrived);
}

static void one_seed_is_one_history(void **state)
{
	run(7, &trouble, 0, &one);
	run(7, &trouble, 0, &two);
	assert_true(same(&one, &two));
	run(8, &trouble, 0, &two);
	assert_false(same(&one, &two));
}

static void the_other_direction_does_not_matter(void **state)
{
	run(7, &trouble, 0, &one);
	run(7, &trouble, 2, &two);
	assert_true(same(&one, &two));
}

static void delay_alone_reorders_nothing(void **state)
{
	struct sim_options options = { .delay_ns_min = 0, .delay_ns_max = 100000 };

	run(3, &options, 0, &one);
	assert_int_equal(one.count, FRAMES);
	assert_int_equal(overtakes(&one), 0);
	options.reorder_ppm = 1000;
	options.reorder_ns  = 300000;
	run(3, &options, 0, &one);
	assert_true(overtakes(&one) > 0);
}

static void nothing_leaves_before_the_flush(void **state)
{
	const struct sim_options good = { 0 };
	struct sim_link         *link = sim_link_make(1, &good);
	struct frame             frame;

	send_number(sim_link_a(link), 5);
	assert_int_equal(nic_rx(sim_link_b(link), &frame, 1), 0);
	nic_flush(sim_link_a(link));
	assert_int_equal(nic_rx(sim_link_b(link), &frame, 1), 1);
	give_back(sim_link_b(link), &frame, 1);
	sim_link_free(link);
}

static void buffers_run_out_and_come_back(void **state)
{
	const struct sim_options few  = { .frames = 8 };
	struct sim_link         *link = sim_link_make(1, &few);
	struct nic              *a = sim_link_a(link), *b = sim_link_b(link);
	struct frame_sink        sink = nic_sink(a);
	struct frame             held[8], extra, burst[16];
	struct nic_stats         stats;

	for (int i = 0; i < 8; i++)
		assert_true(sink.take(sink.ctx, &held[i]));
	assert_false(sink.take(sink.ctx, &extra));
	for (int i = 0; i < 8; i++)
		sink.drop(sink.ctx, &held[i]);
	for (uint32_t i = 0; i < 12; i++) {
		send_number(a, i);
		nic_flush(a);
	}
	nic_stats(a, &stats);
	assert_int_equal(stats.tx_no_buffer, 1);
	assert_int_equal(stats.tx_full, 4);
	assert_int_equal(nic_rx(b, burst, 16), 8);
	send_number(a, 99);
	nic_flush(a);
	assert_int_equal(nic_rx(b, &extra, 1), 0); /* b has no buffer: it waits on the wire */
	give_back(b, burst, 8);
	assert_int_equal(nic_rx(b, &extra, 1), 1);
	give_back(b, &extra, 1);
	sim_link_free(link);
}

/* RFC 1071's sum, another way than the twin's: over 16-bit words in host order. */
static uint16_t plain_sum(const uint8_t *data, size_t size_bytes, uint64_t start)
{
	uint64_t sum = start;

	for (size_t i = 0; i < size_bytes; i++)
		sum += i % 2 ? data[i] : (uint64_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* An IPv4 or IPv6 TCP segment with 11 bytes of data and no sums. */
static void write_segment(struct frame *frame, bool six)
{
	const uint8_t ip4[20] = { 0x45, 0,    0,  51, 0, 0, 0x40, 0, 64, 6,
				  0xaa, 0xaa, 10, 0,  0, 1, 10,   0, 0,  2 };
	const uint8_t ip6[40] = {
		0x60, 0, 0, 0, 0, 31, 6, 64, 0xfd, [23] = 1, [24] = 0xfd, [39] = 2
	};

	memset(frame->data, 0, 14);
	memcpy(frame->data + 12, six ? "\x86\xdd" : "\x08\x00", 2);
	memcpy(frame->data + 14, six ? ip6 : ip4, six ? 40 : 20);
	frame->l2_bytes = 14;
	frame->l3_bytes = six ? 40 : 20;
	uint8_t *tcp    = frame->data + 14 + frame->l3_bytes;
	memset(tcp, 0, 20);
	tcp[12] = 0x50;
	memcpy(tcp + 16, "\xbb\xbb", 2);
	memcpy(tcp + 20, "hello there", 11);
	frame->size_bytes = (uint16_t)(14 + frame->l3_bytes + 31);
	frame->flags      = FRAME_TX_TCP | (six ? FRAME_IP6 : FRAME_IP4 | FRAME_TX_IP4);
}

static void checksums_are_filled_in_and_checked(void **state)
{
	const struct sim_options options = { .checksum_offload = true };
	struct sim_link         *link    = sim_link_make(1, &options);
	struct nic              *a = sim_link_a(link), *b = sim_link_b(link);
	struct frame_sink        sink = nic_sink(a);
	struct frame             frame;

	assert_int_equal(sink.offloads, FRAME_OFFLOAD_TX_IP4 | FRAME_OFFLOAD_TX_TCP);
	for (int six = 0; six < 2; six++) {
		for (int ask = 0; ask < 2; ask++) {
			assert_true(sink.take(sink.ctx, &frame));
			write_segment(&frame, six);
			frame.flags = ask ? frame.flags : 0;
			sink.send(sink.ctx, &frame);
			nic_flush(a);
			assert_int_equal(nic_rx(b, &frame, 1), 1);
			assert_int_equal(frame.flags & FRAME_CHECKSUM_GOOD,
					 ask ? FRAME_CHECKSUM_GOOD : 0);
			const uint8_t *ip = frame.data + 14, *tcp = ip + (six ? 40 : 20);
			const uint16_t pseudo = six ? plain_sum(ip + 8, 32, 6 + 31)
						    : plain_sum(ip + 12, 8, 6 + 31);
			assert_int_equal(plain_sum(tcp, 31, pseudo) == 0xffff, ask);
			if (!six)
				assert_int_equal(plain_sum(ip, 20, 0) == 0xffff, ask);
			give_back(b, &frame, 1);
		}
	}
	sim_link_free(link);
}

static void options_out_of_range_are_refused(void **state)
{
	assert_null(sim_link_make(1, &(struct sim_options){ .loss_ppm = 1000001 }));
	assert_null(
		sim_link_make(1, &(struct sim_options){ .delay_ns_min = 2, .delay_ns_max = 1 }));
	assert_null(sim_link_make(1, &(struct sim_options){ .mtu = 100 }));
	sim_link_free(NULL);
	nic_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_wire_changes_nothing),
		cmocka_unit_test(trouble_happens_as_often_as_asked),
		cmocka_unit_test(one_seed_is_one_history),
		cmocka_unit_test(the_other_direction_does_not_matter),
		cmocka_unit_test(delay_alone_reorders_nothing),
		cmocka_unit_test(nothing_leaves_before_the_flush),
		cmocka_unit_test(buffers_run_out_and_come_back),
		cmocka_unit_test(checksums_are_filled_in_and_checked),
		cmocka_unit_test(options_out_of_range_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
