#include "firmware/audit_mark.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAGIC "ASSAYDUR"
#define CHECK 48

static void check_of(const uint8_t bytes[AUDIT_MARK_BYTES], uint8_t out[DIGEST_BYTES])
{
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, bytes, CHECK);
	digest_end(&digest, out);
}

void audit_mark_read(struct disk *disk, struct audit_mark *mark)
{
	uint8_t bytes[AUDIT_MARK_BYTES], check[DIGEST_BYTES];
	int     file = disk->ops->open(disk, AUDIT_MARK_NAME, false);
	int64_t got;

	memset(mark, 0, sizeof(*mark));
	if (file < 0)
		return;
	got = disk->ops->read(disk, file, 0, bytes, sizeof(bytes));
	disk->ops->close(disk, file);
	if (got != (int64_t)sizeof(bytes) || memcmp(bytes, MAGIC, 8) != 0)
		return;
	check_of(bytes, check);
	if (memcmp(bytes + CHECK, check, AUDIT_MARK_BYTES - CHECK) != 0)
		return;
	for (int i = 7; i >= 0; i--)
		mark->sequence = mark->sequence << 8 | bytes[8 + i];
	memcpy(mark->hash, bytes + 16, DIGEST_BYTES);
}

int audit_mark_open(struct disk *disk)
{
	int file = disk->ops->create(disk, AUDIT_MARK_NAME);

	return file == -EEXIST ? disk->ops->open(disk, AUDIT_MARK_NAME, true) : file;
}

/* A mark that could not be written is only older than it might be. */
void audit_mark_write(struct disk *disk, int file, const struct audit_chain *durable)
{
	uint8_t  bytes[AUDIT_MARK_BYTES] = MAGIC, check[DIGEST_BYTES];
	uint64_t sequence                = durable->next_sequence - 1;

	for (int i = 0; i < 8; i++)
		bytes[8 + i] = (uint8_t)(sequence >> (8 * i));
	memcpy(bytes + 16, durable->hash, DIGEST_BYTES);
	check_of(bytes, check);
	memcpy(bytes + CHECK, check, AUDIT_MARK_BYTES - CHECK);
	(void)disk->ops->write(disk, file, 0, bytes, sizeof(bytes));
}

const char *audit_mark_fault(const struct audit_mark *mark, const struct audit_chain *end)
{
	static _Thread_local char text[160];
	uint64_t                  last = end->next_sequence - 1;

	if (mark->sequence > last)
		snprintf(text, sizeof(text),
			 "the log ends with record %" PRIu64 ", but record %" PRIu64
			 " was on disk: its end is lost or damaged",
			 last, mark->sequence);
	else if (mark->sequence == last && last > 0 &&
		 memcmp(mark->hash, end->hash, DIGEST_BYTES) != 0)
		snprintf(text, sizeof(text),
			 "record %" PRIu64 " is not the one that was on disk under this number",
			 last);
	else
		return NULL;
	return text;
}
