/* From power-on to listening: a table of steps, run in order.  Each step either
 * works or says in a sentence what is wrong; boot stops there and nothing listens. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "drivers/mem/mem.h"
#include "firmware/appliance.h"
#include "firmware/artefacts.h"
#include "firmware/control.h"
#include "firmware/edge.h"
#include "firmware/log.h"
#include "firmware/record_put.h"
#include "firmware/recover.h"
#include "firmware/snapshots.h"
#include "firmware/version.h"
#include "runtime/audit/audit.h"

#define HOUR_NS     (3600 * INT64_C(1000000000))
#define PROGRESS_NS UINT64_C(2000000000)

struct boot_step {
	const char *name;
	bool (*run)(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES]);
};

static bool boot_config(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	static struct config_error errors;

	if (config_load(appliance->config_path, &appliance->config, &errors))
		return true;
	config_errors_write(&errors, appliance->config_path, error, APPLIANCE_ERROR_BYTES);
	return false;
}

static bool boot_log(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config_log *log = &appliance->config.log;

	if (log_open(log->file, (enum log_level)log->level))
		return true;
	snprintf(error, APPLIANCE_ERROR_BYTES, "log.file: cannot write %s: %s", log->file,
		 strerror(errno));
	return false;
}

static bool boot_clock(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	(void)error;
	clock_init(&appliance->clock);
	log_write(LOG_INFO, "clock: %s, %lu Hz", clock_source_name(&appliance->clock),
		  (unsigned long)clock_hz(&appliance->clock));
	appliance->booted_wall_ns = clock_wall_ns(&appliance->clock);
	appliance->core.clock     = &appliance->clock;
	return true;
}

/* Says whether this process may run on the core; its own affinity stays. */
static bool core_is_there(uint32_t core)
{
	cpu_set_t own, one;
	bool      there;

	CPU_ZERO(&one);
	CPU_SET(core, &one);
	sched_getaffinity(0, sizeof(own), &own);
	there = sched_setaffinity(0, sizeof(one), &one) == 0;
	sched_setaffinity(0, sizeof(own), &own);
	return there;
}

static bool boot_cores(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config_cores *cores = &appliance->config.cores;
	struct {
		const char *key;
		uint32_t    core;
	} roles[3 + CONFIG_DECIDE_MAX] = {
		{ "net", cores->net },
		{ "audit", cores->audit },
		{ "control", cores->control },
	};

	for (uint32_t i = 0; i < cores->decide_count; i++) {
		roles[3 + i].key  = "decide";
		roles[3 + i].core = cores->decide[i];
	}
	for (size_t i = 0; i < 3 + cores->decide_count; i++) {
		if (core_is_there(roles[i].core))
			continue;
		snprintf(error, APPLIANCE_ERROR_BYTES,
			 "cores.%s: this machine has no CPU %u that assayd may run on; it has %ld, "
			 "counted from 0",
			 roles[i].key, roles[i].core, sysconf(_SC_NPROCESSORS_ONLN));
		return false;
	}
	return true;
}

static size_t mib(size_t bytes)
{
	return (bytes + (1u << 20) - 1) >> 20;
}

/* What there is not room for says so here, in words; mem_take would stop the machine. */
static bool fits(const struct appliance *appliance, const char *what, size_t bytes,
		 char error[APPLIANCE_ERROR_BYTES])
{
	struct mem_room room = mem_room();
	size_t          want = (size_t)appliance->config.memory.hugepages_mib + mib(bytes) -
		      room.free_bytes / (1u << 20);

	if (bytes + (1u << 20) <= room.largest_bytes)
		return true;
	snprintf(error, APPLIANCE_ERROR_BYTES,
		 "memory.hugepages_mib: is %u, too little: %s takes %zu MiB and %zu MiB are left; "
		 "about %zu are needed, and more for what comes after it",
		 appliance->config.memory.hugepages_mib, what, mib(bytes), room.free_bytes >> 20,
		 want + 8);
	return false;
}

