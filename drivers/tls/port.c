#include "drivers/tls/port.h"

#include <assert.h>
#include <errno.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/platform_time.h>
#include <psa/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>

static _Thread_local int64_t now_here_ns;

static bool (*random_source)(void *data, size_t size_bytes);
static atomic_bool random_has_failed;

void tls_port_enter(int64_t now_ns)
{
	now_here_ns = now_ns;
}

int64_t tls_port_now_ns(void)
{
	return now_here_ns;
}

time_t tls_port_time(time_t *out)
{
	time_t now = now_here_ns / NS_PER_SECOND;
	if (out)
		*out = now;
	return now;
}

mbedtls_ms_time_t mbedtls_ms_time(void)
{
	return now_here_ns / 1000000;
}

void tls_random_source(bool (*fill)(void *data, size_t size_bytes))
{
	random_source = fill;
	atomic_store(&random_has_failed, false);
}

bool tls_random_failed(void)
{
	return atomic_load_explicit(&random_has_failed, memory_order_relaxed);
}

static bool random_of_kernel(void *data, size_t size_bytes)
{
	uint8_t *at = data;
	while (size_bytes > 0) {
		ssize_t got = getrandom(at, size_bytes, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		size_bytes -= (size_t)got;
	}
	return true;
}

int tls_port_random(void *ctx, unsigned char *data, size_t size_bytes)
{
	(void)ctx;
	bool (*fill)(void *, size_t) = random_source ? random_source : random_of_kernel;
	if (!tls_random_failed() && fill(data, size_bytes))
		return 0;
	atomic_store(&random_has_failed, true);
	memset(data, 0, size_bytes);
	return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
}

psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *ctx,
					     uint8_t *data, size_t size_bytes, size_t *filled_bytes)
{
	(void)ctx;
	if (tls_port_random(NULL, data, size_bytes) != 0)
		return PSA_ERROR_INSUFFICIENT_ENTROPY;
	*filled_bytes = size_bytes;
	return PSA_SUCCESS;
}

static bool           psa_is_ready;
static pthread_once_t psa_once = PTHREAD_ONCE_INIT;

static void psa_begin(void)
{
	psa_is_ready = psa_crypto_init() == PSA_SUCCESS;
}

bool tls_port_ready(void)
{
	pthread_once(&psa_once, psa_begin);
	return psa_is_ready;
}

void tls_code_words(int code, char out[TLS_WORDS_BYTES_MAX])
{
	char words[128];
	mbedtls_strerror(code, words, sizeof(words));
	snprintf(out, TLS_WORDS_BYTES_MAX, "%s (-0x%04x)", words, (unsigned)-code);
}

void tls_port_words(char *text, size_t text_size_bytes, const char *what, int code)
{
	char words[TLS_WORDS_BYTES_MAX];
	tls_code_words(code, words);
	snprintf(text, text_size_bytes, "%s: %s", what, words);
}
