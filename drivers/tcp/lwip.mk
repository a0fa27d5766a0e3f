# lwIP from Debian's source package, with drivers/tcp/port/lwipopts.h.

LWIP := /opt/assay/src/lwip/src
LWIP_CFLAGS := -isystem $(LWIP)/include -Idrivers/tcp/port

# Paths are relative to $(LWIP).  core/memp.c is replaced by drivers/tcp/memory.c,
# whose pools are sized by the config.
LWIP_FILES := $(filter-out core/memp.c,$(patsubst $(LWIP)/%,%,$(wildcard $(LWIP)/core/*.c \
	$(LWIP)/core/ipv4/*.c $(LWIP)/core/ipv6/*.c))) netif/ethernet.c

# gcc takes headers that a system header includes for system headers and leaves them
# out of the dependencies; these decide the layout of every structure of lwIP.
LWIP_PORT := $(wildcard drivers/tcp/port/*.h drivers/tcp/port/arch/*.h)
$(LWIP_FILES:%.c=$(O)/obj/lwip/%.o): $(LWIP_PORT)
$(patsubst %.c,$(O)/obj/%.o,$(wildcard drivers/tcp/*.c tests/unit/tcp/*.c)): $(LWIP_PORT)
