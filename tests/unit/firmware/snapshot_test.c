/* Snapshots on a simulated disk: what was written comes back, and after a power cut, a
 * truncation or a flipped bit the one before is taken, with a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/snapshot.h"
#include "tests/lib/dying_disk.h"

#define SECTION_BYTES_MAX 700000

static struct snapshot_writer writer;
static struct snapshot        snapshot;
static uint8_t                section_bytes[SECTION_BYTES_MAX], read_bytes[SECTION_BYTES_MAX];

/* Sections of every shape: empty, small, of one page, larger than the writer's buffer. */
static const struct {
	uint32_t kind, index;
	uint64_t size_bytes;
} shapes[] = { { SNAPSHOT_STATE, 0, 1000 },      { SNAPSHOT_STATE, 1, 0 },
	       { SNAPSHOT_STATE, 2, 4096 },      { SNAPSHOT_STATE, 255, 600001 },
	       { SNAPSHOT_SIGHTINGS, 0, 12345 }, { SNAPSHOT_LISTS, 0, 0 } };

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void fill(uint64_t sequence, size_t shape)
{
	for (uint64_t i = 0; i < shapes[shape].size_bytes; i++)
		section_bytes[i] = (uint8_t)(i * 7 + (i >> 8) + sequence * 31 + shape);
}

static struct snapshot_about about_of(uint64_t sequence)
{
	return (struct snapshot_about){
		.chain   = { .next_sequence = sequence + 1,
			     .order         = sequence / 2,
			     .hash          = { (uint8_t)sequence, 1, 2 } },
		.wall_ns = 1790000000000000000 + (int64_t)sequence,
		.config  = { 9, 9, 9 },
	};
}

/* In pieces of `piece` bytes. */
static bool write_one(struct disk *disk, uint64_t sequence, uint32_t keep, size_t piece)
{
	struct snapshot_about about = about_of(sequence);
	bool                  good  = snapshot_begin(&writer, disk, &about);

	for (size_t shape = 0; good && shape < SHAPES; shape++) {
		fill(sequence, shape);
		good = snapshot_section(&writer, shapes[shape].kind, shapes[shape].index);
		for (uint64_t at = 0; good && at < shapes[shape].size_bytes; at += piece) {
			uint64_t left = shapes[shape].size_bytes - at;

			good = snapshot_write(&writer, bytes_of(section_bytes + at,
								left < piece ? left : piece));
		}
	}
	good = good && snapshot_end(&writer, keep);
	if (!good) {
		assert_string_not_equal(writer.error, "");
		snapshot_drop(&writer);
	}
	return good;
}

struct told {
	int  count;
	char sentence[SNAPSHOT_ERROR_BYTES];
};

static void tell(void *context, const char *sentence)
{
	struct told *told = context;

	told->count++;
	snprintf(told->sentence, sizeof(told->sentence), "%s", sentence);
}

static bool open_newest(struct disk *disk, uint64_t sequence_max, struct told *told)
{
	char                   error[SNAPSHOT_ERROR_BYTES];
	struct snapshot_search search = { .sequence_max = sequence_max,
					  .damaged      = tell,
					  .context      = told };

	memset(told, 0, sizeof(*told));
	return snapshot_open(&snapshot, disk, &search, error);
}

static bool sections_are_sound(uint64_t sequence)
{
	char error[SNAPSHOT_ERROR_BYTES];

	for (size_t shape = 0; shape < SHAPES; shape++) {
		const struct snapshot_section *section =
			snapshot_find(&snapshot, shapes[shape].kind, shapes[shape].index);

		assert_non_null(section);
		assert_int_equal(section->size_bytes, shapes[shape].size_bytes);
		assert_int_equal(section->offset_bytes % SNAPSHOT_ALIGN_BYTES, 0);
		if (!snapshot_read(&snapshot, section, read_bytes, error)) {
			assert_non_null(strstr(error, "does not have the digest"));
			return false;
		}
		fill(sequence, shape);
		assert_memory_equal(read_bytes, section_bytes, section->size_bytes);
	}
	return true;
}

