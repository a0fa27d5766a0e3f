/* Collects config_error lines in the order of the file. */
#ifndef ASSAY_CONFIG_ERRORS_H
#define ASSAY_CONFIG_ERRORS_H

#include <stdarg.h>

#include "config/config.h"

struct errors {
	const char          *path; /* of the file, as the operator gave it */
	struct config_error *out;
	uint32_t             line[CONFIG_ERRORS_MAX]; /* of each of out->lines */
};

void errors_init(struct errors *errors, const char *path, struct config_error *out);

/* "PATH:LINE: KEY: words"; bytes that are not printable ASCII become '?'. */
void errors_add(struct errors *errors, uint32_t line, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
