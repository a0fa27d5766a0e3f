#include "drivers/disk/disk.h"

#include <errno.h>
#include <stdlib.h>

int64_t disk_list(struct disk *disk, bool (*wanted)(const char *name), struct disk_name **names)
{
	int64_t listed = disk->ops->list(disk, NULL, 0);
	int64_t again, count = 0;

	*names = NULL;
	if (listed <= 0)
		return listed;
	*names = calloc((size_t)listed, sizeof(**names));
	if (*names == NULL)
		return -ENOMEM;
	again = disk->ops->list(disk, *names, (size_t)listed);
	/* A file made in between is not seen, which is what being in between means. */
	for (int64_t i = 0; i < (again < listed ? again : listed); i++)
		if (wanted((*names)[i].text))
			(*names)[count++] = (*names)[i];
	return again < 0 ? again : count;
}
