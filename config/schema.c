#include "config/schema.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/forms.h"

#define BOOT     0
#define LIVE     SCHEMA_LIVE
#define DECIDES  SCHEMA_DECIDES
#define REQUIRED SCHEMA_REQUIRED

#define AT(field) \
	.offset = offsetof(struct config, field), .size_bytes = sizeof(((struct config *)0)->field)
#define BYTES(field) (sizeof(((struct config *)0)->field) - 1)

/* One macro per type, so that a row has only the columns that say something. */
#define GROUP(p, s) { .path = p, .type = SCHEMA_GROUP, .sentence = s },
#define FLAG(p, field, when, d, s) \
	{ .path = p, .type = SCHEMA_FLAG, .flags = when, AT(field), .initial = d, .sentence = s },
#define COUNT(p, field, when, u, lo, hi, d, s) \
	{ .path  = p,                          \
	  .type  = SCHEMA_COUNT,               \
	  .flags = when,                       \
	  AT(field),                           \
	  .min      = lo,                      \
	  .max      = hi,                      \
	  .unit     = u,                       \
	  .initial  = d,                       \
	  .sentence = s },
#define REAL(p, field, when, lo, hi, d, s) \
	{ .path  = p,                      \
	  .type  = SCHEMA_REAL,            \
	  .flags = when,                   \
	  AT(field),                       \
	  .min      = lo,                  \
	  .max      = hi,                  \
	  .initial  = d,                   \
	  .sentence = s },
#define TEXT(p, field, when, lo, f, a, d, s) \
	{ .path  = p,                        \
	  .type  = SCHEMA_TEXT,              \
	  .flags = when,                     \
	  AT(field),                         \
	  .min      = lo,                    \
	  .max      = BYTES(field),          \
	  .form     = f,                     \
	  .allowed  = a,                     \
	  .initial  = d,                     \
	  .sentence = s },
#define NAMED_FILE(p, field, when, lo, a, d, s) \
	{ .path  = p,                           \
	  .type  = SCHEMA_FILE,                 \
	  .flags = when,                        \
	  AT(field),                            \
	  .min      = lo,                       \
	  .max      = BYTES(field),             \
	  .allowed  = a,                        \
	  .initial  = d,                        \
	  .sentence = s },
#define CHOICE(p, field, when, words, d, s) \
	{ .path  = p,                       \
	  .type  = SCHEMA_CHOICE,           \
	  .flags = when,                    \
	  AT(field),                        \
	  .allowed  = words,                \
	  .initial  = d,                    \
	  .sentence = s },
#define LIST(p, field, when, u, lo, hi, d, s) \
	{ .path  = p,                         \
	  .type  = SCHEMA_LIST,               \
	  .flags = when,                      \
	  AT(field),                          \
	  .min      = lo,                     \
	  .max      = hi,                     \
	  .unit     = u,                      \
	  .initial  = d,                      \
	  .sentence = s },

/* Columns of the rows inside a list of groups. */
#define CALLER(field)   AT(callers[0].field), .stride_bytes = sizeof(struct config_caller)
#define ENTITY(field)   AT(plan.entities[0].field), .stride_bytes = sizeof(struct entity_spec)
#define COMPUTED(field) AT(plan.features[0].field), .stride_bytes = sizeof(struct feature_spec)
#define COLUMN(field)   AT(columns[0].field), .stride_bytes = sizeof(struct config_column)

/* In the order of enum field, from 1; of enum feature_kind, from 0; of enum
 * transaction_channel, from 1.  A test compares them. */
#define PARTY(role)                                                                  \
	role "_name|" role "_country|" role "_iban|" role "_bic|" role "_lei|" role  \
	     "_passport|" role "_other|" role "_other_scheme|" role "_other_2|" role \
	     "_other_2_scheme"
#define FIELDS                                                                               \
	"id|card|account|payee|device|terminal|merchant|merchant_category|merchant_country|" \
	"currency|channel|" PARTY("originator") "|" PARTY("beneficiary") "|" PARTY(          \
		"originator_agent") "|" PARTY("beneficiary_agent")
#define KINDS                                                                         \
	"count|sum|mean|min|max|stddev|distinct|zscore|ratio|since_last|since_first|" \
	"frauds|fraud_rate|labelled|declines|reviews|amount|hour|weekday|weekend|hours"
#define CHANNELS "card_present|card_not_present|atm|instant|wire|ach"

#define SECOND_NS INT64_C(1000000000)
#define DAY_NS    (86400 * SECOND_NS)

