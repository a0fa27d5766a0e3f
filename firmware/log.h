/* The log: JSON lines, written by the roles that do not poll.
 *
 * A polling core formats no text.  It puts a small event (integers, and at most
 * an identity out of a certificate and TLS's own sentence about a handshake) into
 * its event lane; control takes it out, formats it and writes the line.  An event
 * has no field that is filled from a request, so no card number, account or name
 * of a payment can be logged.
 *
 * Failure: a full lane loses the event and counts it (stats.events_lost). */
#ifndef ASSAY_FIRMWARE_LOG_H
#define ASSAY_FIRMWARE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/reason.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

#define LOG_IDENTITY_BYTES_MAX 256
#define LOG_DETAIL_BYTES_MAX   200

/* An address as it is on the wire; family 4, 6 or 0 when there is none. */
struct log_peer {
	uint8_t  family;
	uint8_t  address[16];
	uint16_t port;
};

struct log_event {
	int64_t         wall_ns;
	uint16_t        reason;    /* enum reason: the row says the words */
	uint16_t        tls_alert; /* 0: none was sent */
	uint16_t        http_status;
	uint16_t        identity_bytes;
	struct log_peer peer;
	int32_t         tls_code; /* TLS's own, whose words follow `detail`; 0: none */
	char            identity[LOG_IDENTITY_BYTES_MAX];
	char detail[LOG_DETAIL_BYTES_MAX]; /* why, in words; "" when the row says it all */
};

/* `file` "" is standard error.  False: the file can't be opened; errno says why. */
bool log_open(const char *file, enum log_level level);
void log_set_level(enum log_level level);

/* Any thread but those that poll.  The format makes the "message" of the line. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_event_write(const struct log_event *event);

#endif
