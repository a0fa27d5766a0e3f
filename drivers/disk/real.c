/* The real directory: Linux calls relative to its descriptor. */
#include "drivers/disk/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct disk_real *real_of(struct disk *disk)
{
	return (struct disk_real *)(void *)((char *)disk - offsetof(struct disk_real, disk));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct disk_name *)a)->text, ((const struct disk_name *)b)->text);
}

static int64_t real_list(struct disk *disk, struct disk_name *names, size_t max)
{
	int  again     = openat(real_of(disk)->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *entry;
	size_t         count = 0;

	if (directory == NULL) {
		int error = errno;

		if (again >= 0)
			close(again);
		return -error;
	}
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)
			continue;
		if (strlen(entry->d_name) >= DISK_NAME_BYTES_MAX || entry->d_name[0] == '.')
			continue;
		if (count < max)
			memcpy(names[count].text, entry->d_name, strlen(entry->d_name) + 1);
		count++;
	}
	closedir(directory);
	if (max > 0)
		qsort(names, count < max ? count : max, sizeof(*names), by_name);
	return (int64_t)count;
}

/* A new name is durable only when its directory is (fsync(2)). */
static int sync_directory(struct disk *disk)
{
	return fsync(real_of(disk)->directory) == 0 ? 0 : -errno;
}

static int real_create(struct disk *disk, const char *name)
{
	int file = openat(real_of(disk)->directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			  0640);
	int error;

	if (file < 0)
		return -errno;
	error = sync_directory(disk);
	if (error < 0) {
		close(file);
		return error;
	}
	return file;
}

static int real_open(struct disk *disk, const char *name, bool writable)
{
	int file = openat(real_of(disk)->directory, name,
			  (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);

	return file >= 0 ? file : -errno;
}

static int64_t real_size(struct disk *disk, int file)
{
	struct stat status;

	(void)disk;
	return fstat(file, &status) == 0 ? status.st_size : -errno;
}

static int64_t real_read(struct disk *disk, int file, uint64_t offset, void *out, size_t size_bytes)
{
	size_t done = 0;

	(void)disk;
	while (done < size_bytes) {
		ssize_t n = pread(file, (char *)out + done, size_bytes - done,
				  (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int64_t)done;
}

static int real_write(struct disk *disk, int file, uint64_t offset, const void *in,
		      size_t size_bytes)
{
	size_t done = 0;

	(void)disk;
	while (done < size_bytes) {
		ssize_t n = pwrite(file, (const char *)in + done, size_bytes - done,
				   (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

static int real_sync(struct disk *disk, int file)
{
	(void)disk;
	return fdatasync(file) == 0 ? 0 : -errno;
}

static int real_truncate(struct disk *disk, int file, uint64_t size_bytes)
{
	(void)disk;
	return ftruncate(file, (off_t)size_bytes) == 0 && fsync(file) == 0 ? 0 : -errno;
}

static int real_remove(struct disk *disk, const char *name)
{
	return unlinkat(real_of(disk)->directory, name, 0) == 0 ? sync_directory(disk) : -errno;
}

static int real_rename(struct disk *disk, const char *from, const char *to)
{
	int directory = real_of(disk)->directory;

	return renameat(directory, from, directory, to) == 0 ? sync_directory(disk) : -errno;
}

static int64_t real_free_bytes(struct disk *disk)
{
	struct statvfs status;

	if (fstatvfs(real_of(disk)->directory, &status) != 0)
		return -errno;
	return (int64_t)(status.f_bavail * status.f_frsize);
}

static void real_close(struct disk *disk, int file)
{
	(void)disk;
	close(file);
}

static const struct disk_ops real_ops = {
	.list       = real_list,
	.create     = real_create,
	.open       = real_open,
	.size       = real_size,
	.read       = real_read,
	.write      = real_write,
	.sync       = real_sync,
	.truncate   = real_truncate,
	.remove     = real_remove,
	.rename     = real_rename,
	.free_bytes = real_free_bytes,
	.close      = real_close,
};

int disk_real_open(struct disk_real *real, const char *path, bool exclusive)
{
	real->disk.ops = &real_ops;
	if (exclusive && mkdir(path, 0750) != 0 && errno != EEXIST)
		return -errno;
	real->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (real->directory < 0)
		return -errno;
	if (exclusive && flock(real->directory, LOCK_EX | LOCK_NB) != 0) {
		int error = errno;

		disk_real_close(real);
		return -error;
	}
	return 0;
}

void disk_real_close(struct disk_real *real)
{
	close(real->directory);
	real->directory = -1;
}

/* A row of /proc/locks: "1: FLOCK  ADVISORY  WRITE 123 fd:01:456 0 EOF".  0: not found. */
static long holder_of(const char *path)
{
	FILE       *locks = fopen("/proc/locks", "re");
	struct stat about;
	char        line[256];
	long        found = 0;

	if (!locks)
		return 0;
	while (stat(path, &about) == 0 && found == 0 && fgets(line, sizeof(line), locks)) {
		unsigned      major, minor;
		unsigned long inode;
		long          process;

		if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%lu", &process, &major, &minor,
			   &inode) == 4 &&
		    inode == about.st_ino && makedev(major, minor) == about.st_dev)
			found = process;
	}
	fclose(locks);
	return found;
}

const char *disk_real_why(const char *path, int rc, char out[DISK_WHY_BYTES])
{
	long process = rc == -EWOULDBLOCK ? holder_of(path) : 0;

	if (rc != -EWOULDBLOCK)
		snprintf(out, DISK_WHY_BYTES, "%s", strerrordesc_np(-rc));
	else if (process > 0)
		snprintf(out, DISK_WHY_BYTES, "process %ld (an assayd or assayctl) works there",
			 process);
	else
		snprintf(out, DISK_WHY_BYTES, "another assayd or assayctl works there");
	return out;
}
