#include <stdio.h>
#include <string.h>

#include "config/check.h"

static void check_thresholds(const struct check *check, const char *group, float review,
			     float decline)
{
	char key[64];

	snprintf(key, sizeof(key), "%s.review_threshold", group);
	if (review > decline)
		errors_add(check->errors, check_line(check, key), key,
			   "is above decline_threshold, must be at most %g", (double)decline);
}

/* After decode nothing ends in silent approval unless the operator says so. */
static void check_failures(const struct check *check)
{
	const struct config *config = check->config;
	const struct {
		const char *key;
		uint8_t     value;
	} rows[] = {
		{ "decision.on_model_missing", config->decision.on_model_missing },
		{ "decision.on_model_invalid", config->decision.on_model_invalid },
		{ "deadline.on_missed_model", config->deadline.on_missed_model },
		{ "deadline.on_missed_rules", config->deadline.on_missed_rules },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value == CONFIG_ON_FAILURE_APPROVE &&
		    !config->decision.accept_silent_approval)
			errors_add(check->errors, check_line(check, rows[i].key), rows[i].key,
				   "is \"approve\", must be \"review\", \"decline\" or \"refuse\" "
				   "unless "
				   "decision.accept_silent_approval is true");
}

static void check_deadline(const struct check *check)
{
	const struct config_deadline *deadline = &check->config->deadline;

	if (deadline->order_count != CONFIG_STAGE_COUNT || deadline->order[0] == deadline->order[1])
		errors_add(check->errors, check_line(check, "deadline.order"), "deadline.order",
			   "must have \"model\" and \"rules\", each once");
}

static void check_limits(const struct check *check)
{
	const struct config *config = check->config;
	/* One more than a batch: a record that marks a reload may come between. */
	uint32_t ring_kib = ((config->decode.batch_max + 1) * CONFIG_RECORD_BYTES + 1023) / 1024;

	if (config->nic.mbufs <= config->nic.rx_descriptors + config->nic.tx_descriptors)
		errors_add(
			check->errors, check_line(check, "nic.mbufs"), "nic.mbufs",
			"is %u, must be more than rx_descriptors and tx_descriptors together (%u)",
			config->nic.mbufs, config->nic.rx_descriptors + config->nic.tx_descriptors);
	/* A key that is replaced opens its tickets until the next one is (tls.h). */
	if (config->tls.ticket_rotate_seconds < config->tls.ticket_lifetime_seconds)
		errors_add(check->errors, check_line(check, "tls.ticket_rotate_seconds"),
			   "tls.ticket_rotate_seconds",
			   "is %u, must be at least tls.ticket_lifetime_seconds (%u)",
			   config->tls.ticket_rotate_seconds, config->tls.ticket_lifetime_seconds);
	if (config->audit.ring_kib < ring_kib)
		errors_add(
			check->errors, check_line(check, "audit.ring_kib"), "audit.ring_kib",
			"is %u, must be at least %u to hold the records of decode.batch_max (%u)",
			config->audit.ring_kib, ring_kib, config->decode.batch_max);
	if (config->tls.handshakes_max > config->tcp.connections_max)
		errors_add(check->errors, check_line(check, "tls.handshakes_max"),
			   "tls.handshakes_max", "is %u, must be at most tcp.connections_max (%u)",
			   config->tls.handshakes_max, config->tcp.connections_max);
}

/* Both poll: one would wait for the other whenever the scheduler says so. */
static void check_cores(const struct check *check)
{
	const struct config_cores *cores = &check->config->cores;

	for (uint32_t i = 0; i < cores->decide_count; i++) {
		char key[32];

		if (cores->decide[i] != cores->net)
			continue;
		snprintf(key, sizeof(key), "cores.decide[%u]", i);
		errors_add(check->errors, check_element_line(check, "cores.decide", i), key,
			   "is %u, must not be cores.net", cores->net);
	}
}

/* Empty texts have been reported. */
void check_unique(const struct check *check, const char *list, const char *rest, const char *values,
		  uint32_t count, size_t stride_bytes)
{
	for (uint32_t i = 1; i < count; i++) {
		const char *value = values + i * stride_bytes;
		uint32_t    first = 0;
		char        key[64];

		while (first < i && strcmp(values + first * stride_bytes, value) != 0)
			first++;
		if (first == i || value[0] == '\0')
			continue;
		snprintf(key, sizeof(key), "%s[%u]%s", list, i, rest);
		errors_add(check->errors, check_element_line(check, list, i), key,
			   "is \"%.80s\" as entry %u is, must differ from every other", value,
			   first);
	}
}

void check_rules(const struct check *check)
{
	const struct config *config = check->config;

	check_thresholds(check, "decision", config->decision.review_threshold,
			 config->decision.decline_threshold);
	check_thresholds(check, "shadow", config->shadow.review_threshold,
			 config->shadow.decline_threshold);
	check_failures(check);
	check_deadline(check);
	check_limits(check);
	check_cores(check);
	check_addresses(check);
	check_unique(check, "callers", ".identity", config->callers[0].identity,
		     config->callers_count, sizeof(config->callers[0]));
	check_unique(check, "net.addresses", "", config->net.addresses[0],
		     config->net.addresses_count, sizeof(config->net.addresses[0]));
	check_unique(check, "features", "", config->features.names[0], config->features.count,
		     sizeof(config->features.names[0]));
	check_plan(check);
	check_history(check);
	check_columns(check);
}
