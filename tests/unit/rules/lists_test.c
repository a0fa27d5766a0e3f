/* Named lists: edits, expiry, room, reload, and the bytes of a snapshot. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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
	assert_int_equal(rules_sample_edit(&s, "snooze", "c", NULL, false), REASON_rule_unknown);
	assert_int_equal(rules_sample_edit(&s, "snooze", "c", NULL, true), REASON_NONE);
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
	assert_int_equal(rules_lists_adopt(t.lists, s.lists, s.input.now_ns), 0);
	assert_false(blocked(&t, "m-3", JULY)); /* b is snoozed */
	assert_true(blocked(&t, "m-3", SEPT));
	assert_false(blocked(&t, "m-1", SEPT));
	assert_false(blocked(&t, "m-2", SEPT));
	assert_true(blocked(&t, "m-7", SEPT));
	rules_sample_free(&s);
	rules_sample_free(&t);
}

/* Nothing that was edited is lost in silence: a file without room for it is found out, and
 * an edit that has expired gives way to one that has not. */
static void reload_without_room(void **state)
{
	struct rules_sample s, t;
	struct rules_misfit misfit;
	char                why[RULES_MISFIT_BYTES];
	int64_t             july = rules_sample_time(JULY), sept = rules_sample_time(SEPT);

	rules_sample_load(&s, "list block of merchant room 2;\n"
			      "rule b { when merchant in block; then decline; reason \"b\"; }\n");
	s.input.now_ns = july;
	assert_int_equal(rules_sample_edit(&s, "block", "m-8", SEPT, false), REASON_NONE);
	assert_int_equal(rules_sample_edit(&s, "block", "m-9", OCT, false), REASON_NONE);
	rules_sample_load(&t, "list block of merchant room 2 { \"m-1\"; }\n"
			      "rule b { when merchant in block; then decline; reason \"b\"; }\n");
	assert_false(rules_lists_fit(t.lists, s.lists, july, &misfit));
	assert_int_equal(misfit.room, 2);
	assert_int_equal(misfit.file, 1);
	assert_int_equal(misfit.edits, 2);
	rules_misfit_text(&misfit, why, sizeof(why));
	assert_string_equal(why,
			    "list block has room for 2, but 1 entries of the file and 2 edits: "
			    "raise its room or take edits back");
	assert_true(rules_lists_fit(t.lists, s.lists, sept, &misfit));
	assert_int_equal(rules_lists_adopt(t.lists, s.lists, sept), 0);
	assert_true(blocked(&t, "m-9", SEPT));
	assert_true(blocked(&t, "m-1", SEPT));
	/* who adopts all the same loses as many, and always the same */
	rules_lists_init(t.lists, t.rules);
	assert_int_equal(rules_lists_adopt(t.lists, s.lists, july), 1);
	assert_true(blocked(&t, "m-1", JULY));
	assert_true(blocked(&t, "m-8", JULY) != blocked(&t, "m-9", JULY));
	rules_sample_free(&s);
	rules_sample_free(&t);
}

/* Files of random entries, edits at random times, and a reload now and then: lists are what
 * an array of everything says. */
struct plain {
	bool    file, edited, removed;
	int64_t expires_ns;
};

static void load_random(struct rules_sample *s, uint64_t *seed, struct plain *plain, uint32_t room)
{
	static char text[8192];
	size_t n = (size_t)snprintf(text, sizeof(text), "list block of merchant room %u { ", room);

	for (int v = 0; v < VALUES; v++) {
		plain[v].file = next_random(seed) % 16 == 0;
		if (plain[v].file)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "\"m-%d\"; ", v);
		if (!plain[v].file && plain[v].removed)
			plain[v] = (struct plain){ 0 };
	}
	snprintf(text + n, sizeof(text) - n,
		 "}\nrule b { when merchant in block; then decline; reason \"b\"; }\n");
	rules_sample_load(s, text);
}

static bool plain_has(const struct plain *plain, int64_t now_ns)
{
	return plain->edited ? !plain->removed && now_ns < plain->expires_ns : plain->file;
}

static void edit_random(struct rules_sample *s, uint64_t *seed, struct plain *plain, int64_t now_ns)
{
	int              v    = (int)(next_random(seed) % VALUES);
	struct list_edit edit = { .remove     = next_random(seed) % 3 == 0,
				  .expires_ns = now_ns + 1 + (int64_t)(next_random(seed) % 300) };
	char             name[16];

	snprintf(name, sizeof(name), "m-%d", v);
	SAMPLE_TEXT(edit.list, "block");
	SAMPLE_TEXT(edit.value, name);
	assert_int_equal(rules_list_edit(s->lists, &edit, now_ns), REASON_NONE);
	plain[v].edited     = plain[v].file || !edit.remove;
	plain[v].removed    = plain[v].file && edit.remove;
	plain[v].expires_ns = edit.remove ? 0 : edit.expires_ns;
}