static bool boot_memory(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config *config = &appliance->config;
	char                 prefix[32];
	struct mem_options   options = {
		  .net_core      = config->cores.net,
		  .hugepages_mib = config->memory.hugepages_mib,
		  .file_prefix   = prefix,
		  .devices       = { config->nic.device },
	};

	snprintf(prefix, sizeof(prefix), "assay-%u", config->management.port);
	return mem_start(&options, error, APPLIANCE_ERROR_BYTES);
}

static bool boot_nic(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config_nic *nic     = &appliance->config.nic;
	struct nic_options       options = {
		      .device           = nic->device,
		      .rx_descriptors   = nic->rx_descriptors,
		      .tx_descriptors   = nic->tx_descriptors,
		      .mbufs            = nic->mbufs,
		      .mtu              = nic->mtu,
		      .queues           = 1,
		      .checksum_offload = nic->checksum_offload,
		      .promiscuous      = nic->promiscuous,
	};

	if (!nic_open(&options, &appliance->core.nic, error, APPLIANCE_ERROR_BYTES))
		return false;
	appliance->core.sink = nic_sink(appliance->core.nic);
	return true;
}

/* "10.77.0.2/24" or "fd00::2/64"; the schema has checked the form. */
static struct tcp_address parse_address(const char *text)
{
	struct tcp_address address = { 0 };
	char               host[CONFIG_ADDRESS_BYTES];
	const char        *slash = strchr(text, '/');

	if (text[0] == '\0')
		return address;
	snprintf(host, sizeof(host), "%.*s", slash ? (int)(slash - text) : (int)strlen(text), text);
	address.family = strchr(host, ':') ? TCP_FAMILY_IPV6 : TCP_FAMILY_IPV4;
	inet_pton(address.family == TCP_FAMILY_IPV6 ? AF_INET6 : AF_INET, host, address.octets);
	if (slash)
		address.prefix = (uint8_t)atoi(slash + 1);
	return address;
}

static void fill_tcp_options(const struct appliance *appliance, struct tcp_options *options)
{
	const struct config *config = &appliance->config;

	*options = (struct tcp_options){
		.mtu                  = (uint16_t)config->nic.mtu,
		.vlan                 = (uint16_t)config->net.vlan,
		.port                 = (uint16_t)config->tcp.port,
		.addresses_count      = (uint8_t)config->net.addresses_count,
		.gateway4             = parse_address(config->net.gateway4),
		.gateway6             = parse_address(config->net.gateway6),
		.connections_max      = config->tcp.connections_max,
		.receive_window_bytes = config->tcp.receive_window_bytes,
		.send_buffer_bytes    = config->tcp.send_buffer_bytes,
		.syn_backlog          = (uint16_t)config->tcp.syn_backlog,
		.keepalive_idle_ms    = config->tcp.idle_seconds * 1000,
	};
	memcpy(options->mac, nic_mac(appliance->core.nic), sizeof(options->mac));
	for (uint32_t i = 0; i < config->net.addresses_count; i++)
		options->addresses[i] = parse_address(config->net.addresses[i]);
}

static bool boot_tcp(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	struct tcp_options options;
	char               why[TCP_ERROR_BYTES];
	size_t             size_bytes;

	fill_tcp_options(appliance, &options);
	if (getrandom(options.secret, sizeof(options.secret), 0) != sizeof(options.secret)) {
		snprintf(error, APPLIANCE_ERROR_BYTES, "no randomness: getrandom: %s",
			 strerror(errno));
		return false;
	}
	size_bytes = tcp_size_bytes(&options);
	if (size_bytes == 0) {
		snprintf(error, APPLIANCE_ERROR_BYTES,
			 "tcp, net: the addresses or sizes are out of range");
		return false;
	}
	if (!fits(appliance,
		  "TCP, by tcp.connections_max, tcp.receive_window_bytes and "
		  "tcp.send_buffer_bytes,",
		  size_bytes, error))
		return false;
	if (!tcp_start(&options, mem_take("tcp", size_bytes, 64), &appliance->core.sink,
		       clock_now_ns(&appliance->clock), why)) {
		snprintf(error, APPLIANCE_ERROR_BYTES, "tcp: %s", why);
		return false;
	}
	return true;
}

