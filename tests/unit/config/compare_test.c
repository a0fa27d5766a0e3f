/* What a reload may change, and what the digest covers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/config.h"

#include <cmocka.h>

static struct config a, b;
static const char   *keys[CONFIG_KEYS_MAX];

static void reset(void)
{
	config_defaults(&a);
	config_defaults(&b);
}

static bool same_digest(void)
{
	uint8_t left[DIGEST_BYTES], right[DIGEST_BYTES];

	config_digest(&a, left);
	config_digest(&b, right);
	return memcmp(left, right, DIGEST_BYTES) == 0;
}

static void boot_keys_are_named(void **state)
{
	(void)state;
	reset();
	assert_int_equal(config_live_difference(&a, &b, keys), 0);
	b.tcp.port            = 9;
	b.features.count      = 1;
	b.net.addresses_count = 1;
	strcpy(b.net.addresses[0], "10.0.0.1/8");
	b.nic.promiscuous = true;
	assert_int_equal(config_live_difference(&a, &b, keys), 4);
	assert_string_equal(keys[0], "nic.promiscuous");
	assert_string_equal(keys[1], "net.addresses"); /* count and element differ: said once */
	assert_string_equal(keys[2], "tcp.port");
	assert_string_equal(keys[3], "features");
}

static void an_element_alone_names_its_list(void **state)
{
	(void)state;
	reset();
	a.features.count = b.features.count = 2;
	strcpy(b.features.names[1], "x");
	assert_int_equal(config_live_difference(&a, &b, keys), 1);
	assert_string_equal(keys[0], "features");
}

static void live_keys_are_not_named(void **state)
{
	(void)state;
	reset();
	b.callers_count = 1;
	strcpy(b.callers[0].identity, "x");
	b.decision.review_threshold = 0.1f;
	strcpy(b.model.file, "m");
	strcpy(b.tls.revocation_list, "r");
	b.log.level = CONFIG_LOG_DEBUG;
	assert_int_equal(config_live_difference(&a, &b, keys), 0);
}

static void boot_keys_can_be_kept(void **state)
{
	(void)state;
	reset();
	a.features.count = 2;
	strcpy(a.features.names[0], "kept");
	strcpy(a.features.names[1], "kept too");
	a.net.addresses_count = 1;
	strcpy(a.net.addresses[0], "10.0.0.1/8");
	b.features.count = 3;
	strcpy(b.features.names[0], "new");
	strcpy(b.features.names[2], "newer");
	strcpy(b.name, "other");
	b.tls.minimum_version       = CONFIG_TLS_1_2;
	b.decision.review_threshold = 0.25f;
	b.callers_count             = 1;
	strcpy(b.callers[0].identity, "x");
	config_keep_boot(&a, &b);
	assert_int_equal(config_live_difference(&a, &b, keys), 0);
	assert_memory_equal(&a.features, &b.features, sizeof(a.features));
	assert_string_equal(b.net.addresses[0], "10.0.0.1/8");
	assert_string_equal(b.name, "assay");
	assert_int_equal(b.tls.minimum_version, CONFIG_TLS_1_3);
	/* What is live stays new. */
	assert_true(b.decision.review_threshold == 0.25f);
	assert_string_equal(b.callers[0].identity, "x");
}

static void the_digest_covers_what_decides(void **state)
{
	(void)state;
	reset();
	assert_true(same_digest());
	b.decision.review_threshold = 0.50000006f;
	assert_false(same_digest());
	reset();
	b.decision.on_model_invalid = CONFIG_ON_FAILURE_DECLINE;
	assert_false(same_digest());
	reset();
	b.model.output = 0;
	assert_false(same_digest());
	reset();
	b.features.count = 1;
	assert_false(same_digest());
	reset();
	a.features.count = b.features.count = 2;
	strcpy(a.features.names[0], "x");
	strcpy(b.features.names[1], "x");
	assert_false(same_digest());
	reset();
	b.tcp.port = 1;
	strcpy(b.model.file, "elsewhere");
	assert_true(same_digest());
}

/* What is inside an element is named by its list, once. */
static void an_entity_alone_names_its_list(void **state)
{
	(void)state;
	reset();
	a.plan.entities_count = b.plan.entities_count = 1;
	b.plan.entities[0].key[1]                     = FIELD_PAYEE;
	b.plan.entities[0].history_max                = 4;
	b.plan.features[3].empty                      = 1;
	b.cores.decide[7]                             = 4;
	assert_int_equal(config_live_difference(&a, &b, keys), 3);
	assert_string_equal(keys[0], "cores.decide");
	assert_string_equal(keys[1], "entities");
	assert_string_equal(keys[2], "computed");
}

/* One change of each kind of value the engine's keys have. */
static void the_digest_covers_the_engine(void **state)
{
	(void)state;
	for (int change = 0; change < 14; change++) {
		struct entity_spec  *entity = &b.plan.entities[1];
		struct feature_spec *spec   = &b.plan.features[1];

		reset();
		a.plan.entities_count = b.plan.entities_count = 2;
		a.plan.features_count = b.plan.features_count = 2;
		assert_true(same_digest());
		switch (change) {
		case 0: b.plan.entities_count = 1; break;
		case 1: entity->key[1] = FIELD_PAYEE; break;
		case 2: entity->read[0] = FIELD_PAYEE; break;
		case 3: entity->channels = 4; break;
		case 4: entity->history_max = 9; break;
		case 5: entity->decisions = true; break;
		case 6: spec->kind = FEATURE_SUM; break;
		case 7: spec->of = FIELD_CARD; break;
		case 8: spec->window_ns = 1; break;
		case 9: spec->empty = 5e-324; break;
		case 10: spec->hour_to = 7; break;
		case 11: strcpy(b.computed_entity[1], "x"); break;
		case 12: b.deadline.order[0] = CONFIG_STAGE_RULES; break;
		case 13: b.state.memory_mib++; break;
		}
		assert_false(same_digest());
	}
}

static void what_does_not_decide_is_not_in_the_digest(void **state)
{
	(void)state;
	reset();
	b.cores.decide_count = 3;
	b.columns_count      = 1;
	b.shadow.enabled     = true;
	b.idempotency.memory_mib++;
	strcpy(b.rules.file, "elsewhere");
	assert_true(same_digest());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_keys_are_named),
		cmocka_unit_test(an_element_alone_names_its_list),
		cmocka_unit_test(live_keys_are_not_named),
		cmocka_unit_test(boot_keys_can_be_kept),
		cmocka_unit_test(the_digest_covers_what_decides),
		cmocka_unit_test(an_entity_alone_names_its_list),
		cmocka_unit_test(the_digest_covers_the_engine),
		cmocka_unit_test(what_does_not_decide_is_not_in_the_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
