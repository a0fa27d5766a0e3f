#include "firmware/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/tls/tls.h"

#define LOG_LINE_BYTES 2048

/* Control, which boots, audit and snapshots write lines; the lock keeps lines whole. */
static pthread_mutex_t log_lock      = PTHREAD_MUTEX_INITIALIZER;
static int             log_fd        = STDERR_FILENO;
static enum log_level  log_level_max = LOG_INFO;

static const char *const level_names[] = {
	[LOG_ERROR]   = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO]    = "info",
	[LOG_DEBUG]   = "debug",
};

bool log_open(const char *file, enum log_level level)
{
	int fd = STDERR_FILENO;

	if (file[0] != '\0') {
		fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
		if (fd < 0)
			return false;
	}
	pthread_mutex_lock(&log_lock);
	if (log_fd != STDERR_FILENO)
		close(log_fd);
	log_fd        = fd;
	log_level_max = level;
	pthread_mutex_unlock(&log_lock);
	return true;
}

void log_set_level(enum log_level level)
{
	pthread_mutex_lock(&log_lock);
	log_level_max = level;
	pthread_mutex_unlock(&log_lock);
}

/* RFC 8259 section 7: quotes, backslashes and control characters are escaped;
 * bytes past ASCII too, so that a line is always valid JSON. */
static size_t json_escape(char *out, size_t out_bytes, const char *text, size_t text_bytes)
{
	size_t used = 0;

	for (size_t i = 0; i < text_bytes && used + 7 < out_bytes; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			used += (size_t)snprintf(out + used, out_bytes - used, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			used += (size_t)snprintf(out + used, out_bytes - used, "\\u%04x", c);
		else
			out[used++] = (char)c;
	}
	out[used] = '\0';
	return used;
}

static void stamp(char *out, size_t out_bytes, int64_t wall_ns)
{
	time_t    seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;
	char      day[32];

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, out_bytes, "%s.%06uZ", day, (unsigned)(wall_ns % 1000000000 / 1000));
}

static void put_line(enum log_level level, int64_t wall_ns, const char *members)
{
	char line[LOG_LINE_BYTES + 256];
	char when[64];
	int  n;

	stamp(when, sizeof(when), wall_ns);
	n = snprintf(line, sizeof(line), "{\"time\":\"%s\",\"level\":\"%s\",%s}\n", when,
		     level_names[level], members);
	pthread_mutex_lock(&log_lock);
	if (level <= log_level_max && n > 0) {
		/* A log that can't be written must not stop the appliance. */
		ssize_t written = write(log_fd, line, (size_t)n);
		(void)written;
	}
	pthread_mutex_unlock(&log_lock);
}

static int64_t wall_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void log_write(enum log_level level, const char *format, ...)
{
	char    text[LOG_LINE_BYTES / 2];
	char    escaped[LOG_LINE_BYTES - 64];
	char    members[LOG_LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_escape(escaped, sizeof(escaped), text, strlen(text));
	snprintf(members, sizeof(members), "\"message\":\"%s\"", escaped);
	put_line(level, wall_now_ns(), members);
}

static void whole_detail(const struct log_event *event, char *out, size_t capacity)
{
	char words[TLS_WORDS_BYTES_MAX] = "";

	if (event->tls_code != 0)
		tls_code_words(event->tls_code, words);
	snprintf(out, capacity, "%.*s%s%s", LOG_DETAIL_BYTES_MAX, event->detail,
		 words[0] ? ": " : "", words);
}

void log_event_write(const struct log_event *event)
{
	const struct reason_row *row = reason_row_of(event->reason);
	char                     members[LOG_LINE_BYTES];
	char                     identity[2 * LOG_IDENTITY_BYTES_MAX + 8];
	char                     words[LOG_DETAIL_BYTES_MAX + TLS_WORDS_BYTES_MAX + 4];
	char                     detail[2 * sizeof(words) + 8];
	char                     address[INET6_ADDRSTRLEN] = "";
	int                      n;

	if (event->peer.family != 0)
		inet_ntop(event->peer.family == 4 ? AF_INET : AF_INET6, event->peer.address,
			  address, sizeof(address));
	whole_detail(event, words, sizeof(words));
	json_escape(detail, sizeof(detail), words, strlen(words));
	json_escape(identity, sizeof(identity), event->identity, event->identity_bytes);
	n = snprintf(members, sizeof(members), "\"event\":\"%s\",\"message\":\"%s\"", row->name,
		     row->meaning);
	if (address[0] != '\0')
		n += snprintf(members + n, sizeof(members) - (size_t)n,
			      ",\"peer\":\"%s\",\"port\":%u", address, event->peer.port);
	if (event->http_status != 0)
		n += snprintf(members + n, sizeof(members) - (size_t)n, ",\"status\":%u",
			      event->http_status);
	if (event->tls_alert != 0)
		n += snprintf(members + n, sizeof(members) - (size_t)n, ",\"tls_alert\":%u",
			      event->tls_alert);
	if (detail[0] != '\0')
		n += snprintf(members + n, sizeof(members) - (size_t)n, ",\"detail\":\"%s\"",
			      detail);
	if (event->identity_bytes != 0)
		snprintf(members + n, sizeof(members) - (size_t)n, ",\"identity\":\"%s\"",
			 identity);
	put_line(row->http == 0 || row->http >= 500 ? LOG_WARNING : LOG_INFO, event->wall_ns,
		 members);
}