/* Two slots, each with room for a model twice today's size, so that the next one
 * can be loaded beside the one that answers. */
static bool boot_model_slots(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	size_t size_bytes;

	if (!brain_model_size(&appliance->config, &size_bytes, error))
		return false;
	size_bytes = size_bytes * 2 < (4u << 20) ? 4u << 20 : size_bytes * 2;
	if (!fits(appliance, "room for two models, four times the size of model.file,",
		  2 * size_bytes, error))
		return false;
	for (int i = 0; i < 2; i++) {
		appliance->slots[i].memory = mem_take(i ? "model slot 1" : "model slot 0",
						      size_bytes, MODEL_ALIGN_BYTES);
		appliance->slots[i].size_bytes = size_bytes;
	}
	return true;
}

static bool boot_live(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config_tls *tls     = &appliance->config.tls;
	int64_t                  wall_ns = clock_wall_ns(&appliance->clock);
	struct live_options      options = { .config  = &appliance->config,
					     .slot    = appliance->slots[0],
					     .lists   = 1 + appliance->config.cores.decide_count,
					     .epoch   = 1,
					     .wall_ns = wall_ns };

	if (tls->tickets) {
		appliance->tickets = tls_tickets_make(tls->ticket_lifetime_seconds,
						      tls->ticket_rotate_seconds, wall_ns);
		if (!appliance->tickets) {
			snprintf(error, APPLIANCE_ERROR_BYTES,
				 "tls: no ticket keys: ticket_lifetime_seconds must be at most "
				 "ticket_rotate_seconds, and the random source must work");
			return false;
		}
	}
	options.tickets = appliance->tickets;
	if (!live_make(&options, &appliance->live, error))
		return false;
	if (!appliance->live->brain.model)
		log_write(LOG_WARNING,
			  "model.file is empty: every payment follows decision.on_model_missing");
	return true;
}

static bool boot_audit(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config_audit *audit   = &appliance->config.audit;
	struct audit_log_options   options = {
		  .segment_bytes_max = (uint64_t)audit->segment_mib << 20,
		  .free_bytes_min    = (uint64_t)audit->disk_reserve_mib << 20,
	};
	struct audit_log_report *report = &appliance->recovered;
	int                      rc     = disk_real_open(&appliance->disk, audit->directory, true);
	char                     why[DISK_WHY_BYTES];

	if (rc < 0) {
		snprintf(error, APPLIANCE_ERROR_BYTES, "audit.directory: cannot use %s: %s",
			 audit->directory, disk_real_why(audit->directory, rc, why));
		return false;
	}
	snprintf(options.build, sizeof(options.build), "%s", assay_version());
	if (!audit_log_open(&appliance->log, &appliance->disk.disk, &options, report)) {
		snprintf(error, APPLIANCE_ERROR_BYTES,
			 "audit: the log does not verify and was not touched: %s; look at it with "
			 "assayctl audit verify %s",
			 report->broken, audit->directory);
		return false;
	}
	if (report->torn_bytes > 0)
		log_write(
			LOG_WARNING,
			"audit: cut a torn tail of %lu bytes, which was never known to be on disk",
			(unsigned long)report->torn_bytes);
	appliance->core.chain = appliance->log.appended;
	return true;
}

/* What the start record names can be found by whoever reads the log. */
static bool boot_artefacts(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	static_assert(ARTEFACTS_ERROR_BYTES <= APPLIANCE_ERROR_BYTES, "one error text for both");
	return artefacts_open(&appliance->artefacts, appliance->config.audit.directory, true,
			      error) &&
	       artefacts_put_live(&appliance->artefacts.disk, appliance->live,
				  appliance->config_path, error);
}

