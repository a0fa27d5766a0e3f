/* assayctl pki demo: certificates to try things out with. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "drivers/tls/pki.h"
#include "firmware/ctl.h"

#define ADDRESSES_MAX 8

static const char usage[] =
	"assayctl pki demo DIR [--address IP]...\n\n"
	"Makes a throw-away certificate authority, a server certificate for localhost and\n"
	"the given addresses, two clients (client.pem is urn:assay:demo:client), a revoked\n"
	"one and a revocation list.  Nothing made here should guard anything.\n\n"
	"Example: assayctl pki demo /tmp/pki --address 10.77.0.2\n";

int ctl_pki_demo(int argc, char **argv)
{
	const char     *addresses[ADDRESSES_MAX + 1] = { 0 };
	struct pki_demo demo                         = { .server_addresses = addresses };
	char            error[512]                   = "";
	struct timespec ts;
	int             count = 0;

	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	for (int i = 2; i + 1 < argc && count < ADDRESSES_MAX; i += 2)
		if (strcmp(argv[i], "--address") == 0)
			addresses[count++] = argv[i + 1];
	if (argc < 2 || argc != 2 + 2 * count) {
		fputs(usage, stderr);
		return 2;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	if (!tls_pki_demo(argv[1], &demo, ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec, error,
			  sizeof(error))) {
		fprintf(stderr, "assayctl pki demo: %s\n", error);
		return 2;
	}
	printf("wrote a demo CA, server and clients to %s\n", argv[1]);
	return 0;
}