/* clang-format off */
const struct schema_row schema[] = {
	TEXT("name", name, BOOT, 1, form_name, "a host name of a-z, 0-9, '.' and '-'", "assay",
	     "What this appliance calls itself in its log, metrics and audit records.")

GROUP("nic", "The network device that carries the callers; DPDK owns it.")
	TEXT("nic.device", nic.device, BOOT | REQUIRED, 1, form_device,
	     "a PCI address (0000:03:00.0) or a DPDK vdev (net_af_packet0,iface=assay1)",
	     "net_af_packet0,iface=assay1",
	     "The device: a PCI address bound to vfio-pci, or a DPDK virtual device with its arguments.")
	COUNT("nic.rx_descriptors", nic.rx_descriptors, BOOT, "descriptors", 64, 32768, "1024",
	      "Receive ring of the device.")
	COUNT("nic.tx_descriptors", nic.tx_descriptors, BOOT, "descriptors", 64, 32768, "1024",
	      "Transmit ring of the device.")
	COUNT("nic.mbufs", nic.mbufs, BOOT, "buffers", 1024, 4194304, "16384",
	      "Packet buffers in hugepage memory; more than both rings together.")
	COUNT("nic.mtu", nic.mtu, BOOT, "bytes", 1280, 9000, "1500",
	      "Largest IP packet on the link; IPv6 needs 1280 (RFC 8200).")
	FLAG("nic.checksum_offload", nic.checksum_offload, BOOT, "true",
	     "Let the device make and check checksums where it can.")
	FLAG("nic.promiscuous", nic.promiscuous, BOOT, "false",
	     "Take frames addressed to others, too; some virtual devices need it.")

GROUP("memory", "Memory taken at boot and never given back.")
	COUNT("memory.hugepages_mib", memory.hugepages_mib, BOOT, "MiB", 32, 1048576, "512",
	      "Hugepage memory for packet buffers, models and state.")

GROUP("cores", "Which CPU core runs which role; audit and control may share one, net polls and wants its own.")
	COUNT("cores.net", cores.net, BOOT, "", 0, 1023, "1",
	      "Polls the device, speaks TCP, TLS and HTTP, and decides when cores.decide is empty.")
	LIST("cores.decide", cores.decide_count, BOOT, "cores", 0, CONFIG_DECIDE_MAX, "( )",
	     "Keep the histories and decide, each its share of the entities; empty means that net does it. The decisions are the same for any number.")
	{ .path = "cores.decide[]", .type = SCHEMA_COUNT, .flags = BOOT, AT(cores.decide[0]),
	  .stride_bytes = sizeof(uint32_t), .min = 0, .max = 1023, .sentence = "One core." },
	COUNT("cores.audit", cores.audit, BOOT, "", 0, 1023, "0",
	      "Writes the audit log.")
	COUNT("cores.control", cores.control, BOOT, "", 0, 1023, "0",
	      "Management, reload, metrics and log.")

GROUP("net", "The appliance's place in the network.")
	COUNT("net.vlan", net.vlan, BOOT, "", 0, 4094, "0",
	      "802.1Q tag of every frame; 0 means untagged.")
	LIST("net.addresses", net.addresses_count, BOOT | REQUIRED, "addresses", 1, CONFIG_ADDRESSES_MAX,
	     "( \"10.77.0.2/24\" )", "At most one IPv4 address and any IPv6 ones, with their prefix lengths.")
	{ .path = "net.addresses[]", .type = SCHEMA_TEXT, .flags = REQUIRED, AT(net.addresses[0]),
	  .stride_bytes = CONFIG_ADDRESS_BYTES, .min = 1, .max = BYTES(net.addresses[0]),
	  .form = form_address_prefix, .allowed = "an IPv4 address with its prefix length (10.77.0.2/24) or an IPv6 one with /64 (fd00::2/64)",
	  .sentence = "One address." },
	TEXT("net.gateway4", net.gateway4, BOOT, 0, form_address4, "an IPv4 address, or empty", "",
	     "IPv4 router for callers on other networks; empty means none.")
	TEXT("net.gateway6", net.gateway6, BOOT, 0, form_address6, "an IPv6 address, or empty", "",
	     "IPv6 router; empty means none.")

GROUP("tcp", "Connections of the callers.")
	COUNT("tcp.port", tcp.port, BOOT, "", 1, 65535, "8443",
	      "Port of the decision API.")
	COUNT("tcp.connections_max", tcp.connections_max, BOOT, "connections", 1, 16384, "4096",
	      "Open connections; memory for all of them is taken at boot.")
	COUNT("tcp.receive_window_bytes", tcp.receive_window_bytes, BOOT, "bytes", 16384, 1048576, "32768",
	      "Bytes a caller may send ahead on one connection.")
	COUNT("tcp.send_buffer_bytes", tcp.send_buffer_bytes, BOOT, "bytes", 16384, 1048576, "32768",
	      "Answer bytes kept on one connection until the caller acknowledges them.")
	COUNT("tcp.syn_backlog", tcp.syn_backlog, BOOT, "connections", 16, 255, "255",
	      "Connections half open at a time; beyond it, new ones are not answered.")
	COUNT("tcp.idle_seconds", tcp.idle_seconds, BOOT, "s", 1, 86400, "300",
	      "A connection on which no byte moves either way for this long is closed.")

GROUP("http", "Bounds on a request; beyond them the caller gets 408, 413, 414 or 431.")
	COUNT("http.idle_seconds", http.idle_seconds, BOOT, "s", 1, 86400, "60",
	      "Time between two requests on a connection.")
	COUNT("http.header_seconds", http.header_seconds, BOOT, "s", 1, 600, "10",
	      "Time from the first byte of a request to the end of its head.")
	COUNT("http.body_seconds", http.body_seconds, BOOT, "s", 1, 600, "20",
	      "Time from the end of the head to the end of the body.")
	COUNT("http.body_bytes_max", http.body_bytes_max, BOOT, "bytes", 1024, 8388608, "1048576",
	      "Largest body.")
	COUNT("http.target_bytes_max", http.target_bytes_max, BOOT, "bytes", 32, 8192, "1024",
	      "Longest request target.")
	COUNT("http.header_bytes_max", http.header_bytes_max, BOOT, "bytes", 256, 65536, "8192",
	      "Names and values of all header fields together.")
	COUNT("http.headers_max", http.headers_max, BOOT, "fields", 4, 256, "64",
	      "Header fields in one request.")

GROUP("tls", "The appliance's certificate and whom it believes; files are read again on reload.")
	NAMED_FILE("tls.certificate", tls.certificate, LIVE, 1, "a PEM file", "pki/server.crt",
	           "Certificate chain of the appliance, its own certificate first.")
	NAMED_FILE("tls.key", tls.key, LIVE, 1, "a PEM file", "pki/server.key",
	           "Private key of the certificate.")
	NAMED_FILE("tls.issuers", tls.issuers, LIVE, 1, "a PEM file", "pki/ca.crt",
	           "Certificates that may have issued a caller's; nothing else is believed.")
	NAMED_FILE("tls.revocation_list", tls.revocation_list, LIVE, 0, "a PEM or DER file, or empty", "",
	           "Certificates no longer good, as CRLs of the issuers; empty means none is checked.")
	COUNT("tls.revocation_max_age_hours", tls.revocation_max_age_hours, LIVE, "h", 0, 8784, "0",
	      "Refuse callers when the list is older than this; 0 means its own nextUpdate alone counts.")
	CHOICE("tls.minimum_version", tls.minimum_version, BOOT, "1.2|1.3", "1.3",
	       "Oldest TLS version a caller may use.")
	FLAG("tls.tickets", tls.tickets, BOOT, "true",
	     "Let callers resume sessions; identity and revocation are checked again each time.")
	COUNT("tls.ticket_lifetime_seconds", tls.ticket_lifetime_seconds, BOOT, "s", 60, 604800, "3600",
	      "How long a ticket may be used; RFC 8446 4.6.1 allows seven days.")
	COUNT("tls.ticket_rotate_seconds", tls.ticket_rotate_seconds, BOOT, "s", 60, 604800, "3600",
	      "How often the key that seals tickets changes; at least the lifetime.")
	COUNT("tls.handshakes_max", tls.handshakes_max, BOOT, "handshakes", 1, 16384, "256",
	      "Handshakes under way at a time, beyond which a new connection is refused; at most tcp.connections_max.")

	LIST("callers", callers_count, LIVE, "callers", 0, CONFIG_CALLERS_MAX, "( )",
	     "Who may call what, on the decision port and the management port; who is not listed is not served.")
	{ .path = "callers[]", .type = SCHEMA_GROUP, .flags = LIVE, AT(callers[0]),
	  .stride_bytes = sizeof(struct config_caller), .sentence = "One caller." },
	{ .path = "callers[].identity", .type = SCHEMA_TEXT, .flags = LIVE | REQUIRED, CALLER(identity),
	  .min = 1, .max = BYTES(callers[0].identity),
	  .form = form_identity, .allowed = "a name without blanks", .initial = "spiffe://bank/cards",
	  .sentence = "The subject alternative name of the caller's certificate (URI or DNS), compared whole and byte for byte." },
	{ .path = "callers[].may", .type = SCHEMA_LIST, .flags = LIVE | REQUIRED, .min = 1, .max = 8,
	  .unit = "words", .initial = "( \"decide\", \"health\", \"version\" )",
	  .sentence = "What the caller may do: decide, labels, lists, health and version on the decision port; metrics, status and reload on the management port." },
	{ .path = "callers[].may[]", .type = SCHEMA_WORDS, .flags = LIVE | REQUIRED, CALLER(may),
	  .allowed = "decide|health|version|metrics|status|reload|labels|lists", .sentence = "One right." },

GROUP("management", "The listener for operators, on the kernel's own sockets, mutual TLS as well.")
	TEXT("management.address", management.address, BOOT, 1, form_address, "an IPv4 or IPv6 address", "127.0.0.1",
	     "Address to listen on.")
	COUNT("management.port", management.port, BOOT, "", 1, 65535, "9443",
	      "Port to listen on.")
	NAMED_FILE("management.certificate", management.certificate, LIVE, 0, "a PEM file, or empty", "",
	           "Certificate chain; empty means as in tls.")
	NAMED_FILE("management.key", management.key, LIVE, 0, "a PEM file, or empty", "",
	           "Private key; empty means as in tls.")
	NAMED_FILE("management.issuers", management.issuers, LIVE, 0, "a PEM file, or empty", "",
	           "Issuers of operators' certificates; empty means as in tls.")
	NAMED_FILE("management.revocation_list", management.revocation_list, LIVE, 0,
	           "a PEM or DER file, or empty", "",
	           "Operators' certificates no longer good; empty means as in tls when issuers is empty too, else none.")

GROUP("decode", "Reading transactions.")
	COUNT("decode.batch_max", decode.batch_max, BOOT, "transactions", 1, 256, "64",
	      "Transactions in one request.")

	LIST("features", features.count, BOOT | DECIDES, "features", 0, TRANSACTION_FEATURES_MAX, "( )",
	     "Names of the numbers a caller's feature store supplies; models and rules use them by name.")
	{ .path = "features[]", .type = SCHEMA_TEXT, .flags = DECIDES, AT(features.names[0]),
	  .stride_bytes = sizeof(((struct config *)0)->features.names[0]), .min = 1, .max = BYTES(features.names[0]),
	  .form = form_feature, .allowed = "a name of letters, digits and _ . : -", .sentence = "One name." },

GROUP("state", "The memory of cards, accounts and other entities; its bounds are part of every decision.")
	COUNT("state.memory_mib", state.memory_mib, BOOT | DECIDES, "MiB", 1, 1048576, "64",
	      "Memory of all histories; when it is full, the entities longest untouched leave.")
	COUNT("state.shards", state.shards, BOOT | DECIDES, "shards", 1, 256, "16",
	      "Parts the histories are kept in, a power of two; the decide cores share them out.")
	COUNT("state.lateness_seconds", state.lateness_seconds, BOOT | DECIDES, "s", 0, 604800, "300",
	      "A transaction at most this much older than the newest of its entity is still filed where it belongs.")
	COUNT("state.future_seconds", state.future_seconds, LIVE, "s", 0, 604800, "300",
	      "A payment dated this much ahead of the appliance's clock or less is taken; one further ahead is refused, as it would make every payment of today late.")
	NAMED_FILE("state.snapshot_directory", state.snapshot_directory, BOOT, 0, "a directory, or empty", "",
	           "Where snapshots of the histories are kept; empty means none, and a start reads the whole audit log.  Making one takes as much ordinary memory as the histories do.")
	COUNT("state.snapshot_interval_seconds", state.snapshot_interval_seconds, BOOT, "s", 1, 604800, "3600",
	      "Time from one snapshot to the next.")

	LIST("entities", plan.entities_count, BOOT | DECIDES, "entities", 0, PLAN_ENTITIES_MAX, "( )",
	     "What has a history: each value of a field, of a pair of fields, or of three.")
	{ .path = "entities[]", .type = SCHEMA_GROUP, .flags = DECIDES, AT(plan.entities[0]),
	  .stride_bytes = sizeof(struct entity_spec), .sentence = "One kind of entity." },
	{ .path = "entities[].name", .type = SCHEMA_TEXT, .flags = DECIDES | REQUIRED, ENTITY(name),
	  .min = 1, .max = PLAN_NAME_BYTES - 1, .form = form_feature,
	  .allowed = "a name of letters, digits and _ . : -", .initial = "card",
	  .sentence = "What computed features call it." },
	{ .path = "entities[].key", .type = SCHEMA_LIST, .flags = DECIDES | REQUIRED, .min = 1,
	  .max = PLAN_KEY_FIELDS_MAX, .unit = "fields", .initial = "( \"card\" )",
	  .sentence = "The fields a transaction is filed under; one that lacks any of them is not filed. With \"currency\" among them there is a history for each currency, which the kinds that are made of amounts need." },
	{ .path = "entities[].key[]", .type = SCHEMA_CHOICE, .flags = DECIDES | REQUIRED, ENTITY(key[0]),
	  .inner_max = PLAN_KEY_FIELDS_MAX, .min = 1, .allowed = FIELDS, .sentence = "One field." },
	{ .path = "entities[].read", .type = SCHEMA_LIST, .flags = DECIDES, .min = 0,
	  .max = PLAN_KEY_FIELDS_MAX, .unit = "fields", .initial = "( )",
	  .sentence = "The fields whose history a transaction reads, as many as key has; empty means those of key." },
	{ .path = "entities[].read[]", .type = SCHEMA_CHOICE, .flags = DECIDES, ENTITY(read[0]),
	  .inner_max = PLAN_KEY_FIELDS_MAX, .min = 1, .allowed = FIELDS, .sentence = "One field." },
	{ .path = "entities[].channels", .type = SCHEMA_LIST, .flags = DECIDES, .min = 0, .max = CHANNEL_COUNT - 1,
	  .unit = "channels", .initial = "( )",
	  .sentence = "The channels whose transactions are filed here; empty means all." },
	{ .path = "entities[].channels[]", .type = SCHEMA_WORDS, .flags = DECIDES, ENTITY(channels),
	  .min = 1, .allowed = CHANNELS, .sentence = "One channel." },
	{ .path = "entities[].history", .type = SCHEMA_COUNT, .flags = DECIDES, ENTITY(history_max),
	  .min = 2, .max = PLAN_HISTORY_MAX, .unit = "cells", .initial = "256",
	  .sentence = "Transactions kept one by one for each entity; beyond it the oldest are merged two by two." },
	{ .path = "entities[].decisions", .type = SCHEMA_FLAG, .flags = DECIDES, ENTITY(decisions), .initial = "false",
	  .sentence = "Keep what was decided, for the kinds declines and reviews; one entity at most, with key ( \"account\" ), under which a transaction without account is filed by its card." },

	LIST("computed", plan.features_count, BOOT | DECIDES, "features", 0, PLAN_FEATURES_MAX, "( )",
	     "Features the appliance computes; models and rules use them by name, beside the supplied ones.")
	{ .path = "computed[]", .type = SCHEMA_GROUP, .flags = DECIDES, AT(plan.features[0]),
	  .stride_bytes = sizeof(struct feature_spec), .sentence = "One feature." },
	{ .path = "computed[].name", .type = SCHEMA_TEXT, .flags = DECIDES | REQUIRED, COMPUTED(name),
	  .min = 1, .max = PLAN_NAME_BYTES - 1, .form = form_feature,
	  .allowed = "a name of letters, digits and _ . : -", .initial = "card_count_1d",
	  .sentence = "Its name; no other computed or supplied feature has it." },
	{ .path = "computed[].kind", .type = SCHEMA_CHOICE, .flags = DECIDES | REQUIRED, COMPUTED(kind),
	  .allowed = KINDS, .initial = "count",
	  .sentence = "What is computed; sum, mean, min, max, stddev, zscore and ratio are of amounts in the transaction's own currency and need an entity with \"currency\" in its key; amount, hour, weekday, weekend and hours are of the transaction alone." },
	{ .path = "computed[].entity", .type = SCHEMA_TEXT, .flags = DECIDES, AT(computed_entity[0]),
	  .stride_bytes = PLAN_NAME_BYTES, .min = 0, .max = PLAN_NAME_BYTES - 1, .form = form_feature,
	  .allowed = "the name of an entity, or empty", .initial = "",
	  .sentence = "Whose history; empty for kinds of the transaction alone." },
	{ .path = "computed[].of", .type = SCHEMA_CHOICE, .flags = DECIDES, COMPUTED(of), .min = 1,
	  .allowed = FIELDS, .initial = "", .sentence = "The field whose different values distinct counts." },
	{ .path = "computed[].window", .type = SCHEMA_DURATION, .flags = DECIDES, COMPUTED(window_ns),
	  .min = (double)PLAN_WINDOW_NS_MIN, .max = (double)PLAN_WINDOW_NS_MAX, .initial = "",
	  .sentence = "Length of the window of event time; empty means 7d for kinds that have one." },
	{ .path = "computed[].delay", .type = SCHEMA_DURATION, .flags = DECIDES, COMPUTED(delay_ns),
	  .min = 0, .max = (double)PLAN_WINDOW_NS_MAX, .initial = "0s",
	  .sentence = "How long before the transaction the window ends, for labels that arrive late." },
	{ .path = "computed[].empty", .type = SCHEMA_DOUBLE, .flags = DECIDES, COMPUTED(empty),
	  .min = -1e15, .max = 1e15, .initial = "missing",
	  .sentence = "The value where the kind has none, such as the mean of no transaction; left out, the feature is missing." },
	{ .path = "computed[].hours", .type = SCHEMA_HOURS, .flags = DECIDES,
	  .offset = offsetof(struct config, plan.features[0].hour_from), .size_bytes = 2,
	  .stride_bytes = sizeof(struct feature_spec), .initial = "",
	  .sentence = "For the kind hours, UTC: from the first, up to the second; empty means 0-7." },

GROUP("history", "The last payments of each account or card, as rows of numbers, for models that see a sequence.")
	COUNT("history.steps", history.steps, BOOT | DECIDES, "rows", 0, HISTORY_STEPS_MAX, "0",
	      "Rows of a window: a payment's own, and those of its account before it (of its card, where it has no account); 0 means that none are kept.")
	LIST("history.features", history.features_count, BOOT | DECIDES, "features", 0, HISTORY_COLUMNS_MAX, "( )",
	     "The numbers of a row: names of supplied and computed features; empty means all, the supplied ones first.")
	{ .path = "history.features[]", .type = SCHEMA_TEXT, .flags = DECIDES, AT(history.features[0]),
	  .stride_bytes = PLAN_NAME_BYTES, .min = 1, .max = PLAN_NAME_BYTES - 1,
	  .form = form_feature, .allowed = "the name of a feature", .sentence = "One name." },
	CHOICE("history.missing_step", history.missing_step, BOOT | DECIDES, "zero|repeat_first|nan", "zero",
	       "What a window has where the account has no payment yet: zeros, its first row again, or missing values.")
	COUNT("history.memory_mib", history.memory_mib, BOOT | DECIDES, "MiB", 1, 1048576, "64",
	      "Memory of the rows, beside state.memory_mib; when it is full, the account longest without a payment leaves.")

GROUP("model", "The model that scores transactions.")
	NAMED_FILE("model.file", model.file, LIVE, 0, "an XGBoost JSON or UBJSON, LightGBM text or ONNX file, or empty", "",
	           "The model; empty means none, and decision.on_model_missing applies.")
	TEXT("model.digest", model.digest, LIVE, 0, form_digest, "64 lower-case hexadecimal digits, or empty", "",
	     "SHA-256 the file must have; empty means any file is believed.")
	COUNT("model.output", model.output, LIVE | DECIDES, "", 0, 64, "64",
	      "Which of the outputs of a model of several classes or targets is the score, from 0; 64 means the last.")

GROUP("rules", "The bank's rules and lists.")
	NAMED_FILE("rules.file", rules.file, LIVE, 0, "a rules file, or empty", "",
	           "The rules; empty means none. They have a digest of their own in every answer.")

GROUP("decision", "From a score to a decision, and what happens without a score.")
	REAL("decision.review_threshold", decision.review_threshold, LIVE | DECIDES, 0, 1, "0.5",
	     "A score at or above it goes to a person.")
	REAL("decision.decline_threshold", decision.decline_threshold, LIVE | DECIDES, 0, 1, "0.9",
	     "A score at or above it is declined; at least review_threshold.")
	CHOICE("decision.on_model_missing", decision.on_model_missing, LIVE | DECIDES,
	       "review|decline|refuse|approve", "review",
	       "When no model is loaded; refuse answers 503; approve needs accept_silent_approval.")
	CHOICE("decision.on_model_invalid", decision.on_model_invalid, LIVE | DECIDES,
	       "review|decline|refuse|approve", "review",
	       "When the model's output is not a finite number; likewise.")
	FLAG("decision.accept_silent_approval", decision.accept_silent_approval, LIVE | DECIDES, "false",
	     "Only true lets a failure end in approve; it says that payments may pass unexamined.")

GROUP("deadline", "What decides when time runs out; what had run by then still counts, and the strictest wins.")
	COUNT("deadline.default_us", deadline.default_us, LIVE | DECIDES, "us", 0, 60000000, "0",
	      "Deadline of a request without deadline_us, from its first byte; 0 means none.")
	LIST("deadline.order", deadline.order_count, LIVE | DECIDES, "stages", CONFIG_STAGE_COUNT,
	     CONFIG_STAGE_COUNT, "( \"model\", \"rules\" )", "The stages in the order they run, each once.")
	{ .path = "deadline.order[]", .type = SCHEMA_CHOICE, .flags = LIVE | DECIDES, AT(deadline.order[0]),
	  .stride_bytes = 1, .allowed = "model|rules", .sentence = "One stage." },
	CHOICE("deadline.on_missed_model", deadline.on_missed_model, LIVE | DECIDES,
	       "review|decline|refuse|approve", "review",
	       "When the model had not run by the deadline; refuse answers 503; approve needs accept_silent_approval.")
	CHOICE("deadline.on_missed_rules", deadline.on_missed_rules, LIVE | DECIDES,
	       "review|decline|refuse|approve", "review",
	       "When the rules had not run by the deadline; likewise.")

GROUP("shadow", "A second model, rules and thresholds that decide beside the live ones: recorded, never answered.")
	FLAG("shadow.enabled", shadow.enabled, LIVE, "false",
	     "Decide a second time.")
	NAMED_FILE("shadow.model_file", shadow.model_file, LIVE, 0, "a model file, or empty", "",
	           "Its model; empty means the live one.")
	NAMED_FILE("shadow.rules_file", shadow.rules_file, LIVE, 0, "a rules file, or empty", "",
	           "Its rules; empty means the live ones.")
	REAL("shadow.review_threshold", shadow.review_threshold, LIVE, 0, 1, "0.5",
	     "Its review threshold.")
	REAL("shadow.decline_threshold", shadow.decline_threshold, LIVE, 0, 1, "0.9",
	     "Its decline threshold; at least review_threshold.")

GROUP("idempotency", "Repeats of a request, told by caller and id, get the first answer again, byte for byte.")
	COUNT("idempotency.memory_mib", idempotency.memory_mib, BOOT, "MiB", 1, 65536, "64",
	      "Memory of first answers; when it is full, the oldest leaves, and its repeat is decided anew.")
	COUNT("idempotency.retention_hours", idempotency.retention_hours, BOOT, "h", 1, 8784, "24",
	      "How long a first answer is kept.")

GROUP("labels", "What became of transactions, told afterwards.")
	COUNT("labels.transactions_max", labels.transactions_max, BOOT | DECIDES, "transactions", 1, 100000000, "100000",
	      "The newest transactions can be labelled, this many; a label of an older one is unknown and changes nothing.")

GROUP("audit", "The log of decisions.")
	NAMED_FILE("audit.directory", audit.directory, BOOT, 1, "a directory", "audit",
	           "Where the segment files are.")
	CHOICE("audit.reply", audit.reply, BOOT, "durable|queued", "durable",
	       "durable answers after the record is on disk, queued once it is in the ring.")
	COUNT("audit.segment_mib", audit.segment_mib, BOOT, "MiB", 1, 4096, "256",
	      "Size of one segment file.")
	COUNT("audit.ring_kib", audit.ring_kib, BOOT, "KiB", 256, 1048576, "4096",
	      "Records waiting for the disk; when it is full, callers get 503.")
	COUNT("audit.sync_interval_us", audit.sync_interval_us, BOOT, "us", 0, 1000000, "200",
	      "How long a group commit waits for more records; 0 means it never waits.")
	COUNT("audit.patience_ms", audit.patience_ms, BOOT, "ms", 10, 60000, "2000",
	      "A record that is not on disk after so long: the disk hangs, callers get 503 until it goes on.")
	COUNT("audit.disk_reserve_mib", audit.disk_reserve_mib, BOOT, "MiB", 0, 1048576, "64",
	      "Space kept free on the disk; below it, callers get 503.")

GROUP("log", "The operator's log, JSON lines.")
	CHOICE("log.level", log.level, LIVE, "error|warning|info|debug", "info",
	       "Least important message that is written.")
	NAMED_FILE("log.file", log.file, BOOT, 0, "a file, or empty", "",
	           "Where the log goes; empty means standard error.")

GROUP("csv", "How assayctl features reads CSV; the appliance itself reads none.")
	TEXT("csv.currency", csv.currency, LIVE, 0, form_currency, "an ISO 4217 code, or empty", "EUR",
	     "Currency of rows that have none; empty means that each must have one.")
	{ .path = "csv.channel", .type = SCHEMA_CHOICE, .flags = LIVE, AT(csv.channel), .min = 1,
	  .allowed = CHANNELS, .initial = "card_present", .sentence = "Channel of rows that have none." },
	CHOICE("csv.time_format", csv.time_format, LIVE, "rfc3339|datetime|unix", "rfc3339",
	       "How times are written: as in requests; as 2018-04-01 00:00:31, UTC; or as seconds since 1970.")

	LIST("columns", columns_count, LIVE, "columns", 0, CONFIG_COLUMNS_MAX, "( )",
	     "Which column of a CSV file is which field of a transaction; the others are not read.")
	{ .path = "columns[]", .type = SCHEMA_GROUP, .flags = LIVE, AT(columns[0]),
	  .stride_bytes = sizeof(struct config_column), .sentence = "One column." },
	{ .path = "columns[].column", .type = SCHEMA_TEXT, .flags = LIVE | REQUIRED, COLUMN(column), .min = 1,
	  .max = BYTES(columns[0].column), .allowed = "a name", .initial = "CUSTOMER_ID",
	  .sentence = "Its name in the header of the file." },
	{ .path = "columns[].field", .type = SCHEMA_TEXT, .flags = LIVE | REQUIRED, COLUMN(field), .min = 1,
	  .max = BYTES(columns[0].field), .allowed = "a field, time, amount, label or feature:NAME", .initial = "card",
	  .sentence = "The field: one that can be in a key, or time, amount, label (1, 0, fraud or genuine) or feature: and a supplied feature's name." },
};
/* clang-format on */