static void *take(void *ctx, const char *name, size_t size_bytes, size_t align_bytes)
{
	(void)ctx;
	return mem_take(name, size_bytes, align_bytes);
}

/* For how long answers are kept, in a number that can be compared with the load. */
static void tell_answers(const struct core *core, const struct config *config)
{
	struct repeats_counters counters;
	uint32_t                hours = config->idempotency.retention_hours;

	repeats_counters(core->engine.repeats, &counters);
	log_write(LOG_INFO,
		  "answers: room for %lu, enough for %u hours of %.1f requests a second; beyond "
		  "that, idempotency.memory_mib decides",
		  (unsigned long)counters.entries_max, hours,
		  (double)counters.entries_max / (hours * 3600.0));
}

/* What each kind of entity in one of the two states may take, and how many fit. */
static void log_state(const struct engine *engine, const struct state *state, const char *name)
{
	struct state_facts facts;

	state_facts(state, &facts);
	log_write(LOG_INFO, "%s: %u shards of %lu KiB", name, facts.shards,
		  (unsigned long)(facts.shard_bytes >> 10));
	for (uint32_t e = 0; e < engine->plan->entities_count; e++) {
		const struct state_size_facts *kind = &facts.kinds[e];

		if ((e == engine->decisions) != (state == engine->verdicts))
			continue;
		log_write(LOG_INFO,
			  "%s: one %s takes %u to %u bytes; %lu fit with the least, %lu with the "
			  "most",
			  name, engine->plan->entities[e].name, kind->least_bytes, kind->most_bytes,
			  (unsigned long)facts.shards * facts.entities_max,
			  (unsigned long)facts.shards * kind->most_fit);
	}
}

static void log_rows(const struct history *history)
{
	struct history_facts facts;

	if (!history)
		return;
	history_facts(history, &facts);
	log_write(LOG_INFO, "history: %u shards of %lu KiB, each up to %u accounts of %u bytes",
		  facts.shards, (unsigned long)(facts.shard_bytes >> 10), facts.entries_max,
		  facts.entry_bytes);
}

/* Histories, answers and labels, and what is done with them. */
static bool boot_engine(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config *config  = &appliance->config;
	struct core         *core    = &appliance->core;
	uint32_t             threads = config->cores.decide_count;
	struct hash128       secret;

	if (!fits(appliance,
		  "state.memory_mib, history.memory_mib, idempotency.memory_mib and "
		  "labels.transactions_max",
		  engine_bytes(config, true) + pipeline_bytes(threads), error) ||
	    !engine_init(&core->engine, config, true, take, NULL, error))
		return false;
	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret)) {
		snprintf(error, APPLIANCE_ERROR_BYTES, "no randomness: getrandom: %s",
			 strerror(errno));
		return false;
	}
	engine_keep_secret(&core->engine, secret);
	core->engine.now_ns  = core_stamp;
	core->engine.now_ctx = &appliance->clock;
	log_state(&core->engine, core->engine.state, "histories");
	if (core->engine.verdicts)
		log_state(&core->engine, core->engine.verdicts, "verdicts");
	tell_answers(core, config);
	log_rows(core->engine.history);
	pipeline_init(&core->pipeline, &core->engine, threads,
		      mem_take("pipeline", pipeline_bytes(threads), 64), core->chain.next_sequence,
		      core->chain.order);
	core->pipeline.emit = record_slot;
	core->pipeline.ctx  = core;
	return true;
}

static void tell(void *ctx, const char *sentence)
{
	(void)ctx;
	log_write(LOG_WARNING, "recovery: %s", sentence);
}

