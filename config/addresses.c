/* Which addresses a host can have, and where its gateways can be.  What passes here
 * is what drivers/tcp can be started with. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"

struct network {
	int      family; /* AF_INET, AF_INET6; 0: the text has been reported */
	uint8_t  octets[16];
	unsigned size_bytes;
	unsigned prefix; /* bits */
};

static struct network read_address(const char *text)
{
	struct network network = { 0 };
	char           host[CONFIG_ADDRESS_BYTES];
	const char    *slash = strchr(text, '/');

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(text, "/"), text);
	network.family     = strchr(host, ':') ? AF_INET6 : AF_INET;
	network.size_bytes = network.family == AF_INET6 ? 16 : 4;
	network.prefix     = slash ? (unsigned)atoi(slash + 1) : 8 * network.size_bytes;
	if (inet_pton(network.family, host, network.octets) != 1)
		network.family = 0;
	return network;
}

/* Are all bits behind the prefix as `bit` says? */
static bool host_bits_are(const struct network *network, unsigned bit)
{
	for (unsigned at = network->prefix; at < 8 * network->size_bytes; at++)
		if ((network->octets[at / 8] >> (7 - at % 8) & 1u) != bit)
			return false;
	return true;
}

static bool lies_in(const struct network *network, const struct network *gateway)
{
	for (unsigned at = 0; at < network->prefix; at++)
		if ((network->octets[at / 8] ^ gateway->octets[at / 8]) >> (7 - at % 8) & 1u)
			return false;
	return true;
}

static bool is_link_local6(const struct network *network)
{
	return network->octets[0] == 0xfe && (network->octets[1] & 0xc0) == 0x80;
}

/* RFC 6890 and RFC 4291 section 2; NULL: a host can have it. */
static const char *fault_of_host(const struct network *network)
{
	static const uint8_t zero[16];
	const uint8_t       *octets = network->octets;

	if (network->family == AF_INET) {
		if (octets[0] == 0)
			return "an unspecified address";
		if (octets[0] == 127)
			return "a loopback address";
		if (octets[0] >= 224)
			return octets[0] < 240 ? "a multicast address" : "a reserved address";
		return NULL;
	}
	if (memcmp(octets, zero, 16) == 0)
		return "the unspecified address";
	if (memcmp(octets, zero, 15) == 0 && octets[15] == 1)
		return "the loopback address";
	return octets[0] == 0xff ? "a multicast address" : NULL;
}

static const char *fault_of(const struct network *network)
{
	const char *fault = fault_of_host(network);

	if (fault)
		return fault;
	/* RFC 3021: a /31 has two hosts and neither of the two. */
	if (network->prefix + 1 >= 8 * network->size_bytes)
		return NULL;
	if (host_bits_are(network, 0))
		return "the address of the network itself";
	if (network->family == AF_INET && host_bits_are(network, 1))
		return "the broadcast address of its network";
	return NULL;
}

static void check_gateway(const struct check *check, const char *key, const char *text,
			  const struct network *networks, uint32_t count)
{
	struct network gateway = read_address(text);
	bool           inside = false, same = false;

	if (text[0] == '\0' || gateway.family == 0)
		return;
	for (uint32_t i = 0; i < count; i++) {
		same   = same || networks[i].family == gateway.family;
		inside = inside ||
			 (networks[i].family == gateway.family && lies_in(&networks[i], &gateway) &&
			  memcmp(networks[i].octets, gateway.octets, 16) != 0);
	}
	if (!same)
		errors_add(check->errors, check_line(check, key), key,
			   "is set, must be empty when net.addresses has no IPv%d address",
			   gateway.family == AF_INET6 ? 6 : 4);
	else if (fault_of_host(&gateway) ||
		 (!inside && !(gateway.family == AF_INET6 && is_link_local6(&gateway))))
		errors_add(check->errors, check_line(check, key), key,
			   "is %s, must be another host inside the prefix of an address of "
			   "net.addresses",
			   text);
}

void check_addresses(const struct check *check)
{
	const struct config_net *net = &check->config->net;
	struct network           networks[CONFIG_ADDRESSES_MAX];
	uint32_t                 line = check_line(check, "net.addresses"), count4 = 0;

	for (uint32_t i = 0; i < net->addresses_count; i++) {
		const char *fault;
		char        key[32];

		networks[i] = read_address(net->addresses[i]);
		snprintf(key, sizeof(key), "net.addresses[%u]", i);
		if (networks[i].family == 0)
			continue;
		fault = fault_of(&networks[i]);
		count4 += networks[i].family == AF_INET;
		if (fault)
			errors_add(check->errors, line, key, "is %s, %s, must be a host's own",
				   net->addresses[i], fault);
		else if (networks[i].family == AF_INET && count4 > 1)
			errors_add(check->errors, line, key, "is %s, must be the only IPv4 address",
				   net->addresses[i]);
	}
	check_gateway(check, "net.gateway4", net->gateway4, networks, net->addresses_count);
	check_gateway(check, "net.gateway6", net->gateway6, networks, net->addresses_count);
}
