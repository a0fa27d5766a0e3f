/* Reading a snapshot: the head when it is opened, a section when it is asked for. */
#include "firmware/snapshot.h"
#include "firmware/snapshot_layout.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/little.h"

#define NAME_DIGITS 20

bool snapshot_is_name(const char *name)
{
	static const char digits[] = "0123456789";

	return strlen(name) == sizeof("snapshot-.snap") - 1 + NAME_DIGITS &&
	       strncmp(name, "snapshot-", 9) == 0 && strspn(name + 9, digits) == NAME_DIGITS &&
	       strcmp(name + 9 + NAME_DIGITS, ".snap") == 0;
}

void snapshot_head_hash(const uint8_t head[SNAPSHOT_HEAD_BYTES], uint8_t out[DIGEST_BYTES])
{
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, head, SNAPSHOT_HASHED);
	digest_end(&digest, out);
}

/* ---- the head */

static bool is_zero(const uint8_t *at, const uint8_t *end)
{
	for (; at < end; at++)
		if (*at != 0)
			return false;
	return true;
}

/* At most SNAPSHOT_SECTIONS_MAX squared over two comparisons, once a start. */
static bool is_repeated(const struct snapshot *snapshot, const struct snapshot_section *section)
{
	const struct snapshot_section *first = snapshot_find(snapshot, section->kind,
							     section->index);

	return first != section;
}

static const char *parse_table(const uint8_t *head, uint64_t file_bytes, struct snapshot *out)
{
	const uint8_t *row = head + SNAPSHOT_TABLE_AT;
	uint64_t       end = SNAPSHOT_HEAD_BYTES;

	for (uint32_t i = 0; i < out->sections_count; i++, row += SNAPSHOT_ROW_BYTES) {
		struct snapshot_section *section = &out->sections[i];

		section->kind         = (uint32_t)little_read(row, 4);
		section->index        = (uint32_t)little_read(row + 4, 4);
		section->size_bytes   = little_read(row + 8, 8);
		section->offset_bytes = snapshot_line_up(end);
		memcpy(section->digest, row + 16, DIGEST_BYTES);
		if (section->kind == SNAPSHOT_NONE || is_repeated(out, section))
			return "a section has no kind or is there twice";
		if (section->offset_bytes > file_bytes ||
		    section->size_bytes > file_bytes - section->offset_bytes)
			return "the file ends before its last section does";
		end = section->offset_bytes + section->size_bytes;
	}
	if (end != file_bytes)
		return "the file goes on behind its last section";
	return is_zero(row, head + SNAPSHOT_HASHED) ? NULL : "there are bytes behind the table";
}

const char *snapshot_parse(struct bytes head, uint64_t file_bytes, struct snapshot *out)
{
	const uint8_t *at = head.data;
	uint8_t        hash[DIGEST_BYTES];
	uint64_t       sequence, count;

	if (head.size_bytes < SNAPSHOT_HEAD_BYTES || file_bytes < SNAPSHOT_HEAD_BYTES)
		return "it is shorter than its head";
	if (memcmp(at, SNAPSHOT_MAGIC, SNAPSHOT_MAGIC_BYTES) != 0)
		return "it is not a snapshot: the magic is wrong";
	if (little_read(at + 8, 4) != SNAPSHOT_VERSION ||
	    little_read(at + 12, 4) != SNAPSHOT_HEAD_BYTES)
		return "it is a snapshot of another version";
	snapshot_head_hash(at, hash);
	if (memcmp(hash, at + SNAPSHOT_HASHED, DIGEST_BYTES) != 0)
		return "its head does not have the hash that it says";
	sequence = little_read(at + 16, 8);
	count    = little_read(at + 104, 4);
	if (sequence == UINT64_MAX || count > SNAPSHOT_SECTIONS_MAX ||
	    little_read(at + 108, 4) != 0)
		return "a number in its head is out of range";
	memset(&out->about, 0, sizeof(out->about));
	out->about.chain.next_sequence = sequence + 1;
	out->about.chain.order         = little_read(at + 24, 8);
	memcpy(out->about.chain.hash, at + 32, DIGEST_BYTES);
	out->about.wall_ns = (int64_t)little_read(at + 64, 8);
	memcpy(out->about.config, at + 72, DIGEST_BYTES);
	out->sections_count = (uint32_t)count;
	return parse_table(at, file_bytes, out);
}

/* ---- opening */

