/* The audit log of a twin (assayctl decide --audit): made new, or continued with the
 * histories it leads to. */
#ifndef ASSAY_FIRMWARE_TWIN_LOG_H
#define ASSAY_FIRMWARE_TWIN_LOG_H

#include "firmware/twin.h"

/* Begins with what it is decided with, so that it can be replayed.  False: told on
 * standard error. */
bool twin_log_open(struct twin *twin);

/* Nothing without --audit.  After a failure, told once, twin->failed is set and nothing
 * more is written. */
void twin_log_record(struct twin *twin, const struct slot *slot);

/* Ends with a record that says everything before it is on disk: from there on a bit that
 * changes is damage, and no torn tail. */
void twin_log_close(struct twin *twin);

#endif