const size_t schema_count = sizeof(schema) / sizeof(schema[0]);
static_assert(sizeof(schema) / sizeof(schema[0]) <= CONFIG_KEYS_MAX, "raise CONFIG_KEYS_MAX");

const struct schema_row *schema_find(const char *path)
{
	for (size_t i = 0; i < schema_count; i++)
		if (strcmp(schema[i].path, path) == 0)
			return &schema[i];
	return NULL;
}

size_t schema_word_at(const struct schema_row *row, int place, const char **word)
{
	const char *at = row->allowed;

	for (; place > 0; place--) {
		at = strchr(at, '|');
		if (at == NULL)
			return 0;
		at++;
	}
	*word = at;
	return strcspn(at, "|");
}

int schema_word_place(const struct schema_row *row, const char *word)
{
	const char *at;
	size_t      size_bytes;

	for (int place = 0; (size_bytes = schema_word_at(row, place, &at)) > 0; place++)
		if (strlen(word) == size_bytes && memcmp(word, at, size_bytes) == 0)
			return place;
	return -1;
}

static void words_allowed(const struct schema_row *row, char *out, size_t out_bytes)
{
	const char *word, *unused;
	size_t      used = 0, size_bytes;

	for (int place = 0; (size_bytes = schema_word_at(row, place, &word)) > 0; place++) {
		bool        last    = schema_word_at(row, place + 1, &unused) == 0;
		const char *between = place == 0 ? "" : last ? " or " : ", ";

		used += (size_t)snprintf(out + used, out_bytes - used, "%s\"%.*s\"", between,
					 (int)size_bytes, word);
		assert(used < out_bytes);
	}
}

