/* assayctl's subcommands: one function each, one row each in main_assayctl.c.
 *
 * argv[0] is the subcommand's own name.  Each returns the exit status: 0 done,
 * 1 it found what it was asked to look for (a broken chain, a wrong config),
 * 2 it was called wrongly or could not do its work. */
#ifndef ASSAY_FIRMWARE_CTL_H
#define ASSAY_FIRMWARE_CTL_H

#include <stdbool.h>
#include <stdint.h>

int ctl_audit_verify(int argc, char **argv);
int ctl_audit_cat(int argc, char **argv);
int ctl_audit_digest(int argc, char **argv);
int ctl_config_default(int argc, char **argv);
int ctl_config_reference(int argc, char **argv);
int ctl_backtest(int argc, char **argv);
int ctl_decide(int argc, char **argv);
int ctl_features(int argc, char **argv);
int ctl_model_explain(int argc, char **argv);
int ctl_pki_demo(int argc, char **argv);
int ctl_reload(int argc, char **argv);
int ctl_replay(int argc, char **argv);
int ctl_snapshot(int argc, char **argv);
int ctl_score(int argc, char **argv);
int ctl_status(int argc, char **argv);

/* The N of --to N or --from N, digits only.  False: it is not that. */
bool ctl_sequence(const char *text, uint64_t *out);

/* The N of --cores N, 1 to 8; 0: it is not that. */
uint32_t ctl_cores(const char *text);

#endif