__attribute__((format(printf, 2, 3))) static bool say(char *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, SNAPSHOT_ERROR_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

uint64_t snapshot_sequence_of(const char *name)
{
	return strtoull(name + strlen("snapshot-"), NULL, 10);
}

static bool read_head(struct snapshot *snapshot, char *error)
{
	static _Thread_local uint8_t head[SNAPSHOT_HEAD_BYTES];
	const char                  *wrong;
	int64_t size = snapshot->disk->ops->size(snapshot->disk, snapshot->file);
	int64_t n    = size;

	if (size >= 0)
		n = snapshot->disk->ops->read(snapshot->disk, snapshot->file, 0, head,
					      sizeof(head));
	if (n < 0)
		return say(error, "%s: %s", snapshot->name, strerrordesc_np((int)-n));
	wrong = snapshot_parse(bytes_of(head, (size_t)n), (uint64_t)size, snapshot);
	if (wrong == NULL &&
	    snapshot->about.chain.next_sequence - 1 != snapshot_sequence_of(snapshot->name))
		wrong = "its name is not that of its sequence";
	return wrong == NULL || say(error, "%s: %s", snapshot->name, wrong);
}

static bool try_open(struct snapshot *snapshot, struct disk *disk, const char *name, char *error)
{
	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->disk = disk;
	snprintf(snapshot->name, sizeof(snapshot->name), "%s", name);
	snapshot->file = disk->ops->open(disk, name, false);
	if (snapshot->file < 0)
		return say(error, "%s: %s", name, strerrordesc_np(-snapshot->file));
	if (read_head(snapshot, error))
		return true;
	snapshot_close(snapshot);
	return false;
}

bool snapshot_open(struct snapshot *snapshot, struct disk *disk,
		   const struct snapshot_search *search, char error[SNAPSHOT_ERROR_BYTES])
{
	struct disk_name *names;
	int64_t           count = disk_list(disk, snapshot_is_name, &names);
	bool              found = false;
	char              sentence[SNAPSHOT_ERROR_BYTES];

	error[0] = '\0';
	if (count < 0)
		say(error, "the directory of snapshots: %s", strerrordesc_np((int)-count));
	for (int64_t i = count - 1; i >= 0 && !found; i--) {
		if (snapshot_sequence_of(names[i].text) > search->sequence_max)
			continue;
		found = try_open(snapshot, disk, names[i].text, sentence);
		if (!found && search->damaged != NULL)
			search->damaged(search->context, sentence);
	}
	free(names);
	return found;
}

void snapshot_tell_above(struct disk *disk, const struct snapshot_search *search)
{
	struct disk_name *names;
	int64_t           count = disk_list(disk, snapshot_is_name, &names);
	char              sentence[SNAPSHOT_ERROR_BYTES];

	for (int64_t i = count - 1;
	     i >= 0 && snapshot_sequence_of(names[i].text) > search->sequence_max; i--) {
		say(sentence,
		    "%s is ahead of the audit log, which ends with record %" PRIu64
		    ": it was made from another log; remove it",
		    names[i].text, search->sequence_max);
		search->damaged(search->context, sentence);
	}
	free(names);
}

void snapshot_close(struct snapshot *snapshot)
{
	if (snapshot->file >= 0)
		snapshot->disk->ops->close(snapshot->disk, snapshot->file);
	snapshot->file = -1;
}

/* ---- sections */

const struct snapshot_section *snapshot_find(const struct snapshot *snapshot, uint32_t kind,
					     uint32_t index)
{
	for (uint32_t i = 0; i < snapshot->sections_count; i++)
		if (snapshot->sections[i].kind == kind && snapshot->sections[i].index == index)
			return &snapshot->sections[i];
	return NULL;
}

uint64_t snapshot_section_bytes_max(const struct snapshot *snapshot)
{
	uint64_t max = 0;

	for (uint32_t i = 0; i < snapshot->sections_count; i++)
		if (snapshot->sections[i].size_bytes > max)
			max = snapshot->sections[i].size_bytes;
	return max;
}

bool snapshot_read(const struct snapshot *snapshot, const struct snapshot_section *section,
		   void *out, char error[SNAPSHOT_ERROR_BYTES])
{
	struct digest digest;
	uint8_t       hash[DIGEST_BYTES];
	int64_t n = snapshot->disk->ops->read(snapshot->disk, snapshot->file, section->offset_bytes,
					      out, (size_t)section->size_bytes);

	if (n < 0)
		return say(error, "%s: %s", snapshot->name, strerrordesc_np((int)-n));
	if ((uint64_t)n != section->size_bytes)
		return say(error, "%s: it became shorter", snapshot->name);
	digest_init(&digest);
	digest_add(&digest, out, (size_t)n);
	digest_end(&digest, hash);
	if (memcmp(hash, section->digest, DIGEST_BYTES) == 0)
		return true;
	return say(error,
		   "%s: section %" PRIu32 "/%" PRIu32 " does not have the digest in the head",
		   snapshot->name, section->kind, section->index);
}
