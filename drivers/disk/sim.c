/* A disk in memory that tears what was not synced, fills up and fails, all by seed.
 *
 * Each file has two images.  Reads and writes see `cached`, a sync copies it to
 * `stored`.  A power cut makes every 512-byte sector where the two differ come out
 * new, old or zero: sectors reach a real disk in any order, and a file system may
 * have grown a file before its data arrived. */
#include "drivers/disk/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR_BYTES 512

static struct disk_sim *sim_of(struct disk *disk)
{
	return (struct disk_sim *)(void *)((char *)disk - offsetof(struct disk_sim, disk));
}

/* xorshift64*: any seed but 0. */
static uint64_t draw(struct disk_sim *sim)
{
	sim->seed ^= sim->seed >> 12;
	sim->seed ^= sim->seed << 25;
	sim->seed ^= sim->seed >> 27;
	return sim->seed * 0x2545f4914f6cdd1dULL;
}

static bool strikes(struct disk_sim *sim, uint32_t per_million)
{
	return per_million > 0 && (draw(sim) >> 32) % 1000000 < per_million;
}

static void grow(struct disk_sim_file *file, uint64_t size_bytes)
{
	uint64_t capacity = file->capacity_bytes ? file->capacity_bytes : 4096;

	while (capacity < size_bytes)
		capacity *= 2;
	if (capacity == file->capacity_bytes)
		return;
	file->cached = realloc(file->cached, capacity);
	file->stored = realloc(file->stored, capacity);
	assert(file->cached != NULL && file->stored != NULL);
	memset(file->cached + file->capacity_bytes, 0, capacity - file->capacity_bytes);
	memset(file->stored + file->capacity_bytes, 0, capacity - file->capacity_bytes);
	file->capacity_bytes = capacity;
}

static int find(struct disk_sim *sim, const char *name)
{
	for (int i = 0; i < DISK_SIM_FILES_MAX; i++)
		if (strcmp(sim->files[i].name, name) == 0)
			return i;
	return -ENOENT;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct disk_name *)a)->text, ((const struct disk_name *)b)->text);
}

static int64_t sim_list(struct disk *disk, struct disk_name *names, size_t max)
{
	struct disk_sim *sim   = sim_of(disk);
	size_t           count = 0;

	for (int i = 0; i < DISK_SIM_FILES_MAX; i++) {
		if (sim->files[i].name[0] == '\0')
			continue;
		if (count < max)
			memcpy(names[count].text, sim->files[i].name, DISK_NAME_BYTES_MAX);
		count++;
	}
	if (max > 0)
		qsort(names, count < max ? count : max, sizeof(*names), by_name);
	return (int64_t)count;
}

static int sim_create(struct disk *disk, const char *name)
{
	struct disk_sim *sim  = sim_of(disk);
	int              file = find(sim, "");

	if (find(sim, name) >= 0)
		return -EEXIST;
	if (file < 0)
		return -ENOSPC;
	snprintf(sim->files[file].name, DISK_NAME_BYTES_MAX, "%s", name);
	grow(&sim->files[file], 1);
	return file;
}

static int sim_open(struct disk *disk, const char *name, bool writable)
{
	(void)writable;
	return find(sim_of(disk), name);
}

static int64_t sim_size(struct disk *disk, int file)
{
	return (int64_t)sim_of(disk)->files[file].cached_bytes;
}

static int64_t sim_read(struct disk *disk, int file, uint64_t offset, void *out, size_t size_bytes)
{
	struct disk_sim_file *f = &sim_of(disk)->files[file];

	if (offset >= f->cached_bytes)
		return 0;
	if (size_bytes > f->cached_bytes - offset)
		size_bytes = f->cached_bytes - offset;
	memcpy(out, f->cached + offset, size_bytes);
	return (int64_t)size_bytes;
}

static uint64_t used_bytes(const struct disk_sim *sim)
{
	uint64_t used = 0;

	for (int i = 0; i < DISK_SIM_FILES_MAX; i++)
		used += sim->files[i].cached_bytes;
	return used;
}

static int64_t sim_free_bytes(struct disk *disk)
{
	struct disk_sim *sim  = sim_of(disk);
	uint64_t         used = used_bytes(sim);

	return used >= sim->capacity_bytes ? 0 : (int64_t)(sim->capacity_bytes - used);
}

static int sim_write(struct disk *disk, int file, uint64_t offset, const void *in,
		     size_t size_bytes)
{
	struct disk_sim      *sim   = sim_of(disk);
	struct disk_sim_file *f     = &sim->files[file];
	uint64_t              end   = offset + size_bytes;
	uint64_t              room  = f->cached_bytes + (uint64_t)sim_free_bytes(disk);
	int                   error = 0;

	sim->writes++;
	if (strikes(sim, sim->write_errors_per_million)) {
		error = -EIO;
		end   = offset + draw(sim) % (size_bytes + 1);
	}
	if (end > room) {
		error = -ENOSPC;
		end   = room > offset ? room : offset;
	}
	if (end > offset) {
		grow(f, end);
		memcpy(f->cached + offset, in, end - offset);
	}
	if (end > f->cached_bytes && end > offset)
		f->cached_bytes = end;
	return error;
}