static void check_newest(struct disk *disk, uint64_t sequence)
{
	struct snapshot_about about = about_of(sequence);
	struct told           told;

	assert_true(open_newest(disk, UINT64_MAX, &told));
	assert_int_equal(told.count, 0);
	assert_memory_equal(&snapshot.about, &about, sizeof(about));
	assert_int_equal(snapshot.sections_count, SHAPES);
	assert_int_equal(snapshot_section_bytes_max(&snapshot), 600001);
	assert_null(snapshot_find(&snapshot, SNAPSHOT_STATE, 3));
	assert_true(sections_are_sound(sequence));
	snapshot_close(&snapshot);
}

static void test_round_trip(void **state)
{
	static const size_t pieces[] = { 1, 63, 4096, 262144, SECTION_BYTES_MAX };
	struct disk_sim     sim;
	struct told         told;

	disk_sim_init(&sim, 1);
	assert_false(open_newest(&sim.disk, UINT64_MAX, &told));
	assert_int_equal(told.count, 0);
	for (uint64_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		assert_true(write_one(&sim.disk, i * 1000, 9, pieces[i]));
		check_newest(&sim.disk, i * 1000);
	}
	disk_sim_free(&sim);
}

static void test_as_many_sections_as_can_be(void **state)
{
	struct disk_sim       sim;
	struct snapshot_about about = about_of(5);
	struct told           told;
	char                  error[SNAPSHOT_ERROR_BYTES];

	disk_sim_init(&sim, 1);
	assert_true(snapshot_begin(&writer, &sim.disk, &about));
	for (uint32_t i = 0; i < SNAPSHOT_SECTIONS_MAX; i++) {
		assert_true(snapshot_section(&writer, SNAPSHOT_STATE, i));
		assert_true(snapshot_write(&writer, bytes_of(&i, sizeof(i))));
	}
	assert_true(snapshot_end(&writer, 1));
	assert_true(open_newest(&sim.disk, UINT64_MAX, &told));
	for (uint32_t i = 0, got; i < SNAPSHOT_SECTIONS_MAX; i++) {
		assert_true(snapshot_read(&snapshot, snapshot_find(&snapshot, SNAPSHOT_STATE, i),
					  &got, error));
		assert_int_equal(got, i);
	}
	snapshot_close(&snapshot);
	/* And one without any. */
	about = about_of(6);
	assert_true(snapshot_begin(&writer, &sim.disk, &about));
	assert_true(snapshot_end(&writer, 1));
	assert_true(open_newest(&sim.disk, UINT64_MAX, &told));
	assert_int_equal(snapshot.sections_count, 0);
	disk_sim_free(&sim);
}

static void test_the_newest_are_kept(void **state)
{
	struct disk_sim  sim;
	struct disk_name names[8];
	struct told      told;

	disk_sim_init(&sim, 1);
	for (uint64_t sequence = 1; sequence <= 5; sequence++)
		assert_true(write_one(&sim.disk, sequence, 3, SECTION_BYTES_MAX));
	assert_int_equal(sim.disk.ops->list(&sim.disk, names, 8), 3);
	assert_string_equal(names[0].text, "snapshot-00000000000000000003.snap");
	assert_string_equal(names[2].text, "snapshot-00000000000000000005.snap");
	assert_true(open_newest(&sim.disk, 4, &told));
	assert_int_equal(snapshot.about.chain.next_sequence, 5);
	assert_false(open_newest(&sim.disk, 2, &told));
	disk_sim_free(&sim);
}

/* The machine dies at every disk call of the second snapshot: afterwards the first one
 * or the second one is there, whole. */
static void test_power_cut_at_every_call(void **state)
{
	static struct dying_disk dying;
	bool                     ended = false;
	uint64_t                 calls;

	for (calls = 0; !ended && calls < 100; calls++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct told told;
			uint64_t    sequence;

			dying_disk_init(&dying, seed, UINT64_MAX);
			assert_true(write_one(&dying.disk, 10, 2, SECTION_BYTES_MAX));
			dying.calls_left = calls;
			ended            = write_one(&dying.disk, 20, 2, SECTION_BYTES_MAX);
			disk_sim_power_cut(&dying.sim);
			assert_true(open_newest(&dying.sim.disk, UINT64_MAX, &told));
			assert_int_equal(told.count, 0);
			sequence = snapshot.about.chain.next_sequence - 1;
			assert_true(sequence == 20 || (sequence == 10 && !ended));
			assert_true(sections_are_sound(sequence));
			assert_int_equal(new_file_sweep(&dying.sim.disk), 0);
			assert_int_equal(dying.sim.disk.ops->list(&dying.sim.disk, NULL, 0),
					 sequence == 20 ? 2 : 1);
			disk_sim_free(&dying.sim);
		}
	}
	assert_true(ended && calls > 5);
}

