/* Writing a snapshot as a stream. */
#include "firmware/snapshot.h"
#include "firmware/snapshot_layout.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool failed(struct snapshot_writer *writer, int error)
{
	snprintf(writer->error, sizeof(writer->error), "%s: %s", writer->file.name,
		 strerrordesc_np(-error));
	return false;
}

static struct snapshot_section *current(struct snapshot_writer *writer)
{
	return writer->sections_count > 0 ? &writer->sections[writer->sections_count - 1] : NULL;
}

bool snapshot_begin(struct snapshot_writer *writer, struct disk *disk,
		    const struct snapshot_about *about)
{
	char name[DISK_NAME_BYTES_MAX];
	int  rc;

	assert(about->chain.next_sequence > 0);
	writer->about          = *about;
	writer->sections_count = 0;
	writer->buffered_bytes = 0;
	writer->written_bytes  = SNAPSHOT_HEAD_BYTES;
	writer->error[0]       = '\0';
	snprintf(name, sizeof(name), "snapshot-%020" PRIu64 ".snap",
		 about->chain.next_sequence - 1);
	rc = new_file_begin(&writer->file, disk, name);
	return rc == 0 || failed(writer, rc);
}

static bool flush(struct snapshot_writer *writer)
{
	int rc = new_file_write(&writer->file, writer->written_bytes,
				bytes_of(writer->buffer, writer->buffered_bytes));

	if (rc < 0)
		return failed(writer, rc);
	writer->written_bytes += writer->buffered_bytes;
	writer->buffered_bytes = 0;
	return true;
}

static bool put(struct snapshot_writer *writer, struct bytes piece)
{
	while (piece.size_bytes > 0) {
		size_t room = SNAPSHOT_BUFFER_BYTES - writer->buffered_bytes;
		size_t size = piece.size_bytes < room ? piece.size_bytes : room;

		memcpy(writer->buffer + writer->buffered_bytes, piece.data, size);
		writer->buffered_bytes += size;
		piece = bytes_of(piece.data + size, piece.size_bytes - size);
		if (writer->buffered_bytes == SNAPSHOT_BUFFER_BYTES && !flush(writer))
			return false;
	}
	return true;
}

static void end_section(struct snapshot_writer *writer)
{
	if (current(writer) != NULL)
		digest_end(&writer->digest, current(writer)->digest);
}

bool snapshot_section(struct snapshot_writer *writer, uint32_t kind, uint32_t index)
{
	static const uint8_t zeros[SNAPSHOT_ALIGN_BYTES];
	uint64_t             at = writer->written_bytes + writer->buffered_bytes;

	assert(kind != SNAPSHOT_NONE && writer->sections_count < SNAPSHOT_SECTIONS_MAX);
	for (uint32_t i = 0; i < writer->sections_count; i++)
		assert(writer->sections[i].kind != kind || writer->sections[i].index != index);
	end_section(writer);
	if (!put(writer, bytes_of(zeros, snapshot_line_up(at) - at)))
		return false;
	writer->sections[writer->sections_count++] = (struct snapshot_section){
		.kind = kind, .index = index, .offset_bytes = snapshot_line_up(at)
	};
	digest_init(&writer->digest);
	return true;
}

bool snapshot_write(void *context, struct bytes piece)
{
	struct snapshot_writer *writer = context;

	assert(current(writer) != NULL);
	if (piece.size_bytes == 0)
		return true;
	digest_add(&writer->digest, piece.data, piece.size_bytes);
	current(writer)->size_bytes += piece.size_bytes;
	return put(writer, piece);
}

/* ---- the end */

static void little(uint8_t **at, uint64_t value, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++)
		*(*at)++ = (uint8_t)(value >> (8 * i));
}

static void raw(uint8_t **at, const void *data, size_t size_bytes)
{
	memcpy(*at, data, size_bytes);
	*at += size_bytes;
}

void snapshot_make_head(const struct snapshot_writer *writer, uint8_t out[SNAPSHOT_HEAD_BYTES])
{
	const struct snapshot_about *about = &writer->about;
	uint8_t                     *at    = out;

	memset(out, 0, SNAPSHOT_HEAD_BYTES);
	raw(&at, SNAPSHOT_MAGIC, SNAPSHOT_MAGIC_BYTES);
	little(&at, SNAPSHOT_VERSION, 4);
	little(&at, SNAPSHOT_HEAD_BYTES, 4);
	little(&at, about->chain.next_sequence - 1, 8);
	little(&at, about->chain.order, 8);
	raw(&at, about->chain.hash, DIGEST_BYTES);
	little(&at, (uint64_t)about->wall_ns, 8);
	raw(&at, about->config, DIGEST_BYTES);
	little(&at, writer->sections_count, 4);
	little(&at, 0, 4);
	assert(at == out + SNAPSHOT_TABLE_AT);
	for (uint32_t i = 0; i < writer->sections_count; i++) {
		little(&at, writer->sections[i].kind, 4);
		little(&at, writer->sections[i].index, 4);
		little(&at, writer->sections[i].size_bytes, 8);
		raw(&at, writer->sections[i].digest, DIGEST_BYTES);
	}
	snapshot_head_hash(out, out + SNAPSHOT_HEAD_BYTES - DIGEST_BYTES);
}

/* All but the newest up to the one that was just written.  What has a higher sequence is
 * not older, whatever it is.  One that cannot be removed is tried again next time. */
static void remove_older(struct disk *disk, uint64_t sequence, uint32_t keep)
{
	struct disk_name *names;
	int64_t           count = disk_list(disk, snapshot_is_name, &names);

	while (count > 0 && snapshot_sequence_of(names[count - 1].text) > sequence)
		count--;
	for (int64_t i = 0; i + keep < count; i++)
		disk->ops->remove(disk, names[i].text);
	free(names);
}

bool snapshot_end(struct snapshot_writer *writer, uint32_t keep)
{
	static _Thread_local uint8_t head[SNAPSHOT_HEAD_BYTES];
	int                          rc;

	assert(keep > 0);
	end_section(writer);
	if (!flush(writer))
		return false;
	snapshot_make_head(writer, head);
	rc = new_file_write(&writer->file, 0, bytes_of(head, sizeof(head)));
	if (rc == 0)
		rc = new_file_commit(&writer->file);
	if (rc < 0)
		return failed(writer, rc);
	remove_older(writer->file.disk, writer->about.chain.next_sequence - 1, keep);
	return true;
}

void snapshot_drop(struct snapshot_writer *writer)
{
	new_file_drop(&writer->file);
}
