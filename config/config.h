/* The configuration: every value the appliance is provisioned with, checked.
 *
 * One libconfig file names everything.  The one table of its keys is in
 * config/schema.c; config/REFERENCE.md and config/appliance.cfg are printed from
 * it.  The fields below mirror the keys: tcp.port is config.tcp.port.
 *
 * Owner:   the control role.  Fixed size, no pointers, may be copied; about
 *          250 KiB, so never on a stack.  Every other role gets what it needs
 *          at boot or by lane and never sees the text.
 * Bounds:  each text is NUL-terminated in its array, each list has its count.
 *          Integers and floats are inside the range of their row.
 * Failure: config_load fills in config_error and returns false; `out` is then
 *          undefined and the caller keeps what it had. */
#ifndef ASSAY_CONFIG_CONFIG_H
#define ASSAY_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/base/decision.h"
#include "runtime/base/feature_plan.h"
#include "runtime/base/history_plan.h"
#include "runtime/base/transaction.h"

#define CONFIG_FILE_BYTES_MAX (1U << 20) /* of the text; 256 callers fit many times */
#define CONFIG_PATH_BYTES     512        /* a file name after it was made absolute, with its NUL */
#define CONFIG_ADDRESSES_MAX  8
#define CONFIG_ADDRESS_BYTES  56 /* the longest IPv6 text, "/128" and a NUL */
#define CONFIG_CALLERS_MAX    256
#define CONFIG_IDENTITY_BYTES 256  /* 255 bytes of a SAN (TLS_IDENTITY_BYTES_MAX) and a NUL */
#define CONFIG_RECORD_BYTES   8256 /* what one audit record may take of audit.ring_kib */
#define CONFIG_DEVICE_BYTES   256
#define CONFIG_DECIDE_MAX     8   /* cores that decide, beside net */
#define CONFIG_COLUMNS_MAX    320 /* every feature and every field */
#define CONFIG_COLUMN_BYTES   96
#define CONFIG_ERRORS_MAX     20
#define CONFIG_ERROR_BYTES    2048
#define CONFIG_KEYS_MAX       160 /* rows of the schema table, at most */

/* Values of `may` in the table of callers; a bit set. */
enum config_may {
	CONFIG_MAY_DECIDE  = 1 << 0, /* POST /v1/decisions */
	CONFIG_MAY_HEALTH  = 1 << 1, /* GET /v1/health/... */
	CONFIG_MAY_VERSION = 1 << 2, /* GET /v1/version */
	CONFIG_MAY_METRICS = 1 << 3, /* management: GET /metrics */
	CONFIG_MAY_STATUS  = 1 << 4, /* management: assayctl status */
	CONFIG_MAY_RELOAD  = 1 << 5, /* management: assayctl reload */
	CONFIG_MAY_LABELS  = 1 << 6, /* POST /v1/labels */
	CONFIG_MAY_LISTS   = 1 << 7, /* POST /v1/lists */
};

enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };

/* What a transaction gets when its normal decision cannot be made. */
enum config_on_failure {
	CONFIG_ON_FAILURE_REVIEW,
	CONFIG_ON_FAILURE_DECLINE,
	CONFIG_ON_FAILURE_REFUSE,  /* no decision: 503 */
	CONFIG_ON_FAILURE_APPROVE, /* only with decision.accept_silent_approval */
};

/* What a deadline can cut off. */
enum config_stage { CONFIG_STAGE_MODEL, CONFIG_STAGE_RULES, CONFIG_STAGE_COUNT };

/* Where a column of a CSV file goes. */
enum config_column_target {
	CONFIG_COLUMN_FIELD, /* `at` is the enum field; id, currency and channel, too */
	CONFIG_COLUMN_TIME,
	CONFIG_COLUMN_AMOUNT,
	CONFIG_COLUMN_LABEL,   /* 1 or fraud, 0 or genuine */
	CONFIG_COLUMN_FEATURE, /* `at` is the slot in config.features */
};

enum config_time_format {
	CONFIG_TIME_RFC3339,
	CONFIG_TIME_DATETIME, /* 2018-04-01 00:00:31, UTC */
	CONFIG_TIME_UNIX,     /* seconds since 1970, decimals allowed */
};

enum config_audit_reply { CONFIG_AUDIT_DURABLE, CONFIG_AUDIT_QUEUED };

enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };

struct config_nic {
	char     device[CONFIG_DEVICE_BYTES]; /* PCI address, or vdev with arguments */
	uint32_t rx_descriptors;
	uint32_t tx_descriptors;
	uint32_t mbufs;
	uint32_t mtu;
	bool     checksum_offload;
	bool     promiscuous;
};

struct config_memory {
	uint32_t hugepages_mib;
};

struct config_cores {
	uint32_t net;
	uint32_t decide_count; /* 0: the net core decides itself */
	uint32_t decide[CONFIG_DECIDE_MAX];
	uint32_t audit;
	uint32_t control;
};

