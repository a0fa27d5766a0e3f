/* A request's key, and its transaction as it counts for "the same body". */
#include "runtime/state/repeats.h"

#include <assert.h>

#define DOMAIN_REQUEST UINT64_C(0x200)
#define DOMAIN_BODY    UINT64_C(0x201)
#define BODY_BYTES_MAX (sizeof(struct transaction) + 1024) /* a feature's slot beside it */

struct hash128 repeats_key(struct bytes identity, struct bytes id)
{
	return hash_pair(DOMAIN_REQUEST, identity, id);
}

struct body {
	size_t  size_bytes;
	uint8_t data[BODY_BYTES_MAX];
};

static void put(struct body *body, const void *data, size_t size_bytes)
{
	assert(size_bytes <= BODY_BYTES_MAX - body->size_bytes);
	memcpy(body->data + body->size_bytes, data, size_bytes);
	body->size_bytes += size_bytes;
}

#define PUT(body, member) put((body), &(member), sizeof(member))
#define PUT_TEXT(body, text)                                 \
	do {                                                 \
		PUT((body), (text).size_bytes);              \
		put((body), (text).data, (text).size_bytes); \
	} while (0)

static void put_party(struct body *body, const struct party *party)
{
	PUT(body, party->role);
	PUT(body, party->country);
	PUT_TEXT(body, party->name);
	PUT(body, party->identifiers_count);
	for (uint32_t i = 0; i < party->identifiers_count; i++) {
		PUT_TEXT(body, party->identifiers[i].scheme);
		PUT_TEXT(body, party->identifiers[i].value);
	}
}

/* Features by slot, those that were supplied. */
static void put_features(struct body *body, const struct transaction *t)
{
	for (uint16_t i = 0; i < t->features_count; i++) {
		if (t->features[i] != t->features[i])
			continue;
		PUT(body, i);
		PUT(body, t->features[i]);
	}
}

struct hash128 repeats_body(const struct transaction *t)
{
	struct body body;

	body.size_bytes = 0;
	assert(t->parties_count <= TRANSACTION_PARTIES_MAX);
	PUT_TEXT(&body, t->id);
	PUT(&body, t->time_ns);
	PUT(&body, t->amount_minor);
	PUT(&body, t->currency);
	PUT(&body, t->channel);
	PUT_TEXT(&body, t->card);
	PUT_TEXT(&body, t->account);
	PUT_TEXT(&body, t->merchant);
	PUT_TEXT(&body, t->terminal);
	PUT_TEXT(&body, t->device);
	PUT_TEXT(&body, t->payee);
	PUT(&body, t->merchant_category);
	PUT(&body, t->merchant_country);
	PUT(&body, t->parties_count);
	for (uint32_t i = 0; i < t->parties_count; i++)
		put_party(&body, &t->parties[i]);
	put_features(&body, t);
	return hash_bytes(DOMAIN_BODY, bytes_of(body.data, body.size_bytes));
}
