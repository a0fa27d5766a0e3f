/* The polling loop: the product's table of contents.
 *
 * Owner: the net core's thread, from turn_run until core->stop. */
#ifndef ASSAY_FIRMWARE_TURN_H
#define ASSAY_FIRMWARE_TURN_H

#include "firmware/core.h"

void turn_once(struct core *core);
void turn_run(struct core *core);

#endif
