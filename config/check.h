/* The flat stream against the schema.  Believes no byte of the stream. */
#ifndef ASSAY_CONFIG_CHECK_H
#define ASSAY_CONFIG_CHECK_H

#include "config/errors.h"
#include "config/schema.h"
#include "config/stream.h"

/* Elements of all lists of groups together: callers, entities, computed, columns. */
#define CHECK_ELEMENTS_MAX \
	(CONFIG_CALLERS_MAX + PLAN_ENTITIES_MAX + PLAN_FEATURES_MAX + CONFIG_COLUMNS_MAX)

struct check {
	struct config *config;
	struct errors *errors;
	struct bytes   text;                    /* of the file, to name keys the parser does not */
	uint32_t       seen[CONFIG_KEYS_MAX];   /* elements seen of each row; 1 outside lists */
	uint32_t       inner[CONFIG_KEYS_MAX];  /* and of a list inside the last of them */
	uint32_t       line[CONFIG_KEYS_MAX];   /* where the row was seen last; 0: nowhere */
	uint32_t       faulty[CONFIG_KEYS_MAX]; /* as seen, of the last element of a wrong type */
	uint32_t       element_line[CHECK_ELEMENTS_MAX]; /* list after list, as in the schema */
	char skip[STREAM_PATH_BYTES_MAX + 1]; /* children of this path are not looked at */
	bool ended;                           /* END was read, and nothing after it */
};

/* `config` holds the defaults; what the stream sets is written over them.  Every
 * fault becomes an error; `check` then says where each key stood. */
void check_stream(struct check *check, struct bytes stream);

/* The line of a key, of the group it belongs to when it is not set, or 1. */
uint32_t check_line(const struct check *check, const char *path);

/* The line of element `index` of a list, or of the list. */
uint32_t check_element_line(const struct check *check, const char *list, uint32_t index);
/* Addresses a host cannot have, and gateways out of its reach. */
void check_addresses(const struct check *check);

/* What one row cannot say: order of thresholds, repeated names, and the like. */
void check_rules(const struct check *check);
void check_plan(const struct check *check);    /* entities and computed features: plan.c */
void check_history(const struct check *check); /* history.c */
void check_columns(const struct check *check); /* csv.c; fills in targets as well */

/* Two elements of [count][stride_bytes] that are the same text: an error of the later. */
void check_unique(const struct check *check, const char *list, const char *rest, const char *values,
		  uint32_t count, size_t stride_bytes);

/* What of config->plan follows from other keys, once all is good; also of the defaults. */
void plan_fill(struct config *config);
void history_fill(struct config *config); /* and of config->history_plan, behind plan_fill */

#endif
