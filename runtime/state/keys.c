/* Which entities a transaction belongs to. */
#include "runtime/state/state.h"

#include <assert.h>
#include <string.h>

/* Entity kinds are 0 to 15.  A card is not the account whose id has the same text. */
#define DOMAIN_ACCOUNT UINT64_C(0x100)
#define DOMAIN_CARD    UINT64_C(0x101)

/* Of one field, of a pair, or of a pair and a third. */
static struct hash128 key_of(uint64_t domain, const uint8_t fields[PLAN_KEY_FIELDS_MAX],
			     const struct transaction *transaction)
{
	struct bytes   text[PLAN_KEY_FIELDS_MAX];
	struct hash128 pair;
	int            count = 0;

	for (; count < PLAN_KEY_FIELDS_MAX && (count == 0 || fields[count] != FIELD_NONE);
	     count++) {
		text[count] = field_text(transaction, fields[count]);
		if (text[count].size_bytes == 0)
			return (struct hash128){ 0 };
	}
	if (count == 1)
		return hash_bytes(domain, text[0]);
	pair = hash_pair(domain, text[0], text[1]);
	return count == 2 ? pair : hash_pair(domain, bytes_of(&pair, sizeof(pair)), text[2]);
}

static struct hash128 decider_of(const struct transaction *transaction)
{
	struct bytes account = field_text(transaction, FIELD_ACCOUNT);

	if (account.size_bytes > 0)
		return hash_bytes(DOMAIN_ACCOUNT, account);
	return hash_bytes(DOMAIN_CARD, field_text(transaction, FIELD_CARD));
}

static_assert(PLAN_KEY_FIELDS_MAX == 3, "keys are of one field, a pair or three");

void state_keys(const struct feature_plan *plan, const struct transaction *transaction,
		struct state_keys *out)
{
	out->decider = decider_of(transaction);
	for (uint32_t i = 0; i < PLAN_ENTITIES_MAX; i++) {
		const struct entity_spec *spec = &plan->entities[i];
		struct hash128            none = { 0 };

		out->file[i] = none;
		out->read[i] = none;
		if (i >= plan->entities_count)
			continue;
		out->read[i] = spec->decisions ? out->decider : key_of(i, spec->read, transaction);
		if (spec->channels != 0 && (spec->channels >> transaction->channel & 1) == 0)
			continue;
		if (spec->decisions || memcmp(spec->key, spec->read, sizeof(spec->key)) == 0)
			out->file[i] = out->read[i];
		else
			out->file[i] = key_of(i, spec->key, transaction);
	}
}

uint32_t state_shard_of(const struct feature_plan *plan, struct hash128 key)
{
	return (uint32_t)key.high & (plan->shards - 1);
}
