/* Any bytes as the head of a snapshot: what is accepted lies inside the file, section
 * behind section, and makes the same head again.
 *
 * Input: u32 size of the file, then the head's first bytes; the rest of it is zero.  No
 * fuzzer finds a SHA-256, so the head's hash is put right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/snapshot.h"

#define FILE_BYTES_MAX (256u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct snapshot        snapshot;
static struct snapshot_writer writer;
static uint8_t                head[SNAPSHOT_HEAD_BYTES], again[SNAPSHOT_HEAD_BYTES];

static void make_head(const uint8_t *data, size_t size)
{
	struct digest digest;
	size_t        hashed = SNAPSHOT_HEAD_BYTES - DIGEST_BYTES;

	memset(head, 0, sizeof(head));
	memcpy(head, data, size < hashed ? size : hashed);
	digest_init(&digest);
	digest_add(&digest, head, hashed);
	digest_end(&digest, head + hashed);
}

static void check_parsed(uint64_t file_bytes)
{
	uint64_t end = SNAPSHOT_HEAD_BYTES;

	for (uint32_t i = 0; i < snapshot.sections_count; i++) {
		const struct snapshot_section *section = &snapshot.sections[i];

		if (section->offset_bytes < end || section->offset_bytes > file_bytes ||
		    section->size_bytes > file_bytes - section->offset_bytes)
			abort();
		if (snapshot_find(&snapshot, section->kind, section->index) != section)
			abort();
		end = section->offset_bytes + section->size_bytes;
	}
	if (end != file_bytes)
		abort();
	writer.about          = snapshot.about;
	writer.sections_count = snapshot.sections_count;
	memcpy(writer.sections, snapshot.sections, sizeof(writer.sections));
	snapshot_make_head(&writer, again);
	if (memcmp(head, again, sizeof(head)) != 0)
		abort();
}

/* The same head in a file, opened and read. */
static void read_file(uint32_t file_bytes)
{
	static uint8_t               out[FILE_BYTES_MAX];
	const struct snapshot_search search = { .sequence_max = UINT64_MAX };
	char                         error[SNAPSHOT_ERROR_BYTES];
	struct disk_sim              sim;
	int                          file;

	disk_sim_init(&sim, 1);
	file = sim.disk.ops->create(&sim.disk, "snapshot-00000000000000000000.snap");
	sim.disk.ops->truncate(&sim.disk, file, file_bytes);
	sim.disk.ops->write(&sim.disk, file, 0, head,
			    file_bytes < sizeof(head) ? file_bytes : sizeof(head));
	if (snapshot_open(&snapshot, &sim.disk, &search, error)) {
		for (uint32_t i = 0; i < snapshot.sections_count; i++)
			snapshot_read(&snapshot, &snapshot.sections[i], out, error);
		snapshot_close(&snapshot);
	}
	disk_sim_free(&sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t file_bytes;

	if (size < sizeof(file_bytes))
		return 0;
	memcpy(&file_bytes, data, sizeof(file_bytes));
	make_head(data + sizeof(file_bytes), size - sizeof(file_bytes));
	if (snapshot_parse(bytes_of(head, sizeof(head)), file_bytes, &snapshot) == NULL)
		check_parsed(file_bytes);
	if (file_bytes <= FILE_BYTES_MAX)
		read_file(file_bytes);
	return 0;
}
