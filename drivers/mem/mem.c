#include "drivers/mem/mem.h"

#include <assert.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct mem_row rows[MEM_TAKES_MAX];
static uint32_t       rows_count;
static bool           sealed;

__attribute__((format(printf, 2, 3), noreturn)) static void stop_machine(const char *name,
									 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "memory: %s: ", name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	abort();
}

void *mem_take(const char *name, size_t size_bytes, size_t align_bytes)
{
	assert(size_bytes > 0 && (align_bytes & (align_bytes - 1)) == 0 && align_bytes > 0);
	if (sealed)
		stop_machine(name, "%zu bytes were asked for after memory was sealed", size_bytes);
	if (rows_count == MEM_TAKES_MAX)
		stop_machine(name, "more than %u pieces of memory were asked for", MEM_TAKES_MAX);

	void *memory = rte_zmalloc(name, size_bytes, (unsigned)align_bytes);

	if (!memory)
		stop_machine(name, "%zu MiB do not fit; raise memory.hugepages_mib",
			     (size_bytes >> 20) + 1);
	struct mem_row *row = &rows[rows_count++];
	snprintf(row->name, sizeof(row->name), "%s", name);
	row->size_bytes = size_bytes;
	return memory;
}

struct mem_room mem_room(void)
{
	struct rte_malloc_socket_stats stats;
	struct mem_room                room = { 0 };

	for (unsigned i = 0; i < rte_socket_count(); i++) {
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) != 0)
			continue;
		room.free_bytes += stats.heap_freesz_bytes;
		if (stats.greatest_free_size > room.largest_bytes)
			room.largest_bytes = stats.greatest_free_size;
	}
	return room;
}

void mem_seal(void)
{
	sealed = true;
}

uint32_t mem_rows(const struct mem_row **out)
{
	*out = rows;
	return rows_count;
}

bool mem_thread_enter(void)
{
	return rte_lcore_id() != LCORE_ID_ANY || rte_thread_register() == 0;
}

void mem_stop(void)
{
	rte_eal_cleanup();
}
