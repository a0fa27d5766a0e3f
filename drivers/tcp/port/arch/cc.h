/* The compiler and the platform, as lwIP asks for them. */
#ifndef ASSAY_DRIVERS_TCP_PORT_ARCH_CC_H
#define ASSAY_DRIVERS_TCP_PORT_ARCH_CC_H

#include <errno.h>
#include <stdint.h>

#include "drivers/tcp/port/hooks.h"

#define LWIP_RAND() tcp_random()

/* An assertion of lwIP is one of ours: it stops the machine. */
#define LWIP_PLATFORM_ASSERT(what) tcp_assert_failed((what), __FILE__, __LINE__)
#define LWIP_PLATFORM_DIAG(x)

#endif
