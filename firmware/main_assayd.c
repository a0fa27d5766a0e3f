/* assayd: the appliance's firmware. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/appliance.h"
#include "firmware/version.h"

static void usage(FILE *out)
{
	fputs("assayd: decide payments over TLS on a DPDK port\n\n"
	      "  assayd --config FILE   boot and serve until SIGTERM; SIGHUP reloads\n"
	      "  assayd --check FILE    check a config and say what is wrong with it\n"
	      "  assayd --version\n\n"
	      "Example: assayd --check /etc/assay/appliance.cfg\n",
	      out);
}

static int check(const char *path)
{
	static struct config       config;
	static struct config_error errors;

	if (config_load(path, &config, &errors)) {
		puts("configuration OK");
		return 0;
	}
	config_errors_print(&errors, path);
	return 1;
}

static void on_signal(int number)
{
	if (number == SIGHUP)
		appliance_ask_reload();
	else
		appliance_ask_stop();
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int serve(const char *path)
{
	static struct appliance appliance;
	char                    error[APPLIANCE_ERROR_BYTES];

	catch_signals();
	if (!appliance_boot(&appliance, path, error))
		return atomic_load(appliance_stop_asked()) ? 0 : 1;
	appliance_run(&appliance);
	appliance_stop(&appliance);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		return check(argv[2]);
	if (argc == 3 && strcmp(argv[1], "--config") == 0)
		return serve(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("assayd %s (%s)\n", assay_version(), assay_build());
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	usage(stderr);
	return 2;
}
