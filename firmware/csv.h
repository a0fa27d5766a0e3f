/* Rows of a CSV file (RFC 4180) into request bodies, as the config maps the columns, so
 * that a bank's own history can be given to the engine.
 *
 * A row becomes the JSON that a service would send, and goes through the same decoder:
 * what is refused there is refused here, with its line.  One thing is mended: an amount
 * written with CSV_FLOAT_DECIMALS decimals or more is a binary fraction's spelling
 * (85.64999999999999) and is rounded to its currency's minor unit.
 *
 * Owner:   the caller.  Bounds: CSV_LINE_BYTES_MAX, CSV_COLUMNS_MAX. */
#ifndef ASSAY_FIRMWARE_CSV_H
#define ASSAY_FIRMWARE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config.h"
#include "runtime/base/label.h"

#define CSV_LINE_BYTES_MAX 65536
#define CSV_COLUMNS_MAX    512
#define CSV_BODY_BYTES_MAX (8 * CSV_LINE_BYTES_MAX)
#define CSV_ERROR_BYTES    512
#define CSV_FLOAT_DECIMALS 12

struct csv {
	const struct config        *config;
	uint32_t                    columns;
	const struct config_column *column[CSV_COLUMNS_MAX]; /* NULL: not mapped */
};

/* Reads the header: every mapped column must be there, and what a transaction needs. */
bool csv_begin(struct csv *csv, const struct config *config, const char *header,
	       char error[CSV_ERROR_BYTES]);

/* One row, without its line end, into a body of at most CSV_BODY_BYTES_MAX bytes and a
 * label (LABEL_NONE: the row has none).  0: error says why. */
size_t csv_row(const struct csv *csv, const char *row, char *body, enum label_kind *label,
	       char error[CSV_ERROR_BYTES]);

#endif
