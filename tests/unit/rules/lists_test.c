/* Named lists: edits, expiry, room, reload, and the bytes of a snapshot. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/rules/rules_sample.h"

#define RULES                                                                              \
	"list block of merchant room 4 { \"m-1\"; \"m-2\" until 2026-08-01T00:00:00Z; }\n" \
	"list allow of card;\n"                                                            \
	"rule b { when merchant in block; then decline; reason \"b\"; }\n"                 \
	"rule a { when card in allow; then allow; reason \"a\"; }\n"

static bool blocked(struct rules_sample *s, const char *merchant, const char *now)
{
	SAMPLE_TEXT(s->transaction.merchant, merchant);
	s->input.now_ns = rules_sample_time(now);
	rules_sample_run(s);
	return rules_sample_hit(s, "b") != NULL;
}

#define JULY "2026-07-01T00:00:00Z"
#define SEPT "2026-09-01T00:00:00Z"
#define OCT  "2026-10-01T00:00:00Z"

static void first_entries_and_expiry(void **state)
{
	struct rules_sample s;

	rules_sample_load(&s, RULES);
	assert_true(blocked(&s, "m-1", JULY));
	assert_true(blocked(&s, "m-2", "2026-07-31T23:59:59Z"));
	assert_false(blocked(&s, "m-2", "2026-08-01T00:00:00Z"));
	assert_false(blocked(&s, "m-3", JULY));
	rules_sample_free(&s);
}

static void edits(void **state)
{
	struct rules_sample s;

	rules_sample_load(&s, RULES);
	assert_int_equal(rules_sample_edit(&s, "block", "m-3", NULL, false), REASON_NONE);
	assert_true(blocked(&s, "m-3", JULY));
	assert_int_equal(rules_sample_edit(&s, "block", "m-3", SEPT, false), REASON_NONE);
	assert_false(blocked(&s, "m-3", SEPT));
	assert_int_equal(rules_sample_edit(&s, "block", "m-1", NULL, true), REASON_NONE);
	assert_false(blocked(&s, "m-1", JULY));
	assert_int_equal(rules_sample_edit(&s, "block", "m-1", NULL, false), REASON_NONE);
	assert_true(blocked(&s, "m-1", JULY));
	assert_int_equal(rules_sample_edit(&s, "block", "nothing", NULL, true), REASON_NONE);
	assert_int_equal(rules_sample_edit(&s, "block", "", NULL, false), REASON_field_format);
	assert_int_equal(rules_sample_edit(&s, "blok", "m-3", NULL, false), REASON_list_unknown);
	rules_sample_free(&s);
}

static void a_full_list_drops_what_expired(void **state)
{
	struct rules_sample s;

	rules_sample_load(&s, RULES);
	s.input.now_ns = rules_sample_time(JULY);
	assert_int_equal(rules_sample_edit(&s, "block", "m-3", SEPT, false), REASON_NONE);
	assert_int_equal(rules_sample_edit(&s, "block", "m-4", SEPT, false), REASON_NONE);
	assert_int_equal(rules_sample_edit(&s, "block", "m-5", NULL, false), REASON_list_full);
	assert_int_equal(rules_sample_edit(&s, "block", "m-4", OCT, false), REASON_NONE);
	assert_int_equal(rules_sample_edit(&s, "block", "m-1", NULL, true), REASON_NONE);
	assert_int_equal(rules_sample_edit(&s, "block", "m-5", NULL, false), REASON_list_full);
	s.input.now_ns = rules_sample_time(SEPT); /* m-3 has gone; m-2 is the file's */
	assert_int_equal(rules_sample_edit(&s, "block", "m-5", NULL, false), REASON_NONE);
	assert_int_equal(rules_sample_edit(&s, "block", "m-6", NULL, false), REASON_list_full);
	assert_true(blocked(&s, "m-4", SEPT));
	assert_true(blocked(&s, "m-5", SEPT));
	assert_false(blocked(&s, "m-3", JULY));
	assert_true(blocked(&s, "m-2", JULY));
	assert_int_equal(rules_sample_edit(&s, "block", "m-4", NULL, true), REASON_NONE);
	assert_int_equal(rules_sample_edit(&s, "block", "m-6", NULL, false), REASON_NONE);
	assert_true(blocked(&s, "m-6", OCT));
	rules_sample_free(&s);
}

