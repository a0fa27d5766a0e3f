/* What a device with checksum offload does, for the simulated twin: RFC 1071 sums
 * of the IPv4 header and of TCP over IPv4 and IPv6. */
#ifndef ASSAY_DRIVERS_NIC_SIM_CHECKSUM_H
#define ASSAY_DRIVERS_NIC_SIM_CHECKSUM_H

#include "runtime/base/frame.h"

/* Fills in the sums that frame->flags ask for. */
void sim_checksum_fill(const struct frame *frame);

/* Is this an unfragmented TCP segment whose sums all hold? */
bool sim_checksum_good(const uint8_t *data, uint32_t size_bytes);

#endif
