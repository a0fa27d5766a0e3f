/* assayctl snapshot: what the snapshot role does, now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/audit_log.h"
#include "firmware/ctl.h"
#include "firmware/offline.h"
#include "firmware/recover.h"
#include "firmware/snapshots.h"

static const char usage[] =
	"assayctl snapshot --config FILE [--to SEQUENCE]\n\n"
	"Makes a snapshot of the histories in state.snapshot_directory, from the last one and\n"
	"the audit log, so that the next start reads less of the log.  The appliance makes\n"
	"them by itself; this is for before a planned restart, with the appliance stopped.\n\n"
	"Example: assayctl snapshot --config /etc/assay/appliance.cfg\n";

static int make(const char *path, uint64_t to_sequence)
{
	struct offline_options options = { .config_path = path, .cores = 1 };
	struct config         *config;
	struct live           *live;
	struct disk_real       disk;
	char                   error[RECOVER_ERROR_BYTES] = "";
	bool                   ok;

	if (!offline_load(&options, &config, &live))
		return 2;
	live_free(live);
	if (config->state.snapshot_directory[0] == '\0') {
		fprintf(stderr, "assayctl snapshot: %s: state.snapshot_directory is empty\n", path);
		free(config);
		return 2;
	}
	ok = snapshots_open(&disk, config->state.snapshot_directory, error);
	if (ok) {
		ok = snapshots_make(config, &disk.disk, to_sequence, NULL, error);
		disk_real_close(&disk);
	}
	if (ok)
		printf("made in %s\n", config->state.snapshot_directory);
	else
		fprintf(stderr, "assayctl snapshot: %s\n", error);
	free(config);
	return ok ? 0 : 2;
}

int ctl_snapshot(int argc, char **argv)
{
	uint64_t to_sequence;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "--config") == 0)
		return make(argv[2], 0);
	if (argc == 5 && strcmp(argv[1], "--config") == 0 && strcmp(argv[3], "--to") == 0)
		if (ctl_sequence(argv[4], &to_sequence) && to_sequence > 0)
			return make(argv[2], to_sequence);
	fputs(usage, stderr);
	return 2;
}
