/* JSON parsing cases of JSONTestSuite (vectors/json of the shared data): y_ has to
 * be read as JSON, n_ has to be refused, i_ is ours to decide, and this table is
 * where it is decided.  None of them is a payment, so what is read as JSON ends in
 * a failure about fields; `outcome` tells the two apart. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "runtime/decode/decode.h"
#include "tests/lib/sample.h"

#define CASE_BYTES_MAX (1 << 20)

enum outcome { READ, MALFORMED, ENCODING, DEPTH, OTHER };

/* - A number that is no double is malformed: nothing here is worth an infinity.
 *   One too small is 0, and an integer beyond 64 bits the nearest double.
 * - An escaped half of a surrogate pair is no character: malformed (RFC 8259
 *   section 8.2 leaves it open; UTF-8 cannot hold it).
 * - Bytes that are not UTF-8 (RFC 3629), UTF-16 with its mark, and a byte order
 *   mark (RFC 8259 section 8.1): encoding.  UTF-16 without one is bytes below 128
 *   in part, so the first byte that decides says which.
 * - More than DECODE_DEPTH_MAX levels: depth. */
static const struct {
	const char  *name;
	enum outcome outcome;
} decided[] = {
	{ "i_number_double_huge_neg_exp.json", READ },
	{ "i_number_huge_exp.json", MALFORMED },
	{ "i_number_neg_int_huge_exp.json", MALFORMED },
	{ "i_number_pos_double_huge_exp.json", MALFORMED },
	{ "i_number_real_neg_overflow.json", MALFORMED },
	{ "i_number_real_pos_overflow.json", MALFORMED },
	{ "i_number_real_underflow.json", READ },
	{ "i_number_too_big_neg_int.json", READ },
	{ "i_number_too_big_pos_int.json", READ },
	{ "i_number_very_big_negative_int.json", READ },
	{ "i_object_key_lone_2nd_surrogate.json", MALFORMED },
	{ "i_string_1st_surrogate_but_2nd_missing.json", MALFORMED },
	{ "i_string_1st_valid_surrogate_2nd_invalid.json", MALFORMED },
	{ "i_string_UTF-16LE_with_BOM.json", ENCODING },
	{ "i_string_UTF-8_invalid_sequence.json", ENCODING },
	{ "i_string_UTF8_surrogate_U+D800.json", ENCODING },
	{ "i_string_incomplete_surrogate_and_escape_valid.json", MALFORMED },
	{ "i_string_incomplete_surrogate_pair.json", MALFORMED },
	{ "i_string_incomplete_surrogates_escape_valid.json", MALFORMED },
	{ "i_string_invalid_lonely_surrogate.json", MALFORMED },
	{ "i_string_invalid_surrogate.json", MALFORMED },
	{ "i_string_invalid_utf-8.json", ENCODING },
	{ "i_string_inverted_surrogates_U+1D11E.json", MALFORMED },
	{ "i_string_iso_latin_1.json", ENCODING },
	{ "i_string_lone_second_surrogate.json", MALFORMED },
	{ "i_string_lone_utf8_continuation_byte.json", ENCODING },
	{ "i_string_not_in_unicode_range.json", ENCODING },
	{ "i_string_overlong_sequence_2_bytes.json", ENCODING },
	{ "i_string_overlong_sequence_6_bytes.json", ENCODING },
	{ "i_string_overlong_sequence_6_bytes_null.json", ENCODING },
	{ "i_string_truncated-utf-8.json", ENCODING },
	{ "i_string_utf16BE_no_BOM.json", ENCODING },
	{ "i_string_utf16LE_no_BOM.json", ENCODING },
	{ "i_structure_500_nested_arrays.json", DEPTH },
	{ "i_structure_UTF-8_BOM_empty_object.json", ENCODING },
	/* Refused before it is seen that they never end. */
	{ "n_structure_100000_opening_arrays.json", DEPTH },
	{ "n_structure_open_array_object.json", DEPTH },
};

static enum outcome outcome_of(enum reason reason)
{
	switch (reason) {
	case REASON_json_malformed: return MALFORMED;
	case REASON_json_encoding: return ENCODING;
	case REASON_json_depth: return DEPTH;
	case REASON_field_type:
	case REASON_field_missing:
	case REASON_field_unknown: return READ;
	default: return OTHER;
	}
}

static bool is_right(const char *name, enum outcome outcome)
{
	for (size_t i = 0; i < sizeof(decided) / sizeof(decided[0]); i++)
		if (strcmp(decided[i].name, name) == 0)
			return outcome == decided[i].outcome;
	return (name[0] == 'y' && outcome == READ) ||
	       (name[0] == 'n' && (outcome == MALFORMED || outcome == ENCODING));
}

static enum reason decode_file(const char *path)
{
	static uint8_t     body[CASE_BYTES_MAX + DECODE_PADDING_BYTES];
	struct transaction out;
	struct failure     failure;
	size_t             count;
	bool               batch;
	FILE              *file = fopen(path, "rb");

	assert_non_null(file);
	size_t          n       = fread(body, 1, CASE_BYTES_MAX, file);
	struct decoder *decoder = sample_decoder(n == 0 ? 1 : n, 1);
	enum reason     reason  = decode_json(decoder, body, n, &out, 1, &count, &batch, &failure);

	fclose(file);
	sample_free(decoder);
	return reason;
}

static void json_test_suite(void **state)
{
	const char    *shared = getenv("ASSAY_SHARED");
	char           path[1024];
	struct dirent *entry;
	size_t         seen = 0, wrong = 0;

	snprintf(path, sizeof(path), "%s/data/vectors/json", shared != NULL ? shared : "");
	DIR *folder = opendir(path);

	if (folder == NULL) {
		print_message("# no vectors/json below ASSAY_SHARED\n");
		skip();
	}
	while ((entry = readdir(folder)) != NULL) {
		if (strchr("yni", entry->d_name[0]) == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/data/vectors/json/%s", shared, entry->d_name);
		enum reason reason = decode_file(path);

		seen++;
		if (is_right(entry->d_name, outcome_of(reason)))
			continue;
		wrong++;
		print_message("# %s: %s\n", entry->d_name, reason_row_of(reason)->name);
	}
	closedir(folder);
	print_message("# %zu cases\n", seen);
	assert_true(seen > 300);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(json_test_suite) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
