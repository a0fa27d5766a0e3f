/* The metrics page (Prometheus text format 0.0.4) and the status object.
 *
 * Owner: the control role; formats from counters others write. */
#ifndef ASSAY_FIRMWARE_METRICS_H
#define ASSAY_FIRMWARE_METRICS_H

#include <stddef.h>

#include "firmware/appliance.h"

/* Both return the bytes written, at most `capacity`; never more than 256 KiB. */
size_t metrics_write(struct appliance *appliance, char *out, size_t capacity);
size_t status_write(struct appliance *appliance, char *out, size_t capacity);

#endif
