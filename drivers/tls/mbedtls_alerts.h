/* Included before ssl_tls13_generic.c of the library (see mbedtls.mk), which tells a
 * client without a certificate no_certificate, an alert of SSL 3.0.  RFC 8446 section
 * 6.2 has certificate_required for it. */
#ifndef ASSAY_DRIVERS_TLS_MBEDTLS_ALERTS_H
#define ASSAY_DRIVERS_TLS_MBEDTLS_ALERTS_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <mbedtls/ssl.h>

#undef MBEDTLS_SSL_ALERT_MSG_NO_CERT
#define MBEDTLS_SSL_ALERT_MSG_NO_CERT 116

#endif
