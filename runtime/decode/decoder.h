/* What the files of runtime/decode share: the decoder, and the reader of one
 * body.  Not for other directories. */
#ifndef ASSAY_RUNTIME_DECODE_DECODER_H
#define ASSAY_RUNTIME_DECODE_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "runtime/base/transaction.h"
#include "runtime/decode/decode.h"
#include "runtime/decode/place.h"

/* Twice the most names, so that a probe is short: open addressing, no removal. */
#define SCHEMA_INDEX_SIZE (2 * TRANSACTION_FEATURES_MAX)

struct schema_index {
	const struct feature_schema *schema;
	uint16_t slots[SCHEMA_INDEX_SIZE]; /* 1 + the feature's slot; 0: empty */
};

struct decoder {
	struct decode_limits limits;
	struct decode_lists  lists;
	struct schema_index  index;
	size_t               pool_bytes;
	_Alignas(64) uint8_t pool[]; /* yyjson's values of one body */
};

struct reader {
	const struct schema_index *index;
	struct decode_lists        lists;
	struct place               place;
};

/* One row a field of an object; `read` puts the value into the struct `out`
 * points to, or fails with place_fail. */
struct field {
	const char *name;
	bool        required;
	bool (*read)(struct reader *reader, yyjson_val *value, void *out);
};

#define FIELDS_MAX 16 /* of one object */

/* Read an object whose fields are in the table: each at most once, no other.
 * The reader stands at the object before and after. */
bool read_object(struct reader *reader, yyjson_val *value, const struct field *fields,
		 size_t fields_count, void *out);

/* A body is one object, or { "<array>": [ ... ] } of such objects. */
struct body_shape {
	const char *array;
	size_t      element_bytes; /* of the struct `read` fills in */
	bool (*read)(struct reader *reader, yyjson_val *value, void *out);
};

/* What decode_json and its siblings do; out[] is of elements of that size. */
enum reason decode_body(struct decoder *decoder, uint8_t *body, size_t n,
			const struct body_shape *shape, void *out, size_t out_max, size_t *count,
			bool *batch, struct failure *failure);

bool read_transaction(struct reader *reader, yyjson_val *value, void *out);

/* field_type at the reader's place; `wanted` says what is allowed. */
bool fail_type(struct reader *reader, yyjson_val *value, const char *wanted);

/* Values that more than one kind of body has. */
bool read_text(struct reader *reader, yyjson_val *value, size_t bytes_max, char *data,
	       uint16_t *size_bytes);
bool read_token(struct reader *reader, yyjson_val *value, size_t bytes_max, char *data,
		uint16_t *size_bytes); /* not a card number */
bool check_token(struct reader *reader, const char *data, uint16_t size_bytes);
bool read_instant(struct reader *reader, yyjson_val *value, int64_t *out_ns);

/* The place of a text in names from `first` on; `count` when it is none of them. */
size_t find_name(yyjson_val *value, const char *(*name_of)(size_t), size_t first, size_t count);

/* The values of single fields; `out` is a struct transaction, of party fields a
 * struct party, of identifier fields a struct party_identifier. */
bool read_id(struct reader *reader, yyjson_val *value, void *out);
bool read_time(struct reader *reader, yyjson_val *value, void *out);
bool read_card(struct reader *reader, yyjson_val *value, void *out);
bool read_account(struct reader *reader, yyjson_val *value, void *out);
bool read_channel(struct reader *reader, yyjson_val *value, void *out);
bool read_terminal(struct reader *reader, yyjson_val *value, void *out);
bool read_device(struct reader *reader, yyjson_val *value, void *out);
bool read_payee(struct reader *reader, yyjson_val *value, void *out);
bool read_deadline(struct reader *reader, yyjson_val *value, void *out);
bool read_merchant_id(struct reader *reader, yyjson_val *value, void *out);
bool read_merchant_category(struct reader *reader, yyjson_val *value, void *out);
bool read_merchant_country(struct reader *reader, yyjson_val *value, void *out);
bool read_party_role(struct reader *reader, yyjson_val *value, void *out);
bool read_party_name(struct reader *reader, yyjson_val *value, void *out);
bool read_party_country(struct reader *reader, yyjson_val *value, void *out);
bool read_identifier_scheme(struct reader *reader, yyjson_val *value, void *out);
bool read_identifier_value(struct reader *reader, yyjson_val *value, void *out);

bool read_amount(struct reader *reader, yyjson_val *value, void *out);   /* amount.c */
bool read_features(struct reader *reader, yyjson_val *value, void *out); /* features.c */

#endif