bool schema_may_be_empty(const struct schema_row *row)
{
	return row->initial != NULL && row->initial[0] == '\0';
}

static void append(char *out, size_t out_bytes, const char *words)
{
	size_t used = strlen(out);

	snprintf(out + used, out_bytes - used, "%s", words);
}

static void durations_allowed(const struct schema_row *row, char *out, size_t out_bytes)
{
	snprintf(out, out_bytes, "a duration such as 90s, 15m, 2h or 7d, from %.0fs to %.0fd",
		 row->min / (double)SECOND_NS, row->max / (double)DAY_NS);
	append(out, out_bytes, schema_may_be_empty(row) ? ", or empty" : "");
}

void schema_allowed(const struct schema_row *row, char *out, size_t out_bytes)
{
	const char *unit = row->unit == NULL ? "" : row->unit;

	switch (row->type) {
	case SCHEMA_GROUP: snprintf(out, out_bytes, "a group { ... }"); break;
	case SCHEMA_LIST:
		snprintf(out, out_bytes, "a list ( ... ) of %.0f to %.0f %s", row->min, row->max,
			 unit);
		break;
	case SCHEMA_FLAG: snprintf(out, out_bytes, "true or false"); break;
	case SCHEMA_COUNT:
		snprintf(out, out_bytes, "a whole number from %.0f to %.0f%s%s", row->min, row->max,
			 unit[0] == '\0' ? "" : " ", unit);
		break;
	case SCHEMA_REAL:
	case SCHEMA_DOUBLE:
		snprintf(out, out_bytes, "a number from %.0f to %.0f", row->min, row->max);
		break;
	case SCHEMA_DURATION: durations_allowed(row, out, out_bytes); break;
	case SCHEMA_HOURS:
		snprintf(out, out_bytes,
			 "two hours such as 0-7, the first below the second, at most 24, or empty");
		break;
	case SCHEMA_TEXT:
	case SCHEMA_FILE:
		snprintf(out, out_bytes, "%s, at most %.0f bytes", row->allowed, row->max);
		break;
	case SCHEMA_CHOICE:
	case SCHEMA_WORDS:
		words_allowed(row, out, out_bytes);
		append(out, out_bytes, schema_may_be_empty(row) ? ", or empty" : "");
		break;
	}
}

static const struct schema_row *find_cut(const char *path, size_t size_bytes, const char *rest)
{
	char name[64];

	assert(size_bytes + strlen(rest) < sizeof(name));
	snprintf(name, sizeof(name), "%.*s%s", (int)size_bytes, path, rest);
	return schema_find(name);
}

const struct schema_row *schema_outer(const struct schema_row *row)
{
	const char *end = strstr(row->path, "[]");

	return end == NULL ? NULL : find_cut(row->path, (size_t)(end - row->path), "[]");
}

const struct schema_row *schema_list(const struct schema_row *element)
{
	const struct schema_row *list = find_cut(element->path, strlen(element->path) - 2, "");

	assert(list != NULL && list->type == SCHEMA_LIST);
	return list;
}

const struct schema_row *schema_element(const struct schema_row *list)
{
	const struct schema_row *element = find_cut(list->path, strlen(list->path), "[]");

	assert(element != NULL);
	return element;
}

void *schema_value(const struct schema_row *row, struct config *config, uint32_t index,
		   uint32_t inner)
{
	assert(row->size_bytes > 0);
	return (uint8_t *)config + row->offset + (size_t)index * row->stride_bytes +
	       (row->inner_max > 0 ? (size_t)inner * row->size_bytes : 0);
}
