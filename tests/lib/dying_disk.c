#include "tests/lib/dying_disk.h"

#include <errno.h>

static struct dying_disk *of(struct disk *disk)
{
	return (struct dying_disk *)(void *)disk;
}

static struct disk *behind(struct disk *disk)
{
	return &of(disk)->sim.disk;
}

static bool dies(struct disk *disk)
{
	if (of(disk)->calls_left == 0)
		return true;
	of(disk)->calls_left--;
	return false;
}

static int64_t dying_list(struct disk *disk, struct disk_name *names, size_t max)
{
	return behind(disk)->ops->list(behind(disk), names, max);
}

static int dying_create(struct disk *disk, const char *name)
{
	return dies(disk) ? -EIO : behind(disk)->ops->create(behind(disk), name);
}

static int dying_open(struct disk *disk, const char *name, bool writable)
{
	return behind(disk)->ops->open(behind(disk), name, writable);
}

static int64_t dying_size(struct disk *disk, int file)
{
	return behind(disk)->ops->size(behind(disk), file);
}

static int64_t dying_read(struct disk *disk, int file, uint64_t offset, void *out, size_t size)
{
	return behind(disk)->ops->read(behind(disk), file, offset, out, size);
}

/* The last write reaches the disk in part. */
static int dying_write(struct disk *disk, int file, uint64_t offset, const void *in, size_t size)
{
	if (of(disk)->calls_left == 0)
		return -EIO;
	if (--of(disk)->calls_left == 0) {
		behind(disk)->ops->write(behind(disk), file, offset, in, size / 2);
		return -EIO;
	}
	return behind(disk)->ops->write(behind(disk), file, offset, in, size);
}

static int dying_sync(struct disk *disk, int file)
{
	return dies(disk) ? -EIO : behind(disk)->ops->sync(behind(disk), file);
}

static int dying_truncate(struct disk *disk, int file, uint64_t size)
{
	return dies(disk) ? -EIO : behind(disk)->ops->truncate(behind(disk), file, size);
}

static int dying_remove(struct disk *disk, const char *name)
{
	return dies(disk) ? -EIO : behind(disk)->ops->remove(behind(disk), name);
}

static int dying_rename(struct disk *disk, const char *from, const char *to)
{
	return dies(disk) ? -EIO : behind(disk)->ops->rename(behind(disk), from, to);
}

static int64_t dying_free_bytes(struct disk *disk)
{
	return behind(disk)->ops->free_bytes(behind(disk));
}

static void dying_close(struct disk *disk, int file)
{
	behind(disk)->ops->close(behind(disk), file);
}

static const struct disk_ops ops = {
	.list       = dying_list,
	.create     = dying_create,
	.open       = dying_open,
	.size       = dying_size,
	.read       = dying_read,
	.write      = dying_write,
	.sync       = dying_sync,
	.truncate   = dying_truncate,
	.remove     = dying_remove,
	.rename     = dying_rename,
	.free_bytes = dying_free_bytes,
	.close      = dying_close,
};

void dying_disk_init(struct dying_disk *dying, uint64_t seed, uint64_t calls_left)
{
	dying->disk.ops   = &ops;
	dying->calls_left = calls_left;
	disk_sim_init(&dying->sim, seed);
}
