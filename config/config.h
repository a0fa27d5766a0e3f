/* The configuration: every value the appliance is provisioned with, checked.
 *
 * One libconfig file names everything.  The one table of its keys is in
 * config/schema.c; config/REFERENCE.md and config/appliance.cfg are printed from
 * it.  The fields below mirror the keys: tcp.port is config.tcp.port.
 *
 * Owner:   the control role.  Fixed size, no pointers, may be copied; about
 *          100 KiB, so never on a stack.  Every other role gets what it needs
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
#include "runtime/base/transaction.h"

#define CONFIG_FILE_BYTES_MAX (1U << 20) /* of the text; 256 callers fit many times */
#define CONFIG_PATH_BYTES     512        /* a file name after it was made absolute, with its NUL */
#define CONFIG_ADDRESSES_MAX  8
#define CONFIG_ADDRESS_BYTES  56 /* the longest IPv6 text, "/128" and a NUL */
#define CONFIG_CALLERS_MAX    256
#define CONFIG_IDENTITY_BYTES 256  /* 255 bytes of a SAN (TLS_IDENTITY_BYTES_MAX) and a NUL */
#define CONFIG_RECORD_BYTES   4160 /* what one audit record may take of audit.ring_kib */
#define CONFIG_DEVICE_BYTES   256
#define CONFIG_ERRORS_MAX     20
#define CONFIG_ERROR_BYTES    768
#define CONFIG_KEYS_MAX       128 /* rows of the schema table, at most */

/* Values of `may` in the table of callers; a bit set. */
enum config_may {
	CONFIG_MAY_DECIDE  = 1 << 0, /* POST /v1/decisions */
	CONFIG_MAY_HEALTH  = 1 << 1, /* GET /v1/health/... */
	CONFIG_MAY_VERSION = 1 << 2, /* GET /v1/version */
	CONFIG_MAY_METRICS = 1 << 3, /* management: GET /metrics */
	CONFIG_MAY_STATUS  = 1 << 4, /* management: assayctl status */
	CONFIG_MAY_RELOAD  = 1 << 5, /* management: assayctl reload */
};

enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };

/* What a transaction gets when its normal decision cannot be made. */
enum config_on_failure {
	CONFIG_ON_FAILURE_REVIEW,
	CONFIG_ON_FAILURE_DECLINE,
	CONFIG_ON_FAILURE_REFUSE,  /* no decision: 503 */
	CONFIG_ON_FAILURE_APPROVE, /* only with decision.accept_silent_approval */
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

struct config_decode {
	uint32_t batch_max;
};

struct config_model {
	char file[CONFIG_PATH_BYTES];      /* "" = none */
	char digest[2 * DIGEST_BYTES + 1]; /* lower-case hexadecimal; "" = any */
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
	uint32_t disk_reserve_mib;
};

struct config_log {
	uint8_t level;                   /* enum config_log_level */
	char    file[CONFIG_PATH_BYTES]; /* "" = stderr */
};

struct config {
	char                     name[64];
	struct config_nic        nic;
	struct config_memory     memory;
	struct config_cores      cores;
	struct config_net        net;
	struct config_tcp        tcp;
	struct config_http       http;
	struct config_tls        tls;
	uint32_t                 callers_count;
	struct config_caller     callers[CONFIG_CALLERS_MAX];
	struct config_management management;
	struct config_decode     decode;
	struct feature_schema    features;
	struct config_model      model;
	struct config_decision   decision;
	struct config_audit      audit;
	struct config_log        log;
};

/* What is wrong with a file: up to CONFIG_ERRORS_MAX whole sentences in the
 * order of the file, "FILE:LINE: key: what is wrong, what is allowed".  They are
 * printable ASCII whatever the file holds. */
struct config_error {
	uint32_t count;  /* lines filled in */
	uint32_t unsaid; /* further errors there was no room for */
	char     lines[CONFIG_ERRORS_MAX][CONFIG_ERROR_BYTES];
};

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

/* The boot keys in which two configurations differ: what a reload can't apply
 * ("needs a restart").  Returns how many; keys[] get static names. */
size_t config_live_difference(const struct config *old, const struct config *new,
			      const char          *keys[CONFIG_KEYS_MAX]);

/* Puts every boot key of `new` back to its value in `booted`, lists with their
 * counts, so that a reload applies live keys only. */
void config_keep_boot(const struct config *booted, struct config *new);

/* SHA-256 over "assay-config-1\n" and one line "key=value\n" per key that can
 * change a decision (REFERENCE.md marks them: features and decision.*), in the
 * order of the table.  Two machines that differ in addresses, limits or file
 * names only have the same digest; the model has its own. */
void config_digest(const struct config *config, uint8_t out[DIGEST_BYTES]);

/* For control-side tools: config/appliance.cfg and config/REFERENCE.md. */
void config_print_default(FILE *out);
void config_print_reference(FILE *out);

#endif
