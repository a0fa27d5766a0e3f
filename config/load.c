#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/check.h"
#include "config/child.h"
#include "config/config.h"
#include "config/flatten.h"
#include "config/prescan.h"
#include "config/value.h"

/* A file of 1 MiB takes some 50 ms here; a machine that starts up may be slow. */
#define PARSE_DEADLINE_MS 5000

void config_defaults(struct config *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < schema_count; i++)
		if (schema_outer(&schema[i]) == NULL)
			value_set_initial(&schema[i], out, 0);
	plan_fill(out);
	history_fill(out);
}

/* Names of files count from the directory of the configuration. */
static void resolve_files(const struct check *check, const char *path)
{
	const char *slash           = strrchr(path, '/');
	size_t      directory_bytes = slash == NULL ? 0 : (size_t)(slash - path) + 1;

	for (size_t i = 0; i < schema_count; i++) {
		char  *name;
		size_t name_bytes;

		if (schema[i].type != SCHEMA_FILE)
			continue;
		name       = schema_value(&schema[i], check->config, 0, 0);
		name_bytes = strlen(name) + 1;
		if (name[0] == '\0' || name[0] == '/')
			continue;
		if (directory_bytes + name_bytes > schema[i].size_bytes) {
			errors_add(check->errors, check_line(check, schema[i].path), schema[i].path,
				   "is too long with the directory of this file, must be at most "
				   "%.0f bytes",
				   schema[i].max);
			continue;
		}
		memmove(name + directory_bytes, name, name_bytes);
		memcpy(name, path, directory_bytes);
	}
}

static void management_as_tls(struct config *config)
{
	struct config_management *management = &config->management;

	if (management->certificate[0] == '\0')
		memcpy(management->certificate, config->tls.certificate, CONFIG_PATH_BYTES);
	if (management->key[0] == '\0')
		memcpy(management->key, config->tls.key, CONFIG_PATH_BYTES);
	if (management->issuers[0] == '\0' && management->revocation_list[0] == '\0')
		memcpy(management->revocation_list, config->tls.revocation_list, CONFIG_PATH_BYTES);
	if (management->issuers[0] == '\0')
		memcpy(management->issuers, config->tls.issuers, CONFIG_PATH_BYTES);
}

static void check_text(struct check *check, const char *path, const char *text,
		       struct stream *stream)
{
	const char *fault;

	if (!child_run(flatten, text, stream, PARSE_DEADLINE_MS, &fault)) {
		errors_add(check->errors, 1, "file", "cannot be read: %s", fault);
		return;
	}
	if (stream->size_bytes == 0) {
		errors_add(check->errors, 1, "file",
			   "ended the parser, must be plain libconfig text");
		return;
	}
	check_stream(check, bytes_of(stream->data, stream->size_bytes));
	if (check->errors->out->count > 0)
		return;
	check_rules(check);
	plan_fill(check->config);
	history_fill(check->config);
	resolve_files(check, path);
	management_as_tls(check->config);
}

bool config_load_text(const char *path, const void *text, size_t size_bytes, struct config *out,
		      struct config_error *error)
{
	struct errors        errors;
	struct check         check  = { .config = out, .errors = &errors };
	struct stream        stream = { .capacity_bytes = STREAM_BYTES_MAX };
	struct prescan_fault fault;
	char                *copy = NULL;

	check.text = bytes_of(text, size_bytes);
	errors_init(&errors, path, error);
	config_defaults(out);
	if (!prescan(check.text, &fault)) {
		errors_add(&errors, fault.line, fault.key, "%s", fault.words);
		return false;
	}
	copy        = malloc(size_bytes + 1);
	stream.data = malloc(STREAM_BYTES_MAX);
	if (copy != NULL && stream.data != NULL) {
		if (size_bytes > 0)
			memcpy(copy, text, size_bytes);
		copy[size_bytes] = '\0';
		check_text(&check, path, copy, &stream);
	} else {
		errors_add(&errors, 1, "file", "cannot be read: out of memory");
	}
	free(copy);
	free(stream.data);
	return error->count == 0;
}

/* Reads a regular file of at most capacity_bytes - 1; one byte more tells that it
 * is too large.  Returns NULL or what is wrong. */
static const char *read_file(const char *path, char *text, size_t capacity_bytes,
			     size_t *size_bytes)
{
	struct stat about;
	const char *fault = NULL;
	int         fd    = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*size_bytes = 0;
	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
		fault = "is not a regular file";
	while (fault == NULL && *size_bytes < capacity_bytes) {
		ssize_t n = read(fd, text + *size_bytes, capacity_bytes - *size_bytes);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			fault = strerror(errno);
		*size_bytes += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return fault;
}

bool config_load(const char *path, struct config *out, struct config_error *error)
{
	struct errors errors;
	const char   *fault = "out of memory";
	size_t        size_bytes;
	bool          good = false;
	char         *text = malloc(CONFIG_FILE_BYTES_MAX + 1);

	if (text != NULL)
		fault = read_file(path, text, CONFIG_FILE_BYTES_MAX + 1, &size_bytes);
	if (fault == NULL) {
		good = config_load_text(path, text, size_bytes, out, error);
	} else {
		errors_init(&errors, path, error);
		errors_add(&errors, 1, "file", "cannot be read: %s", fault);
	}
	free(text);
	return good;
}
