#include "tests/lib/default_plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE (60 * INT64_C(1000000000))
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define PRESENT   (1u << CHANNEL_CARD_PRESENT | 1u << CHANNEL_ATM)
#define TRANSFERS (1u << CHANNEL_INSTANT | 1u << CHANNEL_WIRE | 1u << CHANNEL_ACH)

enum {
	CARD,
	CARD_CURRENCY,
	CARD_PRESENT,
	ACCOUNT,
	ACCOUNT_CURRENCY,
	ACCOUNT_OUT,
	ACCOUNT_OUT_CURRENCY,
	ACCOUNT_IN_CURRENCY,
	ACCOUNT_PAYEE,
	PAYEE_IN,
	PAYEE_IN_CURRENCY,
	DEVICE,
	TERMINAL
};

/* clang-format off */
static const struct {
	const char *name;
	uint8_t     key[PLAN_KEY_FIELDS_MAX], read[PLAN_KEY_FIELDS_MAX];
	uint32_t    channels;
} entities[] = {
	[CARD]                   = { "card",                   { FIELD_CARD },                    { FIELD_CARD },                    0 },
	[CARD_CURRENCY]          = { "card_currency",          { FIELD_CARD, FIELD_CURRENCY },    { FIELD_CARD, FIELD_CURRENCY },    0 },
	[CARD_PRESENT]           = { "card_present",           { FIELD_CARD },                    { FIELD_CARD },                    PRESENT },
	[ACCOUNT]                = { "account",                { FIELD_ACCOUNT },                 { FIELD_ACCOUNT },                 0 },
	[ACCOUNT_CURRENCY]       = { "account_currency",       { FIELD_ACCOUNT, FIELD_CURRENCY }, { FIELD_ACCOUNT, FIELD_CURRENCY }, 0 },
	[ACCOUNT_OUT]            = { "account_out",            { FIELD_ACCOUNT },                 { FIELD_ACCOUNT },                 TRANSFERS },
	[ACCOUNT_OUT_CURRENCY]   = { "account_out_currency",   { FIELD_ACCOUNT, FIELD_CURRENCY }, { FIELD_ACCOUNT, FIELD_CURRENCY }, TRANSFERS },
	[ACCOUNT_IN_CURRENCY]    = { "account_in_currency",    { FIELD_PAYEE, FIELD_CURRENCY },   { FIELD_ACCOUNT, FIELD_CURRENCY }, TRANSFERS },
	[ACCOUNT_PAYEE]          = { "account_payee",          { FIELD_ACCOUNT, FIELD_PAYEE },    { FIELD_ACCOUNT, FIELD_PAYEE },    TRANSFERS },
	[PAYEE_IN]               = { "payee_in",               { FIELD_PAYEE },                   { FIELD_PAYEE },                   TRANSFERS },
	[PAYEE_IN_CURRENCY]      = { "payee_in_currency",      { FIELD_PAYEE, FIELD_CURRENCY },   { FIELD_PAYEE, FIELD_CURRENCY },   TRANSFERS },
	[DEVICE]                 = { "device",                 { FIELD_DEVICE },                  { FIELD_DEVICE },                  0 },
	[TERMINAL]               = { "terminal",               { FIELD_TERMINAL },                { FIELD_TERMINAL },                0 },
};