static void tell_progress(void *ctx, uint64_t done_bytes, uint64_t all_bytes)
{
	struct appliance *appliance = ctx;
	uint64_t          now_ns    = clock_now_ns(&appliance->clock);

	if (now_ns - appliance->told_ns < PROGRESS_NS)
		return;
	appliance->told_ns = now_ns;
	log_write(LOG_INFO, "recovery: %lu of %lu MiB of the audit log read",
		  (unsigned long)(done_bytes >> 20), (unsigned long)(all_bytes >> 20));
}

/* What the kernel could give to a program without swapping; 0: it does not say. */
static uint64_t available_bytes(void)
{
	FILE         *info = fopen("/proc/meminfo", "r");
	char          line[128];
	unsigned long kib = 0;

	if (!info)
		return 0;
	while (kib == 0 && fgets(line, sizeof(line), info))
		if (sscanf(line, "MemAvailable: %lu kB", &kib) != 1)
			kib = 0;
	fclose(info);
	return (uint64_t)kib << 10;
}

/* A snapshot is made from the log in memory of its own, an hour from now. */
static void tell_snapshot_memory(const struct config *config)
{
	uint64_t need = engine_bytes(config, false), there = available_bytes();

	if (there != 0 && need > there)
		log_write(LOG_WARNING,
			  "state.snapshot_directory: making a snapshot takes up to %lu MiB beside "
			  "memory.hugepages_mib, and %lu MiB are available: lower "
			  "state.memory_mib, or snapshots may fail or stop the appliance",
			  (unsigned long)(need >> 20), (unsigned long)(there >> 20));
}

/* Histories, answers and labels as they were behind the last record. */
static bool boot_recover(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config *config  = &appliance->config;
	bool                 keeps   = config->state.snapshot_directory[0] != '\0';
	struct recover       recover = {
		      .engine       = &appliance->core.engine,
		      .config       = config,
		      .directory    = config->audit.directory,
		      .live         = appliance->live,
		      .lists        = 1 + config->cores.decide_count,
		      .audit        = &appliance->disk.disk,
		      .to_sequence  = appliance->log.durable_sequence,
		      .to_the_end   = true,
		      .now_ns       = clock_wall_ns(&appliance->clock),
		      .retention_ns = config->idempotency.retention_hours * HOUR_NS,
		      .stop         = appliance_stop_asked(),
		      .tell         = tell,
		      .progress     = tell_progress,
		      .ctx          = appliance,
	};
	bool recovered;

	appliance->start_ns = recover.now_ns;
	if (keeps &&
	    !snapshots_open(&appliance->snapshots, config->state.snapshot_directory, error))
		return false;
	if (keeps)
		tell_snapshot_memory(config);
	if (appliance->log.durable_sequence == 0)
		return true;
	recover.snapshots  = keeps ? &appliance->snapshots.disk : NULL;
	appliance->told_ns = clock_now_ns(&appliance->clock);
	recovered          = recover_run(&recover, error);
	recover_end(&recover);
	if (!recovered)
		return false;
	atomic_store(&appliance->snapshot_role.last_sequence, recover.from_snapshot);
	log_write(LOG_INFO, "recovered: snapshot of record %lu, then %lu records",
		  (unsigned long)recover.from_snapshot, (unsigned long)recover.records);
	return true;
}

static void put_start_record(struct appliance *appliance)
{
	struct core       *core = &appliance->core;
	struct record_life life = {
		.kind             = AUDIT_START,
		.note             = "start",
		.now_ns           = appliance->start_ns,
		.artefacts        = &appliance->live->brain.digests,
		.durable_sequence = appliance->log.durable_sequence,
	};
	void *room = lane_reserve(&core->records, AUDIT_RECORD_BYTES_MAX);

	assert(room);
	lane_commit(&core->records, record_put_life(room, &life, &core->chain));
	core->pipeline.next_sequence = core->chain.next_sequence;
	stats_set(&core->stats->audit_sequence_next, core->chain.next_sequence);
}

