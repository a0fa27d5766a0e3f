#include "firmware/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/version.h"

/* Upper bounds of the latency buckets: 1 us to 1 s. */
static const uint64_t bounds_ns[] = {
	250,    500,    1000,    2500,    5000,    10000,    25000,    50000,     100000,
	250000, 500000, 1000000, 2500000, 5000000, 10000000, 25000000, 100000000, 1000000000,
};

static void help(FILE *out, const char *name, const char *type, const char *words)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, words, name, type);
}

static uint64_t stats_tcp(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Frames that the device, the front of TCP or lwIP found damaged. */
static uint64_t frames_malformed(struct appliance *appliance)
{
	const struct tcp_stats *tcp = tcp_stats();
	struct nic_stats        nic = { 0 };

	nic_stats(appliance->core.nic, &nic);
	return stats_tcp(&tcp->dropped_malformed) + stats_tcp(&tcp->dropped_checksum) +
	       nic.rx_errors;
}

static void write_failures(FILE *out, struct appliance *appliance)
{
	struct stats *stats = appliance->core.stats;

	help(out, "assay_failures_total", "counter",
	     "Expected failures, one series per row of the failure table.");
	for (int i = 1; i < REASON_COUNT_ALL; i++)
		fprintf(out, "assay_failures_total{reason=\"%s\"} %lu\n", reason_row_of(i)->name,
			(unsigned long)(i == REASON_frame_malformed
						? frames_malformed(appliance)
						: stats_get(&stats->reasons[i])));
}

static void write_verdicts(FILE *out, struct stats *stats)
{
	help(out, "assay_decisions_total", "counter", "Decisions made, by verdict.");
	for (int i = 0; i < VERDICT_COUNT; i++)
		fprintf(out, "assay_decisions_total{decision=\"%s\"} %lu\n", verdict_name(i),
			(unsigned long)stats_get(&stats->verdicts[i]));
}

static void write_histogram(FILE *out, const char *name, const char *labels,
			    const struct histogram *histogram)
{
	const char *comma = labels[0] ? "," : "";
	size_t      n     = sizeof(bounds_ns) / sizeof(bounds_ns[0]);
	uint64_t    count;

	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s_bucket{%s%sle=\"%.9g\"} %lu\n", name, labels, comma,
			(double)bounds_ns[i] / 1e9,
			(unsigned long)histogram_count_below(histogram, bounds_ns[i]));
	count = histogram_count(histogram);
	fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %lu\n", name, labels, comma, (unsigned long)count);
	fprintf(out, "%s_sum%s%s%s %.9f\n", name, labels[0] ? "{" : "", labels,
		labels[0] ? "}" : "", (double)histogram_sum_ns(histogram) / 1e9);
	fprintf(out, "%s_count%s%s%s %lu\n", name, labels[0] ? "{" : "", labels,
		labels[0] ? "}" : "", (unsigned long)count);
}

static void write_stages(FILE *out, struct stats *stats)
{
	char labels[64];

	help(out, "assay_stage_seconds", "histogram", "Time a transaction spends in each stage.");
	for (int i = 0; i < STAGE_COUNT; i++) {
		snprintf(labels, sizeof(labels), "stage=\"%s\"", stage_name(i));
		write_histogram(out, "assay_stage_seconds", labels, &stats->stage_ns[i]);
	}
	help(out, "assay_request_seconds", "histogram",
	     "From the first byte of a request until its answer was handed to TCP.");
	write_histogram(out, "assay_request_seconds", "", &stats->request_ns);
}

struct number {
	const char *name, *type, *words;
	uint64_t    value;
};

static void write_numbers(FILE *out, const struct number *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		help(out, numbers[i].name, numbers[i].type, numbers[i].words);
		fprintf(out, "%s %lu\n", numbers[i].name, (unsigned long)numbers[i].value);
	}
}

static uint64_t audit_lag(struct appliance *appliance)
{
	uint64_t next    = stats_get(&appliance->core.stats->audit_sequence_next);
	uint64_t durable = atomic_load(&appliance->audit.durable_sequence);

	return next > durable + 1 ? next - 1 - durable : 0;
}