/* ---- against a plain array */

#define VALUES 400
#define ROOM   200

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void many_edits_against_an_array(void **state)
{
	struct rules_sample s;
	uint64_t            seed       = 20261125;
	bool                in[VALUES] = { false };
	int                 count      = 0;
	char                name[16];

	rules_sample_load(&s, "list block of merchant room 200;\n"
			      "rule b { when merchant in block; then decline; reason \"b\"; }\n");
	for (int step = 0; step < 20000; step++) {
		int         v      = (int)(next_random(&seed) % VALUES);
		bool        remove = next_random(&seed) % 3 == 0;
		enum reason want   = !remove && !in[v] && count == ROOM ? REASON_list_full
									: REASON_NONE;

		snprintf(name, sizeof(name), "m-%d", v);
		assert_int_equal(rules_sample_edit(&s, "block", name, NULL, remove), want);
		if (want == REASON_NONE) {
			count += !remove - in[v];
			in[v] = !remove;
		}
		v = (int)(next_random(&seed) % VALUES);
		snprintf(name, sizeof(name), "m-%d", v);
		assert_int_equal(blocked(&s, name, JULY), in[v]);
	}
	rules_sample_free(&s);
}

/* ---- snapshots and reloads */

struct buffer {
	uint8_t data[65536];
	size_t  size_bytes;
};

static bool append(void *ctx, struct bytes piece)
{
	struct buffer *buffer = ctx;

	assert_true(piece.size_bytes <= sizeof(buffer->data) - buffer->size_bytes);
	memcpy(buffer->data + buffer->size_bytes, piece.data, piece.size_bytes);
	buffer->size_bytes += piece.size_bytes;
	return true;
}

static bool refuse(void *ctx, struct bytes piece)
{
	return false;
}

static void save(const struct rules_sample *s, struct buffer *out)
{
	out->size_bytes = 0;
	assert_true(rules_lists_save(s->lists, append, out));
}

static void edit_some(struct rules_sample *s)
{
	rules_sample_edit(s, "block", "m-3", NULL, false);
	rules_sample_edit(s, "block", "m-1", NULL, true);
	rules_sample_edit(s, "allow", "tok_1", SEPT, false);
	rules_sample_edit(s, "allow", "tok_2", NULL, false);
	rules_sample_edit(s, "snooze", "b", SEPT, false);
}

static void save_and_load(void **state)
{
	static struct buffer first, second;
	struct rules_sample  s, t;
	struct failure       failure;

	rules_sample_load(&s, RULES);
	rules_sample_load(&t, RULES);
	edit_some(&s);
	save(&s, &first);
	rules_sample_edit(&t, "block", "m-9", NULL, false); /* gone after the load */
	assert_true(rules_lists_load(t.lists, bytes_of(first.data, first.size_bytes), &failure));
	save(&t, &second);
	assert_int_equal(first.size_bytes, second.size_bytes);
	assert_memory_equal(first.data, second.data, first.size_bytes);
	rules_sample_edit(&t, "snooze", "b", NULL, true);
	assert_true(blocked(&t, "m-3", JULY));
	assert_false(blocked(&t, "m-1", JULY));
	assert_false(blocked(&t, "m-9", JULY));
	assert_true(blocked(&t, "m-2", JULY));
	assert_false(rules_lists_save(s.lists, refuse, NULL));
	rules_sample_free(&s);
	rules_sample_free(&t);
}

