/* What of each transaction the engine keeps for sequence models, as the config declares it.
 *
 *   row      the numbers of one transaction that are kept, `columns` of them: supplied and
 *            computed features, by their place among all (config_feature_names)
 *   window   what a model sees: the last `steps` rows of the same account (or card, where
 *            a transaction has no account), the oldest first, this transaction's the last.
 *            [steps][columns], row-major
 *   absent   a row of a window before the account's first that is remembered
 *
 * Owner:  config fills it, everyone reads it.  Fixed size, no pointers. */
#ifndef ASSAY_RUNTIME_BASE_HISTORY_PLAN_H
#define ASSAY_RUNTIME_BASE_HISTORY_PLAN_H

#include <stdint.h>

#include "runtime/base/transaction.h"

#define HISTORY_STEPS_MAX   128
#define HISTORY_COLUMNS_MAX TRANSACTION_FEATURES_MAX

/* What stands for an absent row. */
enum history_missing {
	HISTORY_ZERO,         /* zeros */
	HISTORY_REPEAT_FIRST, /* the oldest row that is there */
	HISTORY_NAN,          /* every number missing: 0x7fc00000 */
	HISTORY_MISSING_COUNT,
};

struct history_plan {
	uint32_t steps;                          /* 0: no rows are kept */
	uint32_t columns;                        /* at least 1 where steps is */
	uint16_t of[HISTORY_COLUMNS_MAX];        /* place of each column among all features */
	char     names[HISTORY_COLUMNS_MAX][64]; /* [columns], NUL-terminated */
	uint8_t  missing;                        /* enum history_missing */
	uint32_t shards;                         /* power of two; part of the truth, see state.h */
	uint64_t memory_bytes;                   /* of all shards together */
};

#endif
