#include "firmware/asked.h"

#include <string.h>

/* "/transactions/12/id", or "/id" of a single one; no libc formatting on a polling core. */
void asked_place(struct walk_request *request, size_t i, const char *field)
{
	static const char before[] = "/transactions/";
	char             *place    = request->failure.place;
	char              digits[20];
	size_t            n = 0, at = 0;

	if (request->batch) {
		at = sizeof(before) - 1;
		memcpy(place, before, at);
		do
			digits[n++] = (char)('0' + i % 10);
		while ((i /= 10) > 0);
		while (n > 0)
			place[at++] = digits[--n];
	}
	memcpy(place + at, field, strlen(field) + 1);
}

struct hash128 asked_label_key(const struct label *label, struct bytes identity)
{
	struct bytes who = label->caller.size_bytes
				   ? bytes_of(label->caller.data, label->caller.size_bytes)
				   : identity;

	return repeats_key(who, bytes_of(label->id.data, label->id.size_bytes));
}

/* The same id twice in one batch: with the same transaction it is a repeat. */
static const struct asked *earlier(const struct asked *asked, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (hash_same(asked[j].key, asked[i].key))
			return &asked[j];
	return NULL;
}

enum reason asked_check(const struct repeats *repeats, struct bytes identity, const int64_t *now_ns,
			struct walk_request *request, struct asked *asked)
{
	uint64_t first;

	for (size_t i = 0; i < request->count; i++) {
		const struct transaction *t = &request->transactions[i];
		const struct asked       *before;

		asked[i] = (struct asked){
			.key  = repeats_key(identity, bytes_of(t->id.data, t->id.size_bytes)),
			.body = repeats_body(t),
		};
		before = earlier(asked, i);
		if (repeats_find(repeats, asked[i].key, asked[i].body,
				 now_ns ? *now_ns : t->time_ns, &first) != REPEATS_CONFLICT &&
		    (!before || hash_same(before->body, asked[i].body)))
			continue;
		request->failure = (struct failure){ .reason = REASON_repeat_conflict };
		asked_place(request, i, "/id");
		return REASON_repeat_conflict;
	}
	return REASON_NONE;
}
