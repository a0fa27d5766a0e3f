/* Bytes to transactions, labels and edits of lists: the bodies of POST /v1/decisions,
 * /v1/labels and /v1/lists, JSON (RFC 8259).
 *
 *   { "id": "p-1", "time": "2026-07-01T12:00:00Z",                  required
 *     "amount": { "value": "12.34", "currency": "EUR" },            required
 *     "card": "tok_91", "account": "acc-7",                         at least one
 *     "payee": "acc-9",
 *     "channel": "card_not_present",                                required
 *     "merchant": { "id": "m-9", "category": "5411", "country": "DE" },
 *     "terminal": "t-3", "device": "d-5",
 *     "parties": [ { "role": "originator", "name": "Ada Example", "country": "FR",
 *                    "identifiers": [ { "scheme": "IBAN", "value": "FR14..." } ] } ],
 *     "features": { "amount_mean_7d": 40.5 },
 *     "deadline_us": 5000 }
 *
 *   { "id": "p-1", "label": "fraud",                                required
 *     "caller": "spiffe://bank/cards" }
 *
 *   { "list": "blocked_merchants", "value": "m-9",                  required
 *     "expires": "2026-12-01T00:00:00Z" } or "remove": true }
 *
 * or a batch of one kind: { "transactions": [ {...}, {...} ] }, "labels", "edits".
 *
 * Owner:   the net core; one decoder a core.  No locks, no allocation: yyjson
 *          works inside the memory of the decoder, and in the body's own bytes.
 * Bounds:  decode_size covers the worst body of limits.body_bytes_max: yyjson
 *          needs at most about 12 bytes a byte for it.  Nesting is at most
 *          DECODE_DEPTH_MAX, checked before yyjson sees the body; that bound
 *          depends on it.  Time is linear in the body.
 * Failure: the first one, in the order of the body, with its JSON pointer
 *          (RFC 6901) in failure.place.  A batch is accepted whole or not at
 *          all.  What a required field lacks is reported after what is wrong.
 *          No text of the body is repeated in failure.detail; a field's name is
 *          repeated in the pointer only when it can't be a card number.
 *
 * What is refused beyond the grammar of RFC 8259:
 *   - a byte order mark (section 8.1), anything that is not UTF-8: json_encoding
 *   - \uD800 without its other half, numbers beyond a double: json_malformed
 *   - a field twice, at any level, features too: field_repeated
 *   - a field this page does not show: field_unknown; null is of the wrong type
 *   - control characters (U+0000 to U+001F, U+007F) in a text: field_format
 *   - an amount that is a JSON number: field_type
 *   - a card, payee or value that is a payment card number (13 to 19 digits, with or without
 *     blanks and hyphens, whose Luhn check holds): field_format
 *
 * Numbers: a feature is read as the nearest double and rounded to the nearest
 * float, ties to even, as NumPy and XGBoost do with the same text; beyond the
 * largest float it is refused; below the smallest it becomes 0.  -0 becomes 0. */
#ifndef ASSAY_RUNTIME_DECODE_DECODE_H
#define ASSAY_RUNTIME_DECODE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/bytes.h"
#include "runtime/base/label.h"
#include "runtime/base/reason.h"
#include "runtime/base/transaction.h"

/* Writable bytes the caller has behind the body; what they hold does not matter. */
#define DECODE_PADDING_BYTES 4

/* { [ { [ { [ { is the deepest a batch can be: identifiers of a party. */
#define DECODE_DEPTH_MAX 7

/* Longest texts, in bytes of UTF-8. */
#define DECODE_TOKEN_BYTES_MAX  64  /* id, card, account, payee, merchant, terminal, device */
#define DECODE_NAME_BYTES_MAX   140 /* ISO 20022 Max140Text, counted in bytes */
#define DECODE_SCHEME_BYTES_MAX 14
#define DECODE_VALUE_BYTES_MAX  46
#define DECODE_CALLER_BYTES_MAX 256 /* as the config allows an identity */
#define DECODE_LIST_BYTES_MAX   46
#define DECODE_ENTRY_BYTES_MAX  140 /* of a list: the longest field is a name */

#define DECODE_DEADLINE_US_MAX 60000000

#define DECODE_BATCH_MAX 256 /* decode.batch_max is at most this */

struct decode_limits {
	size_t   body_bytes_max; /* http.body_bytes_max; at most 64 MiB */
	uint32_t batch_max;      /* decode.batch_max; at least 1 */
};

struct decoder;

/* Bytes of memory decode_init needs; a multiple of 64. */
size_t decode_size(const struct decode_limits *limits);

/* `memory` is decode_size bytes, aligned to 64.  The decoder lives there and has
 * an empty schema until decode_schema. */
struct decoder *decode_init(void *memory, const struct decode_limits *limits);

/* Use another feature schema from the next body on.  It is not copied and must
 * outlive its use.  Names are unique, 1 to 63 bytes.  Linear in schema->count. */
void decode_schema(struct decoder *decoder, const struct feature_schema *schema);

/* Whether a list is one of tokens: its entries must be no card numbers then, as the fields it
 * is compared with must not.  Without it all are. */
struct decode_lists {
	bool (*of_tokens)(const void *ctx, struct bytes list);
	const void *ctx;
};
void decode_lists(struct decoder *decoder, const struct decode_lists *lists);

/* Decode one body.  It is overwritten; body[n .. n + DECODE_PADDING_BYTES) too.
 * out[out_max] gets the transactions in array order and *count says how many;
 * *batch is true for the { "transactions": [] } form, also of one element.
 * More than min(out_max, batch_max) of them: batch_too_large.
 * Returns REASON_NONE, or failure->reason; `out` is then undefined.  What
 * *failure holds after REASON_NONE is undefined. */
enum reason decode_json(struct decoder *decoder, uint8_t *body, size_t n, struct transaction *out,
			size_t out_max, size_t *count, bool *batch, struct failure *failure);

/* The same for labels and for edits of lists, in the order they are to be applied.  An
 * edit without `expires` has INT64_MAX, and so has one that removes, which takes none. */
enum reason decode_labels(struct decoder *decoder, uint8_t *body, size_t n, struct label *out,
			  size_t out_max, size_t *count, bool *batch, struct failure *failure);
enum reason decode_list_edits(struct decoder *decoder, uint8_t *body, size_t n,
			      struct list_edit *out, size_t out_max, size_t *count, bool *batch,
			      struct failure *failure);

#endif
