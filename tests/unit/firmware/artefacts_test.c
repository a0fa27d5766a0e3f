/* The artefact store: what is put comes back, digests are checked both ways, and a power
 * cut at any disk call leaves an artefact whole or not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/artefacts.h"
#include "firmware/new_file.h"
#include "runtime/base/digest.h"
#include "tests/lib/dying_disk.h"

#define CONTENT_BYTES 5000

static uint8_t content[CONTENT_BYTES];
static uint8_t sum[DIGEST_BYTES];

static struct bytes make_content(uint8_t seed)
{
	struct digest digest;

	for (size_t i = 0; i < CONTENT_BYTES; i++)
		content[i] = (uint8_t)(i * 31 + seed);
	digest_init(&digest);
	digest_add(&digest, content, CONTENT_BYTES);
	digest_end(&digest, sum);
	return bytes_of(content, CONTENT_BYTES);
}

static void check(struct disk *store, enum artefact_kind kind, struct bytes expected)
{
	char         error[ARTEFACTS_ERROR_BYTES];
	struct bytes got;

	if (!artefacts_get(store, kind, sum, &got, error))
		fail_msg("%s", error);
	assert_true(bytes_equal(got, expected));
	free((void *)(uintptr_t)got.data);
}

static void test_put_and_get(void **state)
{
	char            error[ARTEFACTS_ERROR_BYTES];
	struct disk_sim sim;
	struct bytes    in = make_content(1), got;

	disk_sim_init(&sim, 1);
	for (enum artefact_kind kind = 0; kind < ARTEFACT_KIND_COUNT; kind++) {
		assert_false(artefacts_get(&sim.disk, kind, sum, &got, error));
		assert_non_null(strstr(error, "No such file"));
		assert_true(artefacts_put(&sim.disk, kind, sum, in, error));
		assert_true(artefacts_put(&sim.disk, kind, sum, in, error));
		check(&sim.disk, kind, in);
	}
	assert_int_equal(sim.disk.ops->list(&sim.disk, NULL, 0), ARTEFACT_KIND_COUNT);
	disk_sim_free(&sim);
}

static void test_names(void **state)
{
	char    name[DISK_NAME_BYTES_MAX];
	uint8_t digest[DIGEST_BYTES] = { 0xab };

	artefacts_name(name, ARTEFACT_CONFIG, digest);
	assert_string_equal(name,
			    "config-ab00000000000000000000000000000000000000000000000000000000"
			    "000000.cfg");
	artefacts_name(name, ARTEFACT_RULES, digest);
	assert_non_null(strstr(name, "rules-ab"));
	assert_non_null(strstr(name, ".rules"));
}

/* Bytes that are not the digest's are not taken; damaged ones are not given out, and
 * not written over either. */
static void test_digests_are_checked(void **state)
{
	char            error[ARTEFACTS_ERROR_BYTES], name[DISK_NAME_BYTES_MAX];
	struct disk_sim sim;
	struct bytes    in = make_content(1), got;
	int             file;

	disk_sim_init(&sim, 1);
	sum[0] ^= 1;
	assert_false(artefacts_put(&sim.disk, ARTEFACT_MODEL, sum, in, error));
	assert_non_null(strstr(error, "do not have this digest"));
	sum[0] ^= 1;
	assert_true(artefacts_put(&sim.disk, ARTEFACT_MODEL, sum, in, error));
	artefacts_name(name, ARTEFACT_MODEL, sum);
	file = sim.disk.ops->open(&sim.disk, name, true);
	assert_int_equal(sim.disk.ops->write(&sim.disk, file, 77, "x", 1), 0);
	assert_false(artefacts_get(&sim.disk, ARTEFACT_MODEL, sum, &got, error));
	assert_false(artefacts_put(&sim.disk, ARTEFACT_MODEL, sum, in, error));
	assert_non_null(strstr(error, "the bytes in it do not have the digest in its name"));
	disk_sim_free(&sim);
}

/* A config's digest is not of its bytes: the first text stays. */
static void test_first_config_stays(void **state)
{
	char            error[ARTEFACTS_ERROR_BYTES];
	struct disk_sim sim;

	disk_sim_init(&sim, 1);
	make_content(1);
	assert_true(artefacts_put(&sim.disk, ARTEFACT_CONFIG, sum, bytes_of("a = 1;", 6), error));
	assert_true(artefacts_put(&sim.disk, ARTEFACT_CONFIG, sum, bytes_of("a = 1; # same", 13),
				  error));
	check(&sim.disk, ARTEFACT_CONFIG, bytes_of("a = 1;", 6));
	disk_sim_free(&sim);
}

