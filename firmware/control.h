/* The control role: management, reload, log events and the clock's offset.  It is
 * the thread that booted, and may block.
 *
 * Owner: the calling thread of appliance_run. */
#ifndef ASSAY_FIRMWARE_CONTROL_H
#define ASSAY_FIRMWARE_CONTROL_H

#include "firmware/appliance.h"

bool control_listen(struct appliance *appliance, const char *address, uint16_t port,
		    char error[APPLIANCE_ERROR_BYTES]);

/* One round: at most timeout_ms of waiting for management. */
void control_step(struct appliance *appliance, int timeout_ms);

#endif
