/* The cases of tests/golden/decide (its README.md says how they are written):
 * decode, decide, reply, as the firmware puts them together. */
#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <yyjson.h>
#include <cmocka.h>

#include "runtime/decide/decide.h"
#include "runtime/decode/decode.h"
#include "runtime/reply/reply.h"
#include "tests/lib/sample.h"

#define FOLDER    "tests/golden/decide"
#define BATCH_MAX 8
#define BODY_MAX  65536

static const struct feature_schema schema = {
	.count = 2, .names = { "amount_mean_7d", "cards_per_terminal_1d" }
};

static uint8_t on_failure(yyjson_val *policy, const char *key)
{
	yyjson_val *value = yyjson_obj_get(policy, key);

	return value == NULL                         ? DECIDE_ON_FAILURE_REVIEW
	       : yyjson_equals_str(value, "decline") ? DECIDE_ON_FAILURE_DECLINE
	       : yyjson_equals_str(value, "refuse")  ? DECIDE_ON_FAILURE_REFUSE
						     : DECIDE_ON_FAILURE_APPROVE;
}

struct outcome {
	size_t         size; /* of the reply; 0: failure says why there is none */
	char           reply[REPLY_BATCH_BYTES_MAX(BATCH_MAX)];
	struct failure failure;
};

static uint16_t missing(const struct transaction *t)
{
	uint16_t n = 0;

	for (size_t i = 0; i < t->features_count; i++)
		n += isnan(t->features[i]);
	return n;
}

static enum reason decide(yyjson_val *golden, const struct transaction *t, struct decision *out)
{
	yyjson_val          *given  = yyjson_obj_get(golden, "policy");
	yyjson_val          *model  = yyjson_obj_get(golden, "model");
	struct decide_policy policy = { .review_threshold  = 0.5f,
					.decline_threshold = 0.9f,
					.on_model_missing  = on_failure(given, "on_model_missing"),
					.on_model_invalid = on_failure(given, "on_model_invalid") };
	struct decide_input  input  = {
		  .model_ran        = yyjson_is_obj(model),
		  .stages_run       = yyjson_is_obj(model) ? 1u << STAGE_model : 0,
		  .score            = (float)yyjson_get_num(yyjson_obj_get(model, "score")),
		  .margin           = (float)yyjson_get_num(yyjson_obj_get(model, "margin")),
		  .features_missing = missing(t),
	};

	decide_verdict(&policy, &input, out);
	return decide_refusal(out);
}

static enum reason answer(yyjson_val *golden, uint8_t *body, size_t n, struct outcome *out)
{
	static struct transaction transactions[BATCH_MAX];
	struct decision           decisions[BATCH_MAX];
	struct reply_item         items[BATCH_MAX];
	struct artefact_digests   digests = { 0 };
	struct decoder           *decoder = sample_decoder(BODY_MAX, BATCH_MAX);
	size_t                    count   = 0;
	bool                      batch;

	decode_schema(decoder, &schema);
	static char  answers[BATCH_MAX][REPLY_DECISION_BYTES_MAX];
	struct bytes each[BATCH_MAX];
	enum reason  reason = decode_json(decoder, body, n, transactions, BATCH_MAX, &count, &batch,
					  &out->failure);

	sample_free(decoder);
	memset(digests.config, 0x22, DIGEST_BYTES);
	if (yyjson_is_obj(yyjson_obj_get(golden, "model")))
		memset(digests.model, 0x11, DIGEST_BYTES);
	for (size_t i = 0; reason == REASON_NONE && i < count; i++) {
		reason   = decide(golden, &transactions[i], &decisions[i]);
		items[i] = (struct reply_item){ &transactions[i], &decisions[i], &digests, NULL };
		out->failure.place[0] = '\0';
	}
	for (size_t i = 0; reason == REASON_NONE && i < count; i++)
		each[i] = bytes_of(answers[i],
				   reply_decision(answers[i], sizeof(answers[i]), &items[i]));
	if (reason == REASON_NONE && batch)
		out->size = reply_batch_of(out->reply, sizeof(out->reply), each, count);
	else if (reason == REASON_NONE)
		out->size = reply_decision(out->reply, sizeof(out->reply), items);
	return reason;
}

/* Returns whether the case came out as it is written. */
static bool try_case(yyjson_val *golden, const char *name)
{
	static struct outcome out;
	size_t                n, expected_size = 0;
	char                 *request = yyjson_val_write(yyjson_obj_get(golden, "request"), 0, &n);
	char *expected      = yyjson_val_write(yyjson_obj_get(golden, "answer"), 0, &expected_size);
	yyjson_val *problem = yyjson_obj_get(golden, "problem");
	uint8_t    *body    = malloc(n + DECODE_PADDING_BYTES);

	assert_true((expected != NULL) != (problem != NULL));
	memcpy(body, request, n);
	out.size                        = 0;
	enum reason              reason = answer(golden, body, n, &out);
	const struct reason_row *row    = reason_row_of(reason);
	bool                     right  = expected != NULL
						  ? out.size == expected_size &&
                                       memcmp(out.reply, expected, expected_size) == 0
						  : yyjson_equals_str(yyjson_obj_get(problem, "type"), row->name) &&
                                       yyjson_get_int(yyjson_obj_get(problem, "status")) ==
                                               row->http &&
                                       yyjson_equals_str(yyjson_obj_get(problem, "place"),
									      out.failure.place);

	if (!right)
		print_message("# %s: %s %s %.*s\n#   expected %s\n", name, row->name,
			      reason == REASON_NONE ? "" : out.failure.place, (int)out.size,
			      out.reply, expected != NULL ? expected : "the problem in the file");
	free(body);
	free(request);
	free(expected);
	return right;
}

static void golden_cases(void **state)
{
	DIR           *folder = opendir(FOLDER);
	struct dirent *entry;
	char           path[512];
	size_t         seen = 0, wrong = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		if (strstr(entry->d_name, ".json") == NULL)
			continue;
		snprintf(path, sizeof(path), FOLDER "/%s", entry->d_name);
		yyjson_doc *doc = yyjson_read_file(path, 0, NULL, NULL);

		assert_non_null(doc);
		wrong += !try_case(yyjson_doc_get_root(doc), entry->d_name);
		seen++;
		yyjson_doc_free(doc);
	}
	closedir(folder);
	print_message("# %zu cases\n", seen);
	assert_true(seen >= 25);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(golden_cases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