/* Everything the core takes, with the keys it follows from. */
static bool core_fits(const struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config *config = &appliance->config;
	struct core_need     need   = core_need(config);
	struct mem_room      room   = mem_room();
	size_t               spare  = 1u << 20; /* alignment and the heap's own headers */

	if (need.total_bytes + spare <= room.free_bytes &&
	    need.largest_bytes + spare <= room.largest_bytes)
		return true;
	snprintf(
		error, APPLIANCE_ERROR_BYTES,
		"memory.hugepages_mib: is %u, too little: %zu MiB are left and %zu MiB are wanted: "
		"%zu MiB for %u requests at a time of http.body_bytes_max (%u) and "
		"decode.batch_max (%u), %zu MiB for the decoder of one, %zu MiB for "
		"tcp.connections_max (%u), %zu MiB for audit.ring_kib (%u) and the log; raise it "
		"to about %zu, or lower these",
		config->memory.hugepages_mib, room.free_bytes >> 20, mib(need.total_bytes),
		mib(need.jobs_bytes), need.jobs, config->http.body_bytes_max,
		config->decode.batch_max, mib(need.decoder_bytes), mib(need.conns_bytes),
		config->tcp.connections_max, mib(need.lanes_bytes), config->audit.ring_kib,
		config->memory.hugepages_mib + mib(need.total_bytes + spare) -
			(room.free_bytes >> 20) + 16);
	return false;
}

static bool boot_core(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	struct core *core = &appliance->core;

	if (!core_fits(appliance, error))
		return false;
	core_plan(core, &appliance->config);
	audit_role_init(&appliance->audit, &appliance->log, &core->records,
			appliance->config.audit.sync_interval_us);
	core->durable_sequence = &appliance->audit.durable_sequence;
	core->audit_failing    = &appliance->audit.failing;
	core->live             = appliance->live;
	atomic_store(&core->adopted_epoch, appliance->live->epoch);
	walk_use(&core->walk, core->live);
	put_start_record(appliance);
	return true;
}

static bool boot_management(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct config_management *management = &appliance->config.management;

	return control_listen(appliance, management->address, (uint16_t)management->port, error);
}

static bool boot_seal(struct appliance *appliance, char error[APPLIANCE_ERROR_BYTES])
{
	const struct mem_row *rows;
	uint32_t              n = mem_rows(&rows);

	(void)error;
	for (uint32_t i = 0; i < n; i++)
		log_write(LOG_DEBUG, "memory: %s %zu KiB", rows[i].name, rows[i].size_bytes >> 10);
	mem_seal();
	/* Pages are faulted in now, not by a payment.  Without the right to lock memory
	 * the appliance still works, so this is only a warning. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		log_write(LOG_WARNING, "memory is not locked: %s", strerror(errno));
	edge_serve(&appliance->core);
	return true;
}

static const struct boot_step steps[] = {
	{ "config", boot_config },
	{ "log", boot_log },
	{ "clock", boot_clock },
	{ "cores", boot_cores },
	{ "memory", boot_memory },
	{ "nic", boot_nic },
	{ "tcp", boot_tcp },
	{ "model slots", boot_model_slots },
	{ "certificates and model", boot_live },
	{ "audit", boot_audit },
	{ "engine", boot_engine },
	{ "memory of the past", boot_recover },
	{ "artefacts", boot_artefacts },
	{ "core", boot_core },
	{ "management", boot_management },
	{ "seal", boot_seal },
};

bool appliance_boot(struct appliance *appliance, const char *config_path,
		    char error[APPLIANCE_ERROR_BYTES])
{
	appliance->config_path = config_path;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		error[0] = '\0';
		if (!steps[i].run(appliance, error)) {
			if (atomic_load(appliance_stop_asked())) {
				log_write(LOG_INFO, "stopped while booting, at %s", steps[i].name);
				return false;
			}
			fprintf(stderr, "assayd: boot stopped at %s:\n%s\n", steps[i].name, error);
			return false;
		}
	}
	return true;
}
