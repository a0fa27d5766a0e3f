/* Certificates, keys and lists as the library wants them. */
#ifndef ASSAY_DRIVERS_TLS_MATERIAL_H
#define ASSAY_DRIVERS_TLS_MATERIAL_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "drivers/tls/tls.h"

/* A copy that ends in a NUL when it is PEM, which is then counted, as the library
 * expects.  `data` is NULL when there is no memory; freed by tls_file_free. */
struct bytes tls_text_copy(struct bytes text);

/* Every certificate has to parse. */
bool tls_certificates_read(mbedtls_x509_crt *chain, struct bytes text, const char *what,
			   char *error, size_t error_size_bytes);
bool tls_key_read(mbedtls_pk_context *key, struct bytes text, const char *what, char *error,
		  size_t error_size_bytes);

bool tls_key_is_strong(const mbedtls_pk_context *key);
void tls_subject_text(const mbedtls_x509_crt *certificate, char *text, size_t text_size_bytes);

#endif