static void write_service(FILE *out, struct appliance *appliance)
{
	struct stats           *stats     = appliance->core.stats;
	const struct tcp_stats *tcp       = tcp_stats();
	struct number           numbers[] = {
                { "assay_requests_total", "counter", "Whole requests read.",
			    stats_get(&stats->requests) },
                { "assay_responses_total", "counter", "Answers sent.",
			    stats_get(&stats->responses) },
                { "assay_transactions_total", "counter", "Transactions decided and recorded.",
			    stats_get(&stats->transactions) },
                { "assay_connections", "gauge", "Open connections.",
			    stats_get(&stats->connections_open) },
                { "assay_connections_accepted_total", "counter", "Connections accepted.",
			    stats_get(&stats->connections_accepted) },
                { "assay_handshakes_full_total", "counter", "Full TLS handshakes completed.",
			    stats_get(&stats->handshakes_full) },
                { "assay_handshakes_resumed_total", "counter", "TLS sessions resumed by ticket.",
			    stats_get(&stats->handshakes_resumed) },
                { "assay_handshakes", "gauge", "TLS handshakes under way.",
			    stats_get(&stats->handshaking) },
                { "assay_revocation_list_good_until_seconds", "gauge",
			    "Unix time from when on the revocation list is too old; 0 without one.",
			    (uint64_t)appliance->live->lists_good_until_ns / 1000000000 },
                { "assay_requests_in_flight", "gauge", "Requests begun and not yet answered.",
			    stats_get(&stats->jobs_in_use) },
                { "assay_net_turns_total", "counter", "Turns of the polling loop.",
			    stats_get(&stats->turns) },
                { "assay_reloads_total", "counter", "Reloads applied.",
			    stats_get(&stats->reloads) },
                { "assay_reloads_refused_total", "counter",
			    "Reloads refused; the old config stayed.", appliance->reloads_refused },
                { "assay_log_events_lost_total", "counter", "Log events lost to a full lane.",
			    stats_get(&stats->events_lost) },
                { "assay_audit_lag_records", "gauge", "Records decided and not yet on disk.",
			    audit_lag(appliance) },
                { "assay_audit_durable_sequence", "gauge", "Last record known to be on disk.",
			    atomic_load(&appliance->audit.durable_sequence) },
                { "assay_audit_syncs_total", "counter", "Group commits.",
			    atomic_load(&appliance->audit.syncs) },
                { "assay_tcp_retransmits_total", "counter", "TCP segments sent again.",
			    stats_tcp(&tcp->retransmits) },
                { "assay_tcp_frames_in_total", "counter", "Frames received.",
			    stats_tcp(&tcp->frames_in) },
                { "assay_tcp_frames_out_total", "counter", "Frames sent.",
			    stats_tcp(&tcp->frames_out) },
                { "assay_tcp_malformed_total", "counter", "Frames dropped as malformed.",
			    stats_tcp(&tcp->dropped_malformed) + stats_tcp(&tcp->dropped_checksum) },
	};

	write_numbers(out, numbers, sizeof(numbers) / sizeof(numbers[0]));
}

/* What was lost on the way, and the card's link: nobody answers for these frames. */
static void write_losses(FILE *out, struct appliance *appliance)
{
	const struct tcp_stats *tcp  = tcp_stats();
	struct nic_stats        nic  = { 0 };
	struct nic_link         link = { 0 };

	nic_stats(appliance->core.nic, &nic);
	nic_link(appliance->core.nic, &link);
	struct number numbers[] = {
		{ "assay_nic_link_up", "gauge", "1 when the network card has a link.", link.up },
		{ "assay_nic_link_mbps", "gauge", "Its speed; 0 when the device does not say.",
		  link.speed_mbps },
		{ "assay_nic_rx_missed_total", "counter",
		  "Frames the device had no descriptor for: the net core was too slow.",
		  nic.rx_missed },
		{ "assay_nic_rx_no_buffer_total", "counter",
		  "Frames lost on the way in: nic.mbufs were all in use.", nic.rx_no_buffer },
		{ "assay_nic_rx_chained_total", "counter",
		  "Frames dropped because they came in several segments.", nic.rx_chained },
		{ "assay_nic_tx_full_total", "counter",
		  "Frames dropped because the transmit ring was full.", nic.tx_full },
		{ "assay_nic_tx_no_buffer_total", "counter",
		  "Frames not sent because nic.mbufs were all in use.", nic.tx_no_buffer },
		{ "assay_nic_tx_errors_total", "counter", "Frames the device refused to send.",
		  nic.tx_errors },
		{ "assay_tcp_backlog_full_total", "counter",
		  "Newcomers dropped: tcp.syn_backlog connections were half-open.",
		  stats_tcp(&tcp->dropped_backlog) },
		{ "assay_tcp_refused_full_total", "counter",
		  "Connections reset: tcp.connections_max were open.",
		  stats_tcp(&tcp->refused_full) },
		{ "assay_tcp_held_full_total", "counter",
		  "Frames dropped because too many unread ones were held.",
		  stats_tcp(&tcp->dropped_held_full) },
		{ "assay_tcp_transmit_dropped_total", "counter",
		  "Frames that the network card did not take.", stats_tcp(&tcp->dropped_transmit) },
		{ "assay_tcp_memory_failures_total", "counter",
		  "Times a pool of TCP was empty; it tries again.",
		  stats_tcp(&tcp->memory_failures) },
		{ "assay_tcp_linger_aborted_total", "counter",
		  "Closes cut short: the peer read too slowly or sent too much.",
		  stats_tcp(&tcp->linger_aborted) },
		{ "assay_audit_failures_total", "counter",
		  "Tries to write the audit log that failed.",
		  atomic_load(&appliance->audit.batches_failed) },
		{ "assay_audit_sync_failures_total", "counter",
		  "Of these, those in which the sync failed.",
		  atomic_load(&appliance->audit.syncs_failed) },
	};

	write_numbers(out, numbers, sizeof(numbers) / sizeof(numbers[0]));
}