static void test_full_disk(void **state)
{
	struct disk_sim sim;

	disk_sim_init(&sim, 1);
	assert_true(write_one(&sim.disk, 10, 2, SECTION_BYTES_MAX));
	sim.capacity_bytes = 800000;
	assert_false(write_one(&sim.disk, 20, 2, SECTION_BYTES_MAX));
	assert_string_equal(writer.error,
			    "snapshot-00000000000000000020.snap: No space left on device");
	check_newest(&sim.disk, 10);
	assert_int_equal(sim.disk.ops->list(&sim.disk, NULL, 0), 1);
	disk_sim_free(&sim);
}

/* Two snapshots; the newer one is about to be damaged.  Its file is number 1. */
static int64_t make_two(struct disk_sim *sim)
{
	disk_sim_init(sim, 1);
	assert_true(write_one(&sim->disk, 10, 2, SECTION_BYTES_MAX));
	assert_true(write_one(&sim->disk, 20, 2, SECTION_BYTES_MAX));
	return sim->disk.ops->size(&sim->disk, 1);
}

static void test_truncated(void **state)
{
	struct disk_sim sim;
	struct told     told;
	int64_t         size = make_two(&sim);

	for (int64_t cut = size - 1; cut >= 0; cut -= cut > 20000 ? 9973 : 97) {
		assert_int_equal(sim.disk.ops->truncate(&sim.disk, 1, (uint64_t)cut), 0);
		assert_true(open_newest(&sim.disk, UINT64_MAX, &told));
		assert_int_equal(snapshot.about.chain.next_sequence, 11);
		assert_int_equal(told.count, 1);
		assert_non_null(strstr(told.sentence, "snapshot-00000000000000000020.snap: "));
	}
	disk_sim_free(&sim);
}

static void flip(struct disk_sim *sim, uint64_t at, int bit)
{
	sim->files[1].cached[at] ^= (uint8_t)(1 << bit);
}

/* In the head: found when it is opened.  In a section: when that is read. */
static void test_every_flipped_bit_is_found(void **state)
{
	struct disk_sim sim;
	struct told     told;

	make_two(&sim);
	for (uint64_t at = 0; at < SNAPSHOT_HEAD_BYTES; at += at < 512 ? 1 : 61) {
		flip(&sim, at, (int)at % 8);
		assert_true(open_newest(&sim.disk, UINT64_MAX, &told));
		assert_int_equal(snapshot.about.chain.next_sequence, 11);
		assert_int_equal(told.count, 1);
		flip(&sim, at, (int)at % 8);
	}
	assert_true(open_newest(&sim.disk, UINT64_MAX, &told));
	for (uint32_t i = 0; i < snapshot.sections_count; i++) {
		struct snapshot_section section = snapshot.sections[i];

		for (uint64_t at = 0; at < section.size_bytes; at += 1 + section.size_bytes / 9) {
			flip(&sim, section.offset_bytes + at, (int)at % 8);
			assert_true(open_newest(&sim.disk, UINT64_MAX, &told));
			assert_int_equal(told.count, 0);
			assert_false(sections_are_sound(20));
			assert_true(open_newest(&sim.disk, 19, &told));
			assert_true(sections_are_sound(10));
			flip(&sim, section.offset_bytes + at, (int)at % 8);
		}
	}
	disk_sim_free(&sim);
}

static void test_wrong_name(void **state)
{
	struct disk_sim sim;
	struct told     told;

	make_two(&sim);
	assert_int_equal(sim.disk.ops->rename(&sim.disk, "snapshot-00000000000000000020.snap",
					      "snapshot-00000000000000000030.snap"),
			 0);
	assert_true(open_newest(&sim.disk, UINT64_MAX, &told));
	assert_int_equal(snapshot.about.chain.next_sequence, 11);
	assert_string_equal(
		told.sentence,
		"snapshot-00000000000000000030.snap: its name is not that of its sequence");
	disk_sim_free(&sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_as_many_sections_as_can_be),
		cmocka_unit_test(test_the_newest_are_kept),
		cmocka_unit_test(test_power_cut_at_every_call),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_every_flipped_bit_is_found),
		cmocka_unit_test(test_wrong_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
