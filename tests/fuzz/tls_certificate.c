/* Certificates and revocation lists as an operator could supply them, PEM or DER: the
 * first byte says which option the rest is.  A client's own certificate is read by the
 * same code. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "drivers/tls/pki.h"
#include "drivers/tls/tls.h"

#define NOW_S  INT64_C(1800000000)
#define NOW_NS (NOW_S * 1000000000)

static bool known(void *ctx, struct bytes identity)
{
	(void)ctx;
	(void)identity;
	return true;
}

static struct tls_options good;

static void good_make(void)
{
	static const char *const local[]   = { "localhost", NULL };
	struct pki_recipe        authority = { .name         = "CA",
					       .ca           = true,
					       .path_length  = 0,
					       .key_usage    = PKI_CERT_SIGN | PKI_CRL_SIGN,
					       .serial       = 1,
					       .not_before_s = NOW_S - 9,
					       .not_after_s  = NOW_S + 999999 };
	struct pki_recipe        leaf      = { .name           = "server",
					       .dns            = local,
					       .path_length    = -1,
					       .key_usage      = PKI_DIGITAL_SIGNATURE,
					       .extended_usage = PKI_SERVER_AUTH,
					       .serial         = 2,
					       .not_before_s   = NOW_S - 9,
					       .not_after_s    = NOW_S + 999999 };
	struct bytes             none      = { NULL, 0 }, ca, ca_key, certificate, key;
	char                     error[256];
	bool made = pki_make(&authority, none, none, &ca, &ca_key, error, sizeof(error)) &&
		    pki_make(&leaf, ca, ca_key, &certificate, &key, error, sizeof(error));
	assert(made);
	tls_file_free(&ca_key);
	good = (struct tls_options){
		.certificate = certificate, .key = key, .issuers = ca, .policy = { .known = known }
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	if (!good.policy.known)
		good_make();
	if (size_bytes < 2)
		return 0;
	struct tls_options options = good;
	struct bytes       text    = bytes_of(data + 1, size_bytes - 1);
	switch (data[0] & 3) {
	case 0: options.certificate = text; break;
	case 1: options.key = text; break;
	case 2: options.issuers = text; break;
	default: options.revocation_list = text; break;
	}
	struct tls_server *server;
	char               error[256] = "";
	if (tls_server_make(&options, NOW_NS, &server, error, sizeof(error))) {
		struct tls_server_facts facts;
		tls_server_facts(server, &facts);
		tls_server_release(server);
	} else {
		assert(error[0] != '\0');
	}
	return 0;
}