/* The same edits in another order are the same bytes. */
static void canonical(void **state)
{
	static struct buffer first, second;
	struct rules_sample  s, t;

	rules_sample_load(&s, RULES);
	rules_sample_load(&t, RULES);
	edit_some(&s);
	rules_sample_edit(&t, "allow", "tok_9", NULL, false);
	rules_sample_edit(&t, "allow", "tok_2", NULL, false);
	rules_sample_edit(&t, "snooze", "b", SEPT, false);
	rules_sample_edit(&t, "allow", "tok_1", NULL, false);
	rules_sample_edit(&t, "block", "m-1", NULL, true);
	rules_sample_edit(&t, "block", "m-3", NULL, false);
	rules_sample_edit(&t, "allow", "tok_9", NULL, true);
	rules_sample_edit(&t, "allow", "tok_1", SEPT, false);
	save(&s, &first);
	save(&t, &second);
	assert_int_equal(first.size_bytes, second.size_bytes);
	assert_memory_equal(first.data, second.data, first.size_bytes);
	rules_sample_free(&s);
	rules_sample_free(&t);
}

static void damaged_bytes_are_refused(void **state)
{
	static struct buffer whole, again, third;
	struct rules_sample  s;
	struct failure       failure;

	rules_sample_load(&s, RULES);
	edit_some(&s);
	save(&s, &whole);
	for (size_t cut = 0; cut < whole.size_bytes; cut++) {
		assert_false(rules_lists_load(s.lists, bytes_of(whole.data, cut), &failure));
		assert_int_equal(failure.reason, REASON_field_format);
	}
	whole.data[whole.size_bytes] = 0;
	assert_false(
		rules_lists_load(s.lists, bytes_of(whole.data, whole.size_bytes + 1), &failure));
	assert_string_equal(failure.detail, "something follows the lists");
	/* nothing was kept of what was refused */
	assert_true(blocked(&s, "m-1", JULY));
	/* any changed bit is refused, or loads, but for lists and rules that nobody has, to
	 * lists that are saved and loaded again as they are */
	for (size_t bit = 0; bit < 8 * whole.size_bytes; bit++) {
		whole.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (rules_lists_load(s.lists, bytes_of(whole.data, whole.size_bytes), &failure)) {
			save(&s, &again);
			assert_true(again.size_bytes <= whole.size_bytes);
			assert_true(rules_lists_load(
				s.lists, bytes_of(again.data, again.size_bytes), &failure));
			save(&s, &third);
			assert_int_equal(third.size_bytes, again.size_bytes);
			assert_memory_equal(third.data, again.data, again.size_bytes);
		}
		whole.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	rules_sample_free(&s);
}

/* A new file: its own entries count, and the edits over them. */
static void reload(void **state)
{
	struct rules_sample s, t;

	rules_sample_load(&s, RULES);
	edit_some(&s);
	rules_sample_load(&t, "list block of merchant { \"m-1\"; \"m-7\"; }\n"
			      "rule b { when merchant in block; then decline; reason \"b\"; }\n");
	assert_int_equal(rules_lists_adopt(t.lists, s.lists), 0);
	assert_false(blocked(&t, "m-3", JULY)); /* b is snoozed */
	assert_true(blocked(&t, "m-3", SEPT));
	assert_false(blocked(&t, "m-1", SEPT));
	assert_false(blocked(&t, "m-2", SEPT));
	assert_true(blocked(&t, "m-7", SEPT));
	rules_sample_free(&t);
	rules_sample_load(&t, "list block of merchant room 1 { \"m-7\"; }\n"
			      "rule c { when merchant in block; then decline; reason \"b\"; }\n");
	assert_int_equal(rules_lists_adopt(t.lists, s.lists), 1);
	assert_int_equal(rules_lists_adopt(t.lists, NULL), 0);
	rules_sample_free(&s);
	rules_sample_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_entries_and_expiry),
		cmocka_unit_test(edits),
		cmocka_unit_test(a_full_list_drops_what_expired),
		cmocka_unit_test(many_edits_against_an_array),
		cmocka_unit_test(save_and_load),
		cmocka_unit_test(canonical),
		cmocka_unit_test(damaged_bytes_are_refused),
		cmocka_unit_test(reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
