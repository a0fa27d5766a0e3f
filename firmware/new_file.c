#include "firmware/new_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART ".part"

int new_file_begin(struct new_file *new_file, struct disk *disk, const char *name)
{
	assert(strlen(name) + sizeof(PART) <= DISK_NAME_BYTES_MAX);
	memset(new_file, 0, sizeof(*new_file));
	new_file->disk = disk;
	snprintf(new_file->name, sizeof(new_file->name), "%s", name);
	snprintf(new_file->part, sizeof(new_file->part), "%.*s" PART,
		 DISK_NAME_BYTES_MAX - (int)sizeof(PART), name);
	new_file->file = disk->ops->create(disk, new_file->part);
	if (new_file->file != -EEXIST)
		return new_file->file < 0 ? new_file->file : 0;
	new_file->file = disk->ops->remove(disk, new_file->part);
	if (new_file->file == 0)
		new_file->file = disk->ops->create(disk, new_file->part);
	return new_file->file < 0 ? new_file->file : 0;
}

int new_file_write(struct new_file *new_file, uint64_t offset, struct bytes bytes)
{
	if (bytes.size_bytes == 0)
		return 0;
	return new_file->disk->ops->write(new_file->disk, new_file->file, offset, bytes.data,
					  bytes.size_bytes);
}

int new_file_commit(struct new_file *new_file)
{
	struct disk *disk  = new_file->disk;
	int          error = disk->ops->sync(disk, new_file->file);

	if (error < 0)
		return error;
	disk->ops->close(disk, new_file->file);
	new_file->file = -EBADF;
	return disk->ops->rename(disk, new_file->part, new_file->name);
}

void new_file_drop(struct new_file *new_file)
{
	if (new_file->file >= 0)
		new_file->disk->ops->close(new_file->disk, new_file->file);
	new_file->file = -EBADF;
	new_file->disk->ops->remove(new_file->disk, new_file->part);
}

static bool is_part(const char *name)
{
	size_t size = strlen(name);

	return size >= strlen(PART) && strcmp(name + size - strlen(PART), PART) == 0;
}

int new_file_sweep(struct disk *disk)
{
	struct disk_name *names;
	int64_t           count = disk_list(disk, is_part, &names);
	int               error = count < 0 ? (int)count : 0;

	for (int64_t i = 0; i < count && error == 0; i++)
		error = disk->ops->remove(disk, names[i].text);
	free(names);
	return error;
}