static void reloads_against_an_array(void **state)
{
	static struct plain plain[VALUES];
	struct rules_sample s, t;
	struct rules_misfit misfit;
	uint64_t            seed   = 3;
	int64_t             now_ns = 1000;
	char                name[16];

	load_random(&s, &seed, plain, 2 * VALUES);
	for (int step = 0; step < 20000; step++, now_ns++) {
		edit_random(&s, &seed, plain, now_ns);
		if (step % 100 == 0) {
			load_random(&t, &seed, plain, 2 * VALUES);
			assert_true(rules_lists_fit(t.lists, s.lists, now_ns, &misfit));
			assert_int_equal(rules_lists_adopt(t.lists, s.lists, now_ns), 0);
			rules_sample_free(&s);
			s             = t;
			s.input.lists = s.lists;
		}
		for (int v = step % 7; v < VALUES; v += 7) {
			snprintf(name, sizeof(name), "m-%d", v);
			SAMPLE_TEXT(s.transaction.merchant, name);
			s.input.transaction = &s.transaction;
			s.input.values      = &s.values;
			s.input.now_ns      = now_ns;
			rules_sample_run(&s);
			assert_int_equal(rules_sample_hit(&s, "b") != NULL,
					 plain_has(&plain[v], now_ns));
		}
	}
	rules_sample_free(&s);
}

/* A list of the most entries: loading and taking over are one look at each; an edit that
 * finds it full does not look at all of them. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void fill(struct rules_sample *s, uint32_t count)
{
	char name[16];

	for (uint32_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "m-%u", i);
		assert_int_equal(rules_sample_edit(s, "block", name, OCT, false), REASON_NONE);
	}
}

static void large_lists(void **state)
{
	static char         text[RULES_TEXT_BYTES_MAX];
	struct rules_sample s, t;
	double              began, took;
	size_t              n;

	rules_sample_load(&s, "list block of merchant room 65536;\n"
			      "rule b { when merchant in block; then decline; reason \"b\"; }\n");
	fill(&s, 65536);
	began = seconds();
	for (int i = 0; i < 2560; i++)
		assert_int_equal(rules_sample_edit(&s, "block", "none", OCT, false),
				 REASON_list_full);
	took = seconds() - began;
	print_message("# 2560 edits of a full list: %.3f ms\n", took * 1e3);
	assert_true(took < 0.1); /* 1.7 s when each looked at all */
	n = (size_t)snprintf(text, sizeof(text), "list block of merchant room 65536 {\n");
	for (int i = 0; i < 65536; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\"n-%d\";\n", i);
	snprintf(text + n, sizeof(text) - n,
		 "}\nrule b { when merchant in block; then decline; reason \"b\"; }\n");
	rules_sample_load(&t, text);
	assert_true(blocked(&t, "n-65535", JULY));
	for (int i = 0; i < 65536; i++) {
		snprintf(text, sizeof(text), "n-%d", i);
		rules_sample_edit(&t, "block", text, NULL, i % 2 == 0);
	}
	rules_sample_free(&s);
	s = t;
	rules_sample_load(&t, "list block of merchant room 65536;\n"
			      "rule b { when merchant in block; then decline; reason \"b\"; }\n");
	began = seconds();
	assert_int_equal(rules_lists_adopt(t.lists, s.lists, 0), 0);
	took = seconds() - began;
	print_message("# taking over 32768 edits and passing over as many: %.3f ms\n", took * 1e3);
	assert_true(blocked(&t, "n-65535", JULY));
	assert_false(blocked(&t, "n-65534", JULY));
	rules_sample_free(&s);
	rules_sample_free(&t);
}

/* One time makes one look at all entries at most, whatever is edited. */
static void no_look_twice(void **state)
{
	struct rules_sample s;
	double              began, took;

	rules_sample_load(&s, "list block of merchant room 65536;\n"
			      "rule b { when merchant in block; then decline; reason \"b\"; }\n");
	s.input.now_ns = rules_sample_time(JULY);
	fill(&s, 65536);
	began = seconds();
	for (int i = 0; i < 1000; i++) {
		/* it has expired when it is made; its place is free again, and taken */
		assert_int_equal(rules_sample_edit(&s, "block", "m-7", JULY, false), REASON_NONE);
		assert_int_equal(rules_sample_edit(&s, "block", "m-7", NULL, true), REASON_NONE);
		assert_int_equal(rules_sample_edit(&s, "block", "m-7", SEPT, false), REASON_NONE);
		assert_int_equal(rules_sample_edit(&s, "block", "none", OCT, false),
				 REASON_list_full);
	}
	took = seconds() - began;
	print_message("# 4000 edits: %.3f ms\n", took * 1e3);
	assert_true(took < 0.4); /* 0.7 ms a look */
	rules_sample_free(&s);
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
		cmocka_unit_test(reload_without_room),
		cmocka_unit_test(reloads_against_an_array),
		cmocka_unit_test(large_lists),
		cmocka_unit_test(no_look_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