struct config_net {
	uint32_t vlan; /* 0: frames carry no 802.1Q tag */
	uint32_t addresses_count;
	char     addresses[CONFIG_ADDRESSES_MAX][CONFIG_ADDRESS_BYTES]; /* "10.77.0.2/24" */
	char     gateway4[CONFIG_ADDRESS_BYTES];                        /* "" = none */
	char     gateway6[CONFIG_ADDRESS_BYTES];                        /* "" = none */
};

struct config_tcp {
	uint32_t port;
	uint32_t connections_max;
	uint32_t receive_window_bytes;
	uint32_t send_buffer_bytes;
	uint32_t syn_backlog;
	uint32_t idle_seconds;
};

struct config_http {
	uint32_t idle_seconds;
	uint32_t header_seconds;
	uint32_t body_seconds;
	uint32_t body_bytes_max;
	uint32_t target_bytes_max;
	uint32_t header_bytes_max;
	uint32_t headers_max;
};

struct config_tls {
	char     certificate[CONFIG_PATH_BYTES];
	char     key[CONFIG_PATH_BYTES];
	char     issuers[CONFIG_PATH_BYTES];
	char     revocation_list[CONFIG_PATH_BYTES]; /* "" = none */
	uint32_t revocation_max_age_hours;           /* 0: any age */
	uint8_t  minimum_version;                    /* enum config_tls_version */
	bool     tickets;
	uint32_t ticket_lifetime_seconds;
	uint32_t ticket_rotate_seconds;
	uint32_t handshakes_max;
};

struct config_caller {
	char     identity[CONFIG_IDENTITY_BYTES]; /* matched whole and byte for byte */
	uint32_t may;                             /* bit set of enum config_may */
};

struct config_management {
	char     address[CONFIG_ADDRESS_BYTES];
	uint32_t port;
	char     certificate[CONFIG_PATH_BYTES]; /* these three: "" in the file = as in tls, */
	char     key[CONFIG_PATH_BYTES];         /* and config_load has filled them in */
	char     issuers[CONFIG_PATH_BYTES];
	char     revocation_list[CONFIG_PATH_BYTES]; /* "" = as in tls if issuers is, else none */
};

/* What the engine's memory of entities may take; config.plan has these, too, in the
 * units the engine uses. */
struct config_state {
	uint32_t memory_mib;
	uint32_t shards; /* a power of two */
	uint32_t lateness_seconds;
	uint32_t future_seconds;
	char     snapshot_directory[CONFIG_PATH_BYTES]; /* "" = no snapshots */
	uint32_t snapshot_interval_seconds;
};

/* The rows that sequence models see; config.history_plan has these, too, as the engine
 * uses them. */
struct config_history {
	uint32_t steps;          /* 0: none are kept */
	uint32_t features_count; /* 0: all features */
	char     features[HISTORY_COLUMNS_MAX][PLAN_NAME_BYTES];
	uint8_t  missing_step; /* enum history_missing */
	uint32_t memory_mib;
};

struct config_rules {
	char file[CONFIG_PATH_BYTES]; /* "" = none; the rules have their own digest */
};

struct config_idempotency {
	uint32_t memory_mib;
	uint32_t retention_hours;
};

struct config_labels {
	uint32_t transactions_max; /* that can still be labelled; the oldest leaves first */
};

/* The declared table of the deadline: what a transaction gets when a stage had not run by
 * then.  What ran still counts: the strictest of both is the decision. */
struct config_deadline {
	uint32_t default_us; /* for requests without deadline_us; 0: none */
	uint32_t order_count;
	uint8_t  order[CONFIG_STAGE_COUNT]; /* enum config_stage, each once */
	uint8_t  on_missed_model;           /* enum config_on_failure */
	uint8_t  on_missed_rules;           /* enum config_on_failure */
};

/* A second configuration that decides beside the live one and never answers. */
struct config_shadow {
	bool  enabled;
	char  model_file[CONFIG_PATH_BYTES]; /* "" = the live model */
	char  rules_file[CONFIG_PATH_BYTES]; /* "" = the live rules */
	float review_threshold;
	float decline_threshold; /* >= review_threshold */
};

/* Offline only: how `assayctl features` reads a CSV file. */
struct config_column {
	char     column[CONFIG_COLUMN_BYTES]; /* its name in the header */
	char     field[CONFIG_COLUMN_BYTES];  /* as written: "card", "feature:NAME", ... */
	uint8_t  target;                      /* enum config_column_target, from `field` */
	uint16_t at;
};

struct config_csv {
	char    currency[4]; /* of rows without one; "" = the column is required */
	uint8_t channel;     /* enum transaction_channel, of rows without one */
	uint8_t time_format; /* enum config_time_format */
};

