/* A transaction in the spelling runtime/decode reads: decoding it with the same schema gives
 * the same struct, byte for byte. */
#ifndef ASSAY_TESTS_LIB_TRANSACTION_JSON_H
#define ASSAY_TESTS_LIB_TRANSACTION_JSON_H

#include <stddef.h>

#include "runtime/base/transaction.h"

#define TRANSACTION_JSON_BYTES_MAX 131072 /* TRANSACTION_FEATURES_MAX of the longest names */

size_t transaction_json(void *out, size_t capacity, const struct transaction *transaction,
			const struct feature_schema *schema);

#endif
