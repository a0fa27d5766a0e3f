/* Numbers others must not predict: initial sequence numbers (RFC 6528) and lwIP's
 * random choices, both from the secret by SHA-256. */
#include <string.h>

#include "drivers/tcp/internal.h"
#include "runtime/base/digest.h"

static uint32_t first_word(struct digest *digest)
{
	uint8_t  out[DIGEST_BYTES];
	uint32_t word;

	digest_end(digest, out);
	memcpy(&word, out, sizeof(word));
	return word;
}

static void add_address(struct digest *digest, const ip_addr_t *address)
{
	uint8_t octets[17] = { IP_GET_TYPE(address) };

	if (IP_IS_V6(address))
		memcpy(octets + 1, ip_2_ip6(address)->addr, 16);
	else
		memcpy(octets + 1, &ip_2_ip4(address)->addr, 4);
	digest_add(digest, octets, sizeof(octets));
}

/* RFC 6528 section 3: ISN = M + F(localip, localport, remoteip, remoteport, secret),
 * M the 4 microsecond timer. */
uint32_t tcp_hook_isn(const struct ip_addr *local, uint16_t local_port,
		      const struct ip_addr *remote, uint16_t remote_port)
{
	uint16_t      ports[2] = { local_port, remote_port };
	struct digest digest;
	uint32_t      isn;

	digest_init(&digest);
	digest_add(&digest, tcp_one.options.secret, TCP_SECRET_BYTES);
	add_address(&digest, local);
	add_address(&digest, remote);
	digest_add(&digest, ports, sizeof(ports));
	isn = (uint32_t)(tcp_one.now_ns / 4000) + first_word(&digest);

	/* RFC 9293 3.6.1: a pair reopened from TIME_WAIT starts above the largest
	 * number of its last incarnation, which may have run ahead of the timer. */
	if (tcp_one.reopening && (int32_t)(isn - tcp_one.reopening_after) <= 0)
		isn = tcp_one.reopening_after + 1 + (tcp_random() & 0xffff);
	tcp_one.reopening = false;
	return isn;
}

uint32_t tcp_random(void)
{
	static const char use[] = "random";
	struct digest     digest;
	uint64_t          count = tcp_one.random_counter++;

	digest_init(&digest);
	digest_add(&digest, tcp_one.options.secret, TCP_SECRET_BYTES);
	digest_add(&digest, use, sizeof(use));
	digest_add(&digest, &count, sizeof(count));
	return first_word(&digest);
}
