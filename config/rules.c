#include <stdio.h>
#include <string.h>

#include "config/check.h"

static void check_decision(const struct check *check)
{
	const struct config_decision *decision = &check->config->decision;
	static const char *const      keys[]   = { "decision.on_model_missing",
						   "decision.on_model_invalid" };
	const uint8_t values[] = { decision->on_model_missing, decision->on_model_invalid };

	if (decision->review_threshold > decision->decline_threshold)
		errors_add(check->errors, check_line(check, "decision.review_threshold"),
			   "decision.review_threshold",
			   "is above decline_threshold, must be at most %g",
			   (double)decision->decline_threshold);
	/* After decode nothing ends in silent approval unless the operator says so. */
	for (size_t i = 0; i < 2; i++)
		if (values[i] == CONFIG_ON_FAILURE_APPROVE && !decision->accept_silent_approval)
			errors_add(check->errors, check_line(check, keys[i]), keys[i],
				   "is \"approve\", must be \"review\", \"decline\" or \"refuse\" "
				   "unless "
				   "decision.accept_silent_approval is true");
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

/* Where two elements of [count][stride_bytes] are the same text; empty ones have
 * been reported. */
static void check_unique(const struct check *check, const char *list, const char *rest,
			 const char *values, uint32_t count, size_t stride_bytes)
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
		errors_add(check->errors,
			   rest[0] != '\0' ? check->caller_line[i] : check_line(check, list), key,
			   "is \"%.80s\" as entry %u is, must differ from every other", value,
			   first);
	}
}

void check_rules(const struct check *check)
{
	const struct config *config = check->config;

	check_decision(check);
	check_limits(check);
	check_addresses(check);
	check_unique(check, "callers", ".identity", config->callers[0].identity,
		     config->callers_count, sizeof(config->callers[0]));
	check_unique(check, "net.addresses", "", config->net.addresses[0],
		     config->net.addresses_count, sizeof(config->net.addresses[0]));
	check_unique(check, "features", "", config->features.names[0], config->features.count,
		     sizeof(config->features.names[0]));
}