static void test_power_cut_at_every_call(void **state)
{
	static struct dying_disk dying;
	char                     error[ARTEFACTS_ERROR_BYTES];
	struct bytes             in  = make_content(1), got;
	bool                     put = false;
	uint64_t                 calls;

	for (calls = 0; !put && calls < 20; calls++) {
		for (uint64_t seed = 1; seed <= 50; seed++) {
			dying_disk_init(&dying, seed, calls);
			put = artefacts_put(&dying.disk, ARTEFACT_MODEL, sum, in, error);
			disk_sim_power_cut(&dying.sim);
			assert_int_equal(new_file_sweep(&dying.sim.disk), 0);
			if (put || dying.sim.disk.ops->list(&dying.sim.disk, NULL, 0) > 0)
				check(&dying.sim.disk, ARTEFACT_MODEL, in);
			else
				assert_false(artefacts_get(&dying.sim.disk, ARTEFACT_MODEL, sum,
							   &got, error));
			/* And then it works. */
			assert_true(artefacts_put(&dying.sim.disk, ARTEFACT_MODEL, sum, in, error));
			check(&dying.sim.disk, ARTEFACT_MODEL, in);
			disk_sim_free(&dying.sim);
		}
	}
	assert_true(put && calls > 4);
}

static void test_shadow(void **state)
{
	char                    error[ARTEFACTS_ERROR_BYTES];
	struct artefact_digests shadow = { .config = { 1 }, .model = { 2 }, .rules = { 3 } };
	struct disk_sim         sim;
	struct bytes            got;
	uint8_t                 digest[DIGEST_BYTES];

	disk_sim_init(&sim, 1);
	artefacts_shadow_digest(&shadow, digest);
	assert_true(artefacts_put_shadow(&sim.disk, &shadow, error));
	assert_true(artefacts_get(&sim.disk, ARTEFACT_SHADOW, digest, &got, error));
	assert_true(bytes_equal(got, bytes_of(&shadow, sizeof(shadow))));
	free((void *)(uintptr_t)got.data);
	disk_sim_free(&sim);
}

static void test_real_directory(void **state)
{
	char             path[] = "/tmp/assay-artefacts-XXXXXX";
	char             error[ARTEFACTS_ERROR_BYTES], name[256], file[DISK_NAME_BYTES_MAX];
	struct disk_real store, second;
	struct bytes     in = make_content(3);
	FILE            *left;

	assert_non_null(mkdtemp(path));
	assert_false(artefacts_open(&store, path, false, error));
	assert_true(artefacts_open(&store, path, true, error));
	assert_false(artefacts_open(&second, path, true, error));
	assert_true(artefacts_put(&store.disk, ARTEFACT_MODEL, sum, in, error));
	disk_real_close(&store);
	snprintf(name, sizeof(name), "%s/artefacts/left.part", path);
	left = fopen(name, "w");
	assert_non_null(left);
	fclose(left);
	assert_true(artefacts_open(&store, path, true, error));
	assert_int_equal(access(name, F_OK), -1);
	assert_true(artefacts_open(&second, path, false, error));
	check(&second.disk, ARTEFACT_MODEL, in);
	artefacts_name(file, ARTEFACT_MODEL, sum);
	snprintf(name, sizeof(name), "%s/artefacts/%s", path, file);
	assert_true(artefacts_put_file(&store.disk, ARTEFACT_MODEL, sum, name, error));
	assert_false(artefacts_put_file(&store.disk, ARTEFACT_RULES, sum, "/nonexistent", error));
	assert_int_equal(store.disk.ops->remove(&store.disk, file), 0);
	disk_real_close(&second);
	disk_real_close(&store);
	snprintf(name, sizeof(name), "%s/artefacts", path);
	assert_int_equal(rmdir(name), 0);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_get),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_digests_are_checked),
		cmocka_unit_test(test_first_config_stays),
		cmocka_unit_test(test_power_cut_at_every_call),
		cmocka_unit_test(test_shadow),
		cmocka_unit_test(test_real_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