static const struct {
	const char *name;
	uint8_t     kind, entity, of;
	int64_t     window_ns, delay_ns;
} features[] = {
	{ "card_count_10m",                   FEATURE_COUNT,       CARD,                 0,                      10 * MINUTE, 0 },
	{ "card_count_1h",                    FEATURE_COUNT,       CARD,                 0,                      HOUR,        0 },
	{ "card_currency_count_1h",           FEATURE_COUNT,       CARD_CURRENCY,        0,                      HOUR,        0 },
	{ "card_sum_1h",                      FEATURE_SUM,         CARD_CURRENCY,        0,                      HOUR,        0 },
	{ "card_sum_24h",                     FEATURE_SUM,         CARD_CURRENCY,        0,                      DAY,         0 },
	{ "card_distinct_merchant_1h",        FEATURE_DISTINCT,    CARD,                 FIELD_MERCHANT,         HOUR,        0 },
	{ "card_mean_30d",                    FEATURE_MEAN,        CARD_CURRENCY,        0,                      30 * DAY,    0 },
	{ "card_ratio_30d",                   FEATURE_RATIO,       CARD_CURRENCY,        0,                      30 * DAY,    0 },
	{ "card_zscore_30d",                  FEATURE_ZSCORE,      CARD_CURRENCY,        0,                      30 * DAY,    0 },
	{ "card_present_distinct_country_2h", FEATURE_DISTINCT,    CARD_PRESENT,         FIELD_MERCHANT_COUNTRY, 2 * HOUR,    0 },
	{ "account_since_first",              FEATURE_SINCE_FIRST, ACCOUNT,              0,                      0,           0 },
	{ "account_since_last",               FEATURE_SINCE_LAST,  ACCOUNT,              0,                      0,           0 },
	{ "account_zscore_30d",               FEATURE_ZSCORE,      ACCOUNT_CURRENCY,     0,                      30 * DAY,    0 },
	{ "account_out_count_24h",            FEATURE_COUNT,       ACCOUNT_OUT_CURRENCY, 0,                      DAY,         0 },
	{ "account_out_sum_24h",              FEATURE_SUM,         ACCOUNT_OUT_CURRENCY, 0,                      DAY,         0 },
	{ "account_out_max_24h",              FEATURE_MAX,         ACCOUNT_OUT_CURRENCY, 0,                      DAY,         0 },
	{ "account_out_distinct_payee_24h",   FEATURE_DISTINCT,    ACCOUNT_OUT,          FIELD_PAYEE,            DAY,         0 },
	{ "account_in_count_24h",             FEATURE_COUNT,       ACCOUNT_IN_CURRENCY,  0,                      DAY,         0 },
	{ "account_in_sum_24h",               FEATURE_SUM,         ACCOUNT_IN_CURRENCY,  0,                      DAY,         0 },
	{ "account_payee_since_first",        FEATURE_SINCE_FIRST, ACCOUNT_PAYEE,        0,                      0,           0 },
	{ "payee_in_sum_24h",                 FEATURE_SUM,         PAYEE_IN_CURRENCY,    0,                      DAY,         0 },
	{ "payee_in_distinct_account_24h",    FEATURE_DISTINCT,    PAYEE_IN,             FIELD_ACCOUNT,          DAY,         0 },
	{ "device_distinct_account_24h",      FEATURE_DISTINCT,    DEVICE,               FIELD_ACCOUNT,          DAY,         0 },
	{ "terminal_count_28d",               FEATURE_COUNT,       TERMINAL,             0,                      28 * DAY,    7 * DAY },
	{ "terminal_fraud_rate_28d",          FEATURE_FRAUD_RATE,  TERMINAL,             0,                      28 * DAY,    7 * DAY },
};
/* clang-format on */

#define ENTITIES_COUNT (sizeof(entities) / sizeof(entities[0]))
#define FEATURES_COUNT (sizeof(features) / sizeof(features[0]))

void default_plan(struct feature_plan *out)
{
	*out = (struct feature_plan){
		.entities_count = ENTITIES_COUNT,
		.features_count = FEATURES_COUNT,
		.shards         = 4,
		.memory_bytes   = 64 << 20,
		.lateness_ns    = HOUR,
	};
	for (size_t i = 0; i < ENTITIES_COUNT; i++) {
		struct entity_spec *entity = &out->entities[i];

		snprintf(entity->name, sizeof(entity->name), "%s", entities[i].name);
		memcpy(entity->key, entities[i].key, sizeof(entity->key));
		memcpy(entity->read, entities[i].read, sizeof(entity->read));
		entity->channels    = entities[i].channels;
		entity->history_max = 256;
	}
	for (size_t i = 0; i < FEATURES_COUNT; i++) {
		struct feature_spec *feature = &out->features[i];

		snprintf(feature->name, sizeof(feature->name), "%s", features[i].name);
		feature->kind      = features[i].kind;
		feature->entity    = features[i].entity;
		feature->of        = features[i].of;
		feature->window_ns = features[i].window_ns;
		feature->delay_ns  = features[i].delay_ns;
		feature->empty     = NAN;
	}
}

uint32_t default_plan_at(const struct feature_plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->features_count; i++)
		if (strcmp(plan->features[i].name, name) == 0)
			return i;
	fprintf(stderr, "the default plan has no feature %s\n", name);
	abort();
}
