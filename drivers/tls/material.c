#include "drivers/tls/material.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/tls/port.h"

struct bytes tls_text_copy(struct bytes text)
{
	bool     pem  = memmem(text.data, text.size_bytes, "-----BEGIN ", 11) != NULL;
	uint8_t *copy = calloc(1, text.size_bytes + 1);
	if (!copy)
		return bytes_of(NULL, 0);
	memcpy(copy, text.data, text.size_bytes);
	return bytes_of(copy, text.size_bytes + (pem ? 1 : 0));
}

void tls_file_free(struct bytes *file)
{
	if (file->data) {
		mbedtls_platform_zeroize((void *)file->data, file->size_bytes);
		free((void *)file->data);
	}
	*file = bytes_of(NULL, 0);
}

static bool read_all(int fd, uint8_t *data, size_t size_bytes)
{
	size_t have_bytes = 0;
	while (have_bytes < size_bytes) {
		ssize_t got = read(fd, data + have_bytes, size_bytes - have_bytes);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		have_bytes += (size_t)got;
	}
	return true;
}

bool tls_file_read(const char *path, size_t size_max, struct bytes *out, char *error, size_t size)
{
	struct stat stat;
	uint8_t    *data = NULL;
	bool        done = false;

	*out   = bytes_of(NULL, 0);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &stat) != 0) {
		snprintf(error, size, "%s: %s", path, strerrordesc_np(errno));
	} else if (!S_ISREG(stat.st_mode)) {
		snprintf(error, size, "%s: is not a file", path);
	} else if (stat.st_size <= 0 || (size_t)stat.st_size > size_max) {
		snprintf(error, size, "%s: is empty or longer than %zu bytes", path, size_max);
	} else {
		data = malloc((size_t)stat.st_size);
		done = data && read_all(fd, data, (size_t)stat.st_size);
		if (done)
			*out = bytes_of(data, (size_t)stat.st_size);
		else
			snprintf(error, size, "%s: cannot be read", path);
	}
	if (!done)
		free(data);
	if (fd >= 0)
		close(fd);
	return done;
}

bool tls_certificates_read(mbedtls_x509_crt *chain, struct bytes text, const char *what,
			   char *error, size_t error_size_bytes)
{
	if (text.size_bytes == 0) {
		snprintf(error, error_size_bytes, "%s: there is none", what);
		return false;
	}
	struct bytes copy = tls_text_copy(text);
	int          ret  = copy.data ? mbedtls_x509_crt_parse(chain, copy.data, copy.size_bytes)
				      : MBEDTLS_ERR_X509_ALLOC_FAILED;
	tls_file_free(&copy);
	if (ret > 0)
		snprintf(error, error_size_bytes, "%s: %d of the certificates cannot be read", what,
			 ret);
	else if (ret < 0)
		tls_port_words(error, error_size_bytes, what, ret);
	return ret == 0;
}

bool tls_key_read(mbedtls_pk_context *key, struct bytes text, const char *what, char *error,
		  size_t error_size_bytes)
{
	struct bytes copy = tls_text_copy(text);
	int          ret  = MBEDTLS_ERR_PK_ALLOC_FAILED;
	if (copy.data)
		ret = mbedtls_pk_parse_key(key, copy.data, copy.size_bytes, NULL, 0,
					   tls_port_random, NULL);
	tls_file_free(&copy);
	if (ret != 0)
		tls_port_words(error, error_size_bytes, what, ret);
	return ret == 0;
}

bool tls_key_is_strong(const mbedtls_pk_context *key)
{
	if (mbedtls_pk_can_do(key, MBEDTLS_PK_RSA))
		return mbedtls_pk_get_bitlen(key) >= 2048;
	if (!mbedtls_pk_can_do(key, MBEDTLS_PK_ECKEY))
		return false;
	/* X25519 has 255 bits and cannot sign. */
	return mbedtls_pk_get_bitlen(key) == 256 || mbedtls_pk_get_bitlen(key) == 384;
}

void tls_subject_text(const mbedtls_x509_crt *certificate, char *text, size_t text_size_bytes)
{
	if (mbedtls_x509_dn_gets(text, text_size_bytes, &certificate->subject) < 0)
		snprintf(text, text_size_bytes, "(unreadable name)");
}