static int sim_sync(struct disk *disk, int file)
{
	struct disk_sim      *sim = sim_of(disk);
	struct disk_sim_file *f   = &sim->files[file];

	while (atomic_load(&sim->hangs))
		usleep(1000);
	sim->syncs++;
	if (strikes(sim, sim->sync_errors_per_million)) {
		/* What Linux does: the pages are marked clean, the data is gone, and the
		 * next sync succeeds. */
		memcpy(f->cached, f->stored, f->capacity_bytes);
		return -EIO;
	}
	memcpy(f->stored, f->cached, f->capacity_bytes);
	f->stored_bytes = f->cached_bytes;
	return 0;
}

static int sim_truncate(struct disk *disk, int file, uint64_t size_bytes)
{
	struct disk_sim_file *f = &sim_of(disk)->files[file];

	grow(f, size_bytes);
	memset(f->cached + size_bytes, 0, f->capacity_bytes - size_bytes);
	f->cached_bytes = size_bytes;
	memcpy(f->stored, f->cached, f->capacity_bytes);
	f->stored_bytes = size_bytes;
	return 0;
}

static int sim_remove(struct disk *disk, const char *name)
{
	struct disk_sim      *sim  = sim_of(disk);
	int                   file = find(sim, name);
	struct disk_sim_file *f;

	if (file < 0)
		return file;
	f = &sim->files[file];
	free(f->cached);
	free(f->stored);
	memset(f, 0, sizeof(*f));
	return 0;
}

static int sim_rename(struct disk *disk, const char *from, const char *to)
{
	struct disk_sim *sim  = sim_of(disk);
	int              file = find(sim, from);

	if (file < 0 || strcmp(from, to) == 0)
		return file < 0 ? file : 0;
	if (find(sim, to) >= 0)
		sim_remove(disk, to);
	snprintf(sim->files[file].name, DISK_NAME_BYTES_MAX, "%s", to);
	return 0;
}

static void sim_close(struct disk *disk, int file)
{
	(void)disk;
	(void)file;
}

static const struct disk_ops sim_ops = {
	.list       = sim_list,
	.create     = sim_create,
	.open       = sim_open,
	.size       = sim_size,
	.read       = sim_read,
	.write      = sim_write,
	.sync       = sim_sync,
	.truncate   = sim_truncate,
	.remove     = sim_remove,
	.rename     = sim_rename,
	.free_bytes = sim_free_bytes,
	.close      = sim_close,
};

void disk_sim_init(struct disk_sim *sim, uint64_t seed)
{
	memset(sim, 0, sizeof(*sim));
	sim->disk.ops       = &sim_ops;
	sim->seed           = seed * 0x9e3779b97f4a7c15ULL | 1;
	sim->capacity_bytes = UINT64_MAX / 2;
}

void disk_sim_free(struct disk_sim *sim)
{
	for (int i = 0; i < DISK_SIM_FILES_MAX; i++) {
		free(sim->files[i].cached);
		free(sim->files[i].stored);
	}
	memset(sim->files, 0, sizeof(sim->files));
}

/* Between what was synced and what was written, a size of its own; zeros beyond. */
static void tear(struct disk_sim *sim, struct disk_sim_file *f)
{
	uint64_t low        = f->stored_bytes < f->cached_bytes ? f->stored_bytes : f->cached_bytes;
	uint64_t high       = f->stored_bytes < f->cached_bytes ? f->cached_bytes : f->stored_bytes;
	uint64_t size_bytes = low + draw(sim) % (high - low + 1);

	if (draw(sim) & 1)
		size_bytes = high;
	for (uint64_t at = 0; at < f->capacity_bytes; at += SECTOR_BYTES) {
		if (memcmp(f->cached + at, f->stored + at, SECTOR_BYTES) == 0)
			continue;
		switch (draw(sim) >> 33 & 3) {
		case 0: /* old */ memcpy(f->cached + at, f->stored + at, SECTOR_BYTES); break;
		case 1: /* zero, where nothing was synced */
			if (at >= f->stored_bytes)
				memset(f->cached + at, 0, SECTOR_BYTES);
			break;
		default: break; /* new */
		}
	}
	if (size_bytes < f->capacity_bytes)
		memset(f->cached + size_bytes, 0, f->capacity_bytes - size_bytes);
	f->cached_bytes = size_bytes;
	memcpy(f->stored, f->cached, f->capacity_bytes);
	f->stored_bytes = size_bytes;
}

void disk_sim_power_cut(struct disk_sim *sim)
{
	for (int i = 0; i < DISK_SIM_FILES_MAX; i++)
		if (sim->files[i].name[0] != '\0')
			tear(sim, &sim->files[i]);
}
