#include "firmware/audit_role.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/clock/clock.h"
#include "firmware/log.h"
#include "firmware/nap.h"

void audit_role_init(struct audit_role *role, struct audit_log *log, struct lane *records,
		     uint32_t nap_us)
{
	memset(role, 0, sizeof(*role));
	role->log     = log;
	role->records = records;
	role->nap_us  = nap_us;
	role->batch   = malloc(AUDIT_ROLE_BATCH_BYTES);
	assert(role->batch);
	atomic_store(&role->durable_sequence, log->durable_sequence);
}

/* Out of the lane into the batch, as much as there is and fits. */
static size_t gather(struct audit_role *role)
{
	size_t      count = 0, used = 0, size;
	const void *record;

	while (count < AUDIT_ROLE_RECORDS_MAX && (record = lane_peek(role->records, &size))) {
		if (used + size > AUDIT_ROLE_BATCH_BYTES)
			break;
		memcpy(role->batch + used, record, size);
		used += size;
		role->ends[count++] = used;
		lane_release(role->records);
	}
	return count;
}

/* One try.  The log has everything up to durable_sequence; what it has of this
 * batch already is left out. */
static bool store(struct audit_role *role, uint64_t first_sequence, size_t count)
{
	size_t       done = (size_t)(role->log->durable_sequence + 1 - first_sequence);
	size_t       from = done == 0 ? 0 : role->ends[done - 1];
	struct bytes left = bytes_of(role->batch + from, role->ends[count - 1] - from);

	assert(done <= count);
	if (done == count)
		return true;
	return audit_log_append(role->log, left, clock_real_ns()) && audit_log_sync(role->log);
}

/* False: told to stop while the disk refuses.  What is not durable was never
 * acknowledged; what is still in the lane follows it in the chain and stays there. */
static bool commit(struct audit_role *role, size_t count)
{
	uint64_t first_sequence = role->log->durable_sequence + 1;
	bool     told           = false;

	while (!store(role, first_sequence, count)) {
		atomic_fetch_add(&role->batches_failed, 1);
		atomic_store(&role->syncs_failed, role->log->syncs_failed);
		atomic_store_explicit(&role->failing, true, memory_order_release);
		if (!told)
			log_write(
				LOG_ERROR,
				"audit: the log cannot be written: %s: %s; requests get 503 until "
				"it can",
				role->log->failure.place, role->log->failure.detail);
		told = true;
		if (atomic_load(&role->stop))
			return false;
		nap_ms(AUDIT_ROLE_RETRY_MS);
	}
	atomic_fetch_add(&role->syncs, 1);
	atomic_store_explicit(&role->durable_sequence, role->log->durable_sequence,
			      memory_order_release);
	if (told) {
		log_write(LOG_WARNING, "audit: the log can be written again");
		atomic_store_explicit(&role->failing, false, memory_order_release);
	}
	return true;
}

void audit_role_run(struct audit_role *role)
{
	for (;;) {
		bool   stopping = atomic_load(&role->stop);
		size_t count    = gather(role);

		if (count > 0 ? !commit(role, count) : stopping)
			break;
		if (count == 0)
			nap_us(role->nap_us);
	}
	free(role->batch);
	role->batch = NULL;
}
