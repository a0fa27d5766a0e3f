/* The management listener: kernel sockets, mutual TLS, a handful of connections.
 *
 * GET /metrics, GET /v1/status, POST /v1/reload and the health routes.  It shares
 * nothing with the data port but the table of callers; a caller's `may` says which
 * of these it reaches.
 *
 * Owner:   the control role; it may block, allocate and format text.
 * Bounds:  MANAGE_CONNECTIONS_MAX connections, each cut after MANAGE_IDLE_NS;
 *          request bodies of MANAGE_BODY_BYTES_MAX. */
#ifndef ASSAY_FIRMWARE_MANAGE_H
#define ASSAY_FIRMWARE_MANAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/http/http.h"

#define MANAGE_CONNECTIONS_MAX  16
#define MANAGE_BODY_BYTES_MAX   4096
#define MANAGE_ANSWER_BYTES_MAX (1u << 20)
#define MANAGE_IDLE_NS          (INT64_C(30) * 1000000000)
#define MANAGE_ERROR_BYTES      256

struct live;
struct manage;

/* What a route answers: it finds 200, application/json and no body, and says what is
 * otherwise. */
struct manage_answer {
	uint16_t    status;
	const char *content_type;
	char       *body; /* [MANAGE_ANSWER_BYTES_MAX] */
	size_t      body_bytes;
};

struct manage_ops {
	/* The live state new connections begin under; never NULL. */
	struct live *(*live)(void *ctx);
	void (*answer)(void *ctx, enum http_route route, struct manage_answer *answer);
	void *ctx;
};

bool manage_open(const char *address, uint16_t port, const struct manage_ops *ops,
		 struct manage **out, char error[MANAGE_ERROR_BYTES]);

/* Waits at most timeout_ms for something to do and does it. */
void manage_step(struct manage *manage, int timeout_ms);
void manage_close(struct manage *manage); /* NULL is fine */

#endif