struct config_decode {
	uint32_t batch_max;
};

#define CONFIG_OUTPUT_LAST 64u /* of model.output */

struct config_model {
	char     file[CONFIG_PATH_BYTES];      /* "" = none */
	char     digest[2 * DIGEST_BYTES + 1]; /* lower-case hexadecimal; "" = any */
	uint32_t output;                       /* which is the score; CONFIG_OUTPUT_LAST */
};

struct config_decision {
	float   review_threshold;
	float   decline_threshold; /* >= review_threshold */
	uint8_t on_model_missing;  /* enum config_on_failure */
	uint8_t on_model_invalid;  /* enum config_on_failure */
	bool    accept_silent_approval;
};

struct config_audit {
	char     directory[CONFIG_PATH_BYTES];
	uint8_t  reply; /* enum config_audit_reply */
	uint32_t segment_mib;
	uint32_t ring_kib;
	uint32_t sync_interval_us;
	uint32_t patience_ms;
	uint32_t disk_reserve_mib;
};

struct config_log {
	uint8_t level;                   /* enum config_log_level */
	char    file[CONFIG_PATH_BYTES]; /* "" = stderr */
};

struct config {
	char                      name[64];
	struct config_nic         nic;
	struct config_memory      memory;
	struct config_cores       cores;
	struct config_net         net;
	struct config_tcp         tcp;
	struct config_http        http;
	struct config_tls         tls;
	uint32_t                  callers_count;
	struct config_caller      callers[CONFIG_CALLERS_MAX];
	struct config_management  management;
	struct config_decode      decode;
	struct feature_schema     features; /* supplied by the caller */
	struct config_state       state;
	struct feature_plan       plan; /* entities, computed features and their bounds */
	char                      computed_entity[PLAN_FEATURES_MAX][PLAN_NAME_BYTES];
	struct config_history     history;
	struct history_plan       history_plan; /* follows from the above */
	struct config_model       model;
	struct config_rules       rules;
	struct config_decision    decision;
	struct config_deadline    deadline;
	struct config_shadow      shadow;
	struct config_idempotency idempotency;
	struct config_labels      labels;
	struct config_audit       audit;
	struct config_log         log;
	struct config_csv         csv;
	uint32_t                  columns_count;
	struct config_column      columns[CONFIG_COLUMNS_MAX];
};

/* What is wrong with a file: up to CONFIG_ERRORS_MAX whole sentences in the
 * order of the file, "FILE:LINE: key: what is wrong, what is allowed".  They are
 * printable ASCII whatever the file holds. */
struct config_error {
	uint32_t count;  /* lines filled in */
	uint32_t unsaid; /* further errors there was no room for */
	char     lines[CONFIG_ERRORS_MAX][CONFIG_ERROR_BYTES];
};

/* All lines, and how many more there were, into text that is cut at its capacity; or on
 * standard error. */
void config_errors_write(const struct config_error *errors, const char *path, char *out,
			 size_t capacity);
void config_errors_print(const struct config_error *errors, const char *path);

/* Every key at its default.  Keys without one (REFERENCE.md says "required")
 * are empty.  File names are as written, not resolved. */
void config_defaults(struct config *out);

/* Read and check a file.  Relative file names in it count from its directory.
 * Forks a process without privileges for the parsing (config/child.h), waits for
 * it 5 s at most, and may be called from any thread that may block. */
bool config_load(const char *path, struct config *out, struct config_error *error);

/* The same for text in memory; `path` is what errors and relative names use. */
bool config_load_text(const char *path, const void *text, size_t size_bytes, struct config *out,
		      struct config_error *error);

/* The names a model or a rule may use, in the order of their slots: the supplied ones,
 * then the computed ones (config->plan.features).  config_load has made sure that they
 * are different and at most TRANSACTION_FEATURES_MAX. */
void config_feature_names(const struct config *config, struct feature_schema *out);

/* The boot keys in which two configurations differ: what a reload can't apply
 * ("needs a restart").  Returns how many; keys[] get static names. */
size_t config_live_difference(const struct config *old, const struct config *new,
			      const char          *keys[CONFIG_KEYS_MAX]);

/* Puts every boot key of `new` back to its value in `booted`, lists with their
 * counts, so that a reload applies live keys only. */
void config_keep_boot(const struct config *booted, struct config *new);

/* SHA-256 over "assay-config-1\n" and one line "key=value\n" per key that can
 * change a decision (REFERENCE.md marks them), element by element, in the
 * order of the table.  Two machines that differ in addresses, limits or file
 * names only have the same digest; the model and the rules have their own. */
void config_digest(const struct config *config, uint8_t out[DIGEST_BYTES]);

/* For control-side tools: config/appliance.cfg and config/REFERENCE.md. */
void config_print_default(FILE *out);
void config_print_reference(FILE *out);

#endif
