/* Random transactions and a decoder for the tests of runtime/decode and
 * runtime/reply, and its fuzzer. */
#ifndef ASSAY_TESTS_LIB_SAMPLE_H
#define ASSAY_TESTS_LIB_SAMPLE_H

#include "runtime/base/transaction.h"
#include "runtime/decode/decode.h"

/* `count` names; every fourth needs escapes in JSON and in pointers. */
void sample_schema(struct feature_schema *schema, uint16_t count);

/* One that runtime/decode could have made: texts of any length and any character
 * it takes, any float. */
void sample_transaction(uint64_t *seed, const struct feature_schema *schema,
			struct transaction *out);

/* A decoder in memory of exactly decode_size; free() its memory with sample_free. */
struct decoder *sample_decoder(size_t body_bytes_max, uint32_t batch_max);
void            sample_free(struct decoder *decoder);

#endif