/* A gauge with a series for each listener. */
static void write_expiry(FILE *out, const char *name, const char *words, int64_t service_ns,
			 int64_t management_ns)
{
	help(out, name, "gauge", words);
	fprintf(out, "%s{listener=\"service\"} %ld\n", name, (long)(service_ns / 1000000000));
	fprintf(out, "%s{listener=\"management\"} %ld\n", name, (long)(management_ns / 1000000000));
}

static void write_certificates(FILE *out, struct appliance *appliance)
{
	struct tls_server_facts service, management;

	tls_server_facts(appliance->live->service, &service);
	tls_server_facts(appliance->live->management, &management);
	write_expiry(out, "assay_certificate_expires_seconds",
		     "Unix time at which the first certificate of our chain expires.",
		     service.certificate_expires_ns, management.certificate_expires_ns);
	write_expiry(out, "assay_issuer_expires_seconds",
		     "Unix time at which the first issuer of callers' certificates expires.",
		     service.issuer_expires_ns, management.issuer_expires_ns);
}

/* What the deciders have published, added up. */
static void write_engine(FILE *out, struct appliance *appliance)
{
	struct pipeline        *pipeline  = &appliance->core.pipeline;
	struct snapshots       *snapshots = &appliance->snapshot_role;
	struct state_counters   sum       = { 0 };
	struct history_counters rows      = { 0 };
	struct stats           *stats     = appliance->core.stats;

	for (uint32_t i = 0; i < CONFIG_DECIDE_MAX; i++) {
		struct decider_gauges *gauges = &pipeline->deciders[i].published;

		rows.entries += atomic_load_explicit(&gauges->row_accounts, memory_order_relaxed);
		rows.rows += atomic_load_explicit(&gauges->rows, memory_order_relaxed);
		rows.evicted += atomic_load_explicit(&gauges->row_evicted, memory_order_relaxed);

		sum.entities += atomic_load_explicit(&gauges->entities, memory_order_relaxed);
		sum.cells += atomic_load_explicit(&gauges->cells, memory_order_relaxed);
		sum.filed += atomic_load_explicit(&gauges->filed, memory_order_relaxed);
		sum.merged += atomic_load_explicit(&gauges->merged, memory_order_relaxed);
		sum.evicted += atomic_load_explicit(&gauges->evicted, memory_order_relaxed);
		sum.late += atomic_load_explicit(&gauges->late, memory_order_relaxed);
		sum.label_lost += atomic_load_explicit(&gauges->label_lost, memory_order_relaxed);
		sum.coarse += atomic_load_explicit(&gauges->coarse, memory_order_relaxed);
	}
	struct number numbers[] = {
		{ "assay_repeats_total", "counter",
		  "Requests asked again and given their first answer.",
		  stats_get(&stats->repeats) },
		{ "assay_answers_kept", "gauge", "Answers that can be given again.",
		  stats_get(&stats->repeats_kept) },
		{ "assay_answers_expired_total", "counter",
		  "Answers forgotten when idempotency.retention_hours were over.",
		  stats_get(&stats->repeats_expired) },
		{ "assay_answers_dropped_total", "counter",
		  "Answers forgotten before that: idempotency.memory_mib was full.  Their "
		  "requests, "
		  "asked again, are decided again.",
		  stats_get(&stats->repeats_dropped) },
		{ "assay_labels_total", "counter", "Labels taken.", stats_get(&stats->labels) },
		{ "assay_entities", "gauge", "Entities remembered.", sum.entities },
		{ "assay_history_cells", "gauge", "Cells of their histories.", sum.cells },
		{ "assay_history_filed_total", "counter", "Transactions filed under entities.",
		  sum.filed },
		{ "assay_history_merged_total", "counter",
		  "Cells merged with their neighbour: a history was at its bound.", sum.merged },
		{ "assay_entities_evicted_total", "counter",
		  "Entities forgotten, longest untouched first: a shard was full.", sum.evicted },
		{ "assay_history_late_total", "counter",
		  "Transactions older than state.lateness_seconds allows, not filed.", sum.late },
		{ "assay_windows_coarse_total", "counter",
		  "Features read from merged or dropped cells, which may not be exact.",
		  sum.coarse },
		{ "assay_labels_lost_total", "counter",
		  "Labels whose transaction was no longer in a history.", sum.label_lost },
		{ "assay_history_accounts", "gauge",
		  "Accounts, or cards without one, whose rows are kept for sequence models.",
		  rows.entries },
		{ "assay_history_rows", "gauge", "Rows kept of them.", rows.rows },
		{ "assay_history_accounts_evicted_total", "counter",
		  "Accounts whose rows were forgotten, longest without a payment first.",
		  rows.evicted },
		{ "assay_snapshots_total", "counter", "Snapshots made since the start.",
		  atomic_load(&snapshots->made) },
		{ "assay_snapshots_failed_total", "counter", "Snapshots that could not be made.",
		  atomic_load(&snapshots->failed) },
		{ "assay_snapshot_sequence", "gauge",
		  "Last record in the newest snapshot; 0: none yet.",
		  atomic_load(&snapshots->last_sequence) },
	};

	write_numbers(out, numbers, sizeof(numbers) / sizeof(numbers[0]));
}

