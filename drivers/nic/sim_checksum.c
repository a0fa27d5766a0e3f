#include "drivers/nic/sim_checksum.h"

#include <assert.h>

#define TYPE_IP4      0x0800u
#define TYPE_IP6      0x86ddu
#define TYPE_TAG      0x8100u
#define PROTOCOL_TCP  6u
#define IP4_BYTES_MIN 20u
#define IP6_BYTES     40u
#define TCP_BYTES_MIN 20u
#define IP4_SUM_AT    10u /* RFC 791 section 3.1 */
#define TCP_SUM_AT    16u /* RFC 9293 section 3.1 */

static uint32_t read16(const uint8_t *from)
{
	return (uint32_t)from[0] << 8 | from[1];
}

static void write16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

/* RFC 1071, not yet folded; at most 64 KiB, so 32 bits hold it. */
static uint32_t sum_of(const uint8_t *data, uint32_t size_bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i + 1 < size_bytes; i += 2)
		sum += read16(data + i);
	return size_bytes % 2 ? sum + ((uint32_t)data[size_bytes - 1] << 8) : sum;
}

static uint32_t fold(uint32_t sum)
{
	sum = (sum & 0xffffu) + (sum >> 16);
	return (sum & 0xffffu) + (sum >> 16);
}

/* RFC 9293 section 3.1 and RFC 8200 section 8.1: addresses, protocol, length. */
static uint32_t tcp_sum(const uint8_t *ip, uint32_t ip_bytes, uint32_t tcp_bytes)
{
	const bool     four      = ip[0] >> 4 == 4;
	const uint32_t addresses = four ? sum_of(ip + 12, 8) : sum_of(ip + 8, 32);

	return fold(addresses + PROTOCOL_TCP + tcp_bytes + sum_of(ip + ip_bytes, tcp_bytes));
}

void sim_checksum_fill(const struct frame *frame)
{
	uint8_t       *ip       = frame->data + frame->l2_bytes;
	const uint32_t ip_bytes = frame->l3_bytes;
	const uint32_t total    = frame->flags & FRAME_IP4 ? read16(ip + 2)
							   : IP6_BYTES + read16(ip + 4);

	assert(ip_bytes >= IP4_BYTES_MIN && frame->l2_bytes + total <= frame->size_bytes);
	if (frame->flags & FRAME_TX_IP4) {
		write16(ip + IP4_SUM_AT, 0);
		write16(ip + IP4_SUM_AT, ~fold(sum_of(ip, ip_bytes)) & 0xffffu);
	}
	if (frame->flags & FRAME_TX_TCP) {
		assert(total >= ip_bytes + TCP_BYTES_MIN);
		uint8_t *sum = ip + ip_bytes + TCP_SUM_AT;
		write16(sum, 0);
		write16(sum, ~tcp_sum(ip, ip_bytes, total - ip_bytes) & 0xffffu);
	}
}

static bool good_ip4(const uint8_t *ip, uint32_t size_bytes)
{
	if (size_bytes < IP4_BYTES_MIN)
		return false;
	const uint32_t ip_bytes = (ip[0] & 15u) * 4u, total = read16(ip + 2);
	/* No fragment: neither more to come nor an offset (RFC 791 section 3.1). */
	const bool whole = (read16(ip + 6) & 0x3fffu) == 0;

	return ip[0] >> 4 == 4 && ip_bytes >= IP4_BYTES_MIN && ip[9] == PROTOCOL_TCP && whole &&
	       total <= size_bytes && total >= ip_bytes + TCP_BYTES_MIN &&
	       fold(sum_of(ip, ip_bytes)) == 0xffffu &&
	       tcp_sum(ip, ip_bytes, total - ip_bytes) == 0xffffu;
}

static bool good_ip6(const uint8_t *ip, uint32_t size_bytes)
{
	if (size_bytes < IP6_BYTES + TCP_BYTES_MIN)
		return false;
	const uint32_t tcp_bytes = read16(ip + 4);

	return ip[0] >> 4 == 6 && ip[6] == PROTOCOL_TCP && tcp_bytes >= TCP_BYTES_MIN &&
	       IP6_BYTES + tcp_bytes <= size_bytes && tcp_sum(ip, IP6_BYTES, tcp_bytes) == 0xffffu;
}

bool sim_checksum_good(const uint8_t *data, uint32_t size_bytes)
{
	uint32_t at = FRAME_ETHERNET_BYTES;

	if (size_bytes < FRAME_ETHERNET_BYTES + FRAME_VLAN_BYTES)
		return false;
	if (read16(data + at - 2) == TYPE_TAG)
		at += FRAME_VLAN_BYTES;
	const uint32_t type = read16(data + at - 2);

	return (type == TYPE_IP4 && good_ip4(data + at, size_bytes - at)) ||
	       (type == TYPE_IP6 && good_ip6(data + at, size_bytes - at));
}
