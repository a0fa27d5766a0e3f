# mbedTLS from Debian's source package, with drivers/tls/mbedtls_config.h.

MBEDTLS := /opt/assay/src/mbedtls
MBEDTLS_CFLAGS := -isystem $(MBEDTLS)/include \
	-DMBEDTLS_CONFIG_FILE='"drivers/tls/mbedtls_config.h"'

# Only for mbedTLS itself: its private headers, and its own optimisation level.
MBEDTLS_BUILD_CFLAGS := -I$(MBEDTLS)/library $(if $(filter release,$(VARIANT)),-O3)

# Built once the configuration exists.  Paths are relative to $(MBEDTLS).
ifneq ($(wildcard drivers/tls/mbedtls_config.h),)
MBEDTLS_FILES := $(patsubst $(MBEDTLS)/%,%,$(wildcard $(MBEDTLS)/library/*.c))
endif

$(O)/obj/mbedtls/library/ssl_tls.o $(O)/obj/mbedtls/library/ssl_tls13_generic.o: MBEDTLS_BUILD_CFLAGS += \
	-include drivers/tls/mbedtls_alerts.h