size_t metrics_write(struct appliance *appliance, char *out, size_t capacity)
{
	FILE *page = fmemopen(out, capacity, "w");
	long  size;

	if (!page)
		return 0;
	help(page, "assay_build_info", "gauge", "What runs; always 1.");
	fprintf(page, "assay_build_info{version=\"%s\"} 1\n", assay_version());
	help(page, "assay_ready", "gauge", "1 when decisions are made, 0 when not.");
	fprintf(page, "assay_ready %d\n", appliance_unready(appliance) == REASON_NONE);
	write_failures(page, appliance);
	write_verdicts(page, appliance->core.stats);
	write_service(page, appliance);
	write_losses(page, appliance);
	write_certificates(page, appliance);
	write_engine(page, appliance);
	write_stages(page, appliance->core.stats);
	fflush(page);
	size = ftell(page);
	fclose(page);
	return size < 0 ? 0 : (size_t)size;
}

size_t status_write(struct appliance *appliance, char *out, size_t capacity)
{
	struct stats *stats = appliance->core.stats;
	struct live  *live  = appliance->live;
	char          config[2 * DIGEST_BYTES + 1], model[2 * DIGEST_BYTES + 1];
	int64_t       uptime_ns = clock_wall_ns(&appliance->clock) - appliance->booted_wall_ns;

	digest_hex(live->brain.digests.config, config);
	digest_hex(live->brain.digests.model, model);
	return (size_t)snprintf(
		out, capacity,
		"{\"name\":\"%s\",\"version\":\"%s\",\"ready\":%s,\"uptime_seconds\":%ld,"
		"\"config\":\"%s\",\"model\":\"%s\",\"connections\":%lu,\"requests\":%lu,"
		"\"transactions\":%lu,\"approved\":%lu,\"reviewed\":%lu,\"declined\":%lu,"
		"\"request_p50_us\":%.1f,\"request_p99_us\":%.1f,"
		"\"audit\":{\"durable_sequence\":%lu,\"lag_records\":%lu,\"failing\":%s},"
		"\"reloads\":%lu,\"reloads_refused\":%lu}\n",
		live->config.name, assay_version(),
		appliance_unready(appliance) == REASON_NONE ? "true" : "false",
		(long)(uptime_ns / 1000000000), config, live->brain.model ? model : "",
		(unsigned long)stats_get(&stats->connections_open),
		(unsigned long)stats_get(&stats->requests),
		(unsigned long)stats_get(&stats->transactions),
		(unsigned long)stats_get(&stats->verdicts[VERDICT_APPROVE]),
		(unsigned long)stats_get(&stats->verdicts[VERDICT_REVIEW]),
		(unsigned long)stats_get(&stats->verdicts[VERDICT_DECLINE]),
		(double)histogram_quantile(&stats->request_ns, 500000) / 1e3,
		(double)histogram_quantile(&stats->request_ns, 990000) / 1e3,
		(unsigned long)atomic_load(&appliance->audit.durable_sequence),
		(unsigned long)audit_lag(appliance),
		core_audit_refuses(&appliance->core) ? "true" : "false",
		(unsigned long)stats_get(&stats->reloads),
		(unsigned long)appliance->reloads_refused);
}
